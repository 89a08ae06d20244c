"""Pictures of `mien stimuli` for docs/stimuli.md, from simulated raters: docs/images/stimuli-*.png.

`make web` first; run as `python docs/pictures/stimuli.py`: the first command of the page, and the raters' page on
simulated films.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from mien.simulate.clips import simulate_clips

IMAGES = Path(__file__).resolve().parents[1] / "images"
MIEN = (sys.executable, "-m", "mien")
COMMAND = "stimuli ratings.csv --simulate 1 --out results"


def main() -> None:
    """Run the command, look at its page; let a rater begin."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        scratch = Path(folder)
        subprocess.run([*MIEN, *COMMAND.split()], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.goto((scratch / "results" / "stimuli.html").as_uri())
        figures = page.query_selector_all("figure")
        figures[0].screenshot(path=IMAGES / "stimuli-plane.png")
        answer = page.query_selector(".answer")
        assert answer is not None
        answer.screenshot(path=IMAGES / "stimuli-answer.png")
        rate(browser, scratch)
        browser.close()


def rate(browser: Any, scratch: Path) -> None:
    """The raters' page after its first clip."""
    films = simulate_clips(scratch / "films", seconds=1.0, neutral_s=1.0)
    rows = [f"films/{film.file.name},{film.emotion}" for film in films if film.role == "trial"]
    (scratch / "clips.csv").write_text("file,emotion\n" + "\n".join(rows) + "\n")
    command = [*MIEN, *["stimuli", "collected.csv", "--collect", "clips.csv", "--raters", "1", "--port", "0"]]
    server = subprocess.Popen(command, cwd=scratch, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        link = next(line.split()[-1] for line in server.stdout if line.startswith("r01"))
        page = browser.new_page(viewport={"width": 1000, "height": 640})
        page.goto(link)
        page.click("button.main")
        page.wait_for_selector("form.report")
        for digit in "62":
            page.keyboard.press(digit)
        page.screenshot(path=IMAGES / "stimuli-rating.png")
    finally:
        server.terminate()
        server.wait(timeout=20)


if __name__ == "__main__":
    main()
