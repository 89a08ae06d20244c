"""What fusing brought for each class, against one member alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import DataError
from mien.metrics.recognition import class_recall
from mien.recognition.fusion.scores import FloatArray, IntArray, check_labels
from mien.recognition.fusion.weights import count_votes


@dataclass(frozen=True, slots=True)
class ClassGain:
    """Recall of a fusion and of one member on the same samples; all of shape (n_classes,).

    Parameters
    ----------
    samples
        How many samples of each class both answered.
    fused, member
        Recall of the fusion and of the member on these; NaN without a sample.
    """

    samples: IntArray
    fused: FloatArray
    member: FloatArray

    @property
    def gain(self) -> FloatArray:
        """Recall of the fusion less that of the member, (n_classes,), in -1 ... 1."""
        return self.fused - self.member


def compare_with_member(
    reference: ArrayLike, fused: ArrayLike, member: ArrayLike, *, n_classes: int
) -> ClassGain:
    """Class recalls of fused and of one member's estimates, on the samples that both answered.

    Which member is the caller's choice: `DecisionFusion.best_member_` is chosen in training, the best on the
    test subjects is a harder opponent. A difference without an interval is no result: see `mien.stats`.

    Parameters
    ----------
    reference
        Class codes, (n_samples,).
    fused, member
        Estimates, (n_samples,), -1 for no answer: `Fused.estimate` and a row of `Fused.votes`.

    Raises
    ------
    DataError
        If the three are not of one length, or hold other numbers than classes.
    """
    truth = np.asarray(reference)
    truth = check_labels(truth, n_samples=truth.size, n_classes=n_classes)
    estimates = np.stack(
        [_checked("fused", fused, truth, n_classes), _checked("member", member, truth, n_classes)]
    )
    both = (estimates >= 0).all(axis=0)
    counts = count_votes(estimates[:, both], truth[both], n_classes=n_classes)
    recall = class_recall(counts)
    return ClassGain(counts[0].sum(axis=1).astype(np.int64), recall[0], recall[1])


def _checked(name: str, estimate: ArrayLike, truth: IntArray, n_classes: int) -> IntArray:
    given = np.asarray(estimate)
    fits = given.shape == truth.shape and np.issubdtype(given.dtype, np.integer)
    if not fits or not ((given >= -1) & (given < n_classes)).all():
        raise DataError(
            f"estimates of {name}",
            wanted=f"{truth.size} classes from 0 to {n_classes - 1}, or -1 for no answer",
            got=f"{given.dtype} of shape {given.shape}, {given.tolist()[:5]}...",
            remedy="give one estimate for each reference",
        )
    return given.astype(np.int64)
