"""A whole simulated study on disk: one job per participant, on any number of workers, resumable.

Everything is made in a hidden folder beside the target and gets its name when it is whole. A simulation
that was killed goes on from the participants it has finished; equal settings give equal bytes whatever the
number of workers and interruptions.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mien.core.errors import DataError, JobError, OptionError
from mien.core.records import Json, digest, to_json, write_atomically
from mien.dataset import ParticipantWriter, StudyWriter
from mien.dataset.layout import CODING_COLUMNS
from mien.jobs import Job, Plan, Store, executor_for, run_plan
from mien.jobs.progress import silent
from mien.simulate import clocks
from mien.simulate.brains import Brain, channel_types
from mien.simulate.coders import coding_row, rate_clips
from mien.simulate.release import write_coding_file, write_release
from mien.simulate.script import CALM_CODES, CLIP_CODES, REST_CODE, Trial, clip_table, write_script
from mien.simulate.session import Session
from mien.simulate.settings import StudySettings
from mien.simulate.truth import FOLDER, write_brain_truth, write_settings, write_truth

Layout = Literal["bids", "mmme"]
Parts = frozenset[str]

VERSION = 2  # of what the settings mean: another number is another simulation
ALL_PARTS: Parts = frozenset({"physio", "eeg", "video"})
_JOBS = ".jobs"
_IMPORTS = (
    "neurokit2",
    "mne.forward",
    "mne.dipole",
    "mne.bem",
    "cv2",
    "av",
    "scipy.fft",
    "skimage.data",
    "mien.simulate.study",
)

_README = (
    "Made by `mien simulate`: no person took part. Faces are rendered from one photograph in the public "
    "domain. What truly happened is in derivatives/truth, where no analysis may look."
)

# Measured by benchmarks/simulated_study.py on one core: seconds per second of recording or per frame.
_SECONDS = {
    "physio": 0.0035,
    "eeg": 0.0085,
    "frame": 0.0022,
    "talking": 0.0012,
    "start": 7.0,
    "speech": 0.004,
    "participant": 0.6,
}
_BYTES = {
    "physio": 24_000,
    "eeg": 139_000,
    "truth": 20_000,
    "frame": 300,
    "picture": 17_000,
    "speech": 32_000,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a simulation will need, from rates measured on one core; the disk need is an upper bound."""

    seconds: float
    size_bytes: float


@dataclass(frozen=True, slots=True)
class SimulatedStudy:
    """What was written."""

    path: Path
    n_participants: int
    n_trials: int
    n_micro: int
    n_macro: int
    size_bytes: int

    def as_json(self) -> dict[str, Json]:
        """The same as JSON types."""
        found = to_json({**asdict(self), "path": str(self.path)})
        assert isinstance(found, dict)
        return found


def study_parts(only: str | None, *, speech: bool = False) -> Parts:
    """The parts of a study: all of them or one, and voices; raises OptionError for an unknown one."""
    voices: Parts = frozenset({"speech"} if speech else ())
    if only is None:
        return ALL_PARTS | voices
    if only == "signals":
        return frozenset({"physio", "eeg"}) | voices
    if only == "audiovisual":
        return frozenset({"video", "speech"})
    if only not in ("physio", "eeg", "speech"):
        raise OptionError(
            "part of a study",
            wanted="physio, eeg, signals (both), speech or audiovisual (video and speech)",
            got=only,
            remedy="leave it out for all of them",
        )
    return frozenset({only}) | voices


def estimate_study(
    settings: StudySettings, *, parts: Parts = ALL_PARTS, layout: Layout = "bids", n_workers: int = 1
) -> Estimate:
    """Seconds and bytes that a simulation will take, before anything is computed."""
    session_s, clip_s = settings.session_s, settings.trials * settings.clip_s
    frames = clip_s * settings.rate_hz if "video" in parts else 0.0
    area = (settings.frame_px / 192) ** 2
    seconds = _SECONDS["participant"] + frames * _SECONDS["frame"] * (0.4 + 0.6 * area)
    size = session_s * (_BYTES["truth"] if "eeg" in parts else 100) + frames * _BYTES["frame"] * area
    for part in ("physio", "eeg"):
        if part in parts:
            share = settings.sampling_hz / 1000
            seconds += session_s * _SECONDS[part] * share
            size += session_s * _BYTES[part] * share * (6 if (part, layout) == ("physio", "mmme") else 1)
    if "eeg" in parts and layout == "mmme":
        size += session_s * _BYTES["eeg"] * settings.sampling_hz / 1000
    if settings.speech:
        seconds += frames * _SECONDS["talking"] * area
    if "speech" in parts:
        seconds += clip_s * _SECONDS["speech"]
        size += clip_s * _BYTES["speech"]
    if layout == "mmme":
        size += frames * _BYTES["picture"] * area
        seconds += frames * 0.0008 * area
    n = settings.participants
    return Estimate(_SECONDS["start"] + seconds * n / max(1, min(n_workers, n)), size * n)


