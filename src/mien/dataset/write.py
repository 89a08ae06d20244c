"""Writing a study: participants appear one by one and whole, the study appears at the end and whole.

Everything is written under a working folder, `.NAME.part` beside the final one by default. A participant is
written in a folder of its own and moved over when it is complete, so that a run that was killed can go on:
ask `has` and skip. A `StudyWriter` holds paths only; processes may write different participants at once.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import to_json, write_atomically
from mien.core.signal import Signal
from mien.dataset import layout, tables
from mien.dataset.manifest import write_manifest
from mien.recording.formats import VideoWriter, write_brainvision, write_physio

if TYPE_CHECKING:
    import pandas as pd

BIDS_VERSION = "1.10.0"
_IDENTITY = ".identity"


@dataclass(frozen=True)
class ParticipantWriter:
    """Writes one participant's files below `folder`, a study's root in the making.

    Whatever else belongs to the participant may be written to `folder / "derivatives" / NAME / "sub-001"`.
    """

    folder: Path
    participant_id: str

    def write_eeg(
        self,
        data_uv: NDArray[np.floating],
        *,
        rate_hz: float,
        channel_names: Sequence[str],
        events: Sequence[tuple[int, int]] = (),
        channel_types: Sequence[str] | None = None,
        resolution_uv: float = 0.1,
        reference: str = "n/a",
        power_line_hz: float = 50.0,
    ) -> None:
        """Write the EEG, (n_channels, n_samples) microvolts, with its triggers (sample, code).

        `channel_types` are BIDS's words (EEG, EOG, ECG, EMG, MISC...), default EEG throughout. Raises
        OptionError for values that do not fit.
        """
        import pandas as pd

        stem = layout.eeg_stem(self.folder, self.participant_id)
        write_brainvision(
            stem,
            data_uv,
            rate_hz=rate_hz,
            channel_names=channel_names,
            events=events,
            resolution_uv=resolution_uv,
        )
        if channel_types is not None and len(channel_types) != len(channel_names):
            raise OptionError(
                stem,
                wanted=f"a type for each of {len(channel_names)} channels",
                got=len(channel_types),
                remedy="give one per channel",
            )
        types = list(channel_types) if channel_types is not None else ["EEG"] * len(channel_names)
        rows = pd.DataFrame({"name": list(channel_names), "type": types, "units": "µV"})
        path = layout.channels(self.folder, self.participant_id)
        tables.write_table(path, rows, columns=layout.CHANNEL_COLUMNS)
        counts = {f"{kind}ChannelCount": types.count(kind) for kind in ("EEG", "EOG", "ECG", "EMG")}
        write_json(
            layout.eeg_json(self.folder, self.participant_id),
            {
                "TaskName": layout.TASK,
                "SamplingFrequency": rate_hz,
                "PowerLineFrequency": power_line_hz,
                "EEGReference": reference,
                "SoftwareFilters": "n/a",
                "RecordingType": "continuous",
                "RecordingDuration": data_uv.shape[1] / rate_hz,
                **counts,
            },
        )

    def write_physio(
        self, signals: Sequence[Signal], *, start_time_s: float, trigger: NDArray[np.integer] | None = None
    ) -> None:
        """Write peripheral signals of one rate and length; see `recording.formats.write_physio`."""
        path = layout.physio(self.folder, self.participant_id)
        write_physio(path, signals, start_time_s=start_time_s, trigger=trigger)

    def write_video(
        self, run: int, *, width: int, height: int, rate_hz: Fraction | int, quality: int = 18
    ) -> VideoWriter:
        """The writer of a run's video, to be used in a `with` block."""
        path = layout.video(self.folder, self.participant_id, run)
        return VideoWriter(path, width=width, height=height, rate_hz=rate_hz, quality=quality)

    def copy_video(self, run: int, source: Path) -> None:
        """Copy a run's video as it is, whatever of `layout.VIDEO_SUFFIXES` its container is.

        Raises OptionError for another container.
        """
        suffix = source.suffix.lower()
        if suffix not in layout.VIDEO_SUFFIXES:
            raise OptionError(
                source,
                wanted=f"a video of {', '.join(layout.VIDEO_SUFFIXES)}",
                got=suffix,
                remedy="convert it",
            )
        target = layout.video(self.folder, self.participant_id, run, suffix=suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def write_frame_times(
        self,
        run: int,
        host_time_s: NDArray[np.float64],
        *,
        counter: NDArray[np.integer] | None = None,
        stated: str | None = None,
    ) -> None:
        """Write stamp (s, microseconds kept) and the camera's counter of every frame of a run.

        `stated` says where stamps come from that nobody measured, as in "200 Hz as published"; it is written
        beside them.
        """
        import pandas as pd

        if counter is not None and counter.shape != host_time_s.shape:
            raise OptionError(
                f"frame times of run {run}",
                wanted=f"{host_time_s.size} counts",
                got=counter.size,
                remedy="give the camera's counter of every frame",
            )
        rows = pd.DataFrame({"frame": np.arange(host_time_s.size), "host_time_s": host_time_s})
        rows["counter"] = tables.MISSING if counter is None else counter
        path = layout.frame_times(self.folder, self.participant_id, run)
        tables.write_table(path, rows, columns=layout.FRAME_COLUMNS, decimals=6)
        if stated is not None:
            write_json(layout.frame_times_json(self.folder, self.participant_id, run), {"StampsFrom": stated})

    def write_audio(self, run: int, voice: Signal) -> None:
        """Write the sound of a run, values within -1 to 1, as 16-bit WAV at its whole rate in Hz.

        Raises DataError if a value lies outside, or the rate is no whole number.
        """
        import wave

        if not (np.abs(voice.values) <= 1.0).all() or voice.rate_hz != int(voice.rate_hz):
            raise DataError(
                f"sound of run {run}",
                wanted="values within -1 to 1 at a whole number of Hz",
                got=f"up to {np.abs(voice.values).max():g} at {voice.rate_hz:g} Hz",
                remedy="scale or resample the sound",
            )
        path = layout.audio(self.folder, self.participant_id, run)
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, int(voice.rate_hz), 0, "NONE", ""))
            sound.writeframes(np.rint(voice.values * 32767).astype("<i2").tobytes())

    def write_trials(self, table: pd.DataFrame) -> None:
        """Write one row per trial with at least `layout.TRIAL_COLUMNS`."""
        path = layout.trials(self.folder, self.participant_id)
        tables.write_table(path, table, columns=layout.TRIAL_COLUMNS)
        write_json(layout.trials_json(self.folder, self.participant_id), _TRIAL_WORDS)

    def write_events(self, table: pd.DataFrame) -> None:
        """Write what happened when: onset and duration in seconds of the EEG, trial_type, value (code)."""
        path = layout.events(self.folder, self.participant_id)
        tables.write_table(path, table, columns=layout.EVENT_COLUMNS)

    def write_coding(self, coder: str, table: pd.DataFrame) -> None:
        """Write a coder's expressions: frames from 0 in the run's video; see `layout.CODING_COLUMNS`."""
        path = layout.coding(self.folder, self.participant_id, coder)
        tables.write_table(path, table, columns=layout.CODING_COLUMNS)


