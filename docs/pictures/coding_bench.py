"""Screenshots of the coding bench in Chromium, on a simulated study (nobody real is seen): docs/images/coding-*.png.

`make web` first; run as `python docs/pictures/coding_bench.py`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from mien.app.application import create_application
from mien.app.bench import Bench
from mien.app.serve import default_store, host_names, install_secret, listening_socket
from mien.app.suggested import Suggestion
from mien.app.table_import import import_tables
from mien.coding.store import CodingStore
from mien.dataset import open_study
from mien.simulate import StudySettings, read_truth, simulate_study

IMAGES = Path(__file__).resolve().parents[1] / "images"
CLIP = "sub-001_run-02"
SIZE = {"width": 1440, "height": 900}


def main() -> None:
    """Make the study, open its bench, take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "our-study"
        settings = StudySettings(participants=4, trials=4, clip_s=12.0, rate_hz=100.0, frame_px=384, seed=7)
        simulate_study(settings, study, n_workers=2)
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            take(browser, study)
            browser.close()


def take(browser: Any, study: Path) -> None:
    """A coder at work, light and dark; the two coders of the simulation side by side; their agreement."""
    bench = open_bench(study)
    address, stop = serve(bench)
    try:
        import_tables(bench, by="lead")
        lead = page_of(browser, address, bench.store.add_coder("lead", "Lead", "lead", by="lead"))
        token = bench.store.add_coder("C", "Chris", "coder", by="lead")
        for name in (CLIP, "sub-001_run-01"):
            clip = bench.clips.get(name)
            assert clip is not None
            bench.frames.make(clip)
        for state in bench.store.clips():
            who = next(one for one in bench.store.coders() if one.role == "lead")
            reason = "one more coder is to see it" if (state.participant, state.run) == ("sub-001", 2) else ""
            bench.store.move(
                state.participant, state.run, "code" if reason else "adjudicate", reason,
                list(state.coders) if reason else [], by=who,
            )  # fmt: skip
        bench.store.assign("sub-001", 2, ["C"], by="lead")
        coder = page_of(browser, address, token)
        code(coder, address, study)
        coder.screenshot(path=IMAGES / "coding-bench.png")
        coder.emulate_media(color_scheme="dark")
        coder.keyboard.press("d")
        coder.wait_for_timeout(800)
        coder.screenshot(path=IMAGES / "coding-bench-dark.png")
        lead.goto(f"{address}/#/adjudicate/sub-001_run-01")
        lead.wait_for_selector("#groups [role=option]")
        lead.wait_for_timeout(3000)
        lead.screenshot(path=IMAGES / "coding-adjudication.png")
        lead.goto(f"{address}/#/agreement")
        lead.wait_for_timeout(6000)
        lead.screenshot(path=IMAGES / "coding-agreement.png", full_page=True)
        lead.goto(f"{address}/#/clips")
        lead.wait_for_timeout(1500)
        lead.screenshot(path=IMAGES / "coding-clips.png")
    finally:
        stop()


def code(page: Any, address: str, study: Path) -> None:
    """The first true movement of the clip, marked by keyboard; the second is suggested."""
    truth = read_truth(study, "001")
    stamps = truth.frames_s["run-02"]
    movement = truth.movements[2][0]
    frames = [int(abs(stamps - at).argmin()) for at in (movement.onset_s, movement.apex_s, movement.offset_s)]
    page.goto(f"{address}/#/clip/{CLIP}")
    page.wait_for_selector('#frame[data-frame="0"]')
    for frame, key in ((frames[0], "n"), (frames[2], "e"), (frames[1], "w")):
        page.keyboard.press("g")
        page.fill("#dialog-line", str(frame))
        page.keyboard.press("Enter")
        page.wait_for_selector(f'#frame[data-frame="{frame}"]')
        page.keyboard.press(key)
    page.keyboard.press("u")
    page.keyboard.type("+".join(f"{unit.unit}B" for unit in movement.units))
    page.keyboard.press("Enter")
    page.keyboard.press("c")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    page.wait_for_selector('#save-state[data-state="saved"]')
    page.wait_for_timeout(3000)


def open_bench(study: Path) -> Bench:
    """The study's bench, with one suggestion."""
    ghosts = {
        CLIP: (Suggestion("optical-flow:1", 700, 718, 741, "micro", 1.62, ("left brow",), "optical-flow"),)
    }
    store = CodingStore.open(default_store(study), secret=install_secret(study))
    return Bench(open_study(study), store, suggestions=ghosts, method="optical-flow")


def serve(bench: Bench) -> tuple[str, Any]:
    """Its address, and what stops it."""
    import uvicorn

    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    application = create_application(bench, hosts=host_names("127.0.0.1", port, []))
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(timeout=10)
        bench.close()

    return f"http://127.0.0.1:{port}", stop


def page_of(browser: Any, address: str, token: str) -> Any:
    """Somebody's browser, signed in."""
    page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
    page.goto(f"{address}/#sign-in={token}")
    page.wait_for_selector("#who")
    return page


if __name__ == "__main__":
    sys.exit(main())
