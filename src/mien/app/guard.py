"""Who gets in: host names, sizes, headers of every answer, signed-in people, and where a request came from.

Conventions: a request for another host name than ours is refused, since a page elsewhere could give its own
name our address (DNS rebinding). A request that changes something states the token that only our page knows,
and comes from our page if the browser says where from. What somebody may not know of is not found (404).
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.coding.stages import Coder, Role

if TYPE_CHECKING:
    from mien.coding.store import CodingStore

COOKIE = "mien_session"
CSRF_HEADER = "x-mien-csrf"
LARGEST_BODY = 64 * 1024
LARGEST_UPLOAD = 2 * 2**20
SESSION_DAYS = 30
_UPLOADS = "/import/"
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MEDIA_POLICY = f"{_CSP}; media-src 'self' blob:"
"""The policy of pages that play clips."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_TRIES, _WITHIN_S = 10, 60.0
_RANK: dict[str, int] = {"coder": 0, "expert": 1, "lead": 2}


class DeniedError(Exception):
    """A request that is not answered: status, one sentence, kind."""

    def __init__(self, status: int, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.kind = status, sentence, kind


class Door:
    """The outermost layer: host names, body sizes, and the headers that every answer carries."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], policy: str = _CSP) -> None:
        self._app, self._hosts = app, frozenset(host.lower() for host in hosts)
        self._headers = ((b"content-security-policy", policy.encode()), *_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            await self._refuse(
                send, 400, f"Host: wanted {', '.join(sorted(self._hosts))}, got another.", "host"
            )
            return
        most = LARGEST_UPLOAD if _UPLOADS in scope["path"] else LARGEST_BODY
        stated = headers.get(b"content-length", b"0")
        if not stated.isdigit() or int(stated) > most:
            await self._refuse(send, 413, _too_large(most), "size")
            return
        await self._bounded(scope, receive, send, most)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise HTTPException(413, _too_large(most))
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                more = [(n, v) for n, v in (*self._headers, (b"cache-control", b"no-store")) if n not in own]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, counted, with_headers)

    async def _refuse(self, send: Send, status: int, sentence: str, kind: str) -> None:
        body = json.dumps({"error": sentence, "kind": kind}).encode()
        headers = [(b"content-type", b"application/json"), *self._headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _too_large(most: int) -> str:
    return f"The request is larger than {most} bytes: send less."


class Tries:
    """How often somebody tried a wrong token lately; too often, and nobody may try for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._failed: deque[float] = deque(maxlen=_TRIES)

    def check(self) -> None:
        """Raise DeniedError where ten tries failed within the last minute."""
        with self._lock:
            full = len(self._failed) == _TRIES and self._clock() - self._failed[0] < _WITHIN_S
        if full:
            raise DeniedError(429, "Too many wrong tokens: wait a minute, then try again.", "tries")

    def failed(self) -> None:
        """Count a wrong token."""
        with self._lock:
            self._failed.append(self._clock())


def who_asks(store: CodingStore, cookies: Any, headers: Any, method: str, least: Role) -> tuple[Coder, str]:
    """The person of a request and their session; raises DeniedError if there is none, or one who may not.

    Parameters
    ----------
    least
        The role from which on this may be done: coder, expert, lead.
    """
    secret = cookies.get(COOKIE) or ""
    coder = store.session(secret) if secret else None
    if coder is None:
        raise DeniedError(
            401, "You are not signed in: open the link or give the token you were sent.", "signed-out"
        )
    if method not in ("GET", "HEAD"):
        check_origin(headers)
        if not _equal(headers.get(CSRF_HEADER) or "", store.csrf(secret)):
            raise DeniedError(
                403, "The request did not come from the page of this bench: load it again.", "csrf"
            )
    if _RANK[coder.role] < _RANK[least]:
        raise DeniedError(
            403, f"This needs the role {least}, and you are {coder.role}: ask your lead.", "role"
        )
    return coder, secret


def check_origin(headers: Any) -> None:
    """Raise DeniedError where the browser says that a request came from another page than ours."""
    site, origin, host = (headers.get(n) for n in ("sec-fetch-site", "origin", "host"))
    foreign = site not in (None, "same-origin", "none")
    if foreign or (origin is not None and origin not in (f"http://{host}", f"https://{host}")):
        raise DeniedError(403, "The request came from another page: use the bench's own.", "origin")


def _equal(one: str, other: str) -> bool:
    import hmac

    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
