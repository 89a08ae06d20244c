"""Heart rate variability of many short windows at once, from RR intervals as a matrix.

Conventions: `nn_ms` has shape (n_epochs, n_intervals), milliseconds, one window per row, intervals in order;
NaN marks a rejected interval and fills short rows. Nothing is bridged: a difference exists between two
neighbouring intervals that are both accepted. Standard deviations divide by n - 1. Shares are fractions.

Names and formulas are NeuroKit2's `hrv_time` and `hrv_nonlinear` (Pham et al. 2021, doi:10.3390/s21123998),
with these differences, by decision:

* TINN is the best of all triangles (Task Force 1996, doi:10.1161/01.CIR.93.5.1043); NeuroKit2's search
  stops after the first left corner and returns 0 wherever the modal bin is the lowest.
* PSS counts the intervals in short segments (Costa et al. 2017, doi:10.3389/fphys.2017.00255); NeuroKit2
  counts the segments, which is `pss_segments` here.
* Band powers are in ms2 and their normalised forms are LF / (LF + HF); NeuroKit2 scales the spectrum by its
  maximum and divides by the total power, which is `*_of_total` here, over 0 to 0.5 Hz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray

BIN_MS = 1000 / 128
LF_HZ = (0.05, 0.15)  # the paper's; NeuroKit2 and the Task Force begin at 0.04
HF_HZ = (0.15, 0.4)
TOTAL_HZ = (0.0, 0.5)
TACHOGRAM_HZ = 4.0
# Three periods of the slowest LF wave.
LEAST_CONTEXT_S = 60.0
LEAST_INTERVALS = 2

_CHUNK = 4_000_000

# Neighbouring pairs of accepted intervals that a feature needs: below, "few-beats".
NEEDS_PAIRS = {
    "rmssd_ms": 1,
    "cvsd": 1,
    "sdrmssd": 1,
    "pnn50_percent": 1,
    "pnn20_percent": 1,
    "sdsd_ms": 2,
    "sd1_ms": 2,
    "sd2_ms": 2,
    "sd1sd2": 2,
    "pip": 2,
    "pss": 2,
    "pss_segments": 2,
}
BAND_NAMES = ("lf_ms2", "hf_ms2", "lf_fraction", "hf_fraction", "lfhf", "lf_of_total", "hf_of_total")


def time_domain(nn_ms: FloatArray) -> dict[str, FloatArray]:
    """The features of NeuroKit2's `hrv_time`, each of shape (n_epochs,); NaN where a row cannot give one.

    A row needs two accepted intervals; those from differences need one neighbouring pair, SDSD two.

    Examples
    --------
    >>> found = time_domain(np.array([[800.0, 810.0, 790.0]]))
    >>> found["mean_nn_ms"].tolist(), found["sdnn_ms"].tolist(), found["pnn20_percent"].tolist()
    ([800.0], [10.0], [0.0])
    """
    n = np.isfinite(nn_ms).sum(axis=1)
    steps = np.diff(nn_ms, axis=1)
    pairs = np.isfinite(steps).sum(axis=1)
    ordered = np.sort(nn_ms, axis=1)  # NaN comes last
    mean, sd = _mean(nn_ms, n), _sd(nn_ms, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        rmssd = np.sqrt(_mean(steps**2, pairs))
        median = _percentile(ordered, n, 50)
        mad = 1.4826 * _percentile(np.sort(np.abs(nn_ms - median[:, None]), axis=1), n, 50)
        counts = _histogram(nn_ms)
        size = np.abs(steps)
        found = {
            "mean_nn_ms": mean,
            "sdnn_ms": sd,
            "rmssd_ms": rmssd,
            "sdsd_ms": _sd(steps, pairs),
            "cvnn": sd / mean,
            "cvsd": rmssd / mean,
            "median_nn_ms": median,
            "mad_nn_ms": mad,
            "mcvnn": mad / median,
            "iqr_nn_ms": _percentile(ordered, n, 75) - _percentile(ordered, n, 25),
            "sdrmssd": _ratio(sd, rmssd),
            "prc20_nn_ms": _percentile(ordered, n, 20),
            "prc80_nn_ms": _percentile(ordered, n, 80),
            # Over the differences plus one, as in NeuroKit2: without a hole, the number of intervals.
            "pnn50_percent": 100 * (size > 50).sum(axis=1) / (pairs + 1),
            "pnn20_percent": 100 * (size > 20).sum(axis=1) / (pairs + 1),
            "min_nn_ms": _percentile(ordered, n, 0),
            "max_nn_ms": _percentile(ordered, n, 100),
            "hti": n / counts.max(axis=1, initial=1),
            "tinn_ms": _tinn(counts),
        }
    return _supported(found, n, pairs)


def nonlinear(nn_ms: FloatArray) -> dict[str, FloatArray]:
    """Poincare axes and fragmentation, each of shape (n_epochs,); NaN where a row has no two pairs.

    SD1 and SD2 are the spread of (x - y) / sqrt(2) and (x + y) / sqrt(2) over neighbouring intervals x, y.
    PIP: changes of the sign of the differences / (differences + 1); a difference of 0 is a sign of its own.
    PSS: share of the differences that lie outside runs of three or more of one sign.
    """
    n = np.isfinite(nn_ms).sum(axis=1)
    first, second = nn_ms[:, :-1], nn_ms[:, 1:]
    steps = second - first
    pairs = np.isfinite(steps).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd1 = _sd(steps / np.sqrt(2), pairs)
        sd2 = _sd((first + second) / np.sqrt(2), pairs)
        turns = np.diff(np.sign(steps), axis=1)
        in_long, segments, short = _segments(np.sign(steps))
        found = {
            "sd1_ms": sd1,
            "sd2_ms": sd2,
            "sd1sd2": _ratio(sd1, sd2),
            "pip": (np.isfinite(turns) & (turns != 0)).sum(axis=1) / (pairs + 1),
            "pss": 1 - in_long / np.maximum(pairs, 1),
            "pss_segments": _ratio(short, segments),
        }
    return _supported(found, n, pairs)


def _supported(
    found: dict[str, FloatArray], n: NDArray[np.int64], pairs: NDArray[np.int64]
) -> dict[str, FloatArray]:
    """The features with NaN where a row has too few intervals or pairs."""
    return {
        name: np.where((n >= LEAST_INTERVALS) & (pairs >= NEEDS_PAIRS.get(name, 0)), column, np.nan)
        for name, column in found.items()
    }


def enough(name: str, nn_ms: FloatArray) -> NDArray[np.bool_]:
    """Which rows hold as many intervals and pairs as the feature needs, shape (n_epochs,)."""
    known = np.isfinite(nn_ms)
    pairs = (known[:, 1:] & known[:, :-1]).sum(axis=1)
    return np.asarray((known.sum(axis=1) >= LEAST_INTERVALS) & (pairs >= NEEDS_PAIRS.get(name, 0)))


def _mean(values: FloatArray, n: NDArray[np.int64]) -> FloatArray:
    return np.asarray(np.where(np.isfinite(values), values, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan))


def _sd(values: FloatArray, n: NDArray[np.int64]) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        away = np.where(np.isfinite(values), values - _mean(values, n)[:, None], 0.0)
        return np.sqrt((away**2).sum(axis=1) / np.where(n > 1, n - 1, np.nan))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """above / below, NaN where below is 0."""
    return above / np.where(below == 0, np.nan, below)


def _percentile(ordered: FloatArray, n: NDArray[np.int64], percent: float) -> FloatArray:
    """Percentile of the first n values of each sorted row, linear between neighbours as in numpy."""
    if not ordered.shape[1]:
        return np.full(len(ordered), np.nan)
    position = np.maximum(n - 1, 0) * (percent / 100)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    row = np.arange(len(ordered))
    at, after = ordered[row, low], ordered[row, high]
    return np.asarray(at + (after - at) * (position - low))


def _histogram(nn_ms: FloatArray) -> NDArray[np.int64]:
    """Intervals per bin of 1/128 s, from each row's lowest bin on, shape (n_epochs, widest range).

    Bins begin at 0 and hold their lower edge; as in NeuroKit2 the last bin holds its upper edge too.
    """
    known = np.isfinite(nn_ms)
    if not known.any():
        return np.zeros((len(nn_ms), 1), dtype=np.int64)
    positions = np.where(known, nn_ms, 0.0) / BIN_MS
    bins = np.floor(positions).astype(np.int64)
    largest = positions.max(axis=1, keepdims=True)
    bins -= (positions == largest) & (positions == bins) & (bins > 0)
    lowest = np.where(known, bins, np.iinfo(np.int64).max).min(axis=1)
    bins -= lowest[:, None]
    width = int(bins[known].max()) + 1
    at = np.arange(len(nn_ms))[:, None] * width + bins
    return np.bincount(at[known], minlength=len(nn_ms) * width).reshape(len(nn_ms), width)


def _tinn(counts: NDArray[np.int64]) -> FloatArray:
    """Base of the triangle through the highest bin that fits the histogram best, ms.

    The squared error is a sum over the bins left and right of the highest, so that each corner is found by
    itself: with the corner k bins away the triangle has the height top * (1 - j / k) at bin j < k.
    """
    top = counts.argmax(axis=1)
    height = np.take_along_axis(counts, top[:, None], axis=1)[:, 0].astype(np.float64)
    base = np.zeros(len(counts))
    reach = counts.shape[1] + 1
    j = np.arange(1, reach)
    slopes = np.maximum(0.0, 1.0 - j[:, None] / np.arange(1, reach + 1))  # bin j, corner k
    squares = (slopes**2).sum(axis=0)
    for begin in range(0, len(counts), max(1, _CHUNK // reach)):
        rows = slice(begin, begin + max(1, _CHUNK // reach))
        for side in (-1, 1):
            at = top[rows, None] + side * j
            inside = (at >= 0) & (at < counts.shape[1])
            beside = np.where(
                inside, np.take_along_axis(counts[rows], np.clip(at, 0, counts.shape[1] - 1), axis=1), 0
            )
            tops = height[rows, None]
            errors = tops**2 * squares - 2 * tops * (beside.astype(np.float64) @ slopes)
            base[rows] += errors.argmin(axis=1) + 1
    return base * BIN_MS


def _segments(signs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Differences in runs of 3 or more of one sign, number of runs, number of shorter ones, per row."""
    empty = np.full((len(signs), 1), np.nan)
    moving = np.where(signs == 0, np.nan, signs)
    begins = np.isfinite(moving) & (moving != np.hstack([empty, moving[:, :-1]]))
    ends = np.isfinite(moving) & (moving != np.hstack([moving[:, 1:], empty]))
    row, first = np.nonzero(begins)
    lengths = np.nonzero(ends)[1] - first + 1
    n = len(signs)
    in_long = np.bincount(row, weights=lengths * (lengths >= 3.0), minlength=n).astype(np.float64)
    segments = np.bincount(row, minlength=n).astype(np.float64)
    short = np.bincount(row, weights=lengths < 3.0, minlength=n).astype(np.float64)
    return in_long, segments, short