@dataclass(frozen=True)
class StudyWriter:
    """Writes a study that appears under `folder` when `finish` is called, and not before.

    Parameters
    ----------
    folder
        The study's final folder; absent or empty.
    working
        Where it is written meanwhile, on the same disk; default `.NAME.part` beside it. What an earlier run
        left there is gone on with.
    identity
        A digest of what is being written (settings, seed); an unfinished study of another one is refused.

    Raises
    ------
    DataError
        If the target holds something, or the working folder holds another study's parts.
    """

    folder: Path
    working: Path | None = None
    identity: str = ""

    def __post_init__(self) -> None:
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise DataError(
                self.folder,
                wanted="an empty or absent folder",
                got="one that holds something",
                remedy="name another folder",
            )
        self.part.mkdir(parents=True, exist_ok=True)
        mark = self.part / _IDENTITY
        if not mark.is_file():
            if any(not p.name.startswith(f".{_IDENTITY}") for p in self.part.iterdir()):
                raise DataError(
                    self.part,
                    wanted="a working folder of mien",
                    got="one that holds something else",
                    remedy="name another working folder",
                )
            write_atomically(mark, self.identity.encode())
        elif mark.read_text() != self.identity:
            raise DataError(
                self.part,
                wanted="the unfinished study of these settings",
                got="one of other settings",
                remedy="remove it, or repeat the settings it was begun with",
            )

    @property
    def part(self) -> Path:
        """The working folder: a study's root in the making."""
        return self.working or self.folder.parent / f".{self.folder.name}.part"

    def has(self, participant: str) -> bool:
        """Whether this participant is written already."""
        return layout.participant_folder(self.part, participant).is_dir()

    @contextmanager
    def participant(self, participant: str) -> Iterator[ParticipantWriter]:
        """Write one participant; the files join the study when the block ends, none does when it raises.

        Raises DataError if the participant is there already, or nothing was written.
        """
        name = layout.participant_id(participant)
        if self.has(name):
            raise DataError(
                name, wanted="a new participant", got="one that is written", remedy="ask `has` before"
            )
        unfinished = self.part / f".{name}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            yield ParticipantWriter(unfinished, name)
            self._join(unfinished, name)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _join(self, unfinished: Path, name: str) -> None:
        if not (unfinished / name).is_dir():
            raise DataError(name, wanted="something recorded", got="nothing", remedy="write a recording")
        for made in sorted(layout.derivatives(unfinished).glob(f"*/{name}")):
            target = self.part / made.relative_to(unfinished)
            shutil.rmtree(target, ignore_errors=True)  # of a run that was killed between these two moves
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(made, target)
        os.replace(unfinished / name, self.part / name)

    def write_stimuli(self, table: pd.DataFrame) -> None:
        """Write the clips that were shown, one per row, with at least a column `stimulus`."""
        tables.write_table(layout.stimuli(self.part), table, columns=["stimulus"])

    def write_description(
        self, name: str, *, authors: Sequence[str] = (), simulated: bool = False, text: str = ""
    ) -> None:
        """Write what the study is: its name, who made it, whether it is simulated, and lines for README."""
        fields = {
            "Name": name,
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "Simulated": simulated,
            "GeneratedBy": [{"Name": "mien"}],
            **({"Authors": list(authors)} if authors else {}),
        }
        write_json(layout.description(self.part), fields)
        write_atomically(layout.readme(self.part), f"{name}\n\n{text or README}\n".encode())

    def finish(self, participants: pd.DataFrame) -> None:
        """Write participants, JSON descriptions and manifest, and give the study its final name.

        Parameters
        ----------
        participants
            One row per written participant: participant_id ("sub-001"), and as far as known age, sex,
            consent_level and others.

        Raises
        ------
        DataError
            If the rows and the written participants differ, or a recording cannot be read back.
        """
        self._check_rows(participants)
        if not layout.description(self.part).is_file():
            self.write_description(self.folder.name)
        tables.write_participants(layout.participants(self.part), participants)
        write_json(layout.participants_json(self.part), PARTICIPANT_WORDS)
        if any(self.part.glob("sub-*/eeg/*_events.tsv")):
            write_json(layout.events_json(self.part), EVENT_WORDS)
        write_atomically(layout.ignored(self.part), ("\n".join(layout.BIDS_LACKS) + "\n").encode())
        for left in self.part.glob(".sub-*.part"):
            shutil.rmtree(left)
        write_manifest(self.part)
        self.publish()

    def publish(self) -> None:
        """Give what is written its final name as it is, as for a layout that is not mien's own."""
        if self.folder.is_dir():
            self.folder.rmdir()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.part, self.folder)
        (self.folder / _IDENTITY).unlink()  # last: a run killed before can still go on

    def _check_rows(self, participants: pd.DataFrame) -> None:
        if "participant_id" not in participants:
            raise OptionError(
                "participants", wanted="a column participant_id", got=list(participants), remedy="add it"
            )
        named = [str(name) for name in participants["participant_id"]]
        written = sorted(path.name for path in self.part.glob("sub-*"))
        if sorted(named) != written or not written:
            different = sorted(set(named) ^ set(written))
            raise DataError(
                "participants",
                wanted="one row per written participant, at least one",
                got=f"a difference in {', '.join(different)}" if different else f"{len(named)} rows",
                remedy="write the missing recordings or leave out the row",
            )


