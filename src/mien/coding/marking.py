"""Edits of expressions and of decisions on suggestions, and the sheets they make.

Conventions: an edit names the version it was made from; it is kept if that is still the current one, else
both stand side by side in a `Conflict`. Under a key that was kept before, the first answer is given again,
whatever happened since. Deleted expressions keep their row and version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from mien.coding import accounts
from mien.coding.annotation import MAX_SUGGESTION, Annotation, annotation_from_json, check_text
from mien.coding.clip_stages import find_clip, may_be_clip
from mien.coding.edits import Answer, Conflict, Decision, Edit, Kept, Refused, SheetNow
from mien.coding.stages import FINAL, ClipState, Coder, may_edit
from mien.coding.store_tables import decisions, expressions, log, sheets
from mien.coding.transactions import Writing, as_text, load
from mien.core.errors import DataError
from mien.core.records import digest

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_FROM_CONTEXT = {"clip", "self-report"}


def keep(writing: Writing, edit: Edit, *, by: Coder) -> Answer:
    """Keep an edit, or find that it was kept before.

    Raises
    ------
    Conflict
        If the expression has another version than the edit was made from.
    Refused
        If the person may not mark on this sheet now.
    DataError
        If the edit does not hold together, or its key was another edit's.
    """
    _check(edit)
    asked = _digest(edit, by.label)
    first = writing.connection.execute(select(log).where(log.c.edit_key == edit.key)).one_or_none()
    if first is not None:
        return _again(first, asked)
    who = accounts.acting(writing.connection, by)
    clip = find_clip(writing.connection, edit.participant, edit.run)
    if not may_edit(who, clip, edit.sheet):
        raise Refused(
            f"sheet {edit.sheet}",
            wanted="an open sheet of your own, or the final one in adjudication",
            got=f"a clip in stage {clip.stage}",
            remedy="load the clip again",
        )
    if edit.action in ("put", "delete"):
        return _change(writing, edit, asked, who.label, clip)
    return _decide(writing, edit, asked, who.label)


def _check(edit: Edit) -> None:
    """Whether the edit says all that its action needs and no more."""
    _check_id("key", edit.key)
    _check_id("sheet", edit.sheet)
    if not may_be_clip(edit.participant, edit.run):
        got = ascii((edit.participant, edit.run))[:80]
        raise DataError("clip", wanted="a clip of the study", got=got, remedy="load the list of clips again")
    if edit.action in ("put", "delete"):
        _check_id("expression", edit.expression)
        if type(edit.base) is not int or not 0 <= edit.base < 2**31:
            raise DataError("base", wanted="a version, or 0", got=ascii(edit.base)[:60], remedy="send it")
        fits = (edit.annotation is not None) == (edit.action == "put") and edit.suggestion is None
    elif edit.action in ("reject", "unreject"):
        check_text("suggestion", edit.suggestion, least=1, most=MAX_SUGGESTION)
        fits = edit.expression is None and edit.base is None and edit.annotation is None
    else:
        fits = False
    if not fits:
        raise DataError(
            "edit",
            wanted="put with a body, delete without one, reject or unreject with a suggestion",
            got=ascii(edit.action)[:60],
            remedy="send what the action needs, and no more",
        )


def _check_id(field: str, value: object) -> None:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise DataError(
            field, wanted="up to 64 letters, digits, - and _", got=ascii(value)[:60], remedy="send a new UUID"
        )


def _digest(edit: Edit, who: str) -> str:
    body = None if edit.annotation is None else edit.annotation.as_json()
    plain = (edit.participant, edit.run, edit.sheet, edit.action, edit.expression, edit.base, edit.suggestion)
    return digest([who, *plain, body])


def _again(first: Any, asked: str) -> Answer:
    if first.edit_digest != asked:
        raise DataError(
            "key", wanted="a key of its own for each edit", got=first.edit_key, remedy="make a new key"
        )
    return Answer(first.seq, first.version, first.at, True)


def _change(writing: Writing, edit: Edit, asked: str, who: str, clip: ClipState) -> Answer:
    """Put or delete an expression."""
    assert edit.expression is not None
    assert edit.base is not None
    connection = writing.connection
    place = _place(edit) & (expressions.c.id == edit.expression)
    row = connection.execute(select(expressions).where(place)).one_or_none()
    current = _kept(row) if row is not None else _absent(edit)
    if current.version != edit.base:
        raise Conflict(edit.annotation, current)
    if edit.annotation is None and current.annotation is None:
        raise DataError(
            f"expression {edit.expression}", wanted="one to delete", got="none", remedy="load the clip again"
        )
    _check_context(connection, edit)
    version = current.version + 1
    body = None if edit.annotation is None else as_text(edit.annotation.as_json())
    values = {"version": version, "body": body, "who": who, "at": writing.at}
    if row is None:
        here = {"participant_id": edit.participant, "run": edit.run, "sheet": edit.sheet}
        connection.execute(insert(expressions).values(id=edit.expression, **here, **values))
    else:
        connection.execute(update(expressions).where(place).values(**values))
    before = None if row is None else load(row.body)
    return _record(writing, edit, asked, who, version=version, before=before, after=load(body))


def _absent(edit: Edit) -> Kept:
    assert edit.expression is not None
    return Kept(edit.expression, edit.participant, edit.run, edit.sheet, 0, None, "", "")


def _place(edit: Edit) -> Any:
    c = expressions.c
    return (c.participant_id == edit.participant) & (c.run == edit.run) & (c.sheet == edit.sheet)


def _check_context(connection: Connection, edit: Edit) -> None:
    """An emotion may rest on what the coder was shown only."""
    if edit.annotation is None or edit.sheet == FINAL or not _FROM_CONTEXT & set(edit.annotation.basis):
        return
    if not _sheet_row(connection, edit.participant, edit.run, edit.sheet).revealed:
        raise DataError(
            "basis",
            wanted="the action units alone, before clip and self-report were shown",
            got=", ".join(edit.annotation.basis),
            remedy="code all action units, then have them shown",
        )


def _decide(writing: Writing, edit: Edit, asked: str, who: str) -> Answer:
    """Reject a suggestion, or take that back; the same decision again is kept in the log only."""
    c = decisions.c
    here = {"participant_id": edit.participant, "run": edit.run, "sheet": edit.sheet}
    place = (c.participant_id == edit.participant) & (c.run == edit.run) & (c.sheet == edit.sheet)
    place &= c.suggestion == edit.suggestion
    old = writing.connection.execute(select(c.decision).where(place)).scalar_one_or_none()
    new = "rejected" if edit.action == "reject" else None
    if old is not None:
        writing.connection.execute(delete(decisions).where(place))
    if new is not None:
        writing.connection.execute(insert(decisions).values(suggestion=edit.suggestion, decision=new, **here))
    states = ({"suggestion": edit.suggestion, "decision": decision} for decision in (old, new))
    return _record(writing, edit, asked, who, version=None, before=next(states), after=next(states))


def _record(
    writing: Writing, edit: Edit, asked: str, who: str, *, version: int | None, before: Any, after: Any
) -> Answer:
    seq = writing.record(
        who,
        edit.action,
        participant_id=edit.participant,
        run=edit.run,
        sheet=edit.sheet,
        expression=edit.expression,
        version=version,
        before=before,
        after=after,
        edit_key=edit.key,
        edit_digest=asked,
    )
    return Answer(seq, version, writing.at, False)


def read_sheet(connection: Connection, participant: str, run: int, coder: str) -> SheetNow:
    """A coder's sheet of a clip; the adjudicated one under the label `final`."""
    clip = find_clip(connection, participant, run)
    if coder != FINAL:
        accounts.find(connection, coder)
    c = expressions.c
    wanted = (c.participant_id == participant) & (c.run == run) & (c.sheet == coder) & c.body.is_not(None)
    kept = [_kept(row) for row in connection.execute(select(expressions).where(wanted))]
    kept.sort(key=_by_time)
    decided = _decisions(connection, participant, run, coder, kept)
    if coder == FINAL:
        state = "done" if clip.stage == "final" else "open"
        return SheetNow(coder, state, True, None, kept, decided)  # type: ignore[arg-type]
    row = _sheet_row(connection, participant, run, coder)
    if row is None:
        return SheetNow(coder, "open", False, None)
    return SheetNow(coder, row.state, row.revealed, row.returned, kept, decided)


