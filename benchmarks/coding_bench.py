"""One step in the coding bench at 1080p, from the key to the picture, beside what coders use today.

A 1920 x 1080 H.264 video with grain at 150 Hz whose frames carry their number, a key frame every second. In
headless Chromium: steps at a person's pace and as fast as pictures come, jumps to any frame, and playing; the
number is read off the screen each time. Beside it the `<video>` element that annotators in browsers use,
sought to the middle of each frame's interval, and OpenCV's seeking by number. Server and browser share the
machine.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from mien.app.application import create_application
from mien.app.bench import Bench
from mien.app.serve import default_store, host_names, install_secret, listening_socket
from mien.coding.store import CodingStore
from mien.dataset import StudyWriter, layout, open_study
from mien.recording.formats import VideoWriter

Row = dict[str, str | int | float | None]

WIDTH, HEIGHT, N, RATE_HZ = 1920, 1080, 450, 150
BITS, CELL = 12, 160
STEPS, JUMPS = 80, 40
CLIP = "sub-001_run-01"
READ = f"""canvas => {{
  const context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / {WIDTH}, canvas.height / {HEIGHT});
  const left = (canvas.width - {WIDTH} * scale) / 2, top = (canvas.height - {HEIGHT} * scale) / 2;
  const row = context.getImageData(left, top + {CELL / 2} * scale, Math.round({WIDTH} * scale), 1).data;
  let number = 0;
  for (let bit = 0; bit < {BITS}; bit++) {{
    number = number * 2 + (row[4 * Math.round((bit + 0.5) * {CELL} * scale) + 1] > 128 ? 1 : 0);
  }}
  return number;
}}"""
WATCH = f"""() => {{
  const read = {READ};
  const canvas = document.getElementById("frame");
  window.pressed = 0; window.drawn = [];
  window.addEventListener("keydown", () => {{ window.pressed = performance.now(); }}, true);
  new MutationObserver(() => {{
    const now = performance.now();
    window.drawn.push([read(canvas), Number(canvas.dataset.frame), now - window.pressed, now]);
  }}).observe(canvas, {{ attributes: true, attributeFilter: ["data-frame"] }});
}}"""
SEEK = f"""async ([url, frames, rate]) => {{
  const read = {READ};
  const video = document.createElement("video");
  video.muted = true; video.preload = "auto"; video.src = url;
  await new Promise((resolve, reject) => {{
    video.oncanplay = resolve; video.onerror = () => reject(video.error.message);
  }});
  const canvas = document.createElement("canvas");
  canvas.width = {WIDTH}; canvas.height = {HEIGHT};
  const context = canvas.getContext("2d", {{ willReadFrequently: true }});
  const found = [];
  for (const frame of frames) {{
    const from = performance.now();
    const sought = new Promise((resolve) => {{ video.onseeked = resolve; }});
    video.currentTime = (frame + 0.5) / rate;
    await sought;
    const took = performance.now() - from;
    context.drawImage(video, 0, 0);
    found.push([read(canvas), frame, took, 0]);
  }}
  return found;
}}"""


def main() -> list[Row]:
    """The table's rows; nothing where there is no browser."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        study = write_study(Path(folder) / "study")
        video = layout.video(study, "sub-001", 1)
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        with serving(study) as (address, token, making_s):
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            page.goto(f"{address}/#sign-in={token}")
            page.wait_for_selector("#who")
            page.goto(f"{address}/#/clip/{CLIP}")
            rows = list(_bench(page))
            page.close()
        page = browser.new_page()
        page.goto(video.parent.as_uri())
        rows += list(_video_element(page, video.as_uri()))
        browser.close()
        rows += list(_opencv(video))
    rows.append({"name": "mien code: making the proxy, once, a frame", "n": N, "median_s": making_s / N})
    return rows


def write_study(folder: Path) -> Path:
    """One clip of 1080p at 150 Hz, numbered, with grain."""
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.normal(110, 60, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 9)
    grain = [rng.normal(0, 2, (HEIGHT, WIDTH)).astype(np.float32) for _ in range(5)]
    writer = StudyWriter(folder)
    with writer.participant("sub-001") as person:
        path = layout.video(person.folder, "sub-001", 1)
        path.parent.mkdir(parents=True)
        with VideoWriter(path, width=WIDTH, height=HEIGHT, rate_hz=RATE_HZ) as film:
            for number in range(N):
                picture = np.clip(wall + grain[number % 5], 0, 255).astype(np.uint8)
                for bit in range(BITS):
                    bright = number >> (BITS - 1 - bit) & 1
                    picture[:CELL, bit * CELL : (bit + 1) * CELL] = 235 if bright else 20
                film.write(np.repeat(picture[..., None], 3, axis=2))
        person.write_frame_times(1, 100 + np.arange(N) / RATE_HZ, counter=np.arange(N))
    writer.finish(pd.DataFrame({"participant_id": ["sub-001"], "consent_level": [1]}))
    return folder


