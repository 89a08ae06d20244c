"""Who wins where scores are equal: one order, always the same, for all rules.

Among the classes with the highest score (up to `TOLERANCE`), in this order until one is left: the largest
sum of the members' probabilities; the vote of the member with the highest out-of-fold balanced accuracy among
those that voted for one of these classes (members that are equally good and disagree leave it open, so the
order of members never matters); the most frequent training class; the lowest class code.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mien.recognition.fusion.scores import BoolArray, FloatArray, IntArray, near_top

TIES: Mapping[str, str] = {
    "": "no tie",
    "summed-scores": "the largest sum of the members' probabilities",
    "best-member": "the vote of the member with the highest out-of-fold balanced accuracy",
    "prior": "the most frequent training class",
    "lowest-class": "the lowest class code",
}


def decide(
    scores: FloatArray,
    *,
    sums: FloatArray,
    cast: IntArray,
    member_accuracy: FloatArray,
    prior: FloatArray,
) -> tuple[IntArray, NDArray[np.str_]]:
    """The winning class of each sample and what settled it, a key of `TIES`; both (n_samples,).

    Parameters
    ----------
    scores, sums
        Fused scores and summed probabilities, (n_samples, n_classes), finite.
    cast
        Votes, (n_members, n_samples), -1 for none.
    member_accuracy
        Balanced accuracy of each member, (n_members,), at least 0.
    prior
        Class frequencies in training, (n_classes,).
    """
    n_samples, n_classes = scores.shape
    open_classes = near_top(scores)
    settled_by = np.full(n_samples, "", dtype=f"<U{max(map(len, TIES))}")
    backing = np.full((n_samples, n_classes), -1.0)
    for votes_of_one, accuracy in zip(cast, member_accuracy, strict=True):
        rows = np.flatnonzero(votes_of_one >= 0)
        chosen = (rows, votes_of_one[rows])
        backing[chosen] = np.maximum(backing[chosen], accuracy)
    for name, values in (
        ("summed-scores", sums),
        ("best-member", backing),
        ("prior", np.broadcast_to(prior, scores.shape)),
        ("lowest-class", np.broadcast_to(-np.arange(n_classes, dtype=np.float64), scores.shape)),
    ):
        tied = np.flatnonzero(open_classes.sum(axis=1) > 1)
        open_classes[tied] = _narrowed(open_classes[tied], values[tied])
        settled_by[tied] = name
    return open_classes.argmax(axis=1).astype(np.int64), settled_by


def _narrowed(open_classes: BoolArray, values: FloatArray) -> BoolArray:
    """The open classes whose value is the largest of the open ones, (n_tied, n_classes)."""
    lowest = values.min(axis=1, keepdims=True)
    # Closed classes take the lowest value, which is no larger than any open one, and are masked again.
    return open_classes & near_top(np.where(open_classes, values, lowest))
