"""What SOFTNet and SL-Swin share: one network per kind scores windows, and peaks of the scores are proposed.

Published (method sheet 1.3 and 2.1): mean squared error against 0 and 1, plain SGD; scores smoothed by a
moving mean of 2 k with k frames at both ends dropped; a threshold T = mean + p (max - mean) of the video's
smoothed scores; peaks at least k apart; the interval [peak - k, peak + k].

Ours: a score belongs to the middle of its window; the moving mean and the interval end at the stretch; where
no peak reaches the threshold nothing is proposed (the published code proposes an interval at 0, which counts
one false positive); every video is judged (the published evaluation leaves out those without the kind).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.features.face_fields import FaceFields
from mien.spotting.flow_windows import KINDS, half_length, read_pictures, training_pictures
from mien.spotting.frames import PIECE, checked_threshold, fields_of
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo, Scores

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from mien.learning.train import TrainingSettings


@dataclass(eq=False, repr=False, kw_only=True)
class WindowSpotter:
    """A spotter that is one network per kind over pictures of windows; `usual_thresholds` are published.

    Parameters
    ----------
    max_samples
        At most so many training pictures of a kind, copies included; None for all, as published.
    seed
        Initial weights, order and choice of samples, and their noise.
    device
        Where to train and to score, for example "cpu" or "cuda".
    """

    method: ClassVar[str]
    usual_thresholds: ClassVar[Mapping[Kind, float]]

    epochs: int
    batch_size: int
    learning_rate: float = 5e-4
    max_samples: int | None = None
    seed: int = 0
    device: str = "cpu"

    def _build(self) -> nn.Module:
        """The untrained network: pictures (n, 3, 42, 42) with values 0..255 to (n, 1)."""
        raise NotImplementedError

    def fit(self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]) -> Self:
        """Learn each kind that was coded from the videos in which it was."""
        self.k_: dict[Kind, int] = {}
        self.networks_: dict[Kind, nn.Module] = {}
        for kind in KINDS:
            k = half_length(references, kind)
            if k is None:
                continue
            network = self._learned(videos, references, kind, k)
            if network is not None:
                self.k_[kind], self.networks_[kind] = k, network
        return self

    def _learned(
        self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]], kind: Kind, k: int
    ) -> nn.Module | None:
        """The network of a kind; None where no window of it could be measured."""
        import torch

        from mien.learning.train_steps import train_rows

        pictures, labels = training_pictures(
            [fields_of(video) for video in videos],
            references,
            kind,
            k,
            seed=self.seed,
            limit=self.max_samples,
        )
        if not labels.any():
            return None
        inputs, targets = torch.from_numpy(pictures), torch.from_numpy(labels)

        def loss(network: nn.Module, rows: Tensor) -> Tensor:
            given = network(inputs[rows].to(self.device))[:, 0]
            return torch.nn.functional.mse_loss(given, targets[rows].to(self.device))

        return train_rows(self._build, len(labels), loss, self._optimisers, self._settings(), seed=self.seed)

    def _settings(self) -> TrainingSettings:
        from mien.learning.train import TrainingSettings

        return TrainingSettings(self.epochs, self.learning_rate, self.batch_size, device=self.device)

    def _optimisers(self, network: nn.Module) -> list[torch.optim.Optimizer]:
        import torch

        return [torch.optim.SGD(network.parameters(), lr=self.learning_rate)]

    def score(self, video: FaceVideo) -> Scores:
        """Smoothed scores of both kinds; besides, stretches and k of each kind (0: not learned)."""
        fields = fields_of(video)
        curves: dict[str, NDArray[np.float64]] = {}
        for kind in KINDS:
            curves[kind] = np.full(len(fields), np.nan)
            if kind in self.k_:
                self._score_kind(fields, kind, curves[kind])
        k = np.array([self.k_.get(kind, 0) for kind in KINDS], dtype=np.int64)
        return {"times_s": fields.times_s, **curves, "stretch": fields.stretch, "k": k}

    def _score_kind(self, fields: FaceFields, kind: Kind, curve: NDArray[np.float64]) -> None:
        """Write the smoothed scores of every stretch that is long enough into the curve."""
        import torch

        from mien.learning.train_steps import outputs_of

        k, network = self.k_[kind], self.networks_[kind]
        for first, stop in fields.stretches():
            if stop - first < 3 * k:
                continue
            raw = []
            for start in range(first, stop - k, PIECE):
                starts = np.arange(start, min(start + PIECE, stop - k))
                raw.append(outputs_of(network, torch.from_numpy(read_pictures(fields, starts, k)))[:, 0])
            mean = smoothed(np.concatenate(raw).astype(np.float64), k)
            at = first + k + k // 2
            curve[at : at + len(mean)] = mean

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """Peaks above mean + p (max - mean), with p by kind; their score is the smoothed score."""
        found = []
        for kind, k in zip(KINDS, scores["k"].tolist(), strict=True):
            if kind in thresholds and k:
                p = checked_threshold(thresholds[kind], kind, least=0.0)
                found += _proposals(scores, kind, k, p)
        return sorted(found)


def smoothed(raw: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """The moving mean of 2 k scores, (n - 2 k + 1,): the first value is of the first 2 k scores."""
    total = np.concatenate([[0.0], np.cumsum(raw)])
    return (total[2 * k :] - total[: -2 * k]) / (2 * k)


def _proposals(scores: Scores, kind: Kind, k: int, p: float) -> list[Proposal]:
    from scipy.signal import find_peaks

    times, curve, stretch = scores["times_s"], scores[kind], scores["stretch"]
    judged = curve[np.isfinite(curve)]
    if not len(judged):
        return []
    height = judged.mean() + p * (judged.max() - judged.mean())
    found = []
    edges = np.flatnonzero(np.diff(stretch, prepend=-2, append=-2))
    for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        rows = first + np.flatnonzero(np.isfinite(curve[first:stop]))
        for peak in rows[find_peaks(curve[rows], height=height, distance=k)[0]].tolist():
            onset, offset = max(first, peak - k), min(stop - 1, peak + k)
            found.append(
                Proposal(
                    float(times[onset]), float(times[peak]), float(times[offset]), kind, float(curve[peak])
                )
            )
    return found
