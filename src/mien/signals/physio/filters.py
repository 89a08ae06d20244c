"""Filters that leave missing samples missing, and decimation that removes what would fold back.

Conventions: zero phase throughout (forward and backward), so that no event moves; each run of samples
without a hole is filtered by itself and nothing is filled; a run too short for the filter becomes NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.core.time import FloatArray

Recipe = Literal["recommended", "paper"]

PAPER_RATE_HZ = 200.0
# A cut-off above this share of the rate removes nothing that a recorder let through.
LARGEST_CUT = 0.45
ANTI_ALIAS = 0.4


def checked_recipe(recipe: str) -> None:
    """Raises OptionError for a word that is no recipe."""
    if recipe not in get_args(Recipe):
        raise OptionError(
            "recipe", wanted="recommended or paper", got=repr(recipe), remedy="choose one of the two"
        )


def finite_runs(values: FloatArray, *, least: int = 1) -> NDArray[np.int64]:
    """First and past-the-last index of each run of finite samples of `least` or more, shape (n_runs, 2)."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2)
    return edges[edges[:, 1] - edges[:, 0] >= max(1, least)].astype(np.int64)


def per_run(signal: Signal, work: Callable[[FloatArray], FloatArray], *, least_s: float) -> Signal:
    """The signal with `work` applied to each finite run of `least_s` or more; NaN elsewhere."""
    values = np.full(len(signal), np.nan)
    for first, last in finite_runs(signal.values, least=math.ceil(least_s * signal.rate_hz - 1e-9)):
        values[first:last] = work(signal.values[first:last])
    return Signal(values, signal.rate_hz, signal.unit, signal.name, signal.start_s)


def nothing(signal: Signal) -> Signal:
    """The signal with every sample missing, as where its rate is too low to clean it."""
    return Signal(np.full(len(signal), np.nan), signal.rate_hz, signal.unit, signal.name, signal.start_s)


def band(
    values: FloatArray,
    rate_hz: float,
    *,
    above: float | None = None,
    below: float | None = None,
    order: int = 2,
) -> FloatArray:
    """Butterworth zero-phase filter of a run without holes; a cut-off beyond the rate is left out.

    Forward and backward, so that the effective order is twice `order` (as NeuroKit2's `signal_filter`).
    """
    from scipy.signal import butter, sosfiltfilt

    cut = below if below is not None and below < LARGEST_CUT * rate_hz else None
    cuts, kind = _cuts(above, cut)
    if kind is None:
        return values
    sections = butter(order, cuts, btype=kind, output="sos", fs=rate_hz)
    padding = min(3 * (2 * len(sections) + 1), values.size - 1)
    return np.asarray(sosfiltfilt(sections, values, padlen=padding), dtype=np.float64)


def _cuts(above: float | None, below: float | None) -> tuple[float | list[float], str | None]:
    if above is not None and below is not None:
        return [above, below], "bandpass"
    if above is not None:
        return above, "highpass"
    return (below, "lowpass") if below is not None else (0.0, None)


def decimated(signal: Signal, rate_hz: float) -> Signal:
    """The signal at a lower rate, after an anti-aliasing filter; unchanged if it is not above that rate.

    Butterworth of order 8 at 0.4 times the new rate, forward and backward. (NeuroKit2's `signal_resample` has
    no such filter by default; that of `scipy.signal.decimate` takes 1.1 % off every level.) Where the ratio
    is no whole number, the filtered samples are interpolated by a cubic spline. Missing samples stay missing.
    """
    ratio = signal.rate_hz / rate_hz
    if ratio <= 1:
        return signal

    def smooth(values: FloatArray) -> FloatArray:
        return band(values, signal.rate_hz, below=ANTI_ALIAS * rate_hz, order=8)

    smoothed = per_run(signal, smooth, least_s=4 / rate_hz)
    whole = round(ratio)
    if abs(ratio - whole) < 1e-9:
        values = smoothed.values[::whole]
    else:
        values = _at_positions(smoothed.values, np.arange(int(len(signal) / ratio), dtype=np.float64) * ratio)
    return Signal(values, rate_hz, signal.unit, signal.name, signal.start_s)


def _at_positions(values: FloatArray, positions: FloatArray) -> FloatArray:
    """Cubic spline through each finite run at fractional sample positions; NaN outside the runs."""
    from scipy.interpolate import CubicSpline

    found = np.full(positions.size, np.nan)
    for first, last in finite_runs(values, least=4):
        inside = slice(*np.searchsorted(positions, [first, last - 1 + 1e-9]))
        found[inside] = CubicSpline(np.arange(first, last), values[first:last])(positions[inside])
    return found
