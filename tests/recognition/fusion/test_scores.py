"""What scores are accepted, and how they become probabilities and votes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.core.errors import DataError, OptionError
from mien.recognition.fusion.scores import check_labels, near_top, probabilities, votes

NAN = float("nan")
GOOD = [[[0.2, 0.3, 0.5], [1.0, 2.0, 1.0]], [[0.0, 0.0, 4.0], [NAN, NAN, NAN]]]


def test_rows_are_divided_by_their_sum_and_missing_ones_stay_missing() -> None:
    wanted = [[[0.2, 0.3, 0.5], [0.25, 0.5, 0.25]], [[0, 0, 1], [NAN, NAN, NAN]]]
    np.testing.assert_allclose(probabilities(GOOD), wanted, rtol=1e-15)
    assert votes(probabilities(GOOD)).tolist() == [[2, 1], [2, -1]]


def test_very_large_and_very_small_scores_keep_their_ratio() -> None:
    found = probabilities([[[1.5e308, 1.5e308, 0.0], [1e-320, 3e-320, 0.0]]])
    np.testing.assert_allclose(found[0], [[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]], rtol=1e-3)


def test_no_samples_are_no_error() -> None:
    assert probabilities(np.empty((2, 0, 3))).shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([[0.2, 0.8]], r"^scores: wanted shape .* got shape \(1, 2\); stack"),
        (np.empty((0, 4, 3)), r"at least one member, got shape \(0, 4, 3\)"),
        ([[[0.1, 0.9]], [[0.1, 0.2, 0.7]]], r"wanted numbers of shape .* got list; stack"),
        ([[["a", "b"]]], r"wanted numbers of shape"),
        ([[[0.1, 0.9], [0.5, -0.1]]], r"member 0, sample 1: wanted scores of at least 0, got \[0.5, -0.1\]"),
        ([[[0.1, np.inf]]], r"member 0, sample 0: wanted finite scores, .* got \[0.1, inf\]; correct"),
        ([[[0.1, 0.9]], [[NAN, 0.5]]], r"member 1, sample 0: wanted all classes scored, .* got \[nan, 0.5\]"),
        ([[[0.0, 0.0]]], r"wanted a score above 0 for at least one class, got \[0.0, 0.0\]"),
    ],
)
def test_scores_that_cannot_be_read_are_refused_in_one_sentence(scores, message) -> None:
    with pytest.raises(DataError, match=message):
        probabilities(scores)


def test_one_class_is_no_task() -> None:
    with pytest.raises(OptionError, match="n_classes: wanted at least 2, got 1; name all"):
        probabilities(np.ones((2, 3, 1)))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1], r"^y: wanted whole numbers of shape \(3,\), .* got int64 of shape \(2,\); give"),
        ([0.0, 1.0, 2.0], "got float64"),
        ([True, False, True], "got bool"),
        ([0, 3, 1], "^y of sample 1: wanted a class from 0 to 2, got 3; correct"),
        ([0, 1, -1], "^y of sample 2: .* got -1"),
    ],
)
def test_labels_that_are_no_classes_are_refused(y, message) -> None:
    with pytest.raises(DataError, match=message):
        check_labels(y, n_samples=3, n_classes=3)


def test_equal_up_to_the_last_digits_is_equal_and_more_is_not() -> None:
    assert near_top(np.array([0.1 + 0.2, 0.3])).tolist() == [True, True]
    assert near_top(np.array([1e-9 * (0.1 + 0.2), 1e-9 * 0.3])).tolist() == [True, True]
    assert near_top(np.array([1.0, 1.0 - 1e-10])).tolist() == [True, False]
    assert near_top(np.zeros(3)).tolist() == [True] * 3


@given(arrays(np.float64, (2, 5, 3), elements=st.floats(0.001, 1e6)), st.floats(1e-3, 1e3))
def test_the_unit_of_a_members_scores_does_not_matter(scores, factor) -> None:
    np.testing.assert_allclose(probabilities(scores * factor), probabilities(scores), rtol=1e-12)
    np.testing.assert_allclose(probabilities(scores).sum(axis=2), 1.0, rtol=1e-12)
