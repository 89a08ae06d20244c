"""Simulated motion maps: same seed same maps, classes told apart as well as asked, null world at chance."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core import OptionError
from mien.core.labels import ACTION_UNITS, SEVEN_EMOTIONS
from mien.evaluation import leave_one_subject_out
from mien.metrics import recognition
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.signals.face import optical_strain
from mien.simulate import EMOTION_ACTION_UNITS, MapSettings, action_unit_field, simulate_maps
from mien.simulate.action_units import BUMPS


def svm_scores(maps):
    estimate = np.zeros_like(maps.labels)
    for fold in leave_one_subject_out(maps.subjects):
        fitted = LinearSVMRecogniser().fit(maps.maps[fold.train], maps.labels[fold.train])
        estimate[fold.test] = fitted.predict(maps.maps[fold.test])
    return recognition.evaluate(maps.labels.tolist(), estimate.tolist(), classes=[0, 1, 2])


def test_same_seed_same_bytes():
    first, second, other = (simulate_maps(MapSettings(participants=4, seed=s)) for s in (3, 3, 4))
    assert first.digest == second.digest != other.digest


def test_participants_do_not_depend_on_their_number():
    """A larger study begins with the same people, so that power can be studied by adding some."""
    small, large = (simulate_maps(MapSettings(participants=n, seed=1)) for n in (12, 15))
    n = len(small)
    assert (large.maps[:n] == small.maps).all()


def test_not_a_toy():
    scores = [svm_scores(simulate_maps(MapSettings(seed=seed))).uf1 for seed in range(3)]
    assert all(0.45 < score < 0.9 for score in scores)


def test_null_world_is_chance():
    uar = [svm_scores(simulate_maps(MapSettings(participants=12, effect=0.0, seed=s))).uar for s in range(12)]
    error = np.std(uar, ddof=1) / np.sqrt(len(uar))
    assert abs(np.mean(uar) - 1 / 3) < 3 * error


def test_more_noise_is_harder():
    easy, hard = (svm_scores(simulate_maps(MapSettings(noise=n))).uf1 for n in (0.4, 2.0))
    assert easy > hard


def test_shares_follow_the_published_counts():
    maps = simulate_maps(MapSettings(participants=150, seed=0))
    shares = np.bincount(maps.labels) / len(maps)
    assert shares == pytest.approx(np.array([437, 92, 105]) / 634, abs=0.05)
    levels = list(maps.consent.values())
    assert levels.count(2) / 150 == pytest.approx(13 / 75, abs=0.1)


def test_every_channel_is_stretched():
    maps = simulate_maps(MapSettings(participants=3)).maps
    assert (maps.min(axis=(1, 2)) == 0).all()
    assert (maps.max(axis=(1, 2)) == 255).all()


def test_tiny_simulation_has_every_class():
    maps = simulate_maps(MapSettings(participants=3, maps_per_participant=1, seed=5))
    assert set(maps.labels.tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    "bad", [{"participants": 1}, {"maps_per_participant": 0}, {"noise": -1}, {"effect": float("inf")}]
)
def test_impossible_knobs(bad):
    with pytest.raises(OptionError, match="or more"):
        MapSettings(**bad)


def test_action_units_cover_the_table_and_every_emotion():
    assert set(BUMPS) == set(ACTION_UNITS)
    assert set(EMOTION_ACTION_UNITS) == set(SEVEN_EMOTIONS)
    assert all(
        unit in BUMPS for variants in EMOTION_ACTION_UNITS.values() for units in variants for unit in units
    )


def test_fields_are_mirrored_and_one_sided():
    y, x = np.mgrid[-1:1:41j, -1:1:41j]
    both, left, right = (action_unit_field(12, x, y, side=side) for side in ("both", "left", "right"))
    assert both == pytest.approx(left + right)
    assert left[0] == pytest.approx(-right[0][:, ::-1])
    assert left[1] == pytest.approx(right[1][:, ::-1])
    # lip corners go up and outward: right half of the image to the right
    assert left[1].min() < -0.7
    assert left[0].max() > 0.6


def test_unknown_action_unit():
    with pytest.raises(OptionError, match="MMME's Table 2"):
        action_unit_field(3, np.zeros((2, 2)), np.zeros((2, 2)))


def test_strain_of_known_fields():
    y, x = np.mgrid[0:9, 0:9].astype(float)
    assert optical_strain(0.2 * x, -0.1 * y) == pytest.approx(np.full((9, 9), np.hypot(0.2, 0.1)))
    assert optical_strain(0.3 * y, 0 * x) == pytest.approx(np.full((9, 9), 0.3 / np.sqrt(2)))
    assert optical_strain(-0.3 * y, 0.3 * x) == pytest.approx(np.zeros((9, 9)))  # a rotation deforms nothing
