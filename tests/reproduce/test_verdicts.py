"""Answers over a whole report: nothing found in nothing, corrected over all questions, untested ones said."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import light

from mien.reproduce import Setting, find_items, reproduce
from mien.reproduce.item import Answer, ItemResult, smallest_p
from mien.reproduce.verdicts import LEVEL, verdicts
from mien.simulate import Effects, StudySettings, simulate_study, study_parts


def results(*p_values: float | None) -> list[ItemResult]:
    """One item a question."""
    return [
        ItemResult(
            f"table-{n}", "t", "done", answers=(Answer(f"Is it {n}?", p, "yes", "no", "too few people."),)
        )
        for n, p in enumerate(p_values, start=1)
    ]


def test_words_go_with_the_status() -> None:
    found = verdicts(results(0.001, 0.9, None))
    assert [(one.status, one.words) for one in found] == [
        ("found", "yes"),
        ("nothing found", "no"),
        ("not tested", "too few people."),
    ]
    assert [one.item for one in found] == ["table-1", "table-2", "table-3"]
    assert (found[2].p, found[2].q) == (None, None)


def test_p_values_are_corrected_over_the_questions_of_the_report() -> None:
    found = verdicts(results(0.01, 0.04, 0.03, 0.005))
    assert [one.q for one in found] == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert verdicts(results(0.03))[0].status == "found"
    assert [one.status for one in verdicts(results(0.03, 0.9, 0.8))] == ["nothing found"] * 3


def test_what_is_not_tested_does_not_cost_the_others() -> None:
    alone = verdicts(results(0.03))[0].q
    assert verdicts(results(None, 0.03, None))[1].q == alone


def test_the_level_itself_is_nothing_and_a_p_of_zero_is_a_find() -> None:
    assert verdicts(results(LEVEL))[0].status == "nothing found"
    assert verdicts(results(0.0))[0].status == "found"
    assert verdicts([]) == ()
    assert verdicts([ItemResult("table-1", "t", "failed", "no disk")]) == ()


def test_the_same_words_in_two_items_are_two_questions() -> None:
    one, other = results(0.001, 0.9)
    same = ItemResult("table-2", "t", "done", answers=(Answer("Is it 1?", 0.9, "yes", "no"),))
    assert [v.status for v in verdicts([one, same])] == ["found", "nothing found"]
    assert other.answers[0].question != one.answers[0].question


def test_where_nothing_is_true_few_reports_find_anything() -> None:
    """Seven questions each: 5 % of reports, within a sampling error of 2,000 reports."""
    rng = np.random.default_rng(5)
    with_finds = sum(
        any(one.status == "found" for one in verdicts(results(*rng.random(7)))) for _ in range(2000)
    )
    assert 0.035 < with_finds / 2000 < 0.065


def test_the_smallest_of_several_is_paid_for() -> None:
    assert smallest_p([0.01, 0.5, 0.9]) == pytest.approx(0.03)
    assert smallest_p([0.5, 0.6]) == 1.0
    assert smallest_p([]) is None
    assert smallest_p([float("nan")]) is None
    assert smallest_p([float("nan"), 0.2]) == pytest.approx(0.2)


@pytest.mark.usefixtures("lightened")
def test_a_study_without_effects_answers_nothing_found(tmp_path: Path) -> None:
    settings = StudySettings(
        participants=6, trials=4, clip_s=9.0, report_s=1.0, rest_s=6.0, sampling_hz=250.0, seed=2,
        emotions=("happiness", "disgust", "surprise"), effects=Effects.none(),
    )  # fmt: skip
    simulate_study(settings, tmp_path / "null", parts=study_parts("signals"))
    made = reproduce(Setting(tmp_path / "null", tmp_path / "out", quick=True), find_items(light.BODY))
    assert [one.status for one in made.results] == ["done", "done"], made.results
    found = verdicts(made.results)
    assert [one.item for one in found] == ["table-3", "table-8", "table-8"]
    assert "found" not in [one.status for one in found], found
    assert sum(one.p is not None for one in found) == 3
