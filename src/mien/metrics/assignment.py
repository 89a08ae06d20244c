"""The best one-to-one choice among candidate pairs: most pairs, then largest summed IoU, then earliest.

Candidates fall into connected groups; a group of one pair needs no choice. Groups of up to `SMALL_SIDE`
intervals on either side are solved all at once by trying every choice in floating point, wherever the
best one is ahead by more than rounding. The rest of up to `EXACT_PAIRS` pairs is solved in exact integer
arithmetic: number of pairs, sum of IoU over a common denominator and earliness are digits of one number,
so that equal sums are equal. Larger groups are solved in floating point (sums to about 1e-9); there only
ties between identical intervals go to the earliest.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from math import lcm

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

EXACT_PAIRS = 100
SMALL_SIDE = 4
_CLEAR_LEAD = 1e-9


def assign_pairs(
    reference_rank: IntArray, estimate_rank: IntArray, intersection: FloatArray, union: FloatArray
) -> IntArray:
    """Indices of the chosen candidates, ascending.

    Parameters
    ----------
    reference_rank, estimate_rank
        For each candidate the place of its two intervals in time, (n_pairs,); earlier is smaller.
    intersection, union
        Overlap and joint length of each candidate; union 0 for two equal instants.
    """
    if len(reference_rank) == 0:
        return np.empty(0, dtype=np.int64)
    groups = _groups(reference_rank, estimate_rank)
    sizes = np.bincount(groups)
    alone = np.flatnonzero(sizes[groups] == 1)
    chosen = [alone]
    several = np.flatnonzero(sizes[groups] > 1)
    several = several[np.argsort(groups[several], kind="stable")]
    iou = np.where(union == 0, 1.0, intersection / np.where(union == 0, 1.0, union))
    picked, open_groups = _solve_small(
        groups[several], reference_rank[several], estimate_rank[several], iou[several]
    )
    chosen.append(several[picked])
    bounds = np.searchsorted(groups[several], [open_groups, open_groups + 1])
    for first, last in bounds.T:
        pairs = several[first:last]
        solve = _solve_exactly if len(pairs) <= EXACT_PAIRS else _solve_in_floats
        chosen.append(
            pairs[solve(reference_rank[pairs], estimate_rank[pairs], intersection[pairs], union[pairs])]
        )
    return np.sort(np.concatenate(chosen))


def _groups(reference_rank: IntArray, estimate_rank: IntArray) -> IntArray:
    """The connected component of each candidate, (n_pairs,)."""
    n, m = int(reference_rank.max()) + 1, int(estimate_rank.max()) + 1
    graph = coo_array(
        (np.ones(len(reference_rank), dtype=np.int8), (reference_rank, n + estimate_rank)),
        shape=(n + m, n + m),
    )
    labels = connected_components(graph, directed=False)[1]
    return np.unique(labels[reference_rank], return_inverse=True)[1].astype(np.int64)


def _solve_small(
    groups: IntArray, ref: IntArray, est: IntArray, iou: FloatArray
) -> tuple[IntArray, IntArray]:
    """The chosen pairs of all small groups with a clear best choice, and the groups that remain open.

    `groups` is ascending. Groups of one shape are solved together: every assignment of the shorter side is
    tried on all of them.
    """
    names, group = np.unique(groups, return_inverse=True)
    rows, n_rows = _local_index(group, ref)
    columns, n_columns = _local_index(group, est)
    is_open = np.ones(len(names), dtype=bool)
    picked = [np.empty(0, dtype=np.int64)]
    small = np.maximum(n_rows, n_columns) <= SMALL_SIDE
    for n, m in {(int(a), int(b)) for a, b in zip(n_rows[small], n_columns[small], strict=True)}:
        members = np.flatnonzero((n_rows == n) & (n_columns == m))
        place = np.full(len(names), -1)
        place[members] = np.arange(len(members))
        pairs = np.flatnonzero(place[group] >= 0)
        weights = np.zeros((len(members), n, m))  # a pair is worth more than any sum of IoU
        weights[place[group[pairs]], rows[pairs], columns[pairs]] = SMALL_SIDE + 1 + iou[pairs]
        taken, clear = _try_all(weights)
        is_open[members] = ~clear
        own = place[group[pairs]]
        picked.append(pairs[taken[own, rows[pairs], columns[pairs]] & clear[own]])
    return np.concatenate(picked), names[is_open]


def _try_all(weights: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells of each matrix (n_groups, n, m) the best assignment takes, and whether it leads clearly."""
    n_groups, n, m = weights.shape
    if n > m:
        taken, clear = _try_all(weights.transpose(0, 2, 1))
        return taken.transpose(0, 2, 1), clear
    choices = np.array(list(permutations(range(m), n)))
    cells = weights[:, np.arange(n), choices]  # (n_groups, n_choices, n)
    sums = cells.sum(axis=2)
    # Choices that differ only in cells without a pair are the same choice.
    marks = ((cells > 0) << (np.arange(n) * m + choices)).sum(axis=2)
    best = sums.argmax(axis=1)
    everyone = np.arange(n_groups)
    near = sums >= sums[everyone, best][:, None] - _CLEAR_LEAD
    clear = (~near | (marks == marks[everyone, best][:, None])).all(axis=1)
    taken = np.zeros(weights.shape, dtype=bool)
    taken[everyone[:, None], np.arange(n), choices[best]] = True
    return taken & (weights > 0), clear


