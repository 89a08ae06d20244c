"""How the parts of a face move over a video: regions by frames, put together from measured parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray, Interval
from mien.features.face_following import DAMAGED, JUDGED, REASONS
from mien.features.region_motion import CHANNELS, HEAD, REGIONS
from mien.jobs.plan import Output
from mien.recording.formats.video_parts import FrameTimes


@dataclass(frozen=True, slots=True, eq=False)
class FaceMotion:
    """The motion of one face over a video.

    Parameters
    ----------
    times_s
        Shape (n,): of the measured frames, seconds of the file or of the clock that was given.
    motion
        Shape (n, n_regions, n_channels) float16: `REGIONS` by `CHANNELS`, pixels of a face 128 px wide
        against the frame's reference; NaN where there is no face.
    head
        Shape (n, 5) float32: `HEAD` since the reference.
    state
        Shape (n,): `JUDGED`, or a key of `REASONS`.
    reference
        Shape (n,): number of the measured frame that it is measured against, -1 for none.
    joins
        Reference -> (motion of regions, head) of that frame against the reference before.
    cuts_s
        Times of the first frames after a cut.
    rate_hz
        Frames per second of the file, from the median step; NaN for one frame.
    start_s, end_s
        Where the video begins and ends.
    damage
        Why the file ends too early, or None.
    """

    times_s: FloatArray
    motion: NDArray[np.float16]
    head: NDArray[np.float32]
    state: NDArray[np.int8]
    reference: NDArray[np.int64]
    joins: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]
    cuts_s: FloatArray
    rate_hz: float
    start_s: float
    end_s: float
    damage: str | None

    def unjudged(self) -> list[tuple[Interval, str]]:
        """The spans in which no face could be measured, each with its reason, in order."""
        spans: list[tuple[Interval, str]] = []
        edges = np.flatnonzero(np.diff(self.state, prepend=-1, append=-1))
        for first, stop in pairwise(edges):
            state = int(self.state[first])
            if state != JUDGED:
                end_s = self.times_s[stop] if stop < len(self.times_s) else self._last_end_s
                spans.append((Interval(float(self.times_s[first]), float(end_s)), REASONS[state]))
        if self.damage and self.end_s > self._last_end_s:
            spans.append((Interval(self._last_end_s, self.end_s), self.damage))
        return spans

    @property
    def _last_end_s(self) -> float:
        step = 1 / self.rate_hz if self.rate_hz > 0 else 0.0
        return float(self.times_s[-1]) + step


def join_motion(frames: FrameTimes, taken: NDArray[np.int64], outputs: Sequence[Output]) -> FaceMotion:
    """The motion of a video from its parts, of which `taken` frames were measured.

    Parts are put together, each up to the next one's first reference; frames without a row are damaged."""
    n = len(taken)
    motion = np.full((n, len(REGIONS), len(CHANNELS)), np.nan, dtype=np.float16)
    head = np.full((n, len(HEAD)), np.nan, dtype=np.float32)
    state = np.full(n, DAMAGED, dtype=np.int8)
    reference = np.full(n, -1, dtype=np.int64)
    joins: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    cuts: set[int] = set()
    served = -1  # the last row that an earlier part has decided
    for output in outputs:
        part: dict[str, Any] = dict(output)
        rows = np.searchsorted(taken, part["frames"])
        ours = rows > served
        # The last row of the part before may be the new reference itself, which both parts have: equal.
        state[rows[ours]] = part["states"][ours]
        motion[rows[ours]] = part["regions"][ours]
        head[rows[ours]] = part["heads"][ours]
        against = part["references"][ours]
        reference[rows[ours]] = np.where(against < 0, -1, np.searchsorted(taken, against))
        for frame, regions, moved in zip(
            part["joined"], part["join_regions"], part["join_heads"], strict=True
        ):
            joins.setdefault(int(np.searchsorted(taken, frame)), (regions, moved))
        cuts.update(part["cuts"].tolist())
        served = max(served, int(rows[-1])) if len(rows) else served
    times = frames.times_s
    step = float(np.median(np.diff(times))) if len(times) > 1 else float("nan")
    return FaceMotion(
        times_s=times[taken],
        motion=motion,
        head=head,
        state=state,
        reference=reference,
        joins=joins,
        cuts_s=times[np.array(sorted(cuts), dtype=np.int64)],
        rate_hz=1 / step,
        start_s=float(times[0]),
        end_s=frames.end_s,
        damage=frames.damage,
    )
