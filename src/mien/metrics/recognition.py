"""Scores of micro-expression recognition, all from one matrix of pooled counts.

Conventions: predictions of all folds are pooled before anything is divided (MEGC-2019: See et al. 2019,
doi:10.1109/FG.2019.8756611). With TP, FP, FN of class c:

    F1_c = 2 TP / (2 TP + FP + FN)      recall_c = TP / (TP + FN)      precision_c = TP / (TP + FP)
    UF1 = mean over classes of F1_c     UAR = mean over classes of recall_c
    weighted F1 = mean of F1_c weighted by the number of references of class c

A class that was never predicted has precision 0, as the field counts it; a class without a reference
sample has no recall, and UF1 and UAR are then NaN: such a task must name fewer classes.
`fold_average` is another number than the pooled one and is named differently on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def validate(reference: Sequence[object], estimate: Sequence[object], classes: Sequence[object]) -> None:
    """Refuse labels that cannot be scored: unequal lengths, none at all, or outside the classes."""
    if len(reference) != len(estimate):
        raise DataError(
            "labels",
            wanted="as many estimates as references",
            got=f"{len(reference)} references and {len(estimate)} estimates",
            remedy="pair them by sample",
        )
    if len(reference) == 0:
        raise DataError(
            "labels", wanted="at least one sample", got="none", remedy="give predictions to score"
        )
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise OptionError(
            "classes",
            wanted="two or more different classes",
            got=list(classes),
            remedy="name each class once",
        )
    for role, labels in (("reference", reference), ("estimate", estimate)):
        for row, label in enumerate(labels):
            if label not in classes:
                raise DataError(
                    f"{role} of sample {row}",
                    wanted=f"one of {', '.join(map(str, classes))}",
                    got=repr(label),
                    remedy="correct the label or name the class",
                )


def confusion_counts(
    reference: Sequence[object], estimate: Sequence[object], *, classes: Sequence[object]
) -> IntArray:
    """Counts, shape (n_classes, n_classes): rows are references, columns estimates.

    Examples
    --------
    >>> confusion_counts(["a", "a", "b"], ["a", "b", "b"], classes=["a", "b"])
    array([[1, 1],
           [0, 1]])
    """
    validate(reference, estimate, classes)
    index = {label: i for i, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, ([index[r] for r in reference], [index[e] for e in estimate]), 1)
    return counts


def counts_by_group(
    reference: Sequence[object],
    estimate: Sequence[object],
    groups: Sequence[object],
    *,
    classes: Sequence[object],
) -> tuple[tuple[object, ...], IntArray]:
    """The groups in order of first appearance and their confusion counts (n_groups, n_classes, n_classes)."""
    names = tuple(dict.fromkeys(groups))
    rows: dict[object, list[int]] = {name: [] for name in names}
    for row, group in enumerate(groups):
        rows[group].append(row)
    counts = [
        confusion_counts([reference[i] for i in rows[g]], [estimate[i] for i in rows[g]], classes=classes)
        for g in names
    ]
    return names, np.stack(counts)


def class_recall(counts: IntArray | FloatArray) -> FloatArray:
    """TP / references per class over the last two axes, (..., n_classes); NaN without a reference."""
    return _ratio(_diagonal(counts), counts.sum(axis=-1))


def class_precision(counts: IntArray | FloatArray) -> FloatArray:
    """TP / estimates per class, (..., n_classes); 0 for a class that was never estimated."""
    predicted = counts.sum(axis=-2)
    return np.where(predicted > 0, _ratio(_diagonal(counts), predicted), 0.0)


def class_f1(counts: IntArray | FloatArray) -> FloatArray:
    """2 TP / (2 TP + FP + FN) per class, (..., n_classes); NaN for a class that occurs nowhere."""
    return _ratio(2 * _diagonal(counts), counts.sum(axis=-1) + counts.sum(axis=-2))


def accuracy(counts: IntArray | FloatArray) -> FloatArray:
    """Share of samples on the diagonal, over the last two axes."""
    return _ratio(_diagonal(counts).sum(axis=-1), counts.sum(axis=(-1, -2)))


def uf1(counts: IntArray | FloatArray) -> FloatArray:
    """Unweighted F1: mean of the class F1; NaN if a class has no reference sample."""
    return np.where((counts.sum(axis=-1) > 0).all(axis=-1), class_f1(counts).mean(axis=-1), np.nan)


def uar(counts: IntArray | FloatArray) -> FloatArray:
    """Unweighted average recall: mean of the class recalls; NaN if a class has no reference sample."""
    return np.asarray(class_recall(counts).mean(axis=-1), dtype=np.float64)


def macro_precision(counts: IntArray | FloatArray) -> FloatArray:
    """Mean of the class precisions. Some published scripts print this under the name UAR; it is not."""
    return np.asarray(class_precision(counts).mean(axis=-1), dtype=np.float64)


def weighted_f1(counts: IntArray | FloatArray) -> FloatArray:
    """Mean of the class F1 weighted by the number of references, the F1 of MMME's tables."""
    support = counts.sum(axis=-1)
    return _ratio((np.nan_to_num(class_f1(counts)) * support).sum(axis=-1), support.sum(axis=-1))


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Scores of one class with the number of its reference and estimated samples."""

    precision: float
    recall: float
    f1: float
    n_reference: int
    n_estimate: int


@dataclass(frozen=True, slots=True)
class RecognitionScore:
    """Scores derived from one pooled confusion matrix, whose rows are references."""

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: float
    weighted_f1: float
    uf1: float
    uar: float
    macro_precision: float
    per_class: dict[str, ClassScore]

    @property
    def n_samples(self) -> int:
        """Number of scored samples."""
        return sum(map(sum, self.confusion))


def score_counts(counts: IntArray, *, classes: Sequence[object]) -> RecognitionScore:
    """All scores of a confusion matrix, shape (n_classes, n_classes), rows references."""
    precision, recall, f1 = class_precision(counts), class_recall(counts), class_f1(counts)
    per_class = {
        str(label): ClassScore(
            float(precision[i]), float(recall[i]), float(f1[i]), int(counts[i].sum()), int(counts[:, i].sum())
        )
        for i, label in enumerate(classes)
    }
    return RecognitionScore(
        classes=tuple(map(str, classes)),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        accuracy=float(accuracy(counts)),
        weighted_f1=float(weighted_f1(counts)),
        uf1=float(uf1(counts)),
        uar=float(uar(counts)),
        macro_precision=float(macro_precision(counts)),
        per_class=per_class,
    )


def evaluate(
    reference: Sequence[object], estimate: Sequence[object], *, classes: Sequence[object] | None = None
) -> RecognitionScore:
    """All recognition scores of pooled predictions.

    Parameters
    ----------
    reference, estimate
        Labels of the same n samples, pooled over all folds.
    classes
        The classes of the task in order; default the sorted labels of both sides.

    Raises
    ------
    DataError
        If the lengths differ, there is no sample, or a label is not among the classes.

    Examples
    --------
    >>> evaluate(["a", "a", "b", "b"], ["a", "b", "b", "b"]).uar
    0.75
    """
    if classes is None:
        classes = sorted(set(reference) | set(estimate), key=str)
    return score_counts(confusion_counts(reference, estimate, classes=classes), classes=classes)


def fold_average(fold_counts: IntArray) -> float:
    """The mean over folds of each fold's macro F1 over the classes that occur in it.

    Not UF1: it gives every fold equal weight and drops absent classes. Several published scripts
    report it as UF1; it stands here only so that such a number can be compared. Shape (n_folds, C, C).
    """
    with np.errstate(invalid="ignore"):
        return float(np.mean(np.nanmean(class_f1(fold_counts), axis=-1)))


def _diagonal(counts: IntArray | FloatArray) -> FloatArray:
    return np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)


def _ratio(part: FloatArray | IntArray, whole: FloatArray | IntArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.true_divide(part, whole), dtype=np.float64)
