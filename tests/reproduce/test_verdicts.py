"""Answers over a whole report: nothing found in nothing, corrected over all questions, untested ones said."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parent))
import light

from mien.evaluation.chance import chance_test
from mien.reproduce import Setting, find_items, reproduce
from mien.reproduce.item import Answer, ItemResult, smallest_p
from mien.reproduce.verdicts import CHANCE_FACTOR, LEVEL, answer_by_several, chance_p, verdicts
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


def by_several(factor: float, **p_values: float) -> Answer:
    """The answer of methods with these p, which names the better and the best."""
    return answer_by_several(
        "Is it?", p_values, found="{better} of {n}", nothing="least: {best}", untested="none", factor=factor
    )


def test_a_factor_multiplies_what_is_paid_for_already() -> None:
    plain, times_five = (by_several(factor, a=0.004, b=0.0001, c=0.9) for factor in (1.0, 5.0))
    assert (plain.p, times_five.p) == (pytest.approx(0.0003), pytest.approx(0.0015))
    assert (plain.found, times_five.found) == ("a, b of 3", "b of 3")  # .004 * 3 * 5 = .06
    assert times_five.nothing == "least: b"
    assert by_several(5.0, a=float("nan")) == by_several(1.0, a=float("nan"))


def test_a_factor_makes_no_p_above_one() -> None:
    assert by_several(5.0, a=0.3, b=0.4).p == 1.0
    assert by_several(CHANCE_FACTOR, a=float("nan"), b=0.9).p == 1.0


@pytest.fixture(scope="module")
def calibration():
    """docs/calibrate_chance.py as a module."""
    path = Path(__file__).parents[2] / "docs" / "calibrate_chance.py"
    place = importlib.util.spec_from_file_location("calibrate_chance", path)
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    sys.modules[place.name] = module
    place.loader.exec_module(module)
    return module


def test_the_calibration_answers_as_the_evaluation(calibration) -> None:
    report = calibration.null_report(calibration.Null(6, 3, False), 0)
    for member in (0, 5):
        here = report.samples(calibration.answers(report, member))["estimate"]
        assert here == calibration.as_evaluated(report, member)


@pytest.mark.slow
def test_noise_of_clustered_trials_is_seldom_found(calibration) -> None:
    """60 reports that did not choose the factor: no more than 5 % find something, within a sampling error."""
    setting = calibration.Null(6, 7, True)
    p = np.array([calibration.smallest(calibration.null_report(setting, 10_000 + k)) for k in range(60)])
    corrected = np.minimum(1.0, CHANCE_FACTOR * p)
    assert binomtest(int((corrected < LEVEL).sum()), len(p), 0.05, alternative="greater").pvalue > 0.05


def told(right: float, *, people: int = 8) -> dict[str, list[str]]:
    """Answers to three classes, ten expressions each, of which a share is right for sure."""
    rng = np.random.default_rng(3)
    reference = rng.choice(["a", "b", "c"], 10 * people)
    estimate = np.where(
        rng.random(len(reference)) < right, reference, rng.choice(["a", "b", "c"], len(reference))
    )
    subjects = [f"sub-{k // 10}" for k in range(len(reference))]
    return {
        "reference": reference.tolist(),
        "estimate": estimate.tolist(),
        "subject_id": subjects,
        "sample_id": [f"{who}_run-{row:02d}_frame-000100" for row, who in enumerate(subjects)],
    }


def test_what_is_told_apart_can_still_be_found_among_ten_questions() -> None:
    p = chance_p(told(0.8), classes=("a", "b", "c"))
    assert p == pytest.approx(1 / 100_001)
    answer = by_several(CHANCE_FACTOR, **{f"m{k}": 0.5 for k in range(8)}, good=p)
    others = results(*[0.9] * 9)
    good = ItemResult("table-4", "t", "done", answers=(answer,))
    assert [one.status for one in verdicts([good, *others])] == ["found"] + ["nothing found"] * 9


def test_a_p_that_is_not_small_is_that_of_the_test_itself() -> None:
    for share in (0.0, 0.1):
        samples = told(share)
        assert (
            chance_p(samples, classes=("a", "b", "c"))
            == (chance_test(samples, classes=("a", "b", "c"))["uf1"])
        )
    alone = {"reference": ["a", "b"], "estimate": ["a", "b"], "subject_id": ["x", "y"]}
    assert np.isnan(chance_p({**alone, "sample_id": ["one", "two"]}, classes=("a", "b")))


def test_expressions_of_one_trial_are_exchanged_together() -> None:
    """Four expressions to a trial, whose answers are as good as its emotion's luck: they count once."""
    rng = np.random.default_rng(0)
    emotions, luck = rng.choice(["a", "b", "c"], 20), rng.random(20) < 0.3
    reference = np.repeat(emotions, 4)
    answered = np.repeat(np.where(luck, emotions, rng.choice(["a", "b", "c"], 20)), 4)
    samples = {
        "reference": reference.tolist(),
        "estimate": answered.tolist(),
        "subject_id": [f"sub-{row // 20}" for row in range(80)],
        "sample_id": [f"sub-{row // 20}_run-{row // 4:02d}_frame-{row:06d}" for row in range(80)],
    }
    apart = chance_test(samples, classes=("a", "b", "c"))["uf1"]
    together = chance_p(samples, classes=("a", "b", "c"))
    assert apart < 0.001
    assert 0.01 < together < 0.1


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
