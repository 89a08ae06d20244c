"""A support vector machine on features of one peripheral signal (MMME section 4.2.2: one SVM per signal).

Published: SVMs for PPG, ECG, RSP, SKT and EDA, on the features of Table 6. Ours: kernel, C, one class against
the rest, classes weighed inversely to their frequency; a missing feature takes the median of the training
samples and says so in a column of its own; features are standardised by the training samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.recognition.fitted import load_fitted
from mien.recognition.inputs import Input
from mien.recognition.kernel_svm import ARRAYS, NUMBERS, DescriptorRecogniser, Kernel

BODY_FEATURES = Input("body-features", "features of one peripheral signal, NaN where missing", ("features",))


class PeripheralSVMRecogniser(DescriptorRecogniser):
    """An SVM on feature vectors (n_samples, n_features) in which values may be missing (NaN).

    The other parameters are those of `DescriptorRecogniser`.

    Parameters
    ----------
    gamma
        Of the kernels "rbf" and "poly"; None is 1 / (number of columns * variance of the filled vectors).

    Raises
    ------
    DataError
        On fitting or answering, if the input is no table of numbers, or a row holds no value at all.
    """

    method: ClassVar[str] = "peripheral-svm"
    needs: ClassVar[Input] = BODY_FEATURES

    def __init__(
        self, C: float = 1.0, kernel: Kernel = "rbf", gamma: float | None = None, balanced: bool = True
    ) -> None:
        super().__init__(C, kernel, gamma, balanced)

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], groups: Any = None) -> Self:
        """Learn from feature vectors (n_samples, n_features)."""
        values = self._checked(X)
        known = np.isfinite(values)
        # A feature that no training sample has is left out; one that all have needs no indicator.
        self.kept_: NDArray[np.bool_] = np.asarray(known.any(axis=0))
        self.marked_: NDArray[np.bool_] = np.asarray(self.kept_ & ~known.all(axis=0))
        self.medians_ = np.zeros(values.shape[1])
        self.medians_[self.kept_] = np.nanmedian(values[:, self.kept_], axis=0)
        columns = self._columns(values)
        self.means_ = columns.mean(axis=0)
        deviations = columns.std(axis=0)
        # A constant of .1 has a deviation of 1e-17: what differs from it by rounding is no signal.
        varies = deviations > 1e-9 * np.maximum(np.abs(self.means_), 1.0)
        self.deviations_ = np.where(varies, deviations, 1.0)
        return super().fit((columns - self.means_) / self.deviations_, y, groups)

    def decision_function(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """How far each sample is on the side of each class, (n_samples, n_classes)."""
        values = self._checked(X)
        if values.shape[1] != len(self.kept_):
            raise DataError(
                f"input of {self.method}",
                wanted=f"{len(self.kept_)} features, as in training",
                got=values.shape[1],
                remedy="measure the same signal with the same settings",
            )
        return super().decision_function((self._columns(values) - self.means_) / self.deviations_)

    def _checked(self, X: NDArray[Any]) -> NDArray[np.float64]:
        if X.ndim != 2 or X.dtype.kind != "f" or 0 in X.shape or np.isinf(X).any():
            raise DataError(
                f"input of {self.method}",
                wanted="numbers of shape (n_samples, n_features), NaN where missing",
                got=f"{X.dtype} of shape {X.shape}",
                remedy="give the features of one peripheral signal",
            )
        empty = ~np.isfinite(X).any(axis=1)
        if empty.any():
            raise DataError(
                f"input of {self.method}",
                wanted="one feature or more of each sample",
                got=f"none of sample {int(np.argmax(empty))}",
                remedy="leave out samples without this signal: they have no answer",
            )
        return np.asarray(X, dtype=np.float64)

    def _columns(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filled features, then one column for each that was missing somewhere in training."""
        missing = ~np.isfinite(values)
        filled = np.where(missing, self.medians_, values)
        return np.hstack([filled[:, self.kept_], missing[:, self.marked_].astype(np.float64)])

    def save(self, path: Path, **about: Any) -> None:
        """Write what was learned as one safetensors file."""
        from mien.recognition.fitted import save_fitted

        save_fitted(self, path, arrays=_ARRAYS, numbers=NUMBERS, **about)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A fitted recogniser from a file that `save` wrote; raises DataError for any other."""
        return load_fitted(cls, path, arrays=_ARRAYS, numbers=NUMBERS)


_ARRAYS = (*ARRAYS, "kept", "marked", "medians", "means", "deviations")
