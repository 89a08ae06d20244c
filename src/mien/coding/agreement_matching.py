"""Which rows of two coders mean the same expression: the largest one-to-one matching by temporal overlap.

Conventions: two rows of one clip may be one expression if the IoU (intersection over union) of their spans is
at least the threshold; a billionth is allowed for decimals. Spans go from onset to offset where both coders
observed the offset, else from onset to apex in both rows: that one coder did not see the return to neutral
must not make an expression a missed one. A row with neither is an instant; equal instants have IoU 1. Among
all one-to-one choices the one with the most pairs is taken, then the one with the largest sum of IoU, then
the earliest (`mien.metrics.assignment`). Kinds play no part: what one calls micro may be the other's macro.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

import numpy as np

from mien.coding.coded_rows import CodedClip, CodedRow
from mien.core.expression import Expression
from mien.metrics.assignment import assign_pairs

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """One expression as two coders saw it; `first` is of the coder whose label comes first."""

    clip: CodedClip
    first: CodedRow
    second: CodedRow
    iou: float

    @property
    def onset_ms(self) -> float:
        """The first coder's onset minus the second's, ms."""
        return 1000 * (_times(self.first).onset_s - _times(self.second).onset_s)

    @property
    def apex_ms(self) -> float | None:
        """Difference of the apexes, ms; None unless both coders marked one."""
        first, second = _times(self.first).apex_s, _times(self.second).apex_s
        return None if first is None or second is None else 1000 * (first - second)

    @property
    def offset_ms(self) -> float | None:
        """Difference of the offsets, ms; None unless both coders observed one."""
        if not (self.first.offset_observed and self.second.offset_observed):
            return None
        first, second = _times(self.first).offset_s, _times(self.second).offset_s
        return None if first is None or second is None else 1000 * (first - second)

    @property
    def au_r(self) -> float | None:
        """2 |A and B| / (|A| + |B|) of the units' numbers; None where neither coder saw a unit."""
        a, b = self.first.unit_numbers, self.second.unit_numbers
        return 2 * len(a & b) / (len(a) + len(b)) if a or b else None


@dataclass(frozen=True, slots=True)
class MissedExpression:
    """One expression that `row.coder` saw and `missed_by`, who coded the same clip, did not."""

    clip: CodedClip
    row: CodedRow
    missed_by: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two coders' rows of the clips that both coded."""

    coders: tuple[str, str]
    clips: tuple[CodedClip, ...]
    matched: tuple[MatchedPair, ...]
    missed: tuple[MissedExpression, ...]


RowsOf = Mapping[tuple[str, str], Sequence[CodedRow]]
"""Usable rows by clip and coder."""


def compare_coders(
    rows: RowsOf, clips: Sequence[CodedClip], coders: tuple[str, str], *, min_iou: float
) -> Compared:
    """Match the rows of two coders over the clips that both coded, in order of clips and onsets."""
    shared = tuple(clip for clip in clips if set(coders) <= set(clip.coders))
    left, right = ([_in_time(rows.get((clip.key, coder), ())) for clip in shared] for coder in coders)
    candidates = _candidates(left, right, min_iou)
    chosen = assign_pairs(
        np.array([one[0] for one in candidates], dtype=np.int64),
        np.array([one[1] for one in candidates], dtype=np.int64),
        np.array([one[2] for one in candidates]),
        np.array([one[3] for one in candidates]),
    )
    taken = [candidates[index] for index in chosen]
    first = [(clip, row) for clip, members in zip(shared, left, strict=True) for row in members]
    second = [(clip, row) for clip, members in zip(shared, right, strict=True) for row in members]
    matched = [
        MatchedPair(first[i][0], first[i][1], second[j][1], _share(inside, joint))
        for i, j, inside, joint in taken
    ]
    found = {i for i, *_ in taken}, {j for _, j, *_ in taken}
    missed = [
        MissedExpression(clip, row, other)
        for side, seen, other in ((first, found[0], coders[1]), (second, found[1], coders[0]))
        for place, (clip, row) in enumerate(side)
        if place not in seen
    ]
    return Compared(coders, shared, tuple(matched), tuple(missed))


