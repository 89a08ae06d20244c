"""What `mien fuse` finds: rows of records, what fusing brought, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.records import Json, ResultRecord, to_json
from mien.core.time import FloatArray
from mien.evaluation import Comparison, Task, compare_records, score_record
from mien.evaluation.chance import chance_test, unanswered_as_wrong
from mien.evaluation.compare import on_common_samples
from mien.evaluation.score import fold_spread
from mien.metrics.recognition import class_recall, counts_by_group
from mien.stats.resampling import BootstrapInterval, subject_bootstrap

Weights = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Fold -> member -> class -> weight."""

_SEED = 20190519


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of the tables: a member, or a fusion of some."""

    name: str
    record: ResultRecord
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """All that one request found.

    Parameters
    ----------
    task
        Every expression of the classes.
    coverage, sessions
        Of each modality, how many samples have it and why others do not; and of each session what was done
        to measure it.
    members
        One row per modality, in the order asked for.
    peripheral
        The five SVMs (or as many as there are) fused by the same rule; None with fewer than two.
    fused
        All members, by the rule and weight asked for.
    others
        Every other rule and weight from the same answers; last, "test-weighted": the leak.
    weights
        Fold -> member -> class -> weight.
    gain
        Class -> recall of the fusion less that of the best member.
    """

    task: Task
    coverage: Mapping[str, Json]
    sessions: Mapping[str, Json]
    members: tuple[Row, ...]
    peripheral: Row | None
    fused: Row
    others: tuple[Row, ...]
    weights: Weights
    ties: Mapping[str, int]
    best: str
    comparison: Comparison | None
    n_compared: int
    gain: Mapping[str, BootstrapInterval]

    def as_json(self) -> Json:
        """Keys members, peripheral, fused, others, weights, coverage, paired_test, gain, ties, record."""
        return to_json(
            {
                "members": [_told(row) for row in self.members],
                "peripheral": _told(self.peripheral) if self.peripheral else None,
                "fused": _told(self.fused),
                "others": [_told(row) for row in self.others],
                "weights": self.weights,
                "coverage": self.coverage,
                "paired_test": {
                    "best_member": self.best,
                    "chosen": "by UF1 on the test subjects, which favours the member",
                    "n_samples": self.n_compared,
                    **(asdict(self.comparison) if self.comparison else {}),
                },
                "gain_per_class": {name: asdict(one) for name, one in self.gain.items()},
                "ties": self.ties,
                "sessions": self.sessions,
                "warnings": list(self.fused.record.warnings),
                "record": str(self.fused.path),
            }
        )


def against_best(
    fused: Row, members: Sequence[Row], *, seed: int
) -> tuple[str, Comparison | None, int, dict[str, BootstrapInterval]]:
    """The member with the best UF1 on the test subjects, and the fusion tested against it.

    Choosing it by the scores themselves favours the member; expressions that a member cannot answer count as
    missed, so that few answers make no good member. One member alone has nothing to be compared with.
    """
    best = max(members, key=_uf1)
    if len(members) < 2 or not fused.record.samples["sample_id"]:
        return best.name, None, 0, {}
    pair = on_common_samples(fused.record, best.record)
    found = replace(compare_records(pair, seed=seed)[0], first=fused.name, second=best.name)
    return best.name, found, len(pair[0].samples["sample_id"]), class_gain(*pair)


def class_gain(fused: ResultRecord, member: ResultRecord) -> dict[str, BootstrapInterval]:
    """Recall of each class by the first record less by the second, with 95 % intervals over subjects."""
    classes = [str(name) for name in fused.dataset["classes"]]  # type: ignore[union-attr]
    of_both = [
        counts_by_group(
            one.samples["reference"], one.samples["estimate"], one.samples["subject_id"], classes=classes
        )[1]
        for one in (fused, member)
    ]
    counts = np.stack(of_both, axis=1)

    def statistic(place: int) -> Any:
        def value(pooled: FloatArray) -> FloatArray:
            recalls = class_recall(pooled)
            return np.asarray(recalls[:, 0, place] - recalls[:, 1, place])

        return value

    return {
        name: subject_bootstrap(counts, statistic=statistic(place), seed=_SEED)
        for place, name in enumerate(classes)
    }


def _uf1(row: Row) -> float:
    if not row.record.samples["sample_id"]:
        return -1.0
    missed = unanswered_as_wrong(row.record)
    return score_record(row.record).scores["uf1"].value if missed is None else missed["uf1"]


def _told(row: Row) -> dict[str, Json]:
    record = row.record
    told: dict[str, Json] = {
        "name": row.name,
        "method": record.method["name"],
        "label": record.method.get("label", record.method["name"]),
        "parameters": record.method["parameters"],
        "protocol": record.protocol["name"],
        "leaks": record.protocol["leaks"],
        "n_unmeasured": len(record.dataset["unmeasured"]),  # type: ignore[arg-type]
        "record": str(row.path),
    }
    if not record.samples["sample_id"]:
        return told
    classes = [str(name) for name in record.dataset["classes"]]  # type: ignore[union-attr]
    return {
        **told,
        **score_record(record).as_json(),
        "over_folds": to_json(
            {k: asdict(v) for k, v in fold_spread(record.samples, classes=classes).items()}
        ),
        "p_chance": to_json(chance_test(record.samples, classes=classes)),
        "scores_if_unmeasured_are_missed": to_json(unanswered_as_wrong(record)),
    }
