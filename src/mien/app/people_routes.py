"""Signing in and out, and the accounts of a study."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from mien.app.asking import asked, bench_of
from mien.app.guard import COOKIE, SESSION_DAYS, DeniedError, check_origin
from mien.coding.stages import Coder, Role
from mien.core.labels import ACTION_UNITS


class Token(BaseModel):
    """What somebody signs in with."""

    model_config = ConfigDict(extra="forbid", strict=True)
    token: str


class NewCoder(BaseModel):
    """An account to be made."""

    model_config = ConfigDict(extra="forbid", strict=True)
    label: str
    name: str
    role: Role


def sign_in(request: Request, response: Response, body: Token) -> dict[str, str]:
    """A session for a token."""
    bench = bench_of(request)
    check_origin(request.headers)
    bench.tries.check()
    found = bench.store.sign_in(body.token)
    if found is None:
        bench.tries.failed()
        raise DeniedError(401, "Nobody has this token: check it, or ask your lead for a new one.", "token")
    secret, coder = found
    response.set_cookie(
        COOKIE, secret, max_age=SESSION_DAYS * 86_400, httponly=True, samesite="strict",
        secure=bench.secure_cookie, path="/",
    )  # fmt: skip
    return _person(coder)


def sign_out(request: Request, response: Response) -> dict[str, bool]:
    """The session ends."""
    bench_of(request).store.sign_out(request.cookies[COOKIE])
    response.delete_cookie(COOKIE, path="/")
    return {"signed_out": True}


def me(request: Request) -> dict[str, str]:
    """Who is signed in, and the token that requests must state."""
    bench, coder = asked(request)
    return {**_person(coder), "csrf": bench.store.csrf(request.cookies[COOKIE])}


def study(request: Request) -> dict[str, Any]:
    """What is common to all clips."""
    bench, _ = asked(request)
    units = [{"number": n, "name": name, "region": region} for n, (name, region) in ACTION_UNITS.items()]
    return {
        "id": bench.store.study_id(),
        "name": bench.folder.resolve().name,
        "emotions": list(bench.emotions),
        "action_units": units,
        "method": bench.method,
    }


def coders(request: Request) -> list[dict[str, Any]]:
    """Every account."""
    return [{**_person(who), "active": who.active} for who in bench_of(request).store.coders()]


def add_coder(request: Request, body: NewCoder) -> dict[str, str]:
    """A new account; its token is told once."""
    bench, lead = asked(request)
    return {
        "label": body.label,
        "token": bench.store.add_coder(body.label, body.name, body.role, by=lead.label),
    }


def new_token(request: Request, label: str) -> dict[str, str]:
    """Another token for an account; the old one and its sessions end."""
    bench, lead = asked(request)
    return {"label": label, "token": bench.store.new_token(label, by=lead.label)}


def deactivate(request: Request, label: str) -> dict[str, Any]:
    """An account that can no longer be used; what it coded stays."""
    bench, lead = asked(request)
    if label == lead.label:
        raise DeniedError(400, "You cannot take away your own account: ask another lead.", "coder")
    bench.store.deactivate(label, by=lead.label)
    return {"label": label, "active": False}


def _person(coder: Coder) -> dict[str, str]:
    return {"label": coder.label, "name": coder.name, "role": coder.role}
