"""A support vector machine on descriptor vectors, one class against the rest: what descriptor methods share.

Each class has its own machine (libsvm); the largest decision value wins. What is kept is the sum itself,
f_c(x) = sum_i a_ci K(v_i, x) + b_c, so that a saved model answers exactly as the fitted one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.svm import SVC

from mien.core.errors import DataError
from mien.core.records import Json
from mien.recognition.fitted import load_fitted, save_fitted
from mien.recognition.inputs import Input

Kernel = Literal["linear", "rbf", "poly"]
ARRAYS, NUMBERS = ("vectors", "weights", "offsets"), ("bins", "gamma")


class DescriptorRecogniser(ClassifierMixin, BaseEstimator):
    """A kernel SVM on vectors; `method` is its name, `needs` the descriptor.

    Parameters
    ----------
    C
        Inverse strength of regularisation.
    kernel
        "linear", "rbf" or "poly" (degree 3, no constant).
    gamma
        Of the kernels "rbf" and "poly"; None is 1 / (number of bins * variance of the training vectors).
    balanced
        Whether classes weigh inversely to their frequency.
    """

    method: ClassVar[str]
    needs: ClassVar[Input]

    def __init__(
        self, C: float = 1.0, kernel: Kernel = "linear", gamma: float | None = None, balanced: bool = True
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.balanced = balanced

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Self:
        """Learn from vectors (n_samples, bins)."""
        self.needs.check(X, method=self.method)
        self.classes_ = np.unique(y)
        vectors = np.asarray(X, dtype=np.float64)
        variance = float(vectors.var()) or 1.0
        self.gamma_ = self.gamma if self.gamma is not None else 1.0 / (vectors.shape[1] * variance)
        gram = self._kernel(vectors, vectors)
        rows = np.zeros((len(self.classes_), len(vectors)))
        offsets = np.zeros(len(self.classes_))
        for index, code in enumerate(self.classes_ if len(self.classes_) > 1 else ()):
            weight = "balanced" if self.balanced else None
            machine = SVC(C=self.C, kernel="precomputed", class_weight=weight).fit(gram, y == code)
            rows[index, machine.support_] = machine.dual_coef_[0]
            offsets[index] = machine.intercept_[0]
        used = rows.any(axis=0)
        # One memory layout, so that a loaded model sums in the same order.
        self.vectors_, self.weights_ = vectors[used], np.ascontiguousarray(rows[:, used])
        self.offsets_ = offsets
        self.bins_ = int(vectors.shape[1])
        return self

    def decision_function(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """How far each sample is on the side of each class, (n_samples, n_classes)."""
        self.needs.check(X, method=self.method)
        if X.shape[1] != self.bins_:
            raise DataError(
                f"input of {self.method}",
                wanted=f"vectors of {self.bins_} bins, as in training",
                got=X.shape[1],
                remedy="describe the clips with the settings of the training samples",
            )
        if not len(self.vectors_):
            return np.tile(self.offsets_, (len(X), 1))
        return self._kernel(np.asarray(X, dtype=np.float64), self.vectors_) @ self.weights_.T + self.offsets_

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Softmax of the decision values: it orders classes as they do, but is not calibrated."""
        values = self.decision_function(X)
        weights = np.exp(values - values.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def predict(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """The class with the largest decision value, (n_samples,)."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def _kernel(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        options: dict[str, Any] = {} if self.kernel == "linear" else {"gamma": self.gamma_}
        if self.kernel == "poly":
            options |= {"degree": 3, "coef0": 0.0}
        return np.asarray(pairwise_kernels(first, second, metric=self.kernel, **options))

    def save(self, path: Path, *, about: Mapping[str, Json] | None = None) -> None:
        """Write what was learned, and what is to be said about it, as one safetensors file."""
        save_fitted(self, path, arrays=ARRAYS, numbers=NUMBERS, about=about)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A fitted recogniser from a file that `save` wrote; raises DataError for any other."""
        return load_fitted(cls, path, arrays=ARRAYS, numbers=NUMBERS)
