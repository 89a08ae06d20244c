"""Agreement measured on simulated coders equals the disagreement that was put in.

Expectations are closed forms from what `Habits` says, or drawn here; none calls the simulator's coders. Marks
are on frames: a mark is off by its own error and by up to half a frame, which adds a twelfth of a squared
frame to the variance of each coder's marks.
"""

from __future__ import annotations

from dataclasses import replace
from math import comb, sqrt

import numpy as np
import pytest

from mien.coding.agreement import coder_agreement
from mien.coding.agreement_result import AgreementSettings
from mien.coding.coded_rows import CodedClip, CodedRow
from mien.core.expression import Expression
from mien.core.labels import ACTION_UNITS
from mien.simulate.clocks import camera_clock, camera_run
from mien.simulate.coders import Habits, code_session
from mien.simulate.script import write_part
from mien.simulate.settings import StudySettings

QUICK = AgreementSettings(n_resamples=0)
FRAME_S = 1 / 146.5
N_UNITS = len(ACTION_UNITS)
SHARP = Habits(1, 1, 0, 0, 0, 1, 0, 0, 0, 0)


def scripts(people, trials, seed=0):
    """Participants with the true times of their frames."""
    settings = StudySettings(trials=trials, seed=seed)
    found = []
    for number in range(1, people + 1):
        person = write_part(settings, number)
        clock = camera_clock(person)
        frames = {
            trial.number: camera_run(trial, clock, person.stream(5, trial.number), dropped=0.0).true_s
            for trial in person.trials
        }
        found.append((person, frames))
    return settings, found


def coded(world, habits):
    """Rows and clips of the two simulated coders."""
    settings, people = world
    rows, clips = [], []
    for person, frames in people:
        for trial in person.trials:
            key = f"{person.name} {trial.number}"
            clips.append(CodedClip(key, person.name, ("A", "B"), len(clips)))
        for coder, table in code_session(person, frames, settings, habits=habits).items():
            for one in table:
                at = frames[one.trial][[one.onset_frame, one.apex_frame, one.offset_frame]].tolist()
                rows.append(
                    CodedRow(
                        f"{person.name} {one.trial}",
                        coder,
                        Expression(*at),
                        one.kind,
                        one.action_units,
                        one.emotion,
                        offset_observed=one.offset_frame != one.apex_frame,
                    )
                )
    return rows, clips


def measured(world, habits, settings=QUICK):
    return coder_agreement(*coded(world, habits), settings)


@pytest.fixture(scope="module")
def world():
    """60 people with 28 clips each: about 3,400 expressions."""
    return scripts(60, 28)


def movements(world):
    return [move for person, _ in world[1] for trial in person.trials for move in trial.movements]


def expected_r(sizes, keeps, adds):
    """E 2|A and B| / E (|A| + |B|) in closed form for expressions with so many true units.

    A coder keeps each of u true units with probability k; adds one of the units not kept with probability a,
    and surely where none was kept. A given unit that was not kept is then the added one with 1 / (N - kept).
    """
    shared = total = 0.0
    for u in sizes:

        def kept(j, n):
            return comb(n, j) * keeps**j * (1 - keeps) ** (n - j)

        def added(j):
            return (adds if j else 1.0) / (N_UNITS - j)

        true = keeps + (1 - keeps) * sum(kept(j, u - 1) * added(j) for j in range(u))
        false = sum(kept(j, u) * added(j) for j in range(u + 1))
        shared += 2 * (u * true**2 + (N_UNITS - u) * false**2)
        total += 2 * (u * true + (N_UNITS - u) * false)
    return shared / total


def drawn_mean_r(sizes, keeps, adds, rng):
    """The mean of r by drawing two coders, many times."""
    values = []
    for u in rng.choice(sizes, size=40_000):
        sets = []
        for _ in range(2):
            have = {n for n in range(u) if rng.random() < keeps}
            if not have or rng.random() < adds:
                have.add(int(rng.choice([n for n in range(N_UNITS) if n not in have])))
            sets.append(have)
        values.append(2 * len(sets[0] & sets[1]) / (len(sets[0]) + len(sets[1])))
    return float(np.mean(values))


def test_coders_without_error_agree_in_everything(world):
    found = measured(world, SHARP).as_json()
    assert found["n_pairs"] == len(movements(world))
    assert (found["au_r_micro"], found["au_r_mean"]) == (1, 1)
    assert found["kappa"]["emotion"]["value"] == found["kappa"]["kind"]["value"] == 1
    assert all(found[f"{mark}_ms"]["p95_abs"] == 0 for mark in ("onset", "apex", "offset"))
    assert {one["n"] for one in found["missed"]} == {0}


@pytest.mark.parametrize("spread", [0.006, 0.012, 0.025])
def test_spread_of_marks_is_the_injected_one(world, spread):
    habits = replace(SHARP, onset_s=spread, apex_s=spread, offset_s=1.5 * spread)
    found = measured(world, habits).as_json()
    for mark, own in (("onset", spread), ("apex", spread), ("offset", 1.5 * spread)):
        one = found[f"{mark}_ms"]
        expected = 1000 * sqrt(2 * (own**2 + FRAME_S**2 / 12))
        # 4 standard errors of an SD; orders are kept, which trims what would cross (at most 3 %)
        assert one["sd"] == pytest.approx(expected, rel=4 / sqrt(2 * one["n"]) + 0.03)
        assert abs(one["mean"]) < 4 * one["sd"] / sqrt(one["n"])
        assert one["mae"] == pytest.approx(expected * sqrt(2 / np.pi), rel=0.08)


