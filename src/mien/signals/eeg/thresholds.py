"""The threshold between two heaps of values: two Gaussians by expectation maximisation.

Bruzzone & Prieto (2000), doi:10.1109/36.843009, as ADJUST uses it: classes start on both sides of the
midrange, priors, means and variances are improved until one of the six settles, and the threshold is where
the two weighted densities are equal (minimum error, equal costs). Where that has no answer, the threshold is
the midrange, and the result says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.core.time import FloatArray

HOW = {
    "bayes": "equal weighted densities",
    "midrange": "the midrange: the two Gaussians have no crossing between their means",
    "none": "no threshold: fewer than two different values",
}
_STOP = 1e-4
# Released code has no limit; a feature that is still moving after so many steps keeps where it is.
_MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and how it came about.

    Parameters
    ----------
    value
        Values at or above it belong to the upper class; infinite where nothing can be told apart.
    how
        "bayes", "midrange" or "none": see `HOW`.
    priors, means, variances
        Of the upper and the lower class; NaN where there is none.
    steps
        Iterations done.
    """

    value: float
    how: str
    priors: tuple[float, float]
    means: tuple[float, float]
    variances: tuple[float, float]
    steps: int


def em_threshold(values: ArrayLike) -> Threshold:
    """The threshold that splits values, shape (n,), into a lower and an upper class, without missing ones.

    Absolute changes below 1e-4 end the iteration, in the unit of the feature: as released, and the reason
    why features of small numbers take few steps.

    Examples
    --------
    >>> 1.2 < em_threshold([0.9, 1.0, 1.1, 1.0, 1.2, 4.9, 5.0, 5.3]).value < 4.9
    True
    """
    x = np.asarray(values, dtype=np.float64).reshape(-1)
    x = x[np.isfinite(x)]
    nothing = (math.nan, math.nan)
    if x.size < 2 or x.min() == x.max():
        return Threshold(math.inf, "none", nothing, nothing, nothing, 0)
    middle = (x.min() + x.max()) / 2
    upper = x[x > middle + 0.01 * (x.max() - middle)]
    lower = x[x < middle - 0.01 * (middle - x.min())]
    # Both are never empty: they hold the largest and the smallest value.
    prior = np.array([upper.size, lower.size]) / (upper.size + lower.size)
    mean = np.array([upper.mean(), lower.mean()])
    variance = np.array([_variance(upper), _variance(lower)])
    steps = 0
    while steps < _MOST_STEPS:
        steps += 1
        with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
            share = prior[:, None] * _density(x, mean, variance)
            share = share / share.sum(axis=0)
            new_prior = share.mean(axis=1)
            weight = new_prior * x.size
            new_mean = share @ x / weight
            new_variance = (share * (x - mean[:, None]) ** 2).sum(axis=1) / weight  # about the old mean
        change = np.abs([new_prior - prior, new_mean - mean, new_variance - variance])
        prior, mean, variance = new_prior, new_mean, new_variance
        if not (change > _STOP).all():  # also ends where a number is NaN
            break
    crossing = _crossing(prior, mean, variance)
    return Threshold(
        float(middle if crossing is None else np.clip(crossing, x.min(), x.max())),
        "midrange" if crossing is None else "bayes",
        _pair(prior),
        _pair(mean),
        _pair(variance),
        steps,
    )


def _pair(both: FloatArray) -> tuple[float, float]:
    return float(both[0]), float(both[1])


def _variance(values: FloatArray) -> float:
    return float(values.var(ddof=1)) if values.size > 1 else 0.0


def _density(x: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Gaussian densities (2, n); 1 everywhere for a class without variance, as released."""
    spread = np.where(variance == 0, 1.0, variance)[:, None]
    found = np.exp(-0.5 * (x - mean[:, None]) ** 2 / spread) / np.sqrt(2 * np.pi * spread)
    return np.where(variance[:, None] == 0, 1.0, found)


def _crossing(prior: FloatArray, mean: FloatArray, variance: FloatArray) -> float | None:
    """Where the weighted densities are equal between the two means; None where they are nowhere."""
    (p1, p2), (m1, m2), (v1, v2) = prior.tolist(), mean.tolist(), variance.tolist()
    if not (np.isfinite([p1, p2, m1, m2, v1, v2]).all() and min(p1, p2, v1, v2) > 0 and m1 > m2):
        return None
    a = (v1 - v2) / 2
    b = v2 * m1 - v1 * m2
    c = v1 * v2 * math.log(p1 * math.sqrt(v2) / (p2 * math.sqrt(v1))) + (m2**2 * v1 - m1**2 * v2) / 2
    rest = b * b - 4 * a * c
    if rest < 0 or (a == 0 and b == 0):
        return None
    # The form of the quadratic formula that loses no digits where a is small; for a = 0 the linear root.
    q = -(b + math.copysign(math.sqrt(rest), b)) / 2
    roots = [c / q] if q != 0 else [0.0]
    if a != 0:
        roots.append(q / a)
    return next((root for root in roots if m2 <= root <= m1), None)
