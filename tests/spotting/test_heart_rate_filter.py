"""The heart-rate filter by hand, by law, and on what is no heart rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.signals.physio import heart_rate, heart_rate_slope, slope_exceeds_mean
from mien.simulate.bodies import BodyPlan, simulate_body
from mien.spotting.heart_rate_filter import (
    FilterSettings,
    filter_candidates,
    judge,
    random_instants,
    shifted_verdicts,
)
from mien.spotting.trial_heart import Heart, HeartTrial, heart_from_beats, heart_from_signals

TRIAL = Interval(0.0, 15.0)


def heart(values, *, rate_hz=4.0, start_s=0.0):
    return Heart(Signal(np.array(values, dtype=float), rate_hz, "bpm/s", "heart rate slope", start_s), "ecg")


# |slope| has the mean 2 over the 15 s trial: 5 s each of 1, -4 and 1
STEP = heart(np.repeat([1.0, -4.0, 1.0], 20))


def sine_beats(duration_s, fine_hz=20000):
    """Beats of a heart with HR(t) = 70 + 5 sin(2 pi 0.1 t) bpm: where its integrated rate is whole."""
    t = np.arange(0, duration_s, 1 / fine_hz)
    phase = (70 * t + 5 * (1 - np.cos(2 * np.pi * 0.1 * t)) / (2 * np.pi * 0.1)) / 60
    return np.interp(np.arange(1, int(phase[-1])), phase, t)


# --- by hand ------------------------------------------------------------------------------------------------


def test_slope_and_threshold_by_hand():
    found = judge(STEP, [2.0, 7.0, 12.0], TRIAL)
    assert found.code.tolist() == [0, 1, 0]
    assert found.kept.tolist() == [False, True, False]
    assert found.slope_bpm_s.tolist() == [1.0, 4.0, 1.0]
    assert found.threshold_bpm_s.tolist() == [2.0, 2.0, 2.0]
    assert found.reason.tolist() == ["", "", ""]
    assert found.source.tolist() == ["ecg"] * 3


def test_the_signed_variant_looks_for_rises():
    """Signed mean (1 - 4 + 1) / 3 = -2/3: every rise is above, the steep fall is not."""
    found = judge(STEP, [2.0, 7.0, 12.0], TRIAL, FilterSettings(mode="signed"))
    assert found.code.tolist() == [1, 0, 1]
    assert found.slope_bpm_s.tolist() == [1.0, -4.0, 1.0]
    np.testing.assert_allclose(found.threshold_bpm_s, -2 / 3)


@pytest.mark.parametrize(("eta", "code"), [(0.0, 1), (1.99, 1), (2.0, 0), (3.0, 0)])
def test_eta_moves_the_bar_and_equal_is_not_above(eta, code):
    assert judge(STEP, [7.0], TRIAL, FilterSettings(eta=eta)).code.tolist() == [code]


def test_a_lag_looks_later_but_the_apex_must_lie_in_the_trial():
    late = FilterSettings(lag_s=4.0)
    assert judge(STEP, [2.0, 7.0], TRIAL, late).code.tolist() == [1, 0]
    assert judge(STEP, [13.0], TRIAL, late).reason.tolist() == ["edge"]
    assert judge(STEP, [-1.0], TRIAL, late).reason.tolist() == ["outside-trial"]


def test_the_peak_slope_of_a_known_heart():
    """HR(t) = 70 + 5 sin(2 pi 0.1 t): steepest 3.14 bpm/s at whole cycles; mean |slope| is 2 / pi of it."""
    beats = sine_beats(80.0)
    slope = heart_rate_slope(heart_rate(beats))
    inner = slope.between(Interval(10.0, 70.0)).values
    assert np.abs(inner).max() == pytest.approx(math.pi, rel=0.05)
    found = judge(heart_from_beats(beats), [20.0, 22.5, 25.0], Interval(10.0, 70.0))
    assert found.slope_bpm_s[[0, 2]] == pytest.approx(math.pi, rel=0.05)
    assert found.slope_bpm_s[1] < 0.35
    assert found.threshold_bpm_s[0] == pytest.approx(2.0, rel=0.05)
    assert found.code.tolist() == [1, 0, 1]
    # R peaks on a 1 kHz grid move the rate by less than 0.1 bpm
    rounded = heart_rate(np.round(beats, 3))
    assert np.abs(rounded.values - heart_rate(beats).values).max() < 0.1


def test_candidates_keep_their_order_over_trials():
    trials = {"a": HeartTrial(TRIAL, STEP), "b": HeartTrial(Interval(0.0, 10.0), STEP)}
    found = filter_candidates(["b", "a", "b", "a"], [7.0, 7.0, 2.0, 2.0], trials)
    assert found.code.tolist() == [1, 1, 0, 0]
    assert found.threshold_bpm_s.tolist() == [2.5, 2.0, 2.5, 2.0]


# --- what cannot be decided is kept -------------------------------------------------------------------------


@pytest.mark.parametrize("beats", [[], [3.0], [3.0, 4.0]])
def test_a_trial_without_beats_keeps_everything(beats):
    known = heart_from_beats(beats)
    assert known.slope is None
    assert f"{len(beats)} beats" in known.reason
    found = judge(known, [2.0, 7.0], TRIAL)
    assert found.kept.all()
    assert found.reason.tolist() == ["no-heart"] * 2
    assert found.source.tolist() == ["none"] * 2
    assert np.isnan(found.slope_bpm_s).all()


def test_beats_that_are_all_artefacts_give_no_heart():
    assert heart_from_beats(np.arange(20) * 2.5).slope is None


def test_a_gap_and_the_edges_are_undecidable():
    beats = np.concatenate([np.arange(5, 20, 0.8), np.arange(32, 55, 0.83)])
    known = heart_from_beats(beats)
    found = judge(known, [1.0, 12.0, 26.0, 40.0, 58.0], Interval(0.0, 60.0))
    assert found.reason.tolist() == ["edge", "", "gap", "", "edge"]
    assert (found.code[[0, 2, 4]] == -1).all()
    assert found.summary() == {
        "passed": int((found.code == 1).sum()),
        "failed": int((found.code == 0).sum()),
        "undecidable": 3,
        "undecidable_reasons": {"edge": 2, "gap": 1},
        "sources": {"ecg": 5},
    }


def test_a_mean_over_too_little_is_none():
    values = np.full(60, np.nan)
    values[20:39] = 1.0
    found = judge(heart(values), [7.0, 1.0, 99.0], TRIAL)
    assert found.reason.tolist() == ["little-known", "little-known", "outside-trial"]
    values[39] = 1.0
    assert judge(heart(values), [7.0], TRIAL, FilterSettings(eta=0.5)).code.tolist() == [1]
    assert judge(STEP, [7.0], Interval(7.0, 7.0)).reason.tolist() == ["little-known"]


def test_an_apex_outside_its_trial_is_undecidable_and_the_last_instant_is_inside():
    found = judge(STEP, [-0.1, 10.0, 10.1], Interval(0.0, 10.0))
    assert found.reason.tolist() == ["outside-trial", "", "outside-trial"]


def test_no_candidates():
    found = judge(STEP, [], TRIAL)
    assert found.code.shape == (0,)
    assert found.summary()["undecidable"] == 0
    assert shifted_verdicts([], [], {}, n_shifts=3, seed=0).shape == (3, 0)
    assert random_instants({}, seed=0)[0] == []


# --- ECG and pulse ------------------------------------------------------------------------------------------


def test_pulse_stands_in_where_there_is_no_ecg():
    body = simulate_body(BodyPlan(duration_s=60.0, rate_hz=250.0), np.random.default_rng(3))
    ecg = Signal(body.ecg_mv, 250.0, "mV", "ECG")
    ppg = Signal(body.ppg_v, 250.0, "V", "PPG")
    true = heart_rate_slope(heart_rate(body.beats_s))
    both, pulse = heart_from_signals(ecg=ecg, ppg=ppg), heart_from_signals(ppg=ppg)
    assert (both.source, both.reason) == ("ecg", "")
    assert (pulse.source, pulse.reason) == ("ppg", "no ecg")
    at = np.arange(5.0, 55.0, 0.5)
    for known, least in ((both, 0.99), (pulse, 0.6)):
        slope = np.interp(at, known.slope.times_s, known.slope.values)
        assert np.corrcoef(slope, np.interp(at, true.times_s, true.values))[0, 1] > least
    assert judge(pulse, [30.0], Interval(0.0, 60.0)).source.tolist() == ["ppg"]
    flat = Signal(np.zeros(15000), 250.0, "mV", "ECG")
    stands_in = heart_from_signals(ecg=flat, ppg=ppg)
    assert stands_in.source == "ppg"
    assert stands_in.reason.startswith("ecg: 0 beats")
    neither = heart_from_signals(ecg=flat)
    assert (neither.slope, neither.source) == (None, "none")
    assert heart_from_signals().reason == "no ecg; no ppg"


def test_a_channel_of_another_kind_is_refused():
    with pytest.raises(DataError):
        heart_from_signals(ecg=Signal(np.zeros(5000), 250.0, "degC", "SKT"))


# --- laws ---------------------------------------------------------------------------------------------------

NUMBERS = st.lists(st.one_of(st.floats(-9, 9), st.just(math.nan)), min_size=24, max_size=60)
APEXES = st.lists(st.floats(0, 15), max_size=12)


@given(NUMBERS, APEXES, st.floats(0, 3), st.sampled_from(["absolute", "signed"]), st.floats(-2, 2))
def test_every_decided_verdict_is_the_one_of_the_slope_test(values, apexes, eta, mode, lag):
    known = heart(values)
    found = judge(known, apexes, TRIAL, FilterSettings(eta, mode, lag))
    verdicts = slope_exceeds_mean(known.slope, apexes, TRIAL, mode=mode, eta=eta, lag_s=lag)
    for code, verdict, slope, bar in zip(
        found.code, verdicts, found.slope_bpm_s, found.threshold_bpm_s, strict=True
    ):
        assert code == -1 or bool(code) == verdict
        if code >= 0:
            assert bool(code) == (slope > bar)
    assert ((found.code == -1) == (found.reason != "")).all()


@given(NUMBERS, APEXES, st.floats(0, 3), st.floats(0, 3))
def test_a_higher_eta_never_lets_more_pass(values, apexes, one, other):
    low, high = sorted((one, other))
    mild, strict = (judge(heart(values), apexes, TRIAL, FilterSettings(eta=e)).code for e in (low, high))
    assert (strict <= mild).all()


def test_shifts_move_a_trial_as_one_and_know_nothing_of_the_apex():
    rng = np.random.default_rng(5)
    values = np.abs(rng.standard_normal(400))
    trials = {
        "a": HeartTrial(Interval(0.0, 99.0), heart(values)),
        "none": HeartTrial(TRIAL, Heart(None, "none")),
    }
    codes = shifted_verdicts(["a", "a", "none", "a"], [20.0, 20.0, 3.0, 500.0], trials, n_shifts=4000, seed=1)
    assert (codes[:, 0] == codes[:, 1]).all()
    assert (codes[:, 2:] == -1).all()
    everywhere = judge(heart(values), np.arange(0, 99, 0.01), Interval(0.0, 99.0)).code.mean()
    assert codes[:, 0].mean() == pytest.approx(everywhere, abs=0.03)
    again = shifted_verdicts(["a", "a", "none", "a"], [20.0, 20.0, 3.0, 500.0], trials, n_shifts=4000, seed=1)
    assert (codes == again).all()


def test_random_instants_lie_in_their_trials():
    trials = {"a": HeartTrial(Interval(5.0, 9.0), STEP), "b": HeartTrial(Interval(100.0, 130.0), STEP)}
    names, at = random_instants(trials, per_trial=50, seed=2)
    assert [names.count(name) for name in "ab"] == [50, 50]
    assert all(time in trials[name].span for name, time in zip(names, at, strict=True))


# --- malformed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "match"),
    [
        ({"eta": -0.5}, "eta: wanted 0 or more, got -0.5"),
        ({"eta": math.nan}, "eta: wanted 0 or more, got nan"),
        ({"mode": "rising"}, "mode: wanted absolute or signed, got rising"),
        ({"lag_s": math.inf}, "lag: wanted a finite number"),
        ({"least_known_s": 0.0}, "least known time: wanted seconds above 0"),
    ],
)
def test_settings_that_cannot_be(knobs, match):
    with pytest.raises(OptionError, match=match):
        FilterSettings(**knobs)


def test_malformed_candidates():
    trials = {"a": HeartTrial(TRIAL, STEP)}
    with pytest.raises(DataError, match="candidate 1: wanted a finite apex, got nan s; take the arg-max"):
        filter_candidates(["a", "a"], [1.0, math.nan], trials)
    with pytest.raises(DataError, match="candidate 1: wanted a trial that is known, got b"):
        filter_candidates(["a", "b"], [1.0, 2.0], trials)
    with pytest.raises(DataError, match="one apex for each of the trial ids"):
        filter_candidates(["a"], [1.0, 2.0], trials)
    with pytest.raises(DataError, match="strictly increasing"):
        heart_from_beats([3.0, 2.0, 5.0, 6.0])
    with pytest.raises(OptionError, match="shifts: wanted 1 or more, got 0"):
        shifted_verdicts(["a"], [1.0], trials, n_shifts=0, seed=0)
    with pytest.raises(OptionError, match="instants per trial"):
        random_instants(trials, per_trial=0, seed=0)
