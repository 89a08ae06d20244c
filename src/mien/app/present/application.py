"""The web application of `mien present`: routes behind their keys, errors as one sentence, pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from mien.app.application import STATIC, answers_to_errors, page_of
from mien.app.guard import MEDIA_POLICY, DeniedError, Door
from mien.app.present.access import ROLE_HEADER, Access, PageRole
from mien.app.present.routes import ROUTES, PresentRoute
from mien.app.present.session import PresentSession
from mien.elicitation.conductor import OrderError

PAGES: Mapping[str, str] = {
    "/": "monitor.html",
    "/participant": "participant.html",
    "/display": "display.html",
}


def present_application(session: PresentSession, *, hosts: Sequence[str]) -> Any:
    """The application for one session; `hosts` as in `create_application`."""
    app = FastAPI(title="mien present", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.session = session
    return served(
        app, ROUTES, PAGES, access=session.access, title=session.title, clips=session.media, hosts=hosts
    )


def served(
    app: FastAPI,
    routes: Sequence[PresentRoute],
    pages: Mapping[str, str],
    *,
    access: Access,
    title: str,
    clips: Mapping[str, Path],
    hosts: Sequence[str],
) -> Any:
    """Give an application its routes, pages and guards."""
    app.state.access, app.state.title, app.state.clips = access, title, clips
    for route in routes:
        guards = [Depends(_guard(access, route.roles))] if route.roles else []
        app.add_api_route(
            route.path, route.handler, methods=[route.method], dependencies=guards, response_model=None
        )
    files = {f"/{path.relative_to(STATIC).as_posix()}": path for path in sorted(STATIC.glob("assets/*"))}
    files |= {path: STATIC / name for path, name in pages.items() if (STATIC / name).is_file()}
    for path, file in files.items():
        app.add_api_route(path, page_of(file), methods=["GET"], include_in_schema=False)
    answers_to_errors(app)
    app.add_exception_handler(OrderError, _order)
    return Door(app, hosts=hosts, policy=MEDIA_POLICY)


def _guard(access: Access, roles: tuple[PageRole, ...]) -> Callable[[Request], None]:
    def guard(request: Request) -> None:
        stated = request.headers.get(ROLE_HEADER) or request.query_params.get("role") or ""
        role = roles[0] if len(roles) == 1 else next((r for r in roles if r == stated), None)
        if role is None:
            raise DeniedError(
                401, "This page is not signed in: open the link that mien printed.", "signed-out"
            )
        request.state.name = access.who(request, role)
        request.state.role = role

    return guard


def _order(_: Request, error: Exception) -> Response:
    assert isinstance(error, OrderError)
    trial = error.expected
    expected = None if trial is None else {"trial": trial.number, "practice": trial.practice}
    return JSONResponse({"error": error.sentence, "kind": "order", "expected": expected}, status_code=409)
