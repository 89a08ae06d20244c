"""ABPN: apexes and boundaries of expressions from the flow of regions (Leng et al. 2022, MEGC2022).

Published (method sheet 1.2): segments of 256 frames with 7 more on both sides, those with an expression only;
weights of regions; the network (28,428 parameters with them); ten outputs a frame; targets; focal losses and
their weights; AdamW for the convolutions and plain descent for the regions' weights, both decaying by .96 an
epoch; batches of 128, 100 epochs; proposals around each apex, hard suppression and the five best of a video
and kind. What was published in frames of 25 and 30 a second stays in frames of `FIELD_HZ`.

Ours: regions and their flow (`roi_motion`); standardised by the training videos' mean and deviation of u and
v, as the published constants belong to a flow that was not published; what lies beyond a stretch is 0 and not
trained on. By our count the network sees 5 frames on either side, not 7. Of the "label smoothing" we take
that the modulating factor of negatives, |p - y|, has y = .16; means are over frames. Epochs are not chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.spotting.abpn_network import CONTEXT, SEGMENT, build_abpn, kind_loss
from mien.spotting.flow_windows import KINDS
from mien.spotting.frames import checked_threshold
from mien.spotting.result import Proposal
from mien.spotting.roi_motion import END, ROIS, START, RoiMotion, Targets, frame_targets, roi_motion
from mien.spotting.spotter import FaceVideo, Scores
from mien.spotting.suppression import suppressed

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

REACH: Mapping[Kind, tuple[int, int]] = MappingProxyType({"micro": (2, 7), "macro": (7, 29)})
"""Least and most frames from an apex to its onset and to its offset."""
MOST_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Segments:
    """Training segments: flow (n, 24, 270), whether a frame was measured (n, 256), targets of both kinds."""

    flow: NDArray[np.float32]
    measured: NDArray[np.float32]
    targets: Mapping[Kind, Targets]


@dataclass(eq=False, repr=False, kw_only=True)
class ABPNSpotter:
    """ABPN as a spotter of both kinds at once; thresholds are least probabilities of an apex.

    Parameters
    ----------
    epochs, batch_size, learning_rate, weight_decay, decay
        Training, defaults as published; the learning rate is multiplied by `decay` after each epoch.
    macro_weight
        Of macro-expressions in the loss: published .5 for CAS(ME)^2, .7 for SAMM-LV and across both.
    top
        At most so many proposals of a kind in a video, published 5; None for all.
    seed
        Initial weights and order of segments.
    device
        Where to train and to score, for example "cpu" or "cuda".
    """

    method: ClassVar[str] = "abpn"
    usual_thresholds: ClassVar[Mapping[Kind, float]] = MappingProxyType({"micro": 0.5, "macro": 0.5})

    epochs: int = 100
    batch_size: int = 128
    learning_rate: float = 0.01
    weight_decay: float = 0.1
    decay: float = 0.96
    macro_weight: float = 0.5
    top: int | None = 5
    seed: int = 0
    device: str = "cpu"

    def fit(self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]) -> Self:
        """Learn from the segments that hold an expression; a kind that nobody coded stays unknown."""
        moved = [roi_motion(video.motion) for video in videos]
        self.mean_, self.deviation_ = _scale(moved)
        found = self._segments(moved, references)
        self.kinds_ = tuple(kind for kind in KINDS if found.targets[kind].action.any())
        self.network_ = self._trained(found) if self.kinds_ else None
        return self

    def _segments(self, moved: Sequence[RoiMotion], references: Sequence[Sequence[Expression]]) -> _Segments:
        flow: list[NDArray[np.float32]] = [np.empty((0, 2 * len(ROIS), SEGMENT + 2 * CONTEXT), np.float32)]
        measured: list[NDArray[np.float32]] = [np.empty((0, SEGMENT), np.float32)]
        rows: dict[Kind, list[Targets]] = {kind: [] for kind in KINDS}
        for one, coded in zip(moved, references, strict=True):
            whole = {kind: frame_targets(one.times_s, coded, kind) for kind in KINDS}
            for first, stop in one.stretches():
                padded = self._padded(one, first, stop)
                for start in range(first, stop, SEGMENT):
                    end = min(start + SEGMENT, stop)
                    if not any(whole[kind].action[start:end].any() for kind in KINDS):
                        continue
                    piece = padded[:, start - first : start - first + SEGMENT + 2 * CONTEXT]
                    short = SEGMENT + 2 * CONTEXT - piece.shape[1]
                    flow.append(np.pad(piece, ((0, 0), (0, short)))[None])
                    measured.append((np.arange(start, start + SEGMENT) < stop)[None].astype(np.float32))
                    for kind in KINDS:
                        rows[kind].append(_cut(whole[kind], start, end))
        targets = {kind: _stacked(rows[kind]) for kind in KINDS}
        return _Segments(np.concatenate(flow), np.concatenate(measured), targets)

    def _padded(self, one: RoiMotion, first: int, stop: int) -> NDArray[np.float32]:
        """The standardised flow of a stretch with context of 0 on both sides, (24, length + 14)."""
        flow = (one.flow[first:stop] - self.mean_) / self.deviation_
        return np.pad(flow.reshape(stop - first, -1).T, ((0, 0), (CONTEXT, CONTEXT))).astype(np.float32)

    def _trained(self, found: _Segments) -> nn.Module:
        import torch

        from mien.learning.train import TrainingSettings
        from mien.learning.train_steps import train_rows

        flow, measured = torch.from_numpy(found.flow), torch.from_numpy(found.measured)
        targets = {
            kind: [torch.from_numpy(part) for part in (one.apex, one.boundary, one.action)]
            for kind, one in found.targets.items()
        }

        def loss(network: nn.Module, rows: Tensor) -> Tensor:
            logits = network(flow[rows].to(self.device))
            where = measured[rows].to(self.device)
            total = logits.sum() * 0.0
            for kind in self.kinds_:
                truth = [part[rows].to(self.device) for part in targets[kind]]
                weight = self.macro_weight if kind == "macro" else 1.0
                total = total + weight * kind_loss(logits, truth, where, kind)
            return total

        settings = TrainingSettings(self.epochs, self.learning_rate, self.batch_size, device=self.device)
        return train_rows(
            build_abpn, len(flow), loss, self._optimisers, settings, seed=self.seed, decay=self.decay
        )

    def _optimisers(self, network: nn.Module) -> list[torch.optim.Optimizer]:
        import torch

        named = dict(network.named_parameters())
        rois = [named.pop("roi_weights")]
        conv = [weights for weights in named.values() if weights.ndim == 3]
        norm = [weights for weights in named.values() if weights.ndim == 1]
        groups = [{"params": conv, "weight_decay": self.weight_decay}, {"params": norm, "weight_decay": 0.0}]
        return [
            torch.optim.AdamW(groups, lr=self.learning_rate),
            torch.optim.SGD(rois, lr=self.learning_rate, weight_decay=self.weight_decay),
        ]

    def score(self, video: FaceVideo) -> Scores:
        """Probabilities of apexes as curves; besides, those of start, end and none, (n, 3), and stretches."""
        one = roi_motion(video.motion)
        n = len(one.times_s)
        scores: dict[str, NDArray[np.float32]] = {}
        for kind in KINDS:
            scores[kind] = np.full(n, np.nan, dtype=np.float32)
            scores[f"{kind}_boundary"] = np.full((n, 3), np.nan, dtype=np.float32)
        for first, stop in one.stretches() if self.network_ is not None else ():
            logits = self._logits(one, first, stop)
            for number, kind in enumerate(KINDS):
                if kind in self.kinds_:
                    scores[kind][first:stop] = _sigmoid(logits[6 + number])
                    scores[f"{kind}_boundary"][first:stop] = _softmax(logits[3 * number : 3 * number + 3]).T
        return {"times_s": one.times_s, "stretch": one.stretch, **scores}

    def _logits(self, one: RoiMotion, first: int, stop: int) -> NDArray[np.float32]:
        """The network's outputs for a stretch, (10, length)."""
        import torch

        from mien.learning.train_steps import outputs_of

        assert self.network_ is not None
        return outputs_of(self.network_, torch.from_numpy(self._padded(one, first, stop)[None]))[0]

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """Around each apex above a threshold the likeliest onset and offset; scores are products of three."""
        found: list[Proposal] = []
        for kind in KINDS:
            if kind in thresholds:
                least = checked_threshold(thresholds[kind], kind, least=0.0, most=1.0)
                found += self._proposals(scores, kind, least)
        return sorted(found)

    def _proposals(self, scores: Scores, kind: Kind, least: float) -> list[Proposal]:
        times, apex, boundary = (scores[name] for name in ("times_s", kind, f"{kind}_boundary"))
        near, far = REACH[kind]
        tops = np.flatnonzero(apex > least)
        away = np.arange(near, far + 1)
        starts, p_start, opens = _likeliest(boundary, scores["stretch"], tops, -away[::-1], START)
        ends, p_end, closes = _likeliest(boundary, scores["stretch"], tops, away, END)
        kept = np.flatnonzero(opens & closes)
        spans = np.column_stack([times[starts[kept]], times[ends[kept]]])
        product = (apex[tops] * p_start * p_end)[kept].astype(np.float64)
        best = suppressed(spans, product, most_iou=MOST_IOU, top=self.top)
        return [
            Proposal(
                float(spans[i, 0]), float(times[tops[kept[i]]]), float(spans[i, 1]), kind, float(product[i])
            )
            for i in best.tolist()
        ]


