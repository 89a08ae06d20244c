"""How far apart two coders set onset, apex and offset.

Conventions: differences are milliseconds, the first coder's time minus the second's, labels in order; the
offset only where both observed it. The mean shows a habit of one coder, the SD and the mean absolute
difference what a single mark is worth; `limits` of agreement are mean +- 1.96 SD, between which 95 % of
differences lie if they are normal (Bland & Altman 1986, doi:10.1016/S0140-6736(86)90837-8). If both coders
err alike and independently with a standard deviation s, the SD of the differences is s times the root of 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.coding.agreement_intervals import Draws, FloatArray
from mien.coding.agreement_matching import MatchedPair
from mien.core.records import Json, to_json

MARKS = ("onset", "apex", "offset")
_NORMAL_95 = 1.959963984540054
_REASONS = {
    "onset": "no matched expression",
    "apex": "no matched expression with an apex of both coders",
    "offset": "no matched expression whose offset both coders observed",
}
_ONE = "one difference has no spread"


@dataclass(frozen=True, slots=True)
class TimeDifference:
    """Differences of one mark, ms; `low` and `high` bound the mean, `mae_low` and `mae_high` its absolute.

    NaN stands for what does not exist; `reason` says why.
    """

    mean: float
    sd: float
    mae: float
    median_abs: float
    p95_abs: float
    limits: tuple[float, float]
    low: float
    high: float
    mae_low: float
    mae_high: float
    n: int
    reason: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The fields; NaN is null."""
        names = ("mean", "sd", "mae", "median_abs", "p95_abs", "limits", "low", "high", "mae_low", "mae_high")
        return {**{name: to_json(getattr(self, name)) for name in names}, "n": self.n, "reason": self.reason}


def difference_of(pair: MatchedPair, mark: str) -> float | None:
    """The difference of "onset", "apex" or "offset", ms; None where one of the coders has none."""
    found = {"onset": pair.onset_ms, "apex": pair.apex_ms, "offset": pair.offset_ms}
    return found[mark]


def time_difference(pairs: Sequence[MatchedPair], mark: str, draws: Draws) -> TimeDifference:
    """The differences of one mark over matched expressions."""
    known = [(pair.clip.participant, at) for pair in pairs if (at := difference_of(pair, mark)) is not None]
    if not known:
        nan = math.nan
        return TimeDifference(nan, nan, nan, nan, nan, (nan, nan), nan, nan, nan, nan, 0, _REASONS[mark])
    index = draws.index([who for who, _ in known])
    values = np.array([at for _, at in known])
    n = len(values)
    mean, away = float(values.mean()), np.abs(values)
    sd = float(values.std(ddof=1)) if n > 1 else math.nan
    counts = draws.sums(index, np.stack([np.ones(n), values, away], axis=1))
    low, high = draws.bounds(counts, _means)
    return TimeDifference(
        mean=mean,
        sd=sd,
        mae=float(away.mean()),
        median_abs=float(np.median(away)),
        p95_abs=float(np.quantile(away, 0.95)),
        limits=(mean - _NORMAL_95 * sd, mean + _NORMAL_95 * sd),
        low=float(low[0]),
        high=float(high[0]),
        mae_low=float(low[1]),
        mae_high=float(high[1]),
        n=n,
        reason=_ONE if n == 1 else draws.bounded(mean, float(low[0]), float(high[0]), n=n).reason,
    )


def _means(pooled: FloatArray) -> FloatArray:
    return np.asarray(pooled[:, 1:] / pooled[:, :1])
