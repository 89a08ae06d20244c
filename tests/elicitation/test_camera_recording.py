"""Recorded runs: every frame that arrived in between, in film and table alike, also after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_cameras as small

from mien.core.errors import DataError
from mien.elicitation.camera_recording import FrameRecorder, mend_run, read_frame_table
from mien.elicitation.cameras import CameraFeed, CameraFrame
from mien.elicitation.clock import now_s
from mien.recording.formats import count_frames, read_frames, read_image_folder
from mien.recording.formats.video_parts import frame_times


class HandFeed:
    """A feed whose frames are given by hand."""

    def __init__(self, height: int = 48, width: int = 64) -> None:
        self._feed = CameraFeed(small.PacedCamera(lambda n: small.numbered(n, height=height, width=width)))
        self.camera, self.subscribe, self.latest = self._feed.camera, self._feed.subscribe, self._feed.latest

    def give(self, number: int, stamp_s: float | None = None) -> float:
        stamp_s = now_s() if stamp_s is None else stamp_s
        self._feed._take(CameraFrame(self.camera._picture(number), stamp_s, number))  # type: ignore[attr-defined]
        return stamp_s


def test_a_run_holds_what_arrived_between_its_beginning_and_end(tmp_path: Path) -> None:
    feed = HandFeed()
    recorder = FrameRecorder(feed, tmp_path / "camera")  # type: ignore[arg-type]
    early = feed.give(0)
    recorder.begin(3, 117)
    assert recorder.health().on
    feed.give(1, early)  # read before the beginning, handed out after it
    stamps = [feed.give(number) for number in (2, 3, 5, 6)]
    after = now_s() + 100
    feed.give(7, after)
    run = recorder.end()
    assert (run.run, run.n_frames, run.n_lost, run.trouble) == (3, 4, 1, None)
    assert run.path == tmp_path / "camera" / "run-03.mkv"
    assert (run.first_s, run.last_s) == (stamps[0], stamps[-1])
    table = read_frame_table(tmp_path / "camera" / "run-03_frames.tsv")
    assert table["frame"].tolist() == [0, 1, 2, 3]
    assert table["counter"].tolist() == [2, 3, 5, 6]
    assert table["host_time_s"] == pytest.approx(stamps, abs=1e-6)
    assert table["trigger"].tolist() == [117] * 4
    pictures = [picture for _, _, picture in read_frames(run.path)]
    assert [small.number_of(picture) for picture in pictures] == [2, 3, 5, 6]
    assert recorder.end() == run  # again: the same
    assert not recorder.health().on
    recorder.close()


def test_the_film_is_near_to_what_was_seen_also_in_a_burst(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texture = np.repeat(np.repeat(rng.integers(30, 220, (12, 16, 3)), 4, axis=0), 4, axis=1).astype(np.uint8)
    feed = HandFeed()
    feed.camera._picture = lambda n: np.roll(texture, n, axis=1)  # type: ignore[attr-defined]
    recorder = FrameRecorder(feed, tmp_path)  # type: ignore[arg-type]
    recorder.begin(1, 101)
    at = now_s()
    for number in range(5):  # all in one millisecond
        feed.give(number, at)
    run = recorder.end()
    assert run.n_frames == 5
    assert (np.diff(frame_times(run.path).times_s) > 0).all()
    for number, _, picture in read_frames(run.path):
        luma = np.array([0.299, 0.587, 0.114])
        assert np.abs((picture - np.roll(texture, number, axis=1).astype(float)) @ luma).mean() < 3


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_a_live_camera_is_recorded_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    camera = small.PacedCamera(
        lambda n: small.numbered(n, height=size[0], width=size[1]), rate_hz=60, lost=lambda n: n == 30
    )
    feed = CameraFeed(camera)
    feed.start()
    recorder = FrameRecorder(feed, tmp_path)
    recorder.begin(1, 101)
    assert small.wait_until(lambda: recorder.health().n_frames >= 75)
    health = recorder.health()
    assert health.bytes_per_s is not None
    assert health.free_bytes is not None
    assert health.left_s is not None
    run = recorder.end()
    feed.stop()
    table = read_frame_table(tmp_path / "run-01_frames.tsv")
    assert count_frames(run.path) == run.n_frames == len(table["frame"])
    numbers = [small.number_of(picture) for _, _, picture in read_frames(run.path)]
    assert numbers == (table["counter"] % 50).tolist()
    assert run.n_lost == feed.health().n_lost >= 1


def test_an_earlier_recording_is_kept(tmp_path: Path) -> None:
    feed = HandFeed()
    recorder = FrameRecorder(feed, tmp_path)  # type: ignore[arg-type]
    for first in (10, 20, 30):
        recorder.begin(2, 101)
        feed.give(first)
    recorder.begin(12, 101)
    feed.give(40)
    recorder.close()
    names = {path.name for path in tmp_path.iterdir()}
    films = {"run-02.mkv", "run-02_cut-1.mkv", "run-02_cut-2.mkv", "run-12.mkv"}
    assert names == films | {name.replace(".mkv", "_frames.tsv") for name in films}
    assert read_frame_table(tmp_path / "run-02_cut-1_frames.tsv")["counter"].tolist() == [10]
    assert read_frame_table(tmp_path / "run-02_frames.tsv")["counter"].tolist() == [30]


def test_pictures_are_named_as_mmme_named_them(tmp_path: Path) -> None:
    feed = HandFeed()
    recorder = FrameRecorder(feed, tmp_path, form="images")  # type: ignore[arg-type]
    recorder.begin(1, 101)
    begun = now_s()
    numbers = [996, 997, 999, 1000, 1001]
    for number in numbers:
        while now_s() - begun < 0.01 * (number - 996):
            pass
        feed.give(number)
    run = recorder.end()
    assert run.trouble is None
    frames = read_image_folder(run.path)
    assert (frames.counter - frames.counter[0]).tolist() == [0, 1, 3, 4, 5]
    assert set(frames.marker) == {101}
    assert frames.paths[0].name.endswith("-996-101.tiff")
    table = read_frame_table(tmp_path / "run-01_frames.tsv")
    assert table["counter"].tolist() == numbers
    assert np.diff(frames.host_s) == pytest.approx(np.diff(table["host_time_s"]), abs=0.0011)
    from PIL import Image

    picture = np.asarray(Image.open(frames.paths[1]))
    assert (picture == feed.camera._picture(997)).all()  # type: ignore[attr-defined]


CHILD = """
import sys, time
from pathlib import Path
import small_cameras as small
from mien.elicitation.cameras import CameraFeed
from mien.elicitation.camera_recording import FrameRecorder
feed = CameraFeed(small.PacedCamera(rate_hz=60))
feed.start()
recorder = FrameRecorder(feed, Path(sys.argv[1]))
recorder.begin(1, 101)
while recorder.health().n_frames < 90:
    time.sleep(0.01)
