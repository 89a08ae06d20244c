"""The people of a bench: labels, tokens to sign in with, sessions.

Conventions: a token and a session's secret are seen once, by whom they are given to; the store keeps their
HMAC-SHA-256 under the bench's own secret, and finds them by it: the time tells nothing of how near a guess
was. A session ends after 30 days, with a new token, or when its coder is deactivated.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any, get_args

from sqlalchemy import Connection, delete, insert, select, update

from mien.coding.annotation import check_text
from mien.coding.edits import Refused
from mien.coding.stages import RESERVED, Coder, Role
from mien.coding.store_tables import coders, sessions
from mien.coding.transactions import Writing
from mien.core.errors import DataError

SESSION_S = 30 * 24 * 3600.0
MAX_NAME = 100

_LABEL = re.compile(r"[0-9A-Za-z]{1,32}")


def add_coder(writing: Writing, coder: Coder, *, by: str, secret: bytes) -> str:
    """Add a person and return their token.

    Raises
    ------
    DataError
        If the label cannot be or is taken (whatever the case of its letters), or role or name cannot be.
    """
    _check(coder)
    taken = [label.casefold() for label in writing.connection.execute(select(coders.c.label)).scalars()]
    if coder.label.casefold() in taken:
        raise DataError(
            "label",
            wanted="one that nobody has",
            got=coder.label,
            remedy="choose another, or give its owner a new token",
        )
    token = secrets.token_urlsafe(32)
    writing.connection.execute(
        insert(coders).values(
            label=coder.label,
            name=coder.name,
            role=coder.role,
            active=True,
            token_hmac=_kept(secret, "token", token),
        )
    )
    writing.record(by, "coder", after={"label": coder.label, "name": coder.name, "role": coder.role})
    return token


def new_token(writing: Writing, label: str, *, by: str, secret: bytes) -> str:
    """Give a person another token; the one before and the sessions under it end."""
    coder = find(writing.connection, label)
    if not coder.active:
        raise Refused("coder", wanted="one who is active", got=label, remedy="add somebody under a new label")
    token = secrets.token_urlsafe(32)
    kept = _kept(secret, "token", token)
    writing.connection.execute(update(coders).where(coders.c.label == label).values(token_hmac=kept))
    writing.connection.execute(delete(sessions).where(sessions.c.label == label))
    writing.record(by, "token", after={"label": label})
    return token


def deactivate(writing: Writing, label: str, *, by: str) -> None:
    """Shut a person out; what they coded stays."""
    if not find(writing.connection, label).active:
        return
    writing.connection.execute(update(coders).where(coders.c.label == label).values(active=False))
    writing.connection.execute(delete(sessions).where(sessions.c.label == label))
    writing.record(by, "deactivate", before={"active": True}, after={"label": label, "active": False})


def everybody(connection: Connection) -> list[Coder]:
    """All people in order of label, also those shut out."""
    return sorted(map(_coder, connection.execute(select(coders))), key=lambda coder: coder.label)


def find(connection: Connection, label: str) -> Coder:
    """The person of a label; raises DataError where there is none."""
    row = None
    if isinstance(label, str) and _LABEL.fullmatch(label):
        row = connection.execute(select(coders).where(coders.c.label == label)).one_or_none()
    if row is None:
        raise DataError(
            "coder", wanted="the label of somebody", got=ascii(label)[:60], remedy="add them first"
        )
    return _coder(row)


def acting(connection: Connection, who: Coder) -> Coder:
    """The person as the store knows them now; raises Refused where they were shut out."""
    row = connection.execute(select(coders).where(coders.c.label == who.label)).one_or_none()
    if row is None or not row.active:
        raise Refused("coder", wanted="one who is active", got=who.label, remedy="ask the lead")
    return _coder(row)


def leading(connection: Connection, by: str | Coder) -> str:
    """The label of who does what only a lead may; a bare label is the program's own word for it."""
    if isinstance(by, str):
        return by
    if acting(connection, by).role != "lead":
        raise Refused("coder", wanted="a lead", got=f"{by.label}, {by.role}", remedy="ask the lead")
    return by.label


def sign_in(writing: Writing, token: str, *, secret: bytes, expires: str) -> tuple[str, Coder] | None:
    """A session's secret and who it is of; None for a token that nobody active has."""
    kept = _kept(secret, "token", token)
    row = writing.connection.execute(select(coders).where(coders.c.token_hmac == kept)).one_or_none()
    writing.connection.execute(delete(sessions).where(sessions.c.expires_at <= writing.now))
    if row is None or not row.active:
        return None
    opened = secrets.token_urlsafe(32)
    writing.connection.execute(
        insert(sessions).values(
            secret_hmac=_kept(secret, "session", opened), label=row.label, expires_at=expires
        )
    )
    return opened, _coder(row)


def session(connection: Connection, opened: str, *, secret: bytes, now: str) -> Coder | None:
    """Whose session it is; None where it ended."""
    found = (
        select(coders)
        .join(sessions, sessions.c.label == coders.c.label)
        .where(sessions.c.secret_hmac == _kept(secret, "session", opened))
        .where(sessions.c.expires_at > now, coders.c.active)
    )
    row = connection.execute(found).one_or_none()
    return None if row is None else _coder(row)


def sign_out(writing: Writing, opened: str, *, secret: bytes) -> None:
    """End a session."""
    kept = _kept(secret, "session", opened)
    writing.connection.execute(delete(sessions).where(sessions.c.secret_hmac == kept))


def csrf(opened: str, *, secret: bytes) -> str:
    """The word that a session's own pages know, and others' cannot."""
    return _kept(secret, "csrf", opened)


def _kept(secret: bytes, purpose: str, word: str) -> str:
    message = f"{purpose}:{word}".encode(errors="backslashreplace")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _check(coder: Coder) -> None:
    if not _LABEL.fullmatch(coder.label) or coder.label.casefold() in RESERVED:
        raise DataError(
            "label",
            wanted=f"1 to 32 letters or digits, and not {' or '.join(RESERVED)}",
            got=ascii(coder.label)[:60],
            remedy="choose another",
        )
    check_text("name", coder.name, least=1, most=MAX_NAME)
    if coder.role not in get_args(Role):
        raise DataError(
            "role",
            wanted=f"one of {', '.join(get_args(Role))}",
            got=ascii(coder.role)[:60],
            remedy="correct it",
        )


def _coder(row: Any) -> Coder:
    return Coder(row.label, row.name, row.role, row.active)
