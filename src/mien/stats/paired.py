"""Tests of two methods on the same samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2

from mien.core.errors import DataError, OptionError
from mien.stats.resampling import Statistic

_CHUNK = 1000
_TOLERANCE = 1e-12
_EXACT_BELOW = 25


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The difference A - B and its two-sided p value under exchange of A and B within subjects."""

    difference: float
    p_value: float
    n_subjects: int
    n_permutations: int
    exact: bool


def paired_permutation(
    counts_a: NDArray[np.generic],
    counts_b: NDArray[np.generic],
    *,
    statistic: Statistic,
    n_permutations: int = 10_000,
    seed: int,
) -> PairedTest:
    """Whether two methods differ, by swapping their counts subject by subject.

    Under the null hypothesis the two are exchangeable within each subject. All 2^n swaps are tried when
    these are at most `n_permutations`, else random ones with p = (1 + hits) / (1 + n) (Phipson & Smyth
    2010, doi:10.2202/1544-6115.1585).

    Parameters
    ----------
    counts_a, counts_b
        Shape (n_subjects, ...), counts of the same samples by either method.
    statistic
        Maps pooled counts of shape (n, ...) to values of shape (n,).

    Raises
    ------
    DataError
        If the shapes differ or there is no subject.
    OptionError
        If `n_permutations` is below 1.

    Examples
    --------
    >>> share = lambda pooled: pooled[:, 0] / pooled.sum(axis=1)
    >>> a, b = np.array([[3, 1]] * 3), np.array([[1, 3]] * 3)
    >>> paired_permutation(a, b, statistic=share, seed=0).p_value
    0.25
    """
    if counts_a.shape != counts_b.shape or counts_a.ndim < 1 or len(counts_a) == 0:
        raise DataError(
            "paired test",
            wanted="equal shapes with at least one subject",
            got=f"{counts_a.shape} and {counts_b.shape}",
            remedy="pair the methods by subject",
        )
    if n_permutations < 1:
        raise OptionError(
            "paired test", wanted="1 or more permutations", got=n_permutations, remedy="ask for more"
        )
    a, b = np.asarray(counts_a, dtype=np.float64), np.asarray(counts_b, dtype=np.float64)
    n = len(a)
    exact = n < 63 and 2**n <= n_permutations
    total = 2**n if exact else n_permutations

    def difference(swaps: NDArray[np.float64]) -> NDArray[np.float64]:
        first = np.tensordot(1 - swaps, a, axes=1) + np.tensordot(swaps, b, axes=1)
        second = np.tensordot(swaps, a, axes=1) + np.tensordot(1 - swaps, b, axes=1)
        return np.asarray(statistic(first) - statistic(second), dtype=np.float64)

    observed = float(difference(np.zeros((1, n)))[0])
    hits = sum(
        int((np.abs(difference(swaps)) >= abs(observed) - _TOLERANCE).sum())
        for swaps in _swaps(n, total, exact, seed)
    )
    p = hits / total if exact else (1 + hits) / (1 + total)
    return PairedTest(observed, float("nan") if np.isnan(observed) else p, n, total, exact)


def _swaps(n: int, total: int, exact: bool, seed: int) -> Iterator[NDArray[np.float64]]:
    """Rows of 0 (keep) and 1 (swap) per subject, in chunks of bounded size."""
    rng = np.random.default_rng(seed)
    for start in range(0, total, _CHUNK):
        size = min(_CHUNK, total - start)
        if exact:
            codes = np.arange(start, start + size, dtype=np.int64)[:, None]
            yield ((codes >> np.arange(n)) & 1).astype(np.float64)
        else:
            yield rng.integers(0, 2, size=(size, n)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class McNemarTest:
    """Counts of samples that only A or only B had right, with the p value of their equality."""

    only_a: int
    only_b: int
    statistic: float
    p_value: float
    exact: bool


def mcnemar(
    correct_a: Sequence[bool], correct_b: Sequence[bool], *, exact: bool | None = None
) -> McNemarTest:
    """McNemar's test of two methods' correctness on the same samples (1947, doi:10.1007/BF02295996).

    The exact binomial test below 25 discordant samples (or when asked for), else chi-square with
    continuity correction, (|b - c| - 1)^2 / (b + c). It treats samples as independent, which clips of one
    person are not: the permutation test by subject is the one to believe.

    Raises
    ------
    DataError
        If the lengths differ or are 0.

    Examples
    --------
    >>> mcnemar([True] * 6, [False] * 6).p_value
    0.03125
    """
    if len(correct_a) != len(correct_b) or not len(correct_a):
        raise DataError(
            "McNemar's test",
            wanted="equally many samples of both methods, at least one",
            got=f"{len(correct_a)} and {len(correct_b)}",
            remedy="pair the methods by sample",
        )
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    n = only_a + only_b
    if n == 0:
        return McNemarTest(0, 0, 0.0, 1.0, True)
    if exact or (exact is None and n < _EXACT_BELOW):
        return McNemarTest(
            only_a, only_b, float(min(only_a, only_b)), float(binomtest(only_a, n).pvalue), True
        )
    value = max(0, abs(only_a - only_b) - 1) ** 2 / n
    return McNemarTest(only_a, only_b, value, float(chi2.sf(value, 1)), False)
