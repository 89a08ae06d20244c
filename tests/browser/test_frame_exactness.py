"""What is on the screen is the frame that the page names: every step, in every way of playing, in Chromium.

Frames carry their number. At every drawing the picture on the canvas is read and compared with what the page
says at that moment: the number in the canvas's own attribute, the number shown, and the time shown, which is
to be the measured time of that frame.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mien.dataset import StudyWriter, layout

sys.path.insert(0, str(Path(__file__).parents[1] / "app"))
from numbered import BITS, CELL, HEIGHT, WIDTH, write_numbered

N = 100
EVEN = np.arange(N) / 30
UNEVEN = np.concatenate([[0.0], np.cumsum(np.random.default_rng(1).choice([0.02, 0.033, 0.05, 0.12], N - 1))])
FILMS = {
    1: (
        "h264 with frames that refer to later ones",
        ".mp4",
        EVEN,
        {"codec": "libx264", "bf": "3", "g": "250"},
    ),
    2: ("mpeg4 in avi", ".avi", EVEN, {"codec": "mpeg4", "ticks_hz": 30, "g": "25", "q": "3"}),
    3: ("mjpeg in matroska, variable rate", ".mkv", UNEVEN, {"codec": "mjpeg"}),
    4: ("h264, variable rate", ".mp4", UNEVEN, {"codec": "libx264", "bf": "2", "g": "60"}),
}

# Reads the picture at every drawing; `window.seen` holds [painted, named, shown number, shown time, now].
WATCH = """([bits, cell, height, width]) => {
  const canvas = document.getElementById("frame");
  const context = canvas.getContext("2d");
  window.seen = [];
  const read = () => {
    const scale = Math.min(canvas.width / width, canvas.height / height);
    const left = (canvas.width - width * scale) / 2, top = (canvas.height - height * scale) / 2;
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
      const x = left + (bit + 0.5) * cell * scale, y = top + cell * scale;
      const pixel = context.getImageData(Math.round(x), Math.round(y), 1, 1).data;
      number = number * 2 + (pixel[0] + pixel[1] + pixel[2] > 384 ? 1 : 0);
    }
    window.seen.push([number, Number(canvas.dataset.frame),
      Number(document.getElementById("frame-number").textContent),
      parseFloat(document.getElementById("frame-time").textContent), performance.now()]);
  };
  new MutationObserver(read).observe(canvas, { attributes: true, attributeFilter: ["data-frame"] });
}"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films") / "study"
    writer = StudyWriter(folder)
    with writer.participant("sub-001") as person:
        for run, (_, suffix, stamps, options) in FILMS.items():
            path = layout.video(person.folder, "sub-001", run, suffix=suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_numbered(path, stamps, scale=2, **options)  # type: ignore[arg-type]
            person.write_frame_times(run, 500.0 + stamps, counter=None if run > 2 else np.arange(N))
    writer.finish(pd.DataFrame({"participant_id": ["sub-001"], "consent_level": [1]}))
    return folder


def watch(page: Any) -> None:
    page.evaluate(WATCH, [BITS, CELL * 2, HEIGHT * 2, WIDTH * 2])


def check(page: Any, stamps: Any, what: str) -> list[list[float]]:
    """The drawings since the last check, in which picture, names and times must agree."""
    seen: list[list[float]] = page.evaluate("window.seen.splice(0)")
    for painted, named, number, time, _ in seen:
        assert painted == named == number, f"{what}: painted {painted}, named {named}, shown {number}"
        assert time == pytest.approx(stamps[int(named)], abs=0.0006), what
    return seen


def at(page: Any, frame: int) -> None:
    page.wait_for_selector(f'#frame[data-frame="{frame}"]')


def playing_stopped(page: Any) -> None:
    page.wait_for_selector("#play-state:text('paused')")


@pytest.mark.parametrize("run", FILMS, ids=[film[0] for film in FILMS.values()])
def test_every_step_and_every_way_of_playing_shows_the_frame_it_names(
    study: Path, serve: Callable[..., Any], visit: Callable[..., Any], run: int
) -> None:
    stamps = FILMS[run][2]
    served = serve(study)
    label = f"R{run}"
    known = {who.label for who in served.bench.store.coders()}
    token = (
        served.bench.store.new_token(label, by="lead")
        if label in known
        else served.bench.store.add_coder(label, label, "coder", by="lead")
    )
    served.bench.store.assign("sub-001", run, [label], by="lead")
    served.bench.frames.make(served.bench.clips.get(f"sub-001_run-{run:02d}"))
    page = visit(served, token)
    page.goto(f"{served.address}/#/clip/sub-001_run-{run:02d}")
    at(page, 0)
    watch(page)
    key = page.keyboard.press

    for n in range(1, 21):
        key("ArrowRight")
        at(page, n)
    for n in range(19, -1, -1):
        key("ArrowLeft")
        at(page, n)
    assert [int(s[1]) for s in check(page, stamps, "steps")] == [*range(1, 21), *range(19, -1, -1)]

    for name, frame in (("End", N - 1), ("Home", 0)):
        key(name)
        at(page, frame)
    for _ in range(5):
        key("Shift+ArrowRight")
    at(page, 50)
    key("Shift+ArrowLeft")
    at(page, 40)
    key("PageDown")
    key("PageUp")
    for frame in np.random.default_rng(run).integers(0, N, 12).tolist():
        key("g")
        page.fill("#dialog-line", str(frame))
        key("Enter")
        at(page, frame)
    check(page, stamps, "jumps")

    for name, keys, start in (
        ("forward", ["l"], 0),
        ("a quarter forward", ["s", "l"], N - 26),
        ("a quarter in reverse", ["j"], 26),
        ("reverse", ["s", "j"], N - 1),
    ):
        key("g")
        page.fill("#dialog-line", str(start))
        key("Enter")
        at(page, start)
        check(page, stamps, name)
        for one in keys:
            key(one)
        page.wait_for_timeout(150)
        playing_stopped(page)
        seen = check(page, stamps, name)
        frames = [int(s[1]) for s in seen]
        rises = np.diff([start, *frames])
        forward = "forward" in name
        assert (rises >= 0).all() if forward else (rises <= 0).all(), f"{name}: {frames}"
        assert frames[-1] == (N - 1 if forward else 0), name
        if "quarter" in name:
            assert len(frames) >= 22, "a quarter of the speed leaves no frame out that has time to be shown"
        # by the measured stamps, not by a mean rate: never before its time (a screen's interval of leeway)
        speed = 0.25 if "quarter" in name else 1.0
        since = np.array([(s[4] - seen[0][4]) / 1000 for s in seen])
        due = np.abs(stamps[frames] - stamps[frames[0]]) / speed
        assert (since - due > -0.040).all(), f"{name}: {np.round((since - due).min(), 3)} s early"

    key("g")
    page.fill("#dialog-line", "20")
    key("Enter")
    at(page, 20)
    key("n")
    for _ in range(8):
        key("ArrowRight")
    at(page, 28)
    key("e")
    key("r")
    check(page, stamps, "marking")
    key("l")
    page.wait_for_timeout(1800)
    key("k")
    frames = [int(s[1]) for s in check(page, stamps, "loop")]
    assert set(frames) <= set(range(20, 29)), frames
    assert sum(np.diff(frames) < 0) >= 1, "it came around"
