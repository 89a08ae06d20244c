"""A real browser on a real server: Chromium by Playwright, uvicorn in a thread."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mien.app.application import STATIC, create_application
from mien.app.bench import Bench
from mien.app.serve import default_store, host_names, install_secret, listening_socket
from mien.coding.store import CodingStore
from mien.dataset import open_study

sys.path.insert(0, str(Path(__file__).parents[1] / "app"))

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


class Served:
    """A bench that answers at an address, until it is killed."""

    def __init__(self, bench: Bench, port: int = 0) -> None:
        import uvicorn

        self.bench = bench
        self._socket = listening_socket("127.0.0.1", port)
        self.port = int(self._socket.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        application = create_application(bench, hosts=host_names("127.0.0.1", self.port, []))
        config = uvicorn.Config(application, log_level="error", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Cut every connection and close the store, as a kill does for whoever is outside."""
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join(timeout=20)
        self._socket.close()
        self.bench.close()


def open_bench(folder: Path, **more: Any) -> Bench:
    store = CodingStore.open(default_store(folder), secret=install_secret(folder))
    return Bench(open_study(folder), store, **more)


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