def count_expressions(connection: Connection) -> dict[tuple[str, int, str], int]:
    """How many expressions that are not deleted stand on each sheet (participant, run, sheet)."""
    c = expressions.c
    where = (c.participant_id, c.run, c.sheet)
    rows = connection.execute(select(*where, func.count()).where(c.body.is_not(None)).group_by(*where))
    return {(str(who), int(run), str(sheet)): int(n) for who, run, sheet, n in rows}


def _by_time(kept: Kept) -> tuple[bool, int, str]:
    assert kept.annotation is not None
    frames = (kept.annotation.onset, kept.annotation.apex, kept.annotation.offset)
    first = next((frame for frame in frames if frame is not None), None)
    return first is None, first or 0, kept.id


def _decisions(
    connection: Connection, participant: str, run: int, coder: str, kept: list[Kept]
) -> Mapping[str, Decision]:
    """Suggestions rejected, and those that an expression confirms, whatever was said before."""
    c = decisions.c
    wanted = (c.participant_id == participant) & (c.run == run) & (c.sheet == coder)
    found = {row.suggestion: row.decision for row in connection.execute(select(decisions).where(wanted))}
    named = [one.annotation.suggestion for one in kept if one.annotation and one.annotation.suggestion]
    return {**found, **dict.fromkeys(named, "confirmed")}


def _sheet_row(connection: Connection, participant: str, run: int, coder: str) -> Any:
    c = sheets.c
    place = (c.participant_id == participant) & (c.run == run) & (c.coder == coder)
    return connection.execute(select(sheets).where(place)).one_or_none()


def uncoded(connection: Connection, participant: str, run: int, coder: str) -> tuple[int, int]:
    """How many expressions a sheet has, and how many of them are without action units."""
    kept = read_sheet(connection, participant, run, coder).expressions
    return len(kept), sum(not one.annotation.coded_units for one in kept if one.annotation)


def _kept(row: Any) -> Kept:
    annotation: Annotation | None = None if row.body is None else annotation_from_json(load(row.body))
    return Kept(row.id, row.participant_id, row.run, row.sheet, row.version, annotation, row.who, row.at)
