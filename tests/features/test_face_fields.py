"""Fields of a film: what they say of known movements, whatever the parts are."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.features.face_fields import FIELD_HZ
from mien.features.face_pass import Film, PassSettings, measure_face_motion, measure_faces
from mien.features.region_motion import REGIONS
from mien.jobs import Store
from mien.signals.face.regions import mdmo_regions, region_masks, template_landmarks

sys.path.insert(0, str(Path(__file__).parents[1] / "spotting"))

from films import LENGTH_S, RATE_HZ, clock, nothing, story, write


def measure(path, folder, **options):
    settings = PassSettings(fields=True, **options)
    return measure_faces({"a": Film(path)}, Store(folder), settings)["a"].read()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write(tmp_path_factory.mktemp("film") / "a.mp4", story(), clock(LENGTH_S, RATE_HZ))


@pytest.fixture(scope="module")
def measured(film, tmp_path_factory):
    return measure(film, tmp_path_factory.mktemp("store"))


def test_region_motion_is_the_same_with_and_without_fields(film, measured, tmp_path):
    alone = measure_face_motion(film, Store(tmp_path))
    assert np.array_equal(alone.motion, measured[0].motion, equal_nan=True)
    assert np.array_equal(alone.reference, measured[0].reference)


def test_fields_average_to_the_regions_displacement(measured):
    """Within one reference's span: the mean over the picture's middle follows the regions there."""
    motion, fields = measured
    moved = fields.displacement(0, len(fields))
    at = 1.72  # near the apex of the first smile
    frame, row = int(np.argmin(np.abs(fields.times_s - at))), int(np.argmin(np.abs(motion.times_s - at)))
    rest = int(np.argmin(np.abs(fields.times_s - 1.4)))
    rest_row = int(np.argmin(np.abs(motion.times_s - 1.4)))
    smile = moved[frame] - moved[rest]
    masks = region_masks(mdmo_regions(template_landmarks(128)), (128, 128))
    for name in ("beside the upper lip, right", "middle cheek, left"):
        region = REGIONS.index(name)
        small = masks[region].reshape(64, 2, 64, 2).mean(axis=(1, 3))
        mean = (smile * small).sum(axis=(1, 2)) / small.sum()
        expected = (motion.motion[row, region, :2] - motion.motion[rest_row, region, :2]).astype(float)
        assert np.abs(mean - expected).max() < 0.12


def test_the_grid_is_even_and_one_stretch_covers_an_unbroken_film(measured):
    _, fields = measured
    assert np.allclose(np.diff(fields.times_s), 1 / FIELD_HZ)
    assert fields.stretches() == [(0, len(fields))] or fields.stretches()[0][1] >= len(fields) - 2
    assert np.isfinite(fields.displacement(0, 200)).all()


def test_parts_change_no_displacement(film, measured, tmp_path):
    _, fields = measure(film, tmp_path, part_s=4.0)
    whole = measured[1]
    assert np.array_equal(fields.stretch, whole.stretch)
    for first, stop in ((0, 60), (110, 170), (230, 299)):
        assert np.array_equal(
            fields.displacement(first, stop), whole.displacement(first, stop), equal_nan=True
        )
    assert len(fields.stretches("texture")) == 3  # one for each part
    assert len(whole.stretches("texture")) == 1


def test_texture_is_steady_on_a_still_face_and_changes_with_an_expression(measured):
    """Also across references, which begin every two seconds: no step at 2, 4, 6 or 8 s."""
    _, fields = measured
    counts = fields.texture(0, len(fields))
    assert np.allclose(counts[fields.texture_stretch >= 0].sum(axis=(1, 2)), 126 * 126)
    step = np.nansum((counts[3:] - counts[:-3]) ** 2 / np.maximum(counts[3:] + counts[:-3], 1), axis=(1, 2))
    times = fields.times_s[3:]
    rest = np.nanmedian(step)
    for at in (6.0, 8.0 - 0.3):
        near = np.abs(times - at) < 0.12
        assert np.nanmax(step[near]) < 1.6 * rest


def test_reading_in_blocks_equals_reading_at_once(measured):
    _, fields = measured
    whole = fields.displacement(20, 100)
    blocks = np.concatenate([fields.displacement(20, 47), fields.displacement(47, 100)])
    assert np.array_equal(whole, blocks)


def test_a_film_without_a_face_has_no_stretch(tmp_path):
    film = write(tmp_path / "wall.mp4", nothing(60), clock(2.0, 30))
    _, fields = measure(film, tmp_path / "store")
    assert fields.stretches() == []
    assert fields.stretches("texture") == []
    assert np.isnan(fields.displacement(0, 10)).all()


def test_a_clock_of_its_own_stands_for_the_files(film, tmp_path):
    """Frames that came at another rate than the file says: all times are the clock's."""
    times = clock(LENGTH_S, RATE_HZ) * 1.05 + 3.0
    found = measure_faces({"a": Film(film, times)}, Store(tmp_path), PassSettings())["a"].read()[0]
    assert found.rate_hz == pytest.approx(RATE_HZ / 1.05)
    assert found.start_s == pytest.approx(3.0)
    assert found.end_s == pytest.approx(3.0 + 1.05 * LENGTH_S, abs=0.02)


def test_videos_that_cannot_be_measured_are_answered_with_the_reason(film, tmp_path):
    gone = tmp_path / "gone.mp4"
    films = {"gone": Film(gone), "whole": Film(film), "odd": Film(film, clock(1.0, 30))}
    found = measure_faces(films, Store(tmp_path / "store"))
    assert list(found) == ["gone", "whole", "odd"]
    assert isinstance(found["gone"], DataError)
    assert "30 times" in str(found["odd"])
    assert len(found["whole"].read()[0].times_s) == 500
