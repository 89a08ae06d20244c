"""MSOF-style: main and secondary directions of flow forward and backward (method sheets 1.5 and 2.5).

MSOF is Yang, Huang & Li 2025 (Neurocomputing 630:129676). Its code, regions, weights and thresholds were
never published; what is known: flow in both directions of time, the main and the second direction of each
region, a low-pass, empirical mode decomposition, suppression of proposals that overlap. The family it comes
from (He 2021, Zhao et al. 2022, MEGC) gives brows, nose wings and mouth as regions, 5 Hz as the low-pass,
and .34 of the shorter one as one event's overlap.

Ours is all else. Regions are joined from MDMO's by the template; there are eight directions. The signal is
the mean magnitude of the vectors of the two fullest directions, to i+k or to i-k, whichever is less: a step
or what another expression leaves behind moves in one direction of time only, and what is over within k
keeps its shape. So k is a kind's length: the mean of training labels, or else MDMD's. The low-pass is
Butterworth's. In place of empirical mode decomposition a top-hat takes out what lasts longer than the
longest expression of the kind. One threshold in pixels stands for two, and flanks are followed to their
ends as half cosines (`spotting.peaks`) instead of to a third of a peak's height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.core.records import Json
from mien.core.time import FloatArray
from mien.features.face_fields import FIELD_HZ, FIELD_SIZE, FaceFields
from mien.signals.face.regions import REGION_NAMES, mdmo_regions, region_masks, template_landmarks
from mien.spotting.frames import (
    checked_threshold,
    fields_of,
    frames_of,
    inner,
    mean_length,
    pieces,
    runs,
)
from mien.spotting.peaks import Peak, find_peaks, merged
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo, Scores

ROIS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brow, right": ("outer brow, right", "inner brow, right"),
        "brow, left": ("outer brow, left", "inner brow, left"),
        "nose wing, right": ("nose wing, right",),
        "nose wing, left": ("nose wing, left",),
        "mouth, right": ("beside the upper lip, right", "below the mouth's side, right"),
        "mouth, left": ("beside the upper lip, left", "below the mouth's side, left"),
        "mouth, middle": ("lips", "below the mouth, right", "below the mouth, left"),
    }
)
"""Regions of interest by the regions of MDMO, and the lips, that they join."""

_KINDS: tuple[Kind, ...] = ("micro", "macro")
_LOW_PASS_HZ = 5.0
_BLUR_S = 0.2  # the low-pass makes an expression as much longer, as in `spotting.curves`
_N_DIRECTIONS = 8
_LEAST_HEIGHT_PX = 0.02  # half of what flow errs by where nothing moves


@dataclass(eq=False, kw_only=True)
class MSOFStyleSpotter:
    """Micro- and macro-expressions from the main and second direction of flow, forward and backward.

    Thresholds are the least height of a region's curve, in pixels of a face 128 px wide, 0.02 or more. A
    proposal's score is its height over the threshold, 1 or more; its apex is the maximum of the curve of the
    region that moved most, and `regions` are all that moved then. Where micro-expressions are looked for
    alone, the steep parts of macro-expressions are found as well: nothing suppresses them.

    Parameters
    ----------
    micro_k_s, macro_k_s
        The lag k, unless `fit` takes it from labels; the defaults are MDMD's.
    micro_lengths_s, macro_lengths_s
        Shortest and longest expression.
    k_from_labels
        Whether `fit` sets k to the mean length of the training expressions of a kind, where it is shown any.
    """

    method: ClassVar[str] = "msof-style"
    default_thresholds: ClassVar[Mapping[Kind, float]] = MappingProxyType({"micro": 0.45, "macro": 0.45})
    """The family's 1.5 px of a picture 320 px wide, in pixels of ours."""

    micro_k_s: float = 12 / 30.0
    macro_k_s: float = 39 / 30.0
    micro_lengths_s: tuple[float, float] = (0.1, 0.5)
    macro_lengths_s: tuple[float, float] = (0.5, 4.0)
    k_from_labels: bool = True
    lags: dict[Kind, int] = field(init=False, repr=False)
    """k in frames, by kind."""

    def __post_init__(self) -> None:
        spans: dict[Kind, float] = {"micro": self.micro_k_s, "macro": self.macro_k_s}
        self.lags = {kind: max(frames_of(span), 1) for kind, span in spans.items()}

    def fit(
        self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]
    ) -> MSOFStyleSpotter:
        """Take k from the lengths of coded expressions; nothing else is learnt."""
        for kind in _KINDS if self.k_from_labels else ():
            length = mean_length(references, kind)
            if length is not None:
                self.lags[kind] = max(int(length), 1)
        return self

    def learned(self) -> dict[str, Json]:
        """What `fit` has set: k in frames by kind."""
        return dict(self.lags.items())

    def score(self, video: FaceVideo) -> Scores:
        """`times_s`; of each kind the highest curve in pixels, (n,), and the curves of all `ROIS`, (n, 7)."""
        fields = fields_of(video)
        signals = _signals(fields, self.lags)
        scores: dict[str, NDArray[np.floating]] = {"times_s": np.asarray(fields.times_s, dtype=np.float64)}
        for kind in self.lags:
            curves = _excursions(signals[kind], frames_of(self._lengths(kind)[1] + _BLUR_S))
            scores[kind] = curves.max(axis=1)
            scores[f"{kind}_regions"] = curves.astype(np.float32)
        return scores

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """Peaks of all regions and kinds; of those that share time, the highest over its threshold."""
        found: list[Peak] = []
        for kind, height in thresholds.items():
            checked_threshold(height, kind, least=_LEAST_HEIGHT_PX)
            shortest, longest = self._lengths(kind)
            for name, curve in zip(ROIS, scores[f"{kind}_regions"].T, strict=True):
                peaks = _peaks(scores["times_s"], curve, height, kind, name)
                found += [one for one in peaks if shortest <= one.offset_s - one.onset_s <= longest]
        return sorted(_proposal(one) for one in merged(found))

    def _lengths(self, kind: Kind) -> tuple[float, float]:
        return self.micro_lengths_s if kind == "micro" else self.macro_lengths_s


