"""MERSiamC3D-style: pairs first, classes second, over the motion of key frames (after Zhao et al. 2021).

Neurocomputing 448. Neither code nor layer sizes are known here. Published: after few-shot learning, two
stages: a Siamese 3-D convolutional network learns generic features, then structure and parameters are
adjusted with focal loss; key frames condense the clip.
Ours: everything else. Key frames by `features.key_frames` (published: a network chooses them), u, v and
strain between them, each sample divided by its own largest value; four 3-D convolutions of 16, 32, 64, 64
filters, 128 features; stage 1 draws pairs of one class together and pushes others apart by a margin of 1 on
the unit sphere, both kinds weighing the same; stage 2 adds a linear readout, focal loss with gamma 2, classes
weighted inversely to their frequency; Adam 1e-4, batches of 16, 50 epochs each. Both stages see the samples
given to `fit`, and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mien.recognition.inputs import MOTION_CLIP, Input
from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mien.learning.losses import LogitLoss

FILTERS = (16, 32, 64, 64)
N_FEATURES = 128


def build_siamese_branch(*, n_classes: int, filters: tuple[int, ...] = FILTERS) -> nn.Module:
    """The network for motion clips (n, 3, steps, height, width), returning (n, n_classes) logits.

    Four times Conv 3x3x3 -> BatchNorm -> ReLU -> MaxPool (the first within frames only), mean, 128 features.
    Its `embed` gives the features at length 1.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    def block(n_in: int, n_out: int, steps: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv3d(n_in, n_out, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm3d(n_out),
            nn.ReLU(),
            nn.MaxPool3d((steps, 2, 2), ceil_mode=True),
        )

    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = zip((3, *filters), filters, strict=False)
            self.blocks = nn.Sequential(*(block(a, b, 2 if i else 1) for i, (a, b) in enumerate(widths)))
            self.features = nn.Linear(filters[-1], N_FEATURES)
            self.readout = nn.Linear(N_FEATURES, n_classes)

        def describe(self, clips: Tensor) -> Tensor:
            return self.features(self.blocks(clips).mean((2, 3, 4)))

        def embed(self, clips: Tensor) -> Tensor:
            return functional.normalize(self.describe(clips), dim=1)

        def forward(self, clips: Tensor) -> Tensor:
            return self.readout(torch.relu(self.describe(clips)))

    return Branch()


@dataclass(eq=False, repr=False, kw_only=True)
class MERSiamC3DStyleRecogniser(NetworkRecogniser):
    """MERSiamC3D-style classifier of motion clips.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training of the second stage; the first shares all but the epochs.
    pair_epochs, margin
        The first stage.
    gamma
        Of the focal loss.
    """

    method: ClassVar[str] = "mersiamc3d-style"
    needs: ClassVar[Input] = MOTION_CLIP

    epochs: int = 50
    learning_rate: float = 1e-4
    batch_size: int = 16
    weight_decay: float = 0.0
    pair_epochs: int = 50
    margin: float = 1.0
    gamma: float = 2.0

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return build_siamese_branch(n_classes=n_classes)

    def _tensor(self, X: NDArray[Any]) -> Tensor:
        largest = np.abs(X).max(axis=(1, 2, 3, 4), keepdims=True)
        return super()._tensor(X / np.where(largest > 0, largest, 1.0))

    def _start(self, inputs: Tensor, codes: NDArray[np.int64]) -> Callable[[], nn.Module]:
        from dataclasses import replace

        from mien.learning.losses import contrastive_loss
        from mien.learning.train import train

        def pairs(network: nn.Module, clips: Tensor, labels: Tensor) -> Tensor:
            return contrastive_loss(network.embed(clips), labels, margin=self.margin)  # type: ignore[operator]

        settings = replace(self._settings(), epochs=self.pair_epochs)
        generic = train(
            super()._start(inputs, codes),
            inputs,
            codes,
            settings,
            seed=self.seed,
            loss=self._augmented(pairs),
        )
        return lambda: generic

    def _judge(self, codes: NDArray[np.int64], *, smoothing: float = 0.0) -> LogitLoss:
        if self.imbalance != "as-published":
            return super()._judge(codes, smoothing=smoothing)
        from mien.learning.losses import class_weights, focal_loss

        alpha = class_weights(codes).to(self.device)
        return lambda logits, labels: focal_loss(logits, labels, gamma=self.gamma, alpha=alpha)