print("on", flush=True)
time.sleep(60)
"""


def child(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_a_killed_recording_is_mended(tmp_path: Path) -> None:
    process = child(CHILD, str(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    film, table = tmp_path / "run-01.mkv", tmp_path / "run-01_frames.tsv"
    n_rows = len(read_frame_table(table)["frame"])
    n_frames = mend_run(film)
    assert n_rows >= 90
    assert n_rows - 45 <= n_frames <= n_rows
    counters = read_frame_table(table)["counter"]
    assert count_frames(film) == n_frames == len(counters)
    numbers = [small.number_of(picture) for _, _, picture in read_frames(film)]
    assert numbers == (counters % 50).tolist()
    assert mend_run(film) == n_frames  # again: nothing changes


def test_a_film_and_table_cut_anywhere_are_mended(tmp_path: Path) -> None:
    feed = HandFeed()
    recorder = FrameRecorder(feed, tmp_path / "whole")  # type: ignore[arg-type]
    recorder.begin(1, 101)
    for number in range(40):
        feed.give(number)
    film = recorder.end().path
    table = film.with_name("run-01_frames.tsv")
    content, rows = film.read_bytes(), table.read_bytes()
    (tmp_path / "cut").mkdir()
    cut = tmp_path / "cut" / "run-01.mkv"
    cut_table = cut.with_name("run-01_frames.tsv")
    kept = n_frames = 0
    for size in np.linspace(len(content) // 8, len(content) - 1, 25).astype(int).tolist():
        cut.write_bytes(content[:size])
        cut_table.write_bytes(rows[: max(100, len(rows) * size // len(content))])
        with suppress(DataError):  # cut before the first whole frame
            n_frames = mend_run(cut)
            kept += 1
        if not kept:
            continue
        assert count_frames(cut) == n_frames == len(read_frame_table(cut_table)["frame"])
        numbers = [small.number_of(picture) for _, _, picture in read_frames(cut)]
        assert numbers == list(range(n_frames))
    assert kept > 5


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run-01_frames.tsv"
    with pytest.raises(DataError, match="no such file"):
        read_frame_table(path)
    path.write_text("time\n1\n")
    with pytest.raises(DataError, match="wanted the columns frame, counter, host_time_s, trigger"):
        read_frame_table(path)
    path.write_text("frame\tcounter\thost_time_s\ttrigger\n0\t1\tx\t3\n")
    with pytest.raises(DataError, match="four numbers a row"):
        read_frame_table(path)
    path.write_text("frame\tcounter\thost_time_s\ttrigger\n0\t1\t2.5\t3\n1\t2\t2.")
    assert read_frame_table(path)["frame"].tolist() == [0]  # the half row is left out


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
import small_cameras as small
from mien.elicitation.cameras import CameraFeed
from mien.elicitation.camera_recording import FrameRecorder
noise = [np.random.default_rng(i).integers(0, 256, (48, 64, 3)).astype(np.uint8) for i in range(7)]
feed = CameraFeed(small.PacedCamera(lambda n: noise[n % 7], rate_hz=60))
feed.start()
recorder = FrameRecorder(feed, Path(sys.argv[1]), form=sys.argv[2])
limit = 120_000 if sys.argv[2] == "video" else 5_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
recorder.begin(1, 101)
assert small.wait_until(lambda: recorder.health().trouble is not None), recorder.health()
print(recorder.health().trouble)
run = recorder.end()
print(run.n_frames > 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.parametrize("form", ["video", "images"])
def test_a_disk_that_takes_no_more_is_told_and_nothing_else(tmp_path: Path, form: str) -> None:
    after = """
