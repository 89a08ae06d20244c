"""Pulse from a photoplethysmogram: clean, systolic peaks, pulse rate, features of windows.

Recipes: "recommended" is NeuroKit2's (Butterworth 0.5 to 8 Hz, order 2) at the recorded rate; "paper" is
MMME's 200 Hz after an anti-aliasing filter and the same band, since the paper prints none for the pulse.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio.beats import beat_cycles, detected, interpolated_rate, mean_rate
from mien.signals.physio.epochs import checked_windows
from mien.signals.physio.filters import (
    PAPER_RATE_HZ,
    Recipe,
    band,
    checked_recipe,
    decimated,
    finite_runs,
    nothing,
    per_run,
)
from mien.signals.physio.heart_rate import _vertex_shift
from mien.signals.physio.quality import LIMITS, judged
from mien.signals.physio.table import EpochFeatures
from mien.signals.physio.units import in_standard_unit
from mien.signals.physio.waveform import left_out

KIND = "ppg"
BAND_HZ = (0.5, 8.0)


def clean(signal: Signal, recipe: Recipe = "recommended") -> Signal:
    """The pulse between 0.5 and 8 Hz, in the file's unit; missing samples stay missing.

    All NaN below 20 Hz; runs of less than 3 s become NaN.

    Raises
    ------
    DataError
        If the unit is none of a pulse.
    OptionError
        For an unknown recipe.
    """
    checked_recipe(recipe)
    signal, limits = in_standard_unit(signal, KIND), LIMITS[KIND]
    if signal.rate_hz < limits.least_rate_hz:
        return nothing(signal)
    if recipe == "paper":
        signal = decimated(signal, PAPER_RATE_HZ)
    low, high = BAND_HZ
    return per_run(
        signal, lambda values: band(values, signal.rate_hz, above=low, below=high), least_s=limits.least_s
    )


def peaks(cleaned: Signal) -> FloatArray:
    """Times of the systolic peaks, seconds, increasing, shape (n_peaks,); empty where there are none.

    NeuroKit2's default detector (Elgendi et al. 2013, doi:10.1371/journal.pone.0076585) in every run
    without a missing sample, then the vertex of the parabola through the three samples around each peak.
    """
    if cleaned.rate_hz < LIMITS[KIND].least_rate_hz:
        return np.empty(0)
    import neurokit2 as nk

    found = []
    for first, last in finite_runs(cleaned.values, least=int(LIMITS[KIND].least_s * cleaned.rate_hz)):
        values = cleaned.values[first:last]
        if np.ptp(values) <= 0:
            continue
        at = detected(partial(nk.ppg_findpeaks, values, sampling_rate=cleaned.rate_hz), "PPG_Peaks")[
            0
        ].astype(np.int64)
        found.append(first + at + _vertex_shift(values, at))
    samples = np.unique(np.concatenate(found)) if found else np.empty(0)
    return cleaned.start_s + samples / cleaned.rate_hz


def rate(peaks_s: ArrayLike, cleaned: Signal) -> Signal:
    """Pulse rate in bpm at the samples of the cleaned pulse, NaN where no accepted interval tells it."""
    cycles = beat_cycles(np.asarray(peaks_s, dtype=np.float64), cleaned)
    return interpolated_rate(cycles, cleaned, unit="bpm", name="pulse rate")


def features(signal: Signal, windows: ArrayLike, *, recipe: Recipe = "recommended") -> EpochFeatures:
    """The mean pulse rate of windows on the continuous recording, `ppg_rate_mean_bpm`.

    Parameters
    ----------
    signal
        The recording, in any unit of a pulse.
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
    found = {"ppg_rate_mean_bpm": mean_rate(rate(peaks(cleaned), cleaned), bounds, few="few-beats")}
    return EpochFeatures.of_columns(bounds, left_out(found, quality), {KIND: quality})
