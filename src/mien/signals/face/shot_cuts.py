"""Where a film is cut: hard cuts and dissolves, told from flashes, pans, and people who move.

Pictures are brought to thumbnails and compared after the best small shift, without their mean brightness
and contrast: 0 is the same picture, 1 one that has nothing to do with it. A hard cut is a step far above what
the film does around it, after which the picture from before does not come back (a flash). A dissolve is a
stretch whose pictures are mixtures of its first and its last one, more and more of the last, between shots
that stand (a pan goes on).

Frames count from 0; a cut's frame is the first one after it. The comparison of blocks within a shift is ours,
after the twin comparison of Zhang et al. 1993 (doi:10.1007/BF01210504). What it cannot see: two shots of one
person at the same place before the same background, fades to black, wipes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.time import FloatArray

Picture = NDArray[np.uint8]
Thumb = NDArray[np.float32]

THUMB = (32, 24)
"""Width and height to which pictures are brought: a person's move is smaller than a shot's change."""
CUT = 0.30
"""Least difference at a hard cut."""
ABOVE = 3.0
"""A cut is so many times what the film does within `AROUND_S` beside it."""
AROUND_S = 0.4
FLASH_S = 0.25
"""A flash is over by then, and the picture from before is back."""
DISSOLVE = 0.30
"""Least difference between the two ends of a dissolve."""
DISSOLVE_S = (0.25, 1.6)
"""Shortest and longest dissolve that is looked for."""
_SPANS = 5  # lengths tried between them
_MIXED = 0.45  # most of what is left of a mixture, as a share of the ends' difference
_SHIFTS = tuple((x, y) for y in (-1, 0, 1) for x in (-2, -1, 0, 1, 2))
_ALIKE = 0.1  # no shift is tried where pictures differ less
_STILL = 0.4  # of the ends' difference: most change beside a dissolve, over as long a stretch
_LEAST_SD = 6.0  # grey levels: an even wall is like another
_RISE = 0.12  # by which the last picture's share may fall back on its way

Kind = Literal["cut", "dissolve"]


@dataclass(frozen=True, slots=True)
class ShotCut:
    """One cut.

    Parameters
    ----------
    frame, at_s
        The first frame after a hard cut, or in the middle of a dissolve, and when it is shown.
    kind
        "cut" or "dissolve".
    strength
        How far the pictures on both sides differ, 0 to 1.
    first_frame, last_frame
        What belongs to neither shot alone: equal to `frame` at a hard cut.
    """

    frame: int
    at_s: float
    kind: Kind
    strength: float
    first_frame: int
    last_frame: int


def thumbnail(picture: Picture) -> Thumb:
    """A picture, grey (height, width) or RGB (height, width, 3), as a grey or coloured thumbnail."""
    import cv2

    small = cv2.resize(picture, THUMB, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def find_cuts(pictures: Iterable[Picture], times_s: FloatArray) -> list[ShotCut]:
    """The cuts of a film, in order; pictures are taken one by one and only thumbnails are kept.

    Parameters
    ----------
    pictures
        Grey (height, width) or RGB (height, width, 3), uint8, of one shape.
    times_s
        When each is shown, (n_frames,), ascending.

    Raises
    ------
    DataError
        If there are more or fewer pictures than times.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, other = rng.integers(0, 256, (2, 24, 32), dtype=np.uint8)
    >>> [cut.frame for cut in find_cuts([one] * 10 + [other] * 10, np.arange(20) / 25)]
    [10]
    """
    thumbs = [thumbnail(picture) for picture in pictures]
    return cuts_of_thumbnails(thumbs, times_s)


def cuts_of_thumbnails(thumbs: list[Thumb], times_s: FloatArray) -> list[ShotCut]:
    """`find_cuts` of thumbnails."""
    if len(thumbs) != len(times_s):
        raise DataError(
            "film", wanted=f"{len(times_s)} pictures", got=len(thumbs), remedy="give a time for every picture"
        )
    if len(thumbs) < 3:
        return []
    steps = np.array([0.0, *(difference(a, b) for a, b in pairwise(thumbs))])
    hard = _hard_cuts(thumbs, times_s, steps)
    taken = [(cut.frame, cut.frame) for cut in hard]
    soft = _dissolves(thumbs, times_s, taken)
    return sorted([*hard, *soft], key=lambda cut: cut.frame)


def difference(one: Thumb, other: Thumb) -> float:
    """How far two thumbnails differ, 0 to 1: one less their correlation, at the best of a few shifts."""
    height, width = one.shape[:2]
    least = _unlike(one, other)
    for x, y in _SHIFTS if least > _ALIKE else ():
        a = one[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
        b = other[max(-y, 0) : height + min(-y, 0), max(-x, 0) : width + min(-x, 0)]
        least = min(least, _unlike(a, b))
    return least


def _unlike(a: Thumb, b: Thumb) -> float:
    axes = (0, 1)
    a, b = a - a.mean(axis=axes), b - b.mean(axis=axes)
    floor = _LEAST_SD**2 * a.size
    size = np.sqrt((float((a * a).sum()) + floor) * (float((b * b).sum()) + floor))
    return float(np.clip(1.0 - (float((a * b).sum()) + floor) / size, 0.0, 1.0))


def _hard_cuts(thumbs: list[Thumb], times_s: FloatArray, steps: FloatArray) -> list[ShotCut]:
    found: list[ShotCut] = []
    for at in np.flatnonzero(steps >= CUT).tolist():
        near = np.abs(times_s - times_s[at]) <= AROUND_S
        near[[at, *_other_steps(steps, at)]] = False
        around = float(np.quantile(steps[near], 0.9)) if near.any() else 0.0
        if steps[at] < ABOVE * around or _comes_back(thumbs, times_s, at):
            continue
        found.append(ShotCut(at, float(times_s[at]), "cut", float(steps[at]), at, at))
    return found


def _other_steps(steps: FloatArray, at: int) -> list[int]:
    """The highest step around but one: of a flash's end, or of a second cut close by."""
    low = max(at - 10, 0)
    rest = steps[low : at + 11].copy()
    rest[at - low] = -1.0
    return [low + int(rest.argmax())]


