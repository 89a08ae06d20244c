"""Channels that did not record the brain: flat, far louder or quieter than the others, or like none of them.

Three rules, on the band from 1 Hz in blocks of 5 s, after the median over channels is taken away:
a channel is bad if its amplitude (standard deviation, median over blocks) is below 1/100 of the median
channel's; if the logarithm of its amplitude is more than 5 robust standard deviations away from the others'
and a factor of 3 from their median; or if in the median block it correlates with no other channel by 0.4 or
more, the limit of the PREP pipeline (Bigdely-Shamlo et al. 2015, doi:10.3389/fninf.2015.00016). The last two
need 8 channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.signals.eeg.low_rate import Float32

FLAT_SHARE = 0.01
FAR_SD = 5.0
FAR_FACTOR = 3.0
LEAST_LIKENESS = 0.4
FEWEST_TO_COMPARE = 8


def find_bad_channels(epochs: FloatArray | Float32, names: Sequence[str]) -> dict[str, str]:
    """Name -> reason of every bad channel of blocks (n_epochs, n_channels, n_samples), in any unit.

    Raises
    ------
    DataError
        If every channel is flat, or more than half of them are bad.
    """
    amplitude = np.median(epochs.std(axis=2), axis=0)
    moving = amplitude > 0
    if not moving.any():
        raise DataError(
            "EEG",
            wanted="one or more channels that record something",
            got=f"{len(names)} flat ones",
            remedy="check that amplifier and cap were connected",
        )
    flat = amplitude < FLAT_SHARE * np.median(amplitude[moving])
    found = {
        names[row]: "flat: without contact, or the reference itself" for row in np.flatnonzero(flat).tolist()
    }
    kept = np.flatnonzero(~flat)
    if kept.size >= FEWEST_TO_COMPARE:
        found |= _unlike(epochs[:, kept], [names[row] for row in kept.tolist()])
    if 2 * len(found) > len(names):
        first = next(iter(found))
        raise DataError(
            "EEG",
            wanted="at least half of the channels usable",
            got=f"{len(found)} of {len(names)} bad, as {first}: {found[first]}",
            remedy="check the recording, or say yourself which channels are bad",
        )
    return found


def _unlike(epochs: FloatArray | Float32, names: Sequence[str]) -> dict[str, str]:
    seen = epochs - np.median(epochs, axis=1, keepdims=True)
    amplitude = np.median(seen.std(axis=2), axis=0)
    size = np.log(np.maximum(amplitude, np.finfo(float).tiny))
    away = size - np.median(size)
    spread = 1.4826 * float(np.median(np.abs(away)))
    likeness = _likeness(seen)
    found = {}
    for row, name in enumerate(names):
        if abs(away[row]) > max(FAR_SD * spread, np.log(FAR_FACTOR)):
            found[name] = f"{np.exp(away[row]):.2g} times the median channel's amplitude"
        elif likeness[row] < LEAST_LIKENESS:
            found[name] = f"like no other channel: largest correlation {likeness[row]:.2f}"
    return found


def _likeness(epochs: FloatArray | Float32) -> FloatArray:
    """Of each channel, the largest correlation with another, median over blocks, (n_channels,)."""
    largest = np.empty(epochs.shape[:2])
    for number, block in enumerate(epochs):
        centred = block - block.mean(axis=1, keepdims=True)
        norm = np.linalg.norm(centred, axis=1, keepdims=True)
        unit = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
        like = np.abs(unit @ unit.T)
        np.fill_diagonal(like, 0.0)
        largest[number] = like.max(axis=1)
    return np.asarray(np.median(largest, axis=0))
