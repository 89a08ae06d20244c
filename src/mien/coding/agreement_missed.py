"""How many of the other coders' expressions a coder did not see.

Conventions: rate = missed / (matched + missed), over what others saw in clips that the coder coded too; the
kind is the word of the one who saw it. Intervals resample participants; where nothing or everything was
missed these have no spread, and the interval is Wilson's of a share of independent expressions, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.coding.agreement_intervals import Draws, Estimate, without_value
from mien.coding.agreement_matching import MatchedPair, MissedExpression
from mien.core.records import Json, to_json
from mien.stats import proportion_interval

KINDS = ("all", "micro", "macro", "not given")
_NOTHING = "the others saw no such expression"


@dataclass(frozen=True, slots=True)
class MissedRate:
    """What one coder missed of one kind; `rate.n` expressions were seen by others."""

    coder: str
    kind: str
    n: int
    rate: Estimate
    interval: Literal["participants", "wilson"] | None

    def as_json(self) -> dict[str, Json]:
        """The fields; NaN is null."""
        return {
            "coder": self.coder,
            "kind": self.kind,
            "n": self.n,
            "of": self.rate.n,
            "rate": to_json(self.rate.value),
            "low": to_json(self.rate.low),
            "high": to_json(self.rate.high),
            "interval": self.interval,
            "reason": self.rate.reason,
        }


def missed_rates(
    coders: Sequence[str],
    matched: Sequence[MatchedPair],
    missed: Sequence[MissedExpression],
    draws: Draws,
    *,
    level: float,
) -> tuple[MissedRate, ...]:
    """Rates of every coder and kind; of "not given" only where a kind was not."""
    found = []
    for coder in coders:
        seen = [
            (pair.clip.participant, other.kind or KINDS[-1], False)
            for pair in matched
            for own, other in ((pair.first, pair.second), (pair.second, pair.first))
            if own.coder == coder
        ]
        seen += [
            (one.clip.participant, one.row.kind or KINDS[-1], True)
            for one in missed
            if one.missed_by == coder
        ]
        for kind in KINDS:
            mine = [(who, lost) for who, said, lost in seen if kind in ("all", said)]
            if mine or kind != KINDS[-1]:
                found.append(_rate(coder, kind, mine, draws, level))
    return tuple(found)


def _rate(coder: str, kind: str, seen: Sequence[tuple[str, bool]], draws: Draws, level: float) -> MissedRate:
    n, of = sum(lost for _, lost in seen), len(seen)
    if not of:
        return MissedRate(coder, kind, 0, without_value(0, _NOTHING), None)
    if n in (0, of):
        low, high = proportion_interval(n, of, level=level)
        return MissedRate(coder, kind, n, Estimate(n / of, low, high, of), "wilson")
    values = np.array([[lost, 1.0] for _, lost in seen])
    counts = draws.sums(draws.index([who for who, _ in seen]), values)
    rate = draws.estimate(n / of, counts, lambda pooled: pooled[:, 0] / pooled[:, 1], n=of)
    return MissedRate(coder, kind, n, rate, None if math.isnan(rate.low) else "participants")
