"""Krippendorff's alpha against his published example, pairs counted in plain loops, and hand calculation."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError, OptionError
from mien.stats.krippendorff import NO_PAIR, ONE_VALUE, SCALES, krippendorff_alpha

# Krippendorff 2011, Computing Krippendorff's alpha-reliability: 4 observers, 12 units, missing cells.
N = None
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]


@pytest.mark.parametrize(
    ("measurement", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_golden_published_example(measurement, value):
    found = krippendorff_alpha(PUBLISHED, measurement=measurement)
    assert round(found.value, 3) == value
    assert (found.n_units, found.n_values) == (11, 40)  # unit 12 has one value and does not count


def test_golden_by_hand_two_coders_binary():
    # Krippendorff 2011, section A: 10 units, two observers, 4 disagreements, 14 zeros and 6 ones.
    a = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    b = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    zeros = [*a, *b].count(0)
    ones = 20 - zeros
    differ = sum(x != y for x, y in zip(a, b, strict=True))
    by_hand = 1 - (20 - 1) * 2 * differ / (2 * zeros * ones)
    assert krippendorff_alpha([a, b], measurement="nominal").value == pytest.approx(by_hand)
    assert round(by_hand, 3) == 0.095


def plain_alpha(ratings, measurement):
    """Every pair of values of every unit in loops; expected: every pair of pairable values."""
    units = [[row[u] for row in ratings if row[u] is not None] for u in range(len(ratings[0]))]
    units = [unit for unit in units if len(unit) > 1]
    values = [v for unit in units for v in unit]
    n = len(values)

    def distance(c, k):
        if measurement == "nominal":
            return float(c != k)
        if measurement == "interval":
            return (c - k) ** 2
        if measurement == "ratio":
            return 0.0 if c + k == 0 else ((c - k) / (c + k)) ** 2
        low, high = min(c, k), max(c, k)
        between = sum(low <= v <= high for v in values)
        return 0.0 if c == k else (between - (values.count(c) + values.count(k)) / 2) ** 2

    observed = sum(
        distance(a, b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)
    ) / max(n, 1)
    expected = sum(distance(a, b) for a, b in permutations(values, 2)) / max(n * (n - 1), 1)
    return math.nan if expected == 0 else 1 - observed / expected


tables = st.integers(2, 4).flatmap(
    lambda coders: st.integers(1, 7).flatmap(
        lambda units: st.lists(
            st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=units, max_size=units),
            min_size=coders,
            max_size=coders,
        )
    )
)


@given(tables, st.sampled_from(SCALES))
def test_equals_plain_loops(ratings, measurement):
    found = krippendorff_alpha(ratings, measurement=measurement)
    expected = plain_alpha(ratings, measurement)
    assert found.value == pytest.approx(expected, nan_ok=True)
    assert (found.reason is None) == (not math.isnan(expected))


@given(tables)
def test_order_of_coders_does_not_matter(ratings):
    one = krippendorff_alpha(ratings, measurement="ordinal").value
    other = krippendorff_alpha(ratings[::-1], measurement="ordinal").value
    assert one == pytest.approx(other, nan_ok=True)


@pytest.mark.parametrize("measurement", SCALES)
def test_perfect(measurement):
    found = krippendorff_alpha([[1, 2, 3], [1, 2, 3]], measurement=measurement)
    assert found.value == 1
    assert found.observed == 0


def test_opposite_is_below_chance():
    assert krippendorff_alpha([[0, 1, 0, 1], [1, 0, 1, 0]], measurement="nominal").value < 0


def test_what_does_not_exist_has_a_reason():
    alone = krippendorff_alpha([[1, None], [None, 2]], measurement="nominal")
    assert math.isnan(alone.value)
    assert alone.reason == NO_PAIR
    same = krippendorff_alpha([[1, 1], [1, 1]], measurement="nominal")
    assert math.isnan(same.value)
    assert same.reason == ONE_VALUE
    assert krippendorff_alpha([["a", "b"]], measurement="nominal").reason == NO_PAIR


def test_nan_is_missing_too():
    one = krippendorff_alpha([[1.0, 2.0, math.nan], [1.0, 3.0, 3.0]], measurement="interval")
    other = krippendorff_alpha([[1, 2, None], [1, 3, 3]], measurement="interval")
    assert one == other


def test_interval_resamples_units_or_groups():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 120)
    coders = [np.where(rng.random(120) < 0.8, truth, rng.integers(0, 3, 120)).tolist() for _ in range(2)]
    found = krippendorff_alpha(coders, measurement="nominal", n_resamples=500, seed=1)
    assert found.low < found.value < found.high
    # Ten copies of each unit in its group say nothing new: the interval stays that of the units.
    many = [[cell for cell in row for _ in range(10)] for row in coders]
    groups = [unit for unit in range(120) for _ in range(10)]
    copied = krippendorff_alpha(many, measurement="nominal", groups=groups, n_resamples=500, seed=1)
    assert copied.value == pytest.approx(found.value, abs=0.01)
    assert copied.high - copied.low == pytest.approx(found.high - found.low, abs=0.02)
    careless = krippendorff_alpha(many, measurement="nominal", n_resamples=500, seed=1)
    assert careless.high - careless.low < 0.5 * (found.high - found.low)


def test_interval_covers():
    """Of 200 tables of 60 units, the interval holds the alpha of a very large one in 90 to 99 %."""
    rng = np.random.default_rng(0)

    def table(n):
        truth = rng.integers(0, 3, n)
        return [np.where(rng.random(n) < 0.8, truth, rng.integers(0, 3, n)).tolist() for _ in range(3)]

    true = krippendorff_alpha(table(100_000), measurement="nominal").value
    found = [
        krippendorff_alpha(table(60), measurement="nominal", n_resamples=300, seed=k) for k in range(200)
    ]
    assert 0.90 <= np.mean([one.low <= true <= one.high for one in found]) <= 0.99


def test_many_different_values_need_no_cube_of_memory():
    rng = np.random.default_rng(1)
    rows = [rng.random(1500).tolist() for _ in range(2)]
    assert abs(krippendorff_alpha(rows, measurement="interval").value) < 0.1
    with pytest.raises(OptionError, match="round the values"):
        krippendorff_alpha(rows, measurement="interval", n_resamples=10)


@pytest.mark.parametrize(
    ("ratings", "measurement", "match"),
    [
        ([], "nominal", "no coder"),
        ([[], []], "nominal", "at least one"),
        ([[1, 2], [1]], "nominal", "rows of 1, 2"),
        ([["a", 1], [1, 1]], "interval", "unit 0 of coder 0.*number on the interval scale"),
        ([[1, 1], [1, "b"]], "ordinal", "unit 1 of coder 1"),
        ([[True, 1], [1, 1]], "interval", "True"),
        ([[math.inf, 1], [1, 1]], "ratio", "inf"),
        ([[-1, 1], [1, 1]], "ratio", "-1"),
    ],
)
def test_malformed_ratings(ratings, measurement, match):
    with pytest.raises(DataError, match=match):
        krippendorff_alpha(ratings, measurement=measurement)


def test_impossible_options():
    with pytest.raises(OptionError, match="wanted one of nominal"):
        krippendorff_alpha([[1], [1]], measurement="circular")
    with pytest.raises(OptionError, match="level"):
        krippendorff_alpha([[1], [1]], measurement="nominal", level=1)
    with pytest.raises(DataError, match="a group for each of 2"):
        krippendorff_alpha([[1, 2], [1, 1]], measurement="nominal", groups=["x"], n_resamples=10)
