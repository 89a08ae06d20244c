"""Speed of one training epoch of EEGNet, in one process and one thread.

Epochs of noise, 64 channels x 1280 samples (10 s at 128 Hz), seven classes, batches of 64, Adam, dropout.
Peer: the same network with its filters in the published order, in plain PyTorch layers. Logits, gradients
and running statistics of a step are compared first. Times are of the process, so that other processes matter
less. The input's moments are computed once a training, not once an epoch; they have a row of their own.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.learning.losses import StepLoss
from mien.learning.train import TrainingSettings, train
from mien.recognition.eegnet_layers import EEGNet, build_eegnet

Row = dict[str, str | int | float | None]

REPEATS = 5
CHANNELS, SAMPLES, CLASSES = 64, 1280, 7
BATCH = 64


def seconds(work: Callable[[], object], *, repeats: int = REPEATS) -> list[float]:
    """Process times of `repeats` runs after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return times


def differences(plain: EEGNet, ours: EEGNet, epochs: Tensor) -> dict[str, float]:
    """Of logits, gradients and running statistics after one step: largest difference over largest value."""
    logits, gradients, statistics_ = [], [], []
    for network in (copy.deepcopy(plain).train(), copy.deepcopy(ours).train()):
        torch.manual_seed(1)
        out = network(epochs)
        nn.functional.cross_entropy(out, torch.arange(len(out)) % CLASSES).backward()
        logits.append(out.detach())
        gradients.append(torch.cat([_given(p.grad).flatten() for p in network.parameters()]))
        statistics_.append(torch.cat([b.double().flatten() for b in network.buffers()]))
    return {
        name: float((ours_ - plain_).abs().max() / plain_.abs().max())
        for name, (plain_, ours_) in (
            ("logits", logits),
            ("gradients", gradients),
            ("statistics", statistics_),
        )
    }


def main(*, n: int = 128) -> list[Row]:
    """Measure, print a small table, and return its rows."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    epochs, codes = torch.randn(n, CHANNELS, SAMPLES), np.arange(n) % CLASSES
    plain = build_eegnet(n_channels=CHANNELS, n_samples=SAMPLES, n_classes=CLASSES, order="temporal-first")
    ours = copy.deepcopy(plain)
    ours.order = "spatial-first"
    found = differences(plain, ours, epochs[:16])
    if max(found.values()) > 1e-5:
        raise AssertionError(f"the two orders differ: {found}")
    moments = ours.moments(epochs)

    def from_moments(network: Any, rows: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(network(epochs[rows], moments[rows]), labels)

    def anew(network: Any, rows: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(network(epochs[rows]), labels)

    settings = TrainingSettings(epochs=1, learning_rate=1e-3, batch_size=BATCH)

    def timed(network: EEGNet, loss: StepLoss) -> list[float]:
        numbers = torch.arange(n)
        return seconds(lambda: train(lambda: network, numbers, codes, settings, seed=0, loss=loss))

    peer = timed(plain, anew)
    size = f"{n} x {CHANNELS} x {SAMPLES}"
    rows = [
        _row(f"EEGNet, one epoch of {size}, moments {name}", n, timed(ours, loss), peer)
        for name, loss in (("known", from_moments), ("anew each step", anew))
    ]
    rows.append(_row(f"moments of {size}, once a training", n, seconds(lambda: ours.moments(epochs))))
    print(f"{'work':<64}{'median s':>10}{'peer s':>9}{'ratio':>8}")
    for row in rows:
        peer_s = "-" if row["peer_median_s"] is None else f"{row['peer_median_s']:.2f}"
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.1f}"
        print(f"{row['name']:<64}{row['median_s']:>10.3f}{peer_s:>9}{ratio:>8}")
    print("spread of the peer: " + ", ".join(f"{value:.2f}" for value in sorted(peer)))
    print("largest differences: " + ", ".join(f"{name} {value:.1e}" for name, value in found.items()))
    return rows


def _row(name: str, n: int, times: list[float], peer: list[float] | None = None) -> Row:
    median, theirs = statistics.median(times), None if peer is None else statistics.median(peer)
    return {
        "name": name,
        "n": n,
        "median_s": median,
        "peer": None if peer is None else "published order, plain PyTorch",
        "peer_median_s": theirs,
        "ratio": None if theirs is None else theirs / median,
    }


def _given(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise AssertionError("a parameter without gradient")
    return tensor


if __name__ == "__main__":
    main()
