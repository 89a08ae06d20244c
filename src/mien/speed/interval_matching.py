"""One-to-one matching of intervals beside a sweep in Python, the full IoU matrix, and two nested loops.

Intervals are whole frames, 20 to 120 long, spread over 430 frames each, which is 43 million frames for
100,000; an estimate is a reference with both ends moved by up to 20, and pairs have IoU .5 or more. The
matrix and the loops do not fit 100,000 (80 GB, two hours), so they stand at 2,000. All find a largest
assignment; the matrix and the loops also the one of the largest sum of IoU, as the toolkit does.
"""

from __future__ import annotations

from bisect import bisect_left
from importlib.metadata import version

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from mien.core.time import FloatArray
from mien.metrics.matching import one_to_one
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, by_turns

FRAMES_PER_INTERVAL = 430
MANY, FEW = 100_000, 2_000

Found = tuple[int, float]
"""Number of pairs and their sum of IoU."""


def simulate(n: int, *, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """References and shuffled estimates, (n, 2) each, in whole frames."""
    rng = np.random.default_rng(seed)
    onset = rng.integers(0, FRAMES_PER_INTERVAL * n, n)
    reference = np.stack([onset, onset + rng.integers(20, 121, n)], axis=1)
    estimate = np.sort(reference + rng.integers(-20, 21, (n, 2)), axis=1)
    return reference.astype(np.float64), rng.permutation(estimate).astype(np.float64)


def by_mien(reference: FloatArray, estimate: FloatArray) -> Found:
    """By the toolkit."""
    matching = one_to_one(reference, estimate, inclusive=True)
    return matching.tp, float(matching.iou.sum())


def by_sweep(reference: FloatArray, estimate: FloatArray) -> int:
    """Number of pairs: candidates by a sweep over sorted onsets, then SciPy's bipartite matching."""
    order = np.argsort(estimate[:, 0]).tolist()
    starts, ends = estimate[order].T.tolist()
    longest = max(end - start for start, end in zip(starts, ends, strict=True))
    rows, columns = [], []
    for i, (onset, offset) in enumerate(reference.tolist()):
        j = bisect_left(starts, onset - longest)
        while j < len(starts) and starts[j] <= offset:
            shared = min(offset, ends[j]) - max(onset, starts[j]) + 1
            union = (offset - onset + 1) + (ends[j] - starts[j] + 1) - shared
            if 2 * shared >= union:
                rows.append(i)
                columns.append(order[j])
            j += 1
    graph = csr_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(len(reference), len(estimate)))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def by_matrix(reference: FloatArray, estimate: FloatArray) -> Found:
    """By the full IoU matrix and dense assignment."""
    a, b = reference[:, None], estimate[None]
    shared = np.maximum(0, np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]) + 1)
    union = (a[..., 1] - a[..., 0] + 1) + (b[..., 1] - b[..., 0] + 1) - shared
    return _assign(shared / union)


def by_loops(reference: FloatArray, estimate: FloatArray) -> Found:
    """By two Python loops and dense assignment."""
    iou = np.zeros((len(reference), len(estimate)))
    rows = estimate.tolist()
    for i, (onset, offset) in enumerate(reference.tolist()):
        for j, (start, end) in enumerate(rows):
            shared = min(offset, end) - max(onset, start) + 1
            if shared > 0:
                iou[i, j] = shared / ((offset - onset + 1) + (end - start + 1) - shared)
    return _assign(iou)


def _assign(iou: FloatArray) -> Found:
    # A pair is worth more than any sum of IoU, so that the number of pairs comes first.
    weights = np.where(iou >= 0.5, len(iou) + iou, 0)
    rows, columns = linear_sum_assignment(weights, maximize=True)
    taken = weights[rows, columns] > 0
    return int(taken.sum()), float(iou[rows, columns][taken].sum())


def measure(setting: Setting, *, many: int = MANY, few: int = FEW) -> tuple[Row, ...]:
    """Three rows: the sweep at 100,000, the matrix and the loops at 2,000."""
    large, small = simulate(many), simulate(few)
    taken = by_turns({"mien": lambda: by_mien(*large), "sweep": lambda: by_sweep(*large)}, setting)
    pairs, swept = by_mien(*large)[0], by_sweep(*large)
    scipy = f"SciPy {version('scipy')}"
    rows = [
        Row(
            what=f"matching {many:,} x {many:,} intervals",
            n=many,
            unit="intervals",
            seconds=taken["mien"],
            agreement=Agreement(pairs == swept, "the number of pairs", f"{pairs:,} and {swept:,}"),
            peer=f"Python sweep, {scipy} (the number alone)",
            peer_seconds=taken["sweep"],
            asked=(Demand("seconds", 0.5, "0.5 s", at_most=True),),
        )
    ]
    own = by_mien(*small)
    others = {
        f"NumPy {np.__version__} IoU matrix, {scipy}": by_matrix,
        f"Python loops, {scipy}": by_loops,
    }
    for peer, match in others.items():
        theirs = match(*small)
        taken = by_turns({"mien": lambda: by_mien(*small), peer: lambda m=match: m(*small)}, setting)  # type: ignore[misc]
        rows.append(
            Row(
                what=f"matching {few:,} x {few:,} intervals",
                n=few,
                unit="intervals",
                seconds=taken["mien"],
                agreement=Agreement(
                    own[0] == theirs[0] and abs(own[1] / theirs[1] - 1) <= 1e-9,
                    "the number of pairs, and their sum of IoU to 1e-9",
                    f"{own[0]:,} and {theirs[0]:,} pairs, {own[1]:.6f} and {theirs[1]:.6f}",
                ),
                peer=peer,
                peer_seconds=taken[peer],
            )
        )
    return tuple(rows)


WORK = Work(
    name="interval-matching",
    title="interval matching",
    asked="100,000 x 100,000 in at most 0.5 s",
    measure=measure,
    needs={},
    of=("mien.speed.interval_matching", "mien.metrics.matching", "mien.metrics.assignment"),
)
