"""A sheet as a file for other programs, and what other programs made of it back onto the sheet."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from mien.app.asking import asked_of_clip
from mien.app.guard import DeniedError


def export_sheet(request: Request, name: str, form: str, sheet: str | None = None) -> Response:
    """A sheet in a form."""
    asked_of_clip(request, name)
    raise DeniedError(404, "There is no such form.", "form")


async def import_sheet(request: Request, name: str, form: str) -> dict[str, Any]:
    """Expressions of a file onto one's own sheet."""
    asked_of_clip(request, name)
    raise DeniedError(404, "There is no such form.", "form")
