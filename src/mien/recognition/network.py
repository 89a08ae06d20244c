"""What all recognisers that are one network share: fitting, answering, watching epochs, saving, loading.

A method gives its name, its input, its parameters and its network; where it needs to, also its own loss or a
network to start from. Nothing here chooses anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from mien.core.errors import DataError, OptionError
from mien.core.records import Json
from mien.recognition.inputs import MOTION_MAP, Input

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mien.learning.losses import LogitLoss, StepLoss
    from mien.learning.train import TrainingSettings

Imbalance = Literal["as-published", "plain", "weighted", "focal", "balanced"]
IMBALANCE: tuple[Imbalance, ...] = ("as-published", "plain", "weighted", "focal", "balanced")
Augment = Literal["as-published", "flow"]


@dataclass(eq=False, repr=False, kw_only=True)
class NetworkRecogniser(ClassifierMixin, BaseEstimator):
    """A classifier that is one network; `method` is its name, `needs` what X is.

    Parameters
    ----------
    imbalance
        What is done about rare classes: "as-published" by the method itself; "plain" nothing; "weighted" and
        "focal" another loss (`learning.losses.logit_loss`); "balanced" draws every class equally often.
    augment
        "flow" changes motion at random while training (`recognition.augmentation.augment_flow`), beside what
        the method does by itself.
    seed
        Initial weights, order of samples and everything else that is random.
    device
        Where to train, for example "cpu" or "cuda".
    """

    method: ClassVar[str]
    needs: ClassVar[Input] = MOTION_MAP
    optimiser: ClassVar[Literal["adam", "adamw", "sgd"]] = "adam"

    epochs: int
    learning_rate: float
    batch_size: int
    weight_decay: float
    imbalance: Imbalance = "as-published"
    augment: Augment = "as-published"
    seed: int = 0
    device: str = "cpu"

    def _settings(self) -> TrainingSettings:
        """How it is trained: by its parameters, with the optimiser of its class."""
        from mien.learning.train import TrainingSettings

        return TrainingSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            optimiser=self.optimiser,
            sampling="balanced" if self.imbalance == "balanced" else "shuffled",
            device=self.device,
        )

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """The untrained network for samples of this shape."""
        raise NotImplementedError

    def _loss(self, codes: NDArray[np.int64]) -> StepLoss:
        """The loss of a batch, from all training samples' class indices."""
        judge = self._judge(codes)
        return lambda network, inputs, labels: judge(network(inputs), labels)

    def _training(self, inputs: Tensor, codes: NDArray[np.int64]) -> tuple[Tensor, StepLoss]:
        """What the training loop is handed, one row a sample, and the loss of a batch of it."""
        return inputs, self._augmented(self._loss(codes))

    def _judge(self, codes: NDArray[np.int64], *, smoothing: float = 0.0) -> LogitLoss:
        """The loss of logits under `imbalance`; as published, that is cross-entropy."""
        from mien.learning.losses import logit_loss

        kind = self.imbalance if self.imbalance in ("weighted", "focal") else "plain"
        return logit_loss(kind, codes, smoothing=smoothing)

    def _augmented(self, loss: StepLoss) -> StepLoss:
        """The loss of inputs that are changed at random first, if that is asked for."""
        if self.augment == "as-published":
            return loss
        from mien.recognition.augmentation import augment_flow

        signed = self.needs.signed
        return lambda network, inputs, labels: loss(network, augment_flow(inputs, signed=signed), labels)

    def _check_options(self) -> None:
        for what, value, known in (
            ("imbalance", self.imbalance, IMBALANCE),
            ("augment", self.augment, ("as-published", "flow") if self.needs.flow else ("as-published",)),
        ):
            if value not in known:
                raise OptionError(
                    f"{what} of {self.method}",
                    wanted=" or ".join(known),
                    got=value,
                    remedy="choose one of them" if len(known) > 1 else "its input is no motion map",
                )

    def _start(self, inputs: Tensor, codes: NDArray[np.int64]) -> Callable[[], nn.Module]:
        """What makes the network that training starts from."""
        return lambda: self._network(self.shape_, len(self.classes_))

    def _tensor(self, X: NDArray[Any]) -> Tensor:
        """X as the network reads it: float32, channels after samples."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(X, -1, 1), dtype=np.float32))

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Self:
        """Learn from samples (n_samples, ...) of the kind that `needs` names."""
        self._fit(X, y, None)
        return self

    def fit_stages(
        self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None, *, watch: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Fit, and return the watched samples' probabilities after each epoch, (epochs, n, n_classes)."""
        return self._fit(X, y, watch)

    def _fit(self, X: NDArray[Any], y: NDArray[np.int64], watch: NDArray[Any] | None) -> NDArray[np.float64]:
        from mien.learning.train import predict_scores, train

        settings = self._settings()
        self._check_options()
        self.needs.check(X, method=self.method)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.shape_ = tuple(int(length) for length in X.shape[1:])
        watched = None if watch is None else self._checked(watch)
        inputs = self._tensor(X)
        stages: list[NDArray[np.float64]] = []

        def look(network: nn.Module, epoch: int) -> None:
            if watched is not None:
                stages.append(predict_scores(network, watched, batch_size=settings.batch_size))

        given, loss = self._training(inputs, codes)
        self.network_ = train(
            self._start(inputs, codes),
            given,
            codes,
            settings,
            seed=self.seed,
            loss=loss,
            after_epoch=look,
        )
        return np.stack(stages) if stages else np.empty((0, 0, len(self.classes_)))

    def _checked(self, X: NDArray[Any]) -> Tensor:
        """X as a tensor; raises DataError if it is not like what was learned from."""
        self.needs.check(X, method=self.method)
        if X.shape[1:] != self.shape_:
            raise DataError(
                f"input of {self.method}",
                wanted=f"samples of shape {self.shape_}, as in training",
                got=X.shape[1:],
                remedy="measure them with the settings of the training samples",
            )
        return self._tensor(X)

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Class probabilities, (n_samples, n_classes)."""
        from mien.learning.train import predict_scores

        return predict_scores(self.network_, self._checked(X), batch_size=self._settings().batch_size)

    def predict(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """The most probable class, (n_samples,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def save(self, path: Path, *, about: Mapping[str, Json] | None = None) -> None:
        """Write weights and card, with what is to be said about them, as one safetensors file."""
        from mien.learning.weights import save_network

        shape: list[Json] = list(self.shape_)
        card = {"method": self.method, "shape": shape, "classes": self.classes_.tolist()}
        card |= {"parameters": {**self.get_params(), "device": "cpu"}}
        save_network(self.network_, path, card=card if about is None else {**card, "about": dict(about)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """A fitted recogniser from a file that `save` wrote; raises DataError for any other."""
        from mien.learning.model_file import check_card
        from mien.learning.weights import load_network

        made: list[Self] = []

        def build(card: Mapping[str, Json]) -> nn.Module:
            check_card(path, card, method=cls.method)
            one = cls(**card["parameters"])  # type: ignore[arg-type]
            one.classes_ = np.array(card["classes"])
            one.shape_ = tuple(card["shape"])  # type: ignore[arg-type]
            made.append(one)
            return one._network(one.shape_, len(one.classes_))

        network, _ = load_network(path, build)
        made[0].network_ = network
        return made[0]
