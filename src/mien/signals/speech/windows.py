"""Speech around an apex: frames of one length for every clip, aligned on the master clock, with masks.

A recording is measured once, as a whole, and then cut. Where it does not reach, there is a mask and NaN,
never a sound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.speech.frames import Frames, at_16_khz
from mien.signals.speech.mel import BANDS, FLOOR_DB, STEP_S, WINDOW_S, LogMel, mel_of
from mien.signals.speech.voice import voice_of

BoolArray = NDArray[np.bool_]

NO_SOUND, OUTSIDE, NO_SPEECH = "no-sound", "outside-recording", "no-speech"


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """What is measured of one recording.

    Parameters
    ----------
    mel
        Log-mel levels; its times count from the first sample.
    voiced
        Frames with speech, (n_frames,).
    start_s
        Time of the first sample on the master clock.
    reference_db
        The median level of frames with speech: how loud this person is through this microphone. NaN if there
        is no speech.
    """

    mel: LogMel
    voiced: BoolArray
    start_s: float
    reference_db: float

    @property
    def times_s(self) -> FloatArray:
        """The centre of every frame on the master clock."""
        return self.start_s + self.mel.times_s


@dataclass(frozen=True, slots=True, eq=False)
class SpeechWindow:
    """Speech around one apex.

    Parameters
    ----------
    levels_db
        Log-mel levels (n_frames, n_bands), float32; NaN where the recording does not reach.
    heard
        Where the recording reaches, (n_frames,).
    voiced
        Where there is speech, (n_frames,).
    times_s
        Time of every frame from the apex, (n_frames,): (k + 0.5) * step - before.
    offset_s
        By how much the centres of the recording's frames lie after these times, at most half a step.
    reference_db
        The usual level of this recording's speech, see `Speech`.
    relative
        Whether it was taken off the levels.
    reason
        Why there is nothing to use: "no-sound" if there is no recording, or digital silence,
        "outside-recording", "no-speech"; "" otherwise.
    note
        What the levels lack, as `LogMel.note`.
    """

    levels_db: NDArray[np.float32] = field(repr=False)
    heard: BoolArray = field(repr=False)
    voiced: BoolArray = field(repr=False)
    times_s: FloatArray = field(repr=False)
    offset_s: float
    reference_db: float
    relative: bool
    reason: str
    note: str = ""


def measure_speech(sound: Signal) -> Speech:
    """Log-mel levels and voice activity of a whole recording; raises DataError as `log_mel` does."""
    prepared, frames = at_16_khz(sound.values, sound.rate_hz), Frames.of(WINDOW_S, STEP_S)
    mel, voiced = mel_of(prepared, frames), voice_of(prepared, frames)
    reference = float(np.median(mel.totals_db[voiced])) if voiced.any() else math.nan
    return Speech(mel, voiced, sound.start_s, reference)


def speech_window(
    sound: Signal | Speech | None,
    apex_s: float,
    *,
    before_s: float = 2.0,
    after_s: float = 2.0,
    relative: bool = False,
) -> SpeechWindow:
    """Speech from `before_s` before an apex to `after_s` after it, always of the same number of frames.

    Parameters
    ----------
    sound
        The recording; where there are several apexes, measure it once. None where none was made.
    apex_s
        On the master clock.
    before_s, after_s
        Multiples of 10 ms. Two seconds hold a phrase; the papers state no length.
    relative
        Levels relative to the usual level of this recording's own speech, if there is speech: loudness of
        microphone and person goes, changes stay.

    Raises
    ------
    DataError
        If the recording cannot be measured.
    OptionError
        If the window is no multiple of 10 ms, or the apex no number.

    Examples
    --------
    >>> hiss = 0.01 * np.random.default_rng(0).standard_normal(48000)
    >>> window = speech_window(Signal(hiss, 16000, "n/a", "sound", start_s=10.0), apex_s=12.0)
    >>> window.levels_db.shape, int(window.heard.sum()), window.reason
    ((400, 64), 298, 'no-speech')
    """
    n_before, n_after = (_whole_steps(span_s) for span_s in (before_s, after_s))
    if n_before + n_after < 1 or not math.isfinite(apex_s):
        got = f"{before_s} s before and {after_s} s after {apex_s} s"
        raise OptionError("speech window", wanted="a span around an instant", got=got, remedy="correct it")
    times: FloatArray = (np.arange(n_before + n_after, dtype=np.float64) - n_before + 0.5) * STEP_S
    speech = measure_speech(sound) if isinstance(sound, Signal) else sound
    if speech is None:
        return _nothing(times, NO_SOUND)
    mel, n_frames = speech.mel, speech.voiced.size
    if not np.isfinite(mel.levels_db).any():
        return _nothing(times, NO_SOUND, n_bands=mel.bands_hz.size)
    late = (apex_s + times[0] - speech.start_s - mel.times_s[0]) / STEP_S
    at = round(late) + np.arange(times.size)
    inside = (at >= 0) & (at < n_frames)
    if not inside.any():
        return _nothing(times, OUTSIDE, n_bands=mel.bands_hz.size)
    levels = np.full((times.size, mel.bands_hz.size), np.nan, np.float32)
    levels[inside] = mel.levels_db[at[inside]]
    heard: BoolArray = np.asarray(np.isfinite(levels).all(axis=1))
    voiced = np.zeros(times.size, dtype=np.bool_)
    voiced[inside] = speech.voiced[at[inside]]
    reason = OUTSIDE if not heard.any() else NO_SOUND if (levels[heard] <= FLOOR_DB).all() else ""
    reason = reason or ("" if voiced.any() else NO_SPEECH)
    relative = relative and math.isfinite(speech.reference_db)
    return SpeechWindow(
        levels_db=levels - np.float32(speech.reference_db) if relative else levels,
        heard=heard,
        voiced=voiced,
        times_s=times,
        offset_s=(round(late) - late) * STEP_S,
        reference_db=speech.reference_db,
        relative=relative,
        reason=reason,
        note=mel.note,
    )


def _whole_steps(span_s: float) -> int:
    steps = span_s / STEP_S
    if not (math.isfinite(steps) and steps >= 0 and abs(steps - round(steps)) < 1e-6):
        raise OptionError(
            "speech window", wanted="spans in multiples of 10 ms", got=f"{span_s} s", remedy="round them"
        )
    return round(steps)


def _nothing(times: FloatArray, reason: str, *, n_bands: int = BANDS) -> SpeechWindow:
    """A window in which nothing was heard."""
    silent = np.zeros(times.size, dtype=np.bool_)
    levels = np.full((times.size, n_bands), np.nan, np.float32)
    return SpeechWindow(levels, silent, silent.copy(), times, math.nan, math.nan, False, reason)