@pytest.mark.parametrize(("micro", "macro"), [(0.92, 0.98), (0.6, 0.8), (0.3, 1.0)])
def test_missed_rates_are_the_injected_ones(world, micro, macro):
    found = measured(world, replace(SHARP, sees_micro=micro, sees_macro=macro))
    for one in found.pooled.missed:
        if one.kind in ("micro", "macro"):
            rate = 1 - (micro if one.kind == "micro" else macro)
            error = 4 * sqrt(rate * (1 - rate) / one.rate.n)
            # A frame's rounding makes a few expressions at the border another kind.
            assert one.rate.value == pytest.approx(rate, abs=error + 0.003)


def test_missed_rates_hold_with_errors_of_time_and_unseen_offsets(world):
    """Half of the offsets unseen, and marks off: an expression is still found to be the same."""
    habits = replace(Habits(), no_offset=0.5, false_alarms_per_trial=0.0)
    found = measured(world, habits)
    for one in found.pooled.missed:
        if one.kind == "all":
            lost = [
                1 - (habits.sees_micro if m.kind == "micro" else habits.sees_macro) for m in movements(world)
            ]
            assert one.rate.value == pytest.approx(np.mean(lost), abs=4 * sqrt(0.065 / one.rate.n))
    offset, onset = found.pooled.times["offset"], found.pooled.times["onset"]
    assert offset.n / onset.n == pytest.approx(0.25, abs=4 * sqrt(0.19 / onset.n))


def test_false_alarms_are_what_the_other_missed(world):
    found = measured(world, replace(SHARP, false_alarms_per_trial=0.1))
    clips = found.pooled.n_clips
    for one in found.pooled.missed:
        if one.kind == "all":
            # Each coder's own false alarms; a few lie on something true, or on the other's.
            assert one.n == pytest.approx(0.1 * clips, rel=0.25)


@pytest.mark.parametrize(("keeps", "adds"), [(0.88, 0.08), (0.5, 0.0), (1.0, 0.3), (0.7, 0.4)])
def test_agreement_on_units_is_what_the_habits_imply(world, keeps, adds):
    sizes = [len(move.units) for move in movements(world)]
    found = measured(world, replace(SHARP, keeps_unit=keeps, adds_unit=adds)).as_json()
    assert found["au_r_micro"] == pytest.approx(expected_r(sizes, keeps, adds), abs=0.015)
    mean = drawn_mean_r(sizes, keeps, adds, np.random.default_rng(1))
    assert found["au_r_mean"] == pytest.approx(mean, abs=0.02)


@pytest.mark.parametrize("other", [0.05, 0.3, 1.0])
def test_agreement_on_emotion_is_what_the_habits_imply(world, other):
    """Another emotion is drawn of all seven, the right one among them."""
    found = measured(world, replace(SHARP, other_emotion=other)).as_json()
    wrong = other * 6 / 7
    agree = (1 - wrong) ** 2 + wrong**2 / 6
    kappa = (agree - 1 / 7) / (1 - 1 / 7)  # every emotion is as frequent as the others
    assert found["kappa"]["emotion"]["value"] == pytest.approx(kappa, abs=4 * sqrt(0.3 / found["n_pairs"]))


def test_presence_of_a_unit_has_the_kappa_that_the_habits_imply(world):
    """Of a share s of expressions a coder names the unit in s k, both in s k^2, by chance in (s k)^2."""
    k = 0.8
    found = measured(world, replace(SHARP, keeps_unit=k)).as_json()["kappa"]["action_units"]
    moves = movements(world)
    share = sum(any(u.unit == 4 for u in m.units) for m in moves) / len(moves)
    p = share * k
    by_chance = p * p + (1 - p) ** 2
    observed = share * (k * k + (1 - k) ** 2) + 1 - share
    assert found["AU4"]["value"] == pytest.approx((observed - by_chance) / (1 - by_chance), abs=0.05)


def test_the_defaults_give_the_papers_agreement(world):
    found = measured(world, Habits()).as_json()
    assert found["au_r_micro"] == pytest.approx(0.84, abs=0.03)


@pytest.mark.slow
def test_intervals_cover_in_repeated_studies():
    """100 studies of 20 people: how many of the 95 % intervals hold the truth.

    Measured: 94 of the mean onset difference, 96 of r, 88 of the share of missed micro-expressions.
    Percentiles over 20 participants are a little narrow, those of rare events more so.
    """
    held = {"onset": 0, "r": 0, "missed": 0}
    sizes = [len(m.units) for m in movements(scripts(150, 14, seed=999))]
    habits = replace(Habits(), false_alarms_per_trial=0.0)
    true_r = expected_r(sizes, habits.keeps_unit, habits.adds_unit)
    for seed in range(100):
        found = measured(
            scripts(20, 14, seed=seed), habits, AgreementSettings(n_resamples=1000, seed=seed)
        ).pooled
        onset, r = found.times["onset"], found.units.micro
        lost = next(one.rate for one in found.missed if (one.coder, one.kind) == ("A", "micro"))
        held["onset"] += onset.low <= 0 <= onset.high
        held["r"] += r.low <= true_r <= r.high
        held["missed"] += lost.low <= 1 - habits.sees_micro <= lost.high
    assert 90 <= held["onset"] <= 99, held
    assert 90 <= held["r"] <= 99, held
    assert 84 <= held["missed"] <= 99, held