def _proposal(peak: Peak) -> Proposal:
    kind: Kind = "micro" if peak.scale == "micro" else "macro"
    return Proposal(peak.onset_s, peak.apex_s, peak.offset_s, kind, peak.score, peak.parts)


def _signals(fields: FaceFields, lags: Mapping[Kind, int]) -> dict[Kind, FloatArray]:
    """Of each kind, every region's signal in pixels, (n, regions); the fields are read once for all kinds."""
    masks = _masks()
    found: dict[Kind, FloatArray] = {kind: np.full((len(fields), len(masks)), np.nan) for kind in lags}
    for piece in pieces(fields, "displacement", max(lags.values())):
        moved = fields.displacement(piece.low, piece.high)
        of_regions = [moved[:, :, mask] for mask in masks]
        for kind, k in lags.items():
            first, stop = inner(piece, k, k)
            if first < stop:
                around = slice(first - k - piece.low, stop + k - piece.low)
                for region, points in enumerate(of_regions):
                    found[kind][first:stop, region] = region_signal(points[around], k)
    return found


def region_signal(moved: NDArray[np.float32], k: int) -> FloatArray:
    """The signal of one region in pixels, for all frames that have k before and after, (n - 2k,).

    Parameters
    ----------
    moved
        Shape (n, 2, points): displacements.
    k
        Lag in frames.
    """
    step = moved[k:] - moved[:-k]
    forward, backward = _in_two_directions(step), _in_two_directions(-step)
    return np.asarray(np.minimum(forward[k:], backward[:-k]))


def _in_two_directions(flow: NDArray[np.float32]) -> FloatArray:
    """Mean magnitude of the vectors (n, 2, points) that lie in the two fullest directions, (n,)."""
    u, v = flow[:, 0], flow[:, 1]
    turn = np.arctan2(v, u) * np.float32(_N_DIRECTIONS / (2 * np.pi))
    direction = np.floor(turn).astype(np.int8) % _N_DIRECTIONS
    counts = np.stack([np.count_nonzero(direction == one, axis=1) for one in range(_N_DIRECTIONS)], axis=1)
    # stable: of equally full directions the first from 0 degrees on
    fullest = np.argsort(-counts, axis=1, kind="stable")[:, :2]
    inside = (direction == fullest[:, :1]) | (direction == fullest[:, 1:])
    magnitude = np.sqrt(u**2 + v**2)
    return np.asarray(np.sum(magnitude, axis=1, where=inside, dtype=np.float64) / inside.sum(axis=1))


@lru_cache(maxsize=1)
def _masks() -> tuple[NDArray[np.bool_], ...]:
    """The grid's points that lie in each region, (`FIELD_SIZE`, `FIELD_SIZE`)."""
    landmarks = template_landmarks(FIELD_SIZE)
    polygons = [*mdmo_regions(landmarks), landmarks[48:60]]
    every = dict(zip((*REGION_NAMES, "lips"), region_masks(polygons, (FIELD_SIZE, FIELD_SIZE)), strict=True))
    return tuple(np.any([every[name] for name in names], axis=0) for names in ROIS.values())


def _excursions(signals: FloatArray, longest: int) -> FloatArray:
    """Signals (n, regions) low-passed and without what lasts longer than some frames, stretch by stretch.

    Lags leave frames without a signal between two stretches.
    """
    from scipy.signal import butter, sosfiltfilt

    sections = butter(2, _LOW_PASS_HZ, fs=FIELD_HZ, output="sos")
    found = np.full(signals.shape, np.nan)
    for first, stop in runs(np.isfinite(signals[:, 0])):
        part = signals[first:stop]
        smooth = sosfiltfilt(sections, part, axis=0, padlen=min(15, len(part) - 1))
        found[first:stop] = smooth - _opened(smooth, longest)
    return found


def _opened(signals: FloatArray, length: int) -> FloatArray:
    """Erosion, then dilation over frames; what an end cuts off is taken to go on."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    length |= 1
    beyond = np.full((length, signals.shape[1]), np.inf)
    eroded = minimum_filter1d(np.concatenate([beyond, signals, beyond]), length, axis=0)
    return np.asarray(maximum_filter1d(eroded, length, axis=0)[length:-length])


def _peaks(
    times_s: FloatArray, curve: NDArray[np.floating], threshold: float, kind: Kind, region: str
) -> list[Peak]:
    """Peaks of one region, each with its apex at its maximum."""
    found = []
    for first, stop in runs(np.isfinite(curve)):
        at, heights = times_s[first:stop], curve[first:stop].astype(np.float64)
        for one in find_peaks(at, heights, threshold=threshold, rest=0.0, scale=kind, part=region):
            low, high = np.searchsorted(at, one.onset_s), np.searchsorted(at, one.offset_s, side="right")
            apex_s = float(at[low + int(np.argmax(heights[low:high]))])
            found.append(replace(one, apex_s=apex_s))
    return found
