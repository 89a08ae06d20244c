"""The five bands of the EEG, filters that move nothing, and a lower rate without fold-back.

Bands as in MMME section 4.2.2: delta 0.5-4, theta 4-8, alpha 8-14, beta 14-30, gamma 30-47 Hz. Filters are
linear-phase FIR (Hamming window, MNE's transition widths) with their delay taken out: no event moves. The
edges named lie inside the passband, so that neighbours overlap by their transitions (a quarter of the edge,
2 Hz at least but where the edge is lower). Components are found on the broad band and bands are split
afterwards, at the lower rate, where it costs a fraction. Nothing is filled: a missing sample is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray

BANDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "delta": (0.5, 4.0),
        "theta": (4.0, 8.0),
        "alpha": (8.0, 14.0),
        "beta": (14.0, 30.0),
        "gamma": (30.0, 47.0),
    }
)
BROADBAND_HZ = (0.5, 47.0)
EEGNET_RATE_HZ = 128.0
# The anti-aliasing filter keeps up to this share of the new Nyquist frequency and stops from it on.
KEPT_SHARE = 0.8
_STOP_DB = 80.0
_LARGEST_RATIO = 4000


def filtered(data: ArrayLike, rate_hz: float, low_hz: float | None, high_hz: float | None) -> FloatArray:
    """The data within [low_hz, high_hz], zero phase; either edge may be None.

    Parameters
    ----------
    data
        Shape (n_channels, n_samples) or (n_samples,), any unit; without missing samples.
    rate_hz
        Samples per second.

    Raises
    ------
    OptionError
        If the edges do not ascend within (0, rate_hz / 2).
    DataError
        If a sample is missing or the recording is shorter than the filter (6.6 s for 0.5 Hz).
    """
    import mne
    from scipy.signal import oaconvolve

    values = _checked(data, rate_hz)
    _check_edges(rate_hz, low_hz, high_hz)
    if low_hz is None and high_hz is None:
        return values.copy()
    taps = mne.filter.create_filter(None, rate_hz, low_hz, high_hz, verbose="ERROR")
    if values.shape[-1] < taps.size:
        raise DataError(
            "EEG",
            wanted=f"at least {taps.size / rate_hz:.1f} s for a filter of {low_hz} to {high_hz} Hz",
            got=f"{values.shape[-1] / rate_hz:.1f} s",
            remedy="filter the whole recording and cut epochs afterwards",
        )
    made = np.empty_like(values)
    for index in np.ndindex(values.shape[:-1]):  # one channel after another: memory stays flat
        longer = np.pad(values[index], taps.size // 2, mode="reflect", reflect_type="odd")
        made[index] = oaconvolve(longer, taps, mode="valid")
    return made


def split(data: ArrayLike, rate_hz: float, bands: Mapping[str, tuple[float, float]] = BANDS) -> FloatArray:
    """Each band of the data in the order of `bands`, shape (n_bands, *data.shape); errors as `filtered`.

    Raises OptionError if there are no bands.
    """
    if not bands:
        raise OptionError(
            "bands", wanted="one or more", got="none", remedy="leave out the option for the five"
        )
    for low, high in bands.values():
        _check_edges(rate_hz, low, high)
    return np.stack([filtered(data, rate_hz, low, high) for low, high in bands.values()])


def resampled(data: ArrayLike, rate_hz: float, to_hz: float) -> FloatArray:
    """The data at a lower rate, shape (..., ceil(n_samples * to_hz / rate_hz)); the first sample stays first.

    A linear-phase Kaiser filter keeps 0 to 0.8 of the new Nyquist frequency (51 Hz at 128 Hz) within 0.01 %
    and takes what lies beyond the whole of it down by 80 dB, without delay. Ends go on in a straight line.

    Raises
    ------
    OptionError
        If the new rate is not in (0, rate_hz], or the two are in no ratio of whole numbers up to 4000.
    DataError
        If a sample is missing.

    Examples
    --------
    >>> resampled(np.ones((2, 3000)), 1000.0, 128.0).shape
    (2, 384)
    """
    from scipy.signal import firwin, kaiser_beta, kaiserord, resample_poly

    values = _checked(data, rate_hz)
    if not 0 < to_hz <= rate_hz:
        raise OptionError(
            "new rate",
            wanted=f"above 0 and at most {rate_hz:g} Hz",
            got=to_hz,
            remedy="lower rates only: samples that were not taken cannot be made",
        )
    ratio = Fraction(to_hz / rate_hz).limit_denominator(_LARGEST_RATIO)
    if abs(float(ratio) * rate_hz / to_hz - 1) > 1e-9:
        raise OptionError(
            "new rate",
            wanted=f"a whole-number ratio to {rate_hz:g} Hz",
            got=f"{to_hz:g} Hz",
            remedy="choose another rate",
        )
    if ratio == 1 or values.shape[-1] == 0:
        return values.copy()
    # In units of the rate between the two, up * rate_hz, whose Nyquist frequency is 1.
    stop = 1.0 / ratio.denominator
    taps, _ = kaiserord(_STOP_DB, (1 - KEPT_SHARE) * stop)
    window = firwin(taps | 1, (1 + KEPT_SHARE) / 2 * stop, window=("kaiser", kaiser_beta(_STOP_DB)))
    made = np.empty((*values.shape[:-1], math.ceil(values.shape[-1] * ratio)))
    for index in np.ndindex(values.shape[:-1]):  # one channel after another: memory stays flat
        made[index] = resample_poly(
            values[index], ratio.numerator, ratio.denominator, window=window, padtype="line"
        )
    return made


def _checked(data: ArrayLike, rate_hz: float) -> FloatArray:
    values = np.asarray(data, dtype=np.float64)
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise OptionError("rate", wanted="above 0 Hz", got=rate_hz, remedy="give the rate of the recording")
    if values.ndim == 0:
        raise DataError("EEG", wanted="samples", got="one number", remedy="give (n_channels, n_samples)")
    missing = ~np.isfinite(values)
    if missing.any():
        first = np.argwhere(missing)[0].tolist()
        raise DataError(
            "EEG",
            wanted="no missing samples",
            got=f"{int(missing.sum())} of {values.size} missing, the first at {first}",
            remedy="leave out the channel, or filter the runs on both sides by themselves",
        )
    return values


def _check_edges(rate_hz: float, low_hz: float | None, high_hz: float | None) -> None:
    low = 0.0 if low_hz is None else low_hz
    high = rate_hz / 2 if high_hz is None else high_hz
    inside = (low_hz is None or low > 0) and (high_hz is None or high < rate_hz / 2)
    if not (inside and low < high):
        raise OptionError(
            "band",
            wanted=f"ascending edges between 0 and {rate_hz / 2:g} Hz",
            got=f"{low_hz} to {high_hz} Hz",
            remedy="choose other edges or a higher rate",
        )
