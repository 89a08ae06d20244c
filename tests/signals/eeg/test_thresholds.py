"""The EM threshold against a slow version of its formulas, and against where densities really cross."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from mien.signals.eeg import em_threshold


def slow_threshold(values):
    """Bruzzone & Prieto as ADJUST has it, one number after another; None where it has no crossing."""
    top, bottom = max(values), min(values)
    t0 = (top + bottom) / 2
    heaps = (
        [v for v in values if v > t0 + 0.01 * (top - t0)],
        [v for v in values if v < t0 - 0.01 * (t0 - bottom)],
    )
    total = len(heaps[0]) + len(heaps[1])
    prior = [len(h) / total for h in heaps]
    mean = [math.fsum(h) / len(h) for h in heaps]
    var = [
        math.fsum((v - m) ** 2 for v in h) / (len(h) - 1) if len(h) > 1 else 0.0
        for h, m in zip(heaps, mean, strict=True)
    ]

    def likelihood(v, k):
        if var[k] == 0:
            return 1.0
        return math.exp(-((v - mean[k]) ** 2) / (2 * var[k])) / math.sqrt(2 * math.pi * var[k])

    while True:
        parts = []
        for v in values:
            both = [prior[k] * likelihood(v, k) for k in (0, 1)]
            if sum(both) == 0:
                return None
            parts.append([b / sum(both) for b in both])
        new = []
        for k in (0, 1):
            weight = math.fsum(p[k] for p in parts)
            new.append(
                (
                    weight / len(values),
                    math.fsum(p[k] * v for p, v in zip(parts, values, strict=True)) / weight,
                    math.fsum(p[k] * (v - mean[k]) ** 2 for p, v in zip(parts, values, strict=True)) / weight,
                )
            )
        changes = [
            abs(a - b) for k in (0, 1) for a, b in zip(new[k], (prior[k], mean[k], var[k]), strict=True)
        ]
        prior, mean, var = ([new[k][i] for k in (0, 1)] for i in range(3))
        if not all(c > 1e-4 for c in changes):
            break
    a = (var[0] - var[1]) / 2
    b = var[1] * mean[0] - var[0] * mean[1]
    c = (
        var[0] * var[1] * math.log(prior[0] * math.sqrt(var[1]) / (prior[1] * math.sqrt(var[0])))
        + (mean[1] ** 2 * var[0] - mean[0] ** 2 * var[1]) / 2
    )
    if b * b - 4 * a * c < 0:
        return None
    roots = [(-b + s * math.sqrt(b * b - 4 * a * c)) / (2 * a) for s in (1, -1)]
    inside = [r for r in roots if mean[1] <= r <= mean[0]]
    return inside[0] if inside else None


@pytest.mark.parametrize("seed", range(40))
def test_the_threshold_is_that_of_the_slow_formulas(seed) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 60))
    values = rng.normal(0.05, 0.03, n)
    values[: max(2, n // 6)] += rng.uniform(0.1, 3.0)
    values *= 10 ** rng.uniform(-1, 2)
    wanted, found = slow_threshold(values.tolist()), em_threshold(values)
    if wanted is None:
        assert found.how == "midrange"
        assert found.value == (values.min() + values.max()) / 2
    else:
        assert found.how == "bayes"
        assert found.value == pytest.approx(wanted, rel=1e-6)


def test_at_the_threshold_both_classes_are_as_likely() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(10, 1, 900), rng.normal(20, 3, 300)])
    found = em_threshold(values)
    upper, lower = (
        p * norm.pdf(found.value, m, math.sqrt(v))
        for p, m, v in zip(found.priors, found.means, found.variances, strict=True)
    )
    assert upper == pytest.approx(lower, rel=1e-9)
    assert found.means == pytest.approx((20, 10), abs=0.5)
    assert found.priors[0] == pytest.approx(0.25, abs=0.03)
    # The true crossing of .75 N(10, 1) and .25 N(20, 3), found by halving.
    low, high = 10.0, 20.0
    for _ in range(60):
        half = (low + high) / 2
        below = 0.75 * norm.pdf(half, 10, 1) > 0.25 * norm.pdf(half, 20, 3)
        low, high = (half, high) if below else (low, half)
    assert found.value == pytest.approx(low, abs=0.3)


def test_where_nothing_can_be_told_apart_no_value_passes() -> None:
    for values in ([], [1.0], [2.0, 2.0, 2.0], [np.nan, 3.0]):
        found = em_threshold(values)
        assert (found.value, found.how) == (math.inf, "none")


def test_one_value_on_each_side_gives_the_midrange() -> None:
    assert em_threshold([0.0, 1.0]).value == 0.5
    assert em_threshold([0.0, 1.0]).how == "midrange"


@settings(max_examples=30)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_the_threshold_lies_within_the_values(values) -> None:
    found = em_threshold(values)
    assert found.how == "none" or min(values) <= found.value <= max(values)
