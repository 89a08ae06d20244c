"""Scores per frame from the motion of regions: how far the skin left its rest and came back.

Conventions: signals are resampled from the frames' own times to `GRID_HZ`; displacements in pixels of a face
128 px wide. An excursion is what a top-hat leaves: a signal minus its opening (of both signs, of u and v), so
that steps and drifts, which do not come back within the longest expression, count nothing, and neither does
what the video's ends cut off. Of the training-free family (He 2021, MEGC; method sheet 2.5): flow against a
reference, below 5 Hz, by regions; the top-hat instead of windows with fixed thresholds is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray, Interval
from mien.features.face_following import JUDGED
from mien.features.face_motion import FaceMotion
from mien.features.region_motion import HEAD, REGIONS

GRID_HZ = 50.0
LOW_PASS_HZ = 5.0
"""As the published family; a rise of 0.1 s has little above."""
LONGEST_S: Mapping[str, float] = MappingProxyType({"micro": 0.7, "macro": 4.2})
"""Length of the top-hat: the longest expression of the kind and what the low-pass adds."""
LEAST_UNIT_PX = MappingProxyType({"micro": 0.03, "macro": 0.06})
MOST_UNIT_PX = MappingProxyType({"micro": 0.12, "macro": 0.25})
"""Bounds of the unit of scores: flow is no better (0.04 px of noise), and a long expression in a short video
must not become its own measure. Medians of simulated videos (seed 900): 0.02 to 0.07 and 0.05 to 0.22 px."""
SHORTEST_SEGMENT_S = 0.6
_LONGEST_GAP_S = 1.0  # within a segment: beyond, nobody knows whether the face came back to the same rest

CUT_OFF = 4.0
"""In units of long expressions: how far a part left its place, not to come back before a segment's end."""
_REST_S = 0.5  # seen before it left, or more
_SUDDEN_S = 1.0  # of the rise, or less: what moves away more slowly is posture
_END_S = 0.1

PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brows": ("outer brow", "inner brow", "glabella"),
        "nose": ("nose side", "nose wing"),
        "mouth": (
            "beside the upper lip", "below the mouth's side", "below the mouth", "lower cheek",
            "middle cheek", "lips",
        ),
        "chin": ("chin",),
    }
)  # fmt: skip
"""Parts of the face by their regions. Lids and what blinks pull along (cheeks below the eyes, the nose's
root) are left out; so are temples and jaw, where the head's own motion is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Signals of one unbroken stretch on the grid.

    Parameters
    ----------
    times_s
        Shape (n,), seconds of the file, `GRID_HZ` a second.
    raw, smooth
        Shape (n, n_regions, 2): displacement in pixels, all of it and below `LOW_PASS_HZ`.
    head
        Shape (n, 2): the head's shift, pixels, below `LOW_PASS_HZ`.
    """

    times_s: FloatArray
    raw: NDArray[np.float32]
    smooth: NDArray[np.float32]
    head: NDArray[np.float32]


def segments(motion: FaceMotion) -> list[Segment]:
    """Stretches in which displacements can be joined: between cuts, losses and changes of face."""
    judged = motion.state == JUDGED
    broken = np.zeros(len(judged), dtype=bool)
    starts = np.flatnonzero(np.diff(motion.reference, prepend=-2) != 0)
    last = -1
    for row in starts:
        now = int(motion.reference[row])
        if now >= 0 and now != last:
            broken[row] = now not in motion.joins or last < 0
            last = now
    found = []
    rows = np.flatnonzero(judged)
    if not len(rows):
        return []
    labels = np.cumsum(broken)[rows]
    gap = np.diff(motion.times_s[rows], prepend=motion.times_s[rows[0]]) > _LONGEST_GAP_S
    labels = labels + np.cumsum(gap)
    for label in np.unique(labels):
        one = rows[labels == label]
        if motion.times_s[one[-1]] - motion.times_s[one[0]] >= SHORTEST_SEGMENT_S:
            found.append(_segment(motion, one))
    return found


def _segment(motion: FaceMotion, rows: NDArray[np.int64]) -> Segment:
    n, n_regions = len(rows), len(REGIONS)
    moved = np.empty((n, n_regions * 2 + 2), dtype=np.float32)
    so_far = np.zeros(n_regions * 2 + 2, dtype=np.float32)
    shift = [HEAD.index(name) for name in ("shift_x_px", "shift_y_px")]
    edges = [0, *(np.flatnonzero(np.diff(motion.reference[rows])) + 1).tolist(), n]
    for first, stop in pairwise(edges):
        part = rows[first:stop]
        joined = motion.joins.get(int(motion.reference[part[0]]))
        if first and joined is not None:
            so_far = so_far + np.concatenate([joined[0][:, :2].ravel(), joined[1][shift]])
        moved[first:stop, :-2] = motion.motion[part, :, :2].reshape(len(part), -1)
        moved[first:stop, -2:] = motion.head[part][:, shift]
        moved[first:stop] += so_far
    at = motion.times_s[rows]
    grid = at[0] + np.arange(int((at[-1] - at[0]) * GRID_HZ + 1e-6) + 1) / GRID_HZ
    raw = np.empty((len(grid), moved.shape[1]), dtype=np.float32)
    for column in range(moved.shape[1]):
        raw[:, column] = np.interp(grid, at, moved[:, column])
    smooth = low_pass(raw, LOW_PASS_HZ)
    shape = (len(grid), n_regions, 2)
    return Segment(grid, raw[:, :-2].reshape(shape), smooth[:, :-2].reshape(shape), smooth[:, -2:])


