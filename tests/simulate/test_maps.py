"""Simulated motion maps: same seed same maps, classes told apart as well as asked, null world at chance."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core import OptionError
from mien.core.labels import ACTION_UNITS, SEVEN_EMOTIONS, THREE_CLASS_OF, THREE_CLASSES
from mien.evaluation import leave_one_subject_out
from mien.metrics import recognition
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.signals.face import optical_strain
from mien.simulate import EMOTION_ACTION_UNITS, MapSettings, action_unit_field, simulate_maps
from mien.simulate.action_units import BUMPS
from mien.simulate.maps import _emotions


def svm_scores(maps):
    estimate = np.zeros_like(maps.labels)
    for fold in leave_one_subject_out(maps.subjects):
        fitted = LinearSVMRecogniser().fit(maps.maps[fold.train], maps.labels[fold.train])
        estimate[fold.test] = fitted.predict(maps.maps[fold.test])
    return recognition.evaluate(maps.labels.tolist(), estimate.tolist(), classes=[0, 1, 2])


def test_same_seed_same_bytes():
    first, second, other = (simulate_maps(MapSettings(participants=2, seed=s)) for s in (3, 3, 4))
    assert first.digest == second.digest != other.digest


def test_participants_do_not_depend_on_their_number():
    """A larger study begins with the same people, so that power can be studied by adding some."""
    small, large = (simulate_maps(MapSettings(participants=n, seed=1)) for n in (3, 4))
    n = len(small)
    assert (large.maps[:n] == small.maps).all()


def test_not_a_toy():
    assert 0.45 < svm_scores(simulate_maps(MapSettings())).uf1 < 0.9


def test_null_world_is_chance():
    worlds = [MapSettings(participants=5, maps_per_participant=10, effect=0.0, seed=s) for s in range(10)]
    uar = [svm_scores(simulate_maps(world)).uar for world in worlds]
    error = np.std(uar, ddof=1) / np.sqrt(len(uar))
    assert abs(np.mean(uar) - 1 / 3) < 3 * error


def test_more_noise_is_harder():
    easy, hard = (svm_scores(simulate_maps(MapSettings(participants=10, noise=n))).uf1 for n in (0.2, 3.0))
    assert easy > hard


def test_shares_follow_the_published_counts():
    drawn = [e for seed in range(200) for e in _emotions(np.random.default_rng(seed), MapSettings())]
    classes = [THREE_CLASS_OF[emotion] for emotion in drawn]
    shares = [classes.count(name) / len(classes) for name in THREE_CLASSES]
    assert shares == pytest.approx([437 / 634, 92 / 634, 105 / 634], abs=0.05)


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


def test_an_effect_is_a_share():
    with pytest.raises(OptionError, match=r"a share from 0 to 1, got 1\.5"):
        MapSettings(effect=1.5)
