"""Matching reference intervals with estimated ones.

Conventions: intervals are rows [onset, offset] of float64 arrays. With `inclusive=True` they are frames
and both ends belong to them: length = offset - onset + 1. Otherwise they are half-open spans of a
continuous time, and two zero-length intervals match (IoU 1) if they are the same instant. Two intervals
are candidates if IoU >= threshold. The test is exact for the endpoints and the decimal threshold given: 55
of 100 frames reach .55. Every rule is a function with the same arguments; `MATCHING_RULES` maps the
command line's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.metrics.assignment import assign_pairs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_CANDIDATES = 50_000_000
CHUNK_PAIRS = 1_000_000
MAX_DENOMINATOR = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Which references were found: `pairs` (k, 2) of [reference, estimate] rows and their IoU (k,).

    `tp`, `fp` and `fn` are the counts under the rule that made the matching; always tp + fn = n_reference
    and tp + fp = n_estimate. Under `label_hit` one estimate may hit several references: fp = n_estimate - tp
    is then what MEGC-2020 divides by and can be negative within one recording.
    """

    pairs: IntArray
    iou: FloatArray
    tp: int
    fp: int
    fn: int

    @property
    def n_reference(self) -> int:
        """Number of reference intervals."""
        return self.tp + self.fn

    @property
    def n_estimate(self) -> int:
        """Number of estimated intervals."""
        return self.tp + self.fp


Rule = Callable[..., Matching]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """All pairs of intervals that reach the threshold, sorted by reference row, then estimate row."""

    reference: IntArray
    estimate: IntArray
    intersection: FloatArray
    union: FloatArray

    @property
    def iou(self) -> FloatArray:
        """Intersection over union, (n_pairs,); 1 for two equal instants."""
        instants = self.union == 0
        return np.asarray(np.where(instants, 1.0, self.intersection / np.where(instants, 1.0, self.union)))


def validate(intervals: ArrayLike, *, role: str, inclusive: bool) -> FloatArray:
    """The intervals as (n, 2) float64; refuses other shapes, NaN, and offsets before onsets."""
    array = np.asarray(intervals, dtype=np.float64)
    if array.size == 0:
        return np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise DataError(
            f"{role} intervals",
            wanted="rows of [onset, offset]",
            got=f"shape {array.shape}",
            remedy="give one row per interval",
        )
    if not np.isfinite(array).all():
        row = int(np.argmax(~np.isfinite(array).all(axis=1)))
        raise DataError(
            f"{role} interval {row}",
            wanted="finite times",
            got=array[row].tolist(),
            remedy="leave out what was not observed",
        )
    backwards = array[:, 1] < array[:, 0]
    if backwards.any():
        row = int(np.argmax(backwards))
        raise DataError(
            f"{role} interval {row}",
            wanted="an offset at or after the onset",
            got=array[row].tolist(),
            remedy="correct the row",
        )
    if inclusive and (array != np.floor(array)).any():
        row = int(np.argmax((array != np.floor(array)).any(axis=1)))
        raise DataError(
            f"{role} interval {row}",
            wanted="whole frame numbers",
            got=array[row].tolist(),
            remedy="use --unit s for times in seconds",
        )
    return array


def candidates(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    threshold: float = 0.5,
    strict: bool = False,
    inclusive: bool = False,
) -> Candidates:
    """All pairs with IoU >= threshold (> threshold if `strict`), found by length class and onset window.

    Raises
    ------
    DataError
        If an interval is malformed or more than `MAX_CANDIDATES` pairs would have to be looked at.
    OptionError
        If the threshold is not in (0, 1].
    """
    if not 0 < threshold <= 1:
        raise OptionError(
            "IoU threshold", wanted="above 0 and at most 1", got=threshold, remedy="0.5 is the field's"
        )
    ref = validate(reference, role="reference", inclusive=inclusive)
    est = validate(estimate, role="estimate", inclusive=inclusive)
    extra = 1.0 if inclusive else 0.0
    rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for near_rows, near_columns in _near_pairs(ref, est, threshold, extra):
        keep = _reaches(ref[near_rows], est[near_columns], threshold, strict, extra)
        rows.append(near_rows[keep])
        columns.append(near_columns[keep])
    row, column = np.concatenate(rows), np.concatenate(columns)
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    return Candidates(row, column, *_overlap(ref[row], est[column], extra))


def _overlap(a: FloatArray, b: FloatArray, extra: float) -> tuple[FloatArray, FloatArray]:
    """Intersection and union of paired rows; the union is the hull, right wherever they intersect."""
    shared = np.minimum(a[:, 1], b[:, 1]) - np.maximum(a[:, 0], b[:, 0]) + extra
    hull = np.maximum(a[:, 1], b[:, 1]) - np.minimum(a[:, 0], b[:, 0]) + extra
    return np.maximum(0.0, shared), hull


