"""Coded expressions of a study in seconds, and the step that merges what several coders found.

Frames become seconds through the run's stamps: fitted to the camera's counter where that is possible, as
recorded otherwise. On the master clock they go through the maps of `mien sync`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import DataError
from mien.core.expression import ActionUnit, Expression, Kind, group_expressions, is_micro
from mien.core.time import FloatArray
from mien.dataset import layout, tables
from mien.dataset.coded_runs import read_coded_runs
from mien.dataset.study import StudySession, VideoRun
from mien.dataset.synchronise import SessionSync
from mien.recording.clocks import fit_stamps

if TYPE_CHECKING:
    import pandas as pd


NOT_FINISHED = "clip-not-finished"
"""Why a row is unused whose coder says not to have gone through its run: it is being coded anew."""


@dataclass(frozen=True, slots=True)
class CodedExpression:
    """One row of one coder in seconds; `unused` says why its times cannot be used (then they are None).

    `frames` are onset, apex and offset as coded, from 0 in the run's video.
    """

    participant_id: str
    trial: int
    run: int
    coder: str
    row: int
    times: Expression | None
    unused: str | None
    kind: Kind | None
    action_units: tuple[ActionUnit, ...]
    emotion: str | None
    flags: tuple[str, ...]
    frames: tuple[int | None, int | None, int | None] = (None, None, None)

    @property
    def offset_observed(self) -> bool:
        """Whether the offset was seen: it is there and is not the apex."""
        at = self.times
        return at is not None and at.offset_s is not None and at.offset_s != at.apex_s


@dataclass(frozen=True, slots=True)
class MergedExpression:
    """What the rows of one or several coders say of one expression.

    Times are medians of what was observed; kind and emotion the majority's, None where there is none; action
    units those that at least half of the rows name. `rows` are the members.
    """

    participant_id: str
    trial: int
    run: int
    times: Expression
    kind: Kind | None
    action_units: tuple[ActionUnit, ...]
    emotion: str | None
    rows: tuple[CodedExpression, ...]

    @property
    def frames(self) -> tuple[int, int | None, int | None]:
        """Onset, apex and offset in frames of the run's video: medians, as `times`; None: not observed."""
        onsets = [row.frames[0] for row in self.rows if row.frames[0] is not None]
        apexes = [row.frames[1] for row in self.rows if row.frames[1] is not None]
        offsets = [row.frames[2] for row in self.rows if row.offset_observed and row.frames[2] is not None]
        onset = round(median(onsets))
        apex = max(onset, round(median(apexes))) if apexes else None
        offset = max(onset, apex or onset, round(median(offsets))) if offsets else None
        return onset, apex, offset

    @property
    def duration_s(self) -> float | None:
        """Onset to offset, seconds; None where no offset was observed."""
        offset = self.times.offset_s
        return None if offset is None else offset - self.times.onset_s


def read_expressions(
    session: StudySession, *, sync: SessionSync | None = None, every_coder: bool = False
) -> list[CodedExpression]:
    """Every coded row of a participant that holds, in order of coder and row.

    In runs that are final (adjudicated) the rows of the table `final` hold, and no single coder's.

    Parameters
    ----------
    sync
        Clock maps: times are then seconds of the master clock, and a run without a map is unused. Without,
        times are seconds of the clock that stamped the frames.
    every_coder
        Every coder's rows of every run, and no final ones: for agreement between coders.

    Raises
    ------
    DataError
        If a table cannot be read or an action unit is spelled in an unknown way.
    """
    videos = session.videos()
    clocks: dict[int, FloatArray | str] = {}
    found = []
    final = read_coded_runs(session.study, session.participant_id, layout.FINAL) or set()
    for coder, table in session.coding().items():
        through = read_coded_runs(session.study, session.participant_id, coder)
        for number, row in enumerate(tables.rows(table), start=2):
            run = int(row["run"])
            if (coder == layout.FINAL) is (every_coder or run not in final):
                continue
            if run not in clocks:
                clocks[run] = frame_seconds(videos.get(run), run, sync)
            clock = clocks[run] if through is None or run in through else NOT_FINISHED
            found.append(_expression(session.participant_id, coder, number, row, clock))
    return found


def coded_runs(session: StudySession) -> set[int]:
    """Runs of a participant that at least one coder has gone through, with or without finding anything.

    A table without a word on that (`dataset.coded_runs`) is taken to be of every run.

    Raises
    ------
    DataError
        If a table's word on its runs is damaged.
    """
    found: set[int] = set()
    for coder in session.coding():
        said = read_coded_runs(session.study, session.participant_id, coder)
        found |= set(session.videos()) if said is None else said
    return found


def frame_seconds(video: VideoRun | None, run: int, sync: SessionSync | None) -> FloatArray | str:
    """Seconds of every frame of a run, (n_frames,), or why there are none.

    With a `sync` they are of the master clock, else of the clock that stamped the frames.
    """
    if sync is not None:
        try:
            return sync.frame_times_s(run)
        except DataError as error:
            return f"no-clock: {error.got}"
    if video is None or video.frame_times_path is None:
        return "no-frame-times"
    stamps, counter = video.host_stamps_s, video.counter
    if counter is not None and stamps.size > 1 and (np.diff(counter) > 0).all():
        fit = fit_stamps(counter, stamps)
        if fit.accepted:
            return fit.seconds(counter)
    return stamps


