"""Who speaks: stretches of voice in which the mouth in view moves as the voice does, and those in which not.

Voice activity (`voice`) says when somebody speaks. The level of the voice is set beside how far the mouth
is open, over a window about every moment and with a small lag either way (the mouth leads by 100 to 300 ms:
Chandrasekaran et al. 2009, doi:10.1371/journal.pcbi.1000436). The score is their highest correlation, less
the one that the same mouth has with the same voice at lags at which nothing can belong together. A mouth
that rests speaks not, whatever it correlates with. Stretches that cannot be judged say why.

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
from mien.signals.speech.voice import voice_activity

Speaks = Literal["in-view", "off-screen", "not-judged"]

GRID_HZ = 25.0
WINDOW_S = 2.4
"""About ten syllables: shorter windows correlate with anything."""
LAG_S = (-0.12, 0.32)
"""The voice after the mouth; sound and picture of films differ by a frame or two besides."""
FAR_LAGS_S = (0.9, 1.8)
"""Lags either way at which a mouth has nothing to do with a voice."""
SCORE = 0.10
"""Least score of a mouth that speaks."""
MOVES_PX_S = 0.8
"""Least speed (RMS) of a mouth that speaks."""
SLOWEST_HZ = 15.0
"""Syllables come up to six times a second; their opening and shutting needs more than two frames each."""
LEAST_S = 0.5
"""Shorter stretches of voice are not judged: a word has no rhythm."""
BRIDGED_S = 0.3
"""Pauses within what counts as one stretch."""
_FASTEST_PX_S = 25.0
_LEAST_KNOWN = 0.6  # of a window
_LONGEST_GAP_S = 0.25  # between frames over which the mouth may be thought steady

TOO_SLOW = "too few frames a second"
TOO_SHORT = "too short"


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
    at_s = sound.start_s + (np.arange(voiced.size) * 0.010 + 0.0125)
    first, last = float(times_s[0]), float(times_s[-1])
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    grid = np.arange(first, last + step_s, 1 / GRID_HZ)
    speech = np.interp(grid, at_s, voiced.astype(float), left=0.0, right=0.0) >= 0.5
    speech = _bridged(speech, round(BRIDGED_S * GRID_HZ))
    if 1 / step_s < SLOWEST_HZ:
        return _told(grid, speech, np.full(grid.size, TOO_SLOW, dtype=object))
    shots = np.searchsorted(np.sort(np.asarray(cuts_s, dtype=np.float64)), grid, side="right")
    speed, why = _on_grid(grid, np.asarray(times_s), np.asarray(opening_px_s), reasons)
    level = _levels(sound, grid)
    score, lag_s, moves = _scores(level, speed, shots)
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
    held = np.clip(speed[known], -_FASTEST_PX_S, _FASTEST_PX_S)
    on_grid = np.interp(grid, times_s[known], held)
    far = np.abs(grid - times_s[known][_nearest(times_s[known], grid)]) > _LONGEST_GAP_S
    return np.where(far | (why != ""), np.nan, on_grid), why


def _nearest(at: FloatArray, wanted: FloatArray) -> NDArray[np.int64]:
    right = np.clip(np.searchsorted(at, wanted), 1, len(at) - 1)
    return np.asarray(np.where(wanted - at[right - 1] <= at[right] - wanted, right - 1, right))


def _levels(sound: Signal, grid: FloatArray) -> FloatArray:
    """The sound's level in dB about every place of the grid, within 40 dB of the loudest."""
    from scipy.signal import butter, sosfiltfilt

    values = np.nan_to_num(sound.values)
    top = min(4000.0, 0.45 * sound.rate_hz)
    band = sosfiltfilt(butter(2, [120.0, top], "bandpass", fs=sound.rate_hz, output="sos"), values)
    total = np.concatenate([[0.0], np.cumsum(band**2)])
    half = 0.5 / GRID_HZ
    low, high = (
        np.clip(np.round((grid + d - sound.start_s) * sound.rate_hz).astype(int), 0, values.size)
        for d in (-half, half)
    )
    power = (total[high] - total[low]) / np.maximum(high - low, 1)
    level = 10 * np.log10(power + 1e-12)
    return np.asarray(np.maximum(level, level.max() - 40.0))


def _scores(
    level: FloatArray, speed: FloatArray, shots: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Score, best lag and speed of the mouth in the window about every place, NaN where it is not known."""
    n = level.size
    score, lag_s, moves = (np.full(n, np.nan) for _ in range(3))
    half = round(WINDOW_S / 2 * GRID_HZ)
    near = range(round(LAG_S[0] * GRID_HZ), round(LAG_S[1] * GRID_HZ) + 1)
    low, high = (round(s * GRID_HZ) for s in FAR_LAGS_S)
    far = [lag for size in range(low, high + 1) for lag in (-size, size)]
    change = _change(level)
    for shot in np.unique(shots):
        inside = np.flatnonzero(shots == shot)
        begin, end = int(inside[0]), int(inside[-1]) + 1
        for at in range(begin, end):
            first, last = max(begin, at - half), min(end, at + half + 1)
            if at == begin or last - first >= 2 * half or at == end - 1:
                first, last = _window(begin, end, at, half)
            own = speed[first:last]
            known = np.isfinite(own)
            if last - first < half or known.mean() < _LEAST_KNOWN:
                continue
            moves[at] = float(np.sqrt(np.mean(own[known] ** 2)))
            agree = [_correlation(change, own, known, first + lag, n) for lag in near]
            chance = [_correlation(change, own, known, first + lag, n) for lag in far]
            best = int(np.argmax(agree))
            others = np.array([c for c in chance if np.isfinite(c)])
            usual = float(np.quantile(others, 0.9)) if others.size else 0.0
            score[at], lag_s[at] = agree[best] - max(usual, 0.0), near[best] / GRID_HZ
    return score, lag_s, moves


def _window(begin: int, end: int, at: int, half: int) -> tuple[int, int]:
    """The window about a place, moved into its shot where the shot is long enough."""
    first = min(max(at - half, begin), max(begin, end - 2 * half - 1))
    return first, min(first + 2 * half + 1, end)


def _change(level: FloatArray) -> FloatArray:
    """How fast the level rises, per place of the grid, smoothed over three."""
    smooth = np.convolve(np.pad(level, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    return np.asarray(np.gradient(smooth))


def _correlation(change: FloatArray, own: FloatArray, known: NDArray[np.bool_], first: int, n: int) -> float:
    """Of the mouth's opening speed with the level's rise that many places later; -inf outside the sound."""
    if first < 0 or first + own.size > n:
        return -np.inf
    a, b = own[known], change[first : first + own.size][known]
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
    speaks = (score >= SCORE) & (moves >= MOVES_PX_S)
    speaks = median_filter(speaks.astype(np.uint8), round(0.6 * GRID_HZ) | 1).astype(bool)
    verdict = np.where(why != "", 2, np.where(speaks, 0, 1))
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
