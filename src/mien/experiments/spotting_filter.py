"""What the heart-rate filter (CCF) does to a run of spotting, beside what else would do the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.records import Json, ResultRecord, to_json
from mien.core.time import FloatArray
from mien.evaluation.spotting_score import KINDS, KindScore, score_rows
from mien.experiments.spotting_hearts import VideoHeart
from mien.metrics.matching import one_to_one
from mien.spotting.filter_controls import Candidates, Instants, Replicates, replicates
from mien.spotting.filter_report import FilterReport, report_filter
from mien.spotting.heart_rate_filter import (
    FAIL,
    UNDECIDABLE,
    FilterSettings,
    Verdicts,
    filter_candidates,
    random_instants,
    shifted_verdicts,
)
from mien.spotting.soft_filter import SoftFilter, soft_filter
from mien.spotting.trial_heart import HeartTrial

_WORDS = {1: "pass", 0: "fail", -1: "undecidable"}
_N_SHIFTS = 1000
_SEED = 20211021


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """A record whose proposals have verdicts, the scores without and with the filter, and its report."""

    record: ResultRecord
    before: Mapping[str, KindScore]
    after: Mapping[str, KindScore]
    reports: Mapping[str, FilterReport]
    other_trials: Mapping[str, Replicates | None]
    soft: Mapping[str, SoftFilter | None]

    def as_json(self, kind: str) -> dict[str, Json]:
        """The filter's part of a result, for one kind."""
        soft, other = self.soft[kind], self.other_trials[kind]
        return {
            **self.reports[kind].as_json(),
            "scores_after": self.after[kind].as_json(),
            "other_trials": None if other is None else to_json(asdict(other)),
            "soft": None
            if soft is None
            else {
                "before": soft.before.as_json(),
                "score_only": soft.score_only.as_json(),
                "with_heart": soft.with_heart.as_json(),
                "weight": soft.weight,
            },
        }


def filter_run(
    record: ResultRecord,
    before: Mapping[str, KindScore],
    hearts: Mapping[str, VideoHeart],
    settings: FilterSettings,
) -> Filtered:
    """Judge every proposal of a record by the heart of its recording.

    Only proposals' own apexes decide; coded ones are judged too, to describe. Both kinds are reported apart.

    Parameters
    ----------
    before
        The record's scores.
    hearts
        By recording, all of the record's.
    """
    samples = record.samples
    rows = np.arange(len(samples["role"]))
    role = np.array(samples["role"], dtype=np.str_)
    names = np.array(samples["recording_id"], dtype=np.str_)
    apexes = _apexes(samples)
    at = np.array([hearts[name].at(apex) for name, apex in zip(names, apexes, strict=True)], dtype=float)
    trials = {name: one.trial for name, one in hearts.items()}
    verdicts = filter_candidates(names.tolist(), at, trials, settings)
    failed = (role == "estimate") & (verdicts.code == FAIL)
    after = score_rows(samples, record.dataset, left_out=failed)
    reports, others, softs = {}, {}, {}
    for kind in (*KINDS, "overall"):
        kinds = KINDS if kind == "overall" else (kind,)
        chosen = rows[np.isin(np.array(samples["kind"], dtype=np.str_), kinds)]
        est, ref = (chosen[role[chosen] == what] for what in ("estimate", "reference"))
        candidates, references = _candidates(samples, verdicts, est, ref)
        reports[kind] = _report(candidates, references, trials, names[est], at[est], record, settings)
        others[kind] = _other_trials(candidates, references, trials, names[est], at[est], record, settings)
        softs[kind] = _soft(candidates, references, verdicts, est, names, trials, settings)
    told = replace(
        record,
        samples={
            **samples,
            "verdict": [
                _WORDS[int(c)] if r != "unscored" else None for c, r in zip(verdicts.code, role, strict=True)
            ],
            "slope_bpm_s": to_json(verdicts.slope_bpm_s),  # type: ignore[dict-item]
            "threshold_bpm_s": to_json(verdicts.threshold_bpm_s),  # type: ignore[dict-item]
            "undecidable": verdicts.reason.tolist(),
        },
    )
    found = Filtered(told, before, after, reports, others, softs)
    ccf = {kind: found.as_json(kind) for kind in (*KINDS, "overall")}
    return replace(found, record=replace(told, scores={**told.scores, "ccf": to_json(ccf)}))


def _apexes(samples: Mapping[str, list[Json]]) -> FloatArray:
    """The apex of every row, else the middle of onset and offset, else the onset; seconds of its video."""
    columns: list[FloatArray] = [
        np.array([np.nan if v is None else v for v in samples[name]], dtype=np.float64)
        for name in ("onset_s", "apex_s", "offset_s")
    ]
    middle = np.where(np.isnan(columns[2]), columns[0], (columns[0] + columns[2]) / 2)
    return np.where(np.isnan(columns[1]), middle, columns[1])


