"""Videos of many hours, and videos stored as cameras and editors like it: measured as the plain one is."""

from __future__ import annotations

import pickle
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mien.features.face_following import JUDGED, NO_FACE
from mien.features.face_pass import PassSettings, measure_face_motion
from mien.jobs import Store
from mien.jobs.execute import attempt
from mien.recording.formats.video_parts import frame_times, read_luma_part

sys.path.insert(0, str(Path(__file__).parents[1] / "spotting"))

import films

HOURS = 10
N_LONG = HOURS * 3600
TOLERANCE_PX = 0.2  # of regions' means: the same pictures coded in another way
PLAIN = "keyint=25:min-keyint=25:scenecut=0:bframes=0"


@pytest.fixture(scope="module")
def pictures():
    """4.4 s at 25 Hz with a smile at 1.7 s."""
    return films.frames(films.clock(4.4, 25), movements=films.STORY[:1])


def write(path, pictures, coded=PLAIN, *, first_s=0.0, turned=0, step_s=0.04, **options):
    """As `films.write`, by x264 with all it can do."""
    with av.open(str(path), "w", options={key: str(value) for key, value in options.items()}) as container:
        stream = container.add_stream(
            "libx264", rate=25, options={"preset": "veryfast", "crf": "12", "x264-params": coded}
        )
        stream.width, stream.height, stream.pix_fmt = pictures.shape[2], pictures.shape[1], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if turned:
            stream.set_display_rotation(turned)
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray").reformat(
                format="yuv420p", src_color_range="JPEG", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = round(1000 * (first_s + step_s * k)), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def measure(path, folder, part_s=2.0):
    return measure_face_motion(path, Store(folder), PassSettings(part_s=part_s))


@pytest.fixture(scope="module")
def plain(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return measure(write(folder / "plain.mp4", pictures), folder / "store")


def agree(found, plain):
    """The same frames, all judged, within what another coding changes."""
    assert found.times_s - found.times_s[0] == pytest.approx(plain.times_s, abs=1e-3)
    assert (found.state == JUDGED).all()
    assert found.damage is None
    away = np.abs(found.motion[..., :2].astype(float) - plain.motion[..., :2])
    assert np.median(away) < 0.25 * TOLERANCE_PX
    assert np.percentile(away, 95) < TOLERANCE_PX


# --- ten hours


class SeenError(Exception):
    """What the executor says when it has seen the plan."""


class Looking:
    """An executor that computes the first and the last part only."""

    def __init__(self):
        self.plan = self.jobs = None
        self.events = []

    def run(self, plan, jobs, store, report):
        self.plan, self.jobs = plan, jobs
        self.events = [attempt(plan, jobs[k], store) for k in (0, -1)]
        raise SeenError


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    """Ten hours of a wall at a frame per second: one clip whose packets are copied."""
    folder = tmp_path_factory.mktemp("long")
    clip = write(folder / "clip.mp4", films.nothing(10)[:, :48, :64], step_s=1.0)
    with av.open(str(clip)) as reader, av.open(str(folder / "long.mp4"), "w") as writer:
        source = reader.streams.video[0]
        packets = [(bytes(one), one.is_keyframe) for one in reader.demux(source) if one.size]
        stream = writer.add_stream_from_template(source)
        step = round(1 / source.time_base)
        for k in range(N_LONG):
            content, is_key = packets[k % len(packets)]
            packet = av.Packet(content)
            packet.pts = packet.dts = k * step
            packet.time_base, packet.duration = source.time_base, step
            packet.is_keyframe, packet.stream = is_key, stream
            writer.mux(packet)
    return folder / "long.mp4"


def test_times_of_ten_hours_take_little_memory(long_film):
    tracemalloc.start()
    times = frame_times(long_film)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(times.times_s) == N_LONG
    assert times.times_s[-1] == pytest.approx(HOURS * 3600 - 1)
    assert times.end_s == pytest.approx(HOURS * 3600)
    assert most < 100 * N_LONG  # bytes: half a GB for ten hours at 150 frames a second


def test_ten_hours_are_planned_as_parts_and_the_last_is_reached_without_the_others(long_film, tmp_path):
    looking = Looking()
    with pytest.raises(SeenError):
        measure_face_motion(long_film, Store(tmp_path), PassSettings(), executor=looking)
    assert len(looking.jobs) == N_LONG / 20
    assert len({job.key for job in looking.jobs}) == len(looking.jobs)
    assert len(pickle.dumps(looking.plan.context)) < 12 * N_LONG
    assert [event.status for event in looking.events] == ["computed", "computed"]
    last = Store(tmp_path).read(looking.jobs[-1].key)
    assert last["frames"].tolist() == list(range(N_LONG - 20, N_LONG))
    assert (last["states"] == NO_FACE).all()


# --- ways of storing


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    "coded",
    [
        "open-gop=1:keyint=15:min-keyint=15:bframes=2:scenecut=0",
        "open-gop=1:keyint=20:min-keyint=20:bframes=8:b-pyramid=2:b-adapt=0:scenecut=0",
        "open-gop=0:keyint=15:min-keyint=15:bframes=3:scenecut=0",
    ],
)
def test_every_frame_is_reached_whatever_it_refers_to(pictures, coded, suffix, tmp_path):
    path = write(tmp_path / f"film.{suffix}", pictures[:46], coded)
    times = frame_times(path)
    whole = dict(read_luma_part(path, times, 0, only=lambda index: True))
    assert sorted(whole) == list(range(46))
    for first in (*range(13, 17), *range(28, 32), 35, 45):
        part = dict(read_luma_part(path, times, first, only=lambda index: True))
        assert sorted(part) == list(range(first, 46))
        assert all(np.array_equal(part[index], whole[index]) for index in part)


@pytest.mark.parametrize(
    "coded",
    ["open-gop=1:keyint=15:min-keyint=15:bframes=2:scenecut=0", "tff=1:keyint=25:min-keyint=25:scenecut=0"],
    ids=["open groups of pictures", "interlaced"],
)
def test_other_codings_give_the_same_motion(pictures, plain, coded, tmp_path):
    agree(measure(write(tmp_path / "film.mp4", pictures, coded), tmp_path / "store"), plain)


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_pictures_that_lie_on_their_side_are_turned(pictures, plain, degrees, tmp_path):
    path = write(tmp_path / "film.mp4", np.rot90(pictures, -degrees // 90, axes=(1, 2)), turned=degrees)
    agree(measure(path, tmp_path / "store"), plain)


def test_a_video_that_begins_before_zero_is_measured_from_there(pictures, plain, tmp_path):
    path = write(tmp_path / "film.ts", pictures, first_s=-1.0, mpegts_copyts=1, avoid_negative_ts="disabled")
    found = measure(path, tmp_path / "store")
    assert found.times_s[0] == found.start_s == pytest.approx(-1.0)
    assert len(found.times_s) == len(plain.times_s)
    assert (found.state == JUDGED).mean() > 0.9
    assert found.damage is None


def test_what_an_edit_list_leaves_out_is_neither_measured_nor_called_damage(pictures, plain, tmp_path):
    path = write(tmp_path / "film.mp4", pictures, first_s=-1.0)
    found = measure(path, tmp_path / "store")
    assert len(found.times_s) == len(plain.times_s) - 25
    assert (found.state == JUDGED).all()
    assert found.damage is None
