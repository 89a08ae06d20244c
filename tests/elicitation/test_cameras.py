"""Cameras: what they give, what they lose, and one sentence when there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_cameras as small

from mien.core.errors import DataError
from mien.elicitation.camera_frame import CounterByStamps
from mien.elicitation.cameras import CameraFeed, open_camera
from mien.elicitation.clock import now_s


def test_a_film_is_played_in_real_time_and_again(tmp_path: Path) -> None:
    camera = open_camera(str(small.film(tmp_path / "face.mp4", n=12, rate_hz=30)))
    assert (camera.name, camera.width, camera.height, camera.rate_hz) == ("face.mp4", 64, 48, 30)
    frames = [camera.read() for _ in range(30)]
    camera.close()
    assert camera.read() is None
    counters = np.array([frame.counter for frame in frames if frame is not None])
    stamps = np.array([frame.stamp_s for frame in frames if frame is not None])
    assert len(counters) == 30
    assert (np.diff(counters) >= 1).all()
    assert counters[-1] >= 29  # went on beyond the film's end
    assert [small.number_of(frame.image) for frame in frames if frame] == (counters % 12).tolist()
    assert (stamps - stamps[0] >= (counters - counters[0]) / 30 - 0.04).all()  # never before it is due
    assert frames[0] is not None
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8


def test_who_reads_late_loses_frames_as_with_a_camera(tmp_path: Path) -> None:
    camera = open_camera(str(small.film(tmp_path / "face.mp4", n=12, rate_hz=30)))
    first = camera.read()
    time.sleep(1.0)  # 30 frames: more than the film has
    later = camera.read()
    camera.close()
    assert first is not None
    assert later is not None
    assert later.counter - first.counter > 12
    assert small.number_of(later.image) == later.counter % 12


def test_a_closed_camera_lets_its_reader_go(tmp_path: Path) -> None:
    camera = open_camera(str(small.film(tmp_path / "slow.mp4", n=3, rate_hz=1)))
    got: list[object] = []
    reader = threading.Thread(target=lambda: got.extend([camera.read(), camera.read(), camera.read()]))
    reader.start()
    time.sleep(0.2)
    camera.close()
    reader.join(10)
    assert not reader.is_alive()
    assert got[-1] is None


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("97", r"webcam 97: wanted a webcam that gives pictures, got none there"),
        ("no such film.mp4", r"no such file"),
        ("", r"camera: wanted a source of frames, got nothing"),
        ("rtsp://user:secret@127.0.0.1:9/face", r"^rtsp://127.0.0.1:9/face: wanted a camera that answers"),
    ],
)
def test_no_camera_is_one_sentence(
    source: str, sentence: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        open_camera(source)
    assert "secret" not in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert capfd.readouterr().err == ""


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(DataError, match=r"text\.mp4"):
        open_camera(str(tmp_path / "text.mp4"))
    with pytest.raises(DataError, match="got a single frame"):
        open_camera(str(small.film(tmp_path / "one.mp4", n=1)))


def test_a_camera_that_takes_the_call_and_says_nothing_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DataError, match="wanted a camera that answers, got nothing for 5 s"):
            open_camera(f"rtsp://127.0.0.1:{port}/face")


SENDER = """
import sys
from fractions import Fraction
import av
import small_cameras as small
address = f"tcp://127.0.0.1:{sys.argv[1]}?listen=1&listen_timeout=20000"
with av.open(address, "w", format="mpegts") as container:
    options = {"preset": "ultrafast", "tune": "zerolatency"}
    stream = container.add_stream("libx264", rate=Fraction(30), options=options)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    stream.codec_context.gop_size = 5
    for number in range(200):
        if number in (150, 151):
            continue  # lost on its way
        frame = av.VideoFrame.from_ndarray(small.numbered(number), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 30)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
