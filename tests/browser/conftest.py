"""A real browser on a real server: Chromium by Playwright, uvicorn in a thread."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mien.app.application import STATIC

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "app")]
from serving import Served, open_bench  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright not installed, skipped")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine, skipped")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the pages are not built (make web), skipped")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    with contextlib.ExitStack() as stack:

        def start(folder: Path, *, port: int = 0, **more: Any) -> Served:
            served = Served(open_bench(folder, **more), port)
            stack.callback(served.stop)
            return served

        yield start


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """A page of somebody's own browser, signed in with a token; errors of the page fail the test."""
    with contextlib.ExitStack() as stack:
        troubles: list[str] = []

        def open_page(
            served: Served, token: str, *, width: int = 1366, height: int = 768, **more: Any
        ) -> Any:
            context = chromium.new_context(viewport={"width": width, "height": height}, **more)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on(
                "console",
                lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None,
            )
            page.goto(f"{served.address}/#sign-in={token}")
            page.wait_for_selector("#who")
            return page

        yield open_page
        assert not troubles, troubles
