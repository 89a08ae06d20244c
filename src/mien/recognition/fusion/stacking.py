"""Stacking: a multinomial logistic regression learns how to combine the members' log-probabilities.

Inputs are, for every member and class, the log-probability less its mean over training samples, and for every
member whether it is missing. A missing member stands at its training mean, so it pushes nowhere; a member
that never answered in training has no influence, because its inputs never varied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from mien.recognition.fusion.scores import FloatArray, IntArray, answered

# Logarithms of smaller probabilities would outweigh everything else in a linear model.
_LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class Stack:
    """A fitted logistic regression over members.

    Parameters
    ----------
    centre
        Mean of the inputs over training samples, (n_inputs,), with 0 for members that never answered.
    seen
        Classes of the training samples, (n_seen,).
    model
        The regression; None where there was only one class to learn.
    """

    centre: FloatArray
    seen: IntArray
    model: LogisticRegression | None

    def __call__(self, chances: FloatArray) -> FloatArray:
        """Probabilities of the classes, (n_samples, n_classes); 0 for a class without training samples."""
        scores = np.zeros(chances.shape[1:], dtype=np.float64)
        if len(scores) == 0:
            return scores
        inputs = _centred(_inputs(chances), self.centre)
        scores[:, self.seen] = 1.0 if self.model is None else self.model.predict_proba(inputs)
        return scores


def fit_stack(chances: FloatArray, y: IntArray, *, balanced: bool, penalty: float) -> Stack:
    """A stack learned from out-of-fold probabilities (n_members, n_samples, n_classes) and y (n_samples,).

    Parameters
    ----------
    balanced
        Whether every class counts the same, however few samples it has.
    penalty
        Strength of the L2 penalty on the coefficients, against the summed loss of the samples; above 0.
    """
    measured = answered(chances).any(axis=0)
    chances, y = chances[:, measured], y[measured]
    inputs = _inputs(chances)
    known = ~np.isnan(inputs)
    centre = np.nan_to_num(inputs).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    seen = np.unique(y)
    if len(seen) == 1:
        return Stack(centre, seen, None)
    model = LogisticRegression(
        C=1.0 / penalty, class_weight="balanced" if balanced else None, tol=1e-8, max_iter=10_000
    )
    return Stack(centre, seen, model.fit(_centred(inputs, centre), y))


def _inputs(chances: FloatArray) -> FloatArray:
    """Log-probabilities and missing marks, (n_samples, n_members * (n_classes + 1)), NaN where missing."""
    logs = np.log(np.maximum(chances, _LEAST))
    missing = (~answered(chances)).astype(np.float64)
    return np.concatenate([np.moveaxis(logs, 1, 0).reshape(chances.shape[1], -1), missing.T], axis=1)


def _centred(inputs: FloatArray, centre: FloatArray) -> FloatArray:
    return np.nan_to_num(inputs - centre)
