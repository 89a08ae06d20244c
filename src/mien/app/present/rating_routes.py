"""Every way into a server of ratings: the door, the clock, the clips, and a rater's own plan and ratings."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Request
from pydantic import Field

from mien.app.present import door_routes
from mien.app.present.access import PageRole
from mien.app.present.asking import Posted
from mien.app.present.rating import Collection
from mien.app.present.routes import DOOR, PresentRoute
from mien.elicitation.ratings import HIGH, LOW

_RATER: tuple[PageRole, ...] = ("rater",)
_Point = Annotated[int, Field(ge=LOW, le=HIGH, strict=True)]


class Rating(Posted):
    """One rating, of one clip by its sign."""

    stimulus: Annotated[str, Field(max_length=64)]
    emotion: Annotated[str, Field(max_length=100)]
    valence: _Point
    arousal: _Point
    watched_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0


def _collection(request: Request) -> Collection:
    return cast(Collection, request.app.state.collection)


def _rater(request: Request) -> str:
    return str(request.state.name).partition(":")[2]


def plan(request: Request) -> dict[str, Any]:
    """The clips of the rater who asks, in their order; nothing of what others said."""
    return _collection(request).plan(_rater(request))


def rate(request: Request, body: Rating) -> dict[str, int]:
    """Keep a rating, in place of an earlier one."""
    left = _collection(request).rate(
        _rater(request), body.stimulus, body.emotion, body.valence, body.arousal, body.watched_s
    )
    return {"left": left}


RATING_ROUTES = (
    *DOOR,
    PresentRoute("POST", "/api/clock", door_routes.clock, _RATER),
    PresentRoute("GET", "/media/{name}", door_routes.clip, _RATER),
    PresentRoute("GET", "/api/rating/plan", plan, _RATER),
    PresentRoute("POST", "/api/rating/rating", rate, _RATER),
)
