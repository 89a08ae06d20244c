"""Edits, a clip's way through its stages (done, verified, adjudicated, final), and the log of it all."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from mien.app.asking import asked, asked_of_clip
from mien.app.bench import Bench
from mien.app.clip_routes import clip_with_sheet
from mien.app.guard import DeniedError
from mien.app.study_clips import Clip, clip_id
from mien.app.study_tables import follow
from mien.coding.adjudication import side_by_side
from mien.coding.annotation import Annotation, annotation_from_json
from mien.coding.edits import Edit, LogRow
from mien.coding.stages import FINAL, ClipState, Coder, Stage, may_see_sheet
from mien.core.errors import DataError

_LOG_ROWS = 1000


class EditBody(BaseModel):
    """An edit as pages send it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    key: str
    clip: str
    sheet: str
    action: Literal["put", "delete", "reject", "unreject"]
    expression: str | None = None
    base: int | None = None
    body: dict[str, Any] | None = None
    suggestion: str | None = None


class Move(BaseModel):
    """A stage to send a clip to."""

    model_config = ConfigDict(extra="forbid", strict=True)
    to: Stage
    reason: str = ""
    coders: list[str] = []


def edit(request: Request, body: EditBody) -> dict[str, Any]:
    """Keep one edit; what is answered is on disk."""
    bench, who, clip, _ = asked_of_clip(request, body.clip)
    made = _edit(bench, clip, body)
    answer = bench.store.put(made, by=who)
    sheet = bench.store.sheet(clip.participant, clip.run, body.sheet)
    return {
        "seq": answer.seq,
        "version": answer.version,
        "at": answer.at,
        "repeated": answer.repeated,
        "doubts": bench.doubts(clip, sheet),
    }


def _edit(bench: Bench, clip: Clip, body: EditBody) -> Edit:
    annotation: Annotation | None = None
    if body.action == "put":
        annotation = annotation_from_json(body.body)
        bench.check_frames(clip, annotation)
        bench.check_emotion(annotation)
    if body.action in ("put", "delete"):
        _check_uuid("expression", body.expression)
    elif body.suggestion not in {one.id for one in bench.suggestions.get(clip.id, ())}:
        raise DataError("suggestion", wanted="one of this clip", got="another", remedy="load the clip again")
    _check_uuid("key", body.key)
    return Edit(
        key=body.key,
        participant=clip.participant,
        run=clip.run,
        sheet=body.sheet,
        action=body.action,
        expression=body.expression,
        base=body.base,
        annotation=annotation,
        suggestion=body.suggestion,
    )


def _check_uuid(field: str, text: str | None) -> None:
    try:
        known = str(uuid.UUID(text or "")) == text
    except ValueError:
        known = False
    if not known:
        raise DataError(
            field, wanted="a UUID in small letters", got=ascii(text)[:60], remedy="make a new one"
        )


def done(request: Request, name: str) -> dict[str, Any]:
    """One's own sheet is done; when all are, the clip goes on to be verified."""
    bench, who, clip, _ = asked_of_clip(request, name)
    bench.store.set_done(clip.participant, clip.run, by=who)
    return _moved(bench, who, clip, [who.label])


def open_again(request: Request, name: str) -> dict[str, Any]:
    """One's own sheet is open again."""
    bench, who, clip, _ = asked_of_clip(request, name)
    bench.store.set_open(clip.participant, clip.run, by=who)
    return _moved(bench, who, clip, [who.label])


def reveal(request: Request, name: str) -> dict[str, Any]:
    """What was shown and reported, now that every expression has its units; the log says when."""
    bench, who, clip, _ = asked_of_clip(request, name)
    bench.store.reveal(clip.participant, clip.run, by=who)
    return bench.clips.context(clip)


def move(request: Request, name: str, body: Move) -> dict[str, Any]:
    """Send a clip to another stage."""
    bench, who, clip, state = asked_of_clip(request, name)
    bench.store.move(clip.participant, clip.run, body.to, body.reason, body.coders, by=who)
    return _moved(bench, who, clip, [*state.coders, FINAL])


def _moved(bench: Bench, who: Coder, clip: Clip, sheets: list[str]) -> dict[str, Any]:
    """The study's tables follow what is done; then the clip's new stage."""
    follow(bench, clip.participant, sheets)
    state = bench.store.clip(clip.participant, clip.run)
    return {"id": clip.id, "stage": state.stage, "mine": state.coders.get(who.label)}


def adjudication(request: Request, name: str) -> dict[str, Any]:
    """All sheets of a clip side by side, for who may see them."""
    bench, who, clip, state = asked_of_clip(request, name)
    if state.stage == "code" or not all(may_see_sheet(who, state, c) for c in (*state.coders, FINAL)):
        raise DeniedError(403, "The sheets are shown side by side after all have coded.", "blind")
    sheets = {
        label: {
            kept.id: kept.annotation
            for kept in bench.store.sheet(clip.participant, clip.run, label).expressions
            if kept.annotation is not None
        }
        for label in (*state.coders, FINAL)
    }
    groups = side_by_side(sheets, bench.clips.times_s(clip).tolist(), coders=list(state.coders))
    return {
        **clip_with_sheet(bench, who, clip, state, FINAL),
        "coders": list(state.coders),
        "groups": [
            {
                "members": [{"coder": c, "id": i, "body": said.as_json()} for c, i, said in group.members],
                "final": group.final,
                "agree": group.agree,
            }
            for group in groups
        ],
    }


def agreement(request: Request) -> dict[str, Any]:
    """Agreement of the coders over what the reader may see."""
    from mien.app.agreement_live import live_agreement  # its statistics would cost every start two seconds

    bench, who = asked(request)
    return live_agreement(bench, who)


def log(request: Request, after: int = 0, clip: str | None = None) -> list[dict[str, Any]]:
    """What happened, in order, as far as somebody may see it; at most 1000 rows."""
    bench, who = asked(request)
    states: dict[tuple[str, int], ClipState] = {(s.participant, s.run): s for s in bench.store.clips()}
    where: tuple[str, int] | tuple[None, None] = (None, None)
    if clip is not None:
        found, _ = bench.clip(clip, who)
        where = found.participant, found.run
    rows: list[dict[str, Any]] = []
    while len(rows) < _LOG_ROWS:
        page = bench.store.log(after=after, participant=where[0], run=where[1], limit=_LOG_ROWS)
        rows += [_log_row(row) for row in page if _may_read(who, row, states)]
        if len(page) < _LOG_ROWS:
            break
        after = page[-1].seq
    return rows[:_LOG_ROWS]


def _may_read(who: Coder, row: LogRow, states: dict[tuple[str, int], ClipState]) -> bool:
    """Rows of a sheet are read by who may see the sheet; those of no clip (accounts) by leads."""
    if row.participant is None or row.run is None:
        return who.role == "lead" or row.by == who.label
    state = states.get((row.participant, row.run))
    return state is not None and may_see_sheet(who, state, row.sheet or row.by)


def _log_row(row: LogRow) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": row.at,
        "by": row.by,
        "clip": None if row.participant is None or row.run is None else clip_id(row.participant, row.run),
        "sheet": row.sheet,
        "what": row.what,
        "expression": row.expression,
        "version": row.version,
        "before": row.before,
        "after": row.after,
    }
