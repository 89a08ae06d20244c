"""Measured videos as they would be if they were shorter, or if the face were lost in them.

Videos are anything with `motion` and `fields`, as `mien.spotting.spotter.FaceVideo`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.features.face_fields import Channel, FaceFields
from mien.features.face_following import NO_FACE
from mien.features.face_motion import FaceMotion


def shortened(video: Any, n_frames: int) -> Any:
    """A video's first frames alone, as it would have been measured."""
    whole: FaceMotion = video.motion
    n = min(n_frames, len(whole.times_s))
    end_s = float(whole.times_s[n - 1]) + 1 / whole.rate_hz
    motion = replace(
        whole,
        times_s=whole.times_s[:n].copy(),
        motion=whole.motion[:n].copy(),
        head=whole.head[:n].copy(),
        state=whole.state[:n].copy(),
        reference=whole.reference[:n].copy(),
        joins={row: one for row, one in whole.joins.items() if row < n},
        cuts_s=whole.cuts_s[whole.cuts_s < end_s],
        rate_hz=whole.rate_hz if n > 1 else float("nan"),
        end_s=end_s,
        damage=None,
    )
    return replace(video, motion=motion, fields=_first_fields(video.fields, end_s))


def _first_fields(fields: FaceFields | None, end_s: float) -> FaceFields | None:
    if fields is None:
        return None
    n = max(1, int(np.searchsorted(fields.times_s, end_s - 1e-9)))
    return replace(
        fields,
        times_s=fields.times_s[:n].copy(),
        stretch=fields.stretch[:n].copy(),
        texture_stretch=fields.texture_stretch[:n].copy(),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Unseen:
    """Reads fields, but for frames that were not measured: NaN."""

    fields: FaceFields
    stretch: NDArray[np.int64]

    def __call__(self, channel: Channel, first: int, stop: int) -> NDArray[np.float32]:
        found = np.array(self.fields.read(channel, first, stop), dtype=np.float32)
        found[self.stretch[first:stop] < 0] = np.nan
        return found


def without_face(video: Any, start_s: float = -np.inf, end_s: float = np.inf) -> Any:
    """The same video with no face from start to end, before and after which the face is one as it was.

    Displacements cannot be joined over the gap: what follows is measured against a frame of its own.
    """
    whole: FaceMotion = video.motion
    gone = (whole.times_s >= start_s) & (whole.times_s < end_s)
    after = whole.times_s >= end_s
    motion, head = whole.motion.copy(), whole.head.copy()
    motion[gone], head[gone] = np.nan, np.nan
    reference = np.where(gone, -1, whole.reference)
    seen_again = np.flatnonzero(after & (whole.reference >= 0))
    broken = -1
    if gone.any() and len(seen_again):
        broken = int(seen_again[0])
        reference[seen_again] = np.maximum(reference[seen_again], broken)
    changed = replace(
        whole,
        motion=motion,
        head=head,
        state=np.where(gone, NO_FACE, whole.state).astype(np.int8),
        reference=reference,
        joins={row: one for row, one in whole.joins.items() if not gone[row] and row != broken},
    )
    return replace(video, motion=changed, fields=_fields_without(video.fields, start_s, end_s))


def _fields_without(fields: FaceFields | None, start_s: float, end_s: float) -> FaceFields | None:
    if fields is None:
        return None
    gone = (fields.times_s >= start_s) & (fields.times_s < end_s)
    later = (fields.times_s >= end_s).astype(np.int64) if gone.any() else 0
    stretch, texture = (
        np.where(gone | (one < 0), -1, one + later) for one in (fields.stretch, fields.texture_stretch)
    )
    return FaceFields(fields.times_s, stretch, texture, _Unseen(fields, stretch))