recorder.begin(2, 102)
assert small.wait_until(lambda: recorder.health().n_frames > 5)
print(recorder.end().trouble)
feed.stop()
"""
    process = child(FULL + after, str(tmp_path), form)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    trouble, some, later = out.decode().splitlines()
    assert "wanted room to record, got" in trouble
    assert "file too large" in trouble
    assert some == str(form == "video")
    assert later == "None"
    if form == "video":
        assert mend_run(tmp_path / "run-01.mkv") > 0


def test_a_folder_that_vanishes_is_told(tmp_path: Path) -> None:
    feed = HandFeed()
    recorder = FrameRecorder(feed, tmp_path / "camera")  # type: ignore[arg-type]
    recorder.begin(1, 101)
    feed.give(0)
    assert small.wait_until(lambda: recorder.health().n_frames == 1)
    shutil.rmtree(tmp_path / "camera")
    feed.give(1)
    assert small.wait_until(lambda: recorder.health().trouble is not None)
    assert not recorder.health().on
    run = recorder.end()
    assert run.trouble is not None
    assert "got 1 frames and then its folder has vanished" in run.trouble
    recorder.begin(2, 102)
    feed.give(2)
    assert recorder.end().trouble is None


def test_a_run_without_frames_and_an_end_without_a_run_say_so(tmp_path: Path) -> None:
    recorder = FrameRecorder(HandFeed(), tmp_path)  # type: ignore[arg-type]
    assert "begin one" in str(recorder.end().trouble)
    assert recorder.health().run is None
    recorder.begin(1, 101)
    run = recorder.end()
    assert "got none; look whether the camera is on" in str(run.trouble)
    assert (run.n_frames, run.first_s) == (0, None)
    recorder.close()
    (tmp_path / "file").write_text("")
    recorder = FrameRecorder(HandFeed(), tmp_path / "file")  # type: ignore[arg-type]
    recorder.begin(1, 101)
    assert "wanted room to record" in str(recorder.end().trouble)
