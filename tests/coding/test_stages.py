"""Who may see and do what: role x stage x assigned, as a table."""

from __future__ import annotations

import itertools

import pytest

from mien.coding.stages import (
    FINAL,
    ClipState,
    Coder,
    allowed,
    may_edit,
    may_move,
    may_see_clip,
    may_see_sheet,
    needs_reason,
)

STAGES = ("code", "verify", "adjudicate", "final")
ROLES = ("coder", "expert", "lead")


def clip(stage, *, assigned, state="open"):
    return ClipState("sub-001", 1, stage, {"other": "open", **({"me": state} if assigned else {})})


def me(role, *, active=True):
    return Coder("me", "Me", role, active)


# What somebody sees of others' sheets, stage by stage (code, verify, adjudicate, final): y or n.
OTHERS_SHEETS = {
    ("coder", True): "nnny",
    ("expert", True): "nnyy",
    ("lead", True): "nnyy",
    ("coder", False): "nnnn",
    ("expert", False): "nyyy",
    ("lead", False): "yyyy",
}


@pytest.mark.parametrize(("role", "assigned"), OTHERS_SHEETS)
@pytest.mark.parametrize("sheet", ["other", "gone", FINAL])
def test_others_sheets(role, assigned, sheet):
    seen = [may_see_sheet(me(role), clip(stage, assigned=assigned), sheet) for stage in STAGES]
    assert "".join("ny"[yes] for yes in seen) == OTHERS_SHEETS[role, assigned]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("role", ROLES)
def test_ones_own_sheet_and_clip_are_seen_in_every_stage(role, stage):
    assert may_see_clip(me(role), clip(stage, assigned=True))
    assert may_see_sheet(me(role), clip(stage, assigned=True), "me")
    assert may_see_clip(me(role), clip(stage, assigned=False)) is (role != "coder")
    assert may_see_sheet(me(role), clip(stage, assigned=False), "me") is (role != "coder")


@pytest.mark.parametrize("state", ["open", "done"])
@pytest.mark.parametrize(("role", "stage", "assigned"), list(itertools.product(ROLES, STAGES, (True, False))))
def test_editing(role, stage, assigned, state):
    here = clip(stage, assigned=assigned, state=state)
    assert may_edit(me(role), here, "me") is (stage == "code" and assigned and state == "open")
    assert not may_edit(me(role), here, "other")
    assert may_edit(me(role), here, FINAL) is (stage == "adjudicate" and role != "coder")


# Moves that somebody may make: (from, to) -> roles of who is assigned, roles of who is not.
MOVES = {
    ("verify", "adjudicate"): ("lead", "expert lead"),  # a lead who is one of two coders has nobody else
    ("verify", "code"): ("lead", "expert lead"),
    ("adjudicate", "final"): ("expert lead", "expert lead"),
    ("final", "adjudicate"): ("lead", "lead"),
}


@pytest.mark.parametrize(("stage", "to"), list(itertools.product(STAGES, STAGES)))
def test_moves(stage, to):
    for role, assigned in itertools.product(ROLES, (True, False)):
        roles = MOVES.get((stage, to), ("", ""))[0 if assigned else 1].split()
        assert may_move(me(role), clip(stage, assigned=assigned), to) is (role in roles), (role, assigned)


def test_who_takes_back_what_was_finished_says_why():
    takes_back = {("verify", "code"), ("final", "adjudicate")}
    assert {move for move in MOVES if needs_reason(*move)} == takes_back


@pytest.mark.parametrize(
    ("role", "assigned", "wanted"),
    [
        ("coder", True, [["code"], [], [], []]),
        ("expert", True, [["code"], [], ["adjudicate"], []]),
        ("lead", True, [["code"], ["verify"], ["adjudicate"], ["reopen"]]),
        ("coder", False, [[], [], [], []]),
        ("expert", False, [[], ["verify"], ["adjudicate"], []]),
        ("lead", False, [[], ["verify"], ["adjudicate"], ["reopen"]]),
    ],
)
def test_what_is_allowed(role, assigned, wanted):
    assert [allowed(me(role), clip(stage, assigned=assigned)) for stage in STAGES] == wanted
    done = clip("code", assigned=assigned, state="done")
    assert allowed(me(role), done) == wanted[0], "a done sheet may be opened again"


@pytest.mark.parametrize(("role", "stage", "assigned"), list(itertools.product(ROLES, STAGES, (True, False))))
def test_whoever_was_shut_out_sees_and_does_nothing(role, stage, assigned):
    here, gone = clip(stage, assigned=assigned), me(role, active=False)
    assert not may_see_clip(gone, here)
    assert not any(may_see_sheet(gone, here, sheet) for sheet in ("me", "other", FINAL))
    assert not any(may_edit(gone, here, sheet) for sheet in ("me", "other", FINAL))
    assert not any(may_move(gone, here, to) for to in STAGES)
    assert allowed(gone, here) == []
