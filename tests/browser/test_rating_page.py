"""A rater in real Chromium, by keyboard: three clips, a server that is killed in between, and the table."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rating_world import write_clip_list

EMOTIONS = ("happiness", "fear", "anger")


class Collecting:
    """One `mien stimuli --collect` process: its links once it listens, what it printed, and its end."""

    def __init__(self, ratings: Path, clips: Path, raters: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "mien", "stimuli", str(ratings), "--collect", str(clips)]
        command += ["--raters", raters, "--port", str(port)]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines: list[str] = []
        self.links: dict[str, str] = {}
        self._n = len(raters.split(","))
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._listening.wait(timeout=120), self.text
        assert len(self.links) == self._n, self.text
        self.port = int(next(iter(self.links.values())).split("/")[2].split(":")[1])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.match(r"(\S+) \(.*\): (http\S+)", line)
            if found:
                self.links[found[1]] = found[2]
            if len(self.links) == self._n:
                self._listening.set()
        self._listening.set()

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def wait(self) -> int:
        status = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        return status

    def end(self, how: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait()


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clip_list(tmp_path / "material", emotions=EMOTIONS, seconds=1.0)


@pytest.fixture
def collect() -> Iterator[Callable[..., Collecting]]:
    started: list[Collecting] = []

    def start(*arguments: Any, **more: Any) -> Collecting:
        started.append(Collecting(*arguments, **more))
        return started[-1]

    yield start
    for one in started:
        one.end(signal.SIGKILL)


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(30_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield page
    context.close()
    assert not troubles, troubles


def rows(table: Path) -> list[dict[str, str]]:
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def until(check: Callable[[], bool], words: str) -> None:
    end = time.monotonic() + 60
    while not check():
        assert time.monotonic() < end, words
        time.sleep(0.05)


def answer(page: Any, emotion: int, valence: int, arousal: int) -> None:
    """What the form asks for, by digits; Enter leads on."""
    page.wait_for_selector("form.report")
    for digit in (emotion, valence, arousal):
        page.keyboard.press(str(digit))
    page.keyboard.press("Enter")


def test_a_rater_rates_by_keyboard_and_a_killed_server_loses_nothing(
    clips: Path, tmp_path: Path, collect: Callable[..., Collecting], page: Any
) -> None:
    table = tmp_path / "ratings.csv"
    server = collect(table, clips, "anna")
    page.goto(server.links["anna"])
    page.wait_for_selector("button.main")
    assert "key" not in page.url
    told = page.content()
    assert "3 short clips" in told
    assert not any(word in told for word in (*EMOTIONS, "films"))
    page.keyboard.press("Enter")
    answer(page, 6, 2, 8)
    until(lambda: len(rows(table)) == 1, "the first rating is not kept")

    page.wait_for_selector("form.report")  # of the second clip
    server.end(signal.SIGKILL)
    answer(page, 1, 9, 7)  # nobody takes it
    again = collect(table, clips, "anna", port=server.port)
    until(lambda: len(rows(table)) == 2, "the rating that waited is not kept")

    page.goto("about:blank")
    page.goto(again.links["anna"])
    page.wait_for_selector("text=2 clips are rated already")
    page.keyboard.press("Enter")
    answer(page, 4, 1, 9)
    page.wait_for_selector("text=You have rated every clip")
    assert again.wait() == 0  # all is rated: the server ends by itself
    assert "3 of 3 ratings. Now: mien stimuli" in again.text

    found = rows(table)
    assert [(r["emotion"], r["valence"], r["arousal"]) for r in found] == [
        ("fear", "2", "8"), ("happiness", "9", "7"), ("anger", "1", "9"),
    ]  # fmt: skip
    assert sorted(r["stimulus_id"] for r in found) == ["anger_1", "fear_1", "happiness_1"]
    assert all(float(r["watched_s"]) > 0.9 for r in found)
    read = subprocess.run(
        [sys.executable, "-m", "mien", "stimuli", str(table), "--fewer", "--json"],
        capture_output=True,
        check=True,
    )
    assert json.loads(read.stdout)["n_clips"] == 3


def test_two_raters_in_one_browser_are_never_mixed(
    clips: Path, tmp_path: Path, collect: Callable[..., Collecting], chromium: Any
) -> None:
    """Both links in one browser share a cookie; the first page's answer must not count as the second's."""
    table = tmp_path / "ratings.csv"
    server = collect(table, clips, "anna,ben")
    context = chromium.new_context()
    try:
        first, second = context.new_page(), context.new_page()
        first.goto(server.links["anna"])
        first.wait_for_selector("button.main")
        first.keyboard.press("Enter")
        second.goto(server.links["ben"])
        second.wait_for_selector("button.main")
        first.bring_to_front()
        first.wait_for_selector("form.report", timeout=30_000)
        answer(first, 6, 2, 8)
        first.wait_for_selector("text=The last rating was not taken")
        assert rows(table) == []
    finally:
        context.close()
    assert server.end(signal.SIGINT) == 0
    assert "0 of 6 ratings. Call the same command to go on." in server.text
