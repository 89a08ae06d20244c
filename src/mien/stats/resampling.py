"""Intervals by resampling subjects, and for proportions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mien.core.errors import DataError, OptionError

FloatArray = NDArray[np.float64]
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_CHUNK = 1000


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
    counts: NDArray[np.generic],
    *,
    statistic: Statistic,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> BootstrapInterval:
    """The statistic of pooled counts with a percentile interval over resampled subjects.

    Subjects are drawn with replacement (Efron & Tibshirani 1993, chapter 13), all of a subject's counts
    together, since the samples of one person are not independent.

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
    The interval; its bounds are NaN, with a reason, for a single subject.

    Raises
    ------
    DataError
        If there is no subject.
    OptionError
        If the number of resamples or the level is impossible.

    Examples
    --------
    >>> share = lambda pooled: pooled[:, 0] / pooled.sum(axis=1)
    >>> subject_bootstrap(np.array([[8, 2], [8, 2]]), statistic=share, seed=0).high
    0.8
    """
    if n_resamples < 1 or not 0 < level < 1:
        raise OptionError(
            "bootstrap",
            wanted="at least one resample and a level between 0 and 1",
            got=f"{n_resamples} and {level}",
            remedy="correct the value",
        )
    if counts.ndim < 1 or len(counts) == 0:
        raise DataError(
            "bootstrap", wanted="counts of at least one subject", got="none", remedy="give subjects"
        )
    table = np.asarray(counts, dtype=np.float64)
    value = float(statistic(table.sum(axis=0)[None])[0])
    n = len(table)
    if n == 1:
        return BootstrapInterval(
            value, math.nan, math.nan, 1, 0, 0, "one subject has no spread between subjects"
        )
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, n_resamples, _CHUNK):
        size = min(_CHUNK, n_resamples - start)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64)
        parts.append(statistic(np.tensordot(weights, table, axes=1)))
    values = np.concatenate(parts)
    defined = values[~np.isnan(values)]
    if not len(defined):
        return BootstrapInterval(
            value, math.nan, math.nan, n, n_resamples, n_resamples, "no replicate has a value"
        )
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return BootstrapInterval(value, float(low), float(high), n, n_resamples, int(len(values) - len(defined)))


def proportion_interval(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Raises DataError unless 0 <= successes <= n and n >= 1.

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
    z = float(norm.ppf((1 + level) / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
