"""Whether a window of a signal can be used: one numeric rule per fault, one code per window.

The faults in the order in which they are looked for, the first found being the reason:

* outside-recording: the window is not wholly inside (one sample is forgiven)
* low-rate: sampled below the least rate
* missing-samples: more than 5 % of the samples are NaN
* detached: the median sample lies outside the levels that skin has
* flat: more than 10 % of the samples lie in a stretch of equal samples of `flat_s` or more
* clipped: more than `plateau_share` of the samples lie in stretches of `plateau_s` or more (3 samples at
  least) on the recording's own maximum or minimum
* short-recording: over 10 % of the window lies in runs too short to be cleaned
* noisy: ECG by its kurtosis (Li, Mark & Clifford 2008, doi:10.1088/0967-3334/29/1/002: good ECG is peaked),
  PPG and RSP by what lies above their band, EDA and SKT by their speed (Kleckner et al. 2018,
  doi:10.1109/TBME.2017.2758643, whose range and speed for EDA these are)

Stretches are found in the continuous recording: a flat line does not become shorter by being cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio.epochs import means, rows, sample_ranges, shares
from mien.signals.physio.filters import band, per_run
from mien.signals.physio.table import Reasons, codes

LARGEST_MISSING = 0.05
LARGEST_FLAT = 0.10


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the rules for one kind of signal.

    `least_kurtosis` is not the excess (a Gaussian has 3); `noise_above_hz` is where the band of the signal
    ends: a window is noisy if the power above it exceeds that of the cleaned signal; `fastest_per_s` holds
    for every sample of the cleaned signal.
    """

    least_rate_hz: float
    least_s: float
    flat_s: float
    plateau_s: float | None = None
    plateau_share: float = 0.0
    level: tuple[float, float] | None = None
    least_kurtosis: float | None = None
    noise_above_hz: float | None = None
    fastest_per_s: float | None = None


LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        "ecg": Limits(100.0, 3.0, flat_s=1.0, plateau_s=0.01, plateau_share=0.01, least_kurtosis=4.0),
        "ppg": Limits(20.0, 3.0, flat_s=1.0, plateau_s=0.05, plateau_share=0.05, noise_above_hz=8.0),
        "rsp": Limits(2.5, 10.0, flat_s=5.0, plateau_s=0.5, plateau_share=0.10, noise_above_hz=3.0),
        "eda": Limits(
            2.0, 10.0, flat_s=10.0, plateau_s=2.0, plateau_share=0.5, level=(0.05, 60.0), fastest_per_s=10.0
        ),
        "skt": Limits(1.0, 1.0, flat_s=30.0, level=(15.0, 45.0), fastest_per_s=0.5),
    }
)


def judged(raw: Signal, cleaned: Signal, windows: FloatArray, kind: str) -> Reasons:
    """The code of each window, shape (n,), "" where it is good.

    Parameters
    ----------
    raw, cleaned
        The recording in its standard unit as it came, and after cleaning (it may have another rate).
    windows
        Shape (n, 2), [start, end) in seconds.
    kind
        Whose limits hold.
    """
    limits, n = LIMITS[kind], len(windows)
    ranges = sample_ranges(raw, windows)
    slack = 1.0 / raw.rate_hz
    outside = (windows[:, 0] < raw.start_s - slack) | (windows[:, 1] > raw.start_s + raw.duration_s + slack)
    known = np.isfinite(raw.values)
    checks = [
        ("outside-recording", outside | (ranges[:, 1] <= ranges[:, 0])),
        ("low-rate", np.full(n, raw.rate_hz < limits.least_rate_hz)),
        ("missing-samples", shares(~known, ranges) > LARGEST_MISSING),
        ("detached", _off_skin(raw, ranges, limits)),
        ("flat", shares(_flat(raw, limits), ranges) > LARGEST_FLAT),
        ("clipped", shares(_on_rail(raw, limits), ranges) > limits.plateau_share),
        ("short-recording", _lost(cleaned, windows)),
        ("noisy", _noisy(raw, cleaned, windows, ranges, limits)),
    ]
    found = codes(n)
    for code, failed in reversed(checks):
        found[failed] = code
    return found


