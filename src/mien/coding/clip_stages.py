"""Clips on their way through the stages: assignment, sheets done and open, verification, adjudication.

Conventions: the rules are those of `stages`; here they meet the tables. Every change of a clip counts its
version up by one and stands in the log. A coder taken off a clip keeps their sheet.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from mien.coding import accounts
from mien.coding.annotation import check_text
from mien.coding.edits import Refused
from mien.coding.stages import ClipState, Coder, SheetState, Stage, may_move, needs_reason
from mien.coding.store_tables import clips, sheets
from mien.coding.transactions import Writing
from mien.core.errors import DataError

MAX_REASON = 2000

_PARTICIPANT = re.compile(r"sub-[0-9A-Za-z]{1,60}")


def may_be_clip(participant: object, run: object) -> bool:
    """Whether a clip can be called so; what cannot is not asked of the database."""
    return (
        isinstance(participant, str)
        and _PARTICIPANT.fullmatch(participant) is not None
        and type(run) is int
        and 0 <= run < 2**31
    )


def ensure_clips(writing: Writing, wanted: Iterable[tuple[str, int]]) -> None:
    """Make the clips that are not there yet, in stage "code" and assigned to nobody."""
    found = {(row.participant_id, row.run) for row in writing.connection.execute(select(clips))}
    new = [clip for clip in dict.fromkeys(wanted) if clip not in found]
    for participant, run in new:
        if not may_be_clip(participant, run):
            got = ascii((participant, run))[:80]
            raise DataError("clip", wanted="a label such as sub-001, a run", got=got, remedy="correct it")
    rows = [{"participant_id": who, "run": run, "stage": "code", "version": 1} for who, run in new]
    if rows:
        writing.connection.execute(insert(clips), rows)


def every_clip(connection: Connection) -> list[ClipState]:
    """All clips, in order of participant and run."""
    assigned: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in connection.execute(select(sheets).where(sheets.c.assigned).order_by(sheets.c.coder)):
        assigned[row.participant_id, row.run].append(row)
    rows = connection.execute(select(clips))
    states = (_state(row, assigned.get((row.participant_id, row.run), ())) for row in rows)
    return sorted(states, key=lambda clip: (clip.participant, clip.run))


def find_clip(connection: Connection, participant: str, run: int) -> ClipState:
    """One clip; raises DataError where there is none."""
    row = None
    if may_be_clip(participant, run):
        row = connection.execute(select(clips).where(_here(clips, participant, run))).one_or_none()
    if row is None:
        got = ascii(f"{participant} run {run}")[:80]
        raise DataError("clip", wanted="a clip of the study", got=got, remedy="load the list of clips again")
    mine = select(sheets).where(_here(sheets, participant, run), sheets.c.assigned).order_by(sheets.c.coder)
    return _state(row, connection.execute(mine).all())


def _state(row: Any, assigned: Sequence[Any]) -> ClipState:
    returned = {sheet.coder: sheet.returned for sheet in assigned if sheet.returned is not None}
    states: dict[str, SheetState] = {sheet.coder: sheet.state for sheet in assigned}
    return ClipState(row.participant_id, row.run, row.stage, states, row.version, returned)


def _here(table: Any, participant: str, run: int, coder: str | None = None) -> Any:
    place = (table.c.participant_id == participant) & (table.c.run == run)
    return place if coder is None else place & (table.c.coder == coder)


def assign(writing: Writing, participant: str, run: int, labels: Sequence[str], *, by: str | Coder) -> None:
    """Make these people the clip's coders, and nobody else.

    Raises
    ------
    Refused
        If the clip is not in stage "code" any more, or somebody was shut out.
    DataError
        If a label is nobody's, or named twice.
    """
    who = accounts.leading(writing.connection, by)
    clip = find_clip(writing.connection, participant, run)
    if isinstance(labels, str) or len(set(labels)) != len(labels):
        raise DataError("coders", wanted="each label once", got=ascii(labels)[:80], remedy="name each once")
    for label in labels:
        if label not in clip.coders and not accounts.find(writing.connection, label).active:
            raise Refused("coder", wanted="one who is active", got=label, remedy="choose somebody else")
    if set(labels) == set(clip.coders):
        return
    _check_stage(clip, "code")
    known = set(
        writing.connection.execute(select(sheets.c.coder).where(_here(sheets, participant, run))).scalars()
    )
    for label in sorted({*known, *labels}):
        _set_assigned(writing, clip, label, label in labels, label in known)
    _record(
        writing, clip, who, "assign", before={"coders": sorted(clip.coders)}, after={"coders": sorted(labels)}
    )
    _verify_if_done(writing, clip, who)


def _set_assigned(writing: Writing, clip: ClipState, label: str, assigned: bool, known: bool) -> None:
    if known:
        place = _here(sheets, clip.participant, clip.run, label)
        writing.connection.execute(update(sheets).where(place).values(assigned=assigned))
        return
    writing.connection.execute(
        insert(sheets).values(
            participant_id=clip.participant,
            run=clip.run,
            coder=label,
            assigned=True,
            state="open",
            revealed=False,
        )
    )


def set_state(writing: Writing, participant: str, run: int, state: SheetState, *, by: Coder) -> None:
    """Mark one's own sheet as done, or open it again, while the clip is coded.

    When every assigned coder is done, the clip goes to verification.
    """
    who = accounts.acting(writing.connection, by).label
    clip = _own_clip(writing.connection, participant, run, who)
    if clip.coders[who] == state:
        return
    values: dict[str, Any] = {"state": state, **({"returned": None} if state == "done" else {})}
    _set_sheet(writing, clip, who, **values)
    _record(writing, clip, who, state, sheet=who)
    _verify_if_done(writing, clip, who)


def _own_clip(connection: Connection, participant: str, run: int, who: str) -> ClipState:
    clip = find_clip(connection, participant, run)
    if who not in clip.coders:
        raise Refused(
            f"sheet {who}", wanted="a clip assigned to you", got="another's", remedy="choose one of yours"
        )
    _check_stage(clip, "code")
    return clip


def reveal(writing: Writing, participant: str, run: int, *, by: Coder, counts: tuple[int, int]) -> None:
    """Note that a coder was shown clip and self-report, from then on.

    Parameters
    ----------
    counts
        Expressions of their sheet, and how many of them are without action units.

    Raises
    ------
    DataError
        Unless every expression has action units coded, and there is one.
    """
    who = accounts.acting(writing.connection, by).label
    clip = _own_clip(writing.connection, participant, run, who)
    row = writing.connection.execute(select(sheets).where(_here(sheets, participant, run, who))).one()
    if row.revealed:
        return
    n, without = counts
    if without or not n:
        raise DataError(
            f"sheet {who}",
            wanted="action units coded in every expression before anything else is shown",
            got=f"{without} of {n} without" if n else "no expression",
            remedy="code the action units, or that there are none",
        )
    _set_sheet(writing, clip, who, revealed=True)
    _record(writing, clip, who, "reveal", sheet=who)


def move(
    writing: Writing,
    participant: str,
    run: int,
    to: Stage,
    reason: str,
    labels: Sequence[str],
    *,
    by: Coder,
) -> None:
    """Send the clip to another stage; back to "code" for the coders named, who get the reason.

    Raises
    ------
    Refused
        If the person may not do this, or the clip is in another stage by now.
    DataError
        If a reason is wanting, or the coders named are not the clip's.
    """
    who = accounts.acting(writing.connection, by)
    clip = find_clip(writing.connection, participant, run)
    if not may_move(who, clip, to):
        raise Refused(
            f"clip {participant} run {run}",
            wanted=f"somebody who may send it from {clip.stage} to {ascii(to)[:20]}",
            got=f"{who.label}, {who.role}",
            remedy="load the clip again, or ask who may",
        )
    check_text("reason", reason, least=int(needs_reason(clip.stage, to)), most=MAX_REASON, keep="\n\t")
    back = list(labels) if to == "code" else []
    if to == "code" and (not back or len(set(back)) != len(back) or not set(back) <= set(clip.coders)):
        raise DataError(
            "coders", wanted="some of the clip's coders, each once", got=ascii(back)[:80], remedy="name them"
        )
    for label in back:
        _set_sheet(writing, clip, label, state="open", returned=reason)
    _set_stage(writing, clip, to, who.label, reason=reason, coders=back)


def _check_stage(clip: ClipState, stage: Stage) -> None:
    if clip.stage != stage:
        raise Refused(
            f"clip {clip.participant} run {clip.run}",
            wanted=f"a clip in stage {stage}",
            got=f"one in stage {clip.stage}",
            remedy="load the clip again",
        )


def _set_sheet(writing: Writing, clip: ClipState, label: str, **values: Any) -> None:
    place = _here(sheets, clip.participant, clip.run, label)
    writing.connection.execute(update(sheets).where(place).values(**values))


def _verify_if_done(writing: Writing, clip: ClipState, who: str) -> None:
    now = find_clip(writing.connection, clip.participant, clip.run)
    if now.coders and set(now.coders.values()) == {"done"}:
        _set_stage(writing, now, "verify", who)


def _set_stage(
    writing: Writing, clip: ClipState, to: Stage, who: str, *, reason: str = "", coders: Sequence[str] = ()
) -> None:
    place = _here(clips, clip.participant, clip.run)
    writing.connection.execute(update(clips).where(place).values(stage=to))
    after = {"stage": to, "reason": reason, "coders": list(coders)}
    _record(writing, clip, who, "stage", before={"stage": clip.stage}, after=after)


def _record(
    writing: Writing,
    clip: ClipState,
    who: str,
    what: str,
    *,
    sheet: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Put the change into the log and count the clip's version up."""
    place = _here(clips, clip.participant, clip.run)
    writing.connection.execute(update(clips).where(place).values(version=clips.c.version + 1))
    writing.record(
        who, what, before=before, after=after, participant_id=clip.participant, run=clip.run, sheet=sheet
    )