@contextlib.contextmanager
def serving(study: Path) -> Iterator[tuple[str, str, float]]:
    """Address, token, and how long the proxy took; the server is a thread of this process."""
    import uvicorn

    store = CodingStore.open(default_store(study), secret=install_secret(study))
    bench = Bench(open_study(study), store)
    token = store.add_coder("A", "A", "coder", by="lead")
    store.assign("sub-001", 1, ["A"], by="lead")
    began = time.perf_counter()
    clip = bench.clips.get(CLIP)
    assert clip is not None
    bench.frames.make(clip)
    took = time.perf_counter() - began
    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    application = create_application(bench, hosts=host_names("127.0.0.1", port, []))
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}", token, took
    server.should_exit = True
    thread.join()
    bench.close()


def _bench(page: Any) -> Iterator[Row]:
    key = page.keyboard.press
    page.wait_for_selector('#frame[data-frame="0"]')
    page.evaluate(WATCH)
    for n in range(1, STEPS + 1):
        key("ArrowRight")
        page.wait_for_selector(f'#frame[data-frame="{n}"]')
        page.wait_for_timeout(150)
    yield _row("mien code", "steps, a person's pace", page.evaluate("window.drawn.splice(0)"))
    for n in range(STEPS + 1, 2 * STEPS + 1):
        key("ArrowRight")
        page.wait_for_selector(f'#frame[data-frame="{n}"]')
    yield _row("mien code", "steps, as fast as they come", page.evaluate("window.drawn.splice(0)"))
    for n in range(2 * STEPS - 1, STEPS - 1, -1):
        key("ArrowLeft")
        page.wait_for_selector(f'#frame[data-frame="{n}"]')
    yield _row("mien code", "steps back", page.evaluate("window.drawn.splice(0)"))
    seen = []
    for n in np.random.default_rng(1).permutation(N - 2 * STEPS)[:JUMPS] + 2 * STEPS:
        key("g")
        page.fill("#dialog-line", str(n))
        page.wait_for_timeout(1000)  # a person types
        key("Enter")
        page.wait_for_selector(f'#frame[data-frame="{n}"]')
        seen += page.evaluate("window.drawn.splice(0)")[-1:]
    yield _row("mien code", "jumps to any frame", seen)
    key("Home")
    page.wait_for_selector('#frame[data-frame="0"]')
    for name, keys in (("true speed, 150 Hz", ["l"]), ("a quarter", ["Home", "s", "l"])):
        page.evaluate("window.drawn.splice(0)")
        for one in keys:
            key(one)
        page.wait_for_timeout(300)
        page.wait_for_selector("#play-state:text('paused')", timeout=120_000)
        drawn = page.evaluate("window.drawn.splice(0)")
        played_s = (drawn[-1][3] - drawn[1][3]) / 1000
        share = (N - 1) / RATE_HZ / (played_s * (0.25 if "quarter" in name else 1.0))
        words = f"{share:.0%} of the speed, {len(drawn) / played_s:.0f} pictures/s, {_wrong(drawn)} wrong"
        yield {"name": f"mien code: playing at {name} ({words})", "n": 1, "median_s": played_s}


def _video_element(page: Any, url: str) -> Iterator[Row]:
    found = page.evaluate(SEEK, [url, list(range(1, STEPS + 1)), RATE_HZ])
    yield _row("`<video>` element", "steps", found)
    jumps = np.random.default_rng(1).permutation(N)[:JUMPS].tolist()
    yield _row("`<video>` element", "jumps to any frame", page.evaluate(SEEK, [url, jumps, RATE_HZ]))


def _opencv(video: Path) -> Iterator[Row]:
    film = cv2.VideoCapture(str(video))
    for what, frames in (
        ("steps", list(range(1, STEPS + 1))),
        ("jumps to any frame", np.random.default_rng(1).permutation(N)[:JUMPS].tolist()),
    ):
        found = []
        for n in frames:
            began = time.perf_counter()
            film.set(cv2.CAP_PROP_POS_FRAMES, n)
            _, picture = film.read()
            found.append([_number(picture), n, (time.perf_counter() - began) * 1000, 0.0])
        yield _row("OpenCV, sought by number", what, found)


def _number(picture: Any) -> int:
    cells = picture[CELL // 2, CELL // 2 :: CELL, 1] > 128
    return int(sum(int(cell) << (BITS - 1 - bit) for bit, cell in enumerate(cells[:BITS])))


def _wrong(found: list[list[float]]) -> int:
    return sum(int(painted != named) for painted, named, *_ in found)


def _row(way: str, what: str, found: list[list[float]]) -> Row:
    took = sorted(one[2] for one in found)
    late = took[int(0.95 * (len(took) - 1))]
    words = f"95 % within {late:.0f} ms, worst {took[-1]:.0f} ms, {_wrong(found)} wrong pictures"
    return {"name": f"{way}: {what} ({words})", "n": len(took), "median_s": statistics.median(took) / 1000}
