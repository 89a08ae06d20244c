"""The default matching against every matching there is, on random small cases in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest

from mien.metrics.matching import one_to_one

INFINITY = 10**6


def iou(a, b, inclusive):
    extra = 1 if inclusive else 0
    shared = max(0, min(a[1], b[1]) - max(a[0], b[0]) + extra)
    union = (a[1] - a[0] + extra) + (b[1] - b[0] + extra) - shared
    if union == 0:
        return Fraction(int(a[0] == b[0]))
    return Fraction(shared, union)


def every_matching(edges, n, m):
    """All sets of pairs that use no row and no column twice."""
    for size in range(min(n, m) + 1):
        for rows in combinations(range(n), size):
            for columns in permutations(range(m), size):
                if all((r, c) in edges for r, c in zip(rows, columns, strict=True)):
                    yield tuple(zip(rows, columns, strict=True))


def oracle(reference, estimate, inclusive):
    """Most pairs, largest sum of IoU, then the smallest vector of partners in order of time."""
    n, m = len(reference), len(estimate)
    in_time = sorted(range(n), key=lambda i: (*reference[i], i))
    rank = {j: place for place, j in enumerate(sorted(range(m), key=lambda j: (*estimate[j], j)))}
    edges = {
        (i, j): value
        for i in range(n)
        for j in range(m)
        if (value := iou(reference[i], estimate[j], inclusive)) >= Fraction(1, 2)
    }

    def worth(pairs):
        partner = dict(pairs)
        vector = [-rank[partner[i]] if i in partner else -INFINITY for i in in_time]
        return (len(pairs), sum((edges[p] for p in pairs), Fraction(0)), vector)

    return sorted(max(every_matching(edges, n, m), key=worth))


def random_case(rng, inclusive):
    span = int(rng.integers(3, 14))
    shortest = 0

    def some():
        count = int(rng.integers(0, 5))
        starts = rng.integers(0, span, size=count)
        lengths = rng.integers(shortest, 7, size=count)
        rows = [[int(s), int(s + d)] for s, d in zip(starts, lengths, strict=True)]
        if rows and rng.random() < 0.3:  # duplicates
            rows.append(list(rows[int(rng.integers(len(rows)))]))
        return rows

    return some(), some()


@pytest.mark.parametrize("inclusive", [False, True])
def test_equals_the_best_of_all_matchings(inclusive):
    rng = np.random.default_rng(7 + inclusive)
    seen_choice = 0
    for _ in range(5_000):
        reference, estimate = random_case(rng, inclusive)
        expected = oracle(reference, estimate, inclusive)
        found = one_to_one(reference, estimate, inclusive=inclusive)
        assert sorted(map(tuple, found.pairs.tolist())) == expected, (reference, estimate)
        assert (found.fp, found.fn) == (len(estimate) - len(expected), len(reference) - len(expected))
        seen_choice += len(expected) > 1
    assert seen_choice > 500  # the cases are not trivial
