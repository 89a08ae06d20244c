"""Agreement between raters and between coders.

Conventions: ratings are (n_targets, n_raters), complete; a missing rating is refused, not filled. Where
agreement cannot be told from chance (everybody always says the same), the value is NaN with a reason.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution
from scipy.stats import norm

from mien.core.errors import DataError, OptionError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reliability:
    """A coefficient with its interval; NaN with a reason where it cannot be computed."""

    value: float
    low: float
    high: float
    n_targets: int
    n_raters: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class IntraclassCorrelation:
    """One form of the ICC with its F test against 0."""

    value: float
    low: float
    high: float
    f: float
    df1: float
    df2: float
    p_value: float


def cronbach_alpha(ratings: ArrayLike, *, level: float = 0.95) -> Reliability:
    """Cronbach's alpha of raters as items, with Feldt's interval.

    alpha = k / (k - 1) * (1 - sum of the raters' variances / variance of the sums) (Cronbach 1951,
    doi:10.1007/BF02310555); interval from F with n - 1 and (n - 1)(k - 1) degrees of freedom (Feldt 1965).

    Parameters
    ----------
    ratings
        Shape (n_targets, n_raters), at least 2 x 2, without NaN.

    Raises
    ------
    DataError
        If a rating is missing or there are too few of either.

    Examples
    --------
    >>> round(cronbach_alpha([[1, 2], [2, 3], [3, 4]]).value, 6)
    1.0
    """
    table = _complete(ratings)
    n, k = table.shape
    total = float(table.sum(axis=1).var(ddof=1))
    if total == 0:
        return Reliability(
            math.nan, math.nan, math.nan, n, k, "the targets do not differ in their summed ratings"
        )
    alpha = k / (k - 1) * (1 - float(table.var(axis=0, ddof=1).sum()) / total)
    df1, df2 = n - 1, (n - 1) * (k - 1)
    tail = (1 - level) / 2
    low = 1 - (1 - alpha) * float(f_distribution.ppf(1 - tail, df1, df2))
    high = 1 - (1 - alpha) * float(f_distribution.ppf(tail, df1, df2))
    return Reliability(alpha, low, high, n, k)


def intraclass_correlation(ratings: ArrayLike, *, level: float = 0.95) -> dict[str, IntraclassCorrelation]:
    """All six forms of the intraclass correlation, by name "ICC(1,1)" to "ICC(3,k)".

    1: raters differ between targets; 2: raters are a random sample (absolute agreement); 3: these raters
    only (consistency); k: of the mean of k raters. From the two-way analysis of variance (Shrout & Fleiss
    1979, doi:10.1037/0033-2909.86.2.420), intervals of McGraw & Wong (1996, doi:10.1037/1082-989X.1.1.30).
    MMME's equation 2 is ICC(3,1) with its n read as the number of raters k.

    Parameters
    ----------
    ratings
        Shape (n_targets, n_raters), at least 2 x 2, without NaN.

    Raises
    ------
    DataError
        If a rating is missing or there are too few of either.
    """
    table = _complete(ratings)
    n, k = table.shape
    grand = table.mean()
    ms_targets = k * float(((table.mean(axis=1) - grand) ** 2).sum()) / (n - 1)
    ms_raters = n * float(((table.mean(axis=0) - grand) ** 2).sum()) / (k - 1)
    within = float(((table - table.mean(axis=1, keepdims=True)) ** 2).sum())
    ms_within = within / (n * (k - 1))
    ms_error = max(0.0, within - ms_raters * (k - 1)) / ((n - 1) * (k - 1))
    tail = 1 - (1 - level) / 2
    one = _one_way(ms_targets, ms_within, n, k, tail)
    two = _random_raters(ms_targets, ms_raters, ms_error, n, k, tail)
    three = _fixed_raters(ms_targets, ms_error, n, k, tail)
    names = ("ICC(1,1)", "ICC(1,k)", "ICC(2,1)", "ICC(2,k)", "ICC(3,1)", "ICC(3,k)")
    forms = dict(zip(names, (*one, *two, *three), strict=True))
    return {name: forms[name] for name in sorted(forms, key=lambda n: (n[6], n[4]))}


_Pair = tuple[IntraclassCorrelation, IntraclassCorrelation]


def _one_way(ms_targets: float, ms_within: float, n: int, k: int, tail: float) -> _Pair:
    df1, df2 = n - 1, n * (k - 1)
    f = _over(ms_targets, ms_within)
    low, high = f / f_distribution.ppf(tail, df1, df2), f * f_distribution.ppf(tail, df2, df1)
    p = float(f_distribution.sf(f, df1, df2))
    bounds = [_over(x - 1, x + k - 1) for x in (f, low, high)]
    means = [1 - _over(1, x) for x in (f, low, high)]
    return (IntraclassCorrelation(*bounds, f, df1, df2, p), IntraclassCorrelation(*means, f, df1, df2, p))


def _fixed_raters(ms_targets: float, ms_error: float, n: int, k: int, tail: float) -> _Pair:
    df1, df2 = n - 1, (n - 1) * (k - 1)
    f = _over(ms_targets, ms_error)
    low, high = f / f_distribution.ppf(tail, df1, df2), f * f_distribution.ppf(tail, df2, df1)
    p = float(f_distribution.sf(f, df1, df2))
    bounds = [1.0 if math.isinf(x) else _over(x - 1, x + k - 1) for x in (f, low, high)]
    means = [1 - _over(1, x) for x in (f, low, high)]
    return (IntraclassCorrelation(*bounds, f, df1, df2, p), IntraclassCorrelation(*means, f, df1, df2, p))


def _random_raters(
    ms_targets: float, ms_raters: float, ms_error: float, n: int, k: int, tail: float
) -> _Pair:
    df1, df2 = n - 1, (n - 1) * (k - 1)
    f = _over(ms_targets, ms_error)
    p = float(f_distribution.sf(f, df1, df2))
    value = _over(ms_targets - ms_error, ms_targets + (k - 1) * ms_error + k * (ms_raters - ms_error) / n)
    f_raters = _over(ms_raters, ms_error)
    part = k * value * f_raters + n * (1 + (k - 1) * value) - k * value
    v = _over(
        (k - 1) * (n - 1) * part**2,
        (n - 1) * k**2 * value**2 * f_raters**2 + (n * (1 + (k - 1) * value) - k * value) ** 2,
    )
    upper, lower = f_distribution.ppf(tail, n - 1, v), f_distribution.ppf(tail, v, n - 1)
    rest = k * ms_raters + (k * n - k - n) * ms_error
    low = _over(n * (ms_targets - upper * ms_error), upper * rest + n * ms_targets)
    high = _over(n * (lower * ms_targets - ms_error), rest + n * lower * ms_targets)
    mean = _over(ms_targets - ms_error, ms_targets + (ms_raters - ms_error) / n)
    means = [_over(k * x, 1 + (k - 1) * x) for x in (low, high)]
    return (
        IntraclassCorrelation(value, float(low), float(high), f, df1, df2, p),
        IntraclassCorrelation(mean, means[0], means[1], f, df1, df2, p),
    )


def cohen_kappa(
    first: Sequence[object],
    second: Sequence[object],
    *,
    classes: Sequence[object] | None = None,
    weights: Literal["none", "linear", "quadratic"] = "none",
    level: float = 0.95,
) -> Reliability:
    """Cohen's kappa of two coders over the same n items, with its asymptotic interval.

    kappa = 1 - sum(w o) / sum(w e) with disagreement weights w, observed shares o and those expected from
    the margins e; standard error of Fleiss, Cohen & Everitt (1969, doi:10.1037/h0028106). Weighted kappa
    uses the order of `classes`.

    Raises
    ------
    DataError
        If the lengths differ, are 0, or a label is not among the classes.
    OptionError
        If the weights are unknown.

    Examples
    --------
    >>> cohen_kappa(["a", "b", "a", "b"], ["a", "b", "b", "b"]).value
    0.5
    """
    if weights not in ("none", "linear", "quadratic"):
        raise OptionError(
            "weights", wanted="none, linear or quadratic", got=weights, remedy="choose one of them"
        )
    if len(first) != len(second) or not len(first):
        raise DataError(
            "codings",
            wanted="equally many codes of both coders, at least one",
            got=f"{len(first)} and {len(second)}",
            remedy="pair the items first",
        )
    names = list(classes) if classes is not None else sorted({*first, *second}, key=str)
    index = {name: i for i, name in enumerate(names)}
    unknown = [label for label in (*first, *second) if label not in index]
    if unknown:
        raise DataError(
            "codings",
            wanted=f"labels among {', '.join(map(str, names))}",
            got=repr(unknown[0]),
            remedy="correct the label or name the class",
        )
    n = len(first)
    shares = np.zeros((len(names), len(names)))
    np.add.at(shares, ([index[x] for x in first], [index[x] for x in second]), 1 / n)
    return _kappa(shares, weights, n, level)


def _kappa(shares: FloatArray, weights: str, n: int, level: float) -> Reliability:
    size = len(shares)
    steps = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / max(1, size - 1)
    # Agreement weights: 1 on the diagonal.
    agreement = {"none": np.eye(size), "linear": 1 - steps, "quadratic": 1 - steps**2}[weights]
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    expected = float((agreement * np.outer(rows, columns)).sum())
    if math.isclose(expected, 1.0, abs_tol=1e-12):
        return Reliability(math.nan, math.nan, math.nan, n, 2, "both coders used one and the same label only")
    observed = float((agreement * shares).sum())
    kappa = (observed - expected) / (1 - expected)
    mean_rows, mean_columns = agreement @ columns, rows @ agreement
    spread = (agreement - (mean_rows[:, None] + mean_columns[None, :]) * (1 - kappa)) ** 2
    variance = ((shares * spread).sum() - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    half = float(norm.ppf((1 + level) / 2)) * math.sqrt(max(0.0, float(variance)))
    return Reliability(kappa, kappa - half, min(1.0, kappa + half), n, 2)


def fleiss_kappa(counts: ArrayLike) -> Reliability:
    """Fleiss' kappa of equally many raters per item, with the interval from its standard error under 0.

    P_i = share of agreeing pairs on item i, P_e = sum of squared class shares, kappa = (mean P - P_e) /
    (1 - P_e) (Fleiss 1971, doi:10.1037/h0031619); standard error of Fleiss, Nee & Landis (1979,
    doi:10.1037/0033-2909.86.5.974), which holds for testing kappa = 0.

    Parameters
    ----------
    counts
        Shape (n_items, n_classes): how many raters chose each class; equal row sums of 2 or more.

    Raises
    ------
    DataError
        If the counts are not whole, not complete, or the rows differ in their number of raters.

    Examples
    --------
    >>> fleiss_kappa([[2, 0], [0, 2]]).value
    1.0
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all() or (table < 0).any():
        raise DataError(
            "rating counts",
            wanted="a table of counts, items by classes",
            got=f"shape {table.shape}",
            remedy="count the raters per item and class",
        )
    raters = table.sum(axis=1)
    if (raters != raters[0]).any() or raters[0] < 2 or (table != np.floor(table)).any():
        raise DataError(
            "rating counts",
            wanted="the same whole number of two or more raters for every item",
            got=f"{raters.min():g} to {raters.max():g}",
            remedy="leave out incomplete items on purpose",
        )
    n, k = len(table), float(raters[0])
    shares = table.sum(axis=0) / table.sum()
    chance = float((shares**2).sum())
    if math.isclose(chance, 1.0):
        return Reliability(math.nan, math.nan, math.nan, n, int(k), "all raters chose one and the same class")
    agree = float((((table**2).sum(axis=1) - k) / (k * (k - 1))).mean())
    kappa = (agree - chance) / (1 - chance)
    spread = float((shares * (1 - shares)).sum())
    skew = float((shares * (1 - shares) * (1 - 2 * shares)).sum())
    error = math.sqrt(2 * max(0.0, spread**2 - skew)) / (spread * math.sqrt(n * k * (k - 1)))
    half = 1.959963984540054 * error
    return Reliability(kappa, kappa - half, min(1.0, kappa + half), n, int(k))


