"""STSTNet: three shallow streams over one flow map (Liong et al. 2019, arXiv:1902.03634).

Published: the layers, 1,683 parameters for 28 x 28 x 3 and three classes, Adam with learning rate 5e-5,
batches of 256, cross-entropy, 500 epochs, raw pixel values 0..255, no augmentation, last epoch.
Ours: the samples are shuffled in each epoch and the fit is seeded (the published port does neither).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from mien.core.records import Json

if TYPE_CHECKING:
    from torch import Tensor, nn

STREAM_FILTERS = (3, 5, 8)
DROPOUT = 0.5


def build_ststnet(*, n_classes: int, size: int = 28, n_channels: int = 3) -> nn.Module:
    """The network for maps (n, channels, size, size) with values 0..255, returning (n, n_classes) logits.

    Each stream: Conv 3x3 pad 2 -> ReLU -> BatchNorm -> MaxPool 3 stride 3 pad 1 -> Dropout; streams are
    concatenated, averaged over 2x2 and read out by one linear layer.
    """
    import torch
    from torch import nn

    def stream(n_filters: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(n_channels, n_filters, kernel_size=3, padding=2),
            nn.ReLU(),
            nn.BatchNorm2d(n_filters),
            nn.MaxPool2d(kernel_size=3, stride=3, padding=1),
            nn.Dropout(DROPOUT),
        )

    class STSTNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.streams = nn.ModuleList([stream(n) for n in STREAM_FILTERS])
            pooled = ((size + 2) // 3 + 1) // 2  # pad 2 widens by 2, pooling by 3 then by 2
            self.average = nn.AvgPool2d(kernel_size=2, stride=2)
            self.readout = nn.Linear(sum(STREAM_FILTERS) * pooled * pooled, n_classes)

        def forward(self, maps: Tensor) -> Tensor:
            joined = torch.cat([stream(maps) for stream in self.streams], dim=1)
            return self.readout(self.average(joined).flatten(1))

    return STSTNet()


class STSTNetRecogniser(ClassifierMixin, BaseEstimator):
    """STSTNet as a classifier of motion maps.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training, defaults as published.
    seed
        Initial weights, dropout and order of samples.
    device
        Where to train, for example "cpu" or "cuda".
    """

    def __init__(
        self,
        epochs: int = 500,
        learning_rate: float = 5e-5,
        batch_size: int = 256,
        weight_decay: float = 0.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.seed = seed
        self.device = device

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Self:
        """Learn from maps (n_samples, height, width, 3) in 0..255."""
        self._fit(X, y, None)
        return self

    def fit_stages(
        self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None, *, watch: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Fit, and return the watched samples' probabilities after each epoch, (epochs, n, n_classes)."""
        return self._fit(X, y, watch)

    def _fit(self, X: NDArray[Any], y: NDArray[np.int64], watch: NDArray[Any] | None) -> NDArray[np.float64]:
        from mien.learning.train import TrainingSettings, predict_scores, train

        settings = TrainingSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            device=self.device,
        )
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.size_ = int(X.shape[1])
        watched = None if watch is None else _as_tensor(watch)
        stages: list[NDArray[np.float64]] = []

        def look(network: nn.Module, epoch: int) -> None:
            if watched is not None:
                stages.append(predict_scores(network, watched))

        self.network_ = train(self._build, _as_tensor(X), codes, settings, seed=self.seed, after_epoch=look)
        return np.stack(stages) if stages else np.empty((0, 0, len(self.classes_)))

    def _build(self) -> nn.Module:
        return build_ststnet(n_classes=len(self.classes_), size=self.size_)

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Class probabilities, (n_samples, n_classes)."""
        from mien.learning.train import predict_scores

        return predict_scores(self.network_, _as_tensor(X))

    def predict(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """The most probable class, (n_samples,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def save(self, path: Path) -> None:
        """Write weights and card as one safetensors file."""
        from mien.learning.weights import save_network

        card = {"method": "ststnet", "size": self.size_, "classes": self.classes_.tolist()}
        save_network(self.network_, path, card={**card, "parameters": self.get_params()})

    @classmethod
    def load(cls, path: Path) -> Self:
        """A fitted recogniser from a file that `save` wrote; raises DataError for any other."""
        from mien.learning.weights import load_network

        def build(card: Mapping[str, Json]) -> nn.Module:
            return build_ststnet(n_classes=len(card["classes"]), size=int(card["size"]))  # type: ignore

        network, card = load_network(path, build)
        recogniser = cls(**card["parameters"])  # type: ignore[arg-type]
        recogniser.network_ = network
        recogniser.classes_ = np.array(card["classes"])
        recogniser.size_ = int(card["size"])  # type: ignore[arg-type]
        return recogniser


def _as_tensor(X: NDArray[Any]) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(X.transpose(0, 3, 1, 2), dtype=np.float32))
