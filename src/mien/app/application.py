"""The bench as a web application: its routes behind their guards, errors as one sentence, and the page."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from mien.app.bench import Bench
from mien.app.guard import DeniedError, Door, who_asks
from mien.app.routes import ROUTES, Route
from mien.coding.edits import Conflict, Refused, Unavailable
from mien.coding.stages import Role
from mien.core.errors import MienError

STATIC = Path(__file__).parent / "static"
"""The built page; `make web` makes it."""

_log = logging.getLogger(__name__)


def create_application(bench: Bench, *, hosts: Sequence[str]) -> Any:
    """The application for one bench.

    Parameters
    ----------
    hosts
        What a request may give as its host, as in "127.0.0.1:8420"; every other one is refused.
    """
    app = FastAPI(title="mien", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.bench = bench
    for route in ROUTES:
        _add(app, route)
    for path, file in _pages().items():
        app.add_api_route(path, page_of(file), methods=["GET"], include_in_schema=False)
    answers_to_errors(app)
    return Door(app, hosts=hosts)


def answers_to_errors(app: FastAPI) -> None:
    """Have an application answer every error with one sentence."""
    app.add_exception_handler(DeniedError, _denied)
    app.add_exception_handler(MienError, _explained)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(Exception, _broken)


def _add(app: FastAPI, route: Route) -> None:
    guards = [] if route.least is None else [Depends(_guard(route.least))]
    app.add_api_route(
        route.path, route.handler, methods=[route.method], dependencies=guards, response_model=None
    )


def _guard(least: Role) -> Callable[[Request], None]:
    def guard(request: Request) -> None:
        store = request.app.state.bench.store
        coder, _ = who_asks(store, request.cookies, request.headers, request.method, least)
        request.state.coder = coder

    return guard


# --- the page: exactly the files that were there at the start, by name; no path is ever put together


def _pages() -> dict[str, Path]:
    if not (STATIC / "index.html").is_file():
        return {}
    files = [*STATIC.glob("assets/*"), *(p for p in STATIC.glob("*.*") if p.suffix != ".html")]
    served = {f"/{path.relative_to(STATIC).as_posix()}": path for path in files if path.is_file()}
    return {**served, "/": STATIC / "index.html", "/index.html": STATIC / "index.html"}


def page_of(file: Path) -> Callable[[], Response]:
    """A handler that answers with a built file; those whose names hold a digest are kept by browsers."""
    content = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    named = file.parent.name == "assets"  # their names hold a digest of what is in them
    headers = {"Cache-Control": "private, max-age=31536000, immutable" if named else "no-cache"}

    def page() -> Response:
        return Response(content, media_type=kind, headers=headers)

    return page


# --- errors


def _answer(status: int, sentence: str, kind: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": sentence, "kind": kind, **more}, status_code=status)


def _denied(_: Request, error: Exception) -> Response:
    assert isinstance(error, DeniedError)
    return _answer(error.status, error.sentence, error.kind)


def _explained(_: Request, error: Exception) -> Response:
    if isinstance(error, Conflict):
        yours = None if error.yours is None else error.yours.as_json()
        theirs = error.theirs
        body = None if theirs.annotation is None else theirs.annotation.as_json()
        kept = {"version": theirs.version, "body": body, "by": theirs.by, "at": theirs.at}
        return _answer(409, str(error), "conflict", yours={"body": yours}, theirs=kept)
    if isinstance(error, Refused):
        return _answer(403, str(error), "refused")
    if isinstance(error, Unavailable):
        return _answer(503, str(error), "store")
    return _answer(400, str(error), "data")


def _malformed(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ascii(".".join(map(str, first.get("loc", ()))))[1:-1][:60] or "request"
    got = ascii(first.get("input"))[:60]
    return _answer(400, f"{where}: {first.get('msg', 'wrong')}, got {got}; correct it.", "request")


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    kind = "size" if error.status_code == 413 else "address"
    return _answer(error.status_code, words.get(error.status_code, str(error.detail)), kind)


def _disk(_: Request, error: Exception) -> Response:
    _log.error("disk: %s", error)
    return _answer(
        507, "The study's disk refused: nothing was kept; free space or look at its permissions.", "disk"
    )


def _broken(_: Request, error: Exception) -> Response:
    _log.exception("unexpected", exc_info=error)
    return _answer(
        500, "The bench failed at this; what was acknowledged is kept. Its log says more.", "failure"
    )
