"""Screenshots of `mien present` in Chromium, in a rehearsal (nobody real is seen): docs/images/presenting-*.png.

`make web` first; run as `python docs/pictures/presenting.py`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from mien.elicitation.new_study import new_study
from mien.elicitation.protocol import Breaks, Protocol, Steps
from mien.simulate.clips import simulate_clips

IMAGES = Path(__file__).resolve().parents[1] / "images"


def main() -> None:
    """Begin a study, rehearse its first trials, take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "our-study"
        clips = simulate_clips(Path(folder) / "clips", seconds=25.0, neutral_s=4.0)
        steps = Steps(clip_limit_s=25, neutral_s=4)
        protocol = Protocol(steps=steps, breaks=Breaks(after_every=0))
        new_study(study, clips, title="Our study", protocol=protocol, simulated=True)
        command = [sys.executable, "-u", "-m", "mien", "present", str(study), "--rehearse", "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            take(links_of(process))
        finally:
            process.kill()
            process.wait()


def links_of(process: subprocess.Popen[str]) -> dict[str, str]:
    """What the program prints for each page."""
    links: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        found = re.match(r"(operator|participant|display):\s+(\S+)", line)
        if found:
            links[found[1]] = found[2]
        if len(links) == 3:
            break
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return links


def take(links: dict[str, str]) -> None:
    """The experimenter's page, the participant's consent and report, the small display."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser, other = (
            playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) for _ in range(2)
        )
        operator = browser.new_page(viewport={"width": 1366, "height": 768})
        operator.goto(links["operator"])
        operator.wait_for_selector("dialog[open] input")
        operator.keyboard.type("AB")
        operator.keyboard.press("Enter")
        display = other.new_page(viewport={"width": 480, "height": 320})
        display.goto(links["display"])
        participant = other.new_page(viewport={"width": 1280, "height": 720})
        participant.goto(links["participant"])
        operator.keyboard.press("c")
        operator.wait_for_timeout(12_000)
        operator.keyboard.press("b")
        operator.wait_for_timeout(23_000)
        operator.keyboard.press("g")
        participant.wait_for_selector(".consent-choice")
        participant.screenshot(path=IMAGES / "presenting-consent.png")
        participant.click("[data-consent='1']")
        while participant.query_selector("form.report") is None:
            if participant.evaluate(
                "() => /space bar/i.test(document.querySelector('.prompt')?.textContent ?? '')"
            ):
                participant.keyboard.press("Space")
            participant.wait_for_timeout(300)
        participant.wait_for_timeout(1500)
        participant.keyboard.press("1")
        participant.keyboard.press("7")
        participant.screenshot(path=IMAGES / "presenting-report.png")
        participant.keyboard.press("6")
        participant.keyboard.press("Enter")
        reminded(operator, display, participant)
        browser.close()
        other.close()


def reminded(operator: Any, display: Any, participant: Any) -> None:
    """Into the second clip, and a reminder."""
    participant.wait_for_timeout(5000)
    while participant.query_selector("video") is None:
        participant.keyboard.press("Space")
        participant.wait_for_timeout(400)
    operator.wait_for_timeout(9000)
    operator.keyboard.press("3")
    operator.keyboard.press("r")
    display.wait_for_function("() => document.body.innerText.includes('keep still')")
    display.screenshot(path=IMAGES / "presenting-reminder.png")
    operator.wait_for_timeout(4000)
    operator.screenshot(path=IMAGES / "presenting-monitor.png")


if __name__ == "__main__":
    main()
