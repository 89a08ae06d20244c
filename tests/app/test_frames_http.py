"""Frame n is frame n over HTTP: in any order, at any width, by several at once, for any codec and rate."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from bench_world import Person, open_bench, sign_in
from numbered import HEIGHT, WIDTH, read_number, write_numbered

from mien.app.bench import Bench
from mien.app.frame_server import proxy_path
from mien.dataset import StudyWriter, layout

STEADY = np.arange(70) / 25
VARIABLE = np.concatenate([[0.0], np.cumsum(np.random.default_rng(5).choice([0.01, 0.033, 0.2], 60))])
VIDEOS: dict[int, tuple[str, np.ndarray[Any, Any], dict[str, str]]] = {
    1: ("libx264", STEADY, {"bf": "3", "g": "50"}),
    2: ("mjpeg", STEADY, {}),
    3: ("mpeg4", VARIABLE[:61], {"g": "30"}),
}
"""Run: codec, stamps of the frames (s), options."""


@pytest.fixture(scope="module")
def three_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = StudyWriter(tmp_path_factory.mktemp("frames") / "study")
    with writer.participant("sub-001") as person:
        for run, (codec, stamps, options) in VIDEOS.items():
            path = layout.video(person.folder, "sub-001", run)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_numbered(path, stamps, codec=codec, scale=2, **options)
            person.write_frame_times(run, 50.0 + stamps)
    writer.finish(pd.DataFrame({"participant_id": ["sub-001"], "consent_level": [1]}))
    return writer.folder


@pytest.fixture(scope="module")
def looked_at(three_videos: Path) -> Iterator[Bench]:
    bench = open_bench(three_videos)
    for clip in bench.clips:
        bench.frames.make(clip)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def person(looked_at: Bench) -> Person:
    return sign_in(looked_at, "E", looked_at.store.add_coder("E", "E", "expert", by="lead"))


def said(person: Person, run: int, number: int, width: int | None = None) -> tuple[int, tuple[int, ...]]:
    """Which frame the picture says that it is, and its shape; the header must say the same."""
    query = "" if width is None else f"?w={width}"
    answer = person.http.get(f"/api/clips/sub-001_run-{run:02d}/frames/{number}{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-mien-frame"] == str(number)
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return read_number(picture), picture.shape[:2]


@pytest.mark.parametrize("run", VIDEOS)
def test_every_frame_in_every_order(person: Person, run: int) -> None:
    n = len(VIDEOS[run][1])
    full = (2 * HEIGHT, 2 * WIDTH)
    orders = [list(range(n)), list(range(n))[::-1], random.Random(run).sample(range(n), n)]
    for order, width in zip(orders, (None, 200, None), strict=True):
        for number in order:
            shape = full if width is None else (width // 2, width)
            assert said(person, run, number, width) == (number, shape)
    assert said(person, run, 3, 5000) == (3, full)  # never enlarged


def test_several_ask_at_once_for_several_clips(person: Person) -> None:
    asked = [(run, number) for run, (_, stamps, _) in VIDEOS.items() for number in range(0, len(stamps), 2)]
    random.Random(0).shuffle(asked)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda one: said(person, *one, 190)[0], asked))
    assert found == [number for _, number in asked]


@pytest.mark.parametrize("run", VIDEOS)
def test_times_are_the_stamps_from_the_first_frame_on(person: Person, run: int) -> None:
    _, stamps, _ = VIDEOS[run]
    clip = person.get(f"/api/clips/sub-001_run-{run:02d}")
    np.testing.assert_allclose(clip["times_s"], stamps - stamps[0], atol=1e-6)
    assert clip["n_frames"] == len(stamps)
    assert (clip["width"], clip["height"]) == (2 * WIDTH, 2 * HEIGHT)
    assert clip["proxy"] == {"state": "ready", "done": len(stamps), "of": len(stamps), "problem": None}
    assert clip["rate_hz"] == pytest.approx((len(stamps) - 1) / (stamps[-1] - stamps[0]), abs=1e-3)


@pytest.mark.parametrize("number", ["70", "-1", "1e3", "9" * 30, "0x1", "%00", "1.5"])
def test_another_frame_than_the_clip_has_is_refused(person: Person, number: str) -> None:
    answer = person.http.get(f"/api/clips/sub-001_run-01/frames/{number}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("width", ["0", "-5", "15", "8193", "nan", "9" * 30])
def test_a_width_that_cannot_be_is_refused(person: Person, width: str) -> None:
    assert person.http.get(f"/api/clips/sub-001_run-01/frames/1?w={width}").status_code == 400


def test_motion_between_two_frames(person: Person) -> None:
    still = person.get("/api/clips/sub-001_run-01/flow?from=4&to=4")
    assert (still["width"], still["height"]) == (2 * WIDTH, 2 * HEIGHT)
    assert len(still["vectors"]) == 24 * 24
    assert max(abs(v) for _, _, *d in still["vectors"] for v in d) < 0.5
    moved = person.get("/api/clips/sub-001_run-01/flow?from=4&to=5")
    assert max(abs(v) for _, _, *d in moved["vectors"] for v in d) > 0.5
    assert all(0 <= x < 2 * WIDTH and 0 <= y < 2 * HEIGHT for x, y, *_ in moved["vectors"])
    for query in ("from=0&to=70", "from=-1&to=0", "from=0", "to=1", "from=a&to=1"):
        assert person.http.get(f"/api/clips/sub-001_run-01/flow?{query}").status_code == 400


def test_a_clip_without_signals_says_so(person: Person) -> None:
    found = person.get("/api/clips/sub-001_run-01/traces")
    assert found == {"traces": [], "problem": "Nothing but the video was recorded."}


def test_after_a_video_was_replaced_nothing_of_the_old_one_is_shown(
    three_videos: Path, tmp_path: Path
) -> None:
    """Also where the reader of the old one was let go of in between, since others were looked at."""
    folder = shutil.copytree(three_videos, tmp_path / "study")
    bench = open_bench(folder)
    try:
        who = sign_in(bench, "F", bench.store.add_coder("F", "F", "expert", by="lead"))
        clip = bench.clips.get("sub-001_run-01")
        assert clip is not None
        assert clip.video is not None
        bench.frames.make(clip)
        assert said(who, 1, 9) == (9, (2 * HEIGHT, 2 * WIDTH))
        bench.frames._readers.clear()  # as when six other clips were looked at
        numbers = np.arange(500, 500 + len(STEADY))
        write_renumbered(clip.video, numbers)
        later = clip.video.stat().st_mtime_ns + 10**9
        os.utime(clip.video, ns=(later, later))
        assert who.http.get("/api/clips/sub-001_run-01/frames/9").status_code == 503
        assert who.get("/api/clips/sub-001_run-01/proxy")["state"] == "missing"
        bench.frames.make(clip)
        assert said_number(who, 9) == 509
    finally:
        bench.close()


def said_number(person: Person, number: int) -> int:
    answer = person.http.get(f"/api/clips/sub-001_run-01/frames/{number}")
    return read_number(cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR))


def write_renumbered(path: Path, numbers: np.ndarray[Any, Any]) -> None:
    """The same video with other numbers in it."""
    import av
    from numbered import painted

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 2 * WIDTH, 2 * HEIGHT, "yuv420p"
        for number in numbers:
            frame = av.VideoFrame.from_ndarray(painted(int(number), scale=2), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_damaged_proxy_is_told_and_made_again(three_videos: Path, tmp_path: Path) -> None:
    """The clip can still be opened, with what was marked; asking for the proxy makes it anew."""
    folder = shutil.copytree(three_videos, tmp_path / "study")
    bench = open_bench(folder)
    try:
        who = sign_in(bench, "F", bench.store.add_coder("F", "F", "expert", by="lead"))
        for run, spoil in {1: lambda data: b"no video" * 100, 2: lambda data: data[: len(data) // 2]}.items():
            clip = bench.clips.get(f"sub-001_run-{run:02d}")
            assert clip is not None
            bench.frames.make(clip)
            path = proxy_path(folder, clip)
            path.write_bytes(spoil(path.read_bytes()))
            shown = who.get(f"/api/clips/{clip.id}")
            assert shown["proxy"]["state"] == "failed"
            assert path.name in shown["proxy"]["problem"]
            assert who.http.get(f"/api/clips/{clip.id}/frames/60").status_code == 503
            assert who.http.post(f"/api/clips/{clip.id}/proxy").json()["state"] == "making"
            wait_until(lambda name=clip.id: who.get(f"/api/clips/{name}/proxy")["state"] == "ready")
            assert said(who, run, 60)[0] == 60
    finally:
        bench.close()


def wait_until(true: Any) -> None:
    import time

    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("waited half a minute")
