"""Components that look like muscle: strong above 30 Hz, and seen at the rim of the front and the temples.

Frontalis, corrugator and temporalis write into the EEG when the face moves (Goncharova et al. 2003,
doi:10.1016/S1388-2457(03)00093-2): in a study of expressions this is the event itself, not only dirt. Such
components are flagged and kept unless someone asks for their removal. The rule and its limits are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray

HIGH_FROM_HZ = 30.0
LOW_FROM_HZ = 1.0
_TOP_HZ = 100.0
_MAINS_WIDTH_HZ = 2.0
LEAST_OF_WHITE = 0.6
LEAST_FACE_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class MuscleLike:
    """What tells muscle from brain, per component, all of shape (n_components,).

    Parameters
    ----------
    high_share
        Power from 30 Hz to `top_hz` over power from 1 Hz to `top_hz`, the mains left out; NaN where the rate
        is too low or there is no power.
    white_share
        What white noise would have; 1/f noise has about a third of it.
    face_share
        Squared map weights at frontal and temporal channels over all.
    flagged
        high_share >= 0.6 white_share and face_share >= 0.5.
    top_hz
        100 Hz, or 0.9 of the Nyquist frequency or `top_hz` as given if that is lower.
    """

    high_share: FloatArray
    white_share: float
    face_share: FloatArray
    flagged: NDArray[np.bool_]
    top_hz: float


def face_channels(theta: FloatArray, radius: FloatArray) -> NDArray[np.bool_]:
    """Forehead and temples: |theta| <= 110 degrees and r > 0.40 in EEGLAB's polar places, (n_channels,)."""
    return np.asarray((np.abs(theta) <= 110) & (radius > 0.40))


def muscle_like(
    maps: FloatArray,
    activations: FloatArray,
    face: NDArray[np.bool_],
    rate_hz: float,
    *,
    top_hz: float | None = None,
    mains_hz: float = 50.0,
) -> MuscleLike:
    """The flag and its two measures.

    Parameters
    ----------
    maps, activations
        Shapes (n_channels, n_components) and (n_epochs, n_components, n_samples).
    face
        Which channels lie over forehead and temples, (n_channels,).
    rate_hz, mains_hz
        Sampling rate; mains frequency, 2 Hz around which and around its multiples are left out.
    top_hz
        Where a low-pass filter ended the recording (47 Hz for EEGNet's input); None for none.
    """
    top = min(_TOP_HZ, 0.45 * rate_hz, top_hz if top_hz is not None else np.inf)
    hz = np.fft.rfftfreq(activations.shape[2], 1 / rate_hz)
    used = (hz >= LOW_FROM_HZ) & (hz <= top)
    for multiple in range(1, 1 + int(top / mains_hz + 1)):
        used &= np.abs(hz - multiple * mains_hz) > _MAINS_WIDTH_HZ
    high = used & (hz >= HIGH_FROM_HZ)
    weights = (maps**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        face_share = (maps[face] ** 2).sum(axis=0) / weights
        share, white = np.full(maps.shape[1], np.nan), np.nan
        if top >= HIGH_FROM_HZ + 10 and high.any():
            power = _power(activations)
            share = power[:, high].sum(axis=1) / power[:, used].sum(axis=1)
            white = float(high.sum() / used.sum())
        flagged = (share >= LEAST_OF_WHITE * white) & (face_share >= LEAST_FACE_SHARE)
    return MuscleLike(share, white, face_share, flagged, float(top))


def _power(activations: FloatArray) -> FloatArray:
    """Mean power spectrum over epochs, Hann window, (n_components, n_frequencies)."""
    n = activations.shape[2]
    window = np.hanning(n)
    found = np.empty((activations.shape[1], n // 2 + 1))
    for row in range(activations.shape[1]):
        epochs = activations[:, row]
        epochs = (epochs - epochs.mean(axis=1, keepdims=True)) * window
        found[row] = (np.abs(np.fft.rfft(epochs, axis=1)) ** 2).mean(axis=0)
    return found