def frequency(
    midpoints_s: FloatArray, nn_ms: FloatArray, contexts: FloatArray, *, lf_hz: tuple[float, float] = LF_HZ
) -> dict[str, FloatArray]:
    """Power of the accepted RR intervals in the two bands, in each context, shape (n,) each.

    The intervals are interpolated (PCHIP) at 4 Hz between the first and the last midpoint of the context,
    the straight line is taken out, and the power is Welch's with one Hann window over the whole (or
    several of 60 s, half overlapping), integrated between the bands' exact edges. A context whose midpoints
    span less than 90 % of it or of 60 s, or leave a hole of more than 3 s, gives NaN.

    Parameters
    ----------
    midpoints_s, nn_ms
        Accepted intervals in order, shape (n_intervals,): middle of each in seconds, length in ms.
    contexts
        Shape (n, 2), [start, end) in seconds.
    lf_hz
        The LF band; the Task Force's is (0.04, 0.15).
    """
    found = {name: np.full(len(contexts), np.nan) for name in BAND_NAMES}
    unique, which = np.unique(contexts, axis=0, return_inverse=True)
    for number, context in enumerate(unique):
        inside = slice(*np.searchsorted(midpoints_s, context))
        powers = _band_powers(midpoints_s[inside], nn_ms[inside], float(context[1] - context[0]), lf_hz)
        for name, value in powers.items():
            found[name][which.reshape(-1) == number] = value
    return found


