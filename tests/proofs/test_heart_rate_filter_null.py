"""The heart-rate filter says nothing where heart and face are unrelated and finds what was put in.

Proposals are known: each expression is found with a fixed chance, false alarms fall anywhere in the trials.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from mien.core.signal import Signal
from mien.core.time import Interval
from mien.experiments.filter_worlds import (
    FilterWorld,
    people_of,
    simulate_filter_study,
    simulate_proposals,
    trial_apexes,
)
from mien.simulate.bodies import Coupling
from mien.spotting.filter_controls import Candidates
from mien.spotting.filter_report import likelihood_ratio
from mien.spotting.heart_rate_filter import FilterSettings, filter_candidates
from mien.spotting.trial_heart import Heart, HeartTrial

NULL_STUDIES, COUPLED_STUDIES, LIGHT_STUDIES = 100, 25, 300
NULL, COUPLED = FilterWorld(), FilterWorld(coupling=Coupling())
TRIALS, TRIAL_S = NULL.trials, NULL.trial_s
SETTINGS = FilterSettings()


def _noise(people, rng):
    """The same of slopes that are autoregressive noise, with a size of their own in each trial."""
    trials, apexes = {}, []
    for person in range(people):
        n = int(4 * TRIAL_S)
        values = lfilter([1.0], [1.0, -1.2, 0.5], rng.standard_normal((TRIALS, n + 40)))[:, 40:]
        values *= rng.lognormal(0.0, 0.5, (TRIALS, 1))
        heart = Heart(Signal(values.ravel(), 4.0, "bpm/s", "heart rate slope"), "ecg")
        for number in range(TRIALS):
            name = f"{person:03}-{number}"
            span = Interval(number * TRIAL_S, (number + 1) * TRIAL_S - 0.25)
            trials[name] = HeartTrial(span, heart)
            apexes += [(name, time) for time in trial_apexes(rng, span.start_s, span.duration_s)]
    return trials, apexes


def _covered(intervals):
    low, high = np.array([(i.low, i.high) for i in intervals]).T
    return int(((low <= 1) & (high >= 1)).sum())


@pytest.mark.slow
def test_null_world_the_likelihood_ratio_covers_one() -> None:
    """100 studies of 16 people without coupling; the shifted control is as often below .05 as it should."""
    reports = []
    for seed in range(NULL_STUDIES):
        rng = np.random.default_rng([seed, 81])
        reports.append(simulate_filter_study(NULL, rng, seed=seed, n_shifts=200))
    covered = _covered([r.likelihood_ratio for r in reports])
    small = sum(r.shifted.lr_p < 0.05 for r in reports)
    rises = sum(r.f1_change.low > 0 for r in reports)
    falls = sum(r.after.recall < r.before.recall for r in reports)
    ratio = np.exp(np.mean([np.log(r.likelihood_ratio.value) for r in reports]))
    print(f"null world: LR interval covers 1 in {covered} of {NULL_STUDIES}, mean LR {ratio:.3f}")
    print(f"null world: p of shifted hearts < .05 in {small}; F1 rises beyond doubt in {rises}")
    for what in ("references", "true_positives", "false_positives", "random"):
        print(
            f"null world: pass rate of {what} {np.mean([getattr(r, what).share.value for r in reports]):.3f}"
        )
    f1 = np.mean([(r.before.f1, r.after.f1, r.deletion.f1, r.score.counts.f1) for r in reports], axis=0)
    print("null world: F1 before {:.3f}, filter {:.3f}, deletion {:.3f}, random score {:.3f}".format(*f1))
    assert covered >= 90
    assert small <= 10
    assert falls == NULL_STUDIES
    assert abs(np.log(ratio)) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("people", [8, 16, 30, 75])
def test_null_world_of_noise_covers_one(people: int) -> None:
    """300 studies of autoregressive slopes: how the coverage grows with the number of people."""
    found = []
    for seed in range(LIGHT_STUDIES):
        rng = np.random.default_rng([seed, people, 82])
        trials, apexes = _noise(people, rng)
        names, times, reference = simulate_proposals(NULL, trials, apexes, rng)
        code = filter_candidates(names, times, trials, SETTINGS).code
        seen = Candidates(people_of(names), reference=reference, code=code)
        found.append(likelihood_ratio(seen, n_resamples=1000, seed=seed))
    covered = _covered(found)
    print(f"noise, {people} people: LR interval covers 1 in {100 * covered / LIGHT_STUDIES:.1f} % of studies")
    assert covered >= 0.9 * LIGHT_STUDIES


@pytest.mark.slow
def test_coupled_world_is_found_and_recall_falls_by_the_pass_rate() -> None:
    """25 studies in which the heart answers 70 % of the apexes: LR above 1, recall lost as MEs fail."""
    reports = []
    for seed in range(COUPLED_STUDIES):
        rng = np.random.default_rng([seed, 83])
        reports.append(simulate_filter_study(COUPLED, rng, seed=seed, n_shifts=200))
    detected = sum(r.likelihood_ratio.low > 1 for r in reports)
    shifted = sum(r.shifted.lr_p < 0.05 for r in reports)
    ratio = np.exp(np.mean([np.log(r.likelihood_ratio.value) for r in reports]))
    print(
        f"coupled world: LR {ratio:.2f}, above 1 in {detected} of {COUPLED_STUDIES}, by shifts in {shifted}"
    )
    expected = np.array([r.before.recall * r.references.share.value for r in reports])
    recall = np.array([(r.before.recall, r.after.recall) for r in reports])
    print(
        f"coupled world: recall {recall[:, 0].mean():.3f} -> {recall[:, 1].mean():.3f}, "
        f"expected {expected.mean():.3f}"
    )
    for what in ("references", "true_positives", "false_positives", "random"):
        print(
            f"coupled world: pass rate of {what} "
            f"{np.mean([getattr(r, what).share.value for r in reports]):.3f}"
        )
    f1 = np.mean([(r.before.f1, r.after.f1, r.shifted.f1, r.deletion.f1) for r in reports], axis=0)
    print("coupled world: F1 before {:.3f}, filter {:.3f}, shifted {:.3f}, deletion {:.3f}".format(*f1))
    rates = [(r.fp_keep_rate, r.break_even, r.f1_change.value) for r in reports]
    print(
        "coupled world: FP keep rate {:.3f}, break-even {:.3f}, F1 change {:+.3f}".format(*np.mean(rates, 0))
    )
    assert detected >= 0.8 * COUPLED_STUDIES
    difference = recall[:, 1] - expected
    assert abs(difference.mean()) < 3 * difference.std(ddof=1) / np.sqrt(COUPLED_STUDIES)
    for report in reports:
        keep = 1 - report.tp_removed / report.before.tp
        assert report.after.recall == pytest.approx(keep * report.before.recall)
        assert (report.f1_change.value > 0) == (report.fp_keep_rate < report.break_even)