def low_pass(signals: NDArray[np.float32], at_hz: float) -> NDArray[np.float32]:
    """Signals (n, columns) below a frequency, without delay: Butterworth, forward and backward."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(2, at_hz, fs=GRID_HZ, output="sos")
    smooth, pad = np.empty_like(signals), min(30, len(signals) - 1)
    for column in range(signals.shape[1]):  # one at a time: an hour stays small
        smooth[:, column] = sosfiltfilt(sections, signals[:, column], padlen=pad)
    return smooth


def excursion(signals: NDArray[np.float32], longest_s: float) -> NDArray[np.float32]:
    """How far signals (n, ...) are from the rest around them, of either sign, for spans up to `longest_s`."""
    length = round(longest_s * GRID_HZ) | 1
    return np.maximum(signals - _opened(signals, length), -signals - _opened(-signals, length))


def _opened(signals: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Erosion, then dilation; beyond the ends lies whatever supports the signal."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    beyond = np.full((length, *signals.shape[1:]), np.inf, dtype=signals.dtype)
    eroded = minimum_filter1d(np.concatenate([beyond, signals, beyond]), length, axis=0)
    return np.asarray(maximum_filter1d(eroded, length, axis=0)[length:-length])


def region_indices(part: str) -> list[int]:
    """Where a part's regions stand in `REGIONS`."""
    return [i for i, name in enumerate(REGIONS) if name.split(",")[0] in PARTS[part]]


def heights(found: list[Segment], kind: str) -> list[NDArray[np.float32]]:
    """Per segment, the excursion of each region in pixels, (n, n_regions)."""
    every = []
    for one in found:
        moved = np.empty((len(one.times_s), len(REGIONS)), dtype=np.float32)
        for region in range(len(REGIONS)):  # one at a time: an hour stays small
            moved[:, region] = np.hypot(*excursion(one.smooth[:, region], LONGEST_S[kind]).T)
        every.append(moved)
    return every


def units_px(of_segments: list[NDArray[np.float32]], kind: str) -> FloatArray:
    """What counts as one in each region of this video, (n_regions,): the median excursion, within bounds."""
    every = np.concatenate(of_segments)
    return np.clip(np.median(every, axis=0), LEAST_UNIT_PX[kind], MOST_UNIT_PX[kind]).astype(np.float64)


def part_scores(of_segment: NDArray[np.float32], units: FloatArray, part: str) -> FloatArray:
    """A part's excursion at each time, (n,): the mean of its two strongest regions, in units."""
    which = region_indices(part)
    ratio = np.sort(of_segment[:, which] / units[which], axis=1)
    return np.asarray(ratio[:, -2:].mean(axis=1), dtype=np.float64)


def cut_off(one: Segment, units: FloatArray, part: str) -> list[tuple[Interval, bool]]:
    """Where a part leaves its place and is still away at the segment's end, or was so at its beginning.

    The top-hat counts such motion nothing, so it has to be told. Returned with each span is whether it is at
    the end. A new posture at an end looks the same.
    """
    which = region_indices(part)
    found = []
    for at_end in (True, False):
        smooth = one.smooth[:, which] if at_end else one.smooth[::-1, which]
        length = _away(smooth, units[which])
        if length:
            times_s = one.times_s[-length:] if at_end else one.times_s[:length]
            found.append((Interval(float(times_s[0]), float(times_s[-1]) + 1 / GRID_HZ), at_end))
    if len(found) == 2 and found[0][0].overlaps(found[1][0]):  # one step, seen from both ends
        return [min(found, key=lambda one: one[0].duration_s)]
    return found


def _away(smooth: NDArray[np.float32], units: FloatArray) -> int:
    """How many samples ago a part went where it is in the end, not having been there before; 0 for never."""
    longest, rest = round(LONGEST_S["macro"] * GRID_HZ), round(_REST_S * GRID_HZ)
    smooth = smooth[-2 * longest :]
    off = np.hypot(*np.moveaxis(smooth - smooth[-round(_END_S * GRID_HZ) :].mean(axis=0), 2, 0)) / units
    far = np.sort(off, axis=1)[:, -2:].mean(axis=1)
    here = np.flatnonzero(far < CUT_OFF)
    since = np.diff(here, prepend=-1) - 1  # samples that it was elsewhere before each of these
    whole = (since >= rest) & ((since >= longest) | (since == here))
    come = here[whole & (here >= len(far) - longest)]
    if not len(come):
        return 0
    arrived = int(come[-1])
    before = far[max(arrived - longest, 0) : arrived]
    left = int(np.flatnonzero(before >= 0.85 * np.median(before))[-1]) + max(arrived - longest, 0)
    return len(far) - left if arrived - left <= _SUDDEN_S * GRID_HZ else 0
