"""Whether coders grow apart over time: agreement of every expression against the order of its clip.

Conventions: a clip's place is its rank in the order given, over the clips that two coders or more coded; a
slope is the change of a quantity per 100 clips, by least squares over expressions. "over the study" takes
places as they are; "within participants" takes them, and the quantity, from the participant's own mean: what
differs between people does not count, what changes in the course of a session does. Intervals resample
participants. An expression that one coder missed counts where `missed` (1 or 0) is the quantity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.coding.agreement_intervals import Draws, Estimate, FloatArray, without_value
from mien.coding.agreement_matching import MatchedPair, MissedExpression
from mien.coding.coded_rows import CodedClip
from mien.core.records import Json, to_json

QUANTITIES = ("au_r", "onset_abs_ms", "apex_abs_ms", "offset_abs_ms", "missed")
PER_CLIPS = 100
_FEW = "fewer than three expressions"
_ONE_PLACE = "all expressions are of one place in the order"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One quantity of every expression that has it: place in the order, participant, and value."""

    places: FloatArray
    participants: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True, slots=True)
class ParticipantAgreement:
    """What coders agreed on of one participant; means over expressions, NaN where there is none."""

    participant: str
    first_place: int
    n_pairs: int
    n_missed: int
    means: Mapping[str, float]

    def as_json(self) -> dict[str, Json]:
        """The fields; NaN is null."""
        return {
            "participant": self.participant,
            "first_place": self.first_place,
            "n_pairs": self.n_pairs,
            "n_missed": self.n_missed,
            **{name: to_json(value) for name, value in self.means.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """Slopes per 100 clips by quantity, participants one by one, and what they rest on."""

    slopes: Mapping[str, Estimate]
    slopes_within: Mapping[str, Estimate]
    participants: tuple[ParticipantAgreement, ...]
    series: Mapping[str, Series]
    n_clips: int

    def as_json(self) -> dict[str, Json]:
        """Slopes and participants."""
        return {
            "per_clips": PER_CLIPS,
            "n_clips": self.n_clips,
            "slopes": {name: one.as_json() for name, one in self.slopes.items()},
            "slopes_within_participants": {name: one.as_json() for name, one in self.slopes_within.items()},
            "participants": [one.as_json() for one in self.participants],
        }


def drift_of(
    matched: Sequence[MatchedPair],
    missed: Sequence[MissedExpression],
    clips: Sequence[CodedClip],
    draws: Draws,
) -> Drift:
    """Drift over clips of expressions that were matched or missed in them."""
    orders = sorted({clip.order for clip in clips})
    rank = {order: place for place, order in enumerate(orders)}
    place = {clip.key: rank[clip.order] for clip in clips}
    series = {name: _series(name, matched, missed, place) for name in QUANTITIES}
    slopes = {name: _slope(one, draws) for name, one in series.items()}
    within = {name: _slope(_centred(one), draws) for name, one in series.items()}
    return Drift(slopes, within, _participants(series, clips, place), series, len(clips))


def _series(
    name: str,
    matched: Sequence[MatchedPair],
    missed: Sequence[MissedExpression],
    place: Mapping[str, int],
) -> Series:
    known: list[tuple[CodedClip, float]] = []
    for pair in matched:
        value = _quantity(pair, name)
        if value is not None:
            known.append((pair.clip, value))
    if name == "missed":
        known += [(one.clip, 1.0) for one in missed]
    places = np.array([place[clip.key] for clip, _ in known], dtype=np.float64)
    people = tuple(clip.participant for clip, _ in known)
    return Series(places, people, np.array([value for _, value in known], dtype=np.float64))


def _quantity(pair: MatchedPair, name: str) -> float | None:
    if name == "missed":
        return 0.0
    if name == "au_r":
        return pair.au_r
    away = {"onset_abs_ms": pair.onset_ms, "apex_abs_ms": pair.apex_ms, "offset_abs_ms": pair.offset_ms}[name]
    return None if away is None else abs(away)


def _centred(series: Series) -> Series:
    """Places and values from their participant's means."""
    if not series.participants:
        return series
    _, index = np.unique(np.array(series.participants), return_inverse=True)
    n = np.bincount(index)
    places, values = (
        column - (np.bincount(index, weights=column) / n)[index] for column in (series.places, series.values)
    )
    return Series(places, series.participants, values)


def _slope(series: Series, draws: Draws) -> Estimate:
    n = len(series.values)
    if n < 3:
        return without_value(n, _FEW)
    x, y = series.places / PER_CLIPS, series.values
    if np.ptp(x) <= 1e-12 * max(1.0, float(np.abs(x).max())):
        return without_value(n, _ONE_PLACE)
    counts = draws.sums(draws.index(series.participants), np.stack([np.ones(n), x, y, x * x, x * y], axis=1))
    return draws.estimate(float(_slopes(counts.sum(axis=0)[None])[0]), counts, _slopes, n=n)


def _slopes(pooled: FloatArray) -> FloatArray:
    n, x, y, xx, xy = pooled.T
    spread = n * xx - x * x
    # Rounding leaves a little where all places are equal.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-9 * n * xx, (n * xy - x * y) / spread, math.nan)


def _participants(
    series: Mapping[str, Series], clips: Sequence[CodedClip], place: Mapping[str, int]
) -> tuple[ParticipantAgreement, ...]:
    first: dict[str, int] = {}
    for clip in clips:
        first[clip.participant] = min(place[clip.key], first.get(clip.participant, len(clips)))
    people = {quantity: np.array(one.participants, dtype=str) for quantity, one in series.items()}
    found = []
    for name in sorted(first, key=lambda who: (first[who], who)):
        means: dict[str, float] = {}
        for quantity, one in series.items():
            mine = one.values[people[quantity] == name]
            means[quantity] = float(mine.mean()) if mine.size else math.nan
            if quantity == "missed":
                n_missed, n_all = int(mine.sum()), len(mine)
        found.append(ParticipantAgreement(name, first[name], n_all - n_missed, n_missed, means))
    return tuple(found)
