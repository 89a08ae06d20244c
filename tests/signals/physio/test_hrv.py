"""HRV of many windows: hand calculation, NeuroKit2 window by window, a sine of known power."""

import warnings

import neurokit2 as nk
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.signals.physio import TABLE_3, hrv
from mien.signals.physio.epochs import interval_ranges, padded

HRV_TIME = {name: ours for name, ours in TABLE_3.items() if name.startswith("HRV_")}


def one(rr_ms):
    found = hrv.time_domain(np.array([rr_ms], dtype=float)) | hrv.nonlinear(np.array([rr_ms], dtype=float))
    return {name: values[0] for name, values in found.items()}


def wandering_beats(n, *, seed, spread=0.03):
    """Beats in whole milliseconds, as a recorder of 1000 Hz gives them."""
    rng = np.random.default_rng(seed)
    rr = 0.85 + 0.05 * np.sin(np.arange(n) / 4) + rng.normal(0, spread, n)
    return np.rint(np.cumsum(rr) * 1000).astype(np.int64)


def sliced(beats_ms, *, n, seed):
    rng = np.random.default_rng(seed)
    lengths = rng.choice([5000, 10000, 15000], n)
    starts = rng.integers(0, beats_ms[-1] - 15000, n)
    return np.stack([starts, starts + lengths], axis=1)


# --- hand calculation ---------------------------------------------------------------------------------------


def test_a_hand_calculated_row():
    found = one([800.0, 830.0, 790.0, 850.0])
    # Differences +30, -40, +60.
    assert found["mean_nn_ms"] == 817.5
    assert found["sdnn_ms"] == pytest.approx(np.sqrt((17.5**2 + 12.5**2 + 27.5**2 + 32.5**2) / 3))
    assert found["rmssd_ms"] == pytest.approx(np.sqrt((900 + 1600 + 3600) / 3))
    assert found["sdsd_ms"] == pytest.approx(np.sqrt(((40 / 3) ** 2 + (170 / 3) ** 2 + (130 / 3) ** 2) / 2))
    assert found["median_nn_ms"] == 815.0
    assert found["mad_nn_ms"] == pytest.approx(1.4826 * 20)  # of 15, 15, 25, 35
    assert (found["pnn50_percent"], found["pnn20_percent"]) == (25.0, 75.0)
    assert (found["min_nn_ms"], found["max_nn_ms"]) == (790.0, 850.0)
    assert found["prc20_nn_ms"] == pytest.approx(796.0)
    assert found["pip"] == 0.5  # two changes of sign, three differences
    assert (found["pss"], found["pss_segments"]) == (1.0, 1.0)


def test_a_rejected_interval_is_not_bridged():
    found = one([800.0, 810.0, np.nan, 900.0, 920.0])
    assert found["mean_nn_ms"] == 857.5
    # Only +10 and +20 are differences; 810 to 900 is none.
    assert found["rmssd_ms"] == pytest.approx(np.sqrt((100 + 400) / 2))
    assert found["pnn50_percent"] == 0
    assert found["sd1_ms"] == pytest.approx(np.std([10, 20], ddof=1) / np.sqrt(2))
    # Same sign on both sides of the hole: two runs of one, not one of three.
    assert (found["pip"], found["pss"], found["pss_segments"]) == (0.0, 1.0, 1.0)


def test_fragmentation_by_hand():
    # Differences + + + + - - + : runs of 4, 2 and 1.
    found = one([800.0, 810.0, 820.0, 830.0, 840.0, 830.0, 820.0, 830.0])
    assert found["pss"] == pytest.approx(3 / 7)
    assert found["pss_segments"] == pytest.approx(2 / 3)
    assert found["pip"] == pytest.approx(2 / 8)
    # A step of 0 is a sign of its own, changes it twice and breaks a run: + + 0 + +.
    level = one([800.0, 810.0, 820.0, 820.0, 830.0, 840.0])
    assert level["pip"] == pytest.approx(2 / 6)
    assert level["pss"] == 1.0


