"""STSTNet: three shallow streams over one flow map (Liong et al. 2019, arXiv:1902.03634).

Published: the layers, 1,683 parameters for 28 x 28 x 3 and three classes, Adam with learning rate 5e-5,
batches of 256, cross-entropy, 500 epochs, raw pixel values 0..255, no augmentation, last epoch.
Ours: the samples are shuffled in each epoch and the fit is seeded (the published port does neither).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn


STREAM_FILTERS = (3, 5, 8)
DROPOUT = 0.5


def build_ststnet(*, n_classes: int, size: int = 28, n_channels: int = 3) -> nn.Module:
    """The network for maps (n, channels, size, size) with values 0..255, returning (n, n_classes) logits.

    Each stream: Conv 3x3 pad 2 -> ReLU -> BatchNorm -> MaxPool 3 stride 3 pad 1 -> Dropout; streams are
    concatenated, averaged over 2x2 and read out by one linear layer.
    """
    import torch
    from torch import nn

    def stream(n_filters: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(n_channels, n_filters, kernel_size=3, padding=2),
            nn.ReLU(),
            nn.BatchNorm2d(n_filters),
            nn.MaxPool2d(kernel_size=3, stride=3, padding=1),
            nn.Dropout(DROPOUT),
        )

    class STSTNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.streams = nn.ModuleList([stream(n) for n in STREAM_FILTERS])
            pooled = ((size + 2) // 3 + 1) // 2  # pad 2 widens by 2, pooling by 3 then by 2
            self.average = nn.AvgPool2d(kernel_size=2, stride=2)
            self.readout = nn.Linear(sum(STREAM_FILTERS) * pooled * pooled, n_classes)

        def forward(self, maps: Tensor) -> Tensor:
            joined = torch.cat([stream(maps) for stream in self.streams], dim=1)
            return self.readout(self.average(joined).flatten(1))

    return STSTNet()


@dataclass(eq=False, repr=False, kw_only=True)
class STSTNetRecogniser(NetworkRecogniser):
    """STSTNet as a classifier of motion maps.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training, defaults as published.
    """

    method: ClassVar[str] = "ststnet"

    epochs: int = 500
    learning_rate: float = 5e-5
    batch_size: int = 256
    weight_decay: float = 0.0

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return build_ststnet(n_classes=n_classes, size=shape[0])