def _off_skin(raw: Signal, ranges: NDArray[np.int64], limits: Limits) -> NDArray[np.bool_]:
    found = np.zeros(len(ranges), dtype=np.bool_)
    if limits.level is not None:
        low, high = limits.level
        for numbers, samples in rows(raw.values, ranges):
            middle = np.median(samples, axis=1)
            found[numbers] = (middle < low) | (middle > high)
    return found


def _stretches(values: FloatArray) -> NDArray[np.int64]:
    """First and past-the-last index of every stretch of equal samples, shape (n, 2)."""
    edges = np.flatnonzero(values[1:] != values[:-1]) + 1
    bounds = np.concatenate([[0], edges, [values.size]])
    return np.stack([bounds[:-1], bounds[1:]], axis=1).astype(np.int64)


def _marked(n: int, stretches: NDArray[np.int64]) -> NDArray[np.bool_]:
    steps = np.zeros(n + 1, dtype=np.int64)
    np.add.at(steps, stretches[:, 0], 1)
    np.add.at(steps, stretches[:, 1], -1)
    return np.cumsum(steps[:-1]) > 0


def _flat(raw: Signal, limits: Limits) -> NDArray[np.bool_]:
    """Samples in a constant stretch of `flat_s` or more, or in a recording that is constant altogether."""
    found = _stretches(raw.values)
    least = min(math.ceil(limits.flat_s * raw.rate_hz), max(2, len(raw)))
    found = found[(found[:, 1] - found[:, 0] >= least)]
    return _marked(len(raw), found)


def _on_rail(raw: Signal, limits: Limits) -> NDArray[np.bool_]:
    known = raw.values[np.isfinite(raw.values)]
    if limits.plateau_s is None or not known.size:
        return np.zeros(len(raw), dtype=np.bool_)
    found = _stretches(raw.values)
    least = max(3, math.ceil(limits.plateau_s * raw.rate_hz))
    at = raw.values[np.minimum(found[:, 0], len(raw) - 1)]
    rail = (at == known.max()) | (at == known.min())
    return _marked(len(raw), found[rail & (found[:, 1] - found[:, 0] >= least)])


def _lost(cleaned: Signal, windows: FloatArray) -> NDArray[np.bool_]:
    """Windows of which the cleaned signal has too little, since its runs were too short to filter."""
    ranges = sample_ranges(cleaned, windows)
    unknown = shares(~np.isfinite(cleaned.values), ranges)
    return (unknown > 2 * LARGEST_MISSING) | (ranges[:, 1] <= ranges[:, 0])


def _noisy(
    raw: Signal, cleaned: Signal, windows: FloatArray, ranges: NDArray[np.int64], limits: Limits
) -> NDArray[np.bool_]:
    found = np.zeros(len(windows), dtype=np.bool_)
    clean_ranges = sample_ranges(cleaned, windows)
    if limits.least_kurtosis is not None:
        for numbers, samples in rows(cleaned.values, clean_ranges):
            found[numbers] = _kurtosis(samples) < limits.least_kurtosis
    if limits.noise_above_hz is not None and limits.noise_above_hz < 0.45 * raw.rate_hz:
        noise = _above(raw, limits.noise_above_hz, limits.least_s)
        found |= _power(noise, ranges) > _power(cleaned, clean_ranges)
    if limits.fastest_per_s is not None and len(cleaned) > 1:
        speed = np.abs(np.diff(cleaned.values, append=cleaned.values[-1:])) * cleaned.rate_hz
        found |= shares(np.nan_to_num(speed) > limits.fastest_per_s, clean_ranges) > 0
    return found


def _above(raw: Signal, hz: float, least_s: float) -> Signal:
    return per_run(raw, lambda values: values - band(values, raw.rate_hz, below=hz), least_s=least_s)


def _power(signal: Signal, ranges: NDArray[np.int64]) -> FloatArray:
    """Mean square of each range; missing samples count as 0."""
    return means(np.nan_to_num(signal.values) ** 2, ranges, empty=0.0)


def _kurtosis(samples: FloatArray) -> FloatArray:
    """Fourth moment over the squared second, shape (k,); 0 where nothing varies."""
    squares = (samples - samples.mean(axis=1, keepdims=True)) ** 2
    spread = squares.mean(axis=1)
    return np.where(spread > 0, (squares**2).mean(axis=1) / np.where(spread > 0, spread, 1.0) ** 2, 0.0)
