"""EEGNet-8,2: a small convolutional network for EEG epochs (Lawhern et al. 2018, arXiv:1611.08024).

Published: the layers, for 128 samples a second; 6,615 trainable parameters follow for 64 channels x 10 s and
seven classes; Adam with learning rate 1e-3, batches of 64, cross-entropy, 500 epochs; dropout 0.25 across
participants (0.5 within one); norms of spatial filters at most 1 and of readouts at most 0.25 (the authors'
code); the epoch that is best on a validation set.
Ours: `fixed` takes the last epoch; each channel is standardised by mean and deviation of the training
samples; the spatial filter goes before the temporal one, with equal results (`recognition.eegnet_layers`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mien.recognition.inputs import Input
from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mien.learning.losses import StepLoss
    from mien.recognition.eegnet_layers import EEGNet, Moments

EEG_EPOCH = Input("eeg-epoch", "epochs of cleaned EEG, in microvolts", ("channels", "samples"), signed=True)


@dataclass(eq=False, repr=False, kw_only=True)
class EEGNetRecogniser(NetworkRecogniser):
    """EEGNet as a classifier of EEG epochs, (n_samples, channels, samples), floating point.

    Any unit will do, the same in training and later; the kernel is meant for 128 samples a second.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training, defaults as published.
    filters
        Number of temporal filters.
    depth
        Spatial filters of each temporal one.
    kernel
        Length of the temporal filters in samples: half the sampling rate as published.
    dropout
        Chance that a value is left out, after each pooling.

    Raises
    ------
    DataError
        On fitting or answering, if the input is of another kind, or an epoch is shorter than 32 samples or
        than the kernel.
    OptionError
        On fitting, if a parameter cannot be.
    """

    method: ClassVar[str] = "eegnet"
    needs: ClassVar[Input] = EEG_EPOCH

    epochs: int = 500
    learning_rate: float = 1e-3
    batch_size: int = 64
    weight_decay: float = 0.0
    filters: int = 8
    depth: int = 2
    kernel: int = 64
    dropout: float = 0.25

    def _network(self, shape: tuple[int, ...], n_classes: int) -> EEGNet:
        from mien.recognition.eegnet_layers import build_eegnet

        return build_eegnet(
            n_channels=shape[0],
            n_samples=shape[1],
            n_classes=n_classes,
            filters=self.filters,
            depth=self.depth,
            kernel=self.kernel,
            dropout=self.dropout,
        )

    def _tensor(self, X: NDArray[Any]) -> Tensor:
        """X as the network reads it: float32, axes as they are."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))

    def _start(self, inputs: Tensor, codes: NDArray[np.int64]) -> Callable[[], nn.Module]:
        """The untrained network, standardising by the training samples."""

        def build() -> nn.Module:
            network = self._network(self.shape_, len(self.classes_))
            network.standardise_by(inputs)
            return network

        return build

    def _training(self, inputs: Tensor, codes: NDArray[np.int64]) -> tuple[Tensor, StepLoss]:
        """Row numbers: a row stands for an epoch and its moments, which are computed once."""
        import torch

        rows = torch.arange(len(inputs))
        return rows, by_row(inputs.to(self.device), self._judge(codes))


def by_row(inputs: Tensor, judge: Callable[[Tensor, Tensor], Tensor]) -> StepLoss:
    """The loss of a batch that is given as row numbers of all training epochs (n, channels, samples).

    The epochs' moments are computed at the first step, by the standardisation of the network that is trained.
    """
    known: list[Moments] = []

    def loss(network: Any, rows: Tensor, labels: Tensor) -> Tensor:
        if not known:
            known.append(network.moments(inputs))
        return judge(network(inputs[rows], known[0][rows]), labels)

    return loss
