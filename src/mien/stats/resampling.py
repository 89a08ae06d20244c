"""Intervals by resampling subjects, and for proportions.

Conventions: counts are kept per subject, shape (n_subjects, ...); a statistic maps pooled counts of shape
(n, ...), n replicates at once, to n values. Subjects, not samples, are resampled, since the samples of one
person are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from mien.core.errors import DataError, OptionError
from mien.stats.arguments import upper_tail

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]

# Numbers held at once by a chunk of replicates: 32 MB in float64.
_CHUNK_NUMBERS = 4_000_000
_ONE_SUBJECT = "one subject has no spread between subjects"
_NO_VALUE = "the statistic has no value for these counts"
_NO_REPLICATE = "no replicate has a value"


@dataclass(frozen=True, slots=True)
class BootstrapInterval:
    """A statistic with its percentile interval; `n_undefined` replicates had no value and were left out."""

    value: float
    low: float
    high: float
    n_subjects: int
    n_resamples: int
    n_undefined: int
    reason: str | None = None


def subject_bootstrap(
    counts: ArrayLike,
    *,
    statistic: Statistic,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> BootstrapInterval:
    """The statistic of pooled counts with a percentile interval over resampled subjects.

    Subjects are drawn with replacement, each with all of its counts (Efron & Tibshirani 1993, chapter 13,
    doi:10.1201/9780429246593). The same seed gives the same interval.

    Parameters
    ----------
    counts
        Shape (n_subjects, ...), for example one confusion matrix per subject.
    statistic
        Maps pooled counts of shape (n, ...) to values of shape (n,).
    n_resamples, level, seed
        Number of replicates, coverage of the interval (0 to 1), random seed.

    Returns
    -------
    The interval. Replicates without a finite value are left out and counted. Its bounds are NaN, with a
    reason, for a single subject and where the statistic has no value.

    Raises
    ------
    DataError
        If there is no subject or a count is missing.
    OptionError
        If the number of resamples or the level is impossible, or the statistic returns another shape.

    Examples
    --------
    >>> share = lambda pooled: pooled[:, 0] / pooled.sum(axis=1)
    >>> subject_bootstrap([[8, 2], [8, 2]], statistic=share, seed=0).high
    0.8
    """
    tail = upper_tail(level, subject="bootstrap")
    if n_resamples < 1:
        raise OptionError(
            "bootstrap", wanted="1 or more resamples", got=n_resamples, remedy="ask for 2000, for example"
        )
    table = subject_counts(counts, subject="bootstrap")
    n, nan = len(table), math.nan
    value = float(pooled_values(statistic, table.sum(axis=0)[None])[0])
    if n == 1:
        return BootstrapInterval(value, nan, nan, 1, 0, 0, _ONE_SUBJECT)
    rng = np.random.Generator(np.random.PCG64(seed))
    replicates = []
    for size in chunk_sizes(n_resamples, numbers_each=n + table[0].size):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64)
        replicates.append(pooled_values(statistic, np.tensordot(weights, table, axes=1)))
    values = np.concatenate(replicates)
    defined = values[np.isfinite(values)]
    n_undefined = n_resamples - len(defined)
    if math.isnan(value) or not len(defined):
        reason = _NO_VALUE if math.isnan(value) else _NO_REPLICATE
        return BootstrapInterval(value, nan, nan, n, n_resamples, n_undefined, reason)
    low, high = np.quantile(defined, [1 - tail, tail])
    return BootstrapInterval(value, float(low), float(high), n, n_resamples, n_undefined)


def proportion_interval(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    With share p = successes / n and z the normal quantile of (1 + level) / 2, the bounds are

        (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Raises DataError unless 0 <= successes <= n and n >= 1, OptionError if the level is impossible.

    Examples
    --------
    >>> low, high = proportion_interval(95, 100)
    >>> round(low, 3), round(high, 3)
    (0.888, 0.978)
    """
    if n < 1 or not 0 <= successes <= n:
        raise DataError(
            "proportion",
            wanted="0 <= successes <= n with n >= 1",
            got=f"{successes} of {n}",
            remedy="check the counts",
        )
    z = float(norm.ppf(upper_tail(level, subject="proportion")))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends one bound is exactly the share; rounding would put it beside.
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == n else centre + half


def subject_counts(counts: ArrayLike, *, subject: str) -> FloatArray:
    """The counts as float64, shape (n_subjects, ...), after refusing none at all and missing ones.

    Examples
    --------
    >>> subject_counts([[1, 2]], subject="bootstrap")
    array([[1., 2.]])
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim < 1 or table.size == 0:
        raise DataError(
            subject,
            wanted="counts of at least one subject",
            got=f"shape {table.shape}",
            remedy="give one row per subject",
        )
    if not np.isfinite(table).all():
        raise DataError(
            subject,
            wanted="a finite count everywhere",
            got=f"{int((~np.isfinite(table)).sum())} that are not",
            remedy="leave out subjects without counts",
        )
    return table


def pooled_values(statistic: Statistic, pooled: FloatArray) -> FloatArray:
    """The statistic of n pooled counts, shape (n, ...), after refusing another shape than (n,).

    Examples
    --------
    >>> pooled_values(lambda pooled: pooled[:, 0] / pooled[:, 1], np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([0.5 , 0.75])
    """
    values = np.asarray(statistic(pooled), dtype=np.float64)
    # A statistic that reduces the wrong axis would otherwise be broadcast into a number that looks right.
    if values.shape != (len(pooled),):
        raise OptionError(
            "statistic",
            wanted=f"shape ({len(pooled)},) from counts of shape {pooled.shape}",
            got=f"shape {values.shape}",
            remedy="reduce every axis but the first",
        )
    return values


def chunk_sizes(total: int, *, numbers_each: int) -> Iterator[int]:
    """Sizes that sum to the total, each small enough to hold its numbers in memory.

    Examples
    --------
    >>> list(chunk_sizes(10, numbers_each=1_000_000))
    [4, 4, 2]
    """
    size = max(1, _CHUNK_NUMBERS // numbers_each)
    for start in range(0, total, size):
        yield min(size, total - start)
