"""FeatRef-style: features shared by all expressions, then refined for each (after Zhou et al. 2022).

Pattern Recognition 122, arXiv:2101.04838. Its code was never published, nor are its layer sizes
known here. Published: optical flow -> inception module -> shared features -> for each expression an attention
factor and a proposal loss, giving specific features -> a branch that fuses them and predicts the label.
From a third party's account of the same authors' Dual-Inception: two streams (u, v), each of two inception
layers with 6 and 16 filters in four branches, and 1,024 shared features.
Ours: everything else, that is ReLU after each convolution, values 0..1, sigmoid attention, binary
cross-entropy as proposal loss weighing 0.5, fusion by concatenation, Adam 1e-4, batches of 32, 100 epochs.
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

INCEPTION_FILTERS = (6, 16)


def build_featref(
    *,
    n_classes: int,
    size: tuple[int, int] = (28, 28),
    n_shared: int = 1024,
    filters: tuple[int, int] = INCEPTION_FILTERS,
) -> nn.Module:
    """The network for maps (n, 3, height, width) with values 0..255, of which it reads u and v.

    It returns (n, n_classes) logits; its `propose` returns the expressions' proposals beside them.
    """
    import torch
    from torch import nn

    def branch(n_in: int, n_out: int, size: int) -> list[nn.Module]:
        first = [nn.Conv2d(n_in, n_out, kernel_size=1), nn.ReLU()]
        return first if size == 1 else [*first, nn.Conv2d(n_out, n_out, size, padding=size // 2), nn.ReLU()]

    class Inception(nn.Module):
        def __init__(self, n_in: int, n_out: int) -> None:
            super().__init__()
            pooled = [nn.MaxPool2d(kernel_size=3, stride=1, padding=1), *branch(n_in, n_out, 1)]
            parts = [*(branch(n_in, n_out, size) for size in (1, 3, 5)), pooled]
            self.branches = nn.ModuleList([nn.Sequential(*part) for part in parts])

        def forward(self, maps: Tensor) -> Tensor:
            return torch.cat([branch(maps) for branch in self.branches], dim=1)

    def stream() -> nn.Module:
        first, second = filters
        return nn.Sequential(
            Inception(1, first), nn.MaxPool2d(2), Inception(4 * first, second), nn.MaxPool2d(2), nn.Flatten()
        )

    class FeatRef(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.streams = nn.ModuleList([stream(), stream()])
            n_features = 2 * 4 * filters[1] * (size[0] // 4) * (size[1] // 4)
            self.shared = nn.Sequential(nn.Linear(n_features, n_shared), nn.ReLU())
            self.attentions = nn.ModuleList([nn.Linear(n_shared, n_shared) for _ in range(n_classes)])
            self.proposals = nn.ModuleList([nn.Linear(n_shared, 1) for _ in range(n_classes)])
            self.readout = nn.Linear(n_classes * n_shared, n_classes)

        def propose(self, maps: Tensor) -> tuple[Tensor, Tensor]:
            """Logits of the classes, and of each class's own proposal, both (n, n_classes)."""
            flow = maps[:, :2] / 255.0
            parts = [stream(flow[:, i : i + 1]) for i, stream in enumerate(self.streams)]
            shared = self.shared(torch.cat(parts, dim=1))
            specific = [torch.sigmoid(attend(shared)) * shared for attend in self.attentions]
            proposed = [judge(one) for judge, one in zip(self.proposals, specific, strict=True)]
            return self.readout(torch.cat(specific, dim=1)), torch.cat(proposed, dim=1)

        def forward(self, maps: Tensor) -> Tensor:
            return self.propose(maps)[0]

    return FeatRef()


@dataclass(eq=False, repr=False, kw_only=True)
class FeatRefStyleRecogniser(NetworkRecogniser):
    """FeatRef-style classifier of motion maps.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training.
    proposal_weight
        Of the proposals' loss beside the classification's.
    n_shared
        Number of shared features.
    """

    method: ClassVar[str] = "featref-style"

    epochs: int = 100
    learning_rate: float = 1e-4
    batch_size: int = 32
    weight_decay: float = 0.0
    proposal_weight: float = 0.5
    n_shared: int = 1024

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return build_featref(n_classes=n_classes, size=(shape[0], shape[1]), n_shared=self.n_shared)

    def _loss(self, codes: NDArray[np.int64]) -> StepLoss:
        from torch.nn import functional

        judge = self._judge(codes)

        def loss(network: nn.Module, maps: Tensor, labels: Tensor) -> Tensor:
            logits, proposed = network.propose(maps)  # type: ignore[operator]
            target = functional.one_hot(labels, int(codes.max()) + 1).to(proposed.dtype)
            proposal = functional.binary_cross_entropy_with_logits(proposed, target)
            return judge(logits, labels) + self.proposal_weight * proposal

        return loss