def write_json(path: Path, fields: Mapping[str, object]) -> None:
    write_atomically(path, (json.dumps(to_json(fields), indent=1, ensure_ascii=False) + "\n").encode())


def _described(**words: str) -> Mapping[str, Mapping[str, str]]:
    return {name: {"Description": text} for name, text in words.items()}


README = (
    "A study of micro-expressions: while people watched clips that elicit emotions, their faces, EEG and "
    "peripheral signals were recorded. Videos are in beh/ with one row per frame in _frametimes.tsv; coded "
    "expressions are in derivatives/coding. Written by mien; check it with: mien validate."
)
PARTICIPANT_WORDS = {
    **_described(age="Age in years", sex="Sex as stated by the participant"),
    "consent_level": {
        "Description": "What the participant allowed; n/a counts as 2",
        "Levels": {"1": "all uses", "2": "analysis only: no face, no voice published"},
    },
}
_TRIAL_WORDS = _described(
    trial="Number of the trial, from 1",
    code="Trigger code of the clip",
    stimulus="The clip",
    emotion="The clip's category",
    self_report="The emotion that the participant reported",
    valence="Reported valence",
    arousal="Reported arousal",
    source="The recording's name in the dataset it was imported from",
    report_s="Time from the form to its end, s",
    timed_out="Whether the time for the report was over",
    shown_after_ms="From the participant's key to the clip's first frame, ms",
    code_after_ms="From the clip's first frame to its code, ms",
    stalled_ms="How long the clip stood still, ms",
    attempts="How often the trial was begun",
)
EVENT_WORDS = _described(
    trial_type="What happened: clip and rest are codes as they were sent, clip-shown is the first frame on "
    "the screen, reminder a prompt on the small display, broken-off a clip that was shown again, gap a part "
    "that was not recorded",
    value="Trigger code",
    trial="Number of the trial",
    reason="Why a reminder was sent",
    by="Who sent it: operator or automatic",
)
