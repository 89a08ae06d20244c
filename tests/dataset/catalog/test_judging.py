"""Flags of rows against hand calculation, and their laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.dataset.catalog.adapter import FLAGS
from mien.dataset.catalog.judging import flag_duplicates, flag_marks


def flagged(marks, **more) -> tuple[str, ...]:
    return flag_marks(marks, **{"rate_hz": 100.0, "kind": "micro", **more})


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ((10, 20, 30), ()),
        ((10, 9, 30), ("order",)),
        ((10, 40, 30), ("order",)),
        ((30, 20, 10), ("order",)),
        ((10, 20, 0), ("offset-zero",)),
        ((10, 9, 0), ("order", "offset-zero")),
        ((0, 5, 9), ()),
        ((10, 20, 20), ("offset-unobserved",)),
        ((10, 10, 20), ("onset-is-apex",)),
        ((10, 10, 10), ("offset-unobserved", "onset-is-apex")),
        ((10, None, 20), ("mark-missing",)),
        ((None, None, None), ("mark-missing",)),
        ((0, 26, 51), ("not-micro",)),
        ((0, 26, 50), ()),
        ((0, 25, 51), ()),
        ((0, None, 51), ("mark-missing", "not-micro")),
        ((0, 26, 26), ("offset-unobserved", "not-micro")),
        ((0, 300, 0), ("offset-zero", "not-micro")),
        ((10, 5, 200), ("order", "not-micro")),
        ((10, 200, 60), ("order",)),
        ((10, 200, 61), ("order", "not-micro")),
    ],
)
def test_marks(marks, expected) -> None:
    assert flagged(marks) == expected


def test_macro_may_last_and_half_a_second_is_counted_in_frames() -> None:
    assert flagged((0, 26, 51), kind="macro") == ()
    assert flagged((0, 26, 51), kind=None) == ()
    assert flagged((0, 26, 51), rate_hz=102.0) == ()
    assert flagged((5, 13, 20), rate_hz=30.0) == ()
    assert flagged((5, 13, 21), rate_hz=30.0) == ("not-micro",)


def test_a_mark_without_a_column_is_not_missing() -> None:
    assert flagged((10, None, 20), coded=(True, False, True)) == ()


@pytest.mark.parametrize(
    ("stated", "differs"), [(20, False), (21, False), (19, True), (22, True), (None, False)]
)
def test_duration(stated, differs) -> None:
    assert ("duration-differs" in flagged((10, 20, 30), duration=stated)) is differs


def test_frames() -> None:
    assert flagged((10, 20, 30), numbers={10, 20}) == ("frames-missing",)
    assert flagged((10, 20, 30), numbers=range(10, 31)) == ()
    assert flagged((10, 20, 0), numbers=range(10, 31)) == ("offset-zero",)


marks_of_rows = st.tuples(*[st.one_of(st.none(), st.integers(0, 200))] * 3)


@given(marks_of_rows, st.sampled_from(["micro", "macro", None]))
def test_flags_are_known_and_in_order(marks, kind) -> None:
    found = flagged(marks, kind=kind)
    assert list(found) == [flag for flag in FLAGS if flag in found]


def twice(*rows, kinds=None) -> list[bool]:
    return flag_duplicates(rows, [100.0] * len(rows), kinds or [None] * len(rows))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ((0, 10, 40), (0, 80, 90), True),  # one onset
        ((0, 10, 40), (20, 35, 60), True),  # 20 of 60 frames shared
        ((0, 5, 40), (25, 55, 60), False),  # 15 of 60 shared, apexes 500 ms apart
        ((0, 30, 40), (35, 40, 90), True),  # 5 of 90 shared, apexes 100 ms apart
        ((0, 29, 40), (35, 40, 90), False),  # 5 of 90 shared, apexes 110 ms apart
        ((0, 10, 40), (41, 45, 90), False),
        ((0, 10, 0), (5, 11, 12), True),  # no offset: apexes 10 ms apart
        ((None, 10, 40), (None, 10, 40), False),
    ],
)
def test_duplicates(first, second, same) -> None:
    assert twice(first, second) == twice(second, first) == [same, same]


def test_a_micro_expression_within_a_macro_expression_is_another_one() -> None:
    rows = ((0, 20, 60), (5, 20, 50))
    assert twice(*rows, kinds=["macro", "micro"]) == [False, False]
    assert twice(*rows, kinds=["micro", "micro"]) == [True, True]
    assert twice((0, 20, 60), (0, 10, 20), kinds=["macro", "micro"]) == [True, True]


def test_one_row_and_none() -> None:
    assert twice((0, 5, 9)) == [False]
    assert twice() == []


@given(st.lists(marks_of_rows, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_rows_makes_no_difference(rows, random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    straight = flag_duplicates(rows, [100.0] * len(rows), [None] * len(rows))
    mixed = flag_duplicates([rows[i] for i in order], [100.0] * len(rows), [None] * len(rows))
    assert [straight[i] for i in order] == mixed
    assert sum(straight) != 1
