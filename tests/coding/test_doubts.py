"""Doubts: each is raised where it should be, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.coding.annotation import Annotation, annotation_from_json
from mien.coding.doubts import UNITS_OF_EMOTION, doubts
from mien.core.labels import ACTION_UNITS, SEVEN_EMOTIONS

TIMES_S = [frame / 100 for frame in range(2000)]
FINE = {"onset": 100, "apex": 115, "offset": 140, "action_units": ["AU12"], "emotion": "happiness"}


def one(**changed):
    return annotation_from_json({**FINE, **changed})


def codes(sheet):
    return {ident: [doubt.code for doubt in found] for ident, found in doubts(sheet, TIMES_S).items()}


def of(**changed):
    return codes({"a": one(**changed)}).get("a", [])


def test_nothing_is_doubtful_in_a_sound_expression_or_an_empty_sheet():
    assert doubts({}, TIMES_S) == {}
    assert of() == []


def test_an_expression_of_nothing():
    assert codes({"a": Annotation()}) == {"a": ["no-onset", "no-units"]}


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"onset": None}, ["no-onset"]),
        ({"apex": 90}, ["order"]),
        ({"apex": 141}, ["order"]),
        ({"apex": None, "offset": 90}, ["order"]),
        ({"apex": 100}, ["onset-is-apex"]),
        ({"apex": 140}, ["offset-is-apex"]),
        ({"apex": None}, []),
        ({"offset": None}, []),
        ({"action_units": [], "emotion": None}, ["no-units"]),
        ({"action_units": [], "emotion": None, "no_action_unit": True}, ["emotion-missing"]),
        ({"action_units": [], "no_action_unit": True}, []),
        ({"emotion": None}, ["emotion-missing"]),
        ({"action_units": ["AU4"]}, ["au-emotion"]),
        ({"action_units": ["AU4", "LAU6A"]}, []),
        ({"action_units": ["AU4"], "emotion": "others"}, []),
        ({"offset": 500}, []),
        ({"offset": 501}, ["long"]),
        ({"kind": "micro", "kind_reason": "so"}, []),
        ({"kind": "macro", "kind_reason": "so"}, ["too-long"]),
        ({"kind": "micro", "kind_reason": "so", "apex": 130, "offset": 160}, ["too-long"]),
        ({"kind": "micro", "kind_reason": "so", "apex": None, "offset": None}, []),
        ({"offset": 5000}, []),  # beyond the clip: the bench refuses it, nothing can be said of it here
    ],
)
def test_each_doubt(changed, wanted):
    assert of(**changed) == wanted


def test_the_order_says_which():
    (doubt,) = doubts({"a": one(apex=150)}, TIMES_S)["a"]
    assert doubt.message == "The apex lies after the offset."


def test_overlaps_say_with_which_and_how_many_more():
    sheet = {
        "wide": one(onset=100, apex=120, offset=400),
        "first": one(onset=150, apex=160, offset=200),
        "second": one(onset=300, apex=310, offset=320),
        "touches": one(onset=400, apex=410, offset=420),
    }
    found = doubts(sheet, TIMES_S)
    assert set(found) == {"wide", "first", "second"}
    assert [doubt.message for doubt in found["wide"]] == [
        "It overlaps the expression from 1.500 s to 2.000 s, and 1 more."
    ]
    assert [doubt.message for doubt in found["second"]] == [
        "It overlaps the expression from 1.000 s to 4.000 s."
    ]


def test_the_same_onset_twice_is_an_overlap_even_where_nothing_else_is_marked():
    bare = one(apex=None, offset=None)
    assert codes({"a": bare, "b": bare}) == {"a": ["overlap"], "b": ["overlap"]}


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12)


@given(spans)
def test_whoever_overlaps_somebody_is_told_and_nobody_else(found):
    sheet = {str(k): one(onset=first, apex=None, offset=first + n) for k, (first, n) in enumerate(found)}
    ends = [(first, first + max(n, 1)) for first, n in found]
    wanted = {}
    for k, (first, behind) in enumerate(ends):
        n = sum(f < behind and first < b for j, (f, b) in enumerate(ends) if j != k)
        if n:
            wanted[str(k)] = n
    told = {
        ident: [doubt.message for doubt in rows if doubt.code == "overlap"]
        for ident, rows in doubts(sheet, TIMES_S).items()
    }
    assert set(told) == set(wanted)
    for ident, n in wanted.items():
        (message,) = told[ident]
        assert message.endswith(f", and {n - 1} more." if n > 1 else " s.")


def test_ten_thousand_that_all_overlap_are_judged_one_doubt_each():
    sheet = {str(n): one(onset=n % 500, apex=None, offset=1000 + n % 500) for n in range(10_000)}
    assert all([row.code for row in rows].count("overlap") == 1 for rows in doubts(sheet, TIMES_S).values())


def test_criteria_are_of_the_vocabulary():
    assert set(SEVEN_EMOTIONS) <= set(UNITS_OF_EMOTION)
    # Units that FACS has and MMME's table of regions has not: lip movements and the open mouth.
    assert set.union(*map(set, UNITS_OF_EMOTION.values())) - set(ACTION_UNITS) == {22, 23, 24, 27}
