"""Plain statistics of a waveform in windows, and the columns that they become.

Conventions: missing samples are left out; the standard deviation divides by n - 1; skewness and kurtosis
are the plain moments (kurtosis as excess), as `scipy.stats` computes them; a slope is the least-squares
line's, per second.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio.epochs import rows, sample_ranges
from mien.signals.physio.table import Columns, Reasons, codes

LEAST_SAMPLES = 3


def statistics(signal: Signal, windows: FloatArray, wanted: str) -> dict[str, FloatArray]:
    """The wanted statistics (words of mean, sd, min, max, range, median, skewness, kurtosis, slope).

    Each has the shape (n_epochs,); NaN for fewer than three samples, and for the skewness and kurtosis of
    a constant.
    """
    found = {name: np.full(len(windows), np.nan) for name in wanted.split()}
    for numbers, samples in rows(signal.values, sample_ranges(signal, windows)):
        if samples.shape[1] < LEAST_SAMPLES:
            continue
        for name, values in _of_rows(samples, signal.rate_hz, tuple(found)).items():
            found[name][numbers] = values
    return found


def _of_rows(samples: FloatArray, rate_hz: float, wanted: tuple[str, ...]) -> dict[str, FloatArray]:
    mean = samples.mean(axis=1)
    found = {"mean": mean, "min": samples.min(axis=1), "max": samples.max(axis=1)}
    found["range"] = found["max"] - found["min"]
    if "median" in wanted:
        found["median"] = np.median(samples, axis=1)
    if "sd" in wanted:
        found["sd"] = samples.std(axis=1, ddof=1)
    if "skewness" in wanted or "kurtosis" in wanted:
        away = samples - mean[:, None]
        second = (away**2).mean(axis=1)
        # A constant leaves rounding noise, which has no shape.
        second[second <= (1e-12 * np.abs(mean)) ** 2] = np.nan
        found["skewness"] = (away**3).mean(axis=1) / second**1.5
        found["kurtosis"] = (away**4).mean(axis=1) / second**2 - 3.0
    if "slope" in wanted:
        steps = np.arange(samples.shape[1]) - (samples.shape[1] - 1) / 2
        # Without the mean: a level of 31 degC would leave rounding of its size.
        found["slope"] = (samples - mean[:, None]) @ steps / (steps @ steps) * rate_hz
    return {name: found[name] for name in wanted}


def columns(
    found: Mapping[str, FloatArray], names: Mapping[str, str], *, scale: Mapping[str, float] | None = None
) -> dict[str, tuple[FloatArray, Reasons]]:
    """Statistics under their feature names, with the reason where there is none.

    Parameters
    ----------
    found
        Name of a statistic -> values, shape (n_epochs,).
    names
        Name of a statistic -> name of its feature.
    scale
        Factors for a unit, such as 1000 from degC/s to mK/s.
    """
    made = {}
    for word, name in names.items():
        values = found[word] * (scale or {}).get(word, 1.0)
        why = codes(len(values))
        why[~np.isfinite(values)] = "no-variation" if word in ("skewness", "kurtosis") else "short-window"
        made[name] = values, why
    return made


def left_out(found: Columns, why: Reasons) -> dict[str, tuple[FloatArray, Reasons]]:
    """The columns with every window that has a code taken out for that reason."""
    bad = why != ""
    return {
        name: (np.where(bad, np.nan, values), np.where(bad, why, reasons))
        for name, (values, reasons) in found.items()
    }


def absent(names: tuple[str, ...], n: int, why: str) -> dict[str, tuple[FloatArray, Reasons]]:
    """Columns without a value, all for the same reason."""
    return {name: (np.full(n, np.nan), codes(n, why)) for name in names}
