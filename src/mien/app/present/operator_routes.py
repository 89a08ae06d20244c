"""The experimenter's page: state, camera, checks, baseline, reminders; and what the display answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from mien.app.guard import DeniedError
from mien.app.present.asking import Posted, ShortText, session_of
from mien.app.present.session import PresentSession

_PICTURES_PER_S = 12
_LONG_SIDE_PX = 640
_QUALITY = 80
_BOUNDARY = b"mien-picture"


class Operator(BaseModel):
    """Initials of who watches; a page may state more."""

    operator: Annotated[str, Field(min_length=1, max_length=40)]


class Begin(BaseModel):
    """Let the participant begin."""

    operator: Annotated[str, Field(max_length=40)] | None = None


class Seconds(BaseModel):
    """A length."""

    seconds: float = 20


class Reminding(Posted):
    """A reminder that somebody asked for; `pressed_s` is the key's time on the session's clock."""

    reason: ShortText
    pressed_ms: float | None = None


class Automatic(BaseModel):
    """Automatic reminding."""

    model_config = ConfigDict(extra="ignore")
    on: bool
    threshold: float | None = None
    refractory_s: float | None = None


class Note(BaseModel):
    """A remark."""

    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Stopping(BaseModel):
    """How the experimenter ends the session."""

    choice: Literal["keep", "discard"] | None = None


class Shown(Posted):
    """The small display painted a reminder."""

    reminder: Annotated[str, Field(max_length=64)]


def snapshot(request: Request) -> dict[str, Any]:
    """The whole state."""
    return session_of(request).snapshot()


def name(request: Request, body: Operator) -> dict[str, bool]:
    """Who watches."""
    session_of(request).conductor.name_operator(body.operator)
    return {"ok": True}


def begin(request: Request, body: Begin) -> dict[str, bool]:
    """Let the participant go on from the waiting screen; not while a clip cannot be played."""
    session = session_of(request)
    if session.refused:
        raise DeniedError(409, session.refused[0], "clip")
    session.conductor.begin(body.operator or session.conductor.operator)
    return {"ok": True}


def check(request: Request) -> dict[str, Any]:
    """Look at the room; takes some seconds."""
    return {"checks": session_of(request).check()}


def baseline(request: Request, body: Seconds) -> dict[str, bool]:
    """Measure the participant's own baseline."""
    session_of(request).take_baseline(body.seconds)
    return {"ok": True}


def remind(request: Request, body: Reminding) -> dict[str, str]:
    """Send a reminder."""
    sent = session_of(request).conductor.remind(body.reason, "operator", pressed_s=body.at_s, post=body.id)
    return {"id": sent.id}


def automatic(request: Request, body: Automatic) -> dict[str, bool]:
    """Switch automatic reminding."""
    session = session_of(request)
    session.set_automatic(on=body.on, threshold=body.threshold, refractory_s=body.refractory_s)
    return {"ok": True}


def pause(request: Request) -> dict[str, bool]:
    """Wait before the next trial."""
    session_of(request).conductor.pause(True)
    return {"ok": True}


def go_on(request: Request) -> dict[str, bool]:
    """Wait no longer."""
    session_of(request).conductor.pause(False)
    return {"ok": True}


def note(request: Request, body: Note) -> dict[str, bool]:
    """Keep a remark."""
    session_of(request).conductor.note(body.text)
    return {"ok": True}


def stop(request: Request, body: Stopping) -> dict[str, bool]:
    """End the session."""
    session_of(request).conductor.stop("operator", body.choice)
    return {"ok": True}


def shown(request: Request, body: Shown) -> dict[str, bool]:
    """Keep when the small display painted a reminder."""
    session_of(request).conductor.shown(body.reminder, body.as_posted())
    return {"ok": True}


# --- the camera's picture: for the experimenter alone, kept nowhere


async def camera(request: Request) -> Response:
    """JPEG pictures one after another, as an <img> shows them."""
    session = session_of(request)
    if session.conductor.equipment.feed is None:
        raise DeniedError(404, "There is no camera: start with --camera.", "camera")
    kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"
    return StreamingResponse(_pictures(request, session), media_type=kind)


async def _pictures(request: Request, session: PresentSession) -> AsyncIterator[bytes]:
    feed, last = session.conductor.equipment.feed, -1
    assert feed is not None
    while not await request.is_disconnected() and not session.ending:
        frame = feed.latest()
        if frame is not None and frame.counter != last:
            last = frame.counter
            picture = await asyncio.to_thread(_jpeg, frame.image)
            yield b"--" + _BOUNDARY + b"\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n"
        await asyncio.sleep(1 / _PICTURES_PER_S)


def _jpeg(image: Any) -> bytes:
    import cv2

    scale = _LONG_SIDE_PX / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, packed = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return packed.tobytes()
