"""A linear support vector machine on the pixels of a motion map: the light baseline of the toolkit.

Ours, not a published method: map / 255, flattened, each pixel standardised on the training samples,
squared-hinge linear SVM, one class against the rest, classes weighted inversely to their frequency.
It needs no magnitude: standardised pixels of stretched maps serve.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC


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

    def __init__(self, C: float = 1e-4, max_iter: int = 3000, seed: int = 0) -> None:
        self.C = C
        self.max_iter = max_iter
        self.seed = seed

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Self:
        """Learn from maps (n_samples, height, width, channels) in 0..255."""
        self.scaler_ = StandardScaler()
        scaled = self.scaler_.fit_transform(_flatten(X))
        self.svm_ = LinearSVC(
            C=self.C, class_weight="balanced", max_iter=self.max_iter, random_state=self.seed
        )
        self.svm_.fit(scaled, y)
        self.classes_ = self.svm_.classes_
        return self

    def decision_function(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Signed distances, one column per class, (n_samples, n_classes)."""
        values = np.asarray(self.svm_.decision_function(self.scaler_.transform(_flatten(X))))
        return np.stack([-values, values], axis=1) if values.ndim == 1 else values

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Softmax of the distances: it orders classes as they do, but is not calibrated."""
        values = self.decision_function(X)
        weights = np.exp(values - values.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def predict(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """The class with the largest distance, (n_samples,)."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]


def _flatten(X: NDArray[Any]) -> NDArray[np.float64]:
    return X.reshape(len(X), -1).astype(np.float64) / 255.0
