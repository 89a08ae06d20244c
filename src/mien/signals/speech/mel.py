"""Log-mel levels of a sound: 64 bands, 25 ms long, every 10 ms.

Levels are dB of power; 0 dB is a sine of full scale, and the powers of all bands add up to the power of the
sound between `low_hz` and `high_hz`: triangles of neighbouring bands add up to one. They have a floor of
-100 dB, just under the rounding noise of 16 bits. Bands are equally wide in mel, 2595 log10(1 + f / 700)
(O'Shaughnessy 1987; HTK). A level depends on microphone, distance and gain: only differences within one
recording mean something, which is what `Speech.reference_db` is for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.time import FloatArray
from mien.signals.speech.frames import SPEECH_HZ, Frames, Sound, at_16_khz

BANDS = 64
WINDOW_S = 0.025
STEP_S = 0.010
LOW_HZ = 60.0
"""Under the lowest voice, above hum of 50 Hz."""
HIGH_HZ = 7600.0
"""Resampling to 16 kHz weakens what is above."""
FLOOR_DB = -100.0
_PASSED = 0.91  # of half the rate: what recorders and resampling leave whole


@dataclass(frozen=True, slots=True, eq=False)
class LogMel:
    """Log-mel levels of one sound.

    Parameters
    ----------
    levels_db
        Shape (n_frames, n_bands), float32, dB relative to a sine of full scale, at least -100; NaN in frames
        with a missing sample.
    times_s
        The centre of every frame, (n_frames,), seconds from the first sample.
    bands_hz
        The centre of every band, (n_bands,).
    note
        What the levels lack, "" if nothing: bands above half the rate of the recording are empty.
    """

    levels_db: NDArray[np.float32]
    times_s: FloatArray
    bands_hz: FloatArray
    note: str = ""

    @property
    def totals_db(self) -> FloatArray:
        """The level of all bands together, (n_frames,)."""
        return np.asarray(10 * np.log10((10.0 ** (self.levels_db.astype(np.float64) / 10)).sum(axis=1)))


def log_mel(
    sound: NDArray[np.floating],
    rate_hz: float,
    *,
    bands: int = BANDS,
    window_s: float = WINDOW_S,
    step_s: float = STEP_S,
    low_hz: float = LOW_HZ,
    high_hz: float = HIGH_HZ,
) -> LogMel:
    """Log-mel levels of a sound (n_samples,), 1 at full scale, at 16 kHz; resampled where its rate differs.

    Frames (periodic Hann window) lie wholly within the sound. Their mean is taken off: a constant offset of
    the recorder does not matter.

    Raises
    ------
    DataError
        If the sound is no row of numbers with 1 at full scale, or was recorded below 8 kHz.
    OptionError
        If there cannot be such frames or bands.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> mel = log_mel(tone, 16000)
    >>> mel.levels_db.shape, round(float(mel.totals_db[50]), 2)
    ((98, 64), 0.0)
    """
    frames = Frames.of(window_s, step_s)
    return mel_of(at_16_khz(sound, rate_hz), frames, bands=bands, low_hz=low_hz, high_hz=high_hz)


def mel_of(
    sound: Sound, frames: Frames, *, bands: int = BANDS, low_hz: float = LOW_HZ, high_hz: float = HIGH_HZ
) -> LogMel:
    """`log_mel` of a sound that is at 16 kHz already."""
    n_bins = 1 << (2 * frames.window - 1).bit_length()  # finer than the lowest bands
    weights, centres_hz = _bands(n_bins, bands, low_hz, high_hz)
    shape = np.hanning(frames.window + 1)[:-1]
    levels = np.empty((frames.count(sound), bands), np.float32)
    for rows, part in frames.blocks(sound):
        power = np.abs(np.fft.rfft(part * shape, n_bins)) ** 2 * (2 / (n_bins * (shape**2).sum()))
        power[:, 1:-1] *= 2  # of negative frequencies
        levels[rows] = 10 * np.log10(np.maximum(power @ weights.T, 10 ** (FLOOR_DB / 10)))
    levels[~frames.known(sound)] = np.nan
    return LogMel(levels, frames.centres_s(sound), centres_hz, _note(sound, centres_hz))


def _bands(n_bins: int, bands: int, low_hz: float, high_hz: float) -> tuple[FloatArray, FloatArray]:
    """Weights (bands, n_bins / 2 + 1) and centres of the bands."""
    if not (0 <= low_hz < high_hz <= SPEECH_HZ / 2 and bands >= 1):
        raise OptionError(
            "bands of log-mel levels",
            wanted=f"one band or more, and 0 <= low_hz < high_hz <= {SPEECH_HZ // 2}",
            got=f"{bands} bands from {low_hz} to {high_hz} Hz",
            remedy="correct them",
        )
    import librosa

    edges_hz = librosa.mel_frequencies(bands + 2, fmin=low_hz, fmax=high_hz, htk=True)
    if np.diff(edges_hz).min() < SPEECH_HZ / n_bins:
        raise OptionError(
            "bands of log-mel levels",
            wanted=f"bands at least {SPEECH_HZ / n_bins:.1f} Hz apart",
            got=f"{np.diff(edges_hz).min():.1f} Hz",
            remedy="choose fewer bands or longer frames",
        )
    weights = librosa.filters.mel(
        sr=SPEECH_HZ, n_fft=n_bins, n_mels=bands, fmin=low_hz, fmax=high_hz, htk=True, norm=None,
        dtype=np.float64,
    )  # fmt: skip
    return np.asarray(weights), np.asarray(edges_hz[1:-1])


def _note(sound: Sound, centres_hz: FloatArray) -> str:
    passed_hz = _PASSED * sound.rate_hz / 2
    empty = int((centres_hz > passed_hz).sum())
    if not empty or sound.rate_hz >= SPEECH_HZ:
        return ""
    return (
        f"recorded at {sound.rate_hz:g} Hz: {empty} of {centres_hz.size} bands, above {passed_hz:.0f} Hz, "
        "hold next to nothing"
    )
