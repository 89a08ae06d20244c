"""Subject bootstrap against a plain re-sampler and its promised coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from mien.core.errors import DataError, OptionError
from mien.stats import proportion_interval, subject_bootstrap


def share(pooled):
    return pooled[:, 0] / pooled.sum(axis=1)


def test_equals_plain_resampling():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, size=(25, 2)) + 1
    plain = []
    for _ in range(6000):
        drawn = counts[rng.integers(0, 25, 25)].sum(axis=0)
        plain.append(drawn[0] / drawn.sum())
    found = subject_bootstrap(counts, statistic=share, n_resamples=6000, seed=1)
    assert found.value == counts[:, 0].sum() / counts.sum()
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=0.005)


def test_covers_the_truth_as_often_as_promised():
    rng = np.random.default_rng(5)
    hits = 0
    for trial in range(300):
        p = rng.beta(6, 4, size=40)  # subjects differ: samples of one are not independent
        n = rng.integers(3, 12, size=40)
        right = rng.binomial(n, p)
        counts = np.stack([right, n - right], axis=1)
        found = subject_bootstrap(counts, statistic=share, n_resamples=500, seed=trial)
        hits += found.low <= 0.6 <= found.high
    assert 0.90 <= hits / 300 <= 0.985


def test_same_seed_same_interval_and_identical_subjects_no_width():
    counts = np.array([[3, 1]] * 6)
    first, second = (subject_bootstrap(counts, statistic=share, seed=3) for _ in range(2))
    assert first == second
    assert first.low == first.high == 0.75


def test_undefined_replicates_are_counted():
    counts = np.array([[1, 0], [0, 0], [0, 0]])
    found = subject_bootstrap(counts, statistic=share, n_resamples=1000, seed=0)
    assert found.low == found.high == 1.0
    assert found.n_undefined == pytest.approx(1000 * (2 / 3) ** 3, abs=60)


def test_one_subject_has_no_interval():
    found = subject_bootstrap(np.array([[3, 1]]), statistic=share, seed=0)
    assert math.isnan(found.low)
    assert "one subject" in found.reason


def test_empty_and_impossible():
    with pytest.raises(DataError, match="at least one subject"):
        subject_bootstrap(np.empty((0, 2)), statistic=share, seed=0)
    with pytest.raises(OptionError, match="level between 0 and 1"):
        subject_bootstrap(np.ones((3, 2)), statistic=share, level=95, seed=0)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (95, 100), (100, 100)])
def test_proportion_equals_statsmodels(hits, n):
    assert proportion_interval(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-12)


def test_proportion_out_of_range():
    with pytest.raises(DataError, match="0 <= successes <= n"):
        proportion_interval(3, 2)
