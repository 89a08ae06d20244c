"""Agreement on labels, one per expression: emotion and kind of two coders; all coders at once, also by unit.

Conventions: Cohen's kappa is over matched expressions to which both coders gave a label. In the view "with
missed", an expression that one coder did not see has a label of its own for that coder. Fleiss' kappa is over
expressions that equally many coders saw: of all numbers of coders the one that most expressions have, the
larger of two. Krippendorff's alpha (nominal) takes every expression that two coders or more saw; the cell of
a coder who did not see it, or did not code the clip, is missing. Both are given for two coders, too (Fleiss'
is then Scott's pi).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.coding.agreement_intervals import Draws, Estimate, FloatArray, IntArray, without_value
from mien.coding.agreement_matching import MatchedPair, MissedExpression
from mien.coding.agreement_units import kappa_of
from mien.coding.coded_rows import CodedClip, CodedRow
from mien.core.records import Json
from mien.stats import cohen_kappa, fleiss_kappa
from mien.stats.krippendorff import ONE_VALUE, alpha_of, coincidences

NONE = "(not seen)"
BY_KIND = "expressions were chosen by kind, so that the two kinds cannot be compared"
_NO_LABEL = "no matched expression to which both coders gave a label"
_NO_GROUP = "no expression that two coders saw and labelled"

LabelOf = Callable[[CodedRow], Hashable]
Group = Sequence[tuple[CodedClip, CodedRow]]


@dataclass(frozen=True, slots=True)
class ManyCoders:
    """Agreement of all coders at once; `n_coders` is the number of coders of Fleiss' expressions."""

    fleiss: Estimate
    n_coders: int
    krippendorff: Estimate

    def as_json(self) -> dict[str, Json]:
        """The fields; NaN is null."""
        return {
            "fleiss": {**self.fleiss.as_json(), "n_coders": self.n_coders},
            "krippendorff": self.krippendorff.as_json(),
        }


@dataclass(frozen=True, slots=True)
class AllCoders:
    """Agreement of all coders on each action unit, on emotion and on kind, over `n_groups` expressions."""

    units: Mapping[str, ManyCoders]
    emotion: ManyCoders
    kind: ManyCoders
    n_groups: int

    def as_json(self) -> dict[str, Json]:
        """The fields; NaN is null."""
        return {
            "n_expressions": self.n_groups,
            "action_units": {name: one.as_json() for name, one in self.units.items()},
            "emotion": self.emotion.as_json(),
            "kind": self.kind.as_json(),
        }


def label_kappa(
    matched: Sequence[MatchedPair],
    missed: Sequence[MissedExpression],
    draws: Draws,
    *,
    label: LabelOf,
    first_of: Callable[[MissedExpression], bool],
) -> Estimate:
    """Cohen's kappa of a label; give no `missed` for the view of matched expressions alone."""
    known = [
        (pair.clip.participant, label(pair.first), label(pair.second))
        for pair in matched
        if label(pair.first) is not None and label(pair.second) is not None
    ]
    for one in missed:
        said = label(one.row)
        if said is not None:
            both = (said, NONE) if first_of(one) else (NONE, said)
            known.append((one.clip.participant, *both))
    if not known:
        return without_value(0, _NO_LABEL)
    people, first, second = (list(column) for column in zip(*known, strict=True))
    found = cohen_kappa(first, second)
    if found.reason is not None:
        return without_value(len(known), found.reason)
    place = {word: k for k, word in enumerate(dict.fromkeys([*first, *second]))}
    cells = np.zeros((len(known), len(place), len(place)))
    cells[np.arange(len(known)), [place[word] for word in first], [place[word] for word in second]] = 1
    tables = draws.sums(draws.index(people), cells)
    return draws.estimate(found.value, tables, kappa_of, n=len(known))


def all_coders(groups: Sequence[Group], draws: Draws, *, by_kind: bool) -> AllCoders:
    """Agreement of all coders over groups of rows that mean one expression."""
    people = [group[0][0].participant for group in groups]
    named = [[row.unit_numbers for _, row in group] for group in groups]
    numbers = sorted({number for group in named for units in group for number in units})
    column = {number: k for k, number in enumerate(numbers)}
    present = np.zeros((len(groups), len(numbers)))
    for place, group in enumerate(named):
        for units in group:
            present[place, [column[number] for number in units]] += 1
    size = np.array([len(group) for group in groups])[:, None]
    by_unit = {
        f"AU{number}": _many(np.column_stack([size - present[:, [k]], present[:, [k]]]), people, draws)
        for k, number in enumerate(numbers)
    }
    kind = without_value(0, BY_KIND)
    return AllCoders(
        by_unit,
        _many(*_label_counts(groups, emotion_of), draws),
        ManyCoders(kind, 0, kind) if by_kind else _many(*_label_counts(groups, kind_of), draws),
        len(groups),
    )


def emotion_of(row: CodedRow) -> Hashable:
    """The emotion a coder named, or None."""
    return row.emotion


def kind_of(row: CodedRow) -> Hashable:
    """Micro, macro or None."""
    return row.kind


def _label_counts(groups: Sequence[Group], label: LabelOf) -> tuple[FloatArray, list[str]]:
    """How many coders gave each label, (n_expressions, n_labels), where two did; and the participants."""
    said = [
        (group[0][0].participant, [word for _, row in group if (word := label(row)) is not None])
        for group in groups
    ]
    said = [(who, words) for who, words in said if len(words) > 1]
    place = {word: k for k, word in enumerate(dict.fromkeys(word for _, words in said for word in words))}
    counts = np.zeros((len(said), len(place)))
    for row, (_, words) in enumerate(said):
        for word in words:
            counts[row, place[word]] += 1
    return counts, [who for who, _ in said]


def _many(counts: FloatArray, people: Sequence[str], draws: Draws) -> ManyCoders:
    if not len(counts):
        return ManyCoders(without_value(0, _NO_GROUP), 0, without_value(0, _NO_GROUP))
    sizes = counts.sum(axis=1).astype(int)
    n_coders = int(max(np.unique(sizes), key=lambda size: (int((sizes == size).sum()), size)))
    same, index = sizes == n_coders, draws.index(people)
    return ManyCoders(_fleiss(counts[same], index[same], draws), n_coders, _alpha(counts, index, draws))


def _fleiss(counts: FloatArray, index: IntArray, draws: Draws) -> Estimate:
    found = fleiss_kappa(counts)
    n, m = len(counts), float(counts[0].sum())
    if math.isnan(found.value):
        return without_value(n, str(found.reason))
    agreeing = ((counts**2).sum(axis=1) - m) / (m * (m - 1))
    sums = draws.sums(index, np.column_stack([np.ones(n), agreeing, counts]))

    def kappa(pooled: FloatArray) -> FloatArray:
        observed = pooled[:, 1] / pooled[:, 0]
        expected = ((pooled[:, 2:] / (m * pooled[:, :1])) ** 2).sum(axis=1)
        return np.asarray(np.where(expected < 1, (observed - expected) / (1 - expected), math.nan))

    return draws.estimate(found.value, sums, kappa, n=n)


def _alpha(counts: FloatArray, index: IntArray, draws: Draws) -> Estimate:
    n, values = len(counts), np.arange(counts.shape[1], dtype=np.float64)
    own = np.stack([coincidences(counts[index == k]) for k in range(len(draws.participants))])

    def alpha(pooled: FloatArray) -> FloatArray:
        return alpha_of(pooled, values, "nominal")

    value = float(alpha(own.sum(axis=0)))
    return without_value(n, ONE_VALUE) if math.isnan(value) else draws.estimate(value, own, alpha, n=n)
