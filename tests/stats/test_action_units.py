"""Action-unit agreement against hand calculations and scikit-learn's F1 of single expressions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mien.core.errors import DataError, OptionError
from mien.stats import action_unit_agreement

FIRST = [{4, 7}, {12}, {1, 2, 5}, set()]
SECOND = [{4}, {12, 6}, {9}, set()]


def test_empty():
    with pytest.raises(DataError, match="equally many expressions on both sides, at least one"):
        action_unit_agreement([], [])


def test_unequal_lengths():
    with pytest.raises(DataError, match="got 1 and 2; pair them by expression"):
        action_unit_agreement([{4}], [{4}, {7}])


@pytest.mark.parametrize("labels", ["12", [4, 4], 4, None])
def test_malformed_expression(labels):
    with pytest.raises(DataError, match="expression 1 of the second coder: wanted a set of action units"):
        action_unit_agreement([{4}, {12}], [{4}, labels])


def test_mixed_notation():
    with pytest.raises(DataError, match="all labels as text or all as numbers, got 'AU4' and 4"):
        action_unit_agreement([{4}], [{"AU4"}])


@pytest.mark.parametrize("option", ["average", "both_empty"])
def test_unknown_option(option):
    with pytest.raises(OptionError, match=f"{option}: wanted one of"):
        action_unit_agreement(FIRST, SECOND, **{option: "macro"})


@pytest.mark.parametrize("average", ["micro", "mean"])
@pytest.mark.parametrize("both_empty", ["skip", "agree"])
def test_perfect(average, both_empty):
    result = action_unit_agreement(FIRST, FIRST, average=average, both_empty=both_empty)
    assert (result.value, result.n_expressions, result.n_both_empty) == (1.0, 4, 1)


@pytest.mark.parametrize(
    ("average", "both_empty", "expected"),
    [
        # r = 2/3, 2/3, 0 and both empty; numerators 2 + 2 + 0 over 3 + 3 + 4
        ("micro", "skip", 4 / 10),
        ("micro", "agree", 4 / 10),
        ("mean", "skip", (2 / 3 + 2 / 3) / 3),
        ("mean", "agree", (2 / 3 + 2 / 3 + 1) / 4),
    ],
)
def test_hand_calculation(average, both_empty, expected):
    result = action_unit_agreement(FIRST, SECOND, average=average, both_empty=both_empty)
    assert result.value == pytest.approx(expected)


@pytest.mark.parametrize(("average", "both_empty"), [("micro", "skip"), ("micro", "agree"), ("mean", "skip")])
def test_nothing_seen_has_no_value(average, both_empty):
    result = action_unit_agreement([set()], [()], average=average, both_empty=both_empty)
    assert np.isnan(result.value)
    assert result.reason == "neither coder saw an action unit"


def test_nothing_seen_is_agreement_if_so_declared():
    assert action_unit_agreement([set()], [set()], average="mean", both_empty="agree").value == 1.0


units = st.lists(
    st.tuples(st.sets(st.sampled_from(range(8))), st.sets(st.sampled_from(range(8)))), min_size=1, max_size=8
)


def indicators(sets):
    return np.array([[unit in labels for unit in range(8)] for labels in sets])


@settings(max_examples=30)
@given(units)
def test_law_dice_is_f1(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    micro = action_unit_agreement(first, second)
    if micro.reason is None:
        assert micro.value == pytest.approx(
            f1_score(indicators(first).ravel(), indicators(second).ravel(), zero_division=0)
        )
    mean = action_unit_agreement(first, second, average="mean", both_empty="agree")
    assert mean.value == pytest.approx(
        f1_score(indicators(first), indicators(second), average="samples", zero_division=1)
    )


@given(units)
def test_law_symmetric_in_coders(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    for average in ("micro", "mean"):
        there, back = (
            action_unit_agreement(x, y, average=average) for x, y in ((first, second), (second, first))
        )
        assert there.value == pytest.approx(back.value, nan_ok=True)