def _expression(
    participant: str, coder: str, number: int, row: Mapping[str, Any], clock: FloatArray | str
) -> CodedExpression:
    frames = [None if row[name] is None else int(row[name]) for name in layout.CODING_COLUMNS[2:5]]
    kind = row["kind"] if row["kind"] in ("micro", "macro") else None
    one = coder != layout.UNMERGED  # else neither whose a row is nor its kind says what it may be merged with
    times, unused = _times(frames, kind if one else None, coder if one else None, clock)
    return CodedExpression(
        participant_id=participant,
        trial=int(row["trial"]),
        run=int(row["run"]),
        coder=coder,
        row=number,
        times=times,
        unused=unused,
        kind=kind,
        action_units=tables.parse_action_units(row["action_units"]),
        emotion=row["emotion"],
        flags=tuple((row.get("flags") or "").split()),
        frames=(frames[0], frames[1], frames[2]),
    )


def _times(
    frames: Sequence[int | None], kind: Kind | None, coder: str | None, clock: FloatArray | str
) -> tuple[Expression | None, str | None]:
    if isinstance(clock, str):
        return None, clock
    if any(frame is not None and not 0 <= frame < clock.size for frame in frames):
        return None, "outside-recording"
    onset, apex, offset = (None if frame is None else float(clock[frame]) for frame in frames)
    if onset is None:
        return None, "no-onset"
    try:
        return Expression(onset, apex, offset, kind, coder=coder), None
    except DataError:
        return None, "order"


def merge_expressions(rows: Iterable[CodedExpression]) -> list[MergedExpression]:
    """Merge rows that mean one expression, by `core.expression.group_expressions` within each run.

    Rows of one coder are never merged, but for tables in which several coders stand unmerged. Rows whose
    times cannot be used are left out. In order of participant, run and onset.
    """
    by_run: dict[tuple[str, int], list[CodedExpression]] = {}
    for row in rows:
        if row.times is not None:
            by_run.setdefault((row.participant_id, row.run), []).append(row)
    merged = []
    for members in by_run.values():
        times = [row.times for row in members if row.times is not None]
        groups: dict[int, list[CodedExpression]] = {}
        for row, group in zip(members, group_expressions(times), strict=True):
            groups.setdefault(group, []).append(row)
        merged += [_merged(group) for group in groups.values()]
    return sorted(merged, key=lambda m: (m.participant_id, m.run, m.times.onset_s))


def _merged(rows: Sequence[CodedExpression]) -> MergedExpression:
    times = [row.times for row in rows if row.times is not None]
    onset = median(at.onset_s for at in times)
    apexes = [at.apex_s for at in times if at.apex_s is not None]
    offsets = [row.times.offset_s for row in rows if row.offset_observed and row.times is not None]
    apex = median(apexes) if apexes else None
    offset = median(at for at in offsets if at is not None) if offsets else None
    known = Expression(onset, None if apex is None else max(onset, apex), None)
    if offset is not None:
        known = replace(known, offset_s=max(offset, known.apex_s or onset))
    kind = _majority([row.kind for row in rows])
    if kind is None and len({row.kind for row in rows if row.kind}) > 1:  # they contradict: the rule decides
        micro = is_micro(known.onset_s, known.apex_s, known.offset_s)
        kind = None if micro is None else "micro" if micro else "macro"
    units = Counter(unit for row in rows for unit in set(row.action_units))
    return MergedExpression(
        participant_id=rows[0].participant_id,
        trial=rows[0].trial,
        run=rows[0].run,
        times=known,
        kind=kind,  # type: ignore[arg-type]
        action_units=tuple(sorted(unit for unit, n in units.items() if 2 * n >= len(rows))),
        emotion=_majority([row.emotion for row in rows]),
        rows=tuple(rows),
    )


def _majority(words: Sequence[str | None]) -> str | None:
    """The word that more rows say than any other; None on a tie or where nobody says one."""
    counts = Counter(word for word in words if word is not None).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def expression_table(rows: Iterable[MergedExpression]) -> pd.DataFrame:
    """Merged expressions as a table: times in seconds (NaN: not observed), kind, action units, emotion."""
    import pandas as pd

    columns = [
        "participant_id", "trial", "run", "onset_s", "apex_s", "offset_s", "kind", "action_units",
        "emotion", "n_rows",
    ]  # fmt: skip
    content = [
        (
            m.participant_id, m.trial, m.run, m.times.onset_s, m.times.apex_s, m.times.offset_s, m.kind,
            tables.spell_action_units(m.action_units), m.emotion, len(m.rows),
        )
        for m in rows
    ]  # fmt: skip
    table = pd.DataFrame(content, columns=columns)
    return table.astype({"onset_s": "float64", "apex_s": "float64", "offset_s": "float64"})
