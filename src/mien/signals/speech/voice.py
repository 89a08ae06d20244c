"""Voice activity: which frames of a recording hold speech, without any training.

A frame is the heart of a syllable if it is louder than the noise of its surroundings and periodic as a voice
is. Loud frames next to such hearts belong to speech as well (consonants), and so do short gaps. Everything is
relative to the recording's own noise: gain does not matter. What it cannot tell from speech: singing, music
and other tones that come and go, and other people's voices.

After the usual two features of energy and periodicity: Rabiner & Sambur 1975
(doi:10.1002/j.1538-7305.1975.tb02840.x) for energy above a floor of the recording; Boersma 1993 (Proc. Inst.
Phonetic Sci. 17, 97-110) for autocorrelation over that of the window. The constants are ours, chosen on
simulated voices and reasons, not on any test data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_opening, maximum_filter1d

from mien.core.time import FloatArray
from mien.signals.speech.frames import SPEECH_HZ, Frames, Sound, at_16_khz
from mien.signals.speech.mel import STEP_S, WINDOW_S

BoolArray = NDArray[np.bool_]

BAND_HZ = (100.0, 4000.0)
"""Where speech is loudest; hum of 50 and 60 Hz and rumble lie below."""
PITCH_HZ = (70.0, 420.0)
"""From low male voices to high female and excited ones."""
LONG_S = 0.040
"""Of the frames that periodicity is measured in: about three periods of the lowest voice."""
HARMONICITY = 0.5
"""Least share of power that is periodic: a voice as loud as the noise it is in."""
ABOVE_FLOOR_DB = 6.0
"""A frame of steady white noise varies by 0.6 dB (SD): ten times that."""
FLOOR_SHARE = 0.10
"""The noise floor is the level below which a tenth of the frames lie: people pause longer than that."""
FLOOR_SPAN_S = 30.0
"""Over which the floor is taken: longer than one utterance, shorter than a change of the room."""
FLOOR_LEAST_DB = -90.0
"""Noise below is rounding of 16 bits, or digital silence."""
LEAST_S = 0.040
"""Of a periodic stretch: no syllable is shorter."""
CONSONANT_S = 0.100
"""How far from a periodic stretch loud frames still belong to it: fricatives last 50 to 150 ms."""
HANGOVER_S = 0.050
"""By which speech is widened on both sides, for soft ends; gaps up to 100 ms (plosives) are bridged."""


def voice_activity(
    sound: NDArray[np.floating], rate_hz: float, *, window_s: float = WINDOW_S, step_s: float = STEP_S
) -> BoolArray:
    """Whether there is speech, for every frame that `log_mel` has with the same window and step, (n_frames,).

    Raises
    ------
    DataError
        If the sound is no row of numbers with 1 at full scale, or was recorded below 8 kHz.
    OptionError
        If there cannot be such frames.

    Examples
    --------
    >>> hiss = 0.01 * np.random.default_rng(0).standard_normal(32000)
    >>> int(voice_activity(hiss, 16000).sum())
    0
    """
    return voice_of(at_16_khz(sound, rate_hz), Frames.of(window_s, step_s))


def voice_of(sound: Sound, frames: Frames) -> BoolArray:
    """`voice_activity` of a sound that is at 16 kHz already."""
    known = frames.known(sound)
    if not known.any():
        return np.zeros(known.size, dtype=np.bool_)
    levels, periodic = _features(sound, frames)
    step_s = frames.step / SPEECH_HZ
    floor = np.maximum(_floor(np.where(known, levels, np.nan), step_s), FLOOR_LEAST_DB)
    loud = known & (levels > floor + ABOVE_FLOOR_DB)
    hearts = binary_opening(loud & (periodic > HARMONICITY), np.ones(max(1, round(LEAST_S / step_s))))
    near = maximum_filter1d(hearts, 2 * round(CONSONANT_S / step_s) + 1, mode="constant")
    speech = hearts | (loud & near)
    widened = binary_dilation(speech, np.ones(2 * round(HANGOVER_S / step_s) + 1))
    return np.asarray(widened & known)


def _features(sound: Sound, frames: Frames) -> tuple[FloatArray, FloatArray]:
    """Level in dB and share of periodic power of every frame, 0 to 1, both within the band of speech."""
    length = max(frames.window, 2 * round(LONG_S * SPEECH_HZ / 2))
    shortest, longest = (round(SPEECH_HZ / hz) for hz in reversed(PITCH_HZ))
    n_bins = 1 << (length + longest - 1).bit_length()
    shape = np.hanning(length + 1)[:-1]
    hz = np.arange(n_bins // 2 + 1) * SPEECH_HZ / n_bins
    within = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    own = np.fft.irfft(np.abs(np.fft.rfft(shape, n_bins)) ** 2)[: longest + 1]
    levels, periodic = np.empty(frames.count(sound)), np.empty(frames.count(sound))
    for rows, part in frames.blocks(sound, length=length):
        power = np.where(within, np.abs(np.fft.rfft(part * shape, n_bins)) ** 2, 0.0)
        alike = np.fft.irfft(power)[:, : longest + 1]
        whole = np.maximum(alike[:, 0], 1e-30)
        levels[rows] = 10 * np.log10(2 * whole / own[0] + 1e-12)
        likeness = alike[:, shortest:] / whole[:, None] * (own[0] / own[shortest:])
        periodic[rows] = likeness.max(axis=1)
    return levels, periodic


def _floor(levels: FloatArray, step_s: float) -> FloatArray:
    """The noise floor at every frame, dB: a low quantile of the surroundings, NaN left out."""
    half = FLOOR_SPAN_S / 2 / step_s
    centres = np.arange(0, levels.size + half / 3, half / 3)
    spans = [levels[max(0, round(at - half)) : round(at + half)] for at in centres]
    quantiles = np.array([np.nanquantile(s, FLOOR_SHARE) if np.isfinite(s).any() else np.nan for s in spans])
    found = np.isfinite(quantiles)
    return np.asarray(np.interp(np.arange(levels.size), centres[found], quantiles[found]))
