"""Breathing from a belt or a thermistor: clean, peaks and troughs, breathing rate, features of windows.

Recipes: "recommended" is NeuroKit2's (Khodadad et al. 2018: Butterworth 0.05 to 3 Hz, order 2) at the
recorded rate, below 1 Hz where the file is too slow for 3. "paper" is MMME's: 200 Hz after an anti-aliasing
filter, drift removed, low-pass 1 Hz; order and drift removal are not printed: order 2 and a high-pass of
0.05 Hz here. A belt has no absolute level, so that amplitudes are in the file's unit around 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio.beats import Cycles, detected, interpolated_rate, mean_rate, spans_hole
from mien.signals.physio.epochs import checked_windows, interval_ranges, padded
from mien.signals.physio.filters import (
    LARGEST_CUT,
    PAPER_RATE_HZ,
    Recipe,
    band,
    checked_recipe,
    decimated,
    finite_runs,
    nothing,
    per_run,
)
from mien.signals.physio.quality import LIMITS, judged
from mien.signals.physio.table import Columns, EpochFeatures, Reasons, codes
from mien.signals.physio.units import in_standard_unit
from mien.signals.physio.waveform import columns, left_out, statistics

KIND = "rsp"
DRIFT_HZ, LOWPASS_HZ, PAPER_LOWPASS_HZ = 0.05, 3.0, 1.0
WAVE_NAMES = {name: f"rsp_{name}" for name in ("mean", "sd", "median", "max", "min", "skewness", "kurtosis")}
# One breath: 60 to 3 per minute.
BREATH_RANGE_S = (1.0, 20.0)


@dataclass(frozen=True, slots=True, eq=False)
class Breaths:
    """Extremes of breathing, seconds, increasing: each trough (inhalation begins) and the peak after it.

    `troughs_s` and `peaks_s` have the shape (n,), `trough_values` and `peak_values` likewise, in the
    signal's unit.
    """

    troughs_s: FloatArray
    peaks_s: FloatArray
    trough_values: FloatArray
    peak_values: FloatArray


def clean(signal: Signal, recipe: Recipe = "recommended") -> Signal:
    """The breathing without drift and noise, in the file's unit; missing samples stay missing.

    All NaN below 2.5 Hz; runs of less than 10 s become NaN.

    Raises
    ------
    DataError
        If the unit is none of breathing.
    OptionError
        For an unknown recipe.
    """
    checked_recipe(recipe)
    signal, limits = in_standard_unit(signal, KIND), LIMITS[KIND]
    if signal.rate_hz < limits.least_rate_hz:
        return nothing(signal)
    low = PAPER_LOWPASS_HZ
    if recipe == "paper":
        signal = decimated(signal, PAPER_RATE_HZ)
    elif signal.rate_hz * LARGEST_CUT > LOWPASS_HZ:
        low = LOWPASS_HZ
    return per_run(
        signal,
        lambda values: band(values, signal.rate_hz, above=DRIFT_HZ, below=low),
        least_s=limits.least_s,
    )


def peaks(cleaned: Signal) -> Breaths:
    """The breaths of the recording; empty where there are none.

    NeuroKit2's default detector (after Khodadad et al. 2018, doi:10.1088/1361-6579/aad7e6) in every run
    without a missing sample.
    """
    import neurokit2 as nk

    troughs, tops = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first, last in finite_runs(cleaned.values, least=int(LIMITS[KIND].least_s * cleaned.rate_hz)):
        values = cleaned.values[first:last]
        if np.ptp(values) <= 0:
            continue
        low, high = detected(
            partial(nk.rsp_findpeaks, values, sampling_rate=cleaned.rate_hz),
            "RSP_Troughs",
            "RSP_Peaks",
        )
        # The detector gives a trough and the peak after it; what does not alternate is no breath.
        if (low < high).all() and (high[:-1] < low[1:]).all():
            troughs.append(first + low.astype(np.int64))
            tops.append(first + high.astype(np.int64))
    lows, highs = np.concatenate(troughs), np.concatenate(tops)
    start, step = cleaned.start_s, cleaned.rate_hz
    return Breaths(start + lows / step, start + highs / step, cleaned.values[lows], cleaned.values[highs])


def rate(breaths: Breaths, cleaned: Signal) -> Signal:
    """Breaths per minute at the samples of the cleaned signal, from trough to trough, NaN where unknown."""
    return interpolated_rate(_cycles(breaths, cleaned), cleaned, unit="1/min", name="breathing rate")


def _cycles(breaths: Breaths, cleaned: Signal) -> Cycles:
    troughs = breaths.troughs_s
    if troughs.size < 2:
        return Cycles(np.empty(0), np.empty(0), np.empty(0, dtype=np.bool_))
    lengths = np.diff(troughs)
    likely = (lengths >= BREATH_RANGE_S[0]) & (lengths <= BREATH_RANGE_S[1])
    hole = spans_hole(troughs, cleaned)
    return Cycles(troughs, np.where(hole, np.nan, lengths), likely & ~hole)


def features(signal: Signal, windows: ArrayLike, *, recipe: Recipe = "recommended") -> EpochFeatures:
    """Every breathing feature of windows on the continuous recording: waveform, rate, amplitudes.

    `rsp_rate_mean_per_min` is the mean of the continuous rate, as of NeuroKit2's `RSP_Rate_Mean`;
    `rsp_rate_sd_per_min` is its spread over the window and needs two whole breaths inside;
    `rsp_inhale_exhale_ratio` is the mean over whole breaths (trough, peak, trough inside) of
    (peak - trough before) / (peak - trough after).

    Parameters
    ----------
    signal
        The recording, in any unit of breathing.
    windows
        Shape (n, 2), [start, end) in seconds on the master clock.
    recipe
        How to clean; see the module.

    Raises
    ------
    DataError
        For a wrong unit or windows that are none.
    OptionError
        For an unknown recipe.
    """
    bounds = checked_windows(windows)
    raw = in_standard_unit(signal, KIND)
    cleaned = clean(raw, recipe)
    quality = judged(raw, cleaned, bounds, KIND)
    found = columns(statistics(cleaned, bounds, " ".join(WAVE_NAMES)), WAVE_NAMES)
    found |= _breathing(peaks(cleaned), cleaned, bounds)
    return EpochFeatures.of_columns(bounds, left_out(found, quality), {KIND: quality})


def _breathing(breaths: Breaths, cleaned: Signal, windows: FloatArray) -> Columns:
    cycles = _cycles(breaths, cleaned)
    per_minute = interpolated_rate(cycles, cleaned, unit="1/min", name="breathing rate")
    inside = padded(cycles.accepted.astype(np.float64), interval_ranges(cycles.events_s, windows))
    whole = np.nansum(inside, axis=1)
    spread = statistics(per_minute, windows, "sd")["sd"]
    mean, why = mean_rate(per_minute, windows, few="no-breath")
    spread = np.where((whole >= 2) & np.isfinite(mean), spread, np.nan)
    return {
        "rsp_rate_mean_per_min": (mean, why),
        "rsp_rate_sd_per_min": _or_no_breath(spread),
        "rsp_inhale_exhale_ratio": _or_no_breath(_ratios(breaths, cycles, windows)),
    }


def _ratios(breaths: Breaths, cycles: Cycles, windows: FloatArray) -> FloatArray:
    if cycles.accepted.size == 0:
        return np.full(len(windows), np.nan)
    rise = breaths.peak_values[:-1] - breaths.trough_values[:-1]
    fall = breaths.peak_values[:-1] - breaths.trough_values[1:]
    ratios = np.where(cycles.accepted & (fall > 0), rise / np.where(fall > 0, fall, 1.0), np.nan)
    inside = padded(ratios, interval_ranges(cycles.events_s, windows))
    n = np.isfinite(inside).sum(axis=1)
    return np.where(n > 0, np.nansum(inside, axis=1) / np.maximum(n, 1), np.nan)


def _or_no_breath(values: FloatArray) -> tuple[FloatArray, Reasons]:
    why = codes(len(values))
    why[np.isnan(values)] = "no-breath"
    return values, why
