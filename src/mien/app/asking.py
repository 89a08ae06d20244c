"""What every handler asks first: the bench, and who is there."""

from __future__ import annotations

from typing import cast

from fastapi import Request

from mien.app.bench import Bench
from mien.app.study_clips import Clip
from mien.coding.stages import ClipState, Coder


def bench_of(request: Request) -> Bench:
    """The bench of the application."""
    return cast(Bench, request.app.state.bench)


def asked(request: Request) -> tuple[Bench, Coder]:
    """The bench, and who is signed in."""
    return bench_of(request), cast(Coder, request.state.coder)


def asked_of_clip(request: Request, name: str) -> tuple[Bench, Coder, Clip, ClipState]:
    """As `asked`, with a clip that the person may know of; raises DeniedError (404) for another."""
    bench, who = asked(request)
    clip, state = bench.clip(name, who)
    return bench, who, clip, state
