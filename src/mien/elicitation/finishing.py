"""From what a session left to a participant of the study: recordings, trials, events, on the EEG's clock.

The journal says what happened when on the session's clock; the EEG's first sample is second 0 of the study.
Without EEG it is the moment at which the session was opened, and all recorders share that clock.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.dataset import layout
from mien.dataset.grow import add_participant, say_shared_clock
from mien.elicitation.finished_signals import eeg_of, physio_of, write_eeg, write_physio
from mien.elicitation.finished_tables import keep_motion, trials_table, write_events
from mien.elicitation.finished_videos import write_videos
from mien.elicitation.recorded_streams import read_parts
from mien.elicitation.session_work import open_work

if TYPE_CHECKING:
    import pandas as pd

Coded = Callable[[Mapping[int, FloatArray]], "Mapping[str, pd.DataFrame]"]


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a session: trials and recordings that joined the study, and what could not, with why."""

    participant_id: str
    n_trials: int
    n_videos: int
    n_frames: int
    recorded: tuple[str, ...]
    left_out: tuple[str, ...]


def finish_session(
    study: Path,
    participant: str,
    *,
    columns: Mapping[str, object] | None = None,
    coded: Coded | None = None,
) -> Finished:
    """Make a participant of the study from the session that lies in `sourcedata/`; that stays as it is.

    Parameters
    ----------
    columns
        More cells of `participants.tsv`, as in age and sex.
    coded
        Who codes at once, as a rehearsal's simulated coders do: frame stamps (s) of each run -> their tables.

    Raises
    ------
    DataError
        If there is no session, nobody consented, no trial was done, the participant is in the study already,
        or a recording is damaged.
    """
    name = layout.participant_id(participant)
    folder = layout.source_folder(study, name)
    work = open_work(study, name, folder)
    done = [key for key in work.progress.attempts if not key[0] and work.progress.done(key)]
    if not done:
        remedy = "go on with the session" if not work.progress.stopped else "delete it with --discard"
        raise DataError(folder, wanted="a trial that was done", got="none", remedy=remedy)
    streams = read_parts(folder, work.shifts)
    work.left_out += [
        f"the stated rate of stream {s.name}, {s.stated_hz:g} Hz: by its stamps it is {s.rate_hz:g} Hz"
        for s in streams
        if s.rate_hz != s.stated_hz
    ]
    work.eeg = eeg_of(streams, work)
    if work.eeg is not None:
        work.zero_s = work.eeg.start_s
    cells = {"consent_level": work.progress.consent, **(columns or {})}
    with add_participant(study, name, cells) as files:
        recorded = [f"EEG: {len(work.eeg.channel_names)} channels"] if work.eeg is not None else []
        if work.eeg is not None:
            write_eeg(work, files, work.eeg)
        physio = physio_of(streams, work)
        if physio is not None:
            recorded.append("peripheral signals: " + ", ".join(write_physio(work, files, physio)))
        stamps = write_videos(work, files, {number for _, number in done})
        for coder, table in (coded(stamps) if coded is not None else {}).items():
            files.write_coding(coder, table)
        files.write_trials(trials_table(work, done))
        write_events(work, files)
        keep_motion(work, files)
    if work.eeg is None and not layout.events(study, name).is_file():
        say_shared_clock(study)
    n_frames = sum(times.size for times in stamps.values())
    return Finished(name, len(done), len(stamps), n_frames, tuple(recorded), tuple(work.left_out))


def discard_session(study: Path, participant: str) -> list[str]:
    """Remove everything that a session left; returns the files, relative to the study.

    Raises DataError if there is none, or it has joined the study.
    """
    folder = layout.source_folder(study, participant)
    if not folder.is_dir():
        raise DataError(folder, wanted="a session", got="none", remedy="check the participant")
    if layout.participant_folder(study, participant).exists():
        raise DataError(
            folder,
            wanted="a session that has not joined the study",
            got="a participant's recordings",
            remedy="to remove all of the participant, call mien withdraw",
        )
    removed = [p.relative_to(study).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
    shutil.rmtree(folder)
    return removed
