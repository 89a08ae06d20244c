"""Agreement of two coders on action units: the paper's coefficient, and kappa for each unit.

Conventions: r = 2 |A and B| / (|A| + |B|) (MMME's eq. 3) over matched expressions; "micro" divides the sum of
numerators by the sum of denominators, "mean" averages over expressions in which a coder saw a unit. Units are
compared by number, as the paper does, or by number and side. Kappa is Cohen's, of present or absent, unit by
unit, for units that a coder named in any expression that is compared. `pooled` adds the tables of all units
that were named in the expressions of its view: absent-absent cells are many, so that it depends on the
vocabulary; `mean` averages the kappas that exist, rare units as much as others. In the view "with missed", an
expression that one coder did not see has none of the units for that coder; what neither saw is in no view.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.coding.agreement_intervals import Draws, Estimate, FloatArray, without_value
from mien.coding.agreement_matching import MatchedPair, MissedExpression
from mien.coding.coded_rows import CodedRow
from mien.core.records import Json
from mien.stats import action_unit_agreement

NO_MATCH = "no matched expression"
NO_EXPRESSION = "no expression"
_NEVER = "no coder used it in these expressions"
_ONE_CODER = "one coder never used it: kappa is 0, without an interval"
_ALWAYS = "both coders used it in every expression, so agreement by chance is 1"
_NO_KAPPA = "no unit has a kappa"
_COME_AND_GO = "no interval: rare units come and go between draws"

Label = int | str
Labels = Callable[[CodedRow], frozenset[Label]]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UnitKappa:
    """Cohen's kappa of one action unit, with how many expressions show it for either coder and for both."""

    kappa: Estimate
    n_first: int
    n_second: int
    n_both: int

    def as_json(self) -> dict[str, Json]:
        """The kappa's fields and the counts."""
        counts: dict[str, Json] = {
            "n_first": self.n_first,
            "n_second": self.n_second,
            "n_both": self.n_both,
        }
        return {**self.kappa.as_json(), **counts}


@dataclass(frozen=True, slots=True)
class UnitKappas:
    """Kappa by action unit, of all units pooled, and their mean."""

    units: Mapping[str, UnitKappa]
    pooled: Estimate
    mean: Estimate

    def as_json(self) -> dict[str, Json]:
        """Units by name; pooled and mean beside."""
        return {
            "action_units": {name: one.as_json() for name, one in self.units.items()},
            "action_units_pooled": self.pooled.as_json(),
            "action_units_mean": self.mean.as_json(),
        }


@dataclass(frozen=True, slots=True)
class UnitAgreement:
    """The paper's coefficient in both averages, and kappas of matched expressions and with missed ones."""

    micro: Estimate
    mean: Estimate
    n_both_empty: int
    kappas: UnitKappas
    kappas_with_missed: UnitKappas


def by_number(row: CodedRow) -> frozenset[Label]:
    """Action units by number, whatever the side."""
    return frozenset(row.unit_numbers)


def by_side(row: CodedRow) -> frozenset[Label]:
    """Action units by number and side."""
    return frozenset(row.sided_units)


def unit_agreement(
    matched: Sequence[MatchedPair],
    missed: Sequence[MissedExpression],
    draws: Draws,
    *,
    labels: Labels,
    first_of: Callable[[MissedExpression], bool],
) -> UnitAgreement:
    """Agreement on action units.

    Parameters
    ----------
    labels
        `by_number` or `by_side`.
    first_of
        Whether a missed expression was seen by the coder who stands first.
    """
    empty: frozenset[Label] = frozenset()
    sets = [(labels(pair.first), labels(pair.second)) for pair in matched]
    seen = [(labels(m.row), empty) if first_of(m) else (empty, labels(m.row)) for m in missed]
    vocabulary = sorted({label for pair in [*sets, *seen] for side in pair for label in side}, key=_place)
    people = [pair.clip.participant for pair in matched]
    everyone = [*people, *(one.clip.participant for one in missed)]
    micro, mean, n_empty = _coefficients(sets, people, draws)
    return UnitAgreement(
        micro,
        mean,
        n_empty,
        _kappas(sets, people, vocabulary, draws, NO_MATCH),
        _kappas([*sets, *seen], everyone, vocabulary, draws, NO_EXPRESSION),
    )


Pairs = Sequence[tuple[frozenset[Label], frozenset[Label]]]


