"""The picture of the report in README.md: docs/images/reproduction.png.

Run as `python docs/pictures/reproduction.py`: calls `mien demo`, which computes nothing if it has been run here
before, and photographs the top of its report.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parents[1] / "images"
WIDTH = 1060


def main() -> None:
    """Make the report, and take its first page."""
    told = subprocess.run(
        [sys.executable, "-m", "mien", "demo"], check=True, stdout=subprocess.PIPE, text=True
    )
    report = Path(told.stdout.strip().splitlines()[-1].removeprefix("report: "))
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=1.5)
        page.goto(report.as_uri())
        height = page.evaluate("document.querySelector('.answers').getBoundingClientRect().bottom + 4")
        page.screenshot(
            path=IMAGES / "reproduction.png", clip={"x": 0, "y": 0, "width": WIDTH, "height": height}
        )
        browser.close()


if __name__ == "__main__":
    main()
