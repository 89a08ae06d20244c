"""Speed and memory of the default interval matching beside two naive ways, in one process and one thread.

Peers: the full IoU matrix in numpy and two nested Python loops, each followed by SciPy's dense assignment,
at a size where the matrix still fits. Intervals are whole frames, 20 to 120 long, spread over 430 frames
each, which is 43 million frames for 100,000; an estimate is a reference with both ends moved by up to 20.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mien.metrics.matching import one_to_one

FloatArray = NDArray[np.float64]
Row = dict[str, str | int | float | None]

FRAMES_PER_INTERVAL = 430
REPEATS = 5


def simulate(n: int, *, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """References and shuffled estimates, (n, 2) each, in whole frames."""
    rng = np.random.default_rng(seed)
    onset = rng.integers(0, FRAMES_PER_INTERVAL * n, n)
    reference = np.stack([onset, onset + rng.integers(20, 121, n)], axis=1)
    estimate = np.sort(reference + rng.integers(-20, 21, (n, 2)), axis=1)
    return reference.astype(np.float64), rng.permutation(estimate).astype(np.float64)


def match_by_matrix(reference: FloatArray, estimate: FloatArray) -> int:
    """Number of matched pairs by the full IoU matrix and dense assignment."""
    a, b = reference[:, None], estimate[None]
    shared = np.maximum(0, np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]) + 1)
    union = (a[..., 1] - a[..., 0] + 1) + (b[..., 1] - b[..., 0] + 1) - shared
    return _assign(shared / union)


def match_by_loops(reference: FloatArray, estimate: FloatArray) -> int:
    """Number of matched pairs by two Python loops and dense assignment."""
    iou = np.zeros((len(reference), len(estimate)))
    rows = estimate.tolist()
    for i, (onset, offset) in enumerate(reference.tolist()):
        for j, (start, end) in enumerate(rows):
            shared = min(offset, end) - max(onset, start) + 1
            if shared > 0:
                iou[i, j] = shared / ((offset - onset + 1) + (end - start + 1) - shared)
    return _assign(iou)


def match_by_mien(reference: FloatArray, estimate: FloatArray) -> int:
    """Number of matched pairs by the toolkit."""
    return one_to_one(reference, estimate, inclusive=True).tp


def _assign(iou: FloatArray) -> int:
    # A pair is worth more than any sum of IoU, so that the number of pairs comes first.
    weights = np.where(iou >= 0.5, len(iou) + iou, 0)
    rows, columns = linear_sum_assignment(weights, maximize=True)
    return int((weights[rows, columns] > 0).sum())


def median_seconds(match: Callable[[FloatArray, FloatArray], int], n: int) -> tuple[float, int]:
    """Median time of `REPEATS` runs after one to warm up, and the number of pairs."""
    reference, estimate = simulate(n)
    pairs = match(reference, estimate)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        match(reference, estimate)
        times.append(time.perf_counter() - start)
    return statistics.median(times), pairs


def peak_mb(n: int) -> float:
    """Largest memory that the toolkit's matching holds at once, in MB."""
    reference, estimate = simulate(n)
    tracemalloc.start()
    try:
        match_by_mien(reference, estimate)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main(*, n: int = 100_000, n_naive: int = 2_000) -> list[Row]:
    """Measure, print a small table, and return its rows."""
    small, pairs = median_seconds(match_by_mien, n_naive)
    rows: list[Row] = []
    for name, peer in (("numpy IoU matrix", match_by_matrix), ("Python loops", match_by_loops)):
        seconds, peer_pairs = median_seconds(peer, n_naive)
        if peer_pairs != pairs:
            raise AssertionError(f"{name} finds {peer_pairs} pairs, the toolkit {pairs}")
        rows.append(_row(name, n_naive, small, seconds))
    rows.append(_row(None, n, median_seconds(match_by_mien, n)[0], None))
    print(f"{'beside':<26}{'n x n':>9}{'median s':>11}{'peer s':>10}{'ratio':>8}")
    for row in rows:
        peer_s, ratio = (
            "-" if row[key] is None else f"{row[key]:.{digits}f}"
            for key, digits in (("peer_median_s", 3), ("ratio", 0))
        )
        print(f"{row['peer'] or 'alone':<26}{row['n']:>9,}{row['median_s']:>11.4f}{peer_s:>10}{ratio:>8}")
    print(f"peak memory at {n:,} x {n:,}: {peak_mb(n):.0f} MB")
    return rows


def _row(peer: str | None, n: int, median_s: float, peer_median_s: float | None) -> Row:
    ratio = None if peer_median_s is None else peer_median_s / median_s
    return {
        "name": f"one-to-one matching, {n:,} x {n:,} intervals",
        "n": n,
        "median_s": median_s,
        "peer": peer,
        "peer_median_s": peer_median_s,
        "ratio": ratio,
    }


if __name__ == "__main__":
    main()
