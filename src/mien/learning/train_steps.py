"""Training on rows, for networks whose targets are no class indices and whose optimisers were published.

The same conventions as `learning.train`: one thread on a CPU, deterministic kernels, a random state of its
own per fit, all rows shuffled anew in each epoch. The loss of a batch is told which rows it is of and fetches
inputs and targets itself, so that they may lie in memory as small integers or halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core.errors import JobError
from mien.learning.train import TrainingSettings, _repeatable

repeatable = _repeatable
"""The conventions of training from a seed, for whatever else is asked of a network."""

RowLoss = Callable[[nn.Module, Tensor], Tensor]
"""The loss of a batch, from the network and the numbers of its rows (n,), which lie on the CPU."""


def train_rows(
    build: Callable[[], nn.Module],
    n_rows: int,
    loss: RowLoss,
    optimisers: Callable[[nn.Module], Sequence[torch.optim.Optimizer]],
    settings: TrainingSettings,
    *,
    seed: int,
    decay: float = 1.0,
) -> nn.Module:
    """A network built and trained from one seed, in evaluation mode.

    Parameters
    ----------
    optimisers
        Those of a network; each steps after every batch. Of `settings`, only the number of epochs, the size
        of a batch and the device count.
    decay
        Every learning rate is multiplied by it after each epoch.

    Raises
    ------
    JobError
        If the loss becomes NaN or infinite.
    """
    with repeatable(seed):
        network = build().to(torch.device(settings.device))
        every = optimisers(network)
        network.train()
        for epoch in range(1, settings.epochs + 1):
            for rows in torch.randperm(n_rows).split(settings.batch_size):
                if len(rows) == 1 and n_rows > 1:
                    continue  # batch normalisation has no variance of a single sample
                _step(loss(network, rows), every, epoch)
            for group in (group for one in every for group in one.param_groups):
                group["lr"] *= decay
    return network.eval()


def _step(loss: Tensor, optimisers: Sequence[torch.optim.Optimizer], epoch: int) -> None:
    if not torch.isfinite(loss):
        raise JobError(
            f"training, epoch {epoch}",
            wanted="a finite loss",
            got=float(loss.detach()),
            remedy="lower the learning rate or check the input",
        )
    for one in optimisers:
        one.zero_grad(set_to_none=True)
    loss.backward()
    for one in optimisers:
        one.step()


def outputs_of(network: nn.Module, X: Tensor, *, batch_size: int = 256) -> NDArray[np.float32]:
    """What a network says of inputs (n, ...), (n, ...), in batches and on one thread of a CPU."""
    network.eval()
    device = next(network.parameters()).device
    with repeatable(0), torch.inference_mode():
        parts = [network(part.to(device)).float().cpu() for part in X.split(batch_size)]
    return torch.cat(parts).numpy()
