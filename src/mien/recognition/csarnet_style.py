"""CSARNet-style: a residual network with self-attention between channels (after Zhao et al. 2025).

"Channel self-attention residual network: learning micro-expression recognition features from augmented motion
flow images", IEEE TAFFC 2025. Neither code nor layer sizes are known here. Published, as others tell it:
local augmentation of motion-flow images; a lightweight backbone; residuals; self-attention over channels;
what tells classes apart is sought over channels and space.
Ours: everything else. Stem 3 -> 32 with stride 2, three residual stages of 32, 64, 128; after each, attention
of every channel to every other and a gate over space; cross-entropy with labels smoothed by 0.1, AdamW 1e-3,
batches of 64, 100 epochs. Augmentation of training samples: half of them are mirrored, u changing its sign,
and in half of them the motion within one rectangle is made up to three times as large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mien.learning.losses import StepLoss

WIDTHS = (32, 64, 128)


def build_csarnet(*, n_classes: int, widths: tuple[int, ...] = WIDTHS, n_channels: int = 3) -> nn.Module:
    """The network for maps (n, channels, height, width) with values 0..255, returning (n, n_classes) logits.

    Height and width are halved by the stem and by every stage but the first.
    """
    import torch
    from torch import nn

    def convolution(n_in: int, n_out: int, size: int = 3, stride: int = 1) -> nn.Module:
        kernel = nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=False)
        return nn.Sequential(kernel, nn.BatchNorm2d(n_out))

    class Residual(nn.Module):
        def __init__(self, n_in: int, n_out: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                convolution(n_in, n_out, stride=stride), nn.ReLU(), convolution(n_out, n_out)
            )
            same = n_in == n_out and stride == 1
            self.shortcut = nn.Identity() if same else convolution(n_in, n_out, 1, stride)

        def forward(self, maps: Tensor) -> Tensor:
            return torch.relu(self.body(maps) + self.shortcut(maps))

    class ChannelSelfAttention(nn.Module):
        """x + gamma softmax(Q K^T / sqrt(HW)) V, with Q, K, V of shape (channels, HW)."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.to_qkv = nn.Conv2d(width, 3 * width, kernel_size=1, bias=False)
            self.gamma = nn.Parameter(torch.zeros(1))

        def forward(self, maps: Tensor) -> Tensor:
            queries, keys, values = self.to_qkv(maps).flatten(2).chunk(3, dim=1)
            weights = torch.softmax(queries @ keys.transpose(1, 2) / queries.shape[2] ** 0.5, dim=-1)
            return maps + self.gamma * (weights @ values).reshape(maps.shape)

    class SpatialGate(nn.Module):
        """x times a number 0..1 per place, from the mean and the maximum over channels."""

        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Conv2d(2, 1, kernel_size=7, padding=3)

        def forward(self, maps: Tensor) -> Tensor:
            seen = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], dim=1)
            return maps * torch.sigmoid(self.gate(seen))

    class CSARNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(convolution(n_channels, widths[0], stride=2), nn.ReLU())
            self.stages = nn.ModuleList()
            for level, (n_in, n_out) in enumerate(zip((widths[0], *widths), widths, strict=False)):
                block = Residual(n_in, n_out, stride=2 if level else 1)
                self.stages.append(nn.Sequential(block, ChannelSelfAttention(n_out), SpatialGate()))
            self.readout = nn.Linear(widths[-1], n_classes)

        def forward(self, maps: Tensor) -> Tensor:
            maps = self.stem(maps / 255.0)
            for stage in self.stages:
                maps = stage(maps)
            return self.readout(maps.mean((2, 3)))

    return CSARNet()


@dataclass(eq=False, repr=False, kw_only=True)
class CSARNetStyleRecogniser(NetworkRecogniser):
    """CSARNet-style classifier of motion maps; training, and widths of the stages."""

    method: ClassVar[str] = "csarnet-style"
    optimiser = "adamw"

    epochs: int = 100
    learning_rate: float = 1e-3
    batch_size: int = 64
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    widths: tuple[int, ...] = WIDTHS

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return build_csarnet(n_classes=n_classes, widths=tuple(self.widths))

    def _loss(self, codes: NDArray[np.int64]) -> StepLoss:
        from mien.recognition.augmentation import augment_maps

        judge = self._judge(codes, smoothing=self.label_smoothing)
        return lambda network, maps, labels: judge(network(augment_maps(maps)), labels)