def test_tinn_is_the_best_triangle():
    # Counts 1 2 4 3 1 in five bins of 7.8125 ms; corners tried by brute force below.
    counts = [1, 2, 4, 3, 1]
    rr = np.repeat(800 + (np.arange(5) + 0.5) * 7.8125, counts)
    heights = np.concatenate([np.zeros(8), counts, np.zeros(8)])
    at = np.arange(heights.size) - 10  # 0 at the highest bin
    best = min(
        (np.sum((heights - np.interp(at, [-left, 0, right], [0, 4, 0])) ** 2), left + right)
        for left in range(1, 8)
        for right in range(1, 8)
    )
    assert one(rr)["tinn_ms"] == pytest.approx(best[1] * 7.8125)
    # The highest bin is the lowest here: NeuroKit2 gives 0 for want of a left corner.
    skewed = np.repeat(800 + (np.arange(3) + 0.5) * 7.8125, [4, 2, 1])
    assert nk.hrv_time({"RRI": skewed, "RRI_Time": np.cumsum(skewed) / 1000})["HRV_TINN"][0] == 0
    assert one(skewed)["tinn_ms"] > 15


@given(st.lists(st.integers(0, 12), min_size=4, max_size=40))
def test_tinn_against_brute_force(bins):
    rr = 700 + (np.array(bins) + 0.5) * 7.8125
    counts = np.bincount(np.floor(rr / 7.8125).astype(int) - 89, minlength=14).astype(float)
    top = int(counts.argmax())
    heights = np.concatenate([np.zeros(20), counts, np.zeros(20)])
    at = np.arange(heights.size) - 20 - top
    errors = {
        (left, right): np.sum((heights - np.interp(at, [-left, 0, right], [0, counts[top], 0])) ** 2)
        for left in range(1, 16)
        for right in range(1, 16)
    }
    width = one(rr)["tinn_ms"] / 7.8125
    assert width == pytest.approx(round(width))
    best = min(errors.values())
    assert any(sum(pair) == round(width) for pair, error in errors.items() if error <= best + 1e-9)


@pytest.mark.parametrize(
    ("rr_ms", "missing"),
    [
        ([], {"mean_nn_ms", "rmssd_ms", "hti", "sd1_ms", "pip"}),
        ([800.0], {"mean_nn_ms", "sdnn_ms", "median_nn_ms", "hti", "tinn_ms", "rmssd_ms"}),
        ([800.0, 820.0], {"sdsd_ms", "sd1_ms", "sd2_ms", "pip", "pss"}),
        ([800.0, np.nan, 820.0], {"rmssd_ms", "cvsd", "pnn50_percent", "sdsd_ms"}),
        ([800.0, 800.0, 800.0], {"sdrmssd", "sd1sd2", "pss_segments"}),
    ],
)
def test_what_few_beats_cannot_give_is_missing(rr_ms, missing):
    found = one(rr_ms)
    assert missing <= {name for name, value in found.items() if np.isnan(value)}
    assert len(rr_ms) < 2 or np.isfinite(found["mean_nn_ms"])


# --- NeuroKit2, window by window ----------------------------------------------------------------------------


def test_time_domain_equals_neurokit_over_1200_windows():
    beats = wandering_beats(3000, seed=1)
    windows = sliced(beats, n=1200, seed=2)
    ours = hrv.time_domain(padded(np.diff(beats).astype(float), interval_ranges(beats, windows)))
    tables = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start, end in windows:
            inside = beats[(beats >= start) & (beats < end)]
            tables.append(nk.hrv_time(inside, sampling_rate=1000).iloc[0])
    compared = 0
    for theirs, name in HRV_TIME.items():
        if theirs == "HRV_TINN":  # differs by decision
            continue
        reference = np.array([table[theirs] for table in tables])
        estimate = ours[name.removeprefix("hrv_")]
        known = np.isfinite(estimate)
        assert known.mean() > 0.99
        np.testing.assert_allclose(estimate[known], reference[known], rtol=1e-9, atol=1e-9, err_msg=name)
        compared += 1
    assert compared == 18


