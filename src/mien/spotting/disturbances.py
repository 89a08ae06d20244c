"""What moves a face and is no expression: blinks, talk, turns of the head, and frames that come too slowly.

Conventions as in `curves`; every function answers with spans of time in seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray, Interval
from mien.features.face_motion import FaceMotion
from mien.features.region_motion import REGIONS
from mien.spotting.curves import GRID_HZ, Segment, excursion, low_pass

_JAW_PARTS = ("below the mouth's side", "below the mouth", "chin", "lips")
_JAW = [i for i, name in enumerate(REGIONS) if name.split(",")[0] in _JAW_PARTS]
_CORNERS = [REGIONS.index("below the mouth's side, right"), REGIONS.index("below the mouth's side, left")]

BLINK_S = (0.06, 0.5)
"""Length at half its depth: blinks last 0.1 to 0.4 s (VanderWerf et al. 2003, doi:10.1152/jn.00557.2002)."""
BLINK_PX = 0.5
"""Of both eyes' regions: simulated blinks move them by 1 to 2 px, brows pull them along by 0.3 px."""
_BLINK_TOP_HAT_S = 0.6

TALK = ((4, 2.0), (3, 1.0))
"""So many openings of the jaw within so many seconds: two expressions, one upon the other, have two."""
TALK_PX = 0.06
"""Least height of an opening over what lies around it; rest shows 0.02 to 0.05 (below 8 Hz)."""
_OPENING = 0.12
"""The same as a share of how far the jaw moves within 2 s: the noise on a smile is less."""
_TALK_RANGE_PX = 0.25
_WEAK, _TALK_ON_S = 0.5, 0.6
"""Once there is talk, openings of half the height carry it on, so many seconds from one to the next."""
_OF_CORNERS = 0.5
"""The jaw's way up and down over the corners' way to the sides: a smile pulls the corners farther, and teeth
that come out shake the flow below them (seen in a real smile, pyfeat's single_face.mp4: 0.3)."""
_TALK_BELOW_HZ = 8.0
_TALK_EDGE_S = 0.3  # a syllable before the first opening that is seen, and one after the last
# All were chosen on rendered talk (14 faces, jaws of 0.5 to 4 px, syllables of 5 to 20 % of the variance:
# `speech` in tests/spotting/films.py) and expressions of the mouth (16 films, up to two in 1 s), at 25 Hz.

TURN_PX_S = 32.0
"""A quarter of the face's width in a second: as in a turn by 10 degrees in half a second."""
_TURN_EDGE_S = 0.2

SLOWEST_MICRO_HZ = 20.0
"""A micro-expression of 0.25 s has five frames at 20 Hz; fewer do not tell rise, apex and fall apart."""
SLOWEST_HZ = 4.0
"""A macro-expression of 0.5 s has two frames at 4 Hz."""
_GAP_S = 0.25  # between frames of a video that is otherwise fast enough: a micro-expression fits in


def spans(times_s: FloatArray, mask: NDArray[np.bool_]) -> list[Interval]:
    """The stretches where a mask holds, each to the next sample."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    step = 1 / GRID_HZ
    return [
        Interval(float(times_s[first]), float(times_s[stop - 1]) + step)
        for first, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def blinks(one: Segment) -> list[tuple[Interval, float]]:
    """Each blink with its depth in pixels: both eyes' regions leave their place and come back at once."""
    which = [REGIONS.index(name) for name in ("eye, right", "eye, left")]
    moved = np.hypot(*np.moveaxis(excursion(one.raw[:, which], _BLINK_TOP_HAT_S), 2, 0)).min(axis=1)
    found = []
    for span in spans(one.times_s, moved > BLINK_PX / 2):
        inside = (one.times_s >= span.start_s) & (one.times_s < span.end_s)
        depth = float(moved[inside].max())
        if depth >= BLINK_PX and BLINK_S[0] <= span.duration_s <= BLINK_S[1]:
            found.append((span, depth))
    return found


def talk(one: Segment) -> list[Interval]:
    """Spans in which the jaw opens again and again, as no smile does; syllables may ride on slower motion."""
    from scipy.signal import find_peaks

    down = low_pass(one.raw[:, _JAW, 1].mean(axis=1, keepdims=True), _TALK_BELOW_HZ)[:, 0]
    window = round(TALK[0][1] * GRID_HZ) | 1
    moved = _range(down, window)
    aside = np.max([_range(one.smooth[:, corner, 0], window) for corner in _CORNERS], axis=0)
    at, about = find_peaks(down, prominence=_WEAK * TALK_PX, wlen=window)
    height = np.minimum(about["prominences"] / TALK_PX, about["prominences"] / (_OPENING * moved[at] + 1e-9))
    openings_s, enough = one.times_s[at], (moved >= np.maximum(_TALK_RANGE_PX, _OF_CORNERS * aside))[at]
    clear_s = openings_s[enough & (height >= 1)]
    found = [
        (first, last)
        for n, within_s in TALK
        for first, last in zip(clear_s[: 1 - n], clear_s[n - 1 :], strict=True)
        if last - first <= within_s
    ]
    if not found:
        return []
    weak_s = openings_s[enough & (height >= _WEAK)]
    runs = np.split(weak_s, np.flatnonzero(np.diff(weak_s) > _TALK_ON_S) + 1)
    firsts, lasts = np.array(found).T
    found += [(run[0], run[-1]) for run in runs if ((firsts <= run[-1]) & (lasts >= run[0])).any()]
    return _joined(one, [(first - _TALK_EDGE_S, last + _TALK_EDGE_S) for first, last in found])


def _range(signal: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Highest minus lowest within a window around each sample."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    return np.asarray(maximum_filter1d(signal, window) - minimum_filter1d(signal, window))


def turns(one: Segment) -> list[Interval]:
    """Spans in which the head moves fast, with what lies close to them."""
    if len(one.times_s) < 2:
        return []
    speed = np.hypot(*np.gradient(one.head.astype(np.float64), 1 / GRID_HZ, axis=0).T)
    fast = spans(one.times_s, speed > TURN_PX_S)
    return _joined(one, [(span.start_s - _TURN_EDGE_S, span.end_s + _TURN_EDGE_S) for span in fast])


def _joined(one: Segment, ends: list[tuple[float, float]]) -> list[Interval]:
    """Spans in order, those that touch as one, no longer than the segment."""
    found: list[Interval] = []
    for start, end in sorted(ends):
        if found and start <= found[-1].end_s:
            last = found.pop()
            start, end = last.start_s, max(end, last.end_s)
        found.append(Interval(start, end))
    first, last_s = float(one.times_s[0]), float(one.times_s[-1]) + 1 / GRID_HZ
    return [Interval(max(span.start_s, first), min(span.end_s, last_s)) for span in found]


def gaps(motion: FaceMotion) -> list[Interval]:
    """Spans without frames in a video that has enough of them elsewhere; damage has its own reason."""
    longest = max(_GAP_S, 3 / motion.rate_hz) if motion.rate_hz > 0 else np.inf
    times_s = motion.times_s if motion.damage else np.append(motion.times_s, motion.end_s)
    at = np.flatnonzero(np.diff(times_s) > longest)
    return [Interval(float(times_s[i]), float(times_s[i + 1])) for i in at]
