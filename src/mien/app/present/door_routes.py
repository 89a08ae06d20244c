"""Coming in, the clock, the live events and the clips."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict

from mien.app.guard import DeniedError, check_origin
from mien.app.present.access import PageRole, cookie_of, csrf_of
from mien.app.present.asking import session_of
from mien.elicitation.clock import now_s


class Key(BaseModel):
    """What a page comes in with."""

    model_config = ConfigDict(extra="forbid", strict=True)
    role: PageRole
    key: str


def enter(request: Request, response: Response, body: Key) -> dict[str, str]:
    """A cookie for a key."""
    check_origin(request.headers)
    access = request.app.state.access
    name = access.enter(body.role, body.key)
    response.set_cookie(cookie_of(body.role), body.key, httponly=True, samesite="strict", path="/")
    return _entered(request, body.role, name, body.key)


def entered(request: Request, role: str = "") -> dict[str, str]:
    """The same for a page that was loaded again."""
    if role not in get_args(PageRole):
        raise DeniedError(401, "This page is not signed in: open the link that mien printed.", "signed-out")
    name = request.app.state.access.who(request, role)
    return _entered(request, role, name, request.cookies[cookie_of(role)])


def _entered(request: Request, role: str, name: str, key: str) -> dict[str, str]:
    return {"csrf": csrf_of(key), "role": role, "name": name, "study": request.app.state.title}


def clock() -> dict[str, float]:
    """The session's clock, now."""
    return {"now_s": now_s()}


async def live(request: Request) -> Response:
    """The events of a page, for as long as it listens."""
    session, role = session_of(request), request.state.role
    first = {
        "operator": session.snapshot,
        "participant": session.participant_state,
        "display": session.display_state,
    }[role]()
    stream = session.hub.stream(role, first, session.changed)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def clip(request: Request, name: str) -> Response:
    """A clip's file, or the part of it that is asked for."""
    path = request.app.state.clips.get(name)
    if path is None or not path.is_file():
        raise DeniedError(404, "There is no such clip.", "address")
    kind = "video/webm" if path.suffix == ".webm" else "video/mp4"
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "no-store"})


def no_such() -> dict[str, Any]:
    """Nothing lies here."""
    raise DeniedError(404, "There is nothing at this address.", "address")
