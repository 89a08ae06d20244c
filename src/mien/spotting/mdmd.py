"""MDMD: maximal difference in the main direction (He et al. 2020, FG; baseline of MEGC2020; sheet 2.3).

Published: flow from frame i-k to i and from i-k to i+k; 6 x 6 blocks of the face; four directions with
edges at 0, 90 and 180 degrees; per block the direction that most points take, and there the mean of the
largest third of |flow to i| - |flow to i+k|; per frame the mean of the largest third of blocks; its
contrast with frames k-1 before and after; threshold mean + p (max - mean) of each video, submitted with p =
0.01; runs of frames above it, kept by length. On CAS(ME)^2 (30 frames a second) k = 12 and 39 frames,
lengths 7 to 16 and 17 or more frames for micro and macro; k is halved until a video is long enough. The
published code takes the arc tangent of u / v, which does not tell opposite directions apart: two of its
four bins are all but empty.

Ours: flow is the difference of displacements on the aligned face, not flow of two pictures (RLOF), so the
head's motion is out of it; frames of `FIELD_HZ`; directions by the signs of u and v; a point that stays
goes with right and down; a third is rounded down, but is one at least; of equally full directions the first
from right and down on towards the left; a video is long enough when one frame of its longest stretch has a
contrast; k from training labels is their mean length, near which the published ones lie (12.6 and 35.4
frames).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.core.records import Json
from mien.core.time import FloatArray
from mien.features.face_fields import BLOCKS, FIELD_SIZE, FaceFields
from mien.spotting.frames import (
    checked_threshold,
    contrast,
    fields_of,
    frames_of,
    inner,
    mean_length,
    moilanen_threshold,
    pieces,
    proposal,
    runs,
)
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo, Scores

_KINDS: tuple[Kind, ...] = ("micro", "macro")
_PUBLISHED_HZ = 30.0
_SHORTEST_K = 2  # at k = 1 a frame's contrast would be with itself
_EDGES = tuple(round(i * FIELD_SIZE / BLOCKS) for i in range(BLOCKS + 1))


@dataclass(eq=False, kw_only=True)
class MDMDSpotter:
    """Micro- and macro-expressions by maximal difference in the main direction.

    Thresholds are p, from 0 (the curve's mean) to 1 (its maximum: nothing is proposed). A proposal's score is
    1 and how far its apex lies above the threshold, in standard deviations of the video's curve.

    A frame is judged where 2k - 1 frames on both sides lie in its stretch: for macro-expressions as published
    that leaves out 2.6 s at each end.

    Parameters
    ----------
    micro_k_s, macro_k_s
        The lag k, unless `fit` takes it from labels.
    micro_lengths_s, macro_lengths_s
        Shortest and longest run of frames that is kept, as number of frames over their rate; None where any
        length is kept.
    k_from_labels
        Whether `fit` sets k to the mean length of the training expressions of a kind, where it is shown any.
    published_bins
        Opposite directions fall into one bin, as in the published code.
    """

    method: ClassVar[str] = "mdmd"
    default_thresholds: ClassVar[Mapping[Kind, float]] = MappingProxyType({"micro": 0.01, "macro": 0.01})

    micro_k_s: float = 12 / _PUBLISHED_HZ
    macro_k_s: float = 39 / _PUBLISHED_HZ
    micro_lengths_s: tuple[float, float | None] = (7 / _PUBLISHED_HZ, 16 / _PUBLISHED_HZ)
    macro_lengths_s: tuple[float, float | None] = (17 / _PUBLISHED_HZ, None)
    k_from_labels: bool = True
    published_bins: bool = False
    lags: dict[Kind, int] = field(init=False, repr=False)
    """k in frames, by kind."""

    def __post_init__(self) -> None:
        spans: dict[Kind, float] = {"micro": self.micro_k_s, "macro": self.macro_k_s}
        self.lags = {kind: max(frames_of(span), _SHORTEST_K) for kind, span in spans.items()}

    def fit(self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]) -> MDMDSpotter:
        """Take k from the lengths of coded expressions; nothing else is learnt."""
        for kind in _KINDS if self.k_from_labels else ():
            length = mean_length(references, kind)
            if length is not None:
                self.lags[kind] = max(int(length), _SHORTEST_K)
        return self

    def learned(self) -> dict[str, Json]:
        """What `fit` has set: k in frames by kind."""
        return dict(self.lags.items())

    def score(self, video: FaceVideo) -> Scores:
        """`times_s`, and of both kinds the contrast in pixels, (n,)."""
        fields = fields_of(video)
        lags = {kind: _halved(fields, k) for kind, k in self.lags.items()}
        features = _features(fields, lags, self.published_bins)
        scores = {"times_s": np.asarray(fields.times_s, dtype=np.float64)}
        for kind, k in lags.items():
            scores[kind] = contrast(features[kind], k - 1, k - 1)
        return scores

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """Runs of frames above mean + p (max - mean) whose lengths fit their kind."""
        found: list[Proposal] = []
        for kind, share in thresholds.items():
            checked_threshold(share, kind, least=0.0, most=1.0)
            curve, times_s = scores[kind], scores["times_s"]
            threshold = moilanen_threshold(curve, share)
            above = threshold.passed_by(curve)
            shortest, longest = self._lengths(kind)
            for first, stop in runs(above > 0):
                if shortest <= stop - first <= longest:
                    score = 1.0 + float(above[first:stop].max())
                    found.append(proposal(times_s, curve, (first, stop), kind, score))
        return sorted(found)

    def _lengths(self, kind: Kind) -> tuple[float, float]:
        shortest, longest = self.micro_lengths_s if kind == "micro" else self.macro_lengths_s
        return frames_of(shortest), np.inf if longest is None else frames_of(longest)


def _halved(fields: FaceFields, k: int) -> int:
    """k, or the half of a half of it with which a frame of the longest stretch has a contrast."""
    longest = max((stop - first for first, stop in fields.stretches()), default=0)
    while longest < 4 * k - 1 and k // 2 >= _SHORTEST_K:
        k //= 2
    return k


def _features(fields: FaceFields, lags: Mapping[Kind, int], published_bins: bool) -> dict[Kind, FloatArray]:
    """Of each kind, the frame's feature in pixels, (n,); the fields are read once for all kinds."""
    found: dict[Kind, FloatArray] = {kind: np.full(len(fields), np.nan) for kind in lags}
    for piece in pieces(fields, "displacement", max(lags.values())):
        moved = fields.displacement(piece.low, piece.high)
        for kind, k in lags.items():
            first, stop = inner(piece, k, k)
            if first < stop:
                at, n = first - piece.low, stop - first
                before = moved[at - k : at - k + n]
                to_here, to_later = moved[at : at + n] - before, moved[at + k : at + k + n] - before
                found[kind][first:stop] = frame_feature(to_here, to_later, published_bins=published_bins)
    return found


def frame_feature(
    to_here: NDArray[np.float32], to_later: NDArray[np.float32], *, published_bins: bool = False
) -> FloatArray:
    """Mean of the largest third of the blocks' differences, (n,), in pixels.

    Parameters
    ----------
    to_here, to_later
        Shape (n, 2, `FIELD_SIZE`, `FIELD_SIZE`): flow from frame i-k to i, and to i+k.
    published_bins
        As `MDMDSpotter`.
    """
    difference = _magnitude(to_here) - _magnitude(to_later)
    left, up = to_here[:, 0] < 0, to_here[:, 1] < 0
    direction = (left ^ up).view(np.uint8)
    if not published_bins:
        direction += 2 * up.view(np.uint8)
    blocks = np.empty((len(to_here), BLOCKS**2))
    for block in range(BLOCKS**2):
        row, column = divmod(block, BLOCKS)
        rows, columns = slice(*_EDGES[row : row + 2]), slice(*_EDGES[column : column + 2])
        points = (slice(None), rows, columns)
        blocks[:, block] = _block_feature(
            difference[points].reshape(len(blocks), -1), direction[points].reshape(len(blocks), -1)
        )
    n_largest = BLOCKS**2 // 3
    return np.asarray(np.sort(blocks, axis=1)[:, -n_largest:].mean(axis=1))


def _magnitude(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    # hypot would guard against overflow at several times the cost
    return np.asarray(np.sqrt(flow[:, 0] ** 2 + flow[:, 1] ** 2))


def _block_feature(difference: NDArray[np.float32], direction: NDArray[np.uint8]) -> FloatArray:
    """Mean of the largest third of differences (n, points) in the fullest direction, (n,)."""
    counts = np.stack([np.count_nonzero(direction == one, axis=1) for one in range(4)], axis=1)
    main = counts.argmax(axis=1).astype(np.uint8)
    n_largest = np.maximum(counts.max(axis=1) // 3, 1)
    lowered = np.where(direction == main[:, None], -difference, np.float32(np.inf))
    lowered.sort(axis=1)
    taken = lowered[:, : int(n_largest.max())]
    inside = np.arange(taken.shape[1]) < n_largest[:, None]
    total = np.sum(taken, axis=1, where=inside, dtype=np.float64)
    return np.asarray(-total / n_largest)
