"""Agreement of coders on one category per subject, beyond chance: Cohen's and Fleiss' kappa.

Conventions: kappa = (observed - expected) / (1 - expected), where `expected` is the agreement that the
coders' own category shares would give by chance. Where that is already 1 (one category was used for
everything), kappa does not exist: it is NaN with a reason. Intervals are value +- z standard errors, for
large samples, and are not cut at 1.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from mien.core.errors import DataError, OptionError
from mien.stats.arguments import equal_lengths, known_option, upper_tail

FloatArray = NDArray[np.float64]

_ONE_CATEGORY = "only one category was used, so agreement by chance is 1"
_ONE_SUBJECT = "one subject has no spread between subjects"


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance.

    `standard_error` and the interval are those around the value; `null_standard_error` holds if the
    true kappa is 0, so that value / null_standard_error tests agreement against chance.
    """

    value: float
    standard_error: float
    null_standard_error: float
    low: float
    high: float
    observed: float
    expected: float
    n_subjects: int
    reason: str | None = None


def cohen_kappa(
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    *,
    classes: Sequence[Hashable] | None = None,
    weights: Literal["linear", "quadratic"] | None = None,
    level: float = 0.95,
) -> Kappa:
    """Cohen's kappa of two raters (1960, doi:10.1177/001316446002000104), or its weighted form.

    Weights of agreement between classes i and j of K: 1 if i = j else 0; "linear" 1 - |i - j| / (K - 1);
    "quadratic" 1 - (i - j)^2 / (K - 1)^2. Standard errors: Fleiss, Cohen & Everitt 1969
    (doi:10.1037/h0028106); perfect agreement has a standard error of 0.

    Parameters
    ----------
    a, b
        One label per subject from either rater, paired by position.
    classes
        All classes, in order if weighted. Required for weights, which an unused or misplaced class would
        change; without it the classes are those that occur.
    weights, level
        Weighting of disagreements; coverage of the interval.

    Raises
    ------
    DataError
        If the lengths differ or are 0, or a label is missing or not one of the classes.
    OptionError
        If classes repeat, weights are unknown or lack classes, or the level is impossible.

    Examples
    --------
    >>> a = ["micro"] * 25 + ["macro"] * 25
    >>> b = ["micro"] * 20 + ["macro"] * 5 + ["micro"] * 10 + ["macro"] * 15
    >>> result = cohen_kappa(a, b)
    >>> round(result.value, 2), round(result.low, 2), round(result.high, 2)
    (0.4, 0.15, 0.65)
    """
    tail = upper_tail(level, subject="kappa")
    index = _class_index(a, b, classes, weights)
    n, size = len(a), len(index)
    p = np.zeros((size, size))
    np.add.at(p, ([index[label] for label in a], [index[label] for label in b]), 1)
    p /= n
    w = _agreement_weights(size, weights)
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((w * p).sum()), float(rows @ w @ columns)
    if np.count_nonzero(rows + columns) == 1:
        return _no_kappa(observed, expected, n)
    value = (observed - expected) / (1 - expected)
    # Mean weight of a row and of a column under the other rater's shares.
    mean_weights = (w @ columns)[:, None] + rows @ w
    around = (p * (w - mean_weights * (1 - value)) ** 2).sum() - (value - expected * (1 - value)) ** 2
    null = (np.outer(rows, columns) * (w - mean_weights) ** 2).sum() - expected**2
    errors = np.sqrt(np.maximum([around, null], 0.0) / n) / (1 - expected)
    return _kappa(value, errors, observed, expected, n, tail)


