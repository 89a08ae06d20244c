"""Every way into `mien present`: method, path, handler, and which page may ask. Nothing else is served.

Tests walk over this table: each route x each role.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mien.app.present import door_routes, operator_routes, participant_routes
from mien.app.present.access import PageRole


@dataclass(frozen=True, slots=True)
class PresentRoute:
    """One route; no `roles`: no key is needed. With several, the page says which it is."""

    method: str
    path: str
    handler: Callable[..., Any]
    roles: tuple[PageRole, ...] = ()


_OPERATOR: tuple[PageRole, ...] = ("operator",)
_PARTICIPANT: tuple[PageRole, ...] = ("participant",)
_DISPLAY: tuple[PageRole, ...] = ("display",)
_PAGES: tuple[PageRole, ...] = ("operator", "participant", "display")

DOOR = (
    PresentRoute("POST", "/api/door", door_routes.enter),
    PresentRoute("GET", "/api/door", door_routes.entered),
)
ROUTES = (
    *DOOR,
    PresentRoute("POST", "/api/clock", door_routes.clock, _PAGES),
    PresentRoute("GET", "/api/live", door_routes.live, _PAGES),
    PresentRoute("GET", "/media/{name}", door_routes.clip, _PARTICIPANT),
    PresentRoute("GET", "/api/participant/plan", participant_routes.plan, _PARTICIPANT),
    PresentRoute("POST", "/api/participant/consent", participant_routes.consent, _PARTICIPANT),
    PresentRoute("POST", "/api/participant/preloaded", participant_routes.preloaded, _PARTICIPANT),
    PresentRoute("POST", "/api/participant/event", participant_routes.step, _PARTICIPANT),
    PresentRoute("POST", "/api/participant/stop", participant_routes.stop, _PARTICIPANT),
    PresentRoute("GET", "/api/operator/session", operator_routes.snapshot, _OPERATOR),
    PresentRoute("GET", "/api/operator/camera", operator_routes.camera, _OPERATOR),
    PresentRoute("POST", "/api/operator/name", operator_routes.name, _OPERATOR),
    PresentRoute("POST", "/api/operator/begin", operator_routes.begin, _OPERATOR),
    PresentRoute("POST", "/api/operator/check", operator_routes.check, _OPERATOR),
    PresentRoute("POST", "/api/operator/baseline", operator_routes.baseline, _OPERATOR),
    PresentRoute("POST", "/api/operator/reminder", operator_routes.remind, _OPERATOR),
    PresentRoute("POST", "/api/operator/automatic", operator_routes.automatic, _OPERATOR),
    PresentRoute("POST", "/api/operator/pause", operator_routes.pause, _OPERATOR),
    PresentRoute("POST", "/api/operator/continue", operator_routes.go_on, _OPERATOR),
    PresentRoute("POST", "/api/operator/note", operator_routes.note, _OPERATOR),
    PresentRoute("POST", "/api/operator/stop", operator_routes.stop, _OPERATOR),
    PresentRoute("POST", "/api/display/shown", operator_routes.shown, _DISPLAY),
)