def action_unit_agreement(
    first: Sequence[Collection[object]],
    second: Sequence[Collection[object]],
    *,
    average: Literal["micro", "mean"] = "micro",
    both_empty: Literal["skip", "agree"] = "skip",
) -> float:
    """Agreement of two coders' action units over matched expressions, 0 to 1 (MMME equation 3).

    r = 2 |A and B| / (|A| + |B|), the Dice coefficient: summed over expressions before dividing ("micro")
    or averaged over them ("mean"). Expressions without a unit on either side are skipped or count as
    agreement (in "mean" only; "micro" has nothing to add). NaN if nothing remains.

    Raises
    ------
    DataError
        If the coders have different numbers of expressions.
    OptionError
        If an option is unknown.

    Examples
    --------
    >>> action_unit_agreement([{4, 7}, {12}], [{4}, {12}])
    0.8
    """
    if average not in ("micro", "mean") or both_empty not in ("skip", "agree"):
        raise OptionError(
            "AU agreement",
            wanted="average micro or mean, both_empty skip or agree",
            got=f"{average}, {both_empty}",
            remedy="choose one of them",
        )
    if len(first) != len(second):
        raise DataError(
            "action units",
            wanted="matched expressions",
            got=f"{len(first)} and {len(second)}",
            remedy="match the coders' expressions in time first",
        )
    pairs = [(set(a), set(b)) for a, b in zip(first, second, strict=True)]
    shared = [2 * len(a & b) for a, b in pairs]
    total = [len(a) + len(b) for a, b in pairs]
    if average == "micro":
        return sum(shared) / sum(total) if sum(total) else math.nan
    each = [s / t if t else 1.0 for s, t in zip(shared, total, strict=True) if t or both_empty == "agree"]
    return sum(each) / len(each) if each else math.nan


def _complete(ratings: ArrayLike) -> FloatArray:
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise DataError(
            "ratings",
            wanted="at least two targets and two raters",
            got=f"shape {table.shape}",
            remedy="arrange targets in rows and raters in columns",
        )
    if not np.isfinite(table).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(table))[0])
        raise DataError(
            f"rating of target {row} by rater {column}",
            wanted="a number",
            got=table[row, column],
            remedy="leave out incomplete targets or raters on purpose",
        )
    return table


def _over(part: float, whole: float) -> float:
    if whole == 0:
        return math.nan if part == 0 else math.copysign(math.inf, part)
    return float(part / whole)
