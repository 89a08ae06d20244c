"""Who speaks: stretches of voice in which the mouth in view moves as the voice does, and those in which not.

Voice activity (`voice`) says when somebody speaks. How fast the spectrum rises (syllables begin) is set
beside how far the mouth is open, over a window about every moment and with a small lag either way (the mouth
leads by 100 to 300 ms: Chandrasekaran et al. 2009, doi:10.1371/journal.pcbi.1000436). The score is the
highest correlation. A mouth that rests speaks not, whatever it correlates with. Stretches that cannot be
judged say why.

What it cannot tell: a voice dubbed onto the mouth, and who of two speaks while both do. Constants are ours,
chosen on simulated films (see docs/studies.md) other than those that it is measured on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.speech.mel import FLOOR_DB, STEP_S, log_mel
from mien.signals.speech.mel import WINDOW_S as WINDOW_OF_SOUND_S
from mien.signals.speech.voice import voice_activity

Speaks = Literal["in-view", "off-screen", "not-judged"]

GRID_HZ = 25.0
WINDOW_S = 2.0
"""About nine syllables: shorter windows correlate with anything."""
LAG_S = (-0.12, 0.32)
"""The voice after the mouth; sound and picture of films differ by a frame or two besides."""
SCORE = 0.40
"""Least score of a mouth that speaks."""
UNSURE = 0.25
"""A moving mouth with a score from here on may speak or not."""
MOVES_PX_S = 0.8
"""Least speed (RMS) of a mouth that speaks."""
SLOWEST_HZ = 15.0
"""Syllables come up to six times a second; their opening and shutting needs more than two frames each."""
LEAST_S = 0.5
"""Shorter stretches of voice are not judged: a word has no rhythm."""
BRIDGED_S = 0.3
"""Pauses within what counts as one stretch."""
_OUTLIER, _SLOW_PX_S = 5.0, 4.0  # speeds so many times the usual one, and above this, are the flow's errors
_LOUDEST_DB = 60.0  # levels so far below the loudest are silence
_OPEN_HZ = 0.7  # slower motion of the chin is the head's
_SMOOTH_S = 0.03
_STEADY_S = 0.6  # shorter changes of the verdict are smoothed away
_LEAST_KNOWN = 0.6  # of a window
_LONGEST_GAP_S = 0.25  # between frames over which the mouth may be thought steady

TOO_SLOW = "too few frames a second"
TOO_SHORT = "too short"
UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class VoiceSpan:
    """A stretch of voice.

    Parameters
    ----------
    start_s, end_s
        On the clock of the pictures.
    speaks
        "in-view", "off-screen" (the mouth in view does something else), or "not-judged".
    score
        Mean score over the stretch; None where it was not judged.
    lag_s
        How long the voice comes after the mouth where they agree best; None where it was not judged.
    reason
        Why it was not judged; "" where it was.
    """

    start_s: float
    end_s: float
    speaks: Speaks
    score: float | None
    lag_s: float | None
    reason: str


def active_speaker(
    sound: Signal,
    times_s: FloatArray,
    opening_px_s: FloatArray,
    reasons: Sequence[str],
    *,
    cuts_s: Sequence[float] = (),
) -> list[VoiceSpan]:
    """Every stretch of voice with who speaks, in order.

    Parameters
    ----------
    sound
        On the clock of `times_s`; `start_s` says when it begins.
    times_s, opening_px_s, reasons
        As `signals.face.mouth_motion.MouthMotion` has them, (n_frames,) each.
    cuts_s
        When the picture is cut: no stretch goes across, nor does any window.

    Raises
    ------
    DataError
        As `voice_activity`.
    """
    voiced = voice_activity(sound.values, sound.rate_hz)
    if not voiced.any():
        return []
    at_s = _frames_s(sound, voiced.size)
    first, last = float(times_s[0]), float(times_s[-1])
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    grid = np.arange(first, last + step_s, 1 / GRID_HZ)
    speech = np.interp(grid, at_s, voiced.astype(float), left=0.0, right=0.0) >= 0.5
    speech = _bridged(speech, round(BRIDGED_S * GRID_HZ))
    if 1 / step_s < SLOWEST_HZ:
        return _told(grid, speech, np.full(grid.size, TOO_SLOW, dtype=object))
    shots = np.searchsorted(np.sort(np.asarray(cuts_s, dtype=np.float64)), grid, side="right")
    speed, why = _on_grid(grid, np.asarray(times_s), np.asarray(opening_px_s), reasons)
    score, lag_s, moves = _scores(_rises(sound, grid), speed, shots)
    return _spans(grid, speech, shots, why, score, lag_s, moves)


def speaking_s(spans: Sequence[VoiceSpan], speaks: Speaks = "in-view") -> float:
    """How many seconds of the stretches have this verdict."""
    return float(sum(span.end_s - span.start_s for span in spans if span.speaks == speaks))


def _bridged(mask: NDArray[np.bool_], longest: int) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_closing

    wide = np.pad(mask, longest + 1)
    return np.asarray(binary_closing(wide, np.ones(longest + 1))[longest + 1 : -longest - 1] | mask)


def _on_grid(
    grid: FloatArray, times_s: FloatArray, speed: FloatArray, reasons: Sequence[str]
) -> tuple[FloatArray, NDArray[np.object_]]:
    """Speed of the mouth on the even grid, NaN where it is not known, and why not."""
    nearest = np.clip(np.searchsorted(times_s, grid, side="right") - 1, 0, len(times_s) - 1)
    why = np.array(list(reasons), dtype=object)[nearest]
    known = np.isfinite(speed)
    if known.sum() < 2:
        return np.full(grid.size, np.nan), why
    most = max(_OUTLIER * 1.4826 * float(np.median(np.abs(speed[known]))), _SLOW_PX_S)
    held = np.clip(speed[known], -most, most)
    on_grid = np.interp(grid, times_s[known], held)
    far = np.abs(grid - times_s[known][_nearest(times_s[known], grid)]) > _LONGEST_GAP_S
    return np.where(far | (why != ""), np.nan, on_grid), why


def _nearest(at: FloatArray, wanted: FloatArray) -> NDArray[np.int64]:
    right = np.clip(np.searchsorted(at, wanted), 1, len(at) - 1)
    return np.asarray(np.where(wanted - at[right - 1] <= at[right] - wanted, right - 1, right))


def _rises(sound: Signal, grid: FloatArray) -> FloatArray:
    """How fast the spectrum rises at every place of the grid: spectral flux, dB per 10 ms; 0 in silence."""
    from scipy.ndimage import gaussian_filter1d

    mel = log_mel(sound.values, sound.rate_hz)
    levels = np.nan_to_num(np.asarray(mel.levels_db, dtype=np.float64), nan=FLOOR_DB)
    if len(levels) < 2:
        return np.zeros(grid.size)
    levels = gaussian_filter1d(np.maximum(levels, levels.max() - _LOUDEST_DB), 1.0, axis=0)
    flux = np.maximum(np.diff(levels, axis=0, prepend=levels[:1]), 0.0).mean(axis=1)
    smooth = gaussian_filter1d(flux, _SMOOTH_S / STEP_S)
    return np.asarray(np.interp(grid, _frames_s(sound, len(levels)), smooth, left=0.0, right=0.0))


def _frames_s(sound: Signal, n: int) -> FloatArray:
    return np.asarray(sound.start_s + np.arange(n) * STEP_S + WINDOW_OF_SOUND_S / 2)


def _openness(speed: FloatArray) -> FloatArray:
    """How far the mouth is open, pixels about its mean of the last second or so; unknown speeds are 0."""
    from scipy.signal import butter, sosfiltfilt

    opened = np.cumsum(np.nan_to_num(speed)) / GRID_HZ
    high_pass = butter(1, _OPEN_HZ, "highpass", fs=GRID_HZ, output="sos")
    return np.asarray(sosfiltfilt(high_pass, opened, padlen=min(opened.size - 1, 12)))


def _scores(
    rises: FloatArray, speed: FloatArray, shots: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Score, best lag and speed of the mouth in the window about every place, NaN where it is not known."""
    n = rises.size
    score, lag_s, moves = (np.full(n, np.nan) for _ in range(3))
    half = round(WINDOW_S / 2 * GRID_HZ)
    lags = range(round(LAG_S[0] * GRID_HZ), round(LAG_S[1] * GRID_HZ) + 1)
    for shot in np.unique(shots):
        inside = np.flatnonzero(shots == shot)
        begin, end = int(inside[0]), int(inside[-1]) + 1
        opened = _openness(speed[begin:end])
        for at in range(begin, end):
            first, last = _window(begin, end, at, half)
            known = np.isfinite(speed[first:last])
            if last - first < half or known.mean() < _LEAST_KNOWN:
                continue
            moves[at] = float(np.sqrt(np.mean(speed[first:last][known] ** 2)))
            own = opened[first - begin : last - begin]
            agree = [_correlation(rises, own, known, first + lag) for lag in lags]
            best = int(np.argmax(agree))
            score[at], lag_s[at] = max(agree[best], -1.0), lags[best] / GRID_HZ
    return score, lag_s, moves


