"""RCN-A: a small recurrent convolutional network with attention without parameters (Xia et al. 2020).

doi:10.1109/TIP.2020.3018222, arXiv:2006.09674. Published: the layers, 15,331 parameters with 32 features, an
attention map of 5 x 5 and three classes; values 0..1; SGD with momentum 0.9, learning rate 5e-4, batches of
64, cross-entropy, 20 epochs, last epoch; Kaiming weights, readout N(0, 0.01). The attention is the mean over
classes of each class's activation map, stretched to 0..1.
Ours: 28 x 28 maps where published input is larger; the gradient flows through the attention map, too; a map
that is the same everywhere gives attention 0 instead of a division by zero; a seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn


DROPOUT = 0.5
RECURRENCES = 2


def build_rcn_a(*, n_classes: int, features: int = 32, grid: int = 5, n_channels: int = 3) -> nn.Module:
    """The network for maps (n, channels, height, width) with values 0..255, returning (n, n_classes) logits.

    Conv 5x5 -> BatchNorm -> ReLU -> MaxPool 2 -> Dropout gives X; y0 = ReLU(BN(Conv 1x1(X))), and twice
    y <- R(X + y) with one shared R = ReLU(BN(Conv 3x3)); MaxPool 2 -> Dropout -> average to the grid, times
    attention, read out by one linear layer.
    """
    import torch
    from torch import nn

    def block(n_in: int, size: int, padding: int) -> nn.Module:
        convolution = nn.Conv2d(n_in, features, kernel_size=size, padding=padding)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        return nn.Sequential(convolution, nn.BatchNorm2d(features), nn.ReLU())

    class RCNA(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = block(n_channels, 5, 0)
            self.entry = block(features, 1, 0)
            self.recurrent = block(features, 3, 1)
            self.pool = nn.MaxPool2d(kernel_size=2)
            self.dropout = nn.Dropout(DROPOUT)
            self.to_grid = nn.AdaptiveAvgPool2d(grid)
            self.readout = nn.Linear(features * grid * grid, n_classes)
            nn.init.normal_(self.readout.weight, std=0.01)

        def forward(self, maps: Tensor) -> Tensor:
            stem = self.dropout(self.pool(self.stem(maps / 255.0)))
            state = self.entry(stem)
            for _ in range(RECURRENCES):
                state = self.recurrent(stem + state)
            state = self.to_grid(self.dropout(self.pool(state)))
            return self.readout((state * self.attention(stem)).flatten(1))

        def attention(self, stem: Tensor) -> Tensor:
            """Where the classes look, (n, 1, grid, grid), values 0..1."""
            weights = self.readout.weight.reshape(n_classes, features, grid, grid)
            activation = torch.einsum("cfhw,nfhw->nchw", weights, self.to_grid(stem)) / features
            low, high = activation.amin((2, 3), keepdim=True), activation.amax((2, 3), keepdim=True)
            return ((activation - low) / (high - low).clamp(min=1e-12)).mean(dim=1, keepdim=True)

    return RCNA()


@dataclass(eq=False, repr=False, kw_only=True)
class RCNARecogniser(NetworkRecogniser):
    """RCN-A as a classifier of motion maps.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training, defaults as published.
    features, grid
        Width of the network and side of its attention map.
    """

    method: ClassVar[str] = "rcn-a"
    optimiser = "sgd"

    epochs: int = 20
    learning_rate: float = 5e-4
    batch_size: int = 64
    weight_decay: float = 0.0
    features: int = 32
    grid: int = 5

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return build_rcn_a(n_classes=n_classes, features=self.features, grid=self.grid)
