"""A sound at 16 kHz, cut into overlapping frames that lie wholly within it.

Frame k covers `window` samples from k * step; its centre is (k * step + window / 2) / 16000 seconds after the
first sample. Nothing is padded: a sound shorter than one window has no frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray

SPEECH_HZ = 16000
LEAST_HZ = 8000.0
"""Below it, the third formant and all fricatives are gone."""

_MOST = 2.0  # of a sample: files of floating point may pass full scale a little, whole numbers pass it by far
_BLOCK = 4096  # frames at a time: memory stays flat over an hour


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A sound at 16 kHz.

    Parameters
    ----------
    samples
        Shape (n_samples,), 1 at full scale; 0 where they are missing.
    missing_s
        Times of missing samples, ascending, seconds from the first.
    rate_hz
        At which it was recorded.
    """

    samples: FloatArray
    missing_s: FloatArray
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Frames:
    """How a sound at 16 kHz is cut: samples of a frame, and samples from one to the next."""

    window: int
    step: int

    @classmethod
    def of(cls, window_s: float, step_s: float) -> Frames:
        """From seconds; raises OptionError unless both are whole samples and the step no longer than both."""
        counts = [seconds * SPEECH_HZ for seconds in (window_s, step_s)]
        whole = all(math.isfinite(n) and abs(n - round(n)) < 1e-6 for n in counts)
        if not whole or not 1 <= round(counts[1]) <= round(counts[0]) or round(counts[0]) % 2:
            raise OptionError(
                "frames of a sound",
                wanted="an even number of samples at 16 kHz and a step of whole samples, at most as long",
                got=f"{window_s} s, every {step_s} s",
                remedy="choose multiples of 0.125 ms",
            )
        return cls(round(counts[0]), round(counts[1]))

    def count(self, sound: Sound) -> int:
        """Number of frames in a sound."""
        return max(0, 1 + (sound.samples.size - self.window) // self.step)

    def centres_s(self, sound: Sound) -> FloatArray:
        """The centre of every frame, (n_frames,), seconds from the first sample."""
        return (np.arange(self.count(sound)) * self.step + self.window / 2) / SPEECH_HZ

    def known(self, sound: Sound) -> NDArray[np.bool_]:
        """Frames without a missing sample, (n_frames,)."""
        half = self.window / 2 / SPEECH_HZ + 2 / min(sound.rate_hz, SPEECH_HZ)
        at = self.centres_s(sound)
        first, last = np.searchsorted(sound.missing_s, [at - half, at + half])
        return np.asarray(first == last)

    def blocks(self, sound: Sound, *, length: int | None = None) -> Iterator[tuple[slice, FloatArray]]:
        """Frames by blocks (n, length), each without its mean; `length` samples about the same centres.

        Only frames that are longer than `window` may reach over the ends, into zeros.
        """
        length = length or self.window
        reach = (length - self.window) // 2
        samples = np.pad(sound.samples, reach) if reach else sound.samples
        n = self.count(sound)
        if not n:
            return
        views = np.lib.stride_tricks.sliding_window_view(samples, length)[:: self.step]
        for first in range(0, n, _BLOCK):
            part = views[first : min(first + _BLOCK, n)]
            yield slice(first, first + len(part)), part - part.mean(axis=1, keepdims=True)


def at_16_khz(samples: NDArray[np.floating], rate_hz: float) -> Sound:
    """The sound at 16 kHz, resampled with a filter against aliasing where its rate differs.

    Raises
    ------
    DataError
        If it is no row of numbers with 1 at full scale, or was recorded below 8 kHz.
    """
    values = np.asarray(samples)
    if values.ndim != 1 or values.dtype.kind != "f":
        got = f"{values.dtype} of shape {values.shape}"
        raise _unfit("one channel of floating point, 1 at full scale", got, "read it with read_audio")
    if not math.isfinite(rate_hz) or rate_hz < LEAST_HZ:
        raise _unfit(
            f"at least {LEAST_HZ:.0f} samples per second", f"{rate_hz:g}", "record it with a higher rate"
        )
    values = values.astype(np.float64)
    missing = np.isnan(values)
    values[missing] = 0.0
    most = float(np.abs(values).max(initial=0.0))
    if most > _MOST:
        raise _unfit("values between -1 and 1, full scale", f"{most:g}", "divide them by their full scale")
    if rate_hz != SPEECH_HZ and values.size:
        import librosa

        values = librosa.resample(values, orig_sr=rate_hz, target_sr=SPEECH_HZ, res_type="soxr_hq")
    return Sound(values, np.flatnonzero(missing) / rate_hz, float(rate_hz))


def _unfit(wanted: str, got: str, remedy: str) -> DataError:
    return DataError("sound", wanted=wanted, got=got, remedy=remedy)
