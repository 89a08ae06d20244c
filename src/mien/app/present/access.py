"""Who may ask what: one secret key for each kind of page, told to the experimenter when the server starts.

A page gives its key once and gets a cookie that scripts cannot read; whatever changes something states a
token that only our page knows. Keys stay with the session, so that a page outlives a killed server.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from mien.app.guard import CSRF_HEADER, DeniedError, Tries, check_origin

PageRole = Literal["operator", "participant", "display", "rater"]
ROLES: tuple[PageRole, ...] = get_args(PageRole)
ROLE_HEADER = "x-mien-role"


@dataclass(frozen=True)
class Access:
    """The keys of one server by role (raters: by name, as in "rater:r01"), and the wrong ones tried."""

    keys: Mapping[str, str]
    tries: Tries

    @classmethod
    def kept(cls, path: Path, names: tuple[str, ...]) -> Access:
        """The keys that lie there, or new ones; only the owner can read the file."""
        keys: dict[str, str] = {}
        if path.is_file():
            try:
                stored = json.loads(path.read_bytes())
                keys = {str(name): str(key) for name, key in stored.items()}
            except (ValueError, AttributeError):
                keys = {}
        missing = [name for name in names if name not in keys]
        keys |= {name: secrets.token_urlsafe(18) for name in missing}
        if missing:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w") as file:
                json.dump(keys, file)
        return cls({name: keys[name] for name in names}, Tries())

    def enter(self, role: str, key: str) -> str:
        """The name of who has this key; raises DeniedError where nobody has."""
        self.tries.check()
        for name, kept in self.keys.items():
            if name.partition(":")[0] == role and hmac.compare_digest(kept.encode(), key.encode()):
                return name
        self.tries.failed()
        raise DeniedError(401, "This link is not good here: open the one that mien printed.", "key")

    def who(self, request: Any, role: PageRole) -> str:
        """Who asks, as a page of this role.

        Raises
        ------
        DeniedError
            If the request has no good cookie of this role, comes from another page, or lacks its token.
        """
        given = request.cookies.get(cookie_of(role)) or ""
        name = next(
            (n for n, key in self.keys.items() if n.partition(":")[0] == role and _same(key, given)), None
        )
        if name is None:
            raise DeniedError(
                401, "This page is not signed in: open the link that mien printed.", "signed-out"
            )
        if request.method not in ("GET", "HEAD"):
            check_origin(request.headers)
            if not _same(csrf_of(given), request.headers.get(CSRF_HEADER) or ""):
                raise DeniedError(403, "The request did not come from our page: load it again.", "csrf")
        return name


def cookie_of(role: str) -> str:
    """The cookie of a kind of page: one browser may show several."""
    return f"mien_{role}"


def csrf_of(key: str) -> str:
    """The token that requests of a page state."""
    return hashlib.sha256(b"mien csrf " + key.encode()).hexdigest()[:32]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