def _reaches(a: FloatArray, b: FloatArray, threshold: float, strict: bool, extra: float) -> NDArray[np.bool_]:
    """Whether IoU >= (>) threshold for paired rows, exactly, for the decimal that was meant.

    With threshold p / q the sign of q * intersection - p * union decides. Whole numbers are exact in
    float64; other pairs within rounding of the threshold are judged as fractions.
    """
    shared, union = _overlap(a, b, extra)
    bound = Fraction(threshold).limit_denominator(MAX_DENOMINATOR)
    p, q = float(bound.numerator), float(bound.denominator)
    is_simple = float(bound) == threshold
    if not is_simple:
        bound, p, q = Fraction(threshold), threshold, 1.0
    excess = q * shared - p * union
    enough = excess > 0 if strict else excess >= 0
    size = np.maximum(np.abs(a).max(axis=1, initial=0), np.abs(b).max(axis=1, initial=0)) + extra
    close = np.flatnonzero((shared > 0) & (np.abs(excess) <= 1e-14 * q * size))
    if is_simple:
        whole = (a[close] == np.floor(a[close])) & (b[close] == np.floor(b[close]))
        close = close[~whole.all(axis=1)]
    different, which = np.unique(np.hstack([a[close], b[close]]), axis=0, return_inverse=True)
    judged = [_reaches_exactly(pair, bound, strict, int(extra)) for pair in different.tolist()]
    enough[close] = np.array(judged, dtype=bool)[which.ravel()]
    # The same instant has IoU 1, which is not above a threshold of 1.
    return np.where(union == 0, threshold < 1 or not strict, enough)


def _reaches_exactly(pair: list[float], bound: Fraction, strict: bool, extra: int) -> bool:
    start, end, other_start, other_end = map(Fraction, pair)
    shared = min(end, other_end) - max(start, other_start) + extra
    union = max(end, other_end) - min(start, other_start) + extra
    return shared > bound * union if strict else shared >= bound * union


def _near_pairs(
    ref: FloatArray, est: FloatArray, threshold: float, extra: float
) -> Iterator[tuple[IntArray, IntArray]]:
    """Row pairs that could reach the threshold: IoU >= t bounds the ratio of lengths and the lag of onsets.

    With lengths L and M: t L <= M <= L / t, and the estimate's onset lies between
    onset - (1 - t) L / t and onset + (1 - t) L.
    """
    lengths, others = ref[:, 1] - ref[:, 0] + extra, est[:, 1] - est[:, 0] + extra
    classes, other_classes = _length_class(lengths, threshold), _length_class(others, threshold)
    total = 0
    for label in np.unique(other_classes):
        members = np.flatnonzero(other_classes == label)
        members = members[np.argsort(est[members, 0], kind="stable")]
        onsets = est[members, 0]
        rows = np.flatnonzero(np.abs(classes - label) <= 1)
        slack = 1e-9 * (1.0 + np.abs(ref[rows, 0]) + lengths[rows])
        early = ref[rows, 0] - (1 - threshold) * lengths[rows] / threshold - slack
        late = ref[rows, 0] + (1 - threshold) * lengths[rows] + slack
        first, last = np.searchsorted(onsets, early, "left"), np.searchsorted(onsets, late, "right")
        counts = last - first
        total += int(counts.sum())
        if total > MAX_CANDIDATES:
            raise DataError(
                "intervals",
                wanted=f"at most {MAX_CANDIDATES:,} neighbouring pairs",
                got="more",
                remedy="remove repeated rows or score recordings apart",
            )
        ends = np.cumsum(counts)
        cuts = np.searchsorted(ends, np.arange(CHUNK_PAIRS, int(counts.sum()) + CHUNK_PAIRS, CHUNK_PAIRS))
        for part in np.split(np.arange(len(rows)), np.unique(cuts)):
            size = counts[part]
            starts = np.repeat(first[part] - (np.cumsum(size) - size), size)
            yield np.repeat(rows[part], size), members[starts + np.arange(int(size.sum()))]


def _length_class(lengths: FloatArray, threshold: float) -> FloatArray:
    """Lengths on a logarithmic scale whose step is at least the ratio that can still match."""
    step = np.log(1 / threshold) if threshold < 1 else 1.0
    positive = lengths > 0
    logs = np.log(np.where(positive, lengths, 1.0))
    # Instants match instants only: a class far from all others.
    return np.where(positive, np.floor(logs / max(step, 1e-3) + 1e-9), -1e9)


