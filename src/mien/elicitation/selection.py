"""From ratings to the clips of a study: how reliable the raters are, how good each clip is, which are taken.

A clip is good when it moves people (arousal) and when raters name its target (hit rate): the success index
is the sum of both as z scores over all clips, after the film sets of Gross & Levenson (1995,
doi:10.1080/02699939508408966). MMME states no rule ("representative, high arousal, single target").
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.labels import THREE_CLASS_OF
from mien.core.time import FloatArray
from mien.elicitation.ratings import HIGH, LOW, Ratings
from mien.stats import cronbach_alpha, intraclass_correlation, proportion_interval
from mien.stats.reliability import CronbachAlpha, IntraclassCorrelations

Score = Literal["success", "hit-rate", "arousal", "discreteness"]
_MIDDLE = (LOW + HIGH) / 2
PLEASANT: Mapping[str, int] = {"positive": 1, "negative": -1}
"""Sign of the mean valence (from the middle of the scale) that a class must have; surprise may be either."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Agreement of raters on one scale over the clips that all of them rated; None with a reason."""

    scale: str
    n_clips: int
    n_dropped: int
    n_raters: int
    alpha: CronbachAlpha | None
    icc: IntraclassCorrelations | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RatedClip:
    """What raters say of one clip; NaN where nobody said.

    `hit_rate` is the share that named the target, with Wilson's 95 % interval; `discreteness` is 1 minus the
    entropy of the named emotions over that of even votes: 1 if all name one emotion, 0 if all are named
    alike. `valence_holds`: the mean is on the target's side of the scale (None: any side is right).
    """

    name: str
    target: str | None
    n_raters: int
    valence: float
    valence_sd: float
    arousal: float
    arousal_sd: float
    votes: Mapping[str, int]
    hit_rate: float
    hit_low: float
    hit_high: float
    discreteness: float
    valence_holds: bool | None
    success: float
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a clip must fulfil, and what the best are chosen by.

    Parameters
    ----------
    per_emotion
        Clips of each emotion.
    least_hit_rate
        Share of raters who must name the target.
    longest_s
        Longest clip; clips of unknown length pass.
    valence_must_hold
        Whether pleasant clips must be rated pleasant, unpleasant ones unpleasant.
    score
        success (z of arousal plus z of hit rate), hit-rate, arousal or discreteness.
    fewer
        Whether an emotion may have fewer clips than wanted.

    Raises
    ------
    OptionError
        For a value that cannot be.
    """

    per_emotion: int = 6
    least_hit_rate: float = 0.5
    longest_s: float = 60.0
    valence_must_hold: bool = True
    score: Score = "success"
    fewer: bool = False

    def __post_init__(self) -> None:
        if self.score not in get_args(Score):
            raise OptionError("score", wanted=", ".join(get_args(Score)), got=self.score, remedy="choose one")
        if self.per_emotion < 1 or not 0 <= self.least_hit_rate <= 1 or not self.longest_s > 0:
            raise OptionError(
                "selection",
                wanted="1 clip or more, a hit rate of 0 to 1, a length above 0 s",
                got=f"{self.per_emotion}, {self.least_hit_rate} and {self.longest_s}",
                remedy="correct them",
            )


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected clips by emotion, best first; why each other one was not; emotions with too few."""

    selected: Mapping[str, tuple[RatedClip, ...]]
    left_out: Mapping[str, str]
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Every selected clip, emotion by emotion."""
        return tuple(clip.name for clips in self.selected.values() for clip in clips)


def reliability(ratings: Ratings, scale: Literal["valence", "arousal"]) -> Reliability:
    """Cronbach's alpha and all six intraclass correlations of a scale, raters as items, clips as cases.

    MMME's equation 2 is ICC(3,1) with its n the number of raters (`stats.intraclass_correlation`); alpha
    equals ICC(3,k). Clips that a rater left out are dropped, and counted.
    """
    values: FloatArray = getattr(ratings, scale)
    complete = np.isfinite(values).all(axis=1)
    n, k = int(complete.sum()), values.shape[1]
    dropped = int((~complete).sum())
    if n < 2 or k < 2:
        reason = f"{n} clips were rated by all {k} raters: wanted two clips and two raters or more"
        return Reliability(scale, n, dropped, k, None, None, reason)
    kept = values[complete]
    return Reliability(scale, n, dropped, k, cronbach_alpha(kept), intraclass_correlation(kept))


def rate_clips(ratings: Ratings, *, seconds: Mapping[str, float] | None = None) -> tuple[RatedClip, ...]:
    """Every clip's figures; a clip without a stated target aims at what most raters named (ties: at nothing).

    Parameters
    ----------
    seconds
        Clip -> length, as far as it is known.
    """
    known = seconds or {}
    n_words = len({word for row in ratings.emotion for word in row if word is not None})
    rows = []
    for i, name in enumerate(ratings.stimuli):
        votes = Counter(word for word in ratings.emotion[i] if word is not None)
        target = ratings.target[i] or _most_named(votes)
        valence, arousal = (_mean_sd(values[i]) for values in (ratings.valence, ratings.arousal))
        n_votes = sum(votes.values())
        hits = votes[target] if target is not None else 0
        told = n_votes > 0 and target is not None
        low, high = proportion_interval(hits, n_votes) if told else (math.nan, math.nan)
        rows.append(
            {
                "name": name, "target": target,
                "n_raters": int(np.isfinite(ratings.valence[i]).sum()),
                "valence": valence[0], "valence_sd": valence[1],
                "arousal": arousal[0], "arousal_sd": arousal[1],
                "votes": dict(votes.most_common()),
                "hit_rate": hits / n_votes if told else math.nan, "hit_low": low, "hit_high": high,
                "discreteness": _discreteness(votes, n_words),
                "valence_holds": _holds(target, valence[0]),
                "seconds": known.get(name),
            }
        )  # fmt: skip
    arousal_z = _z([row["arousal"] for row in rows])  # type: ignore[misc]
    hit_z = _z([row["hit_rate"] for row in rows])  # type: ignore[misc]
    return tuple(
        RatedClip(**row, success=float(a + h))  # type: ignore[arg-type]
        for row, a, h in zip(rows, arousal_z, hit_z, strict=True)
    )


def select_clips(clips: Sequence[RatedClip], rules: Rules | None = None) -> Selection:
    """The best clips of every emotion; ties fall by hit rate, arousal, discreteness, length, then name.

    Raises
    ------
    DataError
        If an emotion has too few clips that fulfil the rules, or no clip has one, unless fewer are allowed.
    """
    chosen = rules or Rules()
    left_out = {clip.name: why for clip in clips if (why := _refused(clip, chosen)) is not None}
    emotions = sorted({clip.target for clip in clips if clip.target is not None})
    if not emotions and not chosen.fewer:
        raise DataError(
            "clips",
            wanted="an emotion that each aims at, or that most raters name",
            got="none",
            remedy="state targets, or allow fewer to see the reliability alone",
        )
    selected: dict[str, tuple[RatedClip, ...]] = {}
    lacking: dict[str, str] = {}
    for emotion in emotions:
        own = [clip for clip in clips if clip.target == emotion]
        good = sorted((c for c in own if c.name not in left_out), key=lambda c: _rank(c, chosen.score))
        selected[emotion] = tuple(good[: chosen.per_emotion])
        for place, clip in enumerate(good[chosen.per_emotion :], start=chosen.per_emotion + 1):
            left_out[clip.name] = f"place {place} of its emotion"
        if len(good) < chosen.per_emotion:
            whys = Counter(left_out[c.name].split(",")[0] for c in own if c.name in left_out)
            told = "; ".join(f"{n} with {why}" for why, n in whys.most_common()) or "no others were rated"
            lacking[emotion] = f"{len(good)} of {len(own)} ({told})"
    if lacking and not chosen.fewer:
        first = next(iter(lacking))
        others = f", and as little for {', '.join(list(lacking)[1:])}" if len(lacking) > 1 else ""
        raise DataError(
            f"emotion {first}",
            wanted=f"{chosen.per_emotion} clips that fulfil the rules",
            got=f"{lacking[first]}{others}",
            remedy="rate more clips, loosen the rules, or allow fewer",
        )
    return Selection(selected, left_out, lacking)


def _refused(clip: RatedClip, rules: Rules) -> str | None:
    if clip.target is None and clip.votes:
        return "no target: none was stated, and raters named two emotions as often"
    if clip.target is None or math.isnan(clip.hit_rate):
        return "no emotion named by anybody"
    if clip.hit_rate < rules.least_hit_rate:
        return f"a hit rate below {rules.least_hit_rate:.2f}, {clip.hit_rate:.2f}"
    if clip.seconds is not None and clip.seconds > rules.longest_s:
        return f"more than {rules.longest_s:g} s, {clip.seconds:.1f} s"
    if rules.valence_must_hold and clip.valence_holds is False:
        return f"a valence on the other side, {clip.valence:.2f}"
    if not math.isfinite(_value(clip, rules.score)):
        return f"no {rules.score}: too little was rated"
    return None


def _value(clip: RatedClip, score: Score) -> float:
    found = {
        "success": clip.success,
        "hit-rate": clip.hit_rate,
        "arousal": clip.arousal,
        "discreteness": clip.discreteness,
    }
    return found[score]


def _rank(clip: RatedClip, score: Score) -> tuple[object, ...]:
    best_first = (_value(clip, score), clip.hit_rate, clip.arousal, clip.discreteness)
    # To 9 digits: what differs by rounding alone is a tie.
    falling = tuple(-round(value, 9) if math.isfinite(value) else math.inf for value in best_first)
    return (*falling, math.inf if clip.seconds is None else clip.seconds, clip.name)


def _most_named(votes: Counter[str]) -> str | None:
    best = votes.most_common(2)
    if not best or (len(best) == 2 and best[0][1] == best[1][1]):
        return None
    return best[0][0]


def _mean_sd(values: FloatArray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    mean = float(known.mean()) if known.size else math.nan
    return mean, float(known.std(ddof=1)) if known.size > 1 else math.nan


def _discreteness(votes: Counter[str], n_words: int) -> float:
    total = sum(votes.values())
    if total == 0 or n_words < 2:
        return math.nan
    shares = np.array(list(votes.values())) / total
    return float(1 + (shares * np.log(shares)).sum() / math.log(n_words))


def _holds(target: str | None, valence: float) -> bool | None:
    sign = PLEASANT.get(THREE_CLASS_OF.get(target or "", ""))
    if sign is None or math.isnan(valence):
        return None
    return sign * (valence - _MIDDLE) > 0


def _z(values: Sequence[float]) -> FloatArray:
    found = np.array(values, dtype=np.float64)
    known = found[np.isfinite(found)]
    spread = float(known.std()) if known.size else math.nan
    if not spread > 0:
        return np.where(np.isfinite(found), 0.0, np.nan)  # nothing tells the clips apart
    return np.asarray((found - known.mean()) / spread)
