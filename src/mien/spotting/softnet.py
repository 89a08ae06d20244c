"""SOFTNet: three shallow streams over |u|, |v| and strain of a window (Liong et al. 2021, ICIP).

Published (method sheet 2.1): input, labels, network with 314,817 parameters, mean squared error, SGD with
learning rate 5e-4, batches of 12, 10 epochs, threshold p .55, peaks and intervals. Ours, beside what
`flow_windows` and `window_spotter` say: initial weights as PyTorch draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from mien.core.expression import Kind
from mien.spotting.flow_windows import SIDE
from mien.spotting.window_spotter import WindowSpotter

if TYPE_CHECKING:
    from torch import Tensor, nn

STREAM_FILTERS = (3, 5, 8)
HIDDEN = 400


def build_softnet() -> nn.Module:
    """The network for pictures (n, 3, 42, 42) with values 0..255, returning (n, 1).

    Each channel has its stream: Conv 5x5 -> ReLU -> MaxPool 3, the last two in the other order, which gives
    the same with a ninth of the work. Streams are joined, MaxPool 2, 784 -> 400 ReLU
    -> 1.
    """
    import torch
    from torch import nn

    def stream(n_filters: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, n_filters, kernel_size=5, padding=2), nn.MaxPool2d(3), nn.ReLU())

    class SOFTNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.streams = nn.ModuleList([stream(n) for n in STREAM_FILTERS])
            n_joined = sum(STREAM_FILTERS) * (SIDE // 6) ** 2
            self.readout = nn.Sequential(
                nn.MaxPool2d(2), nn.Flatten(), nn.Linear(n_joined, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
            )

        def forward(self, pictures: Tensor) -> Tensor:
            channels = (pictures.float() / 255).split(1, dim=1)
            seen = [stream(channel) for stream, channel in zip(self.streams, channels, strict=True)]
            return self.readout(torch.cat(seen, dim=1))

    return SOFTNet()


@dataclass(eq=False, repr=False, kw_only=True)
class SOFTNetSpotter(WindowSpotter):
    """SOFTNet as a spotter, one network per kind.

    Parameters
    ----------
    epochs, batch_size, learning_rate
        Training, defaults as published.
    """

    method: ClassVar[str] = "softnet"
    usual_thresholds: ClassVar[Mapping[Kind, float]] = MappingProxyType({"micro": 0.55, "macro": 0.55})

    epochs: int = 10
    batch_size: int = 12

    def _build(self) -> nn.Module:
        return build_softnet()