def _likeliest(
    boundary: NDArray[np.float32],
    stretch: NDArray[np.int64],
    tops: NDArray[np.int64],
    offsets: NDArray[np.int64],
    what: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """Where a boundary is likeliest near each apex, how likely, and whether more than the other one."""
    if not len(tops):
        return tops, np.empty(0, np.float32), np.empty(0, bool)
    near = tops[:, None] + offsets
    inside = (near >= 0) & (near < len(stretch))
    near = np.clip(near, 0, len(stretch) - 1)
    inside &= stretch[near] == stretch[tops][:, None]
    best = np.where(inside, boundary[near, what], -1).argmax(axis=1)
    at = near[np.arange(len(tops)), best]
    more = boundary[at, what] > boundary[at, END if what == START else START]
    return at, boundary[at, what], more & inside.any(axis=1)


def _scale(moved: Sequence[RoiMotion]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of u and v over all measured frames and regions, (2,) each."""
    measured = [one.flow[one.stretch >= 0].reshape(-1, 2).astype(np.float64) for one in moved]
    every = np.concatenate([*measured, np.empty((0, 2))])
    if not len(every):
        return np.zeros(2), np.ones(2)
    return every.mean(axis=0), np.maximum(every.std(axis=0), 1e-6)


def _cut(whole: Targets, start: int, end: int) -> Targets:
    """A segment of targets; what it lacks at its end is filled, and weighs nothing."""

    def part(values: NDArray[Any]) -> NDArray[Any]:
        return np.pad(values[start:end], (0, SEGMENT - (end - start)))

    return Targets(part(whole.boundary), part(whole.apex), part(whole.action))


def _stacked(rows: Sequence[Targets]) -> Targets:
    """Targets of segments, one row each."""

    def part(name: str) -> NDArray[Any]:
        return np.array([getattr(row, name) for row in rows]).reshape(-1, SEGMENT)

    return Targets(part("boundary"), part("apex"), part("action"))


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy.special import expit

    return np.asarray(expit(logits))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy.special import softmax

    return np.asarray(softmax(logits, axis=0))
