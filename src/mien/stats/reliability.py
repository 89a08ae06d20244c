"""Reliability of ratings on a scale: Cronbach's alpha and the intraclass correlations.

Conventions: ratings have the shape (n_targets, n_raters), targets being what is rated (stimulus clips,
expressions) and raters the people or items that rate each of them once. Nothing may be missing: which
targets to drop is a decision of the study. With the mean squares of the two-way layout

    MS_B between targets      MS_J between raters      MS_E residual      MS_W within targets

everything here is a ratio of them. A value that does not exist is NaN with a reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution

from mien.core.errors import DataError
from mien.stats.arguments import upper_tail

# Relative error of a rating in binary, with room for the sums over it.
_ROUNDING = 8 * np.finfo(np.float64).eps
_CLOSE = 1e-9
_EQUAL_RATINGS = "all ratings are equal"
_EQUAL_TARGETS = "all targets have the same mean rating"
_NO_INTERVAL = "the approximate degrees of freedom fail, so that there is no interval"
_NEGATIVE_VARIANCE = "a variance of the mean rating is estimated as negative"


@dataclass(frozen=True, slots=True)
class CronbachAlpha:
    """Cronbach's alpha with its interval; NaN with a reason where the ratings allow none."""

    value: float
    low: float
    high: float
    n_targets: int
    n_raters: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class IntraclassCorrelation:
    """One form with its F test against 0 and its interval; NaN with a reason where there is none."""

    form: str
    value: float
    f: float
    df1: int
    df2: int
    p_value: float
    low: float
    high: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class IntraclassCorrelations(Mapping[str, IntraclassCorrelation]):
    """The six forms, read by name: `result["ICC(3,1)"].value`."""

    forms: tuple[IntraclassCorrelation, ...]
    n_targets: int
    n_raters: int

    def __getitem__(self, form: str) -> IntraclassCorrelation:
        for one in self.forms:
            if one.form == form:
                return one
        raise KeyError(f"{form}: wanted one of {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (one.form for one in self.forms)

    def __len__(self) -> int:
        return len(self.forms)


def cronbach_alpha(ratings: ArrayLike, *, level: float = 0.95) -> CronbachAlpha:
    """Cronbach's alpha of raters (or items) that rated the same targets.

    alpha = k / (k - 1) (1 - sum of s_j^2 / s_T^2) = 1 - MS_E / MS_B, with k raters, s_j^2 the variance of
    rater j and s_T^2 that of the targets' sums (Cronbach 1951, doi:10.1007/BF02310555; MMME's eq. 1). It
    equals ICC(3,k). The interval is exact under normality: 1 - (1 - alpha) F with n - 1 and
    (n - 1)(k - 1) degrees of freedom (Feldt 1965, doi:10.1007/BF02289499).

    Parameters
    ----------
    ratings
        Shape (n_targets, n_raters), at least 2 x 2, complete.
    level
        Coverage of the interval.

    Raises
    ------
    DataError
        If a rating is missing or infinite, or there are fewer than two targets or raters.
    OptionError
        If the level is impossible.

    Examples
    --------
    >>> result = cronbach_alpha([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6]])
    >>> round(result.value, 3), round(result.low, 2), round(result.high, 2)
    (0.875, 0.37, 0.99)
    """
    layout = _two_way(ratings, subject="alpha")
    tail = upper_tail(level, subject="alpha")
    n, k = layout.n_targets, layout.n_raters
    if layout.targets == 0:
        return CronbachAlpha(math.nan, math.nan, math.nan, n, k, layout.reason)
    error = layout.residual / layout.targets
    quantiles = f_distribution.ppf([tail, 1 - tail], n - 1, (n - 1) * (k - 1))
    low, high = (float(1 - error * q) for q in quantiles)
    return CronbachAlpha(1 - error, low, high, n, k)


def intraclass_correlation(ratings: ArrayLike, *, level: float = 0.95) -> IntraclassCorrelations:
    """The six intraclass correlations of Shrout & Fleiss (1979, doi:10.1037/0033-2909.86.2.420).

    With k raters and n targets, each target rated once by each rater:

        ICC(1,1) = (MS_B - MS_W) / (MS_B + (k - 1) MS_W)                          raters differ by target
        ICC(2,1) = (MS_B - MS_E) / (MS_B + (k - 1) MS_E + k (MS_J - MS_E) / n)    absolute agreement
        ICC(3,1) = (MS_B - MS_E) / (MS_B + (k - 1) MS_E)                          consistency

    and ICC(.,k), the reliability of the mean of the k raters, is k r / (1 + (k - 1) r) of each. The F tests
    and intervals are those of McGraw & Wong (1996, doi:10.1037/1082-989X.1.1.30).

    MMME's eq. 2, (MS_r - MS_e) / (MS_r + (n - 1) MS_e), is ICC(3,1) with MS_r the mean square between
    clips and its n the number of raters, although the paper words n as the number of subjects.

    Parameters
    ----------
    ratings
        Shape (n_targets, n_raters), at least 2 x 2, complete.
    level
        Coverage of the intervals.

    Raises
    ------
    DataError
        If a rating is missing or infinite, or there are fewer than two targets or raters.
    OptionError
        If the level is impossible.

    Examples
    --------
    >>> judges = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> result = intraclass_correlation(judges)
    >>> [round(result[form].value, 2) for form in ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(3,k)")]
    [0.17, 0.29, 0.71, 0.91]
    """
    layout = _two_way(ratings, subject="intraclass correlation")
    tail = upper_tail(level, subject="intraclass correlation")
    n, k = layout.n_targets, layout.n_raters
    one_way = _consistency("ICC(1,1)", layout, layout.within, n * (k - 1), tail)
    two_way = _consistency("ICC(3,1)", layout, layout.residual, (n - 1) * (k - 1), tail)
    singles = (one_way, _absolute(layout, two_way, tail), two_way)
    forms = singles + tuple(_of_mean(single, layout) for single in singles)
    return IntraclassCorrelations(forms, n, k)


@dataclass(frozen=True, slots=True)
class _TwoWay:
    """Mean squares of ratings by targets and raters."""

    n_targets: int
    n_raters: int
    targets: float
    raters: float
    residual: float
    within: float

    @property
    def reason(self) -> str | None:
        """Why reliability may not exist: nothing, or no target, differs."""
        if self.targets > 0:
            return None
        return _EQUAL_TARGETS if self.within > 0 else _EQUAL_RATINGS


def _two_way(ratings: ArrayLike, *, subject: str) -> _TwoWay:
    x = _complete(ratings, subject)
    n, k = x.shape
    zero = x.size * (_ROUNDING * np.abs(x).max()) ** 2
    x = x - x.mean()
    by_target, by_rater = x.mean(axis=1), x.mean(axis=0)
    squares = np.array(
        [
            k * (by_target**2).sum(),
            n * (by_rater**2).sum(),
            ((x - by_target[:, None] - by_rater) ** 2).sum(),
            ((x - by_target[:, None]) ** 2).sum(),
        ]
    )
    # What rounding leaves of a zero would turn a ratio that does not exist into a number.
    squares[squares <= zero] = 0.0
    mean_squares = squares / [n - 1, k - 1, (n - 1) * (k - 1), n * (k - 1)]
    return _TwoWay(n, k, *(float(m) for m in mean_squares))


def _complete(ratings: ArrayLike, subject: str) -> NDArray[np.float64]:
    try:
        x = np.asarray(ratings, dtype=np.float64)
    except (TypeError, ValueError) as cause:
        raise DataError(
            subject, wanted="a table of numbers", got=cause, remedy="give each rater a number per target"
        ) from cause
    if x.ndim != 2 or min(x.shape) < 2:
        raise DataError(
            subject,
            wanted="at least two targets (rows) and two raters (columns)",
            got=f"shape {x.shape}",
            remedy="arrange the ratings as targets x raters",
        )
    absent = np.argwhere(~np.isfinite(x))
    if len(absent):
        row, column = absent[0]
        raise DataError(
            subject,
            wanted="a finite rating of every target by every rater",
            got=f"{x[row, column]} at row {row}, column {column} ({len(absent)} such in all)",
            remedy="drop the incomplete targets or raters",
        )
    return x


def _consistency(form: str, layout: _TwoWay, error: float, df2: int, tail: float) -> IntraclassCorrelation:
    """ICC(1,1) with the error within targets, or ICC(3,1) with the residual, and their exact interval."""
    b, k, df1 = layout.targets, layout.n_raters, layout.n_targets - 1
    if b == 0 and error == 0:
        nan = math.nan
        return IntraclassCorrelation(form, nan, nan, df1, df2, nan, nan, nan, layout.reason)
    ratio = b / error if error > 0 else math.inf
    lower = float(f_distribution.ppf(tail, df1, df2)) * error
    raised = float(f_distribution.ppf(tail, df2, df1)) * b
    return IntraclassCorrelation(
        form,
        (b - error) / (b + (k - 1) * error),
        ratio,
        df1,
        df2,
        float(f_distribution.sf(ratio, df1, df2)),
        (b - lower) / (b + (k - 1) * lower),
        (raised - error) / (raised + (k - 1) * error),
    )


def _absolute(layout: _TwoWay, consistency: IntraclassCorrelation, tail: float) -> IntraclassCorrelation:
    """ICC(2,1), whose F test is that of ICC(3,1) and whose interval uses Satterthwaite's df."""
    n, k, b, j, e = layout.n_targets, layout.n_raters, layout.targets, layout.raters, layout.residual
    below = b + (k - 1) * e + k * (j - e) / n
    value, reason = (b - e) / below if below > 0 else math.nan, layout.reason
    low, high = _absolute_interval(layout, value, tail)
    if not math.isnan(value):
        reason = _NO_INTERVAL if math.isnan(low) or math.isnan(high) else None
    test = consistency
    return IntraclassCorrelation(
        "ICC(2,1)", value, test.f, test.df1, test.df2, test.p_value, low, high, reason
    )


def _absolute_interval(layout: _TwoWay, value: float, tail: float) -> tuple[float, float]:
    """Bounds of ICC(2,1), McGraw & Wong 1996, case 2A; NaN where the approximation misses the value."""
    n, k, b, j, e = layout.n_targets, layout.n_raters, layout.targets, layout.raters, layout.residual
    if math.isnan(value) or (j == 0 and e == 0):
        return value, value
    # The paper's a MS_J and b MS_E, both times n (1 - value): df does not change and 1 - value may be 0.
    from_raters = k * value * j
    from_error = (n * (1 - value) + k * value * (n - 1)) * e
    parts = abs(from_raters) + abs(from_error)
    if b == 0 or abs(from_raters + from_error) <= _CLOSE * parts:
        return math.nan, math.nan
    spread = from_raters**2 / (k - 1) + from_error**2 / ((n - 1) * (k - 1))
    df = (from_raters + from_error) ** 2 / spread
    lower, upper = f_distribution.ppf(tail, [n - 1, df], [df, n - 1])
    other = k * j + (k * n - k - n) * e
    # For values below 0 the two parts of df nearly cancel, up to quantiles without bound.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        low = float(n * (b - lower * e) / (lower * other + n * b))
        high = float(n * (upper * b - e) / (other + n * upper * b))
    holds = low - _CLOSE <= value <= high + _CLOSE
    return (low, high) if holds else (math.nan, math.nan)


def _of_mean(single: IntraclassCorrelation, layout: _TwoWay) -> IntraclassCorrelation:
    """The form for the mean of all raters, by Spearman & Brown's formula on the value and its bounds."""
    k = layout.n_raters
    if layout.targets == 0:
        value, low, high, reason = math.nan, math.nan, math.nan, layout.reason
    else:
        value, low, high = (_stepped_up(r, k) for r in (single.value, single.low, single.high))
        reason = single.reason
        if reason is None and any(math.isnan(r) for r in (value, low, high)):
            reason = _NEGATIVE_VARIANCE
    return IntraclassCorrelation(
        single.form.replace(",1)", ",k)"),
        value,
        single.f,
        single.df1,
        single.df2,
        single.p_value,
        low,
        high,
        reason,
    )


def _stepped_up(r: float, k: int) -> float:
    # Below -1 / (k - 1) the formula changes sign and would praise raters who contradict each other.
    return k * r / (1 + (k - 1) * r) if 1 + (k - 1) * r > _CLOSE else math.nan
