"""Every way into the bench: method, path, handler, and the least role that it needs. Nothing else is served.

Tests walk over this table: each route x each role.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mien.app import clip_routes, edit_routes, exchange_routes, people_routes
from mien.coding.stages import Role


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `least` None: no sign-in is needed."""

    method: str
    path: str
    handler: Callable[..., Any]
    least: Role | None = "coder"


_CLIP = "/api/clips/{name}"

ROUTES = (
    Route("POST", "/api/session", people_routes.sign_in, None),
    Route("DELETE", "/api/session", people_routes.sign_out),
    Route("GET", "/api/me", people_routes.me),
    Route("GET", "/api/study", people_routes.study),
    Route("GET", "/api/coders", people_routes.coders, "lead"),
    Route("POST", "/api/coders", people_routes.add_coder, "lead"),
    Route("POST", "/api/coders/{label}/token", people_routes.new_token, "lead"),
    Route("DELETE", "/api/coders/{label}", people_routes.deactivate, "lead"),
    Route("GET", "/api/clips", clip_routes.clip_list),
    Route("GET", _CLIP, clip_routes.clip),
    Route("PUT", f"{_CLIP}/assignment", clip_routes.assign, "lead"),
    Route("POST", "/api/assignments", clip_routes.assign_many, "lead"),
    Route("GET", f"{_CLIP}/proxy", clip_routes.proxy_state),
    Route("POST", f"{_CLIP}/proxy", clip_routes.make_proxy),
    Route("GET", f"{_CLIP}/frames/{{number}}", clip_routes.frame),
    Route("GET", f"{_CLIP}/flow", clip_routes.flow),
    Route("GET", f"{_CLIP}/traces", clip_routes.traces),
    Route("POST", "/api/edits", edit_routes.edit),
    Route("POST", f"{_CLIP}/done", edit_routes.done),
    Route("POST", f"{_CLIP}/open", edit_routes.open_again),
    Route("POST", f"{_CLIP}/reveal", edit_routes.reveal),
    Route("POST", f"{_CLIP}/stage", edit_routes.move, "expert"),
    Route("GET", f"{_CLIP}/adjudication", edit_routes.adjudication, "expert"),
    Route("GET", "/api/agreement", edit_routes.agreement, "expert"),
    Route("GET", "/api/log", edit_routes.log),
    Route("GET", f"{_CLIP}/export/{{form}}", exchange_routes.export_sheet),
    Route("POST", f"{_CLIP}/import/{{form}}", exchange_routes.import_sheet),
)
