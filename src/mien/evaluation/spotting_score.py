"""Scores of spotting with intervals and baselines, always derived from a record's rows.

Counts are pooled over all recordings, those without an expression too; duplicates are false positives.
Intervals resample subjects. Two baselines know nothing of faces: `random` puts the method's own proposals,
with their lengths, at random times of the same recordings (what chance gives whoever proposes as much);
`uniform` covers every recording with windows as long as the coded expressions are on average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.records import Json, ResultRecord
from mien.evaluation.score import LEVEL, N_RESAMPLES, Estimate
from mien.metrics import spotting
from mien.metrics.matching import MATCHING_RULES, one_to_one
from mien.metrics.spotting import Counts
from mien.stats.resampling import subject_bootstrap

KINDS = ("micro", "macro")
N_DRAWS = 200
_SEED = 20211021
_LEAST_S = 0.01  # of a window: offsets that stand for apexes have no length
_GAP_S = 1000.0  # between recordings laid end to end: nothing matches across

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KindScore:
    """The scores of one kind, or of both together.

    Parameters
    ----------
    counts, with_unsearched
        Pooled counts, and those with the references of recordings that could not be searched as missed.
    precision, recall, f1
        With 95 % intervals over resampled subjects.
    fp_per_minute
        Of all recordings.
    apex_error_ms
        Median distance of estimated from coded apexes over the matched pairs that have both; NaN: none.
    random, uniform
        F1 of the baselines; `random` with the middle 95 % of draws.
    p_random
        Share of draws, this result among them, in which random times give an F1 as high or higher.
    """

    counts: Counts
    with_unsearched: Counts
    precision: Estimate
    recall: Estimate
    f1: Estimate
    fp_per_minute: float
    n_apexes: int
    apex_error_ms: float
    random: Estimate
    uniform: float
    p_random: float
    by_subject: Mapping[str, Counts] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """Everything by name."""
        estimates = {name: asdict(getattr(self, name)) for name in ("precision", "recall", "f1", "random")}
        return {
            "counts": self.counts.as_json(),
            "with_unsearched": self.with_unsearched.as_json(),
            **estimates,
            "fp_per_minute": self.fp_per_minute,
            "n_apexes": self.n_apexes,
            "apex_error_ms": self.apex_error_ms,
            "uniform": self.uniform,
            "p_random": self.p_random,
            "by_subject": {name: one.as_json() for name, one in self.by_subject.items()},
        }


def score_spotting(record: ResultRecord) -> dict[str, KindScore]:
    """The scores of a record of spotting by kind, and `overall`, from its rows."""
    return score_rows(record.samples, record.dataset)


def score_rows(
    samples: Mapping[str, Sequence[Json]],
    dataset: Mapping[str, Json],
    *,
    left_out: NDArray[np.bool_] | None = None,
) -> dict[str, KindScore]:
    """Scores by kind and overall.

    Parameters
    ----------
    samples
        Columns `recording_id`, `subject_id`, `role` ("reference" or "estimate"), `kind`, `onset_s`,
        `apex_s`, `offset_s`.
    dataset
        `recordings`, each with name, subject_id, start_s and end_s, and `unsearched`.
    left_out
        Rows that do not count, shape (n,).
    """
    rows = _Rows.of(samples, dataset, left_out)
    draws = {kind: _at_random(rows, kind) for kind in KINDS}
    return {kind: _score(rows, (kind,), draws) for kind in KINDS} | {"overall": _score(rows, KINDS, draws)}


def p_of_random_times(
    samples: Mapping[str, Sequence[Json]], dataset: Mapping[str, Json], kind: str, *, n_draws: int = 5000
) -> float:
    """`p_random` of one kind by more draws, so that it can be corrected for many questions.

    NaN where nothing was coded and nothing proposed. Columns and `dataset` as in `score_rows`.
    """
    rows = _Rows.of(samples, dataset, None)
    draws = {one: _at_random(rows, one, n_draws if one == kind else 1) for one in KINDS}
    return _score(rows, (kind,), draws).p_random


def score_by_rule(samples: Mapping[str, Sequence[Json]]) -> dict[str, dict[str, Json]]:
    """Counts by kind under every matching rule of the field, by its name; the default is one-to-one.

    All ask for an IoU of .5 or more in seconds. They disagree about duplicates: see `metrics.matching`.
    """
    import pandas as pd

    columns = {"onset_s": "onset", "apex_s": "apex", "offset_s": "offset"}
    names = ("recording_id", "kind", "role", "score", *columns)
    table = pd.DataFrame({name: list(samples[name]) for name in names}).rename(columns=columns)
    sides = []
    for role in ("reference", "estimate"):
        side = table[table["role"] == role].astype(dict.fromkeys(columns.values(), "float64"))
        sides.append(side.drop(columns="score") if role == "reference" else side.astype({"score": "float64"}))
    found = {}
    for name, rule in MATCHING_RULES.items():
        score = spotting.evaluate(sides[0], sides[1], unit="s", matching=rule)
        found[name] = {kind: getattr(score, kind).as_json() for kind in (*KINDS, "overall")}
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """All rows with the recordings laid end to end, so that one matching serves all of them."""

    place: NDArray[np.int64]  # the number of each row's recording
    reference: NDArray[np.bool_]
    kind: NDArray[np.str_]
    times: FloatArray  # (n, 3): onset, apex, offset, shifted
    subjects: NDArray[np.str_]  # of each recording
    starts: FloatArray
    ends: FloatArray
    shifts: FloatArray
    unsearched: list[dict[str, Any]]

    @classmethod
    def of(
        cls,
        samples: Mapping[str, Sequence[Json]],
        dataset: Mapping[str, Json],
        left_out: NDArray[np.bool_] | None,
    ) -> _Rows:
        everything: Any = dataset["recordings"]
        listed = [one for one in everything if one.get("coded", True)]
        starts = np.array([one["start_s"] for one in listed], dtype=np.float64)
        ends = np.array([one["end_s"] for one in listed], dtype=np.float64)
        shifts = np.concatenate([[0.0], np.cumsum(ends - starts + _GAP_S)])[: len(listed)] - starts
        number = {one["name"]: i for i, one in enumerate(listed)}
        keep = np.array(samples["role"], dtype=np.str_) != "unscored"
        keep &= np.array([name in number for name in samples["recording_id"]], dtype=bool)
        if left_out is not None:
            keep &= ~left_out
        place = np.array([number.get(name, -1) for name in samples["recording_id"]], dtype=np.int64)[keep]
        columns = [
            np.array([np.nan if v is None else v for v in samples[name]], dtype=np.float64)[keep]
            for name in ("onset_s", "apex_s", "offset_s")
        ]
        unsearched: Any = dataset.get("unsearched", [])
        return cls(
            place=place,
            reference=np.array(samples["role"], dtype=np.str_)[keep] == "reference",
            kind=np.array(samples["kind"], dtype=np.str_)[keep],
            times=np.stack(columns, axis=1).reshape(-1, 3) + shifts[place][:, None],
            subjects=np.array([one["subject_id"] for one in listed], dtype=np.str_),
            starts=starts,
            ends=ends,
            shifts=shifts,
            unsearched=unsearched,
        )


def _score(rows: _Rows, kinds: tuple[str, ...], draws: Mapping[str, FloatArray]) -> KindScore:
    names = sorted(set(rows.subjects.tolist()))
    code = {name: i for i, name in enumerate(names)}
    of_place = np.array([code[name] for name in rows.subjects], dtype=np.int64)
    counts = np.zeros((len(names), 3))
    errors: list[FloatArray] = []
    for kind in kinds:
        ref, est = (_times(rows, kind, role) for role in (True, False))
        pairs = _pairs(ref[1], est[1])
        for column, (place, matched) in enumerate(((est[0], pairs[:, 1]), (est[0], None), (ref[0], None))):
            of_rows = place if matched is None else place[matched]
            counts[:, column] += np.bincount(of_place[of_rows], minlength=len(names))
        distance = np.abs(ref[1][pairs[:, 0], 1] - est[1][pairs[:, 1], 1])
        errors.append(distance[np.isfinite(distance)])
    counts[:, 1] -= counts[:, 0]
    counts[:, 2] -= counts[:, 0]
    pooled = Counts(*(int(n) for n in counts.sum(axis=0)))
    missed = sum(int(one["n_references"].get(kind, 0)) for one in rows.unsearched for kind in kinds)
    minutes = float((rows.ends - rows.starts).sum()) / 60
    apexes = np.concatenate(errors)
    random, p = _beside(pooled, np.sum([draws[kind] for kind in kinds], axis=0))
    return KindScore(
        counts=pooled,
        with_unsearched=pooled + Counts(fn=missed),
        **{name: _estimate(counts, name) for name in ("precision", "recall", "f1")},
        fp_per_minute=pooled.fp / minutes if minutes else float("nan"),
        n_apexes=len(apexes),
        apex_error_ms=1000 * float(np.median(apexes)) if len(apexes) else float("nan"),
        random=random,
        uniform=_uniform(rows, kinds).f1,
        p_random=p,
        by_subject={name: Counts(*(int(n) for n in row)) for name, row in zip(names, counts, strict=True)},
    )


def _times(rows: _Rows, kind: str, reference: bool) -> tuple[NDArray[np.int64], FloatArray]:
    mine = (rows.kind == kind) & (rows.reference == reference)
    return rows.place[mine], rows.times[mine]


def _pairs(reference: FloatArray, estimate: FloatArray) -> NDArray[np.int64]:
    return one_to_one(reference[:, [0, 2]], estimate[:, [0, 2]], threshold=0.5).pairs


def _estimate(counts: FloatArray, name: str) -> Estimate:
    def ratio(pooled: FloatArray) -> FloatArray:
        tp, fp, fn = np.moveaxis(pooled, -1, 0)
        top, below = {
            "precision": (tp, tp + fp),
            "recall": (tp, tp + fn),
            "f1": (2 * tp, 2 * tp + fp + fn),
        }[name]
        found: FloatArray = np.divide(top, below, out=np.full(np.shape(tp), np.nan), where=below > 0)
        return found

    if not len(counts):
        return Estimate(float("nan"), float("nan"), float("nan"))
    found = subject_bootstrap(counts, statistic=ratio, n_resamples=N_RESAMPLES, level=LEVEL, seed=_SEED)
    return Estimate(found.value, found.low, found.high)


def _at_random(rows: _Rows, kind: str, n_draws: int = N_DRAWS) -> FloatArray:
    """References found by the same proposals at random times, (n_draws,)."""
    rng = np.random.default_rng([_SEED, KINDS.index(kind)])
    tp = np.zeros(n_draws)
    (_, ref), (place, est) = _times(rows, kind, True), _times(rows, kind, False)
    if not len(ref) or not len(est):
        return tp
    whole = (rows.ends - rows.starts)[place]
    length = np.minimum(est[:, 2] - est[:, 0], whole)
    first = (rows.starts + rows.shifts)[place]
    for draw in range(n_draws):
        onset = first + rng.random(len(est)) * (whole - length)
        tp[draw] = len(_pairs(ref, np.stack([onset, onset, onset + length], axis=1)))
    return tp


def _beside(own: Counts, tp: FloatArray) -> tuple[Estimate, float]:
    """F1 of random draws, mean and middle; and the share of them that are as good as the method's own."""
    total = own.n_reference + own.n_estimate
    if not total:
        return Estimate(float("nan"), float("nan"), float("nan")), float("nan")
    f1 = 2 * tp / total
    low, high = np.quantile(f1, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    p = (1 + int((tp >= own.tp).sum())) / (1 + len(tp))
    return Estimate(float(f1.mean()), float(low), float(high)), p


def _uniform(rows: _Rows, kinds: tuple[str, ...]) -> Counts:
    """Windows of the coded expressions' mean length, end to end over every recording."""
    found = Counts()
    for kind in kinds:
        _, ref = _times(rows, kind, True)
        if not len(ref):
            continue
        length = float((ref[:, 2] - ref[:, 0]).mean())
        if length < _LEAST_S:
            return Counts()
        windows = []
        for start, end, shift in zip(rows.starts, rows.ends, rows.shifts, strict=True):
            onset = start + shift + np.arange(int((end - start) / length)) * length
            windows.append(np.stack([onset, onset, onset + length], axis=1))
        est = np.concatenate(windows)
        tp = len(_pairs(ref, est))
        found += Counts(tp, len(est) - tp, len(ref) - tp)
    return found
