"""Paired comparisons between runs on the same samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import Json, ResultRecord
from mien.evaluation.score import LEVEL, METRICS, N_RESAMPLES
from mien.metrics.recognition import counts_by_group
from mien.stats.multiplicity import benjamini_hochberg
from mien.stats.paired import mcnemar, paired_permutation
from mien.stats.resampling import BootstrapInterval, subject_bootstrap

_N_PERMUTATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference first - second in UF1 and UAR with subject-level permutation p, and McNemar's p.

    `q_uf1` and `q_uar` are Benjamini-Hochberg values over all comparisons of one table, both metrics
    being one family. `low` and `high` bound the difference's 95 % interval over resampled subjects, each
    drawn with the answers of both; NaN where none can be had. The test, not the interval, gives p.
    """

    first: str
    second: str
    difference_uf1: float
    low_uf1: float
    high_uf1: float
    p_uf1: float
    q_uf1: float
    difference_uar: float
    low_uar: float
    high_uar: float
    p_uar: float
    q_uar: float
    p_mcnemar: float
    n_subjects: int


def compare_records(records: Sequence[ResultRecord], *, seed: int = 0) -> list[Comparison]:
    """All pairwise comparisons of runs on the same samples, in order.

    Raises
    ------
    DataError
        If two records do not hold the same samples with the same references.
    """
    raw = [(a, b, *_tests(a, b, seed)) for a, b in combinations(records, 2)]
    if not raw:
        return []
    q = benjamini_hochberg([p for _, _, uf1, uar, *_ in raw for p in (uf1.p_value, uar.p_value)])
    return [
        Comparison(
            first=_name(a),
            second=_name(b),
            difference_uf1=uf1.difference,
            low_uf1=about_uf1.low,
            high_uf1=about_uf1.high,
            p_uf1=uf1.p_value,
            q_uf1=float(q[2 * i]),
            difference_uar=uar.difference,
            low_uar=about_uar.low,
            high_uar=about_uar.high,
            p_uar=uar.p_value,
            q_uar=float(q[2 * i + 1]),
            p_mcnemar=p_mcnemar,
            n_subjects=uf1.n_subjects,
        )
        for i, (a, b, uf1, uar, about_uf1, about_uar, p_mcnemar) in enumerate(raw)
    ]


def on_common_samples(a: ResultRecord, b: ResultRecord) -> tuple[ResultRecord, ResultRecord]:
    """Both records with only the samples that both answer, in the first one's order.

    Raises DataError if there is none.
    """
    shared = set(a.samples["sample_id"]) & set(b.samples["sample_id"])
    if not shared:
        raise DataError(
            f"{_name(a)} and {_name(b)}", wanted="samples in common", got="none", remedy="compare others"
        )
    order = [one for one in a.samples["sample_id"] if one in shared]
    kept = []
    for record in (a, b):
        place = {one: row for row, one in enumerate(record.samples["sample_id"])}
        samples = {name: [column[place[one]] for one in order] for name, column in record.samples.items()}
        kept.append(replace(record, samples=samples))
    named = {word for one in kept for column in ("reference", "estimate") for word in one.samples[column]}
    every = dict.fromkeys([*a.dataset["classes"], *b.dataset["classes"]])  # type: ignore[misc]
    classes: list[Json] = [word for word in every if word in named]
    classes = classes if len(classes) > 1 else list(every)  # one class alone has no score
    first, second = (replace(one, dataset={**one.dataset, "classes": classes}) for one in kept)
    return first, second


def _tests(a: ResultRecord, b: ResultRecord, seed: int):  # type: ignore[no-untyped-def]
    if any(a.samples[c] != b.samples[c] for c in ("sample_id", "reference", "subject_id")):
        raise DataError(
            f"{_name(a)} and {_name(b)}",
            wanted="runs on the same samples",
            got=f"{a.dataset['name']} and {b.dataset['name']}",
            remedy="compare runs of one dataset",
        )
    classes = [str(c) for c in a.dataset["classes"]]  # type: ignore[union-attr]
    reference, subjects = a.samples["reference"], a.samples["subject_id"]
    counts = [counts_by_group(reference, r.samples["estimate"], subjects, classes=classes)[1] for r in (a, b)]
    uf1, uar = (
        paired_permutation(*counts, statistic=METRICS[m], n_permutations=_N_PERMUTATIONS, seed=seed)
        for m in ("uf1", "uar")
    )
    intervals = [_interval(counts[0], counts[1], METRICS[metric], seed) for metric in ("uf1", "uar")]
    right = [[r == e for r, e in zip(reference, x.samples["estimate"], strict=True)] for x in (a, b)]
    return uf1, uar, *intervals, mcnemar(right[0], right[1]).p_value


def _interval(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    metric: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    seed: int,
) -> BootstrapInterval:
    """The difference a - b over resampled subjects; counts of both have shape (n_subjects, k, k)."""

    def difference(pooled: NDArray[np.float64]) -> NDArray[np.float64]:
        return metric(pooled[:, 0]) - metric(pooled[:, 1])

    return subject_bootstrap(
        np.stack([a, b], axis=1), statistic=difference, n_resamples=N_RESAMPLES, level=LEVEL, seed=seed
    )


def _name(record: ResultRecord) -> str:
    return f"{record.method.get('label', record.method['name'])} ({record.protocol['name']})"
