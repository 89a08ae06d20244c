"""Spellings of action units, each of a kind that a published table has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.expression import ActionUnit
from mien.dataset.catalog.action_units import read_action_units
from mien.dataset.tables import spell_action_units

L, R = "left", "right"


@pytest.mark.parametrize(
    ("cell", "units"),
    [
        (None, ()),
        ("12", (ActionUnit(12),)),
        ("4+7", (ActionUnit(4), ActionUnit(7))),
        ("4,7", (ActionUnit(4), ActionUnit(7))),
        ("L12 + 61", (ActionUnit(12, L), ActionUnit(61))),
        ("L1+L2", (ActionUnit(1, L), ActionUnit(2, L))),
        ("4+R10", (ActionUnit(4), ActionUnit(10, R))),
        ("AU4, LAU12B", (ActionUnit(4), ActionUnit(12, L, "B"))),
        ("AUR2+12(k)+45", (ActionUnit(2, R), ActionUnit(45))),
        ("12R", (ActionUnit(12, R),)),
        ("7b", (ActionUnit(7, intensity="B"),)),
        ("1A+2B+L14C", (ActionUnit(1, intensity="A"), ActionUnit(2, intensity="B"), ActionUnit(14, L, "C"))),
        ("10A/B", (ActionUnit(10),)),
        ("A1B+A2C", (ActionUnit(1, intensity="B"), ActionUnit(2, intensity="C"))),
        ("A/L12", (ActionUnit(12),)),
        ("T23", (ActionUnit(23),)),
        ("B18+25", (ActionUnit(18), ActionUnit(25))),
        ("7B+ ref(43)", (ActionUnit(7, intensity="B"),)),
        ("ref(L10)+A12B", (ActionUnit(12, intensity="B"),)),
        ("R14+17+soft focus", (ActionUnit(14, R), ActionUnit(17))),
        ("12+15 ", (ActionUnit(12), ActionUnit(15))),
        ("4+4+", (ActionUnit(4),)),
    ],
)
def test_understood(cell, units) -> None:
    assert read_action_units(cell) == units


@pytest.mark.parametrize(
    "cell",
    [
        "?",
        "L12 or L14",
        "(R6 or R12)+R15",
        "R14A or 17A",
        "4+x",
        "0",
        "123",
        "12F",
        "L12R",
        "2024-01-02",
        "-4",
        "4.7",
    ],
)
def test_not_understood(cell: str) -> None:
    assert read_action_units(cell) is None


@given(
    st.lists(
        st.builds(
            ActionUnit, st.integers(1, 99), st.sampled_from(["both", L, R]), st.sampled_from([None, *"ABCDE"])
        ),
        unique=True,
    )
)
def test_our_own_spelling_is_understood(units) -> None:
    assert read_action_units(spell_action_units(units)) == tuple(units)


@given(st.text())
def test_never_a_crash(cell: str) -> None:
    read_action_units(cell)
