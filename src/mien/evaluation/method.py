"""What evaluation asks of a method, and nothing else about it.

Any scikit-learn classifier fits: `fit(X, y)`, `predict_proba(X)` (or `predict`), `classes_`. A method that
learns in epochs may also offer `fit_stages`, which makes choosing an epoch possible without retraining.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import Json

FloatArray = NDArray[np.float64]


class Recogniser(Protocol):
    """A classifier in scikit-learn's manner; `groups` are the subjects of the training samples."""

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Any:
        """Learn from training samples only."""

    def predict_proba(self, X: NDArray[Any]) -> FloatArray:
        """Scores per class, shape (n_samples, n_classes seen in fit); the largest decides."""


@runtime_checkable
class StagedRecogniser(Protocol):
    """A recogniser that learns in epochs and can be watched while it does."""

    def fit_stages(
        self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None, *, watch: NDArray[Any]
    ) -> FloatArray:
        """Fit, and return the scores of the watched samples after each epoch, (n_epochs, n, n_classes)."""


@dataclass(frozen=True, slots=True)
class Method:
    """A named way to make recognisers.

    Parameters
    ----------
    name, version
        The name in tables; the version is raised whenever its results may change.
    build
        `build(seed=..., **parameters)` returns a fresh recogniser. Importable by name.
    parameters
        The published or default values.
    candidates
        What `nested` and `test-selected` choose among, each a change to `parameters`.
    stage_parameter
        The parameter that counts epochs, where the method learns in epochs.
    libraries
        Distributions whose version may change the result.
    imports
        Modules that worker processes should have imported before they start.
    needs
        The kind of its input, as "motion-map" (see `mien.recognition.inputs`); None where any will do.
    """

    name: str
    version: int
    build: Callable[..., Recogniser]
    parameters: Mapping[str, Json] = field(default_factory=dict)
    candidates: tuple[Mapping[str, Json], ...] = ({},)
    stage_parameter: str | None = None
    libraries: tuple[str, ...] = ("numpy",)
    imports: tuple[str, ...] = ()
    needs: str | None = None

    def with_parameters(self, changes: Mapping[str, Json]) -> dict[str, Json]:
        """The parameters with some of them changed."""
        return {**self.parameters, **changes}

    def library_versions(self) -> dict[str, str]:
        """The installed version of every library that may change the result."""
        return {name: installed_version(name) for name in self.libraries}


def installed_version(distribution: str) -> str:
    """The version of a distribution, or that it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def fit_recogniser(recogniser: Any, X: NDArray[Any], y: NDArray[np.int64], groups: NDArray[Any]) -> Any:
    """Fit, handing over the training subjects where the method asks for them."""
    if "groups" in inspect.signature(recogniser.fit).parameters:
        return recogniser.fit(X, y, groups=groups)
    return recogniser.fit(X, y)


def class_scores(recogniser: Any, X: NDArray[Any], *, n_classes: int) -> FloatArray:
    """Scores of all classes of the task, (n_samples, n_classes); 0 for classes absent from training."""
    if hasattr(recogniser, "predict_proba"):
        return expand_classes(recogniser.predict_proba(X), recogniser.classes_, n_classes=n_classes)
    return np.eye(n_classes)[np.asarray(recogniser.predict(X), dtype=np.int64)]


def expand_classes(scores: FloatArray, seen: NDArray[Any], *, n_classes: int) -> FloatArray:
    """Scores over the classes seen in training spread over all classes of the task, last axis.

    Raises
    ------
    DataError
        If a score is NaN: a network that diverged has no opinion, and none is invented for it.
    """
    if not np.isfinite(scores).all():
        raise DataError(
            "a method's scores",
            wanted="finite numbers",
            got="NaN or infinity",
            remedy="the training diverged: lower the learning rate or check the input",
        )
    whole = np.zeros((*scores.shape[:-1], n_classes), dtype=np.float64)
    whole[..., np.asarray(seen, dtype=np.int64)] = scores
    return whole
