"""Matching rules by hand, by law, and where they differ from each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core import DataError, Interval, OptionError
from mien.metrics.assignment import maximum_assignment
from mien.metrics.matching import (
    MATCHING_RULES,
    candidates,
    greedy_best,
    label_hit,
    one_to_one,
    reference_argmax,
)

ROWS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 15)), max_size=12).map(
    lambda rows: [[s, s + d] for s, d in rows]
)


@given(ROWS, ROWS, st.booleans(), st.sampled_from([0.3, 0.5, 0.75, 1.0]))
def test_candidates_are_all_pairs_that_reach_the_threshold(reference, estimate, inclusive, threshold):
    extra = 1 if inclusive else 0
    expected = set()
    for i, a in enumerate(reference):
        for j, b in enumerate(estimate):
            first, second = (Interval(x[0], x[1] + extra) for x in (a, b))
            if first.iou(second) >= threshold - 1e-12:
                expected.add((i, j))
    found = candidates(reference, estimate, inclusive=inclusive, threshold=threshold)
    assert set(zip(found.reference.tolist(), found.estimate.tolist(), strict=True)) == expected


@pytest.mark.parametrize("rule", MATCHING_RULES.values(), ids=MATCHING_RULES)
@given(reference=ROWS, estimate=ROWS, shift=st.integers(-1000, 1000))
@settings(deadline=None)
def test_laws_of_every_rule(rule, reference, estimate, shift):
    found = rule(reference, estimate, inclusive=True)
    assert found.tp + found.fn == len(reference)
    assert (found.n_reference, found.n_estimate) == (len(reference), len(estimate))
    moved = rule(*(np.array(rows).reshape(-1, 2) + shift for rows in (reference, estimate)), inclusive=True)
    assert (moved.tp, moved.fp, moved.fn) == (found.tp, found.fp, found.fn)
    assert (found.iou >= 0.5).all()


@given(ROWS, ROWS)
def test_one_to_one_is_one_to_one_and_no_rule_finds_more_disjoint_pairs(reference, estimate):
    found = one_to_one(reference, estimate)
    assert len(set(found.pairs[:, 0].tolist())) == len(set(found.pairs[:, 1].tolist())) == found.tp
    assert greedy_best(reference, estimate).tp <= found.tp <= label_hit(reference, estimate).tp


def test_a_duplicate_is_a_false_positive():
    found = one_to_one([[0, 10]], [[0, 10], [1, 10]])
    assert (found.tp, found.fp, found.fn) == (1, 1, 0)
    assert found.pairs.tolist() == [[0, 0]]


def test_exactly_half_counts_unless_strict():
    # frames 0..9 and 5..9: 5 shared of 10
    assert one_to_one([[0, 9]], [[5, 9]], inclusive=True).tp == 1
    assert one_to_one([[0, 9]], [[5, 9]], inclusive=True, strict=True).tp == 0
    # as seconds: 4 shared of 9
    assert one_to_one([[0, 9]], [[5, 9]]).tp == 0


def test_where_the_rules_differ():
    # One estimate covers two references, both at exactly .5.
    shared = ([[0, 4], [5, 9]], [[0, 9]])
    assert one_to_one(*shared, inclusive=True).tp == 1
    assert label_hit(*shared, inclusive=True).tp == 2
    assert reference_argmax(*shared, inclusive=True).tp == 1
    # The better estimate blocks a greedy chain that the maximum matching resolves.
    chain = ([[0, 10], [4, 14]], [[2, 12], [6, 17]])
    assert one_to_one(*chain).tp == 2
    assert greedy_best([[0, 10], [1, 11]], [[0, 10], [0, 10]]).tp == 1
    assert one_to_one([[0, 10], [1, 11]], [[0, 10], [0, 10]]).tp == 2


def test_greedy_takes_the_best_score_first():
    reference, estimate = [[0, 10]], [[0, 8], [0, 10]]
    assert greedy_best(reference, estimate).pairs.tolist() == [[0, 0]]
    assert greedy_best(reference, estimate, score=[0.1, 0.9]).pairs.tolist() == [[0, 1]]


def test_instants():
    assert one_to_one([[3, 3]], [[3, 3]]).iou.tolist() == [1.0]
    assert one_to_one([[3, 3]], [[3, 4]]).tp == 0


def test_empty_and_perfect():
    assert (one_to_one([], []).tp, one_to_one([], [[0, 1]]).fp, one_to_one([[0, 1]], []).fn) == (0, 1, 1)
    rows = [[i * 10, i * 10 + 5] for i in range(50)]
    assert one_to_one(rows, rows).pairs.tolist() == [[i, i] for i in range(50)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([[0.0, np.nan]], "finite times"),
        ([[2.0, 1.0]], "an offset at or after the onset"),
        ([[1.0, 2.0, 3.0]], r"rows of \[onset, offset\]"),
        ([[0.5, 2.0]], "whole frame numbers"),
    ],
)
def test_malformed(bad, message):
    with pytest.raises(DataError, match=message):
        one_to_one(bad, [[0, 1]], inclusive=True)


def test_impossible_threshold():
    with pytest.raises(OptionError, match="above 0 and at most 1"):
        one_to_one([[0, 1]], [[0, 1]], threshold=0)


def test_many_identical_intervals_pair_in_order():
    rows = np.tile([[0.0, 10.0]], (300, 1))
    assert one_to_one(rows, rows).pairs.tolist() == [[i, i] for i in range(300)]


def test_large_groups_reach_the_best_sum():
    """A dense group beyond the exact solver against SciPy's dense assignment."""
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(3)
    onset = rng.integers(0, 60, 60)
    reference = np.stack([onset, onset + rng.integers(20, 40, 60)], axis=1).astype(float)
    estimate = reference + rng.normal(0, 4, reference.shape)
    estimate.sort(axis=1)
    weights = np.zeros((60, 60))
    for i, a in enumerate(reference):
        for j, b in enumerate(estimate):
            value = Interval(*a).iou(Interval(*b))
            weights[i, j] = 100 + value if value >= 0.5 else 0
    rows, columns = linear_sum_assignment(weights, maximize=True)
    best = weights[rows, columns].sum()
    found = one_to_one(reference, estimate)
    assert 100 * found.tp + found.iou.sum() == pytest.approx(best, abs=1e-7)


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
def test_exact_assignment_equals_scipy(seed, n, m):
    from scipy.optimize import linear_sum_assignment

    weights = np.random.default_rng(seed).integers(0, 30, size=(n, m))
    partner = maximum_assignment(weights.tolist())
    total = sum(int(weights[i, j]) for i, j in enumerate(partner) if j is not None)
    assert total == weights[linear_sum_assignment(weights, maximize=True)].sum()


