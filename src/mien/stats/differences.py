"""Tests of paired differences, many quantities at once: by pair, by subject, and with a random intercept.

Conventions: differences have shape (n_pairs, n_tests), NaN where a pair is incomplete: each test takes the
pairs it has. p values are two-sided. A value that does not exist is NaN with a reason code: "few-pairs",
"few-subjects" or "no-variation".

Pairs of one person are not independent: a test over pairs counts a person's habit as many times as it was
seen. `subject_means` and `random_intercept` count the person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats
from scipy.optimize import minimize_scalar

from mien.core.errors import DataError, OptionError
from mien.stats.arguments import upper_tail
from mien.stats.resampling import chunk_sizes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "few-pairs": "fewer complete pairs than asked for",
        "few-subjects": "fewer subjects with a complete pair than asked for",
        "no-variation": "all differences are equal",
    }
)
# A spread below this share of the largest difference is rounding.
_NO_SPREAD = 1e-12
_EXACT_UP_TO = 50


@dataclass(frozen=True, slots=True, eq=False)
class PairedT:
    """t tests of the mean difference against 0, each field of shape (n_tests,).

    `d_z` is mean / sd = t / sqrt(n); `reason` is "" where there is a t.
    """

    n: IntArray
    mean: FloatArray
    sd: FloatArray
    t: FloatArray
    p: FloatArray
    d_z: FloatArray
    reason: NDArray[np.str_]


def paired_t(differences: ArrayLike, *, least: int = 2) -> PairedT:
    """The paired t test of every column (Student 1908, doi:10.1093/biomet/6.1.1), n - 1 degrees of freedom.

    Parameters
    ----------
    differences
        Shape (n_pairs, n_tests), NaN where a pair is incomplete.
    least
        Fewest complete pairs of a test, 2 or more.

    Raises
    ------
    DataError
        If the differences are not two-dimensional or one is infinite.
    OptionError
        If `least` is below 2.

    Examples
    --------
    >>> found = paired_t([[1.0, np.nan], [2.0, 1.0], [3.0, np.nan]])
    >>> round(float(found.t[0]), 4), found.reason.tolist()
    (3.4641, ['', 'few-pairs'])
    """
    d = _differences(differences)
    if least < 2:
        raise OptionError("paired t", wanted="2 pairs or more", got=least, remedy="ask for more")
    known = np.isfinite(d)
    n = known.sum(axis=0)
    total = np.where(known, d, 0.0).sum(axis=0)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    squares = np.where(known, (d - mean) ** 2, 0.0).sum(axis=0)
    sd = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
    reason = np.full(n.shape, "", dtype="U20")
    reason[_flat(sd, np.where(known, np.abs(d), 0.0).max(axis=0, initial=0.0))] = "no-variation"
    reason[n < least] = "few-pairs"
    good = reason == ""
    d_z = np.full(n.shape, np.nan)
    np.divide(mean, sd, out=d_z, where=good)
    t = d_z * np.sqrt(n)
    p = np.full(n.shape, np.nan)
    p[good] = 2 * scipy_stats.t.sf(np.abs(t[good]), n[good] - 1)
    return PairedT(n.astype(np.int64), mean, sd, t, p, d_z, reason)


def signed_rank(differences: ArrayLike, *, least: int = 2) -> FloatArray:
    """p values of Wilcoxon's signed-rank test of every column (1945, doi:10.2307/3001968), shape (n_tests,).

    Pairs without a difference are left out. Exact up to 50 pairs without ties, else by the normal
    approximation with the variance corrected for ties. NaN below `least` pairs that differ.

    Examples
    --------
    >>> signed_rank([[1.0], [2.0], [3.0], [4.0], [5.0], [-0.5]]).tolist()
    [0.0625]
    """
    d = _differences(differences)
    p = np.full(d.shape[1], np.nan)
    for column in range(d.shape[1]):
        values = d[:, column]
        values = values[np.isfinite(values) & (values != 0)]
        if values.size < max(least, 1):
            continue
        _, ties = np.unique(np.abs(values), return_counts=True)
        if values.size <= _EXACT_UP_TO and (ties == 1).all():
            p[column] = float(scipy_stats.wilcoxon(values, method="exact").pvalue)
        else:
            p[column] = _signed_rank_by_normal(values, ties)
    return p


def _signed_rank_by_normal(values: FloatArray, ties: IntArray) -> float:
    n = values.size
    positive = float(scipy_stats.rankdata(np.abs(values))[values > 0].sum())
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((ties**3 - ties).sum()) / 48
    return 2 * float(scipy_stats.norm.sf(abs(positive - n * (n + 1) / 4) / math.sqrt(variance)))


def subject_means(differences: ArrayLike, subjects: ArrayLike) -> FloatArray:
    """Mean difference of every subject, shape (n_subjects, n_tests), subjects in sorted order.

    NaN where a subject has no complete pair. `subjects` names the subject of every pair, shape (n_pairs,).

    Examples
    --------
    >>> subject_means([[1.0], [3.0], [np.nan]], ["a", "a", "b"]).tolist()
    [[2.0], [nan]]
    """
    d = _differences(differences)
    sums, counts, _ = _sums(d, subjects)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def effect_interval(
    differences: ArrayLike,
    subjects: ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int,
) -> FloatArray:
    """Percentile interval of every column's d_z over resampled subjects, shape (n_tests, 2).

    Subjects are drawn with replacement, each with all of its pairs; all tests share the draws. NaN for a
    test to which fewer than two subjects contribute, or whose replicates have no d_z.

    Parameters
    ----------
    differences, subjects
        Shapes (n_pairs, n_tests) and (n_pairs,).
    level, n_resamples, seed
        Coverage (0 to 1), number of replicates, random seed.

    Raises
    ------
    DataError
        If shapes do not fit or a difference is infinite.
    OptionError
        If the level or the number of resamples is impossible.
    """
    d = _differences(differences)
    tail = upper_tail(level, subject="bootstrap")
    if n_resamples < 1:
        raise OptionError(
            "bootstrap", wanted="1 or more resamples", got=n_resamples, remedy="ask for 2000, for example"
        )
    # About the mean, and in units of the spread, sums of squares lose no digits.
    first = paired_t(d)
    centre = np.nan_to_num(first.mean)
    scale = np.where(first.sd > 0, first.sd, 1.0)
    sums, counts, squares = _sums((d - centre) / scale, subjects)
    n_subjects, n_tests = counts.shape
    rng = np.random.Generator(np.random.PCG64(seed))
    found = []
    for size in chunk_sizes(n_resamples, numbers_each=n_subjects + 4 * max(n_tests, 1)):
        weights = rng.multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), size=size).astype(float)
        found.append(_effect(weights @ counts, weights @ sums, weights @ squares, centre / scale))
    values = np.concatenate(found)
    enough = ((counts > 0).sum(axis=0) >= 2) & (first.reason == "") & np.isfinite(values).any(axis=0)
    interval = np.full((n_tests, 2), np.nan)
    if enough.any():
        interval[enough] = np.nanquantile(values[:, enough], [1 - tail, tail], axis=0).T
    return interval


def _effect(n: FloatArray, total: FloatArray, squares: FloatArray, centre: FloatArray) -> FloatArray:
    """d_z from counts, sums and sums of squares of standardised differences; NaN where it does not exist."""
    mean = total / np.where(n > 0, n, np.nan)
    variance = (squares - n * mean**2) / np.where(n > 1, n - 1, np.nan)
    spread = np.sqrt(np.where(variance > _NO_SPREAD, variance, np.nan))
    return np.asarray((mean + centre) / spread)


@dataclass(frozen=True, slots=True)
class RandomIntercept:
    """The mean of values that come in groups, with what lies between and within the groups (variances)."""

    mean: float
    error: float
    t: float
    p: float
    between: float
    within: float
    n: int
    n_groups: int
    reason: str = ""


def random_intercept(values: ArrayLike, groups: ArrayLike, *, least: int = 2) -> RandomIntercept:
    """The mixed model y_ij = mean + b_i + e_ij by restricted maximum likelihood, and a test of mean = 0.

    For a ratio r of the variances between and within groups, and n_i values with mean m_i in group i,

        w_i = n_i / (1 + r n_i)      mean = sum w_i m_i / sum w_i
        within = (SS_within + sum w_i (m_i - mean)^2) / (n - 1)      error^2 = within / sum w_i

    r minimises (n - 1) log within + sum log(1 + r n_i) + log sum w_i (Laird & Ware 1982,
    doi:10.2307/2529876), by one-dimensional search with r = 0 allowed. t = mean / error is compared with
    Student's t on n_groups - 1 degrees of freedom: the normal distribution rejects too often with few groups.

    Parameters
    ----------
    values, groups
        Shape (n,); NaN values are left out.
    least
        Fewest groups of a test, 2 or more.

    Examples
    --------
    >>> found = random_intercept([1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"])
    >>> round(found.mean, 6), round(found.error, 6)
    (2.5, 1.0)
    """
    y = np.asarray(values, dtype=np.float64).reshape(-1)
    names = _subjects(groups, y.size)
    known = np.isfinite(y)
    y, which = y[known], np.unique(names[known], return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(which).astype(np.float64) if y.size else np.empty(0)
    nan, n, n_groups = math.nan, int(y.size), int(sizes.size)
    if n_groups < max(least, 2):
        return RandomIntercept(nan, nan, nan, nan, nan, nan, n, n_groups, "few-subjects")
    if bool(_flat(np.array([np.std(y, ddof=1)]), np.array([np.abs(y).max()]))[0]):
        return RandomIntercept(float(y.mean()), nan, nan, nan, 0.0, 0.0, n, n_groups, "no-variation")
    scale = float(np.std(y, ddof=1))
    y = y / scale
    means = np.bincount(which, weights=y) / sizes
    inside = float(((y - means[which]) ** 2).sum())
    ratio = _ratio(sizes, means, inside)
    _, mean, within, total = _likelihood(ratio, sizes, means, inside)
    error = math.sqrt(within / total)
    t = mean / error
    p = 2 * float(scipy_stats.t.sf(abs(t), n_groups - 1))
    square = scale**2
    return RandomIntercept(
        mean * scale, error * scale, t, p, ratio * within * square, within * square, n, n_groups
    )


def _ratio(sizes: FloatArray, means: FloatArray, inside: float) -> float:
    """The ratio of variances that the restricted likelihood prefers; 0 where the groups do not differ."""
    if (sizes == 1).all():  # between and within cannot be told apart, and the test does not depend on it
        return 0.0
    typical = float(sizes.mean())

    def ratio(share: float) -> float:  # share = r n / (1 + r n), 0 to 1
        return share / (1 - share) / typical

    def loss(share: float) -> float:
        return _likelihood(ratio(share), sizes, means, inside)[0]

    grid = np.linspace(0.0, 1.0 - 1e-9, 33)
    losses = np.array([loss(share) for share in grid])
    best = int(losses.argmin())
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    refined = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-8})
    return ratio(float(refined.x) if refined.fun < losses[best] else float(grid[best]))


def _likelihood(
    ratio: float, sizes: FloatArray, means: FloatArray, inside: float
) -> tuple[float, float, float, float]:
    """-2 log restricted likelihood up to a constant, mean, variance within, sum of weights."""
    spread = 1 + ratio * sizes
    weights = sizes / spread
    total = float(weights.sum())
    mean = float(weights @ means) / total
    squares = inside + float(weights @ (means - mean) ** 2)
    freedom = float(sizes.sum()) - 1
    loss = freedom * math.log(max(squares, 1e-300)) + float(np.log(spread).sum()) + math.log(total)
    return loss, mean, squares / freedom, total


def _differences(differences: ArrayLike) -> FloatArray:
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or np.isinf(d).any():
        raise DataError(
            "paired differences",
            wanted="finite values or NaN, shape (n_pairs, n_tests)",
            got=f"shape {d.shape}" if d.ndim != 2 else "infinite ones",
            remedy="give one row per pair and one column per test",
        )
    return d


def _subjects(subjects: ArrayLike, n: int) -> NDArray[np.generic]:
    names = np.asarray(subjects)
    if names.shape != (n,):
        raise DataError(
            "paired differences",
            wanted=f"the subject of each of {n} pairs",
            got=f"shape {names.shape}",
            remedy="name one subject per row",
        )
    return names


def _sums(d: FloatArray, subjects: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums, counts and sums of squares of each subject's differences, each (n_subjects, n_tests)."""
    names = _subjects(subjects, len(d))
    known, which = np.unique(names, return_inverse=True)
    at = np.isfinite(d)
    filled = np.where(at, d, 0.0)
    found = np.zeros((3, len(known), d.shape[1]))
    for row, part in enumerate((filled, at.astype(np.float64), filled**2)):
        np.add.at(found[row], which.reshape(-1), part)
    return found[0], found[1], found[2]


def _flat(sd: FloatArray, largest: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(sd <= _NO_SPREAD * np.maximum(largest, 1e-300))