def _coefficients(sets: Pairs, people: Sequence[str], draws: Draws) -> tuple[Estimate, Estimate, int]:
    if not sets:
        return without_value(0, NO_MATCH), without_value(0, NO_MATCH), 0
    first, second = [a for a, _ in sets], [b for _, b in sets]
    micro = action_unit_agreement(first, second, average="micro")
    mean = action_unit_agreement(first, second, average="mean")
    n = micro.n_expressions - micro.n_both_empty
    if micro.reason is not None:
        return without_value(n, micro.reason), without_value(n, micro.reason), micro.n_both_empty
    shared = np.array([2 * len(a & b) for a, b in sets], dtype=np.float64)
    total = np.array([len(a) + len(b) for a, b in sets], dtype=np.float64)
    named = total > 0
    share = np.divide(shared, total, out=np.zeros_like(shared), where=named)
    counts = draws.sums(draws.index(people), np.stack([shared, total, share, named], axis=1))
    low, high = draws.bounds(counts, lambda pooled: pooled[:, [0, 2]] / pooled[:, [1, 3]])
    found = [
        draws.bounded(one.value, float(low[k]), float(high[k]), n=n) for k, one in enumerate((micro, mean))
    ]
    return found[0], found[1], micro.n_both_empty


def _kappas(
    sets: Pairs, people: Sequence[str], vocabulary: Sequence[Label], draws: Draws, absent: str
) -> UnitKappas:
    if not sets:
        none = UnitKappa(without_value(0, absent), 0, 0, 0)
        return UnitKappas(dict.fromkeys(map(_name, vocabulary), none), none.kappa, none.kappa)
    first, second = (_presence([pair[k] for pair in sets], vocabulary) for k in (0, 1))
    tables = _tables(first, second, people, draws)
    low, high = draws.bounds(tables, kappa_of)
    units = {}
    for k, label in enumerate(vocabulary):
        a, b = first[:, k], second[:, k]
        units[_name(label)] = UnitKappa(
            _estimate(tables[:, k].sum(axis=0), float(low[k]), float(high[k]), draws),
            int(a.sum()),
            int(b.sum()),
            int((a & b).sum()),
        )
    used: BoolArray = np.asarray((first | second).any(axis=0))
    return UnitKappas(units, *_over_units(tables, used, len(sets), draws))


def _estimate(table: FloatArray, low: float, high: float, draws: Draws) -> Estimate:
    n, value = int(table.sum()), float(kappa_of(table))
    if math.isnan(value):
        return without_value(n, _ALWAYS if table[1, 1] else _NEVER)
    if not (table.sum(axis=0)[1] and table.sum(axis=1)[1]):
        return Estimate(value, math.nan, math.nan, n, _ONE_CODER)
    return draws.bounded(value, low, high, n=n)


def _over_units(tables: FloatArray, used: BoolArray, n: int, draws: Draws) -> tuple[Estimate, Estimate]:
    """Kappa of the used units' tables added up, and the mean of the units' kappas."""
    if not used.any():
        return without_value(n, _NEVER), without_value(n, _NEVER)
    added = tables[:, used].sum(axis=1)
    kappas = kappa_of(tables[:, used].sum(axis=0))
    known = kappas[~np.isnan(kappas)]
    if not known.size:
        return without_value(n, _NO_KAPPA), without_value(n, _NO_KAPPA)
    pooled = float(kappa_of(added.sum(axis=0)))
    return (
        draws.estimate(pooled, added, kappa_of, n=n),
        Estimate(float(known.mean()), math.nan, math.nan, n, _COME_AND_GO),
    )


def kappa_of(tables: FloatArray) -> FloatArray:
    """Cohen's kappa of tables (..., n_categories, n_categories); NaN where there is none.

    Examples
    --------
    >>> round(float(kappa_of(np.array([[20.0, 5.0], [10.0, 15.0]]))), 3)
    0.4
    """
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    n = rows.sum(axis=-1)
    observed, by_chance = np.trace(tables, axis1=-2, axis2=-1) * n, (rows * columns).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (observed - by_chance) / (n * n - by_chance)
    return np.asarray(np.where(n * n > by_chance, found, math.nan))


def _tables(first: BoolArray, second: BoolArray, people: Sequence[str], draws: Draws) -> FloatArray:
    """Present and absent for both coders, (n_participants, n_units, 2, 2)."""
    cells = np.stack([~first & ~second, ~first & second, first & ~second, first & second], axis=2)
    summed = draws.sums(draws.index(people), cells.astype(np.float64))
    return summed.reshape(*summed.shape[:2], 2, 2)


def _presence(sets: Sequence[frozenset[Label]], vocabulary: Sequence[Label]) -> BoolArray:
    column = {label: k for k, label in enumerate(vocabulary)}
    found = np.zeros((len(sets), len(vocabulary)), dtype=bool)
    for row, labels in enumerate(sets):
        found[row, [column[label] for label in labels]] = True
    return found


def _place(label: Label) -> tuple[int, str]:
    """By number, then side."""
    text = str(label)
    return int("".join(sign for sign in text if sign.isdigit())), text


def _name(label: Label) -> str:
    return label if isinstance(label, str) else f"AU{label}"