def fleiss_kappa(counts: ArrayLike, *, level: float = 0.95) -> Kappa:
    """Fleiss' kappa of several raters per subject, not necessarily the same ones (doi:10.1037/h0031619).

    With n subjects, m raters, n_ij of whom put subject i in category j, and shares p_j:

        P_i = (sum over j of n_ij^2 - m) / (m (m - 1))     observed = mean of P_i     expected = sum of p_j^2

    `standard_error` is Gwet's linearisation (2021, doi:10.1177/0013164420973080), which treats subjects as
    a sample; `null_standard_error` that of Fleiss, Nee & Landis (1979, doi:10.1037/0033-2909.86.5.974).

    Parameters
    ----------
    counts
        Shape (n_subjects, n_categories), whole numbers; every row has the same sum m >= 2.
    level
        Coverage of the interval.

    Raises
    ------
    DataError
        If there are no subjects, counts are negative or broken, or rows have unequal sums or fewer than 2.
    OptionError
        If the level is impossible.

    Examples
    --------
    >>> round(fleiss_kappa([[3, 0], [2, 1], [0, 3], [1, 2]]).value, 3)
    0.333
    """
    tail = upper_tail(level, subject="kappa")
    table = _rater_counts(counts)
    n, m = len(table), float(table[0].sum())
    agreement = ((table**2).sum(axis=1) - m) / (m * (m - 1))
    p = table.sum(axis=0) / (n * m)
    observed, expected = float(agreement.mean()), float((p**2).sum())
    if np.count_nonzero(p) == 1:
        return _no_kappa(observed, expected, n)
    value = (observed - expected) / (1 - expected)
    by_subject = (agreement - expected) / (1 - expected)
    by_subject -= 2 * (1 - value) * (table @ p / m - expected) / (1 - expected)
    # One subject has no spread between subjects.
    around = float(np.sqrt(((by_subject - value) ** 2).sum() / (n * (n - 1)))) if n > 1 else math.nan
    q = p * (1 - p)
    null = math.sqrt(2 * (q.sum() ** 2 - (q * (1 - 2 * p)).sum()) / (n * m * (m - 1))) / q.sum()
    return _kappa(value, np.array([around, null]), observed, expected, n, tail)


def _kappa(value: float, errors: FloatArray, observed: float, expected: float, n: int, tail: float) -> Kappa:
    around, null = (float(e) for e in errors)
    half = float(norm.ppf(tail)) * around
    reason = _ONE_SUBJECT if math.isnan(around) else None
    return Kappa(value, around, null, value - half, value + half, observed, expected, n, reason)


def _no_kappa(observed: float, expected: float, n: int) -> Kappa:
    nan = math.nan
    return Kappa(nan, nan, nan, nan, nan, observed, expected, n, _ONE_CATEGORY)


def _agreement_weights(size: int, weights: str | None) -> FloatArray:
    if weights is None:
        return np.eye(size)
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / (size - 1)
    return 1 - distance ** {"linear": 1, "quadratic": 2}[weights]


def _class_index(
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    classes: Sequence[Hashable] | None,
    weights: str | None,
) -> dict[Hashable, int]:
    """Position of each class, after refusing labels and options that cannot be scored."""
    known_option("weights", weights, known=(None, "linear", "quadratic"))
    equal_lengths(len(a), len(b), subject="kappa", unit="subject")
    if classes is None:
        if weights is not None:
            raise OptionError(
                "classes", wanted="the ordered classes for weights", got="none", remedy="name them in order"
            )
        known = dict.fromkeys([*a, *b])
    else:
        known = dict.fromkeys(classes)
        if len(known) != len(classes) or len(known) < 2:
            raise OptionError(
                "classes",
                wanted="two or more different classes",
                got=list(classes),
                remedy="name each class once",
            )
    for role, labels in (("first", a), ("second", b)):
        for row, label in enumerate(labels):
            if label is None or label != label or label not in known:
                raise DataError(
                    f"label {row} of the {role} rater",
                    wanted="a class" if classes is None else f"one of {', '.join(map(str, classes))}",
                    got=repr(label),
                    remedy="correct it or leave the subject out for both raters",
                )
    return {label: i for i, label in enumerate(known)}


def _rater_counts(counts: ArrayLike) -> FloatArray:
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.size == 0:
        raise DataError(
            "kappa",
            wanted="counts of subjects x categories",
            got=f"shape {table.shape}",
            remedy="count the raters per category",
        )
    if not (np.isfinite(table) & (table >= 0) & (table == np.floor(table))).all():
        raise DataError(
            "kappa", wanted="whole counts from 0", got="others", remedy="count the raters per category"
        )
    sums = table.sum(axis=1)
    if sums[0] < 2 or (sums != sums[0]).any():
        raise DataError(
            "kappa",
            wanted="the same number of raters, at least two, for every subject",
            got=f"{sums.min():g} to {sums.max():g}",
            remedy="leave out subjects that not all raters saw",
        )
    return table