def _comes_back(thumbs: list[Thumb], times_s: FloatArray, at: int) -> bool:
    """Whether this step begins or ends a flash: the picture before is the picture a little later."""
    before = [i for i in range(at - 1, -1, -1) if times_s[at] - times_s[i] <= FLASH_S][:8]
    after = [i for i in range(at, len(thumbs)) if times_s[i] - times_s[at] <= FLASH_S][:8]
    starts = difference(thumbs[at - 1], thumbs[after[-1]]) if after else 1.0
    ends = difference(thumbs[before[-1]], thumbs[at]) if before else 1.0
    inside = [difference(thumbs[at - 1], thumbs[i]) for i in after]
    return min(starts, ends, *inside) < CUT / 2


def _dissolves(thumbs: list[Thumb], times_s: FloatArray, hard: list[tuple[int, int]]) -> list[ShotCut]:
    step_s = float(np.median(np.diff(times_s)))
    halves = {max(2, round(s / step_s / 2)) for s in np.geomspace(*DISSOLVE_S, _SPANS)}
    best: list[tuple[float, ShotCut]] = []
    for half in sorted(halves):
        for first in range(0, len(thumbs) - 2 * half, max(1, half // 4)):
            last = first + 2 * half
            if times_s[last] - times_s[first] > 1.5 * 2 * half * step_s:
                continue  # frames are missing
            if any(first < frame <= last for frame, _ in hard):
                continue
            if _unlike(thumbs[first], thumbs[last]) < DISSOLVE:
                continue
            left = _left_of_mixture(thumbs[first : last + 1])
            strength = 0.0 if left is None else difference(thumbs[first], thumbs[last])
            if (
                left is not None
                and strength >= DISSOLVE
                and _still_beside(thumbs, first, last, strength, hard)
            ):
                middle = first + half
                cut = ShotCut(middle, float(times_s[middle]), "dissolve", strength, first, last)
                best.append((strength * (1 - left), cut))
    chosen: list[ShotCut] = []
    for _, cut in sorted(best, key=lambda one: -one[0]):
        if all(cut.last_frame < one.first_frame or cut.first_frame > one.last_frame for one in chosen):
            chosen.append(cut)
    return chosen


def _still_beside(
    thumbs: list[Thumb], first: int, last: int, strength: float, hard: list[tuple[int, int]]
) -> bool:
    """Whether both shots stand before and after; a pan goes on. One side may be out of the film or cut."""
    length = last - first
    frames = [frame for frame, _ in hard]
    before = max([0, first - length, *(frame for frame in frames if frame <= first)])
    after = min([len(thumbs) - 1, last + length, *(frame - 1 for frame in frames if frame > last)])
    sides = [(a, b) for a, b in ((before, first), (last, after)) if b - a >= length / 2]
    return bool(sides) and all(difference(thumbs[a], thumbs[b]) < _STILL * strength for a, b in sides)


def _left_of_mixture(pictures: list[Thumb]) -> float | None:
    """What is left of pictures that are mixtures of the first and the last one; None where they are not."""
    first, last = pictures[0].ravel(), pictures[-1].ravel()
    way = last - first
    size = float(way @ way)
    moved = np.array([picture.ravel() - first for picture in pictures[1:-1]])
    shares = moved @ way / size
    rest = np.sqrt(((moved - shares[:, None] * way) ** 2).sum(axis=1) / size)
    highest = np.maximum.accumulate(shares)
    steady = bool((highest - shares < _RISE).all()) and shares[0] > -_RISE and shares[-1] < 1 + _RISE
    between = int(((shares > 0.15) & (shares < 0.85)).sum())
    if not steady or between < 2 or float(rest.max()) > _MIXED:
        return None
    return float(rest.mean())
