"""A study opened for reading: participants, and per participant every recording, table and coding.

Nothing is read before it is asked for, and a modality that was not recorded is None or empty. What a
simulation knows beyond its recordings cannot be reached from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import FloatArray, FrameGrid
from mien.dataset import layout, tables
from mien.dataset.consent import consent_level
from mien.recording.formats import read_brainvision, read_physio

if TYPE_CHECKING:
    import mne
    import pandas as pd

_CHANNEL_TYPES = {
    "EEG": "eeg",
    "EOG": "eog",
    "HEOG": "eog",
    "VEOG": "eog",
    "ECG": "ecg",
    "EMG": "emg",
    "MISC": "misc",
    "TRIG": "stim",
    "REF": "eeg",
}


@dataclass(frozen=True)
class StudyParticipant:
    """A row of `participants.tsv`: id as in "sub-001", consent level (None: not known), other columns."""

    participant_id: str
    consent_level: int | None
    columns: Mapping[str, str | None]


@dataclass(frozen=True)
class VideoRun:
    """The video of one run; `path` is None where it was withheld and only its frame times are there."""

    run: int
    path: Path | None
    frame_times_path: Path | None
    audio_path: Path | None

    @cached_property
    def _table(self) -> pd.DataFrame:
        if self.frame_times_path is None:
            raise DataError(
                self.path or f"run {self.run}",
                wanted="a table of frame times beside the video",
                got="none",
                remedy="add _frametimes.tsv; without it no frame has a time",
            )
        return tables.read_frame_times(self.frame_times_path)

    @property
    def host_stamps_s(self) -> FloatArray:
        """Host stamps as they were recorded, (n_frames,), seconds; may stand still. Raises DataError."""
        return self._table["host_time_s"].to_numpy(dtype=np.float64)

    @property
    def counter(self) -> NDArray[np.int64] | None:
        """The camera's frame counter, (n_frames,); None where a frame has none. Raises DataError."""
        counts = self._table["counter"]
        return None if counts.isna().any() else counts.to_numpy(dtype=np.int64)

    @property
    def frame_times(self) -> FrameGrid | None:
        """The host stamps as a grid; None unless they increase strictly: then clocks must be fitted first."""
        stamps = self.host_stamps_s
        return FrameGrid(stamps) if stamps.size and (np.diff(stamps) > 0).all() else None


@dataclass(frozen=True)
class StudySession:
    """What was recorded of one participant."""

    study: Path
    participant_id: str

    def eeg(self) -> mne.io.BaseRaw | None:
        """The EEG as MNE's Raw, volts, not yet in memory, channel types set; None where there is none."""
        path = layout.eeg(self.study, self.participant_id)
        if not path.is_file():
            return None
        raw = read_brainvision(path)
        described = layout.channels(self.study, self.participant_id)
        if described.is_file():
            rows = tables.read_table(described, columns=layout.CHANNEL_COLUMNS)
            types = {
                str(name): _CHANNEL_TYPES.get(str(kind).upper(), "misc")
                for name, kind in zip(rows["name"], rows["type"], strict=True)
                if name in raw.ch_names
            }
            raw.set_channel_types(types, on_unit_change="ignore", verbose="ERROR")
        return raw

    def physio(self) -> list[Signal]:
        """Peripheral signals with their trigger; empty where there are none."""
        path = layout.physio(self.study, self.participant_id)
        return read_physio(path) if path.is_file() else []

    def trials(self) -> pd.DataFrame | None:
        """One row per trial; None where there is no such table."""
        path = layout.trials(self.study, self.participant_id)
        return tables.read_trials(path) if path.is_file() else None

    def events(self) -> pd.DataFrame | None:
        """What happened when, in seconds of the EEG; None where there is no such table."""
        path = layout.events(self.study, self.participant_id)
        return tables.read_events(path) if path.is_file() else None

    def videos(self) -> dict[int, VideoRun]:
        """The videos by run; a run whose video was withheld is known by its frame times."""
        folder = layout.trials(self.study, self.participant_id).parent
        runs: dict[int | None, Path | None] = {
            layout.run_of(path): None for path in sorted(folder.glob("*_frametimes.tsv"))
        }
        runs |= {layout.run_of(p): p for p in sorted(folder.glob("*_video.*")) if layout.is_video(p)}
        return {
            run: VideoRun(
                run,
                path,
                _existing(layout.frame_times(self.study, self.participant_id, run)),
                _existing(layout.audio(self.study, self.participant_id, run)),
            )
            for run, path in sorted(runs.items(), key=lambda item: item[0] or 0)
            if run is not None
        }

    def coding(self) -> dict[str, pd.DataFrame]:
        """Coded expressions by coder."""
        folder = layout.coding_folder(self.study, self.participant_id)
        found = {layout.coder_of(path): path for path in sorted(folder.glob("*_expressions.tsv"))}
        return {coder: tables.read_coding(path) for coder, path in found.items() if coder is not None}


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