"""
"""A camera on the network: MPEG-TS over TCP, for the first who asks."""


def test_a_camera_on_the_network_numbers_frames_by_its_stamps() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    sender = subprocess.Popen(
        [sys.executable, "-c", SENDER, str(port)], env={**os.environ, "PYTHONPATH": path}
    )
    deadline = time.monotonic() + 20
    while True:
        try:
            camera = open_camera(f"tcp://127.0.0.1:{port}")
            break
        except DataError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    frames = []
    while (frame := camera.read()) is not None:
        frames.append(frame)
    camera.close()
    assert sender.wait(20) == 0
    assert (camera.width, camera.height) == (64, 48)
    numbers = [small.number_of(frame.image) for frame in frames]
    counters = [frame.counter for frame in frames]
    assert len(frames) > 60
    offset = numbers[-1] - counters[-1]
    assert numbers[5:] == [(counter + offset) % 50 for counter in counters[5:]]
    assert np.diff(counters[5:]).max() == 3  # the two that were lost


def _outlet(name: str, n_channels: int, form: str, size: tuple[int, int] | None = (160, 120)) -> object:
    import pylsl

    info = pylsl.StreamInfo(name, "VideoRaw", n_channels, 30, form, f"{name}-id")
    if size is not None:
        info.desc().append_child_value("width", str(size[0]))
        info.desc().append_child_value("height", str(size[1]))
    return pylsl.StreamOutlet(info)


@pytest.mark.parametrize(("form", "colours"), [("int8", 1), ("float32", 1), ("int16", 3)])
def test_a_stream_of_frames_is_a_camera(form: str, colours: int) -> None:
    name = f"frames-{form}-{time.monotonic_ns()}"
    size = (160, 120) if colours == 1 else (16, 12)
    outlet = _outlet(name, size[0] * size[1] * colours, form, size)
    camera = open_camera(f"lsl:{name}")
    assert (camera.width, camera.height, camera.rate_hz) == (*size, 30.0)
    pictures = [np.random.default_rng(i).integers(0, 256, (size[1], size[0], colours)) for i in range(6)]
    begun = now_s()
    for number, picture in enumerate(pictures):
        sample = picture.astype(np.uint8).reshape(-1)
        values = sample.view(np.int8) if form == "int8" else sample.astype(int if form == "int16" else float)
        gap = 2 if number > 3 else 0  # two frames that the sender lost
        outlet.push_sample(values.tolist(), begun + (number + gap) / 30)  # type: ignore[attr-defined]
    frames = [camera.read() for _ in pictures]
    camera.close()
    assert camera.read() is None
    for picture, frame in zip(pictures, frames, strict=True):
        assert frame is not None
        assert (frame.image == picture).all()
        assert frame.image.shape == (size[1], size[0], 3)
    assert [frame.counter for frame in frames if frame] == [0, 1, 2, 3, 6, 7]


def test_streams_that_are_no_frames_are_refused() -> None:
    from mien.elicitation.network_cameras import StreamCamera

    with pytest.raises(DataError, match="got none on the network"):
        StreamCamera("nobody-sends-this", wait_s=0.3)
    name = f"eeg-{time.monotonic_ns()}"
    outlet = _outlet(name, 8, "float32", None)
    with pytest.raises(DataError, match="8 channels for 0 x 0 pixels"):
        StreamCamera(name)
    del outlet


def test_numbers_by_stamps_leave_out_what_was_lost() -> None:
    counter = CounterByStamps(0.04)
    stamps = [0.0, 0.041, 0.079, 0.2, None, 0.24, 0.239, 0.281]
    assert [counter.next(at) for at in stamps] == [0, 1, 2, 5, 6, 7, 8, 9]
    counter = CounterByStamps(None)
    assert [counter.next(i / 25) for i in (0, 1, 2, 3, 4, 5, 9)] == [0, 1, 2, 3, 4, 5, 9]


def test_a_feed_hands_frames_to_all_and_waits_for_none() -> None:
    feed = CameraFeed(small.PacedCamera(rate_hz=100, lost=lambda n: n in (5, 6, 7), end=60))
    assert feed.latest() is None
    assert feed.health().rate_hz is None
    quick, slow = feed.subscribe(), feed.subscribe(room=8)
    feed.start()
    feed.start()
    seen = []
    while (frame := quick.get(5.0)) is not None:
        seen.append(frame.counter)
        if frame.counter == 59:
            break
    assert small.wait_until(lambda: feed.health().error is not None)
    assert [n for n in seen if n not in (5, 6, 7)] == seen
    assert len(seen) + quick.lost == 57
    left = [slow.get(0.0) for _ in range(9)]
    assert [frame.counter for frame in left if frame] == list(range(52, 60))  # the newest
    assert slow.lost == 57 - 8
    health = feed.health()
    assert (health.n_frames, health.n_lost) == (57, 3)
    assert health.rate_hz is not None
    assert health.age_s is not None
    assert health.error == "paced camera: the camera's source has ended; open it again."
    feed.stop()
    assert quick.get(5.0) is None  # at once: it is closed


def test_a_camera_that_breaks_is_told() -> None:
    broken = DataError("paced camera", wanted="the next frame", got="none", remedy="check its cable")
    feed = CameraFeed(small.PacedCamera(end=3, error=broken))
    feed.start()
    assert small.wait_until(lambda: feed.health().error is not None)
    assert feed.health().error == "paced camera: wanted the next frame, got none; check its cable."
    feed.stop()
    feed = CameraFeed(small.PacedCamera(end=3, error=ValueError("USB")))
    feed.start()
    assert small.wait_until(lambda: feed.health().error is not None)
    assert feed.health().error == "paced camera: the camera broke (USB); open it again."
    feed.stop()


def test_a_feed_that_stops_closes_its_camera() -> None:
    camera = small.PacedCamera(rate_hz=30)
    feed = CameraFeed(camera)
    frames = feed.subscribe()
    feed.start()
    assert frames.get(10) is not None
    frames.close()
    feed.stop()
    assert camera.closed.is_set()
    assert feed.health().error is None
    assert not any(thread.name == "camera" for thread in threading.enumerate())
