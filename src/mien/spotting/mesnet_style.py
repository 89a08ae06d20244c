"""MESNet-style: clips that may hold an expression are proposed, then classified and their boundaries moved.

MESNet (Wang et al. 2021, doi:10.1109/TIP.2021.3064258; method sheet 1.1) has no public code and no published
sizes. Published: its three modules, (2+1)-dimensional convolutions, a network that proposes clips of several
lengths, one that classifies them again and moves two boundaries. Inferred: the losses, non-maximum
suppression. Ours: everything else, with flow over three frames, 32 x 32, as input instead of pictures of the
face; layer sizes; anchors of 8 to 32 frames of `FIELD_HZ`, and of 48 to 96 for macro-expressions; both kinds
by one network; clips of 256 frames, as many without an expression as with one; Adam, learning rate .001,
batches of 8, 30 epochs; the threshold on the second stage's probability, .5; the apex in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.features.face_fields import FaceFields
from mien.spotting.flow_windows import KINDS
from mien.spotting.frames import checked_threshold, fields_of
from mien.spotting.mesnet_clips import CLIP, Clip, Clips, clips_of, flow_pieces, read_clips
from mien.spotting.mesnet_layers import CLASSES, anchors, build_mesnet, moved_spans
from mien.spotting.mesnet_loss import two_stage_loss
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo, Scores
from mien.spotting.suppression import suppressed

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96)
SHORTEST = 8
MOST_IOU = 0.4
_FIRST_STAGE = (100, 0.7)  # anchors of a clip's length that are looked at again, and their most IoU
_LEAST = 0.01  # probability below which nothing is kept


@dataclass(eq=False, repr=False, kw_only=True)
class MESNetStyleSpotter:
    """MESNet-style as a spotter of both kinds; thresholds are least probabilities of a proposal.

    Parameters
    ----------
    epochs, batch_size, learning_rate
        Training, defaults ours.
    lengths
        Of anchors, in frames of `FIELD_HZ`.
    max_clips
        At most so many training clips of 256 frames, each 1 MiB; None for all.
    seed
        Initial weights, order and choice of clips.
    device
        Where to train and to score, for example "cpu" or "cuda".
    """

    method: ClassVar[str] = "mesnet-style"
    usual_thresholds: ClassVar[Mapping[Kind, float]] = MappingProxyType({"micro": 0.5, "macro": 0.5})

    epochs: int = 30
    batch_size: int = 8
    learning_rate: float = 1e-3
    lengths: tuple[int, ...] = LENGTHS
    max_clips: int | None = None
    seed: int = 0
    device: str = "cpu"

    def fit(self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]) -> Self:
        """Learn from clips with an expression and as many without; what nobody coded stays unknown."""
        fields = [fields_of(video) for video in videos]
        chosen = self._chosen(fields, references)
        coded = {CLASSES[span[2]] for clip in chosen for span in clip.spans}
        self.kinds_ = tuple(kind for kind in KINDS if kind in coded)
        self.network_ = self._trained(read_clips(fields, chosen)) if self.kinds_ else None
        return self

    def _chosen(self, fields: Sequence[FaceFields], references: Sequence[Sequence[Expression]]) -> list[Clip]:
        rng = np.random.default_rng(self.seed)
        every = [
            clip
            for number, (one, coded) in enumerate(zip(fields, references, strict=True))
            for clip in clips_of(number, one, coded)
        ]
        some = [clip for clip in every if clip.spans]
        empty = [clip for clip in every if not clip.spans]
        n_some = len(some) if self.max_clips is None else min(len(some), max(1, self.max_clips // 2))
        kept = [some[i] for i in np.sort(rng.permutation(len(some))[:n_some])]
        return kept + [empty[i] for i in np.sort(rng.permutation(len(empty))[:n_some])]

    def _trained(self, clips: Clips) -> nn.Module:
        import torch

        from mien.learning.train import TrainingSettings
        from mien.learning.train_steps import train_rows

        every = (clips.flow, clips.measured, clips.spans, clips.kinds)
        inputs = [torch.from_numpy(part) for part in every]
        places = anchors(CLIP, self.lengths).to(self.device)

        def loss(network: nn.Module, rows: Tensor) -> Tensor:
            flow, measured, references, kinds = (part[rows].to(self.device) for part in inputs)
            return two_stage_loss(network, flow, measured, references, kinds, places)

        def optimisers(network: nn.Module) -> list[torch.optim.Optimizer]:
            return [torch.optim.Adam(network.parameters(), lr=self.learning_rate)]

        settings = TrainingSettings(self.epochs, self.learning_rate, self.batch_size, device=self.device)
        n_lengths = len(self.lengths)
        return train_rows(
            lambda: build_mesnet(n_lengths), len(clips.flow), loss, optimisers, settings, seed=self.seed
        )

    def score(self, video: FaceVideo) -> Scores:
        """Spans with their probabilities for each kind, none sharing IoU .4 with a likelier one.

        A kind's curve is the highest probability of a span that covers the frame.
        """
        fields = fields_of(video)
        times = fields.times_s
        found: dict[Kind, list[NDArray[np.float64]]] = {kind: [np.empty((0, 3))] for kind in KINDS}
        scores: dict[str, NDArray[np.float64]] = {kind: np.full(len(times), np.nan) for kind in KINDS}
        for first, stop in fields.stretches() if self.network_ is not None else ():
            if stop - first < SHORTEST:
                continue
            judged = self._judged(fields, first, stop)
            for kind in self.kinds_:
                scores[kind][first:stop] = 0.0
                found[kind].append(_candidates(*judged, kind, times[first:stop]))
        for kind, rows in found.items():
            every = np.concatenate(rows)
            best = suppressed(every[:, :2], every[:, 2], most_iou=MOST_IOU)
            scores[f"{kind}_spans"] = every[best]
            for onset, offset, probability in every[best][::-1]:
                first, stop = np.searchsorted(times, (onset, offset + 1e-9))
                scores[kind][first:stop] = np.fmax(scores[kind][first:stop], probability)
        return {"times_s": times, **scores}

    def _judged(
        self, fields: FaceFields, first: int, stop: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Spans of a stretch in its frames, (m, 2), and their probabilities of each class, (m, 3)."""
        import torch

        from mien.learning.train_steps import outputs_of, repeatable

        network: Any = self.network_
        seen = [
            outputs_of(network.encode, torch.from_numpy(flow))
            for flow in flow_pieces(fields, first, stop, first, stop)
        ]
        spans: list[NDArray[np.float64]] = []
        classes: list[NDArray[np.float64]] = []
        with repeatable(0), torch.inference_mode():
            features = network.follow(torch.from_numpy(np.concatenate(seen))[None].to(self.device))
            logits, by = network.offer(features)
            places = anchors(stop - first, self.lengths).to(self.device)
            moved = moved_spans(places, by[0])
            liked = (logits[0, :, 1] - logits[0, :, 0]).double()
            for number in range(0, stop - first, CLIP):
                rows = _liked(places, moved, liked, number)
                clips = torch.zeros(len(rows), dtype=torch.int64, device=moved.device)
                answers, again = network.judge(features, clips, moved[rows])
                spans.append(moved_spans(moved[rows], again).double().cpu().numpy())
                classes.append(answers.double().softmax(dim=1).cpu().numpy())
        return np.concatenate(spans), np.concatenate(classes)

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """The spans of a kind whose probability is its threshold or more."""
        found = []
        for kind in KINDS:
            if kind not in thresholds:
                continue
            least = checked_threshold(thresholds[kind], kind, least=0.0, most=1.0)
            for onset, offset, probability in scores[f"{kind}_spans"].tolist():
                if probability >= least:
                    found.append(Proposal(onset, (onset + offset) / 2, offset, kind, probability))
        return sorted(found)


def _liked(places: Tensor, moved: Tensor, liked: Tensor, start: int) -> Tensor:
    """Of the anchors centred in the 256 frames from `start`, the best that are no copies of others."""
    import torch

    centre = places.mean(dim=1)
    near = ((centre >= start) & (centre < start + CLIP)).nonzero()[:, 0]
    n_most, most_iou = _FIRST_STAGE
    order = liked[near].argsort(descending=True, stable=True)[:n_most]
    spans, values = (part[near[order]].double().cpu().numpy() for part in (moved, liked))
    kept = suppressed(spans, values, most_iou=most_iou)
    return near[order[torch.from_numpy(kept).to(order.device)]]


def _candidates(
    spans: NDArray[np.float64], classes: NDArray[np.float64], kind: Kind, times_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Onset and offset (s), within the stretch, and probability of spans of a kind, (m, 3)."""
    probability = classes[:, CLASSES.index(kind)]
    at = np.interp(spans, np.arange(len(times_s)), times_s)
    kept = (probability >= _LEAST) & (at[:, 1] > at[:, 0])
    return np.column_stack([at, probability])[kept]