def simulate_study(
    settings: StudySettings,
    folder: Path,
    *,
    parts: Parts = ALL_PARTS,
    layout: Layout = "bids",
    n_workers: int = 1,
    progress: Callable[[int, int, str], None] = silent,
) -> SimulatedStudy:
    """Write a simulated study into `folder`, which appears whole or not at all.

    Parameters
    ----------
    parts
        Any of "physio", "eeg", "video", "speech".
    layout
        "bids" for mien's own layout, "mmme" for that of the MMME release.
    progress
        Called with (participants done, participants in all, name of the latest).

    Raises
    ------
    DataError
        If the folder holds something, or an unfinished simulation with other settings lies beside it.
    JobError
        If the disk is too small, full or cannot be written; what is finished is kept for the next call.
    """
    if layout == "mmme" and "speech" in parts:
        raise OptionError(
            "speech",
            wanted="mien's own layout",
            got="that of the MMME release, which has no sound",
            remedy="leave out one of the two",
        )
    executor = executor_for(n_workers)
    folder = folder.resolve()
    if folder.is_mount():
        raise OptionError(
            folder,
            wanted="a folder that can be given its name at the end",
            got="a mount point",
            remedy="name a folder inside it",
        )
    identity = digest(
        {"version": VERSION, "settings": asdict(settings), "parts": sorted(parts), "layout": layout}
    )
    _refuse_small_disk(folder, estimate_study(settings, parts=parts, layout=layout))
    writer = StudyWriter(folder, identity=identity)
    jobs = [
        Job(
            f"sub-{n:03d}",
            {"function": "simulate.participant", "study": identity, "number": n},
            {"number": n},
        )
        for n in range(1, settings.participants + 1)
    ]
    plan = Plan(_simulate_participant, (settings, writer, parts, layout), jobs, preload=_IMPORTS)
    with _alone(writer):
        try:
            outputs = run_plan(plan, Store(writer.part / _JOBS), executor=executor, progress=progress)
        except BaseException:
            if not any(writer.part.glob(f"{_JOBS}/*/*/done.json")):
                shutil.rmtree(writer.part, ignore_errors=True)  # nothing to go on with
            raise
        if layout == "mmme":
            rows = [row for output in outputs for row in output["rows"]]  # type: ignore[union-attr]
            write_coding_file(writer.part, rows)  # type: ignore[arg-type]
        write_settings(settings, writer.part)
        _name(settings, writer, layout)
    return _summary(settings, folder)


@contextmanager
def _alone(writer: StudyWriter) -> Iterator[None]:
    """Hold the study's lock, which a killed process gives up by dying; raises DataError if another has it."""
    (writer.part / _JOBS).mkdir(exist_ok=True)
    with open(writer.part / _JOBS / "lock", "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                writer.folder,
                wanted="to be the only one who writes it",
                got="another simulation at work on it",
                remedy="wait for that one, or name another folder",
            ) from None
        yield


