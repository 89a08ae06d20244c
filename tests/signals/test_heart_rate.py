"""Heart rate and its slope: hand-made beats, a known sine, simulated ECG with known R peaks, a real ECG."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.signals.physio import clean_intervals, heart_rate, heart_rate_slope, r_peaks, slope_exceeds_mean
from mien.simulate.bodies import Baselines, BodyPlan, simulate_body


def beats_of(rate_bpm, duration_s):
    """Beats whose phase is the integral of a rate function, to 1 ms as a 1 kHz recorder gives them."""
    fine = np.arange(0.0, duration_s, 1e-4)
    phase = np.cumsum(rate_bpm(fine)) * 1e-4 / 60
    return np.round(np.interp(np.arange(1, int(phase[-1])), phase, fine), 3)


def slope_signal(values, *, rate_hz=1.0, start_s=0.0):
    return Signal(
        np.asarray(values, dtype=float), rate_hz=rate_hz, unit="bpm/s", name="slope", start_s=start_s
    )


# --- intervals ----------------------------------------------------------------------------------------------


def test_a_hand_calculated_example():
    rate = heart_rate([10.0, 11.0, 12.0, 12.9, 13.8, 14.7], grid_hz=2.0)
    # RR 1, 1, .9, .9, .9 at 10.5, 11.5, 12.45, 13.35, 14.25: 60 bpm up to 11.5, 200/3 from 12.45 on.
    assert rate.unit == "bpm"
    np.testing.assert_allclose(rate.times_s, [10.5, 11.0, 11.5, 12.0, 12.5, 13.0, 13.5, 14.0])
    # Flat on both sides of the step: between them the Hermite cubic 3 u^2 - 2 u^3 at u = .5 / .95.
    step = 3 * (0.5 / 0.95) ** 2 - 2 * (0.5 / 0.95) ** 3
    np.testing.assert_allclose(rate.values, [60, 60, 60, 60 + step * 20 / 3, *[200 / 3] * 4])


def test_a_steady_heart_is_kept_as_it_is():
    found = clean_intervals(np.arange(20) * 0.8)
    assert not found.flagged.any()
    assert found.fraction_rejected == 0
    np.testing.assert_allclose(found.rr_s, 0.8)
    np.testing.assert_allclose(found.midpoints_s, np.arange(19) * 0.8 + 0.4)


@pytest.mark.parametrize("where", [1, 2, 7, 17])
def test_a_missed_beat_is_bridged(where):
    beats = np.delete(np.arange(20) * 0.8, where)
    found = clean_intervals(beats)
    assert found.flagged.tolist() == [i == where - 1 for i in range(18)]
    inside = np.isfinite(found.rr_s)
    assert inside.sum() >= 17
    np.testing.assert_allclose(found.rr_s[inside], 0.8)
    np.testing.assert_allclose(heart_rate(beats).values, 75.0)


@pytest.mark.parametrize("extra_s", [0.3, 0.5, 6.0, 14.9])
def test_an_extra_beat_is_bridged(extra_s):
    beats = np.sort(np.append(np.arange(20) * 0.8, extra_s))
    found = clean_intervals(beats)
    assert found.flagged.sum() == 2
    assert found.fraction_rejected == pytest.approx(2 / 20)
    np.testing.assert_allclose(heart_rate(beats).values, 75.0)


def test_the_bridge_is_a_straight_line_between_the_neighbours():
    rr = np.array([0.80, 0.80, 0.80, 1.60, 0.90, 0.90, 0.90])
    found = clean_intervals(np.concatenate([[0.0], np.cumsum(rr)]))
    assert np.flatnonzero(found.flagged).tolist() == [3]
    # Midpoints 2.0, 3.2, 4.45: 1.2 of 2.45 s along the way from .8 to .9.
    assert found.rr_s[3] == pytest.approx(0.8 + 0.1 * 1.2 / 2.45)


def test_nothing_is_extrapolated_over_a_rejected_end():
    beats = np.concatenate([[0.0], 1.6 + np.arange(10) * 0.8])
    found = clean_intervals(beats)
    assert found.flagged[0]
    assert np.isnan(found.rr_s[0])
    assert heart_rate(beats).start_s == 2.0


def test_a_long_hole_stays_open():
    beats = np.concatenate([np.arange(10) * 0.8, 20 + np.arange(10) * 0.8])
    rate = heart_rate(beats)
    open_ = np.isnan(rate.values)
    np.testing.assert_allclose(rate.times_s[open_][[0, -1]], [7.0, 20.25])
    slope = heart_rate_slope(rate)
    assert slope_exceeds_mean(slope, [14.0], Interval(0.0, 28.0)).tolist() == [None]


@given(st.lists(st.sampled_from([0.5, 0.75, 1.0, 1.25]), min_size=2, max_size=30), st.integers(-100, 10_000))
def test_a_later_clock_moves_the_times_and_nothing_else(rr, start):
    beats = np.concatenate([[0.0], np.cumsum(rr)])
    one, other = clean_intervals(beats), clean_intervals(beats + start)
    np.testing.assert_array_equal(other.midpoints_s - start, one.midpoints_s)
    np.testing.assert_array_equal(other.flagged, one.flagged)
    np.testing.assert_allclose(other.rr_s, one.rr_s, rtol=1e-12)


@pytest.mark.parametrize(
    ("beats", "match"),
    [
        ([], "got 0 beats"),
        ([1.0, 2.0], "got 2 beats"),
        ([1.0, 2.0, 2.0], "strictly increasing"),
        ([1.0, np.nan, 3.0], "finite"),
        ([[1.0, 2.0, 3.0]], r"shape \(1, 3\)"),
    ],
)
def test_beats_that_are_none_are_refused(beats, match):
    with pytest.raises(DataError, match=match):
        heart_rate(beats)


def test_beats_that_are_all_artefacts_are_refused():
    with pytest.raises(DataError, match="got 0 valid intervals"):
        heart_rate([0.0, 3.0, 6.0, 9.0])


@pytest.mark.parametrize("grid_hz", [0.0, -4.0, np.nan, np.inf])
def test_a_grid_needs_a_rate(grid_hz):
    with pytest.raises(OptionError, match="above 0 Hz"):
        heart_rate(np.arange(9.0), grid_hz=grid_hz)


# --- slope --------------------------------------------------------------------------------------------------


def test_the_slope_of_a_known_sine():
    beats = beats_of(lambda t: 70 + 5 * np.sin(2 * np.pi * 0.1 * t), 120.0)
    slope = heart_rate_slope(heart_rate(beats))
    assert slope.unit == "bpm/s"
    middle = slope.between(Interval(10.0, 110.0)).values
    # Peaks of the ten periods: extremes of single beats scatter, their mean is the sine's.
    peaks = [np.abs(part).max() for part in np.array_split(middle, 20)]
    assert np.mean(peaks) == pytest.approx(5 * 2 * np.pi * 0.1, rel=0.05)


def test_the_finite_difference_agrees_with_the_spline_derivative():
    beats = beats_of(lambda t: 70 + 5 * np.sin(2 * np.pi * 0.1 * t), 120.0)
    slope = heart_rate_slope(heart_rate(beats, grid_hz=100.0)).between(Interval(10.0, 110.0))
    found = clean_intervals(beats)
    exact = PchipInterpolator(found.midpoints_s, 60 / found.rr_s).derivative()(slope.times_s)
    assert np.abs(slope.values - exact).max() < 0.05 * np.abs(exact).max()


def test_millisecond_beats_give_a_rate_within_a_tenth_of_a_beat():
    rate = heart_rate(beats_of(lambda t: 70 + 0 * t, 60.0))
    assert np.abs(rate.values - 70).max() < 0.1


def test_a_straight_rise_has_its_slope_everywhere():
    rate = Signal(60 + 0.5 * np.arange(40) / 4, rate_hz=4.0, unit="bpm", name="heart rate", start_s=3.0)
    slope = heart_rate_slope(rate)
    assert slope.start_s == 3.0
    np.testing.assert_allclose(slope.values, 0.5)
    with pytest.raises(DataError, match="3 or more samples"):
        heart_rate_slope(Signal(np.zeros(2), rate_hz=4.0, unit="bpm", name="heart rate"))


# --- verdict ------------------------------------------------------------------------------------------------


def test_verdicts_by_hand():
    slope = slope_signal([1.0, -3.0, 0.0, 2.0, np.nan, 4.0], start_s=10.0)
    span = Interval(10.0, 16.0)
    times = [10.0, 11.0, 12.0, 12.5, 14.0, 14.5, 15.0, 15.5, 9.0]
    # |slope| has the mean 2.0, the slope itself 0.8; at 12.5 the slope is 1.0.
    assert slope_exceeds_mean(slope, times, span).tolist() == [
        False, True, False, False, None, None, True, None, None
    ]  # fmt: skip
    assert slope_exceeds_mean(slope, times, span, mode="signed").tolist() == [
        True, False, False, True, None, None, True, None, None
    ]  # fmt: skip


def test_equal_is_not_above_and_eta_moves_the_bar():
    slope = slope_signal([2.0, -2.0, 2.0])
    span = Interval(0.0, 3.0)
    assert slope_exceeds_mean(slope, [0.0, 1.0], span).tolist() == [False, False]
    assert slope_exceeds_mean(slope, [0.0, 1.0], span, eta=0.9).tolist() == [True, True]
    assert slope_exceeds_mean(slope, [], span).shape == (0,)


def test_the_absolute_slope_is_taken_after_interpolation():
    assert slope_exceeds_mean(slope_signal([4.0, -4.0]), [0.5], Interval(0.0, 2.0), eta=0.5).tolist() == [
        False
    ]


def test_a_lag_looks_at_the_heart_later():
    slope = slope_signal([0.0, 0.0, 5.0, 0.0])
    span = Interval(0.0, 4.0)
    assert slope_exceeds_mean(slope, [0.0], span).tolist() == [False]
    assert slope_exceeds_mean(slope, [0.0], span, lag_s=2.0).tolist() == [True]
    assert slope_exceeds_mean(slope, [3.0], span, lag_s=2.0).tolist() == [None]


def test_only_the_span_sets_the_mean():
    slope = slope_signal([1.0, 2.0, 100.0, 100.0])
    assert slope_exceeds_mean(slope, [1.0], Interval(0.0, 2.0)).tolist() == [True]
    assert slope_exceeds_mean(slope, [1.0], Interval(0.0, 4.0)).tolist() == [False]
    assert slope_exceeds_mean(slope, [1.0], Interval(50.0, 60.0)).tolist() == [None]


@pytest.mark.parametrize(
    ("knobs", "match"),
    [({"mode": "abs"}, "absolute or signed"), ({"eta": np.nan}, "eta"), ({"lag_s": np.inf}, "lag")],
)
def test_unknown_choices_are_refused(knobs, match):
    with pytest.raises(OptionError, match=match):
        slope_exceeds_mean(slope_signal([1.0, 2.0]), [0.0], Interval(0.0, 2.0), **knobs)


# --- R peaks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [1000.0, 512.0, 250.0, 200.0])
def test_r_peaks_of_simulated_hearts(rate_hz):
    found_count = true_count = hits = 0
    distances = []
    for number in range(3):
        rng = np.random.default_rng([20, number])
        body = simulate_body(BodyPlan(duration_s=120.0, rate_hz=rate_hz, baselines=Baselines.draw(rng)), rng)
        peaks = r_peaks(Signal(body.ecg_mv, rate_hz=rate_hz, unit="mV", name="ECG", start_s=50.0)) - 50.0
        nearest = np.abs(peaks[:, None] - body.beats_s).argmin(axis=1)
        distance = np.abs(peaks - body.beats_s[nearest])
        hits += np.unique(nearest[distance < 0.01]).size
        distances.append(distance[distance < 0.01])
        found_count, true_count = found_count + peaks.size, true_count + body.beats_s.size
    assert hits / true_count >= 0.99
    assert hits / found_count >= 0.99
    # Far below a sample of 5 ms: the parabola is right.
    assert np.percentile(np.concatenate(distances), 95) < 0.001


def test_r_peaks_of_a_real_ecg(shared_data):
    path = shared_data / "physio" / "neurokit_csv" / "ecg_1000hz.csv"
    if not path.is_file():
        pytest.skip("real ECG not found, skipped")
    ecg = Signal(np.loadtxt(path, skiprows=1), rate_hz=1000.0, unit="n/a", name="ECG")
    peaks = r_peaks(ecg)
    assert abs(peaks.size - 49) <= 1
    assert clean_intervals(peaks).fraction_rejected < 0.1
    assert 60 / np.median(np.diff(peaks)) == pytest.approx(58.8, abs=0.5)
    near = np.rint(peaks * 1000).astype(int)
    highest = [int(ecg.values[max(0, at - 60) : at + 61].argmax()) - min(60, at) for at in near]
    assert np.abs(highest).max() <= 5


@pytest.mark.parametrize(
    ("values", "rate_hz", "match"),
    [
        (np.zeros(5000), 1000.0, "flat line"),
        (np.ones(1000), 1000.0, "3 s or more"),
        (np.ones(5000), 50.0, "100 Hz or more"),
        (np.where(np.arange(5000) == 7, np.nan, np.arange(5000.0)), 1000.0, "1 missing"),
    ],
)
def test_what_is_no_ecg_is_refused(values, rate_hz, match):
    with pytest.raises(DataError, match=match):
        r_peaks(Signal(values, rate_hz=rate_hz, unit="mV", name="ECG"))
