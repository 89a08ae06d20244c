"""From a score curve to intervals: onset, apex and offset of each peak, and one interval for each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.core.time import FloatArray

# Levels of a rise at which it is timed: lower, a weak peak's flank is lost in the rest.
_LOW, _HIGH = 0.4, 0.8
# A half cosine passes them at these shares of its length.
_AT_LOW, _AT_HIGH = (float(np.arccos(1 - 2 * level) / np.pi) for level in (_LOW, _HIGH))
_NEAR_TOP = 0.95
_NEAR_S = 10.0
_SAME_EVENT = 0.34  # shared time over the shorter one's length (method sheet 2.5)


@dataclass(frozen=True, slots=True)
class Peak:
    """One peak of one part's curve; times in seconds, `score` 1 at the threshold."""

    onset_s: float
    apex_s: float
    offset_s: float
    score: float
    scale: str
    parts: tuple[str, ...]


def find_peaks(
    times_s: FloatArray,
    curve: FloatArray,
    *,
    threshold: float,
    rest: float = 1.0,
    scale: str = "micro",
    part: str = "",
) -> list[Peak]:
    """Peaks at or above a threshold, each down to where its flanks meet the rest.

    The onset is where a half cosine through 40 % and 80 % of the rise begins; the apex is where
    it reaches its height, but not before 95 % of the peak nor after its maximum, so that a smile that is held
    has its apex where it is first full; the offset is where the last fall ends in the same way.

    Parameters
    ----------
    times_s, curve
        Shape (n,).
    threshold
        Least height.
    rest
        The curve's level where nothing happens.
    """
    from scipy.signal import find_peaks as local_maxima

    found: list[Peak] = []
    padded = np.concatenate([[rest], curve, [rest]])
    tops, _ = local_maxima(padded, height=threshold)
    taken = np.zeros(len(curve), dtype=bool)
    for top in sorted(tops - 1, key=lambda index: -curve[index]):
        height = float(curve[top]) - rest
        first, last = (
            _flank(curve, top, rest + _LOW * height, -1),
            _flank(curve, top, rest + _LOW * height, 1),
        )
        if taken[first : last + 1].any():
            continue
        one = _peak(times_s, curve, (first, int(top), last), rest, threshold, scale, part)
        taken[np.searchsorted(times_s, one.onset_s) : np.searchsorted(times_s, one.offset_s)] = True
        found.append(one)
    return sorted(found, key=lambda one: one.onset_s)


def _flank(curve: FloatArray, top: int, level: float, step: int) -> int:
    """The last index before the curve falls below a level, going from the top in one direction."""
    index = int(top)
    while 0 <= index + step < len(curve) and curve[index + step] >= level:
        index += step
    return index


def _crossing(times_s: FloatArray, curve: FloatArray, inside: int, level: float, step: int) -> float:
    """When the curve passes a level beyond an index, between two samples."""
    outside = inside + step
    if not 0 <= outside < len(curve):
        return float(times_s[inside])
    share = (curve[inside] - level) / max(curve[inside] - curve[outside], 1e-12)
    return float(times_s[inside] + np.clip(share, 0.0, 1.0) * (times_s[outside] - times_s[inside]))


def _peak(
    times_s: FloatArray,
    curve: FloatArray,
    at: tuple[int, int, int],
    rest: float,
    threshold: float,
    scale: str,
    part: str,
) -> Peak:
    first, top, last = at
    height = float(curve[top]) - rest
    low, high = rest + _LOW * height, rest + _HIGH * height
    rising = first + int(np.argmax(curve[first : top + 1] >= high))
    falling = last - int(np.argmax(curve[top : last + 1][::-1] >= high))
    near = first + int(np.argmax(curve[first : top + 1] >= rest + _NEAR_TOP * height))
    up = [_crossing(times_s, curve, i, level, -1) for i, level in ((first, low), (rising, high))]
    down = [_crossing(times_s, curve, i, level, 1) for i, level in ((falling, high), (last, low))]
    rise, fall = ((b - a) / (_AT_HIGH - _AT_LOW) for a, b in (up, down))
    onset = max(up[0] - _AT_LOW * rise, float(times_s[0]))
    offset = min(down[1] + _AT_LOW * fall, float(times_s[-1]))
    apex = min(max(onset + rise, float(times_s[near])), float(times_s[top]))
    score = float(curve[top]) / threshold
    return Peak(min(onset, apex), apex, max(offset, apex), score, scale, (part,) if part else ())


def merged(peaks: Sequence[Peak]) -> list[Peak]:
    """One peak for each event: of those that share time, the strongest, with the parts of all."""
    kept: list[Peak] = []
    near: dict[int, list[int]] = {}  # numbers of those that were kept, by spans of time that they touch
    for one in sorted(peaks, key=lambda peak: (-peak.score, peak.onset_s)):
        touched = range(int(one.onset_s // _NEAR_S), int(one.offset_s // _NEAR_S) + 1)
        for index in dict.fromkeys(index for span in touched for index in near.get(span, ())):
            other = kept[index]
            shared = min(one.offset_s, other.offset_s) - max(one.onset_s, other.onset_s)
            shorter = min(one.offset_s - one.onset_s, other.offset_s - other.onset_s)
            if shared > _SAME_EVENT * shorter:
                parts = (*other.parts, *(part for part in one.parts if part not in other.parts))
                kept[index] = replace(other, parts=parts)
                break
        else:
            for span in touched:
                near.setdefault(span, []).append(len(kept))
            kept.append(one)
    return sorted(kept, key=lambda peak: peak.onset_s)
