"""Skin temperature: clean, slope, features of windows.

Both recipes low-pass at 1 Hz (order 2; the paper prints no cut-off) and keep the level; "paper" goes to
200 Hz first, after an anti-aliasing filter. Temperature has no events: its verbs are `clean`, `rate` (of
change) and `features`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mien.core.signal import Signal
from mien.signals.physio.epochs import checked_windows
from mien.signals.physio.filters import (
    PAPER_RATE_HZ,
    Recipe,
    band,
    checked_recipe,
    decimated,
    nothing,
    per_run,
)
from mien.signals.physio.quality import LIMITS, judged
from mien.signals.physio.table import EpochFeatures
from mien.signals.physio.units import in_standard_unit
from mien.signals.physio.waveform import columns, left_out, statistics

KIND = "skt"
LOWPASS_HZ = 1.0
WAVE_NAMES = {name: f"skt_{name}_degc" for name in ("mean", "sd", "max", "min", "range")}
WAVE_NAMES["slope"] = "skt_slope_mk_per_s"


def clean(signal: Signal, recipe: Recipe = "recommended") -> Signal:
    """The skin temperature without noise, in degC; missing samples stay missing.

    All NaN below 1 Hz; runs of less than 1 s become NaN. No filter where the rate is too low for one.

    Raises
    ------
    DataError
        If the unit is not degC.
    OptionError
        For an unknown recipe.
    """
    checked_recipe(recipe)
    signal, limits = in_standard_unit(signal, KIND), LIMITS[KIND]
    if signal.rate_hz < limits.least_rate_hz:
        return nothing(signal)
    if recipe == "paper":
        signal = decimated(signal, PAPER_RATE_HZ)
    return per_run(
        signal, lambda values: band(values, signal.rate_hz, below=LOWPASS_HZ), least_s=limits.least_s
    )


def rate(cleaned: Signal) -> Signal:
    """The change of temperature in mK/s: central differences; missing samples make neighbours missing."""
    values = np.full(len(cleaned), np.nan)
    if len(cleaned) >= 2:
        values = np.gradient(cleaned.values, 1.0 / cleaned.rate_hz) * 1000.0
    return Signal(values, cleaned.rate_hz, "mK/s", f"{cleaned.name} slope", cleaned.start_s)


def features(signal: Signal, windows: ArrayLike, *, recipe: Recipe = "recommended") -> EpochFeatures:
    """Mean, spread, extremes (degC) and least-squares slope (mK/s) of windows.

    MMME prints the slope in degC/s, where it is 0.000 throughout.

    Parameters
    ----------
    signal
        The recording in degC.
    windows
        Shape (n, 2), [start, end) in seconds on the master clock.
    recipe
        How to clean; see the module.

    Raises
    ------
    DataError
        For a unit that is not degC, or windows that are none.
    OptionError
        For an unknown recipe.
    """
    bounds = checked_windows(windows)
    raw = in_standard_unit(signal, KIND)
    cleaned = clean(raw, recipe)
    quality = judged(raw, cleaned, bounds, KIND)
    found = columns(statistics(cleaned, bounds, " ".join(WAVE_NAMES)), WAVE_NAMES, scale={"slope": 1000.0})
    return EpochFeatures.of_columns(bounds, left_out(found, quality), {KIND: quality})
