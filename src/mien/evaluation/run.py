"""One run: a method on a task under a protocol and a split, planned as jobs, told as one record."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from mien import __version__
from mien.core.errors import OptionError
from mien.core.records import Artefact, Json, ResultRecord, to_json
from mien.evaluation.method import Method
from mien.evaluation.protocol import N_INNER_FOLDS, PROTOCOLS, read_stages, train_stages, trains_once
from mien.evaluation.score import score_samples
from mien.evaluation.split import Fold, grouped_k_fold, leave_one_dataset_out, leave_one_subject_out
from mien.evaluation.task import Task
from mien.jobs import Executor, Job, Output, Plan, Sequential, Store, run_plan, silent

FOLD_VERSION = 1
"""Raised whenever the evaluation of a fold may give other results; it is part of every job's address."""

SPLITS = ("leave-one-subject-out", "grouped-k-fold", "leave-one-dataset-out")


class Grouped(Protocol):
    """Samples, or recordings, of subjects of datasets."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subject of each."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """The dataset of each."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a method is evaluated; raises OptionError for an unknown protocol or split."""

    protocol: str = "fixed"
    split: str = "leave-one-subject-out"
    n_folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for what, name, known in (
            ("protocol", self.protocol, tuple(PROTOCOLS)),
            ("split", self.split, SPLITS),
        ):
            if name not in known:
                raise OptionError(
                    what, wanted=f"one of {', '.join(known)}", got=name, remedy="choose one of them"
                )
        if not 0 <= self.seed < 2**32:
            raise OptionError(
                "seed", wanted="a number from 0 to 4294967295", got=self.seed, remedy="choose another"
            )

    def folds(self, task: Grouped) -> Iterator[Fold]:
        """The folds of the task under this split."""
        if self.split == "grouped-k-fold":
            return grouped_k_fold(task.subjects, n_folds=self.n_folds, seed=self.seed)
        if self.split == "leave-one-dataset-out":
            return leave_one_dataset_out(task.subjects, task.datasets)
        return leave_one_subject_out(task.subjects)

    def describe_split(self) -> dict[str, Json]:
        """The split as it is written in records."""
        extra: dict[str, Json] = {"n_folds": self.n_folds} if self.split == "grouped-k-fold" else {}
        return {"name": self.split, **extra}


def plan_evaluation(task: Task, method: Method, settings: Settings) -> Plan:
    """One job per fold, each addressed by everything that can change its predictions.

    Protocols that read one training in different ways share its jobs.
    """
    once = trains_once(method, settings.protocol)
    shared: dict[str, Json] = {
        "function": "evaluation.fold",
        "function_version": FOLD_VERSION,
        "method": method.name,
        "method_version": method.version,
        "parameters": to_json(method.parameters),
        "libraries": to_json(method.library_versions()),
        "protocol": "one training" if once else settings.protocol,
        "inner_folds": N_INNER_FOLDS,
        "seed": settings.seed,
        "dataset": task.digest,
        "split": settings.describe_split(),
    }
    if settings.protocol != "fixed" and not once:
        shared["candidates"] = to_json(method.candidates)
    jobs = [
        Job(
            name=f"{method.name}, {settings.protocol}, {fold.name}",
            address={**shared, "fold": fold.name, "test": to_json(fold.test), "train": to_json(fold.train)},
            arguments={"fold": fold},
        )
        for fold in settings.folds(task)
    ]
    return Plan(evaluate_fold, (task, method, settings), jobs, preload=method.imports)


def evaluate_fold(context: tuple[Task, Method, Settings], *, fold: Fold) -> Output:
    """The scores (n_test, n_classes) of one fold's test samples under the protocol.

    Where the protocol reads one training, those after each of its epochs instead.
    """
    task, method, settings = context
    if trains_once(method, settings.protocol):
        return {"stages": train_stages(task, method, fold, settings.seed)}
    answer = PROTOCOLS[settings.protocol].answer(task, method, fold, settings.seed)
    return {"scores": answer.scores, "chosen": dict(answer.chosen)}


