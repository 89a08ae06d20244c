"""Paired tests against plain enumeration and statsmodels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from mien.core.errors import DataError, OptionError
from mien.stats import mcnemar, paired_permutation


def share(pooled):
    return pooled[:, 0] / pooled.sum(axis=1)


def enumerated(a, b):
    values = []
    for swaps in product([0, 1], repeat=len(a)):
        first = np.where(np.array(swaps)[:, None], b, a).sum(axis=0)
        second = np.where(np.array(swaps)[:, None], a, b).sum(axis=0)
        values.append(first[0] / first.sum() - second[0] / second.sum())
    return np.mean(np.abs(values) >= abs(values[0]) - 1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_exact_p_equals_enumeration_and_is_symmetric(seed, n):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(1, 6, size=(2, n, 2))
    found = paired_permutation(a, b, statistic=share, seed=0)
    assert found.exact
    assert found.p_value == pytest.approx(enumerated(a, b))
    turned = paired_permutation(b, a, statistic=share, seed=0)
    assert (turned.p_value, turned.difference) == pytest.approx((found.p_value, -found.difference))


def test_random_swaps_agree_with_exact():
    rng = np.random.default_rng(1)
    a, b = rng.integers(1, 9, size=(2, 12, 2)) + np.array([[[2, 0]], [[0, 1]]])
    exact = paired_permutation(a, b, statistic=share, seed=0)
    sampled = paired_permutation(a, b, statistic=share, n_permutations=4000, seed=0)
    assert exact.exact
    assert not sampled.exact
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.02)


def test_false_positives_at_the_promised_rate():
    rng = np.random.default_rng(2)
    p = [
        paired_permutation(*rng.integers(1, 9, size=(2, 9, 2)), statistic=share, seed=0).p_value for _ in range(400)
    ]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_equal_methods():
    a = np.array([[3, 1], [2, 2]])
    assert paired_permutation(a, a, statistic=share, seed=0).p_value == 1.0


def test_malformed():
    with pytest.raises(DataError, match="equal shapes"):
        paired_permutation(np.ones((2, 2)), np.ones((3, 2)), statistic=share, seed=0)
    with pytest.raises(DataError, match="at least one subject"):
        paired_permutation(np.ones((0, 2)), np.ones((0, 2)), statistic=share, seed=0)
    with pytest.raises(OptionError, match="1 or more permutations"):
        paired_permutation(np.ones((2, 2)), np.ones((2, 2)), statistic=share, n_permutations=0, seed=0)


@pytest.mark.parametrize(("b", "c"), [(1, 7), (10, 4), (30, 12), (13, 12)])
def test_mcnemar_equals_statsmodels(b, c):
    first = [True] * b + [False] * c + [True] * 5
    second = [False] * b + [True] * c + [True] * 5
    found = mcnemar(first, second)
    theirs = their_mcnemar([[5, b], [c, 0]], exact=b + c < 25, correction=True)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert (found.only_a, found.only_b) == (b, c)


def test_mcnemar_without_discordance_or_samples():
    assert mcnemar([True], [True]).p_value == 1.0
    with pytest.raises(DataError, match="at least one"):
        mcnemar([], [])
