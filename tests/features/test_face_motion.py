"""The pass over a video: what is measured does not depend on parts, kills, rates or damage."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.features.face_following import JUDGED, NO_FACE
from mien.features.face_pass import MOST_HZ, PassSettings, measure_face_motion
from mien.features.region_motion import CHANNELS, REGIONS
from mien.jobs import Store
from mien.recording.formats.video_parts import frame_times, read_luma_part

sys.path.insert(0, str(Path(__file__).parents[1] / "spotting"))

import films

SMILES = ("beside the upper lip", "lower cheek", "middle cheek")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("film")
    return films.write(folder / "story.mp4", films.story()[:600:4], films.clock(6.0, 25))


@pytest.fixture(scope="module")
def measured(film, tmp_path_factory):
    return measure_face_motion(film, Store(tmp_path_factory.mktemp("whole")))


def same(a, b):
    names = ("times_s", "motion", "head", "state", "reference", "cuts_s")
    equal = [np.array_equal(getattr(a, n), getattr(b, n), equal_nan=n in ("motion", "head")) for n in names]
    joins = a.joins.keys() == b.joins.keys() and all(
        np.array_equal(a.joins[k][0], b.joins[k][0]) and np.array_equal(a.joins[k][1], b.joins[k][1])
        for k in a.joins
    )
    return all(equal) and joins


def test_every_frame_has_a_row_of_every_region(measured):
    assert measured.motion.shape == (150, len(REGIONS), len(CHANNELS))
    assert measured.motion.dtype == np.float16
    assert (measured.state == JUDGED).all()
    assert measured.unjudged() == []
    assert measured.rate_hz == pytest.approx(25)
    assert measured.times_s[-1] == pytest.approx(5.96)


def test_smiles_and_raised_brows_are_seen_where_they_are(measured):
    smile, rest = measured.motion[42].astype(float), measured.motion[30].astype(float)  # 1.68 s, 1.2 s
    moved = dict(zip(REGIONS, np.hypot(*(smile - rest)[:, :2].T), strict=True))
    beside = [moved[f"{name}, {side}"] for name in SMILES for side in ("right", "left")]
    brows = [moved[f"{name}, {side}"] for name in ("inner brow", "outer brow") for side in ("right", "left")]
    assert min(beside) > 0.15
    assert max(beside) > 0.4
    assert max(brows) < 0.15
    brow = [REGIONS.index(f"outer brow, {side}") for side in ("right", "left")]
    assert (measured.motion[117, brow, 1] < -0.3).all()  # 4.68 s, up


def test_where_parts_begin_changes_no_number(film, measured, tmp_path):
    parted = measure_face_motion(film, Store(tmp_path), PassSettings(part_s=2.0))
    assert same(parted, measured)


def test_a_stopped_run_goes_on_with_the_part_it_had_begun(film, measured, tmp_path):
    def stop(done, total, name):
        if done == 2:
            raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        measure_face_motion(film, store, PassSettings(part_s=2.0), progress=stop)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("done.json")}
    assert len(before) == 2
    assert same(measure_face_motion(film, store, PassSettings(part_s=2.0)), measured)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("done.json")}
    assert len(after) == 3
    assert all(after[path] == stamp for path, stamp in before.items())


def test_fast_video_is_measured_at_most_fifty_times_a_second(tmp_path):
    path = films.write(tmp_path / "fast.mp4", films.story()[:60], films.clock(0.6))
    found = measure_face_motion(path, Store(tmp_path / "store"))
    assert found.rate_hz == pytest.approx(100)
    assert len(found.times_s) == 30
    assert np.diff(found.times_s).min() > 0.99 / MOST_HZ


def test_without_a_face_nothing_is_judged(tmp_path):
    path = films.write(tmp_path / "wall.mp4", films.nothing(40), films.clock(2.0, 20))
    found = measure_face_motion(path, Store(tmp_path / "store"))
    assert (found.state == NO_FACE).all()
    ((span, reason),) = found.unjudged()
    assert (span.start_s, span.end_s) == (0.0, pytest.approx(2.0))
    assert "no face" in reason


def test_a_face_lost_and_found_leaves_a_gap_that_is_told(tmp_path):
    pictures = films.story()[:500:4].copy()  # 25 Hz, 5 s
    pictures[50:75] = films.nothing(25)
    found = measure_face_motion(
        films.write(tmp_path / "lost.mp4", pictures, films.clock(5.0, 25)), Store(tmp_path / "store")
    )
    ((span, _),) = found.unjudged()
    assert span.start_s == pytest.approx(2.0, abs=0.05)
    assert 3.0 <= span.end_s <= 3.25
    assert found.cuts_s.tolist() == pytest.approx([2.0, 3.0])


def test_damage_in_the_middle_costs_what_is_damaged(tmp_path):
    path = films.write(tmp_path / "whole.mp4", films.story()[:600:4], films.clock(6.0, 25))
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 8
    middle = start + (len(content) - start) // 2
    content[middle : middle + 4000] = bytes(4000)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(content)
    found = measure_face_motion(broken, Store(tmp_path / "store"))
    spans = found.unjudged()
    assert len(found.times_s) == 150
    assert spans
    assert all("damaged" in reason for _, reason in spans)
    assert 0.04 < sum(span.duration_s for span, _ in spans) < 2.5
    assert found.state[0] == found.state[-1] == JUDGED


def test_a_part_of_a_video_is_the_same_pictures(film):
    times = frame_times(film)
    whole = dict(read_luma_part(film, times, 0, only=lambda index: index % 25 == 0))
    late = dict(read_luma_part(film, times, 65, only=lambda index: index % 25 == 0))
    assert sorted(whole) == [0, 25, 50, 75, 100, 125]
    assert sorted(late) == [75, 100, 125]
    assert all(np.array_equal(whole[index], late[index]) for index in late)


def test_files_without_pictures_are_refused(tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.mp4"):
        measure_face_motion(empty, Store(tmp_path / "store"))
    sound = tmp_path / "sound.avi"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    with pytest.raises(DataError, match=r"sound\.avi"):
        measure_face_motion(sound, Store(tmp_path / "store"))


def test_an_impossible_part_is_refused(film, tmp_path):
    with pytest.raises(OptionError, match="length of a part"):
        measure_face_motion(film, Store(tmp_path), PassSettings(part_s=3.0))
