"""Serving the raters' page on this machine until everybody is done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI

from mien.app.application import STATIC
from mien.app.present.application import served
from mien.app.present.rating import Collection
from mien.app.present.rating_routes import RATING_ROUTES
from mien.app.serve import host_names, listening_socket
from mien.core.errors import DataError

RATE = "/rate"
_PAGE = "rate.html"
_TITLE = "Rating clips"
_LINGER_S = 10.0
"""So long the last rater sees the end, and may go back to the last clip."""


def rating_application(collection: Collection, *, hosts: Sequence[str]) -> Any:
    """The application that collects ratings; `hosts` as in `create_application`."""
    app = FastAPI(title="mien stimuli", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.collection = collection
    return served(
        app, RATING_ROUTES, {RATE: _PAGE},
        access=collection.access, title=_TITLE, clips=collection.media, hosts=hosts,
    )  # fmt: skip


def serve_ratings(
    collection: Collection,
    *,
    host: str,
    port: int,
    told: Callable[[str], None],
    linger_s: float = _LINGER_S,
) -> None:
    """Serve until interrupted or all is rated; `told` gets the address once it listens.

    Raises
    ------
    DataError
        If the page was not built.
    OptionError
        If the address is taken.
    """
    import uvicorn

    if not (STATIC / _PAGE).is_file():
        raise DataError(
            STATIC,
            wanted="the built page of the raters",
            got=f"no {_PAGE}",
            remedy="run make web (it needs Node.js 20 or newer), or install a released wheel",
        )
    with contextlib.closing(listening_socket(host, port)) as listening:
        at = listening.getsockname()[1]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{at}"
        collection.state(address)

        async def look() -> None:
            server.should_exit = server.should_exit or collection.finished_for_s() > linger_s

        server = uvicorn.Server(
            uvicorn.Config(
                rating_application(collection, hosts=host_names(host, at, ())), log_level="warning",
                access_log=False, server_header=False, date_header=False, lifespan="off",
                timeout_graceful_shutdown=2, callback_notify=look, timeout_notify=1,
            )
        )  # fmt: skip
        told(address)
        with contextlib.suppress(KeyboardInterrupt):  # ratings are kept, and can be gone on with
            server.run(sockets=[listening])
