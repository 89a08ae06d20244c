"""What the handlers of `mien present` ask first, and the bodies that several of them take."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from mien.app.present.session import PresentSession

ShortText = Annotated[str, Field(min_length=1, max_length=200)]


class Posted(BaseModel):
    """What every post of a page states: its identity, and its time on the session's clock and its own."""

    model_config = ConfigDict(extra="allow")
    id: Annotated[str, Field(min_length=8, max_length=64)]
    at_s: float | None = None
    page_ms: float | None = None
    uncertainty_ms: float | None = None

    def as_posted(self) -> dict[str, Any]:
        """The body as the conductor takes it."""
        return self.model_dump()


def session_of(request: Request) -> PresentSession:
    """The session of the application."""
    return cast(PresentSession, request.app.state.session)