def evaluate_method(
    task: Task,
    method: Method,
    settings: Settings,
    *,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
    artefacts: tuple[Artefact, ...] = (),
) -> ResultRecord:
    """Evaluate a method on a task and return the whole result as one record.

    `artefacts` are pictures of the dataset that reports of this record may want to show.

    Folds that the store holds are not computed again; the record is the same on any executor.

    Raises
    ------
    MienError
        If a fold refuses its data or fails for good; finished folds stay in the store.
    """
    started = datetime.now(UTC)
    clock = time.perf_counter()
    plan = plan_evaluation(task, method, settings)
    cached = sum(store.wall_s(job.key) is not None for job in plan.jobs)
    outputs = run_plan(plan, store, executor=executor, progress=progress)
    samples = _pool(task, method, settings, plan, outputs)
    fold_times = [store.wall_s(job.key) or 0.0 for job in plan.jobs]
    return ResultRecord(
        task="recognition",
        method=_describe_method(method),
        protocol={
            "name": settings.protocol,
            "words": PROTOCOLS[settings.protocol].words,
            "leaks": PROTOCOLS[settings.protocol].leaks,
        },
        split=settings.describe_split(),
        seed=settings.seed,
        dataset=_describe_dataset(task),
        participants={name: task.consent.get(name) for name in task.subject_names},
        samples=samples,
        scores=score_samples(samples, classes=task.classes).as_json(),
        versions={"mien": __version__, **method.library_versions()},
        warnings=_warnings(task, plan),
        artefacts=artefacts,
        run=run_block(started, clock, fold_times, n_cached=cached, executor=executor),
    )


def run_block(
    started: datetime,
    clock: float,
    fold_times: Sequence[float],
    *,
    n_cached: int,
    executor: Executor | None,
) -> dict[str, Json]:
    """When a run was, how long it took, and on what: what is outside every identity.

    Parameters
    ----------
    clock
        `time.perf_counter()` at its start.
    fold_times
        Seconds of each fold (of members: of each member and fold), those kept from before among them.
    """
    return {
        "started": started.isoformat(timespec="seconds"),
        "wall_s": round(time.perf_counter() - clock, 3),
        "fold_wall_s": [round(t, 4) for t in fold_times],
        "n_folds": len(fold_times),
        "n_folds_cached": n_cached,
        "n_workers": getattr(executor or Sequential(), "n_workers", 1),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "n_cores": os.cpu_count(),
        },
        "python": platform.python_version(),
    }


def _pool(
    task: Task, method: Method, settings: Settings, plan: Plan, outputs: list[Output]
) -> dict[str, list[Json]]:
    """Predictions of all folds in the task's order of samples."""
    n = len(task)
    folds: list[Json] = [None] * n
    chosen: list[Json] = [None] * n
    scores = np.full((n, len(task.classes)), np.nan)
    for job, output in zip(plan.jobs, outputs, strict=True):
        fold: Fold = job.arguments["fold"]
        if "stages" in output:
            answer, choice = read_stages(
                task, method, fold, settings.protocol, np.asarray(output["stages"], dtype=np.float64)
            )
        else:
            answer, choice = np.asarray(output["scores"], dtype=np.float64), output["chosen"]  # type: ignore[assignment]
        scores[fold.test] = answer
        for row in fold.test:
            folds[row], chosen[row] = fold.name, to_json(choice)
    estimates = task.labels(scores.argmax(axis=1))
    return {
        "sample_id": list(task.sample_ids),
        "subject_id": list(task.subjects),
        "dataset": list(task.datasets),
        "fold": folds,
        "reference": list(task.labels(task.y)),
        "estimate": list(estimates),
        "scores": [to_json(row) for row in scores],
        "chosen": chosen,
    }


def _describe_method(method: Method) -> dict[str, Json]:
    return {
        "name": method.name,
        "version": method.version,
        "parameters": to_json(method.parameters),
        "candidates": to_json(method.candidates),
    }


def _describe_dataset(task: Task) -> dict[str, Json]:
    counts: dict[str, Any] = {name: int((task.y == code).sum()) for code, name in enumerate(task.classes)}
    return {
        "name": task.name,
        "digest": task.digest,
        "n_samples": len(task),
        "n_subjects": len(task.subject_names),
        "classes": list(task.classes),
        "datasets": list(task.dataset_names),
        "class_counts": counts,
        "input_shape": list(task.X.shape[1:]),
        "unmeasured": [to_json(asdict(one)) for one in task.unmeasured],
        **task.about,
    }


def _warnings(task: Task, plan: Plan) -> list[str]:
    found = []
    for job in plan.jobs:
        train = set(task.y[job.arguments["fold"].train].tolist())
        absent = [name for code, name in enumerate(task.classes) if code not in train]
        if absent:
            found.append(f"{job.arguments['fold'].name}: no training sample of {', '.join(absent)}")
    if task.unmeasured:
        found.append(
            f"{len(task.unmeasured)} of {len(task) + len(task.unmeasured)} expressions could not be measured "
            f"and have no answer; the first, {task.unmeasured[0].sample_id}: {task.unmeasured[0].reason}"
        )
    lost = sorted({one.reference for one in task.unmeasured} - set(task.classes))
    if lost:
        found.append(f"nothing of {', '.join(lost)} could be measured: these classes are not in the scores")
    unknown = sum(task.consent.get(name) is None for name in task.subject_names)
    if unknown:
        found.append(
            f"consent level not known for {unknown} of {len(task.subject_names)} participants: "
            "treated as the strictest"
        )
    return found