def _candidates(
    left: Sequence[Sequence[CodedRow]], right: Sequence[Sequence[CodedRow]], min_iou: float
) -> list[tuple[int, int, float, float]]:
    """Places (over all clips) of rows that may be one expression, with their intersection and union."""
    found = []
    n_left = n_right = 0
    for ours, theirs in zip(left, right, strict=True):
        ends = list(accumulate((_end(row) for row in theirs), max))
        for i, a in enumerate(ours, start=n_left):
            begin, end = _times(a).onset_s, _end(a)
            for place in range(bisect_left(ends, begin), len(theirs)):
                if _times(theirs[place]).onset_s > end:
                    break
                inside, joint = _overlap(a, theirs[place])
                if _may_be(inside, joint, min_iou):
                    found.append((i, n_right + place, inside, joint))
        n_left, n_right = n_left + len(ours), n_right + len(theirs)
    return found


def group_coders(compared: Sequence[Compared], *, min_iou: float) -> list[list[tuple[CodedClip, CodedRow]]]:
    """What several coders saw, one group of rows per expression, at most one row of each coder.

    Matched pairs are joined from the largest IoU downward, two groups only if every row of one may be the
    same expression as every row of the other: a chain of overlaps does not become one expression. Rows that
    nobody else matched are not in it.
    """
    pairs = [pair for part in compared for pair in part.matched]
    group_of: dict[int, list[tuple[CodedClip, CodedRow]]] = {}
    for pair in sorted(pairs, key=lambda one: -one.iou):
        one, other = (group_of.get(id(row), [(pair.clip, row)]) for row in (pair.first, pair.second))
        if one is not other and _may_join(one, other, min_iou):
            joined = [*one, *other]
            group_of.update({id(row): joined for _, row in joined})
    groups = {id(group): group for pair in pairs if (group := group_of.get(id(pair.first)))}
    return list(groups.values())


def pairs_of(coders: Sequence[str]) -> list[tuple[str, str]]:
    """Every two coders, labels in order."""
    return list(combinations(sorted(coders), 2))


def _may_join(
    one: Sequence[tuple[CodedClip, CodedRow]], other: Sequence[tuple[CodedClip, CodedRow]], min_iou: float
) -> bool:
    return all(a.coder != b.coder and _may_be(*_overlap(a, b), min_iou) for _, a in one for _, b in other)


def _in_time(rows: Sequence[CodedRow]) -> list[CodedRow]:
    return sorted(rows, key=lambda row: (_times(row).onset_s, _end(row)))


def _times(row: CodedRow) -> Expression:
    assert row.times is not None  # rows without times are set aside before anything is compared
    return row.times


def _end(row: CodedRow) -> float:
    at = _times(row)
    if row.offset_observed and at.offset_s is not None:
        return at.offset_s
    return _rise_end(row)


def _rise_end(row: CodedRow) -> float:
    at = _times(row)
    return next(end for end in (at.apex_s, at.offset_s, at.onset_s) if end is not None)


def _overlap(a: CodedRow, b: CodedRow) -> tuple[float, float]:
    """Intersection and union of the spans that both coders can tell, seconds."""
    end = _end if a.offset_observed and b.offset_observed else _rise_end
    begins, ends = (_times(a).onset_s, _times(b).onset_s), (end(a), end(b))
    return max(0.0, min(ends) - max(begins)), max(ends) - min(begins)


def _share(inside: float, joint: float) -> float:
    return 1.0 if joint == 0 else inside / joint


def _may_be(inside: float, joint: float, min_iou: float) -> bool:
    return joint == 0 or (inside > 0 and inside / joint >= min_iou - _ROUNDING)
