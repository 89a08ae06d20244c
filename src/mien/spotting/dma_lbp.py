"""DMA-LBP: a vote of six weak detectors on the texture's change (Liu et al. 2024, method sheet 1.4).

Signal Processing: Image Communication 129:117192. Published: local binary patterns (8 neighbours, radius 1)
of an upright face, counted raw in 6 x 6 blocks without the pattern 255; per detector the chi-square
distance between a frame's counts and the mean of those of two frames around it, summed over the 12 blocks
where it is largest; its contrast with those two frames, not below 0; threshold mean + p (max - mean) of
each video and detector; a frame is positive if more than half of the detectors say so, or half of them with
the larger sum of distances from their thresholds; positive frames widen by the mean widths, rounded down,
of the detectors that agree; runs of more than 34 frames are dropped. Windows, p and widths are those for
CAS(ME)^2 at 30 frames a second, chosen by the authors on that dataset itself. No training;
micro-expressions only.

Ours: the aligned face is 128 px wide and follows the head (published: 227 px, the box of the first frame),
so a block holds a third of the pixels, and the patterns are those of another scale; frames of `FIELD_HZ`; a
frame is judged only where all detectors reach both of their frames twice over; a detector whose contrast is
constant never agrees. The apex is ours: the authors give intervals only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.expression import Expression, Kind
from mien.core.time import FloatArray
from mien.features.face_fields import FaceFields
from mien.spotting.frames import (
    checked_threshold,
    contrast,
    fields_of,
    frames_of,
    inner,
    moilanen_threshold,
    pieces,
    proposal,
    runs,
)
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo, Scores

_N_BLOCKS = 12
_N_PATTERNS = 255
_AT_ONCE = 50  # frames whose counts stay in the processor's cache
_HALF = np.float32(0.5)
_FEWEST_COUNTS = np.float32(1e-30)  # an empty pattern adds 0 / this


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakDetector:
    """One detector's frames before and after, its p, and by how much its positive frames widen.

    Raises
    ------
    OptionError
        If its p is not above 0, or if it widens further than it looks: a run could leave the stretch.
    """

    back_s: float
    ahead_s: float
    share: float
    widen_back_s: float
    widen_ahead_s: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise OptionError(
                "weak detector's share",
                wanted="a number above 0, up to 1",
                got=self.share,
                remedy="give p / 100",
            )
        if self.widen_back_s > self.back_s or self.widen_ahead_s > self.ahead_s:
            raise OptionError(
                "weak detector",
                wanted=f"to widen by {self.back_s:g} and {self.ahead_s:g} s at most",
                got=f"{self.widen_back_s:g} and {self.widen_ahead_s:g} s",
                remedy="let it look further, or widen less",
            )

    @property
    def lags(self) -> tuple[int, int]:
        """Frames before and after."""
        return frames_of(self.back_s), frames_of(self.ahead_s)


def _published(back: int, ahead: int, share: float, widen_back: int, widen_ahead: int) -> WeakDetector:
    back_s, ahead_s, widen_back_s, widen_ahead_s = (n / 30.0 for n in (back, ahead, widen_back, widen_ahead))
    return WeakDetector(
        back_s=back_s, ahead_s=ahead_s, share=share, widen_back_s=widen_back_s, widen_ahead_s=widen_ahead_s
    )


CASME_SQUARED = (
    _published(4, 6, 0.14, 3, 4),
    _published(6, 4, 0.14, 4, 3),
    _published(5, 5, 0.14, 3, 3),
    _published(6, 8, 0.05, 4, 5),
    _published(8, 6, 0.05, 5, 4),
    _published(7, 7, 0.05, 5, 5),
)
"""The detectors for CAS(ME)^2: two lengths of window, each early, late and even."""


@dataclass(eq=False, kw_only=True)
class DMALBPSpotter:
    """Micro-expressions by a vote on contrasts of local binary patterns.

    The threshold is a factor, 0 or more, on the p of all detectors; 1 is as published. A proposal's score is
    1 and how far the detectors that agree pass their thresholds, in standard deviations: their mean, at the
    frame where it is highest. Macro-expressions are not looked for.

    Parameters
    ----------
    detectors
        The weak detectors that vote.
    longest_s
        Longest run that is kept, as number of frames over their rate.
    """

    method: ClassVar[str] = "dma-lbp"
    default_thresholds: ClassVar[Mapping[Kind, float]] = MappingProxyType({"micro": 1.0})

    detectors: tuple[WeakDetector, ...] = CASME_SQUARED
    longest_s: float = 34 / 30.0

    def fit(self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]) -> DMALBPSpotter:
        """Nothing is learnt."""
        return self

    def score(self, video: FaceVideo) -> Scores:
        """`times_s`; `micro`, (n,), a factor below which most detectors agree; `contrasts`."""
        fields = fields_of(video)
        features = _features(fields, [one.lags for one in self.detectors])
        contrasts = np.empty(features.shape, dtype=np.float32)
        for column, one in enumerate(self.detectors):
            contrasts[:, column] = np.maximum(contrast(features[:, column], *one.lags), 0.0)
        contrasts[np.isnan(contrasts).any(axis=1)] = np.nan
        return {
            "times_s": np.asarray(fields.times_s, dtype=np.float64),
            "micro": _factor(contrasts, [one.share for one in self.detectors]),
            "contrasts": contrasts,
        }

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """Runs of positive, widened frames."""
        if "micro" not in thresholds:
            return []
        factor = checked_threshold(thresholds["micro"], "micro", least=0.0)
        agree, passed = self._vote(scores["contrasts"], factor)
        height = np.where(agree, passed, 0.0).sum(axis=1) / np.maximum(agree.sum(axis=1), 1)
        found: list[Proposal] = []
        for first, stop in runs(self._widened(agree)):
            if stop - first <= frames_of(self.longest_s):
                score = 1.0 + float(height[first:stop].max())
                found.append(proposal(scores["times_s"], scores["micro"], (first, stop), "micro", score))
        return found

    def _vote(self, contrasts: FloatArray, factor: float) -> tuple[NDArray[np.bool_], FloatArray]:
        """Which detectors (n, detectors) agree on each frame, and how far they pass their thresholds."""
        passed, distance = np.empty(contrasts.shape), np.empty(contrasts.shape)
        for column, one in enumerate(self.detectors):
            threshold = moilanen_threshold(contrasts[:, column].astype(np.float64), factor * one.share)
            passed[:, column] = threshold.passed_by(contrasts[:, column])
            distance[:, column] = np.abs(contrasts[:, column] - threshold.height)
        above = passed > 0
        votes = 2 * above.sum(axis=1)
        for_it = np.where(above, distance, 0.0).sum(axis=1)
        against = np.where(above, 0.0, distance).sum(axis=1)
        n = len(self.detectors)
        positive = (votes > n) | ((votes == n) & (for_it > against))
        return above & positive[:, None], passed

    def _widened(self, agree: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Positive frames and those around them, by the mean widths of the detectors that agree."""
        at = np.flatnonzero(agree.any(axis=1))
        widths = [(frames_of(one.widen_back_s), frames_of(one.widen_ahead_s)) for one in self.detectors]
        sums = agree[at].astype(np.int64) @ np.array(widths, dtype=np.int64)
        back, ahead = (sums // agree[at].sum(axis=1)[:, None]).T
        edges = np.zeros(len(agree) + 1, dtype=np.int64)
        np.add.at(edges, at - back, 1)
        np.add.at(edges, at + ahead + 1, -1)
        return np.asarray(np.cumsum(edges[:-1]) > 0)


def _features(fields: FaceFields, lags: Sequence[tuple[int, int]]) -> FloatArray:
    """Sums of the largest blocks' distances, (n, lags); the fields are read once for all lags."""
    found = np.full((len(fields), len(lags)), np.nan)
    for piece in pieces(fields, "texture", max(max(lag) for lag in lags)):
        counts = fields.texture(piece.low, piece.high)[:, :, :_N_PATTERNS]
        for column, (back, ahead) in enumerate(lags):
            first, stop = inner(piece, back, ahead)
            for start in range(first, stop, _AT_ONCE):
                n, at = min(_AT_ONCE, stop - start), start - piece.low
                here, before, after = (counts[i : i + n] for i in (at, at - back, at + ahead))
                found[start : start + n, column] = frame_feature(here, (before + after) * _HALF)
    return found


def frame_feature(here: NDArray[np.float32], around: NDArray[np.float32]) -> FloatArray:
    """Sum over the 12 blocks that differ most of the chi-square distance of counts (n, blocks, patterns)."""
    difference = here - around
    total = np.maximum(here + around, _FEWEST_COUNTS)
    distance = np.sum(difference * difference / total, axis=2, dtype=np.float64)
    return np.asarray(np.sort(distance, axis=1)[:, -_N_BLOCKS:].sum(axis=1))


def _factor(contrasts: NDArray[np.float32], shares: Sequence[float]) -> FloatArray:
    """The largest factor on all p below which more than half of the detectors agree, (n,)."""
    each = np.full(contrasts.shape, np.nan)
    known = np.isfinite(contrasts).all(axis=1)
    for column, share in enumerate(shares):
        curve = contrasts[:, column].astype(np.float64)
        mean, top = (moilanen_threshold(curve, at).height for at in (0.0, share))
        each[known, column] = (curve[known] - mean) / (top - mean) if np.isfinite(mean) else 0.0
    return np.asarray(np.sort(each, axis=1)[:, -(len(shares) // 2 + 1)])