def one_to_one(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    threshold: float = 0.5,
    strict: bool = False,
    inclusive: bool = False,
    score: ArrayLike | None = None,
) -> Matching:
    """The largest one-to-one matching; duplicates are false positives. The default rule of this toolkit.

    Among the matchings with the most pairs the one with the largest summed IoU; among those the earliest:
    references in order of (onset, offset, row), each with the earliest possible estimate. `score` is unused.

    Parameters
    ----------
    reference, estimate
        Rows [onset, offset], shapes (n, 2) and (m, 2).
    threshold, strict
        Least IoU of a match; `strict` excludes equality.
    inclusive
        Whole frames with both ends included, instead of continuous time.

    Raises
    ------
    DataError
        If an interval is malformed.

    Examples
    --------
    >>> one_to_one([[0, 10], [20, 30]], [[1, 10], [0, 9], [40, 50]]).pairs.tolist()
    [[0, 1]]
    """
    ref = validate(reference, role="reference", inclusive=inclusive)
    est = validate(estimate, role="estimate", inclusive=inclusive)
    found = candidates(ref, est, threshold=threshold, strict=strict, inclusive=inclusive)
    chosen = assign_pairs(
        _rank(ref)[found.reference], _rank(est)[found.estimate], found.intersection, found.union
    )
    return _matching(found, chosen, len(ref), len(est))


def greedy_best(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    threshold: float = 0.5,
    strict: bool = False,
    inclusive: bool = False,
    score: ArrayLike | None = None,
) -> Matching:
    """Each estimate, best score first, may take only the reference it overlaps most; a second one is wrong.

    The rule of detection libraries (mean average precision), used by SL-Swin and SOFTNet code. Without
    scores the order of rows counts.
    """
    ref = validate(reference, role="reference", inclusive=inclusive)
    est = validate(estimate, role="estimate", inclusive=inclusive)
    found = candidates(ref, est, threshold=threshold, strict=strict, inclusive=inclusive)
    best = _best_per(found.estimate, found.iou)
    place = np.arange(len(est)) if score is None else _place_by_score(score, len(est))
    best = best[np.argsort(place[found.estimate[best]], kind="stable")]
    _, first = np.unique(found.reference[best], return_index=True)
    return _matching(found, np.sort(best[first]), len(ref), len(est))


def label_hit(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    threshold: float = 0.5,
    strict: bool = False,
    inclusive: bool = False,
    score: ArrayLike | None = None,
) -> Matching:
    """Every reference with at least one estimate is a hit, even if they share it: the MEGC-2020 counting.

    TP is the number of references hit and F1 = 2 TP / (estimates + references).
    """
    ref = validate(reference, role="reference", inclusive=inclusive)
    est = validate(estimate, role="estimate", inclusive=inclusive)
    found = candidates(ref, est, threshold=threshold, strict=strict, inclusive=inclusive)
    return _matching(found, _best_per(found.reference, found.iou), len(ref), len(est))


def reference_argmax(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    threshold: float = 0.5,
    strict: bool = False,
    inclusive: bool = False,
    score: ArrayLike | None = None,
) -> Matching:
    """Distinct estimates that are the best match of some reference, the "find" count of ABPN's code."""
    ref = validate(reference, role="reference", inclusive=inclusive)
    est = validate(estimate, role="estimate", inclusive=inclusive)
    found = candidates(ref, est, threshold=threshold, strict=strict, inclusive=inclusive)
    best = _best_per(found.reference, found.iou)
    _, first = np.unique(found.estimate[best], return_index=True)
    return _matching(found, np.sort(best[first]), len(ref), len(est))


MATCHING_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "one-to-one": one_to_one,
        "label-hit": label_hit,
        "greedy-best": greedy_best,
        "reference-argmax": reference_argmax,
    }
)


def _rank(intervals: FloatArray) -> IntArray:
    """Place of each row in the order (onset, offset, row)."""
    order = np.lexsort((intervals[:, 1], intervals[:, 0]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _place_by_score(score: ArrayLike, n_estimate: int) -> IntArray:
    """Place of each estimate when the highest score comes first, (n_estimate,); input order on a tie."""
    scores = np.asarray(score, dtype=np.float64)
    if scores.shape != (n_estimate,) or np.isnan(scores).any():
        raise DataError(
            "scores",
            wanted=f"one number for each of {n_estimate} estimates",
            got=f"shape {scores.shape} with {int(np.isnan(scores).sum())} NaN",
            remedy="give every estimate a score or none",
        )
    place = np.empty(n_estimate, dtype=np.int64)
    place[np.argsort(-scores, kind="stable")] = np.arange(n_estimate)
    return place


def _best_per(group: IntArray, iou: FloatArray) -> IntArray:
    """For each group the candidate with the largest IoU, the first on a tie, in order of group."""
    order = np.lexsort((np.arange(len(iou)), -iou, group))
    _, first = np.unique(group[order], return_index=True)
    return order[first]


def _matching(found: Candidates, chosen: IntArray, n_reference: int, n_estimate: int) -> Matching:
    pairs = np.stack([found.reference[chosen], found.estimate[chosen]], axis=1)
    tp = len(pairs)
    return Matching(pairs, found.iou[chosen], tp, n_estimate - tp, n_reference - tp)