def _window(begin: int, end: int, at: int, half: int) -> tuple[int, int]:
    """The window about a place, moved into its shot where the shot is long enough."""
    first = min(max(at - half, begin), max(begin, end - 2 * half - 1))
    return first, min(first + 2 * half + 1, end)


def _correlation(rises: FloatArray, own: FloatArray, known: NDArray[np.bool_], first: int) -> float:
    """Of the mouth's opening with the sound's rises from that place on; -inf where the sound has ended."""
    if first < 0 or first + own.size > rises.size:
        return -np.inf
    a, b = own[known], rises[first : first + own.size][known]
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-9 else 0.0


def _spans(
    grid: FloatArray,
    speech: NDArray[np.bool_],
    shots: NDArray[np.int64],
    why: NDArray[np.object_],
    score: FloatArray,
    lag_s: FloatArray,
    moves: FloatArray,
) -> list[VoiceSpan]:
    from scipy.ndimage import median_filter

    unknown = ~np.isfinite(score)
    why = np.where((why == "") & unknown, TOO_SHORT, why)
    moving = moves >= MOVES_PX_S
    sure = np.where(moving & (score >= SCORE), 2, np.where(moving & (score >= UNSURE), 1, 0))
    sure = median_filter(sure.astype(np.uint8), round(_STEADY_S * GRID_HZ) | 1)
    why = np.where((why == "") & (sure == 1), UNDECIDED, why)
    verdict = np.where(why != "", 2, np.where(sure == 2, 0, 1))
    words: tuple[Speaks, ...] = ("in-view", "off-screen", "not-judged")
    found = []
    for first, last in _runs(speech, shots, verdict, why):
        kind, reason = words[int(verdict[first])], str(why[first])
        start_s, end_s = float(grid[first]), float(grid[last]) + 1 / GRID_HZ
        if kind != "not-judged" and end_s - start_s < LEAST_S:
            kind, reason = "not-judged", TOO_SHORT
        if kind == "not-judged":
            found.append(VoiceSpan(start_s, end_s, kind, None, None, reason))
            continue
        part = slice(first, last + 1)
        mean = float(np.mean(score[part]))
        found.append(VoiceSpan(start_s, end_s, kind, mean, float(np.median(lag_s[part])), ""))
    return found


def _told(grid: FloatArray, speech: NDArray[np.bool_], why: NDArray[np.object_]) -> list[VoiceSpan]:
    """Stretches of voice that cannot be judged at all."""
    same = np.zeros(grid.size, dtype=np.int64)
    return [
        VoiceSpan(float(grid[a]), float(grid[b]) + 1 / GRID_HZ, "not-judged", None, None, str(why[a]))
        for a, b in _runs(speech, same, same, why)
    ]


def _runs(
    speech: NDArray[np.bool_],
    shots: NDArray[np.int64],
    verdict: NDArray[np.int64],
    why: NDArray[np.object_],
) -> list[tuple[int, int]]:
    """First and last place of every stretch of speech in which nothing changes."""
    if not speech.any():
        return []
    same = (
        speech[1:] & speech[:-1] & (shots[1:] == shots[:-1]) & (verdict[1:] == verdict[:-1])
        & (why[1:] == why[:-1])
    )  # fmt: skip
    starts = np.flatnonzero(speech & ~np.concatenate([[False], same]))
    ends = np.flatnonzero(speech & ~np.concatenate([same, [False]]))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