@dataclass(frozen=True)
class Study:
    """A study on disk; made by `open_study`."""

    folder: Path
    participants: Mapping[str, StudyParticipant]

    def session(self, participant_id: str) -> StudySession:
        """The recordings of one participant ("sub-001" or "001"); raises DataError for an unknown one."""
        known = participant_id if participant_id in self.participants else f"sub-{participant_id}"
        if known not in self.participants:
            raise DataError(
                f"participant {participant_id}",
                wanted=f"one of the {len(self.participants)} in {layout.participants(self.folder)}",
                got="none of them",
                remedy="check the id",
            )
        return StudySession(self.folder, known)

    def stimuli(self) -> pd.DataFrame | None:
        """The clips that were shown, as text; None where there is no such table."""
        path = layout.stimuli(self.folder)
        return tables.read_table(path, columns=()) if path.is_file() else None


def open_study(folder: Path) -> Study:
    """Open a study for reading.

    Raises
    ------
    DataError
        If the folder is no study, or `participants.tsv` is damaged, names someone twice, or has a consent
        level other than 1, 2 or n/a.
    """
    check_is_study(folder)
    path = layout.participants(folder)
    table = tables.read_participants(path)
    people: dict[str, StudyParticipant] = {}
    for row in table.to_dict("records"):
        columns = {str(name): value for name, value in row.items()}
        person = _participant(path, columns)
        if person.participant_id in people:
            raise DataError(
                path,
                wanted="each participant once",
                got=f"{person.participant_id} twice",
                remedy="remove one of the rows",
            )
        people[person.participant_id] = person
    return Study(folder, people)


def check_is_study(folder: Path) -> None:
    """Refuse a folder that has neither description nor participants; raises DataError."""
    if not folder.is_dir():
        raise DataError(folder, wanted="the folder of a study", got="no such folder", remedy="check the path")
    wanted = (layout.description(folder), layout.participants(folder))
    missing = [path.name for path in wanted if not path.is_file()]
    if missing:
        raise DataError(
            folder,
            wanted="the folder of a study",
            got=f"one without {' and '.join(missing)}",
            remedy="give the folder that holds dataset_description.json and participants.tsv",
        )


def _participant(path: Path, row: Mapping[str, str | None]) -> StudyParticipant:
    name = row["participant_id"]
    assert name is not None  # the reader refuses empty ids
    if not layout.is_participant_id(name):
        raise DataError(
            f"{path}, participant {name}",
            wanted="an id as in sub-001",
            got=repr(name),
            remedy="correct the id",
        )
    level = row.get("consent_level")
    if level not in (None, "1", "2"):
        raise DataError(
            f"{path}, participant {name}",
            wanted="consent level 1, 2 or n/a",
            got=repr(level),
            remedy="correct the consent level",
        )
    others = {k: v for k, v in row.items() if k not in ("participant_id", "consent_level")}
    return StudyParticipant(name, None if level is None else int(consent_level(int(level))), others)
