"""Agreement of two coders on the action units of the same expressions.

Conventions: the expressions are matched beforehand, and each coder gives a set of labels per expression.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.core.errors import DataError
from mien.stats.arguments import equal_lengths, known_option

_NO_ACTION_UNITS = "neither coder saw an action unit"


@dataclass(frozen=True, slots=True)
class ActionUnitAgreement:
    """Agreement on action units; `n_both_empty` expressions had none from either coder."""

    value: float
    n_expressions: int
    n_both_empty: int
    reason: str | None = None


def action_unit_agreement(
    first: Sequence[Collection[Hashable]],
    second: Sequence[Collection[Hashable]],
    *,
    average: Literal["micro", "mean"] = "micro",
    both_empty: Literal["skip", "agree"] = "skip",
) -> ActionUnitAgreement:
    """Agreement of two coders' action units over matched expressions.

    For sets A and B of one expression, r = 2 |A and B| / (|A| + |B|) (MMME's eq. 3; Dice's coefficient).
    The papers do not say how expressions combine: "micro" divides the sum of numerators by the sum of
    denominators, "mean" averages r.

    Parameters
    ----------
    first, second
        Action units of each expression by either coder, paired by position.
    average
        "micro" or "mean".
    both_empty
        What "mean" makes of an expression where neither coder saw an action unit: "skip" leaves it out,
        "agree" counts it as 1. It has no weight in "micro", whose both sums it leaves as they are.

    Raises
    ------
    DataError
        If the lengths differ or are 0, an expression is not a set of labels, or labels mix text and numbers.
    OptionError
        If an option is unknown.

    Examples
    --------
    >>> action_unit_agreement([{4, 7}, {12}], [{4}, {12}]).value
    0.8
    """
    known_option("average", average, known=("micro", "mean"))
    known_option("both_empty", both_empty, known=("skip", "agree"))
    equal_lengths(len(first), len(second), subject="action units", unit="expression")
    left, right = _label_sets(first, "first"), _label_sets(second, "second")
    _one_vocabulary(left + right)
    shared = np.array([2 * len(x & y) for x, y in zip(left, right, strict=True)])
    total = np.array([len(x) + len(y) for x, y in zip(left, right, strict=True)])
    empty = total == 0
    n, n_empty = len(total), int(empty.sum())
    if average == "micro" or both_empty == "skip":
        shared, total = shared[~empty], total[~empty]
    else:
        shared, total = shared + empty, total + empty
    if not len(total):
        return ActionUnitAgreement(math.nan, n, n_empty, _NO_ACTION_UNITS)
    value = shared.sum() / total.sum() if average == "micro" else (shared / total).mean()
    return ActionUnitAgreement(float(value), n, n_empty)


def _label_sets(expressions: Sequence[Collection[Hashable]], role: str) -> list[frozenset[Hashable]]:
    sets = []
    for row, labels in enumerate(expressions):
        # A text is a collection of its letters: "12" would agree with "21".
        if isinstance(labels, str) or not isinstance(labels, Collection) or len(set(labels)) != len(labels):
            raise DataError(
                f"expression {row} of the {role} coder",
                wanted="a set of action units",
                got=repr(labels),
                remedy="give a set with each unit once",
            )
        sets.append(frozenset(labels))
    return sets


def _one_vocabulary(sets: Sequence[frozenset[Hashable]]) -> None:
    """Refuse 4 beside "4": they never match, and the agreement would silently be 0."""
    labels = frozenset().union(*sets)
    texts = {label for label in labels if isinstance(label, str)}
    if texts and texts != labels:
        text, other = sorted(texts)[0], next(iter(labels - texts))
        raise DataError(
            "action units",
            wanted="all labels as text or all as numbers",
            got=f"{text!r} and {other!r}",
            remedy="use one notation",
        )
