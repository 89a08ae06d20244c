"""What the tests would say if the apexes had nothing to do with the body: apexes moved within their trials.

Each trial has k + 1 positions: where its apexes were coded, and k random circular shifts. A null study draws
one position for every trial. If the apexes are placed without regard to the signals, the coded study is one
of these like any other, whatever trends the trials share and however pairs depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats as scipy_stats

from mien.concordance.measuring import Measured
from mien.concordance.settings import ALPHA, Settings
from mien.core.time import FloatArray, IntArray
from mien.stats.resampling import chunk_sizes

Level = Literal["apex", "subject"]


@dataclass(frozen=True, slots=True)
class NullSummary:
    """How many of the tests that could be made have an uncorrected p below .05, as coded and in null studies.

    `mean` and `median` count what could be tested in null studies. `low` and `high` hold the middle 95 % of
    them and `p` is the share of studies, the coded one among them, with at least as many, whatever tests that
    could not be made in a null study would have said: `high` and `p` count them as significant.
    """

    level: str
    n_tests: int
    n_shifts: int
    observed: int
    mean: float
    median: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Per trial (sorted by participant), position and test: number, sum and sum of squares."""

    n: FloatArray
    total: FloatArray
    squares: FloatArray
    first: IntArray  # first trial of each participant


def null_distribution(
    people: Sequence[Measured], settings: Settings, *, least_pairs: int, least_subjects: int
) -> dict[Level, FloatArray]:
    """|t| of every test in every null study, apex and subject level, each (n_shifts, w * f); NaN: no test.

    Empty, (0, w * f), where `settings.shifts` is 0 or there is no expression.
    """
    n_tests = len(settings.windows_s) * len(settings.features)
    sums = _sums(people, n_tests)
    found: dict[Level, list[FloatArray]] = {"apex": [], "subject": []}
    if settings.shifts and len(sums.first):
        trials, positions, _ = sums.n.shape
        rows = np.arange(trials)
        rng = np.random.Generator(np.random.PCG64([settings.seed, 1]))
        for size in chunk_sizes(settings.shifts, numbers_each=3 * trials * n_tests):
            drawn = rng.integers(0, positions, size=(size, trials))
            n, total, squares = (part[rows, drawn] for part in (sums.n, sums.total, sums.squares))
            found["apex"].append(_t(n.sum(axis=1), total.sum(axis=1), squares.sum(axis=1), least_pairs))
            n, total = (np.add.reduceat(part, sums.first, axis=1) for part in (n, total))
            means = np.where(n > 0, total / np.maximum(n, 1), 0.0)
            found["subject"].append(
                _t((n > 0).sum(axis=1), means.sum(axis=1), (means**2).sum(axis=1), least_subjects)
            )
    return {level: np.concatenate(parts or [np.empty((0, n_tests))]) for level, parts in found.items()}


def _sums(people: Sequence[Measured], n_tests: int) -> _Sums:
    blocks, first = [], [0]
    for person in people:
        micro = person.micro
        moved = np.concatenate([person.differences()[micro][:, None], person.shifted], axis=1)
        moved = moved.reshape(*moved.shape[:2], n_tests)
        trials = person.trials[micro]
        names = np.unique(trials)
        blocks += [moved[trials == name] for name in names]
        first.append(first[-1] + len(names))
    starts = np.unique(np.array(first[:-1], dtype=np.int64))
    starts = starts[starts < len(blocks)]
    if not blocks:
        empty = np.empty((0, 1, n_tests))
        return _Sums(empty, empty, empty, np.empty(0, dtype=np.int64))
    pool = np.concatenate([block.reshape(-1, n_tests) for block in blocks])
    # In units of their spread: t does not change, and no digits are lost.
    known = np.isfinite(pool)
    size = np.sqrt((np.where(known, pool, 0.0) ** 2).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    scale = np.where(size > 0, size, 1.0)
    scaled = [block / scale for block in blocks]
    return _Sums(
        np.array([np.isfinite(block).sum(axis=0) for block in scaled], dtype=np.float64),
        np.array([np.nansum(block, axis=0) for block in scaled]),
        np.array([np.nansum(block**2, axis=0) for block in scaled]),
        starts,
    )


def _t(n: FloatArray, total: FloatArray, squares: FloatArray, least: int) -> FloatArray:
    """|t| from number, sum and sum of squares; NaN below `least` or without spread."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        variance = (squares - n * mean**2) / (n - 1)
        t = np.abs(mean) / np.sqrt(np.where(variance > 1e-12, variance, np.nan) / n)
    return np.where(n >= least, t, np.nan)


def null_p(observed_t: FloatArray, null_t: FloatArray) -> FloatArray:
    """(1 + #{|t_null| >= |t|}) / (1 + n_shifts) of every test, shape (w * f,).

    A null study in which the test cannot be made counts as a hit, so that p can only be too large. NaN where
    there is no t or no null study.
    """
    n = len(null_t)
    size = np.abs(observed_t)
    with np.errstate(invalid="ignore"):
        hits = (~(null_t < size * (1 - 1e-9))).sum(axis=0)
    return np.where(np.isfinite(size) & (n > 0), (1 + hits) / (1 + n), np.nan)


def summary(level: Level, observed_p: FloatArray, null_t: FloatArray, freedom: FloatArray) -> NullSummary:
    """Numbers of uncorrected p below .05 among the tests that the coded study allows.

    `freedom` holds the degrees of freedom of the coded study's tests, shape (w * f,), by which the null's
    t are judged as well; they differ little between null studies. A test of the coded study that a null study
    does not allow counts as significant there for `p` and `high`, as in `null_p`: both can only be too large.
    """
    testable = np.isfinite(observed_p)
    observed = int((observed_p[testable] < ALPHA).sum())
    if not len(null_t):
        nan = float("nan")
        return NullSummary(level, int(testable.sum()), 0, observed, nan, nan, nan, nan, nan)
    critical = scipy_stats.t.isf(ALPHA / 2, freedom[testable])
    with np.errstate(invalid="ignore"):
        counts = (null_t[:, testable] > critical).sum(axis=1)
    at_most = counts + np.isnan(null_t[:, testable]).sum(axis=1)
    low, middle = np.quantile(counts, [0.025, 0.5])
    return NullSummary(
        level=level,
        n_tests=int(testable.sum()),
        n_shifts=len(null_t),
        observed=observed,
        mean=float(counts.mean()),
        median=float(middle),
        low=float(low),
        high=float(np.quantile(at_most, 0.975)),
        p=float((1 + (at_most >= observed).sum()) / (1 + len(counts))),
    )
