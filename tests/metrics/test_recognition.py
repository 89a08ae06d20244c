"""Recognition scores against scikit-learn, hand calculation and a published log."""

from __future__ import annotations

import ast
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from mien.core import DataError, OptionError
from mien.metrics import recognition

LABELS = st.integers(0, 2)
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60).map(
    lambda pairs: [*pairs, (0, 0), (1, 1), (2, 0)]  # every class has a reference
)


@given(PAIRS)
def test_equals_scikit_learn(pairs):
    reference, estimate = zip(*pairs, strict=True)
    found = recognition.evaluate(reference, estimate, classes=[0, 1, 2])
    options = {"labels": [0, 1, 2], "zero_division": 0}
    assert found.accuracy == pytest.approx(accuracy_score(reference, estimate))
    assert found.uf1 == pytest.approx(f1_score(reference, estimate, average="macro", **options))
    assert found.uar == pytest.approx(recall_score(reference, estimate, average="macro", **options))
    assert found.weighted_f1 == pytest.approx(f1_score(reference, estimate, average="weighted", **options))
    assert found.macro_precision == pytest.approx(
        precision_score(reference, estimate, average="macro", **options)
    )


@given(PAIRS, PAIRS)
def test_pooled_is_concatenated(first, second):
    classes = [0, 1, 2]
    one, two, both = (
        recognition.confusion_counts(*zip(*pairs, strict=True), classes=classes)
        for pairs in (first, second, first + second)
    )
    assert (one + two == both).all()


def test_hand_calculation():
    # rows are references: a 3 of 4 right, b 1 of 2 right
    found = recognition.evaluate(list("aaaabb"), list("aaabba"), classes=["a", "b"])
    assert found.confusion == ((3, 1), (1, 1))
    assert found.uf1 == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert found.uar == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found.weighted_f1 == pytest.approx((4 * 6 / 8 + 2 * 2 / 4) / 6)
    assert found.per_class["b"].n_reference == found.per_class["b"].n_estimate == 2


def test_perfect():
    found = recognition.evaluate(["x", "y"], ["x", "y"])
    assert (found.accuracy, found.uf1, found.uar) == (1.0, 1.0, 1.0)


def test_majority_on_the_published_class_counts():
    """Counts of the two real datasets: always the majority gives .2256 and .3333."""
    reference = ["negative"] * 158 + ["positive"] * 83 + ["surprise"] * 68
    found = recognition.evaluate(reference, ["negative"] * 309, classes=["negative", "positive", "surprise"])
    assert (round(found.uf1, 4), round(found.uar, 4)) == (0.2256, 0.3333)


def test_class_without_reference_has_no_uf1():
    found = recognition.evaluate(["a", "b"], ["a", "b"], classes=["a", "b", "c"])
    assert math.isnan(found.uf1)
    assert math.isnan(found.uar)


def test_empty():
    with pytest.raises(DataError, match="at least one sample"):
        recognition.evaluate([], [])


def test_malformed():
    with pytest.raises(DataError, match="as many estimates as references"):
        recognition.evaluate(["a"], ["a", "b"])
    with pytest.raises(DataError, match="estimate of sample 1: wanted one of a, b, got 'c'"):
        recognition.evaluate(["a", "b"], ["a", "c"], classes=["a", "b"])
    with pytest.raises(OptionError, match="two or more different classes"):
        recognition.evaluate(["a"], ["a"], classes=["a", "a"])


def test_fold_average_is_another_number():
    # Fold 1 knows only class a and gets it right: its average over present classes is 1.
    folds = np.array([[[1, 0], [0, 0]], [[2, 2], [3, 1]]])
    assert recognition.fold_average(folds) == pytest.approx((1 + (4 / 9 + 2 / 7) / 2) / 2)
    assert recognition.fold_average(folds) != pytest.approx(float(recognition.uf1(folds.sum(axis=0))))


def test_published_predictions(shared_data):
    """The log of STSTNet's authors pools to UF1 .7209 and UAR .7250."""
    text = (shared_data / "me_flow_megc2019" / "upstream" / "STSTNet_python_logfile.txt").read_text()
    estimate, reference = (
        [label for found in re.findall(rf"{role}\s*: (\[.*?\])", text) for label in ast.literal_eval(found)]
        for role in ("Predicted", "Ground Truth")
    )
    assert len(reference) == 442
    found = recognition.evaluate(reference, estimate, classes=[0, 1, 2])
    assert (round(found.uf1, 4), round(found.uar, 4)) == (0.7209, 0.7250)
