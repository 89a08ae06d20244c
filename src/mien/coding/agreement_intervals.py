"""Values with their intervals, all from the same draws of participants.

Conventions: counts are kept per participant, shape (n_participants, ...), and pooled over the participants of
a draw; the interval holds the middle share of the draws' values (percentiles, as `stats.subject_bootstrap`,
whose draws these are). One set of draws serves every number of a result: a page that shows hundreds of them
is made in a second. A draw in which a number does not exist is left out;
where all draws give the same, as of perfect agreement, there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.records import Json, to_json
from mien.stats.arguments import upper_tail

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Statistic = Callable[[FloatArray], FloatArray]

ONE_PARTICIPANT = "one participant has no spread between participants"
NO_INTERVAL = "no interval was asked for"
NO_SPREAD = "no interval: all draws of participants give the same"
_ALIKE = 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval and the number of things it rests on; `reason` says what is missing, and why.

    NaN stands for a value or bound that does not exist.
    """

    value: float
    low: float
    high: float
    n: int
    reason: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The fields; NaN is null."""
        return {
            "value": to_json(self.value),
            "low": to_json(self.low),
            "high": to_json(self.high),
            "n": self.n,
            "reason": self.reason,
        }


def without_value(n: int, reason: str) -> Estimate:
    """No value, for a reason."""
    return Estimate(math.nan, math.nan, math.nan, n, reason)


class Draws:
    """Participants drawn with replacement, many times.

    Parameters
    ----------
    participants
        Of every clip that was compared, also where nothing was found.
    n_resamples
        Number of draws; 0 for no intervals.
    level, seed
        Coverage of the intervals; equal seeds give equal intervals.
    """

    def __init__(self, participants: Sequence[str], *, n_resamples: int, level: float, seed: int) -> None:
        self.participants = tuple(dict.fromkeys(participants))
        self.place = {name: index for index, name in enumerate(self.participants)}
        self._tail = upper_tail(level, subject="agreement")
        n = len(self.participants)
        self.reason = ONE_PARTICIPANT if n < 2 else NO_INTERVAL if not n_resamples else None
        rng = np.random.Generator(np.random.PCG64(seed))
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) if self.reason is None else ()
        self._weights: FloatArray = np.asarray(drawn, dtype=np.float64)

    def index(self, participants: Sequence[str]) -> IntArray:
        """The participants' places."""
        return np.array([self.place[name] for name in participants], dtype=np.int64)

    def sums(self, index: IntArray, values: FloatArray) -> FloatArray:
        """Values (n, ...) summed by participant, (n_participants, ...)."""
        total = np.zeros((len(self.participants), *values.shape[1:]))
        np.add.at(total, index, values)
        return total

    def bounds(self, counts: FloatArray, statistic: Statistic) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds of each of the statistic's values, as its shape without the draws'.

        `statistic` maps pooled counts (n, ...) to values (n, ...), n draws at once.
        """
        shape = statistic(counts.sum(axis=0)[None]).shape[1:]
        if self.reason is not None:
            return np.full(shape, math.nan), np.full(shape, math.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = statistic(np.tensordot(self._weights, counts, axes=1))
        flat = values.reshape(len(values), -1)
        flat = np.where(np.isfinite(flat), flat, math.nan)
        found = np.array([self._percentiles(column) for column in flat.T]).reshape(*shape, 2)
        return found[..., 0], found[..., 1]

    def _percentiles(self, column: FloatArray) -> tuple[float, float]:
        known = column[~np.isnan(column)]
        # Draws that are all alike, as of perfect agreement, do not say how sure the value is.
        if not known.size or np.ptp(known) <= _ALIKE * np.abs(known).max():
            return math.nan, math.nan
        low, high = np.quantile(known, [1 - self._tail, self._tail])
        return float(low), float(high)

    def estimate(self, value: float, counts: FloatArray, statistic: Statistic, *, n: int) -> Estimate:
        """One value with its interval; `statistic` gives one number per draw, (n,)."""
        low, high = self.bounds(counts, statistic)
        return self.bounded(value, float(low), float(high), n=n)

    def bounded(self, value: float, low: float, high: float, *, n: int) -> Estimate:
        """A value with bounds from these draws, and the reason where there are none."""
        return Estimate(value, low, high, n, self.reason or (NO_SPREAD if math.isnan(low) else None))
