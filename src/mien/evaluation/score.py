"""Scores with intervals and baselines, always derived from stored predictions.

Intervals resample subjects, not samples: the clips of one person are not independent. The baselines are
computed on the same samples: `majority` answers each fold with the most frequent class of its training
side, `chance` guesses every class with equal probability (mean and 95 % range over many guesses).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.core.records import Json, ResultRecord
from mien.metrics import recognition
from mien.stats.resampling import subject_bootstrap

N_RESAMPLES = 2000
LEVEL = 0.95
_N_GUESSES = 1000
_SEED = 20190519

METRICS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = MappingProxyType(
    {
        "accuracy": recognition.accuracy,
        "weighted_f1": recognition.weighted_f1,
        "uf1": recognition.uf1,
        "uar": recognition.uar,
    }
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; NaN bounds where no interval can be had."""

    value: float
    low: float
    high: float


Estimates = dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class RecordScores:
    """Everything that is derived from one run's predictions."""

    n_samples: int
    n_subjects: int
    scores: Estimates
    pooled: recognition.RecognitionScore
    per_dataset: dict[str, Estimates]
    per_subject_accuracy: dict[str, tuple[int, int]]
    baselines: dict[str, Estimates]

    def as_json(self) -> dict[str, Json]:
        """The scores as plain dictionaries."""
        return {
            "n_samples": self.n_samples,
            "n_subjects": self.n_subjects,
            "scores": {name: asdict(value) for name, value in self.scores.items()},
            "per_class": {name: asdict(value) for name, value in self.pooled.per_class.items()},
            "per_dataset": _as_json(self.per_dataset),
            "baselines": _as_json(self.baselines),
            "confusion": {
                "classes": list(self.pooled.classes),
                "counts": [list(r) for r in self.pooled.confusion],
            },
        }


def score_record(record: ResultRecord) -> RecordScores:
    """The scores of a record, computed from its predictions."""
    classes = record.dataset["classes"]
    assert isinstance(classes, list)
    return score_samples(record.samples, classes=[str(name) for name in classes])


def score_samples(samples: Mapping[str, Sequence[Json]], *, classes: Sequence[str]) -> RecordScores:
    """Scores of pooled predictions.

    Parameters
    ----------
    samples
        Columns of equal length: `reference`, `estimate`, `subject_id`, `dataset`, `fold`.
    classes
        Class names in order.
    """
    reference, estimate = samples["reference"], samples["estimate"]
    subjects, counts = recognition.counts_by_group(
        reference, estimate, samples["subject_id"], classes=classes
    )
    hits = {str(s): (int(np.trace(c)), int(c.sum())) for s, c in zip(subjects, counts, strict=True)}
    return RecordScores(
        n_samples=len(reference),
        n_subjects=len(subjects),
        scores=_estimates(counts),
        pooled=recognition.score_counts(counts.sum(axis=0), classes=classes),
        per_dataset=_per_dataset(samples, classes),
        per_subject_accuracy=hits,
        baselines={"majority": _majority(samples, classes), "chance": _chance(reference, classes)},
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation (n - 1) of a metric over folds; NaN deviation for a single fold."""

    mean: float
    sd: float
    n_folds: int


def fold_spread(samples: Mapping[str, Sequence[Json]], *, classes: Sequence[str]) -> dict[str, Spread]:
    """Each metric's mean and standard deviation over folds, as published tables print them.

    Not the pooled scores: every fold weighs the same, and its class averages are over the classes that occur
    in it. The paper does not say over what its deviations are taken.
    """
    _, counts = recognition.counts_by_group(
        samples["reference"], samples["estimate"], samples["fold"], classes=classes
    )
    f1, recall = recognition.class_f1(counts), recognition.class_recall(counts)
    of_folds = {
        "accuracy": recognition.accuracy(counts),
        "weighted_f1": recognition.weighted_f1(counts),
        "uf1": np.nanmean(f1, axis=-1),
        "uar": np.nanmean(recall, axis=-1),
    }
    return {
        name: Spread(
            float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan"), len(values)
        )
        for name, values in of_folds.items()
    }


def _estimates(counts: NDArray[np.int64]) -> Estimates:
    """All metrics of per-subject counts (n_subjects, C, C) with subject-bootstrap intervals."""
    results = {}
    for name, metric in METRICS.items():
        interval = subject_bootstrap(
            counts, statistic=metric, n_resamples=N_RESAMPLES, level=LEVEL, seed=_SEED
        )
        results[name] = Estimate(interval.value, interval.low, interval.high)
    return results


def _per_dataset(samples: Mapping[str, Sequence[Json]], classes: Sequence[str]) -> dict[str, Estimates]:
    results = {}
    for dataset in dict.fromkeys(samples["dataset"]):
        rows = [i for i, name in enumerate(samples["dataset"]) if name == dataset]
        part = {c: [samples[c][i] for i in rows] for c in ("reference", "estimate", "subject_id")}
        _, counts = recognition.counts_by_group(
            part["reference"], part["estimate"], part["subject_id"], classes=classes
        )
        results[str(dataset)] = _estimates(counts)
    return results


def _majority(samples: Mapping[str, Sequence[Json]], classes: Sequence[str]) -> Estimates:
    reference, folds = samples["reference"], samples["fold"]
    whole = Counter(reference)
    answers = {}
    for fold in dict.fromkeys(folds):
        inside = Counter(r for r, f in zip(reference, folds, strict=True) if f == fold)
        answers[fold] = max(classes, key=lambda label: whole[label] - inside[label])
    _, counts = recognition.counts_by_group(
        reference, [answers[f] for f in folds], samples["subject_id"], classes=classes
    )
    return _estimates(counts)


def _chance(reference: Sequence[Json], classes: Sequence[str]) -> Estimates:
    support = [sum(r == label for r in reference) for label in classes]
    rng = np.random.default_rng(_SEED)
    fair = np.full(len(classes), 1 / len(classes))
    guesses = np.stack([rng.multinomial(n, fair, size=_N_GUESSES) for n in support], axis=1)
    results = {}
    for name, metric in METRICS.items():
        values = metric(guesses.astype(np.float64))
        low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        results[name] = Estimate(float(values.mean()), float(low), float(high))
    return results


def _as_json(nested: Mapping[str, Estimates]) -> dict[str, Json]:
    return {name: {metric: asdict(e) for metric, e in values.items()} for name, values in nested.items()}
