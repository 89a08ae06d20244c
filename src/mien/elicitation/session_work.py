"""What is known while a session is turned into a participant: journal, clocks, and which attempts count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.dataset import layout
from mien.elicitation.clips import Clip, read_clips
from mien.elicitation.continuing import is_rehearsal
from mien.elicitation.journal import Row, read_journal
from mien.elicitation.progress import Progress, progress_of
from mien.elicitation.recorded_streams import EvenStream


@dataclass
class SessionWork:
    """What is known while a session is turned into a participant."""

    study: Path
    name: str
    folder: Path
    rows: Sequence[Row]
    progress: Progress
    clips: Mapping[str, Clip]
    shifts: Mapping[int, float]
    zero_s: float = 0.0
    eeg: EvenStream | None = None
    left_out: list[str] = field(default_factory=list)

    def since_s(self, at_s: float) -> float:
        """Seconds since second 0 of the study, on the session's clock."""
        return at_s - self.zero_s

    def eeg_s(self, at_s: float) -> float:
        """The same in the EEG's own seconds, which are the study's."""
        return self.since_s(at_s) if self.eeg is None else self.eeg.own_s(at_s)


def open_work(study: Path, name: str, folder: Path) -> SessionWork:
    rows, shifts = one_clock(read_journal(folder / "session.jsonl"))
    progress = progress_of(rows)
    if is_rehearsal(rows) and not json.loads(layout.description(study).read_bytes()).get("Simulated"):
        raise DataError(
            folder, wanted="a session of a person", got="a rehearsal", remedy="delete it with --discard"
        )
    if progress.consent is None:
        raise DataError(
            folder, wanted="a participant who consented", got="none", remedy="discard the session"
        )
    if progress.choice == "discard":
        raise DataError(
            folder,
            wanted="a session that is to be kept",
            got="the choice to discard it",
            remedy="call mien present STUDY --discard",
        )
    clips = {clip.name: clip for clip in read_clips(study)}
    return SessionWork(study, name, folder, rows, progress, clips, shifts, zero_s=float(rows[0]["at_s"]))


def one_clock(rows: Sequence[Row]) -> tuple[list[Row], dict[int, float]]:
    """The journal with times that never go back, and what was added in each part (s).

    The session's clock begins anew when the computer does; then the wall clock bridges the gap, as well as it
    can. Times of pages and devices in a row move with it.
    """
    moved: list[Row] = []
    shifts: dict[int, float] = {}
    shift, last, wall = 0.0, -np.inf, None
    boot: str | None = None
    for row in rows:
        if row["what"] == "opened":
            at, now = float(row["at_s"]) + shift, float(row["wall_s"])
            before, boot = boot, row.get("boot")
            anew = at < last - 1.0 or (None not in (before, boot) and before != boot)
            if anew and wall is not None:
                shift += (wall[0] + now - wall[1]) - at
            shifts[int(row["part"])] = shift
            wall = (float(row["at_s"]) + shift, now)
        times = {key: row[key] + shift for key in ("at_s", "pressed_s") if row.get(key) is not None}
        moved.append({**row, **times})
        last = max(last, times["at_s"])
    return moved, shifts


def codes_that_count(work: SessionWork) -> list[Row]:
    """The codes of the attempts that count."""
    return [row for row in work.rows if row["what"] == "code" and row["sent"] and counts(work, row)]


def counts(work: SessionWork, row: Row) -> bool:
    """Whether a code or film belongs to a trial's last attempt: the others broke off."""
    attempt = work.progress.attempt((False, int(row["trial"])))
    begun = None if attempt is None or not attempt.done else attempt.steps.get("ready")
    return begun is not None and int(row["n"]) > int(begun["n"])
