"""Heart rate and its slope from an ECG, and whether the slope at an instant exceeds its mean over a span.

Conventions: times are seconds on the clock of the signal they come from; RR intervals are seconds, heart
rate is beats per minute, its slope bpm per second. A rate belongs to the midpoint of its interval. Nothing
is extrapolated: where no rate is known the verdict is None, undecidable, and a filter keeps the candidate.

The chain follows the candidate filter of MMME (its Eq. 12), which leaves most choices open; those made here:
PCHIP on a 4 Hz grid (monotone between beats, so that it adds no slope of its own), central differences,
absolute slopes. Below about one beat the slope has no resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.core.time import FloatArray, Interval

Mode = Literal["absolute", "signed"]

LEAST_ECG_RATE_HZ = 100.0
LEAST_ECG_S = 3.0
RR_RANGE_S = (0.33, 1.5)
MEDIAN_INTERVALS = 5
LARGEST_DEVIATION = 0.2
# A hole longer than this between two valid intervals is left open instead of being bridged.
LARGEST_GAP_S = 5.0


def r_peaks(ecg: Signal) -> FloatArray:
    """Times of the R peaks of an ECG, shape (n_peaks,), seconds on the signal's clock, increasing.

    NeuroKit2's default: Butterworth high-pass 0.5 Hz and 50 Hz removal, then the steepest QRS stretches and
    their most prominent peak (Makowski et al. 2021, doi:10.3758/s13428-020-01516-y). The peak's position
    between samples is the vertex of the parabola through the three samples around it.

    Raises
    ------
    DataError
        If the signal is sampled below 100 Hz, shorter than 3 s, flat, or has missing samples.
    """
    import neurokit2 as nk

    _check_ecg(ecg)
    cleaned = np.asarray(nk.ecg_clean(ecg.values, sampling_rate=ecg.rate_hz), dtype=np.float64)
    _, found = nk.ecg_peaks(cleaned, sampling_rate=ecg.rate_hz)
    peaks = np.asarray(found["ECG_R_Peaks"], dtype=np.int64)
    return ecg.start_s + (peaks + _vertex_shift(cleaned, peaks)) / ecg.rate_hz


def _check_ecg(ecg: Signal) -> None:
    subject = f"signal {ecg.name}"
    if ecg.rate_hz < LEAST_ECG_RATE_HZ:
        raise DataError(
            subject,
            wanted=f"an ECG of {LEAST_ECG_RATE_HZ:g} Hz or more",
            got=f"{ecg.rate_hz:g} Hz",
            remedy="take the channel at the rate it was recorded with",
        )
    if ecg.duration_s < LEAST_ECG_S:
        raise DataError(
            subject,
            wanted=f"{LEAST_ECG_S:g} s or more",
            got=f"{ecg.duration_s:g} s",
            remedy="find the peaks in the continuous recording and cut afterwards",
        )
    missing = int((~np.isfinite(ecg.values)).sum())
    if missing:
        raise DataError(
            subject,
            wanted="no missing samples",
            got=f"{missing} missing",
            remedy="fill or cut them out first",
        )
    if np.ptp(ecg.values) == 0:
        raise DataError(
            subject, wanted="a heart beat", got="a flat line", remedy="check the electrode and the channel"
        )


def _vertex_shift(values: FloatArray, peaks: NDArray[np.int64]) -> FloatArray:
    """Distance from each peak sample to the vertex of its parabola, -0.5 to 0.5 samples."""
    inside = np.clip(peaks, 1, values.size - 2)
    before, at, after = values[inside - 1], values[inside], values[inside + 1]
    bend = before - 2 * at + after
    usable = (inside == peaks) & (bend < 0)
    shift = 0.5 * (before - after) / np.where(usable, bend, 1.0)
    return np.where(usable, np.clip(shift, -0.5, 0.5), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class RRIntervals:
    """Intervals between beats after artefact correction, all arrays of shape (n_beats - 1,).

    Parameters
    ----------
    midpoints_s
        Middle of each interval on the beats' clock, seconds.
    rr_s
        Length, seconds; of a rejected interval the value between its valid neighbours, NaN where it has
        valid neighbours on one side only. After a correction the lengths no longer add up to the time.
    flagged
        True where the measured interval was rejected.
    """

    midpoints_s: FloatArray
    rr_s: FloatArray
    flagged: NDArray[np.bool_]

    @property
    def fraction_rejected(self) -> float:
        """Rejected intervals / all intervals."""
        return float(self.flagged.mean())


def clean_intervals(beats_s: ArrayLike) -> RRIntervals:
    """RR intervals in which missed, extra and ectopic beats are rejected and bridged by a straight line.

    An interval is rejected if it lies outside 0.33 to 1.5 s or differs by more than 20 % from the median of
    the five intervals around it (at the ends: of the first or last five).

    Parameters
    ----------
    beats_s
        Shape (n_beats,), beat times in seconds, strictly increasing, 3 or more.

    Raises
    ------
    DataError
        If there are fewer than 3 beats, or times that are not finite and increasing.

    Examples
    --------
    >>> found = clean_intervals([0.0, 0.8, 1.6, 2.0, 2.4, 3.2, 4.0, 4.8])  # one beat too many, at 2.0
    >>> found.rr_s.round(3).tolist(), round(found.fraction_rejected, 3)
    ([0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8], 0.286)
    """
    beats = _checked_beats(beats_s)
    rr, midpoints = np.diff(beats), (beats[1:] + beats[:-1]) / 2
    usual = _running_median(rr)
    flagged = (rr < RR_RANGE_S[0]) | (rr > RR_RANGE_S[1]) | (np.abs(rr - usual) > LARGEST_DEVIATION * usual)
    if flagged.all():
        bridged = np.full_like(rr, np.nan)
    else:
        valid = ~flagged
        bridged = np.interp(midpoints, midpoints[valid], rr[valid], left=np.nan, right=np.nan)
    return RRIntervals(midpoints, np.where(flagged, bridged, rr), flagged)


def _checked_beats(beats_s: ArrayLike) -> FloatArray:
    beats = np.asarray(beats_s, dtype=np.float64)
    if beats.ndim != 1 or beats.size < 3:
        got = f"{beats.size} beats" if beats.ndim == 1 else f"shape {beats.shape}"
        raise DataError("beats", wanted="3 or more beat times", got=got, remedy="take a longer recording")
    if not np.isfinite(beats).all() or (np.diff(beats) <= 0).any():
        raise DataError(
            "beats",
            wanted="finite, strictly increasing seconds",
            got="missing, repeated or unordered times",
            remedy="sort them and leave out what was not found",
        )
    return beats


def _running_median(rr: FloatArray) -> FloatArray:
    """Median of the five intervals around each one; the end windows serve for the outermost intervals."""
    width = min(MEDIAN_INTERVALS, rr.size)
    medians = np.median(sliding_window_view(rr, width), axis=1)
    return medians[np.clip(np.arange(rr.size) - width // 2, 0, medians.size - 1)]


def heart_rate(beats_s: ArrayLike, *, grid_hz: float = 4.0) -> Signal:
    """Heart rate in bpm on a uniform grid: PCHIP through (midpoint, 60 / RR) of the cleaned intervals.

    Parameters
    ----------
    beats_s
        Shape (n_beats,), beat times in seconds, strictly increasing, 3 or more.
    grid_hz
        Samples per second; the grid's times are multiples of 1 / grid_hz on the beats' clock, from the first
        valid midpoint to the last. Holes of more than 5 s between valid intervals are NaN.

    Raises
    ------
    DataError
        If there are fewer than 3 beats, or the valid intervals span fewer than two grid points.
    OptionError
        If the grid's rate is not a positive number.
    """
    if not (math.isfinite(grid_hz) and grid_hz > 0):
        raise OptionError(
            "grid", wanted="a rate above 0 Hz", got=f"{grid_hz} Hz", remedy="give 4, for example"
        )
    found = clean_intervals(beats_s)
    known = np.isfinite(found.rr_s)
    midpoints, rates = found.midpoints_s[known], 60.0 / found.rr_s[known]
    first, last = _grid_bounds(midpoints, grid_hz)
    times = np.arange(first, last + 1) / grid_hz
    values = PchipInterpolator(midpoints, rates)(times)
    values[_in_hole(times, found.midpoints_s[~found.flagged])] = np.nan
    return Signal(values, rate_hz=grid_hz, unit="bpm", name="heart rate", start_s=first / grid_hz)


def _grid_bounds(midpoints_s: FloatArray, grid_hz: float) -> tuple[int, int]:
    """Numbers of the first and last grid points between the outer midpoints; 1e-9 forgives rounding."""
    if midpoints_s.size >= 2:
        first = math.ceil(midpoints_s[0] * grid_hz - 1e-9)
        last = math.floor(midpoints_s[-1] * grid_hz + 1e-9)
        if last > first:
            return first, last
    raise DataError(
        "beats",
        wanted="valid intervals that span two grid points or more",
        got=f"{midpoints_s.size} valid intervals",
        remedy="check the R peaks or take a longer recording",
    )


def _in_hole(times_s: FloatArray, valid_s: FloatArray) -> NDArray[np.bool_]:
    """Which times lie between two valid midpoints that are too far apart to be bridged."""
    left = np.clip(np.searchsorted(valid_s, times_s, side="right") - 1, 0, valid_s.size - 2)
    return np.diff(valid_s)[left] > LARGEST_GAP_S


def heart_rate_slope(rate: Signal) -> Signal:
    """The slope of a heart rate in bpm/s, same grid: central differences, one-sided at the two ends.

    Missing samples make their neighbours missing. Raises DataError for fewer than 3 samples.

    Examples
    --------
    >>> rate = Signal(np.array([70.0, 71.0, 74.0]), rate_hz=4.0, unit="bpm", name="heart rate")
    >>> heart_rate_slope(rate).values.tolist()
    [4.0, 8.0, 12.0]
    """
    if len(rate) < 3:
        raise DataError(
            f"signal {rate.name}", wanted="3 or more samples", got=len(rate), remedy="take a longer recording"
        )
    slope = np.gradient(rate.values, 1.0 / rate.rate_hz)
    return Signal(
        slope, rate_hz=rate.rate_hz, unit=f"{rate.unit}/s", name=f"{rate.name} slope", start_s=rate.start_s
    )


def slope_exceeds_mean(
    slope: Signal,
    times_s: ArrayLike,
    span: Interval,
    *,
    mode: Mode = "absolute",
    eta: float = 1.0,
    lag_s: float = 0.0,
) -> NDArray[Any]:
    """Whether the slope at each instant exceeds eta times its mean over the span: True, False or None.

    None stands where no slope is known, at the instant or in the whole span. The slope at time + lag is
    interpolated linearly; the mean is over the valid samples inside the span. MMME's Eq. 12 does not say
    whether its slopes are signed; its 54 % above 1.5 times the mean only make sense for absolute ones,
    because signed slopes average to (last rate - first rate) / duration, about zero.

    Parameters
    ----------
    slope
        Heart rate slope, bpm/s.
    times_s
        Shape (n,), instants on the slope's clock, for example predicted apexes.
    span
        The trial or clip that sets the mean.
    mode
        "absolute": |slope| against the mean of |slope|; "signed": slope against the mean of the slope.
    eta
        Factor on the mean, finite.
    lag_s
        Seconds by which the heart is looked at after the instant; negative is before.

    Returns
    -------
    Array of objects, shape (n,): True, False or None.

    Raises
    ------
    OptionError
        For an unknown mode or a factor or lag that is not finite.
    """
    if mode not in get_args(Mode):
        raise OptionError("mode", wanted="absolute or signed", got=repr(mode), remedy="choose one of the two")
    for what, value in (("eta", eta), ("lag", lag_s)):
        if not math.isfinite(value):
            raise OptionError(what, wanted="a finite number", got=value, remedy="give another number")
    times = np.asarray(times_s, dtype=np.float64) + lag_s
    at_times = np.interp(times, slope.times_s, slope.values, left=np.nan, right=np.nan)
    in_span = slope.between(span).values
    if mode == "absolute":
        at_times, in_span = np.abs(at_times), np.abs(in_span)
    valid = in_span[np.isfinite(in_span)]
    verdicts = np.full(times.shape, None, dtype=object)
    if valid.size:
        known = np.isfinite(at_times)
        verdicts[known] = (at_times[known] > eta * valid.mean()).tolist()
    return verdicts