def _band_powers(
    at_s: FloatArray, nn_ms: FloatArray, length_s: float, lf_hz: tuple[float, float]
) -> dict[str, float]:
    from scipy.interpolate import PchipInterpolator
    from scipy.signal import detrend, welch

    least_s = 0.9 * max(length_s, LEAST_CONTEXT_S)
    if at_s.size < 4 or at_s[-1] - at_s[0] < least_s or np.diff(at_s).max() > 3.0:
        return {}
    grid = np.arange(at_s[0], at_s[-1], 1 / TACHOGRAM_HZ)
    values = detrend(PchipInterpolator(at_s, nn_ms)(grid))
    segment = min(values.size, int(LEAST_CONTEXT_S * TACHOGRAM_HZ))
    frequencies, density = welch(values, fs=TACHOGRAM_HZ, window="hann", nperseg=segment, detrend="constant")
    lf, hf, total = (_integral(frequencies, density, band) for band in (lf_hz, HF_HZ, TOTAL_HZ))
    return {
        "lf_ms2": lf,
        "hf_ms2": hf,
        "lf_fraction": _share(lf, lf + hf),
        "hf_fraction": _share(hf, lf + hf),
        "lfhf": _share(lf, hf),
        "lf_of_total": _share(lf, total),
        "hf_of_total": _share(hf, total),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else np.nan


def _integral(frequencies: FloatArray, density: FloatArray, band: tuple[float, float]) -> float:
    """Area under the straight lines between the spectrum's points, from edge to edge of the band."""
    inner = frequencies[(frequencies > band[0]) & (frequencies < band[1])]
    edges = np.concatenate([[band[0]], inner, [band[1]]])
    return float(np.trapezoid(np.interp(edges, frequencies, density), edges))
