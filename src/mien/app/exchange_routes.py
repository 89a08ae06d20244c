"""A sheet as a file for other programs, and what other programs made of it back onto the sheet."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from mien.app.asking import asked_of_clip
from mien.app.guard import DeniedError
from mien.app.sheet_additions import add_to_sheet, told
from mien.app.sheet_files import FORMS, file_name, read_sheet_file, write_sheet
from mien.coding.stages import may_edit, may_see_sheet
from mien.dataset import may_leave


def export_sheet(request: Request, name: str, form: str, sheet: str | None = None) -> Response:
    """A sheet in a form, one's own without a label; `X-Mien-Left-Out` counts what the form cannot hold."""
    bench, who, clip, state = asked_of_clip(request, name)
    _check_form(form)
    label = sheet or who.label
    if not may_see_sheet(who, state, label):
        raise DeniedError(
            403, "You code this clip blind: other sheets are shown after all have coded.", "blind"
        )
    level = bench.study.participants[clip.participant].consent_level
    if not may_leave("trace", level, audience="analysis"):
        raise DeniedError(403, "The participant did not allow this to leave the study.", "consent")
    file = write_sheet(bench, clip, label, form)
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name(clip, label, form)}"',
        "X-Mien-Left-Out": str(file.left_out),
    }
    return Response(file.content, media_type=file.media_type, headers=headers)


async def import_sheet(request: Request, name: str, form: str) -> dict[str, Any]:
    """Expressions of a file onto one's own open sheet."""
    content = await request.body()
    return await run_in_threadpool(_import, request, name, form, content)


def _import(request: Request, name: str, form: str, content: bytes) -> dict[str, Any]:
    bench, who, clip, state = asked_of_clip(request, name)
    _check_form(form)
    if not may_edit(who, state, who.label):
        raise DeniedError(
            403, "Your sheet of this clip is not open: a file goes onto your own open sheet only.", "sheet"
        )
    problems: list[str] = []
    found = read_sheet_file(bench, clip, form, content, problems)
    added = add_to_sheet(bench, clip, who, found, problems)
    return {"added": added, "problems": told(problems)}


def _check_form(form: str) -> None:
    if form not in FORMS:
        raise DeniedError(404, f"There is no such form: choose one of {', '.join(FORMS)}.", "form")
