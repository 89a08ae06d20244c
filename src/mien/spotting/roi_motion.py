"""What ABPN looks at: the flow of twelve regions from frame to frame, and what it is to say of each frame.

Published (Leng et al. 2022, doi:10.1145/3503161.3551599; method sheet 1.2): mean flow (u, v) of 12 regions,
the head's motion taken out; targets of boundaries, apexes and actions. The regions and how their flow was
measured are not published: both are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.core.time import FloatArray
from mien.features.face_fields import FIELD_HZ
from mien.features.face_motion import FaceMotion
from mien.features.region_motion import REGIONS
from mien.spotting.curves import Segment, segments
from mien.spotting.flow_windows import grid_frames, last_s

ROIS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "outer brow, right": ("outer brow, right",),
        "inner brow, right": ("inner brow, right",),
        "inner brow, left": ("inner brow, left",),
        "outer brow, left": ("outer brow, left",),
        "glabella": ("glabella, right", "glabella, left"),
        "nose wing, right": ("nose wing, right",),
        "nose wing, left": ("nose wing, left",),
        "mouth corner, right": ("beside the upper lip, right", "below the mouth's side, right"),
        "mouth corner, left": ("beside the upper lip, left", "below the mouth's side, left"),
        "lips": ("lips",),
        "below the mouth": ("below the mouth, right", "below the mouth, left"),
        "chin": ("chin, right", "chin, left"),
    }
)
"""Brows, nose and mouth: where the field's other methods look too; lids and what blinks pull are left out."""

START, END, NONE = range(3)
BOUNDARY_REACH: Mapping[Kind, int] = MappingProxyType({"micro": 1, "macro": 3})
APEX_SPREAD = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class RoiMotion:
    """The motion of regions on the even grid of a video.

    Parameters
    ----------
    times_s
        Shape (n,): seconds of the file, `FIELD_HZ` a second.
    stretch
        Shape (n,): number of the unbroken stretch from 0, -1 where no face was measured.
    flow
        Shape (n, 12, 2): pixels since the frame before; 0 at a stretch's first frame and outside.
    """

    times_s: FloatArray
    stretch: NDArray[np.int64]
    flow: NDArray[np.float32]

    def stretches(self) -> list[tuple[int, int]]:
        """First frame and the one after the last of every stretch, in order."""
        edges = np.flatnonzero(np.diff(self.stretch, prepend=-2, append=-2))
        bounds = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        return [(first, stop) for first, stop in bounds if self.stretch[first] >= 0]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What is true of each frame (n,) for one kind: `START`, `END` or `NONE`; apex and action 0..1."""

    boundary: NDArray[np.int64]
    apex: NDArray[np.float32]
    action: NDArray[np.float32]


def roi_motion(motion: FaceMotion) -> RoiMotion:
    """The motion of the twelve regions over a video."""
    length_s = motion.end_s - motion.start_s
    n = int(length_s * FIELD_HZ + 1e-6) if length_s > 0 else 0
    times = motion.start_s + np.arange(n) / FIELD_HZ
    stretch = np.full(n, -1, dtype=np.int64)
    flow = np.zeros((n, len(ROIS), 2), dtype=np.float32)
    for number, one in enumerate(segments(motion)):
        rows = np.flatnonzero((times >= one.times_s[0]) & (times <= one.times_s[-1]) & (stretch < 0))
        stretch[rows] = number
        flow[rows[1:]] = np.diff(_displacement(one, times[rows]), axis=0)
    return RoiMotion(times, stretch, flow)


def _displacement(one: Segment, times_s: FloatArray) -> NDArray[np.float32]:
    """Displacements of the regions at given times, (n, 12, 2), pixels."""
    moved = np.empty((len(times_s), len(ROIS), 2), dtype=np.float32)
    for roi, names in enumerate(ROIS.values()):
        which = [REGIONS.index(name) for name in names]
        mean = one.raw[:, which].mean(axis=1)
        for axis in range(2):
            moved[:, roi, axis] = np.interp(times_s, one.times_s, mean[:, axis])
    return moved


def frame_targets(times_s: FloatArray, references: Sequence[Expression], kind: Kind) -> Targets:
    """What is true of each frame of a video for a kind.

    Published: boundaries reach 1 (micro) or 3 frames (macro) to either side; so do apexes, as a Gaussian with
    a standard deviation of 4 frames that is 1 at the apex; the action lasts from onset to offset. Ours: an
    apex that was not observed lies midway; where start and end of an expression meet, the nearer counts, and
    the start of two that are equally near.
    """
    n = len(times_s)
    boundary = np.full(n, NONE, dtype=np.int64)
    apex, action = np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.float32)
    frame, reach = np.arange(n), BOUNDARY_REACH[kind]
    for one in references if n else ():
        if one.kind != kind:
            continue
        first, last = grid_frames(one, times_s)
        top_s = (one.onset_s + last_s(one)) / 2 if one.apex_s is None else one.apex_s
        away = np.abs(frame - round((top_s - float(times_s[0])) * FIELD_HZ))
        peak = np.where(away <= reach, np.exp(-(away**2) / (2 * APEX_SPREAD**2)), 0)
        apex = np.maximum(apex, peak.astype(np.float32))
        action[(frame >= first) & (frame <= last)] = 1
        from_start, from_end = np.abs(frame - first), np.abs(frame - last)
        boundary[(from_start <= reach) & (from_start <= from_end)] = START
        boundary[(from_end <= reach) & (from_end < from_start)] = END
    return Targets(boundary, apex, action)