def _local_index(group: IntArray, rank: IntArray) -> tuple[IntArray, IntArray]:
    """Each interval's number within its group, in order of time, and how many each group has."""
    keys = group * (int(rank.max(initial=0)) + 1) + rank
    unique, index = np.unique(keys, return_inverse=True)
    owners = unique // (int(rank.max(initial=0)) + 1)
    counts = np.bincount(owners, minlength=int(group.max(initial=-1)) + 1)
    return index - (np.cumsum(counts) - counts)[group], counts


def _solve_exactly(ref: IntArray, est: IntArray, intersection: FloatArray, union: FloatArray) -> IntArray:
    rows, columns = np.unique(ref, return_inverse=True)[1], np.unique(est, return_inverse=True)[1]
    n, m = int(rows.max()) + 1, int(columns.max()) + 1
    shares = [
        Fraction(i) / Fraction(u) if u else Fraction(1) for i, u in zip(intersection, union, strict=True)
    ]
    scale = lcm(*(share.denominator for share in shares))
    # Earliness: one digit per reference, the first the most significant; a smaller partner is more.
    base = m + 1
    early_unit = base**n
    pair_unit = early_unit * (scale * min(n, m) + 1)
    weights = [[0] * m for _ in range(n)]
    for row, column, share in zip(rows.tolist(), columns.tolist(), shares, strict=True):
        early = (m - column) * base ** (n - 1 - row)
        weights[row][column] = pair_unit + int(share * scale) * early_unit + early
    partner = maximum_assignment(weights)
    picked = [k for k, (row, column) in enumerate(zip(rows, columns, strict=True)) if partner[row] == column]
    return np.array(picked, dtype=np.int64)


def maximum_assignment(weights: Sequence[Sequence[int]]) -> list[int | None]:
    """For each row the column it takes so that the sum of weights is largest; None for weight 0.

    The Hungarian method with potentials (Kuhn 1955, Munkres 1957) on exact integers, weights >= 0.
    """
    n, m = len(weights), len(weights[0])
    if n > m:
        flipped = maximum_assignment([list(column) for column in zip(*weights, strict=True)])
        result: list[int | None] = [None] * n
        for column, row in enumerate(flipped):
            if row is not None:
                result[row] = column
        return result
    potential_row, potential_column = [0] * (n + 1), [0] * (m + 1)
    owner = [0] * (m + 1)  # row (from 1) that holds each column (from 1); 0 is free
    for row in range(1, n + 1):
        _augment(row, weights, potential_row, potential_column, owner)
    result = [None] * n
    for column in range(1, m + 1):
        if owner[column] and weights[owner[column] - 1][column - 1] > 0:
            result[owner[column] - 1] = column - 1
    return result


def _augment(
    row: int, weights: Sequence[Sequence[int]], u: list[int], v: list[int], owner: list[int]
) -> None:
    """Bring one more row into the assignment along the cheapest alternating path; cost = -weight."""
    m = len(v) - 1
    owner[0] = row
    column = 0
    least: list[int | None] = [None] * (m + 1)
    came_from, used = [0] * (m + 1), [False] * (m + 1)
    while True:
        used[column] = True
        current, delta, best = owner[column], None, 0
        for j in range(1, m + 1):
            if used[j]:
                continue
            cost = -weights[current - 1][j - 1] - u[current] - v[j]
            known = least[j]
            if known is None or cost < known:
                least[j], came_from[j], known = cost, column, cost
            if delta is None or known < delta:
                delta, best = known, j
        assert delta is not None
        for j in range(m + 1):
            if used[j]:
                u[owner[j]] += delta
                v[j] -= delta
            else:
                known = least[j]
                least[j] = None if known is None else known - delta
        column = best
        if owner[column] == 0:
            break
    while column:
        owner[column] = owner[came_from[column]]
        column = came_from[column]


def _solve_in_floats(ref: IntArray, est: IntArray, intersection: FloatArray, union: FloatArray) -> IntArray:
    rows, columns = np.unique(ref, return_inverse=True)[1], np.unique(est, return_inverse=True)[1]
    n, m = int(rows.max()) + 1, int(columns.max()) + 1
    iou = np.where(union == 0, 1.0, intersection / np.where(union == 0, 1.0, union))
    pair_worth = float(min(n, m) + 1)  # more than any sum of IoU
    # A column of its own for every row means "unmatched", so that a full matching always exists.
    cost = np.concatenate([2 * pair_worth - (pair_worth + iou), np.full(n, 2 * pair_worth)])
    graph = coo_array(
        (cost, (np.concatenate([rows, np.arange(n)]), np.concatenate([columns, m + np.arange(n)]))),
        shape=(n, m + n),
    )
    taken_rows, taken_columns = min_weight_full_bipartite_matching(graph.tocsr())
    partner = np.full(n, -1, dtype=np.int64)
    partner[taken_rows] = np.where(taken_columns < m, taken_columns, -1)
    _sort_identical(partner, rows, columns, iou)
    return np.flatnonzero(partner[rows] == columns)


def _sort_identical(partner: IntArray, rows: IntArray, columns: IntArray, iou: FloatArray) -> None:
    """Among references with the same candidates and overlaps, give the earlier one the earlier partner."""
    order = np.lexsort((columns, rows))
    bounds = np.flatnonzero(np.diff(rows[order], prepend=-1))
    alike: dict[bytes, list[int]] = {}
    for number, part in enumerate(np.split(order, bounds[1:])):
        alike.setdefault(columns[part].tobytes() + iou[part].tobytes(), []).append(number)
    for members in alike.values():
        held = partner[members]
        # Unmatched ones go last.
        partner[members] = np.sort(np.where(held < 0, np.iinfo(np.int64).max, held))
    partner[partner == np.iinfo(np.int64).max] = -1
