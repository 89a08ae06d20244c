"""What MESNet-style looks at: flow of every frame over a short lag, small, and clips to learn from.

All of it is ours: MESNet's own input is pictures of the face (Wang et al. 2021, method sheet 1.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression
from mien.features.face_fields import FaceFields
from mien.spotting.flow_windows import KINDS, grid_frames
from mien.spotting.frames import PIECE
from mien.spotting.mesnet_layers import CLASSES, INPUT_SIZE

LAG = 3
"""Frames over which flow is measured: a tenth of a second."""
CLIP = 256

Flow = NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """Flow (n, 256, 2, 32, 32), measured frames (n,), spans (n, r, 2) and their classes (n, r)."""

    flow: Flow
    measured: NDArray[np.int64]
    spans: NDArray[np.float32]
    kinds: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Where a training clip lies, in frames of one video, and what it holds."""

    video: int
    stretch: tuple[int, int]
    first: int
    stop: int
    spans: tuple[tuple[int, int, int], ...]


def clips_of(number: int, fields: FaceFields, coded: Sequence[Expression]) -> list[Clip]:
    """The clips of a video's stretches, one after another, with the expressions whose middle they hold."""
    found = []
    known = [one for one in coded if one.kind in KINDS]
    every = [(grid_frames(one, fields.times_s), CLASSES.index(str(one.kind))) for one in known]
    for start, end in fields.stretches():
        for first in range(start, end, CLIP):
            stop = min(first + CLIP, end)
            spans = tuple(
                (a - first, max(b, a + 1) - first, kind)
                for (a, b), kind in every
                if first <= (a + b) / 2 < stop
            )
            found.append(Clip(number, (start, end), first, stop, spans))
    return found


def read_clips(fields: Sequence[FaceFields], chosen: Sequence[Clip]) -> Clips:
    """The chosen clips; what a clip lacks is filled with zeros."""
    most = max(len(clip.spans) for clip in chosen)
    flow = np.zeros((len(chosen), CLIP, 2, INPUT_SIZE, INPUT_SIZE), dtype=np.float16)
    within = np.zeros((len(chosen), most, 2), dtype=np.float32)
    kinds = np.zeros((len(chosen), most), dtype=np.int64)
    for row, clip in enumerate(chosen):
        pieces = list(flow_pieces(fields[clip.video], *clip.stretch, clip.first, clip.stop))
        flow[row, : clip.stop - clip.first] = np.concatenate(pieces)
        for column, (onset, offset, kind) in enumerate(clip.spans):
            within[row, column], kinds[row, column] = (onset, offset), kind
    measured = np.array([clip.stop - clip.first for clip in chosen], dtype=np.int64)
    return Clips(flow, measured, within, kinds)


def flow_pieces(fields: FaceFields, start: int, end: int, first: int, stop: int) -> Iterator[Flow]:
    """Flow of the frames first <= i < stop of the stretch [start, end), piece by piece, (n, 2, 32, 32)."""
    for low in range(first, stop, PIECE):
        high = min(low + PIECE, stop)
        before = max(low - LAG, start)
        moved = fields.displacement(before, high)
        small = moved.reshape(len(moved), 2, INPUT_SIZE, 2, INPUT_SIZE, 2).mean(axis=(3, 5))
        now = np.arange(low, high)
        yield (small[now - before] - small[np.maximum(now - LAG, start) - before]).astype(np.float16)
