"""Training a network on labelled arrays, the same way every time.

Conventions: one thread on a CPU, deterministic kernels, and a random state of its own per fit, so that
equal data, settings and seed give equal weights on one kind of processor, in any process. The whole
training set is shuffled anew in each epoch; the last, smaller batch is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core.errors import JobError, OptionError
from mien.learning.losses import StepLoss

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a network is trained; raises OptionError for impossible values.

    `class_weights` "balanced" weighs the loss of class c by n / (n_classes * n_c) of the training set.
    It belongs to cross-entropy; a method's own loss sees to itself.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 256
    weight_decay: float = 0.0
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    class_weights: Literal["none", "balanced"] = "none"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0 or self.weight_decay < 0:
            raise OptionError(
                "training settings",
                wanted="epochs and batch size >= 1, learning rate > 0, weight decay >= 0",
                got=f"{self.epochs}, {self.batch_size}, {self.learning_rate}, {self.weight_decay}",
                remedy="correct the value",
            )


def train(
    build: Callable[[], nn.Module],
    X: Tensor,
    y: NDArray[np.int64],
    settings: TrainingSettings,
    *,
    seed: int,
    loss: StepLoss | None = None,
    after_epoch: Callable[[nn.Module, int], None] | None = None,
) -> nn.Module:
    """A network built and trained from one seed, in evaluation mode.

    Parameters
    ----------
    build
        Makes the network; its initial weights are drawn from the seed as well.
    X, y
        Inputs (n_samples, ...) and class indices (n_samples,).
    loss
        The loss of a batch, from the network, its inputs and its class indices; default: cross-entropy of
        the network's outputs.
    after_epoch
        Called with the network in evaluation mode and the number of the epoch, from 1.

    Raises
    ------
    JobError
        If the loss becomes NaN or infinite.
    """
    device = torch.device(settings.device)
    with _repeatable(seed):
        network = build().to(device)
        inputs, labels = X.to(device), torch.as_tensor(y, device=device)
        loss_of = loss or _cross_entropy(labels, settings)
        optimiser = _optimiser(network, settings)
        for epoch in range(1, settings.epochs + 1):
            network.train()
            _run_epoch(network, inputs, labels, loss_of, optimiser, settings.batch_size, epoch)
            if after_epoch is not None:
                network.eval()
                after_epoch(network, epoch)
    return network.eval()


def _run_epoch(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    loss_of: StepLoss,
    optimiser: torch.optim.Optimizer,
    batch_size: int,
    epoch: int,
) -> None:
    for rows in torch.randperm(len(inputs)).to(inputs.device).split(batch_size):
        if len(rows) == 1 and len(inputs) > 1:
            continue  # batch normalisation has no variance of a single sample
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(network, inputs[rows], labels[rows])
        if not torch.isfinite(loss):
            raise JobError(
                f"training, epoch {epoch}",
                wanted="a finite loss",
                got=float(loss.detach()),
                remedy="lower the learning rate or check the input",
            )
        loss.backward()
        optimiser.step()


def predict_scores(network: nn.Module, X: Tensor, *, batch_size: int = 256) -> FloatArray:
    """Class probabilities (softmax of the outputs), shape (n_samples, n_classes), float64."""
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        parts = [
            torch.softmax(network(part.to(device)).double(), dim=1).cpu() for part in X.split(batch_size)
        ]
    return torch.cat(parts).numpy()


def _optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    options: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimiser == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=0.9, **options)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimiser]
    return kind(network.parameters(), **options)


def _cross_entropy(labels: Tensor, settings: TrainingSettings) -> StepLoss:
    loss_of = nn.CrossEntropyLoss(weight=_class_weights(labels, settings))
    return lambda network, inputs, codes: loss_of(network(inputs), codes)


def _class_weights(labels: Tensor, settings: TrainingSettings) -> Tensor | None:
    if settings.class_weights == "none":
        return None
    counts = torch.bincount(labels).float()
    return len(labels) / (len(counts) * counts.clamp(min=1))


@contextlib.contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Seed torch, force deterministic kernels and one thread; put everything back afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # nothing here reads what it has not written
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.utils.deterministic.fill_uninitialized_memory = filled
            torch.set_num_threads(threads)
