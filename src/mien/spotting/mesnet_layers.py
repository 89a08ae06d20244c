"""The network of MESNet-style: flow of each frame, then time, proposals, their classes and boundaries.

Published (Wang et al. 2021, doi:10.1109/TIP.2021.3064258; method sheet 1.1): space and time convolved one
after another, a network that proposes clips of several lengths, and one that classifies each again and moves
its two boundaries. Every size here is ours, and so is the sampling of features in a proposal.

Spans are tensors (..., 2) of onset and offset in frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

INPUT_SIZE = 32
WIDTH = 64
FILTERS = (8, 16, 32)
DILATIONS = (1, 4, 16)
STRIDE = 2
"""Frames from one place of anchors to the next."""
N_POINTS = 8
_AROUND = 0.25  # of a proposal's length on either side, where its boundaries may be
_MOST_LOG = 1.5
CLASSES = ("none", "micro", "macro")


def moved_spans(spans: Tensor, by: Tensor) -> Tensor:
    """Spans whose centre moves by a share of their length and whose length grows by a logarithm."""
    import torch

    centre, length = spans.mean(dim=-1), spans[..., 1] - spans[..., 0]
    centre = centre + by[..., 0] * length
    half = length * by[..., 1].clamp(-_MOST_LOG, _MOST_LOG).exp() / 2
    return torch.stack([centre - half, centre + half], dim=-1)


def moves_between(spans: Tensor, goals: Tensor) -> Tensor:
    """What `moved_spans` needs to take spans to goals."""
    import torch

    length, goal = spans[..., 1] - spans[..., 0], goals[..., 1] - goals[..., 0]
    shift = (goals.mean(dim=-1) - spans.mean(dim=-1)) / length
    return torch.stack([shift, (goal.clamp(min=1) / length).log()], dim=-1)


def spans_iou(spans: Tensor, references: Tensor) -> Tensor:
    """Of spans (..., m, 2) with references (..., r, 2), (..., m, r)."""
    a, b = spans[..., :, None, :], references[..., None, :, :]
    shared = (a[..., 1].minimum(b[..., 1]) - a[..., 0].maximum(b[..., 0])).clamp(min=0)
    joint = (a[..., 1] - a[..., 0]) + (b[..., 1] - b[..., 0]) - shared
    return shared / joint.clamp(min=1e-6)


def anchors(n_frames: int, lengths: Sequence[int]) -> Tensor:
    """Spans at every second frame, of every length, (ceil(n_frames / 2) * n_lengths, 2)."""
    import torch

    centre = torch.arange(0, n_frames, STRIDE, dtype=torch.float32)[:, None]
    half = torch.tensor(lengths, dtype=torch.float32) / 2
    return torch.stack([centre - half, centre + half], dim=-1).flatten(0, 1)


def build_mesnet(n_lengths: int) -> nn.Module:
    """The network; its parts are `encode`, `follow`, `offer` and `judge`."""
    from torch import nn

    class MESNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode = frame_encoder()
            self.time = nn.Sequential(*[layer for dilation in DILATIONS for layer in _over_time(dilation)])
            self.propose = nn.Conv1d(WIDTH, 4 * n_lengths, 1)
            self.answer = nn.Sequential(
                nn.Linear(N_POINTS * WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, len(CLASSES) + 2)
            )

        def follow(self, seen: Tensor) -> Tensor:
            """Frames' vectors (n, length, 64) with what is around them in time."""
            return self.time(seen.transpose(1, 2)).transpose(1, 2)

        def offer(self, features: Tensor) -> tuple[Tensor, Tensor]:
            """Logits (n, n_anchors, 2) of no and an expression, and how to move each anchor."""
            every = self.propose(features[:, ::STRIDE].transpose(1, 2)).transpose(1, 2)
            every = every.unflatten(2, (n_lengths, 4)).flatten(1, 2)
            return every[..., :2], every[..., 2:]

        def judge(self, features: Tensor, clips: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
            """Logits (k, 3) of classes for spans (k, 2) of given clips (k,), and how to move each."""
            every = self.answer(_sampled(features, clips, spans).flatten(1))
            return every[:, : len(CLASSES)], every[:, len(CLASSES) :]

        def forward(self, flow: Tensor) -> Tensor:
            """Features (n, length, 64) of flow (n, length, 2, 32, 32)."""
            seen = self.encode(flow.flatten(0, 1)).unflatten(0, flow.shape[:2])
            return self.follow(seen)

    return MESNet()


def frame_encoder() -> nn.Module:
    """Flow (n, 2, 32, 32) of frames to vectors (n, 64)."""
    from torch import nn

    layers: list[nn.Module] = []
    for n_in, n_out in zip((2, *FILTERS), FILTERS, strict=False):
        layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
    side = INPUT_SIZE // 2 ** len(FILTERS)
    encoder = nn.Sequential(*layers, nn.Flatten(), nn.Linear(FILTERS[-1] * side**2, WIDTH), nn.ReLU())

    class FrameEncoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = encoder

        def forward(self, flow: Tensor) -> Tensor:
            return self.layers(flow.float())

    return FrameEncoder()


def _over_time(dilation: int) -> list[nn.Module]:
    from torch import nn

    conv = nn.Conv1d(WIDTH, WIDTH, 3, dilation=dilation, padding=dilation)
    return [conv, nn.BatchNorm1d(WIDTH), nn.ReLU()]


def _sampled(features: Tensor, clips: Tensor, spans: Tensor) -> Tensor:
    """Features at even points in and around each span, (k, 8, 64), linearly between frames."""
    import torch

    around = (spans[:, 1:] - spans[:, :1]) * _AROUND
    share = torch.linspace(0, 1, N_POINTS, device=spans.device)
    at = (spans[:, :1] - around) + share * (spans[:, 1:] - spans[:, :1] + 2 * around)
    at = at.clamp(0, features.shape[1] - 1)
    low = at.floor().long()
    high = (low + 1).clamp(max=features.shape[1] - 1)
    weight = (at - low)[..., None]
    return features[clips[:, None], low] * (1 - weight) + features[clips[:, None], high] * weight
