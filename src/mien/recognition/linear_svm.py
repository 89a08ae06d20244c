"""A linear support vector machine on the pixels of a motion map: the light baseline of the toolkit.

Ours, not a published method: map / 255, flattened, each pixel standardised on the training samples,
squared-hinge linear SVM, one class against the rest, classes weighted inversely to their frequency.
It needs no magnitude: standardised pixels of stretched maps serve.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from mien.core.records import Json
from mien.recognition.fitted import load_fitted, save_fitted
from mien.recognition.inputs import MOTION_MAP, Input

ARRAYS = ("mean", "scale", "weights", "offsets")


class LinearSVMRecogniser(ClassifierMixin, BaseEstimator):
    """Linear SVM on standardised map pixels.

    Parameters
    ----------
    C
        Inverse strength of regularisation.
    max_iter
        Most passes of the solver.
    seed
        Order in which the solver visits the samples.
    """

    method: ClassVar[str] = "linear-svm"
    needs: ClassVar[Input] = MOTION_MAP

    def __init__(self, C: float = 1e-4, max_iter: int = 3000, seed: int = 0) -> None:
        self.C = C
        self.max_iter = max_iter
        self.seed = seed

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Self:
        """Learn from maps (n_samples, height, width, channels) in 0..255."""
        self.needs.check(X, method=self.method)
        scaler = StandardScaler()
        scaled = scaler.fit_transform(_flatten(X))
        svm = LinearSVC(C=self.C, class_weight="balanced", max_iter=self.max_iter, random_state=self.seed)
        svm.fit(scaled, y)
        self.mean_, self.scale_ = scaler.mean_, scaler.scale_
        self.weights_, self.offsets_ = np.ascontiguousarray(svm.coef_), svm.intercept_
        self.classes_ = svm.classes_
        return self

    def decision_function(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Signed distances, one column per class, (n_samples, n_classes)."""
        self.needs.check(X, method=self.method)
        values = ((_flatten(X) - self.mean_) / self.scale_) @ self.weights_.T + self.offsets_
        values = values[:, 0] if values.shape[1] == 1 else values  # two classes share one machine
        return np.stack([-values, values], axis=1) if values.ndim == 1 else values

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Softmax of the distances: it orders classes as they do, but is not calibrated."""
        values = self.decision_function(X)
        weights = np.exp(values - values.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def predict(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """The class with the largest distance, (n_samples,)."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def save(self, path: Path, *, about: Mapping[str, Json] | None = None) -> None:
        """Write what was learned, and what is to be said about it, as one safetensors file."""
        save_fitted(self, path, arrays=ARRAYS, about=about)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A fitted recogniser from a file that `save` wrote; raises DataError for any other."""
        return load_fitted(cls, path, arrays=ARRAYS)


def _flatten(X: NDArray[Any]) -> NDArray[np.float64]:
    return X.reshape(len(X), -1).astype(np.float64) / 255.0