def _candidates(
    samples: Mapping[str, list[Json]],
    verdicts: Verdicts,
    est: NDArray[np.int64],
    ref: NDArray[np.int64],
) -> tuple[Candidates, Instants]:
    """Proposals with the references they hit, matched within recordings and kinds.

    A duplicate hits the reference that it overlaps by half as well: it finds it should the other one go.
    """
    hits = np.full(len(est), -1, dtype=np.int64)
    key = [f"{a} {b}" for a, b in zip(samples["recording_id"], samples["kind"], strict=True)]
    places: dict[str, tuple[list[int], list[int]]] = {}
    for side, chosen in enumerate((ref, est)):
        for number, row in enumerate(chosen.tolist()):
            places.setdefault(key[row], ([], []))[side].append(number)

    def times(chosen: NDArray[np.int64], numbers: list[int]) -> NDArray[np.float64]:
        at: list[Any] = [(samples["onset_s"][chosen[i]], samples["offset_s"][chosen[i]]) for i in numbers]
        return np.array(at, dtype=np.float64).reshape(len(numbers), 2)

    for in_ref, in_est in places.values():
        sides = times(ref, in_ref), times(est, in_est)
        for i, j in best_references(*sides):
            hits[in_est[j]] = in_ref[i]
        for i, j in one_to_one(*sides, threshold=0.5).pairs:
            hits[in_est[j]] = in_ref[i]
    subject = np.array(samples["subject_id"], dtype=np.str_)
    score: Any = [samples["score"][row] for row in est]
    found = Candidates(
        subject[est], reference=hits, code=verdicts.code[est], score=np.array(score, dtype=np.float64)
    )
    return found, Instants(subject[ref], verdicts.code[ref])


def _report(
    candidates: Candidates,
    references: Instants,
    trials: Mapping[str, HeartTrial],
    names: NDArray[np.str_],
    at: FloatArray,
    record: ResultRecord,
    settings: FilterSettings,
) -> FilterReport:
    listed: Any = record.dataset["recordings"]
    owner = {one["name"]: one["subject_id"] for one in listed}
    ids, instants = random_instants(trials, seed=_SEED)
    random = filter_candidates(ids, instants, trials, settings)
    shifted = (
        shifted_verdicts(names.tolist(), at, trials, settings, n_shifts=_N_SHIFTS, seed=_SEED)
        if len(names)
        else None
    )
    return report_filter(
        candidates,
        references,
        settings,
        random=Instants([owner[name] for name in ids], random.code),
        shifted=shifted,
        seed=_SEED,
    )


def _other_trials(
    candidates: Candidates,
    references: Instants,
    trials: Mapping[str, HeartTrial],
    names: NDArray[np.str_],
    at: FloatArray,
    record: ResultRecord,
    settings: FilterSettings,
) -> Replicates | None:
    """The filter with the heart of another trial of the same person, at the same time after its beginning.

    Where there is no other trial, or it ended before, the real verdict stands.
    """
    listed: Any = record.dataset["recordings"]
    of_person: dict[str, list[str]] = {}
    for one in listed:
        of_person.setdefault(one["subject_id"], []).append(one["name"])
    most = max((len(own) for own in of_person.values()), default=0)
    if most < 2 or not len(names):
        return None
    place = {name: (own, i) for own in of_person.values() for i, name in enumerate(own)}
    tables = []
    for step in range(1, most):
        moved_names, moved_at = [], []
        for name, moment in zip(names, at, strict=True):
            own, i = place[str(name)]
            other = own[(i + step) % len(own)]
            since = moment - trials[str(name)].span.start_s
            moved_names.append(other)
            moved_at.append(trials[other].span.start_s + since)
        code = filter_candidates(moved_names, np.array(moved_at), trials, settings).code
        lost = (code == UNDECIDABLE) | np.array([len(place[str(name)][0]) < 2 for name in names])
        tables.append(np.where(lost, candidates.code, code).astype(np.int8))
    return replicates(candidates, np.stack(tables), len(references.code))


def _soft(
    candidates: Candidates,
    references: Instants,
    verdicts: Verdicts,
    est: NDArray[np.int64],
    names: NDArray[np.str_],
    trials: Mapping[str, HeartTrial],
    settings: FilterSettings,
) -> SoftFilter | None:
    """The recommended form; None where there are too few people or scores that cannot be compared."""
    if candidates.score is None or not len(est) or (candidates.score <= 0).any():
        return None
    if len(set(candidates.subject.tolist())) < 3:
        return None
    z = np.full(len(est), np.nan)
    for number, row in enumerate(est):
        trial = trials[str(names[row])]
        if trial.heart.slope is not None:
            slope = trial.heart.slope
            times = slope.start_s + np.arange(len(slope.values)) / slope.rate_hz
            size = np.abs(slope.values[(times >= trial.span.start_s) & (times < trial.span.end_s)])
            known = size[np.isfinite(size)]
            if len(known) > 1 and known.std() > 0:
                z[number] = (abs(verdicts.slope_bpm_s[row]) - known.mean()) / known.std()
    if not np.isfinite(z).any():
        return None
    return soft_filter(candidates, references, z)


def best_references(reference: FloatArray, estimate: FloatArray) -> list[tuple[int, int]]:
    """For every estimate that overlaps a reference by an IoU of .5 or more, the one it overlaps most."""
    found = []
    for j, (onset, offset) in enumerate(estimate):
        shared = np.minimum(reference[:, 1], offset) - np.maximum(reference[:, 0], onset)
        union = np.maximum(reference[:, 1], offset) - np.minimum(reference[:, 0], onset)
        iou = np.divide(shared, union, out=np.zeros(len(reference)), where=union > 0)
        if len(iou) and iou.max() >= 0.5:
            found.append((int(iou.argmax()), j))
    return found
