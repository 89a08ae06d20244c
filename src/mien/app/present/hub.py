"""Live events to pages: server-sent events, from any thread; a page that is too slow loses the oldest."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mien.core.records import to_json

_ROOM = 200
_HEARTBEAT_S = 5.0


@dataclass(eq=False)
class _Listener:
    role: str
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_ROOM))

    def put(self, message: bytes | None) -> None:
        """On the loop's own thread."""
        if self.queue.full():
            with contextlib.suppress(asyncio.QueueEmpty):
                self.queue.get_nowait()
        self.queue.put_nowait(message)


class Hub:
    """Who listens, by role."""

    def __init__(self) -> None:
        self._listeners: list[_Listener] = []
        self._lock = threading.Lock()
        self._closed = False

    def tell(self, role: str, event: str, data: Mapping[str, Any]) -> None:
        """Send an event to every page of a role; returns at once."""
        message = _message(event, data)
        with self._lock:
            listeners = [one for one in self._listeners if one.role == role]
        for one in listeners:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                one.loop.call_soon_threadsafe(one.put, message)

    def listening(self, role: str) -> bool:
        """Whether a page of this role is connected."""
        with self._lock:
            return any(one.role == role for one in self._listeners)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        with self._lock:
            self._closed = True
            listeners = list(self._listeners)
        for one in listeners:
            with contextlib.suppress(RuntimeError):
                one.loop.call_soon_threadsafe(one.put, None)

    async def stream(
        self, role: str, first: Mapping[str, Any], changed: Callable[[], None]
    ) -> AsyncIterator[bytes]:
        """The events of one page as `text/event-stream`, its state first; `changed` at both ends."""
        one = _Listener(role, asyncio.get_running_loop())
        with self._lock:
            self._listeners.append(one)
        changed()
        try:
            yield _message("state", first)
            while not self._closed:
                try:
                    message = await asyncio.wait_for(one.queue.get(), _HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if message is None:
                    return
                yield message
        finally:
            with self._lock:
                self._listeners.remove(one)
            changed()


def _message(event: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(to_json(dict(data)), ensure_ascii=False)}\n\n".encode()
