"""Training a network on labelled arrays, the same way every time.

Conventions: one thread on a CPU, deterministic kernels, and a random state of its own per fit, so that
equal data, settings and seed give equal weights on one kind of processor, in any process. The whole
training set is shuffled anew in each epoch; the last, smaller batch is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
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

    `sampling` "balanced" draws as many samples an epoch as there are, with replacement, every class as often
    as any other; "shuffled" takes each sample once.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 256
    weight_decay: float = 0.0
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    sampling: Literal["shuffled", "balanced"] = "shuffled"
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
        loss_of = loss or _cross_entropy
        order = _order(y, settings)
        optimiser = _optimiser(network, settings)
        for epoch in range(1, settings.epochs + 1):
            network.train()
            rows = order().to(device)
            _run_epoch(network, inputs, labels, loss_of, optimiser, rows.split(settings.batch_size), epoch)
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
    batches: Sequence[Tensor],
    epoch: int,
) -> None:
    for rows in batches:
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


def _cross_entropy(network: nn.Module, inputs: Tensor, codes: Tensor) -> Tensor:
    return nn.functional.cross_entropy(network(inputs), codes)


def _order(y: NDArray[np.int64], settings: TrainingSettings) -> Callable[[], Tensor]:
    """What draws the rows of an epoch."""
    if settings.sampling == "shuffled":
        return lambda: torch.randperm(len(y))
    codes = torch.as_tensor(y)
    chance = 1.0 / torch.bincount(codes).double()[codes]
    return lambda: torch.multinomial(chance, len(y), replacement=True)


@contextlib.contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Seed torch, force deterministic kernels and one thread; put everything back afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True, warn_only=True)
        memory.fill_uninitialized_memory = False  # nobody reads what was not written
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            memory.fill_uninitialized_memory = filled
            torch.set_num_threads(threads)