def test_poincare_and_fragmentation_equal_neurokit_over_1000_windows():
    beats = wandering_beats(3000, seed=3)
    windows = sliced(beats, n=1000, seed=4)
    windows[:, 1] = windows[:, 0] + 15000
    ours = hrv.nonlinear(padded(np.diff(beats).astype(float), interval_ranges(beats, windows)))
    from neurokit2.hrv.hrv_nonlinear import _hrv_nonlinear_fragmentation, _hrv_nonlinear_poincare

    for number, (start, end) in enumerate(windows):
        rr = np.diff(beats[(beats >= start) & (beats < end)]).astype(float)
        theirs = _hrv_nonlinear_poincare(rr, out={}) | _hrv_nonlinear_fragmentation(rr, out={})
        for name, key in (
            ("sd1_ms", "SD1"),
            ("sd2_ms", "SD2"),
            ("sd1sd2", "SD1SD2"),
            ("pip", "PIP"),
            ("pss_segments", "PSS"),
        ):
            assert ours[name][number] == pytest.approx(theirs[key], rel=1e-9), (name, number)


def test_rejected_intervals_equal_neurokit_with_missing_ones():
    beats = wandering_beats(600, seed=5)
    rr, times = np.diff(beats).astype(float), beats[1:] / 1000
    for first in range(0, 500, 25):
        part, at = rr[first : first + 25].copy(), times[first : first + 25]
        part[[7, 8, 15]] = np.nan
        theirs = nk.hrv_time({"RRI": part, "RRI_Time": at}).iloc[0]
        ours = one(part)
        for key, name in HRV_TIME.items():
            if key != "HRV_TINN":
                assert ours[name.removeprefix("hrv_")] == pytest.approx(theirs[key], rel=1e-9), name


# --- band powers --------------------------------------------------------------------------------------------


def tachogram(frequency_hz, amplitude_ms, duration_s, *, mean_ms=800.0):
    times, at = [0.0], 0.0
    while at < duration_s:
        at += (mean_ms + amplitude_ms * np.sin(2 * np.pi * frequency_hz * at)) / 1000
        times.append(at)
    beats = np.array(times)
    return (beats[1:] + beats[:-1]) / 2, np.diff(beats) * 1000


@pytest.mark.parametrize(("hz", "inside", "outside"), [(0.1, "lf_ms2", "hf_ms2"), (0.25, "hf_ms2", "lf_ms2")])
def test_a_sine_has_half_its_squared_amplitude_in_its_band(hz, inside, outside):
    middles, rr = tachogram(hz, 20.0, 300.0)
    found = hrv.frequency(middles, rr, np.array([[60.0, 120.0], [60.0, 240.0]]))
    # 200 ms2; PCHIP between beats rounds the crests of the faster wave.
    np.testing.assert_allclose(found[inside], 200.0, rtol=0.03 if hz == 0.1 else 0.15)
    assert (found[outside] < 0.03 * found[inside]).all()
    np.testing.assert_allclose(found["lf_fraction"] + found["hf_fraction"], 1.0)
    np.testing.assert_allclose(found["lfhf"], found["lf_ms2"] / found["hf_ms2"])
    assert (found["lf_of_total"] < found["lf_fraction"]).all()


def test_band_edges_are_exact_and_the_band_is_a_choice():
    # 0.045 Hz lies between the paper's edge and the Task Force's.
    middles, rr = tachogram(0.045, 20.0, 600.0)
    context = np.array([[100.0, 500.0]])
    narrow = hrv.frequency(middles, rr, context)["lf_ms2"][0]
    wide = hrv.frequency(middles, rr, context, lf_hz=(0.04, 0.15))["lf_ms2"][0]
    assert wide > 1.2 * narrow


def test_a_context_too_short_or_with_a_hole_gives_nothing():
    middles, rr = tachogram(0.1, 20.0, 200.0)
    hole = (middles < 100) | (middles > 104)
    contexts = np.array([[60.0, 90.0], [70.0, 130.0], [190.0, 250.0]])
    found = hrv.frequency(middles[hole], rr[hole], contexts)
    assert np.isnan(found["lf_ms2"]).all()
