"""Krippendorff's alpha: agreement of any number of coders, with cells missing, on any scale.

Conventions: alpha = 1 - observed / expected disagreement. A unit counts if two coders or more judged it; all
pairs of its m values enter the coincidences with weight 1 / (m - 1). Disagreement of the values c and k:

    nominal    1 unless c = k                interval   (c - k)^2
    ordinal    (the number of values from c to k, both ends by half)^2          ratio   ((c - k) / (c + k))^2

Expected is the disagreement of all values paired at random. Where that is 0 (one value was used for all),
alpha does not exist: it is NaN with a reason. Krippendorff draws its distribution from the observed pairs of
values as if these were independent; the interval here resamples units, or whole groups of them (Zapf et al.
2016, doi:10.1186/s12874-016-0200-9), which holds where the units of one person are alike.
Reference: Krippendorff 2011, Computing Krippendorff's alpha-reliability; Hayes & Krippendorff 2007,
doi:10.1080/19312450709336664.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.stats.arguments import known_option, upper_tail
from mien.stats.resampling import subject_bootstrap

FloatArray = NDArray[np.float64]
Measurement = Literal["nominal", "ordinal", "interval", "ratio"]

SCALES: tuple[Measurement, ...] = ("nominal", "ordinal", "interval", "ratio")
NO_PAIR = "no unit was judged by two coders"
ONE_VALUE = "only one value was used, so disagreement by chance is 0"
_MOST_NUMBERS = 50_000_000  # of coincidences of all groups: 400 MB


@dataclass(frozen=True, slots=True)
class Alpha:
    """Agreement beyond chance: 1 is perfect, 0 is chance, below 0 coders disagree by system.

    `n_units` units were judged by two coders or more, with `n_values` values. The bounds are NaN where no
    interval was asked for or none exists.
    """

    value: float
    low: float
    high: float
    observed: float
    expected: float
    n_units: int
    n_values: int
    reason: str | None = None


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable]],
    *,
    measurement: Measurement,
    groups: Sequence[Hashable] | None = None,
    n_resamples: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> Alpha:
    """Krippendorff's alpha of coders x units; None or NaN where a coder did not judge a unit.

    Parameters
    ----------
    ratings
        One row per coder, all of one length: a cell per unit. Labels for "nominal", else numbers.
    measurement
        "nominal", "ordinal", "interval" or "ratio" (no number below 0).
    groups
        The participant, or the like, of each unit: whole groups are then resampled. Default: units.
    n_resamples, level, seed
        Replicates of the bootstrap, 0 for no interval; its coverage; its seed.

    Raises
    ------
    DataError
        If rows differ in length, there is no cell, or a cell cannot be on the scale.
    OptionError
        If an option is unknown or impossible, or an interval would need too much memory.

    Examples
    --------
    >>> coders = [["a", "a", "b", "b", None], ["a", "b", "b", "b", "a"]]
    >>> round(krippendorff_alpha(coders, measurement="nominal").value, 3)
    0.533
    """
    known_option("measurement", measurement, known=SCALES)
    upper_tail(level, subject="alpha")
    values, counts = _value_counts(ratings, measurement)
    judged = counts.sum(axis=1) >= 2
    pairable = counts[judged]
    n_units, n_values = len(pairable), int(pairable.sum())
    total = coincidences(pairable)
    observed, expected = (float(part) for part in disagreements(total, values, measurement))
    if n_units == 0 or expected == 0:
        reason = NO_PAIR if n_units == 0 else ONE_VALUE
        return Alpha(math.nan, math.nan, math.nan, observed, expected, n_units, n_values, reason)
    low, high, reason_of_bounds = math.nan, math.nan, None
    if n_resamples:
        found = subject_bootstrap(
            _by_group(pairable, judged, groups),
            statistic=lambda pooled: alpha_of(pooled, values, measurement),
            n_resamples=n_resamples,
            level=level,
            seed=seed,
        )
        low, high, reason_of_bounds = found.low, found.high, found.reason
    value = 1 - observed / expected
    return Alpha(value, low, high, observed, expected, n_units, n_values, reason_of_bounds)


def coincidences(counts: FloatArray) -> FloatArray:
    """Coincidences of all units, (n_values, n_values), from how often each value was given to each.

    `counts` has shape (n_units, n_values). A unit with fewer than two values has none. They add up.

    Examples
    --------
    >>> coincidences(np.array([[2.0, 1.0], [1.0, 0.0]]))
    array([[1., 1.],
           [1., 0.]])
    """
    m = counts.sum(axis=1)
    weighted = counts * np.where(m > 1, 1 / np.maximum(m - 1, 1), 0.0)[:, None]
    return np.asarray(counts.T @ weighted - np.diag(weighted.sum(axis=0)))


def alpha_of(total: FloatArray, values: FloatArray, measurement: Measurement) -> FloatArray:
    """Alpha of pooled coincidences, (..., n_values, n_values); NaN where there is none.

    Examples
    --------
    >>> alpha_of(np.diag([3.0, 5.0]), np.array([0.0, 1.0]), "nominal")
    array(1.)
    """
    observed, expected = disagreements(total, values, measurement)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - observed / expected, np.nan))


def disagreements(
    total: FloatArray, values: FloatArray, measurement: Measurement
) -> tuple[FloatArray, FloatArray]:
    """Observed and expected disagreement of pooled coincidences; NaN where nothing was paired."""
    each = total.sum(axis=-1)
    n = each.sum(axis=-1)
    distance = _distances(each, values, measurement)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = (total * distance).sum(axis=(-2, -1)) / n
        by_chance = each[..., :, None] * each[..., None, :] * distance
        return observed, by_chance.sum(axis=(-2, -1)) / (n * (n - 1))


def _distances(each: FloatArray, values: FloatArray, measurement: Measurement) -> FloatArray:
    """Disagreement of every two values; that of an ordinal scale depends on how often each was used."""
    if measurement == "nominal":
        return 1 - np.eye(len(values))
    if measurement == "ordinal":
        middle = np.cumsum(each, axis=-1) - each / 2
        return np.asarray((middle[..., :, None] - middle[..., None, :]) ** 2)
    difference = np.subtract.outer(values, values)
    if measurement == "interval":
        return np.asarray(difference**2)
    total = np.add.outer(values, values)
    return np.asarray((difference / np.where(total == 0, 1.0, total)) ** 2)


def _value_counts(
    ratings: Sequence[Sequence[Hashable]], measurement: Measurement
) -> tuple[FloatArray, FloatArray]:
    """The values in order, (n_values,) (places of labels if nominal), and their counts per unit."""
    lengths = {len(row) for row in ratings}
    if len(lengths) != 1 or lengths == {0}:
        raise DataError(
            "alpha",
            wanted="equally many units of every coder, at least one",
            got=f"rows of {', '.join(map(str, sorted(lengths))) or 'no coder'}",
            remedy="write None where a coder did not judge a unit",
        )
    for coder, row in enumerate(ratings):
        for unit, cell in enumerate(row):
            if not _missing(cell):
                _check(cell, coder, unit, measurement)
    used: Any = dict.fromkeys(cell for row in ratings for cell in row if not _missing(cell))
    names = list(used) if measurement == "nominal" else sorted(used)
    index = {name: place for place, name in enumerate(names)}
    counts = np.zeros((lengths.pop(), len(names)))
    for row in ratings:
        for unit, cell in enumerate(row):
            if not _missing(cell):
                counts[unit, index[cell]] += 1
    values = np.arange(len(names)) if measurement == "nominal" else names
    return np.asarray(values, dtype=np.float64), counts


def _missing(cell: Hashable) -> bool:
    return cell is None or cell != cell


def _check(cell: Hashable, coder: int, unit: int, measurement: Measurement) -> None:
    if measurement == "nominal":
        return
    number = isinstance(cell, Real) and not isinstance(cell, bool) and math.isfinite(float(cell))
    if not number or (measurement == "ratio" and float(cell) < 0):  # type: ignore[arg-type]
        raise DataError(
            f"unit {unit} of coder {coder}",
            wanted=f"a number on the {measurement} scale",
            got=repr(cell),
            remedy="correct it, or choose the nominal scale for labels",
        )


def _by_group(counts: FloatArray, judged: NDArray[np.bool_], groups: Sequence[Hashable] | None) -> FloatArray:
    """Coincidences of each group, (n_groups, n_values, n_values); also of groups without a pair."""
    if groups is not None and len(groups) != len(judged):
        raise DataError(
            "alpha",
            wanted=f"a group for each of {len(judged)} units",
            got=f"{len(groups)} groups",
            remedy="name the participant of every unit",
        )
    everyone = range(len(judged)) if groups is None else groups
    of = [name for name, used in zip(everyone, judged, strict=True) if used]
    members: dict[Hashable, list[int]] = {name: [] for name in (of if groups is None else groups)}
    for unit, name in enumerate(of):
        members[name].append(unit)
    size = counts.shape[1]
    if len(members) * size * size > _MOST_NUMBERS:
        raise OptionError(
            "alpha's interval",
            wanted=f"at most {_MOST_NUMBERS:,} coincidences",
            got=f"{len(members)} groups of {size} x {size} values",
            remedy="round the values, or leave out the interval",
        )
    return np.stack([coincidences(counts[units]) for units in members.values()])
