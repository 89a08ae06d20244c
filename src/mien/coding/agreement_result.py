"""What is asked of a comparison of coders, and what it gives: frozen records with their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from mien.coding.agreement_drift import Drift
from mien.coding.agreement_intervals import Estimate
from mien.coding.agreement_labels import AllCoders
from mien.coding.agreement_matching import MatchedPair, MissedExpression
from mien.coding.agreement_missed import MissedRate
from mien.coding.agreement_times import MARKS, TimeDifference
from mien.coding.agreement_units import UnitAgreement
from mien.coding.coded_rows import CodedClip
from mien.core.errors import OptionError
from mien.core.records import Json, to_json
from mien.stats.arguments import upper_tail

Chosen = Literal["all", "micro", "macro"]


@dataclass(frozen=True, slots=True)
class AgreementSettings:
    """How coders are compared.

    Parameters
    ----------
    min_iou
        Least overlap of one expression, above 0 and at most 1; .3 is that of `core.same_expression`.
    kind
        Which expressions count: "all", "micro" or "macro".
    n_resamples, level, seed
        Draws of participants for intervals (0: none), their coverage, their seed.

    Raises
    ------
    OptionError
        If a value is impossible.
    """

    min_iou: float = 0.3
    kind: Chosen = "all"
    n_resamples: int = 2000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.min_iou <= 1:
            raise OptionError(
                "least IoU", wanted="above 0 and at most 1", got=self.min_iou, remedy="0.3 is the field's"
            )
        if self.kind not in get_args(Chosen):
            raise OptionError(
                "kind", wanted="micro, macro or all", got=repr(self.kind), remedy="choose one of them"
            )
        if self.n_resamples < 0:
            raise OptionError(
                "resamples", wanted="0 or more draws", got=self.n_resamples, remedy="2000 are usual"
            )
        upper_tail(self.level, subject="agreement")


@dataclass(frozen=True, slots=True, eq=False)
class PairAgreement:
    """Everything that two coders agree on; or all pairs of coders together, where there are more."""

    coders: tuple[str, ...]
    n_clips: int
    n_participants: int
    matched: tuple[MatchedPair, ...]
    missed_expressions: tuple[MissedExpression, ...]
    units: UnitAgreement
    sided_units: UnitAgreement
    emotion: Estimate
    kind: Estimate
    emotion_with_missed: Estimate
    kind_with_missed: Estimate
    times: Mapping[str, TimeDifference]
    missed: tuple[MissedRate, ...]
    drift: Drift

    @property
    def n_pairs(self) -> int:
        """Number of matched pairs of expressions."""
        return len(self.matched)

    def as_json(self) -> dict[str, Json]:
        """Every number; NaN is null. The expressions themselves are in `expression_rows`."""
        times: dict[str, Json] = {f"{mark}_ms": self.times[mark].as_json() for mark in MARKS}
        return {
            "coders": list(self.coders),
            "n_clips": self.n_clips,
            "n_participants": self.n_participants,
            "n_pairs": self.n_pairs,
            "au_r_micro": to_json(self.units.micro.value),
            "au_r_mean": to_json(self.units.mean.value),
            "au_r": self._coefficients(),
            "kappa": self._kappas(),
            **times,
            "missed": [one.as_json() for one in self.missed],
            "drift": self.drift.as_json(),
        }

    def _coefficients(self) -> dict[str, Json]:
        return {
            "micro": self.units.micro.as_json(),
            "mean": self.units.mean.as_json(),
            "micro_by_side": self.sided_units.micro.as_json(),
            "mean_by_side": self.sided_units.mean.as_json(),
            "n_both_empty": self.units.n_both_empty,
        }

    def _kappas(self) -> dict[str, Json]:
        return {
            **self.units.kappas.as_json(),
            "emotion": self.emotion.as_json(),
            "kind": self.kind.as_json(),
            "by_side": self.sided_units.kappas.as_json(),
            "with_missed": {
                **self.units.kappas_with_missed.as_json(),
                "emotion": self.emotion_with_missed.as_json(),
                "kind": self.kind_with_missed.as_json(),
            },
        }


@dataclass(frozen=True, slots=True)
class CoderCounts:
    """What one coder did; `repeated` rows have the times of another row of the coder in the same clip."""

    coder: str
    n_clips: int
    n_expressions: int
    n_micro: int
    n_macro: int
    n_repeated: int
    unused: Mapping[str, int]

    def as_json(self) -> dict[str, Json]:
        """The fields."""
        return {**asdict(self), "unused": dict(self.unused)}


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Agreement of all coders: each pair apart, all pairs pooled, and all coders at once.

    `apart` are pairs of coders without a common clip.
    """

    settings: AgreementSettings
    coders: tuple[CoderCounts, ...]
    clips: tuple[CodedClip, ...]
    pooled: PairAgreement
    pairs: tuple[PairAgreement, ...]
    all_coders: AllCoders
    apart: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Json]:
        """The pooled numbers at the top; `pairs` holds the same of each two coders."""
        shared = [clip for clip in self.clips if len(clip.coders) > 1]
        settings: dict[str, Json] = {**asdict(self.settings)}
        return {
            **self.pooled.as_json(),
            "coders": [one.as_json() for one in self.coders],
            "clips": {
                "n": len(self.clips),
                "n_shared": len(shared),
                "n_participants": len({clip.participant for clip in shared}),
            },
            "pairs": [one.as_json() for one in self.pairs],
            "pairs_without_common_clip": [list(pair) for pair in self.apart],
            "all_coders": self.all_coders.as_json(),
            "settings": settings,
        }
