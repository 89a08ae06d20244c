"""`mien present` as a laboratory runs it: the program in a process of its own, its pages in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.elicitation.new_study import new_study
from mien.elicitation.protocol import Breaks, Protocol, Reminder, Steps
from mien.simulate.clips import simulate_clips

EMOTIONS = ("happiness", "surprise", "sadness", "anger", "disgust", "fear")


def write_clips_study(
    folder: Path, *, n: int = 6, seconds: float = 6.0, neutral_s: float = 1.0, automatic: bool = False
) -> Path:
    """A study of simulated clips that nobody took part in yet."""
    clips = simulate_clips(
        folder.parent / "clips", emotions=EMOTIONS[:n], seconds=seconds, neutral_s=neutral_s
    )
    protocol = Protocol(
        steps=Steps(neutral_s=neutral_s),
        breaks=Breaks(after_every=0),
        reminder=Reminder(automatic=automatic, seconds=1),
    )
    new_study(folder, clips, title="A study", protocol=protocol, simulated=True)
    return folder


class Runner:
    """One `mien present` process: its links once it listens, what it printed, and its end."""

    def __init__(self, study: Path, *options: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "mien", "present", str(study), "--port", str(port), *options]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines: list[str] = []
        self.links: dict[str, str] = {}
        self._all = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._all.wait(timeout=120) or len(self.links) < 3:
            self.kill()
            raise AssertionError(f"no links: {self.text}")
        self.port = int(self.links["operator"].split("//")[1].split("/")[0].split(":")[1])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.match(r"(operator|participant|display):\s+(\S+)", line)
            if found:
                self.links[found[1]] = found[2]
            if len(self.links) == 3:
                self._all.set()
        self._all.set()

    @property
    def text(self) -> str:
        """What it printed so far."""
        return "".join(self.lines)

    def wait(self, timeout: float = 120) -> int:
        """Its exit status."""
        status = self.process.wait(timeout=timeout)
        self._reader.join(timeout=10)
        return status

    def stop(self) -> int:
        """As Ctrl+C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.wait(30)

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(timeout=30)


@contextlib.contextmanager
def running(study: Path, *options: str, port: int = 0) -> Iterator[Runner]:
    runner = Runner(study, *options, port=port)
    try:
        yield runner
    finally:
        if runner.process.poll() is None:
            runner.kill()


def open_page(browser: Any, link: str, troubles: list[str], **viewport: int) -> Any:
    """A page of `mien present`; errors of its scripts and of its policy are collected."""
    context = browser.new_context(viewport={"width": 1280, "height": 720, **viewport})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None,
    )
    page.goto(link)
    return page


def open_operator(browser: Any, link: str, troubles: list[str]) -> Any:
    """The experimenter's page, initials given."""
    page = open_page(browser, link, troubles, width=1366, height=768)
    page.wait_for_selector("dialog[open] input")
    page.keyboard.type("AB")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog", state="detached")
    return page


def snapshot(operator: Any) -> dict[str, Any]:
    """The session as the experimenter's page is told."""
    return json.loads(
        operator.evaluate(
            "fetch('/api/operator/session', {headers: {'x-mien-role': 'operator'}}).then(a => a.text())"
        )
    )


def until(reached: Any, *, seconds: float = 60, page: Any = None) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it never came"
        page.wait_for_timeout(50) if page is not None else time.sleep(0.05)
