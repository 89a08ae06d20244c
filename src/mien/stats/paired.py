"""Tests of two methods on the same samples.

Conventions: differences are A - B and p values two-sided. The samples of one person are not independent,
so the subject is what is exchanged; McNemar's test, which counts samples, is there for comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, chi2

from mien.core.errors import DataError, OptionError
from mien.stats.arguments import equal_lengths
from mien.stats.resampling import Statistic, chunk_sizes, pooled_values, subject_counts

FloatArray = NDArray[np.float64]

_TOLERANCE = 1e-12
_EXACT_BELOW = 25
_NO_VALUE = "the statistic has no value for the counts of A or B"


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The difference A - B and its two-sided p value under exchange of A and B within subjects."""

    difference: float
    p_value: float
    n_subjects: int
    n_permutations: int
    exact: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class McNemarTest:
    """Counts of samples that only A or only B had right, with the p value of their equality."""

    only_a: int
    only_b: int
    statistic: float
    p_value: float
    exact: bool


def paired_permutation(
    counts_a: ArrayLike,
    counts_b: ArrayLike,
    *,
    statistic: Statistic,
    n_permutations: int = 10_000,
    seed: int,
) -> PairedTest:
    """Whether two methods differ, by swapping their counts subject by subject.

    Under the null hypothesis the two are exchangeable within each subject. All 2^n swaps are tried when
    these are at most `n_permutations`, and p is the share of those with |difference| at least as large;
    else random ones, with p = (1 + hits) / (1 + n) (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).
    A swap for which the statistic has no value counts as a hit, so that p can only be too large.

    Parameters
    ----------
    counts_a, counts_b
        Shape (n_subjects, ...), counts of the same samples by either method.
    statistic
        Maps pooled counts of shape (n, ...) to values of shape (n,).
    n_permutations, seed
        Largest number of swaps, random seed.

    Returns
    -------
    The test; p is NaN, with a reason, where the difference itself has no value.

    Raises
    ------
    DataError
        If the shapes differ, there is no subject, or a count is missing.
    OptionError
        If `n_permutations` is below 1 or the statistic returns another shape.

    Examples
    --------
    >>> share = lambda pooled: pooled[:, 0] / pooled.sum(axis=1)
    >>> paired_permutation([[3, 1]] * 3, [[1, 3]] * 3, statistic=share, seed=0).p_value
    0.25
    """
    a, b = _paired_counts(counts_a, counts_b)
    if n_permutations < 1:
        raise OptionError(
            "paired test", wanted="1 or more permutations", got=n_permutations, remedy="ask for 10000"
        )
    n = len(a)
    # 2**n <= n_permutations, without computing 2**n for many subjects.
    exact = n < int(n_permutations).bit_length()
    total = 2**n if exact else n_permutations
    first, second = (float(pooled_values(statistic, x.sum(axis=0)[None])[0]) for x in (a, b))
    observed = first - second
    if not math.isfinite(observed):
        return PairedTest(math.nan, math.nan, n, total, exact, _NO_VALUE)
    # Equal differences must count as equal although rounding went another way.
    threshold = abs(observed) - _TOLERANCE * max(1.0, abs(first), abs(second))
    hits = 0
    for swaps in _swaps(n, total, exact, seed, numbers_each=n + 3 * a[0].size):
        # Not >=, since a NaN has to count as a hit.
        hits += int((~(np.abs(_differences(a, b, swaps, statistic)) < threshold)).sum())
    p = hits / total if exact else (1 + hits) / (1 + total)
    return PairedTest(observed, p, n, total, exact)


def mcnemar(
    correct_a: Sequence[bool] | NDArray[np.bool_],
    correct_b: Sequence[bool] | NDArray[np.bool_],
    *,
    exact: bool | None = None,
) -> McNemarTest:
    """McNemar's test of two methods' correctness on the same samples (1947, doi:10.1007/BF02295996).

    With b samples that only A and c that only B had right: the exact binomial test of b in b + c, whose
    statistic is min(b, c), below 25 such samples or when asked for; else chi-square with one degree of
    freedom of (|b - c| - 1)^2 / (b + c), and 0 if b = c (Edwards 1948, doi:10.1007/BF02289261). It treats
    samples as independent, which clips of one person are not: `paired_permutation` is the one to believe.

    Parameters
    ----------
    correct_a, correct_b
        Whether either method had each sample right, shape (n_samples,).
    exact
        Which test; None chooses by the number of discordant samples.

    Raises
    ------
    DataError
        If the lengths differ or are 0, or a value is neither true nor false.

    Examples
    --------
    >>> mcnemar([True] * 6, [False] * 6).p_value
    0.03125
    """
    equal_lengths(len(correct_a), len(correct_b), subject="McNemar's test", unit="sample")
    a, b = _booleans(correct_a), _booleans(correct_b)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    n = only_a + only_b
    if n == 0:
        return McNemarTest(0, 0, 0.0, 1.0, True)
    if exact or (exact is None and n < _EXACT_BELOW):
        p = float(binomtest(only_a, n).pvalue)
        return McNemarTest(only_a, only_b, float(min(only_a, only_b)), p, True)
    value = max(0, abs(only_a - only_b) - 1) ** 2 / n
    return McNemarTest(only_a, only_b, value, float(chi2.sf(value, 1)), False)


def _paired_counts(counts_a: ArrayLike, counts_b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    a, b = subject_counts(counts_a, subject="paired test"), subject_counts(counts_b, subject="paired test")
    if a.shape != b.shape:
        raise DataError(
            "paired test",
            wanted="counts of equal shape",
            got=f"{a.shape} and {b.shape}",
            remedy="pair the methods by subject",
        )
    return a, b


def _differences(a: FloatArray, b: FloatArray, swaps: FloatArray, statistic: Statistic) -> FloatArray:
    """A - B after each row of swaps, shape (n,)."""
    moved = np.tensordot(swaps, b - a, axes=1)
    first = pooled_values(statistic, a.sum(axis=0) + moved)
    return first - pooled_values(statistic, b.sum(axis=0) - moved)


def _swaps(n: int, total: int, exact: bool, seed: int, *, numbers_each: int) -> Iterator[FloatArray]:
    """Rows of 0 (keep) and 1 (swap) per subject, in chunks of bounded size."""
    rng = np.random.Generator(np.random.PCG64(seed))
    start = 0
    for size in chunk_sizes(total, numbers_each=numbers_each):
        if exact:
            codes = np.arange(start, start + size, dtype=np.int64)[:, None]
            yield ((codes >> np.arange(n)) & 1).astype(np.float64)
        else:
            yield rng.integers(0, 2, size=(size, n)).astype(np.float64)
        start += size


def _booleans(correct: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    values = np.asarray(correct)
    # bool("False") and bool(nan) are True: only booleans, or 0 and 1, are taken.
    if values.ndim != 1 or values.dtype.kind not in "biu" or not np.isin(values, (0, 1)).all():
        raise DataError(
            "McNemar's test",
            wanted="true or false for each sample",
            got=f"{values.dtype} of shape {values.shape}",
            remedy="compare estimates with references first",
        )
    return values.astype(np.bool_)
