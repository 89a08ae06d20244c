"""Long proof: where nothing has to do with anything, a study with videos finds nothing, whatever is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mien.reproduce import ITEMS, Setting, find_items, reproduce
from mien.reproduce.verdicts import Verdict, verdicts
from mien.simulate import Effects, StudySettings, simulate_study

SPOTTED = "Are micro-expressions found in the videos?"


def answers(study: Path, out: Path, *only: str) -> dict[str, Verdict]:
    made = reproduce(Setting(study, out, quick=True, n_workers=2), find_items(only))
    failed = [(one.key, one.reason) for one in made.results if one.status == "failed"]
    assert failed == []
    found = verdicts(made.results)
    for one in found:
        print(f"{one.item}: {one.question} {one.status}: {one.words} p {one.p}, q {one.q}")
    return {one.question: one for one in found}


def simulated(folder: Path, effects: Effects) -> Path:
    simulate_study(StudySettings(participants=6, trials=4, seed=11, effects=effects), folder, n_workers=2)
    return folder


@pytest.mark.slow
def test_a_null_study_finds_nothing(tmp_path: Path) -> None:
    found = answers(simulated(tmp_path / "null", Effects.none()), tmp_path / "out")
    assert len(found) >= 8
    assert {item.name for item in ITEMS} >= {one.item for one in found.values()}
    assert len({one.item for one in found.values()}) >= 5
    assert [one for one in found.values() if one.status == "found"] == []
    # The others may be "not tested": so few people with few expressions do not allow every test.
    assert sum(one.status == "nothing found" for one in found.values()) >= 7
    assert found[SPOTTED].status == "nothing found"


@pytest.mark.slow
def test_expressions_coded_when_they_happen_are_all_that_is_found(tmp_path: Path) -> None:
    """The same people, faces and codes, but for their times: what the test above would have missed."""
    study = simulated(tmp_path / "null", replace(Effects.none(), coding=1.0))
    found = answers(study, tmp_path / "out", "table-10")
    assert found.pop(SPOTTED).status == "found"
    assert "found" not in {one.status for one in found.values()}
