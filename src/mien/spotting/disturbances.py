"""What moves a face and is no expression: blinks, talk, turns of the head, and frames that come too slowly.

Conventions as in `curves`; every function answers with spans of time in seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray, Interval
from mien.features.region_motion import REGIONS
from mien.spotting.curves import GRID_HZ, Segment, excursion

BLINK_S = (0.06, 0.5)
"""Length at half its depth: blinks last 0.1 to 0.4 s (VanderWerf et al. 2003, doi:10.1152/jn.00557.2002)."""
BLINK_PX = 0.5
"""Of both eyes' regions: simulated blinks move them by 1 to 2 px, brows pull them along by 0.3 px."""
_BLINK_TOP_HAT_S = 0.6

TALK_HZ = (2.5, 7.5)
"""Syllables come at 3 to 7 Hz; the band is passed with soft edges."""
TALK_PX = 0.04
"""Root mean square over two syllables, of lips and below; rest shows 0.01, simulated words 0.05 to 0.2."""
TALK_S = 1.0
"""Of the rhythm with half a window at both ends: a single expression has less."""
_TALK_WINDOW_S = 0.5
_RHYTHM = 0.2
"""Its share of the variance, or more: a smile's rise has power in the band, and more below it.
Ours: half seconds of simulated talk have 0.3 to 0.8 (medians by film), real sentences 0.06 to 0.17 over
whole clips (GRID), which are not told as talk."""

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
    """Spans of `TALK_S` and longer in which the mouth moves up and down in the rhythm of syllables."""
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import butter, sosfiltfilt

    names = ("below the mouth, right", "below the mouth, left", "chin, right", "chin, left")
    down = one.raw[:, [REGIONS.index(name) for name in names], 1].mean(axis=1).astype(np.float64)
    sections = butter(2, TALK_HZ, btype="bandpass", fs=GRID_HZ, output="sos")
    rhythm = sosfiltfilt(sections, down, padlen=min(50, len(down) - 1))
    power = uniform_filter1d(rhythm**2, round(_TALK_WINDOW_S * GRID_HZ))
    found = []
    for span in spans(one.times_s, power > TALK_PX**2):
        inside = (one.times_s >= span.start_s) & (one.times_s < span.end_s)
        if span.duration_s >= TALK_S and rhythm[inside].var() >= _RHYTHM * down[inside].var():
            found.append(span)
    return found


def turns(one: Segment) -> list[Interval]:
    """Spans in which the head moves fast, with what lies close to them."""
    if len(one.times_s) < 2:
        return []
    speed = np.hypot(*np.gradient(one.head.astype(np.float64), 1 / GRID_HZ, axis=0).T)
    found: list[Interval] = []
    for span in spans(one.times_s, speed > TURN_PX_S):
        wide = Interval(span.start_s - _TURN_EDGE_S, span.end_s + _TURN_EDGE_S)
        if found and wide.start_s <= found[-1].end_s:
            wide = Interval(found.pop().start_s, wide.end_s)
        found.append(wide)
    first, last = float(one.times_s[0]), float(one.times_s[-1]) + 1 / GRID_HZ
    return [Interval(max(span.start_s, first), min(span.end_s, last)) for span in found]


def gaps(times_s: FloatArray, rate_hz: float) -> list[Interval]:
    """Spans without frames in a video that has enough of them elsewhere."""
    longest = max(_GAP_S, 3 / rate_hz) if rate_hz > 0 else np.inf
    at = np.flatnonzero(np.diff(times_s) > longest)
    return [Interval(float(times_s[i]), float(times_s[i + 1])) for i in at]
