"""What fusing is worth where the truth is known: gains with independent members, nothing in a null."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.experiments.fusion_worlds import LEAK, METRICS, score_every_way
from mien.simulate.modalities import LIKE_MMME, ModalitySettings

pytestmark = pytest.mark.slow

WORLD = ModalitySettings(participants=30, samples_per_participant=8)
UF1, UAR = (list(METRICS).index(name) for name in ("uf1", "uar"))


def low_and_high(values):
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))
    return np.mean(values) - half, np.mean(values) + half


@pytest.fixture(scope="module")
def clean():
    return list(score_every_way(WORLD, range(20)))


def column(found, name, place):
    return np.array([one[name][place] for one in found])


def test_log_odds_and_stacking_beat_the_best_member_of_30_people_with_8_expressions(clean):
    best = np.max([column(clean, name, UF1) for name in LIKE_MMME], axis=0)
    for name in ("vote, log-odds", "stacking, uniform prior"):
        assert low_and_high(column(clean, name, UF1) - best)[0] > 0, name


def test_one_member_of_noise_costs_them_at_most_two_points(clean):
    settings = replace(WORLD, separations={**LIKE_MMME, "noise": 0.0})
    noisy = list(score_every_way(settings, range(20)))
    for name in ("vote, log-odds", "stacking, uniform prior"):
        assert np.mean(column(noisy, name, UF1) - column(clean, name, UF1)) > -0.02, name


def test_where_nothing_is_honest_weights_find_nothing_and_the_leak_something():
    null = replace(WORLD, separations=dict.fromkeys(LIKE_MMME, 0.0))
    found = list(score_every_way(null, range(60)))
    honest, leak = column(found, "vote, recall", UAR), column(found, f"vote, recall, {LEAK}", UAR)
    low, high = low_and_high(honest)
    assert low - 0.005 < 1 / 3 < high + 0.005
    assert low_and_high(leak - honest)[0] > 0
