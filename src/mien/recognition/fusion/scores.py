"""Scores of several members: what is accepted, how they become probabilities and votes.

Conventions: scores are (n_members, n_samples, n_classes), finite and not negative; rows need not sum to 1.
A row of NaN says that the member has no answer for that sample. A row with some NaN, or with zeros only, is
refused: nobody can say which class it votes for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Sums of the same numbers in another order differ in their last digits; such scores are equal.
TOLERANCE = 1e-12
# Below this a probability is not trusted as a number: a veto by one member becomes a strong objection.
LEAST_PROBABILITY = 1e-6


def probabilities(scores: ArrayLike, *, subject: str = "scores") -> FloatArray:
    """Scores with every answered row divided by its sum, (n_members, n_samples, n_classes).

    Parameters
    ----------
    scores
        Shape (n_members, n_samples, n_classes), see the conventions of this module.
    subject
        What to call them in an error.

    Raises
    ------
    OptionError
        If there are fewer than two classes.
    DataError
        If the shape is another one, a score is negative or infinite, or a row is partly NaN or all zero.
    """
    try:
        given = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            subject,
            wanted="numbers of shape (n_members, n_samples, n_classes)",
            got=type(scores).__name__,
            remedy="stack the members' scores into one array",
        ) from error
    if given.ndim != 3 or given.shape[0] == 0:
        raise DataError(
            subject,
            wanted="shape (n_members, n_samples, n_classes) with at least one member",
            got=f"shape {given.shape}",
            remedy="stack the members' scores into one array",
        )
    if given.shape[2] < 2:
        raise OptionError(
            "n_classes", wanted="at least 2", got=given.shape[2], remedy="name all classes of the task"
        )
    missing = np.isnan(given)
    absent = missing.all(axis=2)
    _refuse(subject, np.isinf(given).any(axis=2), given, "finite scores, or NaN for the whole row")
    _refuse(subject, missing.any(axis=2) & ~absent, given, "all classes scored, or NaN for the whole row")
    _refuse(subject, (given < 0).any(axis=2), given, "scores of at least 0")
    _refuse(subject, (given == 0).all(axis=2), given, "a score above 0 for at least one class")
    # Divided by the largest first: sums of very large scores would overflow.
    scaled = given / given.max(axis=2, keepdims=True)
    return np.asarray(scaled / scaled.sum(axis=2, keepdims=True), dtype=np.float64)


def _refuse(subject: str, wrong: NDArray[np.bool_] | np.bool_, scores: FloatArray, wanted: str) -> None:
    if np.any(wrong):
        member, sample = (int(i) for i in np.argwhere(wrong)[0])
        raise DataError(
            f"{subject} of member {member}, sample {sample}",
            wanted=wanted,
            got=scores[member, sample].tolist(),
            remedy="correct the member, or give a row of NaN where it has no answer",
        )


def answered(chances: FloatArray) -> BoolArray:
    """Which members have an answer, (n_members, n_samples)."""
    return ~np.isnan(chances[:, :, 0])


def near_top(values: FloatArray, *, scale: float | None = None) -> BoolArray:
    """Where a value equals the largest of the last axis, up to `TOLERANCE` times the scale.

    Without a scale it is the largest magnitude of that axis, which fits sums of terms of one sign.
    """
    size = np.abs(values).max(axis=-1, keepdims=True) if scale is None else scale
    return np.asarray(values >= values.max(axis=-1, keepdims=True) - TOLERANCE * size)


def votes(chances: FloatArray) -> IntArray:
    """The most probable class of each member, lowest of equals, (n_members, n_samples); -1 without answer."""
    first = near_top(chances).argmax(axis=2)
    return np.where(answered(chances), first, -1).astype(np.int64)


def summed(chances: FloatArray) -> FloatArray:
    """The members' probabilities added up over those with an answer, (n_samples, n_classes)."""
    return np.asarray(np.nan_to_num(chances).sum(axis=0), dtype=np.float64)


def check_labels(y: ArrayLike, *, n_samples: int, n_classes: int) -> IntArray:
    """Class codes (n_samples,), each in 0 ... n_classes - 1; raises DataError for anything else."""
    labels = np.asarray(y)
    if labels.shape != (n_samples,) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            "y",
            wanted=f"whole numbers of shape ({n_samples},), one for each sample of the scores",
            got=f"{labels.dtype} of shape {labels.shape}",
            remedy="give the class code of every sample",
        )
    outside = (labels < 0) | (labels >= n_classes)
    if outside.any():
        row = int(outside.argmax())
        raise DataError(
            f"y of sample {row}",
            wanted=f"a class from 0 to {n_classes - 1}",
            got=int(labels[row]),
            remedy="correct the label, or give scores of all classes",
        )
    return labels.astype(np.int64)
