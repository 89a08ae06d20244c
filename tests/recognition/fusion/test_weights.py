"""Weights against hand counts, and where nothing was counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.recognition.fusion import WEIGHTS
from mien.recognition.fusion.weights import balanced_accuracy, class_prior, count_votes, vote_likelihood

# One member, rows are classes, columns votes: it never votes 2, and class 1 has six samples.
COUNTS = np.array([[[7.0, 1.0, 0.0], [2.0, 4.0, 0.0], [1.0, 3.0, 0.0]]])


def test_votes_are_counted_by_class_and_missing_ones_are_not() -> None:
    cast = np.array([[0, 1, 1, -1], [-1, -1, -1, -1]])
    counts = count_votes(cast, np.array([0, 0, 1, 1]), n_classes=2)
    assert counts.tolist() == [[[1, 1], [0, 1]], [[0, 0], [0, 0]]]


@pytest.mark.parametrize(
    ("weight", "smoothing", "wanted"),
    [
        ("equal", 1.0, [1, 1, 1]),
        ("recall", 0.0, [7 / 8, 4 / 6, 0]),
        ("recall", 1.0, [8 / 11, 5 / 9, 1 / 7]),
        ("precision", 0.0, [7 / 10, 4 / 8, 1 / 3]),
        ("precision", 1.0, [8 / 13, 5 / 11, 1 / 3]),
        # Votes for 0 elsewhere: 3 of 10; for 1: 4 of 12; for 2: 0 of 14, where a hit is rarer than 1 in 2.
        ("log-odds", 0.0, [math.log(7 / 8 / (3 / 10)), math.log(4 / 6 / (4 / 12)), 0]),
        ("log-odds", 1.0, [math.log(8 / 11 / (4 / 13)), math.log(5 / 9 / (5 / 15)), math.log(17 / 7)]),
    ],
)
def test_weights_by_hand(weight, smoothing, wanted) -> None:
    assert WEIGHTS[weight].measure(COUNTS, smoothing)[0].tolist() == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 1.0, 2.5])
def test_where_nothing_is_known_a_member_stands_at_chance(smoothing) -> None:
    nothing = np.zeros((1, 4, 4))
    for weight, wanted in (("equal", 1.0), ("recall", 0.25), ("precision", 0.25), ("log-odds", 0.0)):
        assert WEIGHTS[weight].measure(nothing, smoothing).tolist() == [[wanted] * 4]
    assert balanced_accuracy(nothing, smoothing).tolist() == [0.25]
    assert vote_likelihood(nothing, smoothing).tolist() == [[[0.25] * 4] * 4]


def test_a_member_without_a_class_stands_at_chance_for_that_class_only() -> None:
    counts = np.array([[[9, 1, 0], [1, 9, 0], [0, 0, 0]]])
    assert WEIGHTS["recall"].measure(counts, 0.0).tolist() == [[0.9, 0.9, 1 / 3]]
    assert balanced_accuracy(counts, 0.0)[0] == pytest.approx((0.9 + 0.9 + 1 / 3) / 3)


def test_a_perfect_and_a_hopeless_member_have_finite_log_odds_without_smoothing() -> None:
    perfect, hopeless = np.diag([5, 5, 5]), np.array([[0, 5, 0], [0, 0, 5], [5, 0, 0]])
    found = WEIGHTS["log-odds"].measure(np.stack([perfect, hopeless]), 0.0)
    assert np.isfinite(found).all()
    assert (found[0] > 10).all()
    assert found[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("accuracy", [0.4, 0.6, 0.9])
@pytest.mark.parametrize("m", [2, 3, 7])
def test_log_odds_of_even_errors_are_those_of_the_formula(accuracy, m) -> None:
    wrong = (1 - accuracy) / (m - 1)
    counts = 1000 * (np.full((1, m, m), wrong) + (accuracy - wrong) * np.eye(m))
    wanted = max(0.0, math.log(accuracy * (m - 1) / (1 - accuracy)))
    assert WEIGHTS["log-odds"].measure(counts, 0.0)[0] == pytest.approx([wanted] * m, abs=1e-12)


def test_a_member_at_chance_has_no_log_odds_however_it_prefers_classes() -> None:
    # Answers do not depend on the class; classes are as uneven as those of MMME.
    y_share, vote_share = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])
    exact = 1000 * y_share[:, None] * vote_share
    assert WEIGHTS["log-odds"].measure(exact[None], 0.0)[0] == pytest.approx([0, 0, 0], abs=1e-12)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(2000, exact.ravel() / exact.sum(), size=50).reshape(50, 3, 3)
    found = WEIGHTS["log-odds"].measure(drawn.astype(float), 1.0)
    assert (found >= 0).all()
    assert found.mean() < 0.1
    assert found[:, 2].max() < 0.15
    # Its recall weight for the class it prefers is large all the same.
    assert WEIGHTS["recall"].measure(exact[None], 1.0)[0, 2] > 0.65


@given(arrays(np.int64, (3, 4, 4), elements=st.integers(0, 5)), st.floats(0, 10))
def test_all_weights_are_finite_and_not_negative(counts, smoothing) -> None:
    for weighting in WEIGHTS.values():
        found = weighting.measure(counts.astype(float), smoothing)
        assert found.shape == (3, 4)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
    np.testing.assert_allclose(vote_likelihood(counts.astype(float), smoothing).sum(axis=2), 1.0)


def test_the_prior_by_hand() -> None:
    y = np.array([0, 0, 0, 2])
    assert class_prior(y, n_classes=3, smoothing=1.0).tolist() == [4 / 7, 1 / 7, 2 / 7]
    assert class_prior(y, n_classes=3, smoothing=0.0).tolist() == [0.75, 0.0, 0.25]