def _refuse_small_disk(folder: Path, estimate: Estimate) -> None:
    existing = next(parent for parent in folder.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(existing).free
    if estimate.size_bytes > free:
        raise JobError(
            existing,
            wanted=f"{in_bytes(estimate.size_bytes)} of free disk",
            got=in_bytes(free),
            remedy="free some, or simulate fewer participants, trials or parts",
        )


def in_bytes(size: float) -> str:
    """A number of bytes for people.

    Examples
    --------
    >>> in_bytes(2.5e6), in_bytes(3.21e9)
    ('2.5 MB', '3.2 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _name(settings: StudySettings, writer: StudyWriter, layout: Layout) -> None:
    """Give the study its final name: from here on it is whole."""
    if layout == "mmme":
        shutil.rmtree(writer.part / _JOBS)
        writer.publish()
        return
    writer.write_description("Simulated study", simulated=True, text=_README)
    clips = [
        {"stimulus": f"clip-{code}", "code": code, "emotion": word} for code, word in clip_table().items()
    ]
    writer.write_stimuli(pd.DataFrame(clips).sort_values("code"))
    ratings = pd.DataFrame([asdict(r) for r in rate_clips(np.random.default_rng([settings.seed, 0, 17]))])
    text = ratings.rename(columns={"clip": "stimulus"}).to_csv(sep="\t", index=False, lineterminator="\n")
    write_atomically(writer.part / "stimuli" / "ratings.tsv", text.encode())
    people = [
        {"participant_id": f"sub-{p.name}", "age": p.age, "sex": p.sex, "consent_level": p.consent_level}
        for p in write_script(settings)
    ]
    shutil.rmtree(writer.part / _JOBS)
    writer.finish(pd.DataFrame(people))


def _summary(settings: StudySettings, folder: Path) -> SimulatedStudy:
    script = write_script(settings)
    movements = [m for p in script for t in p.trials for m in t.movements]
    return SimulatedStudy(
        path=folder,
        n_participants=len(script),
        n_trials=sum(len(p.trials) for p in script),
        n_micro=sum(m.kind == "micro" for m in movements),
        n_macro=sum(m.kind == "macro" for m in movements),
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    )


# --- one participant


def _simulate_participant(
    context: tuple[StudySettings, StudyWriter, Parts, Layout], *, number: int
) -> dict[str, Json]:
    """Write one participant's files; the output holds the rows of the release's coding table."""
    settings, writer, parts, layout = context
    session = Session.of(settings, number)
    name = f"sub-{session.participant.name}"
    if layout == "mmme":
        brain = session.brain() if "eeg" in parts else None
        rows = write_release(session, writer.part, parts=parts, brain=brain)
        _write_truth(session, writer.part / FOLDER / name, parts, brain)
        return {"rows": to_json(rows)}
    if not writer.has(name):  # written, but killed before this job was done
        with writer.participant(name) as files:
            brain = session.brain() if "eeg" in parts else None
            _write_streams(session, files, parts, brain)
            _write_tables(session, files)
            _write_truth(session, files.folder / FOLDER / name, parts, brain)
    return {}


def _write_truth(session: Session, folder: Path, parts: Parts, brain: Brain | None) -> None:
    write_truth(session, folder, parts=parts)
    if brain is not None:
        write_brain_truth(brain, folder)


def _write_streams(session: Session, files: ParticipantWriter, parts: Parts, brain: Brain | None) -> None:
    if brain is not None:
        _write_eeg(session, files, brain)
    if "physio" in parts:
        lines = clocks.trigger_lines(session.polygraph, session.participant.stream(15))
        codes = ((lines > clocks.LINE_VOLTS / 2) << np.arange(8)[:, None]).sum(axis=0)
        # The polygraph's own clock: what it has to do with the EEG's is for `mien sync` to find out.
        files.write_physio(session.body_signals(), start_time_s=0.0, trigger=codes)
    for trial in session.participant.trials:
        run = session.runs[trial.number]
        files.write_frame_times(trial.number, run.host_s, counter=run.counter)
        if "video" in parts:
            _write_video(session, trial, files)
        if "speech" in parts:
            files.write_audio(trial.number, session.voice(trial))


def _write_eeg(session: Session, files: ParticipantWriter, made: Brain) -> None:
    recorder = session.amplifier
    samples = [(round(pulse.time_s * recorder.rate_hz), pulse.code) for pulse in recorder.pulses]
    files.write_eeg(
        made.data_uv,
        rate_hz=recorder.rate_hz,
        channel_names=made.channels,
        channel_types=list(channel_types(made.channels).values()),
        events=samples,
    )
    events = [  # at the sample's time: no amplifier knows it finer
        {"onset": f"{n / recorder.rate_hz:.6f}", "duration": 0, "trial_type": _word(code), "value": code}
        for n, code in samples
    ]
    files.write_events(pd.DataFrame(events, columns=["onset", "duration", "trial_type", "value"]))


def _word(code: int) -> str:
    if code == REST_CODE:
        return "rest"
    return "clip" if code in CLIP_CODES or code in CALM_CODES else "unknown"


def _write_video(session: Session, trial: Trial, files: ParticipantWriter) -> None:
    px = session.settings.frame_px
    rate = Fraction(session.settings.rate_hz).limit_denominator(1000)
    with files.write_video(trial.number, width=px, height=px, rate_hz=rate) as video:
        for frame in session.frames(trial):
            video.write(frame)


def _write_tables(session: Session, files: ParticipantWriter) -> None:
    trials = [
        {
            "trial": t.number, "code": t.code, "stimulus": f"clip-{t.code}", "emotion": t.emotion,
            "self_report": t.self_report, "valence": t.valence, "arousal": t.arousal,
        }
        for t in session.participant.trials
    ]  # fmt: skip
    files.write_trials(pd.DataFrame(trials))
    for coder, rows in session.coding.items():
        files.write_coding(
            coder, pd.DataFrame([coding_row(row) for row in rows], columns=list(CODING_COLUMNS))
        )
