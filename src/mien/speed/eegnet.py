"""One training epoch of EEGNet in the exact reordering beside the published order in plain PyTorch layers.

Epochs of noise, 64 channels x 1280 samples (10 s at 128 Hz), seven classes, batches of 64, Adam, dropout.
The input's moments are computed once a training, as the toolkit trains; a second row, stated only, computes
them in every step. Logits, gradients and running statistics of a step are compared first, in both precisions.
"""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, by_turns

if TYPE_CHECKING:
    from torch import Tensor

    from mien.learning.losses import StepLoss
    from mien.recognition.eegnet_layers import EEGNet

N, CHANNELS, SAMPLES, CLASSES, BATCH = 128, 64, 1280, 7, 64
LIMITS = {"float64": 1e-9, "float32": 1e-5}


def differences(plain: EEGNet, ours: EEGNet, epochs: Tensor) -> dict[str, float]:
    """Of logits, gradients and running statistics after one step: largest difference over largest value."""
    import torch
    from torch import nn

    logits, gradients, statistics = [], [], []
    for network in (copy.deepcopy(plain).train(), copy.deepcopy(ours).train()):
        torch.manual_seed(1)
        out = network(epochs)
        nn.functional.cross_entropy(out, torch.arange(len(out)) % CLASSES).backward()
        logits.append(out.detach())
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
        statistics.append(torch.cat([b.double().flatten() for b in network.buffers()]))
    return {
        name: float((mine - theirs).abs().max() / theirs.abs().max())
        for name, (theirs, mine) in (
            ("logits", logits),
            ("gradients", gradients),
            ("statistics", statistics),
        )
    }


def agreement(plain: EEGNet, ours: EEGNet, epochs: Tensor) -> Agreement:
    """Of one step in double and in single precision."""
    found = {
        "float64": differences(copy.deepcopy(plain).double(), copy.deepcopy(ours).double(), epochs.double()),
        "float32": differences(plain, ours, epochs),
    }
    worst = {name: max(values.values()) for name, values in found.items()}
    return Agreement(
        all(worst[name] <= limit for name, limit in LIMITS.items()),
        "gradients, logits, statistics: " + ", ".join(f"{x:g} in {name}" for name, x in LIMITS.items()),
        "largest relative difference " + ", ".join(f"{x:.1g} in {name}" for name, x in worst.items()),
    )


def measure(
    setting: Setting, *, n: int = N, channels: int = CHANNELS, samples: int = SAMPLES
) -> tuple[Row, ...]:
    """Two rows: with the input's moments known, and with moments computed anew in each step."""
    import torch
    from torch import nn

    from mien.learning.train import TrainingSettings, train
    from mien.recognition.eegnet_layers import build_eegnet

    torch.manual_seed(0)
    epochs, codes = torch.randn(n, channels, samples), np.arange(n) % CLASSES
    plain = build_eegnet(n_channels=channels, n_samples=samples, n_classes=CLASSES, order="temporal-first")
    ours = copy.deepcopy(plain)
    ours.order = "spatial-first"
    same = agreement(plain, ours, epochs[:16])
    start = time.process_time()
    moments = ours.moments(epochs)
    once = time.process_time() - start
    settings = TrainingSettings(epochs=1, learning_rate=1e-3, batch_size=BATCH)
    numbers = torch.arange(n)

    def from_moments(network: Any, rows: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(network(epochs[rows], moments[rows]), labels)

    def anew(network: Any, rows: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(network(epochs[rows]), labels)

    def trained(network: EEGNet, loss: StepLoss) -> Any:
        return lambda: train(lambda: network, numbers, codes, settings, seed=0, loss=loss)

    taken = by_turns(
        {
            "moments known": trained(ours, from_moments),
            "moments anew each step": trained(ours, anew),
            "published order": trained(plain, anew),
        },
        setting,
    )
    notes = {
        "moments known": f"the moments take {once:.2g} s, once a training",
        "moments anew each step": "where the inputs change in every step, as with augmentation",
    }
    return tuple(
        Row(
            what=f"EEGNet, one training epoch of {n} x {channels} x {samples}, {way}",
            n=n,
            unit="samples",
            seconds=taken[way],
            agreement=same,
            peer=f"published order, PyTorch {torch.__version__}",
            peer_seconds=taken["published order"],
            asked=(Demand("ratio", 5, "5x"),) if way == "moments known" else (),
            values={"moments_s": once} if way == "moments known" else {},
            note=note,
        )
        for way, note in notes.items()
    )


WORK = Work(
    name="eegnet",
    title="EEGNet training epoch, exact reordering",
    asked="5x plain PyTorch, gradients equal (1e-9 in float64, 1e-5 in float32)",
    measure=measure,
    needs={"torch": "deep"},
    of=("mien.speed.eegnet", "mien.recognition.eegnet_layers", "mien.learning.train"),
)