@pytest.mark.parametrize("shared", [7, 14, 28, 29, 55, 57, 58, 60, 70])
def test_a_decimal_threshold_is_exact_for_frames(shared):
    pair = ([[0, 99]], [[0, shared - 1]])
    assert one_to_one(*pair, threshold=shared / 100, inclusive=True).tp == 1
    assert one_to_one(*pair, threshold=shared / 100, inclusive=True, strict=True).tp == 0


@given(ROWS, ROWS, st.sampled_from([10, 25, 200]), st.sampled_from([0.3, 0.5, 0.55]), st.booleans())
@settings(deadline=None)
def test_candidates_in_seconds_are_exact_for_the_endpoints_given(
    reference, estimate, rate, threshold, strict
):
    """On a grid of frames many pairs lie within rounding of the threshold."""
    ref, est = ([[a / rate, b / rate] for a, b in rows] for rows in (reference, estimate))
    found = candidates(ref, est, threshold=threshold, strict=strict)
    bound = Fraction(str(threshold))
    expected = set()
    for i, a in enumerate(ref):
        for j, b in enumerate(est):
            starts, ends = [[Fraction(x[k]) for x in (a, b)] for k in (0, 1)]
            shared, hull = max(min(ends) - max(starts), Fraction(0)), max(ends) - min(starts)
            value = shared / hull if hull else Fraction(1)
            if value > bound or (value == bound and not strict):
                expected.add((i, j))
    assert set(zip(found.reference.tolist(), found.estimate.tolist(), strict=True)) == expected


@given(ROWS, ROWS, st.booleans())
def test_overlap_is_symmetric(reference, estimate, inclusive):
    there, back = (
        candidates(*sides, inclusive=inclusive) for sides in ((reference, estimate), (estimate, reference))
    )
    assert dict(zip(zip(there.reference, there.estimate, strict=True), there.iou, strict=True)) == dict(
        zip(zip(back.estimate, back.reference, strict=True), back.iou, strict=True)
    )


def test_a_threshold_that_is_no_simple_fraction():
    for threshold in (np.nextafter(0.5, 1), np.pi / 6, 1e-300):
        assert one_to_one([[0, 1]], [[0, 2]], threshold=threshold).tp == (threshold < 0.5)


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    onset = rng.integers(0, 300, (2, 200))
    sides = [np.stack([o, o + rng.integers(1, 40, 200)], axis=1) for o in onset]
    whole = candidates(*sides)
    monkeypatch.setattr("mien.metrics.matching.CHUNK_PAIRS", 7)
    parts = candidates(*sides)
    assert len(whole.reference) > 100
    assert np.array_equal(whole.reference, parts.reference)
    assert np.array_equal(whole.estimate, parts.estimate)


def test_malformed_scores():
    for score in ([0.1], [0.1, np.nan]):
        with pytest.raises(DataError, match="one number for each of 2 estimates"):
            greedy_best([[0, 1]], [[0, 1], [0, 1]], score=score)
