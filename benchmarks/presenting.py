"""Times of `mien present` in headless Chromium: keys to reminders, keys to clips, clips to codes.

From the experimenter's key to the painted reminder, from the participant's key to the clip's first frame, and
from that to the code. Once with nothing else to do, once while a simulated face is rendered, watched and
recorded and two streams come in, all on the same machine. Times are the pages' own, mapped to the session's
clock; a headless browser has no screen: a real one adds its own delay.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.core.labels import SEVEN_EMOTIONS
from mien.elicitation.journal import read_journal
from mien.elicitation.new_study import new_study
from mien.elicitation.protocol import Breaks, Protocol, Steps
from mien.simulate.clips import simulate_clips

Row = dict[str, str | int | float | None]

REMINDERS, TRIALS = 100, 21
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
SCREEN = """() => document.querySelector(".consent-choice") ? "consent"
  : document.querySelector("form.report") ? "report" : document.querySelector("video") ? "clip"
  : /space bar/i.test(document.querySelector(".prompt")?.textContent ?? "") ? "space" : "other" """


def main() -> list[Row]:
    """Measure both conditions."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        clips = simulate_clips(
            made / "clips", per_emotion=3, emotions=SEVEN_EMOTIONS, seconds=1.0, neutral_s=1.0
        )
        steps = Steps(clip_limit_s=1, neutral_s=0)
        protocol = Protocol(steps=steps, breaks=Breaks(after_every=0))
        for name, options in (("alone", []), ("while recording", ["--rehearse"])):
            study = made / name.split()[0]
            new_study(study, clips, title="Times", protocol=protocol, simulated=True)
            rows += _session(study, name, options)
            print(f"{name}: done", file=sys.stderr)
    return rows


def _session(study: Path, name: str, options: list[str]) -> list[Row]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with _serving(study, options) as links, sync_playwright() as started:
        browser, other = (started.chromium.launch(executable_path=chromium, args=ARGUMENTS) for _ in range(2))
        operator = browser.new_page(viewport={"width": 1366, "height": 768})
        operator.goto(links["operator"])
        operator.wait_for_selector("dialog[open] input")
        operator.keyboard.type("AB")
        operator.keyboard.press("Enter")
        operator.wait_for_selector("dialog", state="detached")
        display = other.new_page(viewport={"width": 480, "height": 320})
        display.goto(links["display"])
        participant = other.new_page(viewport={"width": 1280, "height": 720})
        participant.goto(links["participant"])
        operator.wait_for_timeout(3000)  # both pages have measured the clock
        display.bring_to_front()
        for _ in range(REMINDERS):
            operator.keyboard.press("r")
            operator.wait_for_timeout(350)
        participant.bring_to_front()
        operator.keyboard.press("g")
        _attend(participant, TRIALS + 1)
        operator.wait_for_timeout(1000)
        browser.close()
        other.close()
    return _rows(study, name)


def _attend(page: Any, trials: int) -> None:
    reports = 0
    while reports < trials:
        now = page.evaluate(SCREEN)
        if now == "consent":
            page.click("[data-consent='1']")
        elif now == "space":
            page.keyboard.press("Space")
        elif now == "report":
            for key in ("1", "5", "5", "Enter"):
                page.keyboard.press(key)
            page.wait_for_function("() => !document.querySelector('form.report')")
            reports += 1
        page.wait_for_timeout(100)


@contextlib.contextmanager
def _serving(study: Path, options: list[str]) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-u", "-m", "mien", "present", str(study), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    links: dict[str, str] = {}
    try:
        for line in process.stdout:
            found = re.match(r"(operator|participant|display):\s+(\S+)", line)
            if found:
                links[found[1]] = found[2]
            if len(links) == 3:
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield links
    finally:
        process.kill()
        process.wait()


def _rows(study: Path, name: str) -> list[Row]:
    journal = read_journal(study / "sourcedata" / "sub-001" / "session.jsonl")
    pressed = {row["reminder"]: row["pressed_s"] for row in journal if row["what"] == "reminder"}
    painted = [row["at_s"] - pressed[row["reminder"]] for row in journal if row["what"] == "reminder-shown"]
    asked = {(r["practice"], r["trial"]): r["at_s"] for r in journal if r["what"] == "requested"}
    shown = {(r["practice"], r["trial"]): r["at_s"] for r in journal if r["what"] == "clip-shown"}
    codes = {r["trial"]: r["at_s"] for r in journal if r["what"] == "code" and r["code"] != 100}
    return [
        *_both(f"reminder, key to painted, {name}", painted),
        *_both(f"clip, key to first frame, {name}", [shown[key] - asked[key] for key in shown]),
        *_both(f"code after the first frame, {name}", [codes[n] - shown[(False, n)] for n in codes]),
    ]


def _both(name: str, seconds: list[float]) -> list[Row]:
    return [
        {"name": name, "n": len(seconds), "median_s": statistics.median(seconds)},
        {"name": f"{name}: the worst", "n": len(seconds), "median_s": max(seconds)},
    ]


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
