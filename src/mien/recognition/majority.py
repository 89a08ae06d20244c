"""The majority class: what a method must beat before it has learned anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from mien.core.records import Json
from mien.recognition.fitted import load_fitted, save_fitted


class MajorityRecogniser(ClassifierMixin, BaseEstimator):
    """Answers every sample with the class frequencies of the training set; the most frequent decides."""

    method: ClassVar[str] = "majority"

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Self:
        """Count the classes, y of shape (n_samples,)."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.frequencies_ = counts / counts.sum()
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Training frequencies for every sample, (n_samples, n_classes)."""
        return np.tile(self.frequencies_, (len(X), 1))

    def predict(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """The most frequent training class; the lower code on a tie."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def save(self, path: Path, *, about: Mapping[str, Json] | None = None) -> None:
        """Write what was learned, and what is to be said about it, as one safetensors file."""
        save_fitted(self, path, arrays=("frequencies",), about=about)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A fitted recogniser from a file that `save` wrote; raises DataError for any other."""
        return load_fitted(cls, path, arrays=("frequencies",))
