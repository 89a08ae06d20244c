"""Members of a fusion: each learns from its own modality, and answers for training subjects out of fold.

What a fusion learns about its members (how far each may be trusted with each class) has to come from
samples that the member has not seen. Inside every fold the training subjects are therefore split again: the
member answers for each inner group after learning from the others, then learns from all of them for the test
subject. A sample without the modality has no answer: NaN, never a guess.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien import __version__
from mien.core.errors import DataError
from mien.core.records import Json, ResultRecord, to_json
from mien.core.time import FloatArray
from mien.evaluation.method import Method, class_scores, fit_recogniser
from mien.evaluation.run import Settings, run_block
from mien.evaluation.score import score_samples
from mien.evaluation.split import Fold, grouped_k_fold
from mien.evaluation.task import Task, Unmeasured
from mien.jobs import Executor, Job, Output, Plan, Store, run_plan, silent

MEMBER_VERSION = 1
"""Raised whenever a member's answers may become others; it is part of every job's address."""

N_INNER_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One modality with the method that reads it.

    Parameters
    ----------
    name
        The modality, as "eeg".
    method
        Its method.
    X
        (n_available, ...), input of the samples that have the modality.
    rows
        (n_available,), their numbers among the samples of the task, ascending.
    digest
        SHA-256 of X and rows.

    Raises
    ------
    DataError
        If there is not one row for each sample that is available, or none is.
    """

    name: str
    method: Method
    X: NDArray[Any]
    rows: NDArray[np.int64]
    digest: str

    def __post_init__(self) -> None:
        if len(self.X) != len(self.rows) or not len(self.rows):
            raise DataError(
                f"member {self.name}",
                wanted="one or more samples, each with its number",
                got=f"{len(self.X)} samples and {len(self.rows)} numbers",
                remedy="leave the modality out where nobody has it",
            )

    def has(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the task's samples it has, (n,)."""
        return np.isin(rows, self.rows)

    def inputs(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Its input of samples that it has."""
        return self.X[np.searchsorted(self.rows, rows)]


@dataclass(frozen=True, slots=True, eq=False)
class FoldAnswers:
    """What all members say in one fold.

    Parameters
    ----------
    fold
        Rows of the task on both sides.
    out_of_fold
        (n_members, n_train, n_classes): of the training samples, by members that had not seen the subject.
    test
        (n_members, n_test, n_classes). Rows are NaN where a member has no answer.
    refused
        Member -> why it has none in this fold.
    """

    fold: Fold
    out_of_fold: FloatArray
    test: FloatArray
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class MemberAnswers:
    """The answers of all members in all folds, with the times of the run (outside every identity)."""

    task: Task
    members: tuple[Member, ...]
    settings: Settings
    folds: tuple[FoldAnswers, ...]
    run: Mapping[str, Json]

    @property
    def test(self) -> FloatArray:
        """Every sample's scores while its subject was the test subject, (n_members, n, n_classes)."""
        shape = (len(self.members), len(self.task), len(self.task.classes))
        whole = np.full(shape, np.nan)
        for answers in self.folds:
            whole[:, answers.fold.test] = answers.test
        return whole

    @property
    def fold_of(self) -> list[str]:
        """The name of the fold in which each sample was tested."""
        names = [""] * len(self.task)
        for answers in self.folds:
            for row in answers.fold.test:
                names[row] = answers.fold.name
        return names


def plan_members(task: Task, members: Sequence[Member], settings: Settings) -> Plan:
    """One job per member and fold, each addressed by everything that can change its answers."""
    jobs = [
        Job(
            name=f"{member.name} ({member.method.name}), {fold.name}",
            address={
                "function": "evaluation.member",
                "function_version": MEMBER_VERSION,
                "method": member.method.name,
                "method_version": member.method.version,
                "parameters": to_json(member.method.parameters),
                "libraries": to_json(member.method.library_versions()),
                "inner_folds": N_INNER_FOLDS,
                "seed": settings.seed,
                "dataset": task.digest,
                "member": member.name,
                "input": member.digest,
                "split": settings.describe_split(),
                "fold": fold.name,
                "test": to_json(fold.test),
                "train": to_json(fold.train),
            },
            arguments={"member": number, "fold": fold},
        )
        for number, member in enumerate(members)
        for fold in settings.folds(task)
    ]
    modules = tuple(dict.fromkeys(name for member in members for name in member.method.imports))
    return Plan(answer_fold, (task, tuple(members), settings.seed), jobs, preload=modules)


def answer_fold(context: tuple[Task, tuple[Member, ...], int], *, member: int, fold: Fold) -> Output:
    """One member's scores in one fold: `out_of_fold` (n_train, n_classes) and `test` (n_test, n_classes)."""
    task, members, seed = context
    one = members[member]
    n_classes = len(task.classes)
    outer = np.full((len(fold.test), n_classes), np.nan)
    inner = np.full((len(fold.train), n_classes), np.nan)
    subjects = np.array(task.subjects)
    own = fold.train[one.has(fold.train)]
    if not can_learn(task, own):
        got = f"{len(own)} training samples of {len(np.unique(subjects[own]))} subjects"
        got += f" and {len(np.unique(task.y[own]))} classes"
        return {"out_of_fold": inner, "test": outer, "refused": f"two of each are needed: {got}"}
    asked = one.has(fold.test)
    if asked.any():
        outer[asked] = _scores(task, one, own, fold.test[asked], seed)
    places = np.searchsorted(fold.train, own)
    n_folds = min(N_INNER_FOLDS, len(np.unique(subjects[own])))
    for part in grouped_k_fold(subjects[own].tolist(), n_folds=n_folds, seed=seed):
        if len(np.unique(task.y[own[part.train]])) > 1:  # else it cannot be asked about this group
            inner[places[part.test]] = _scores(task, one, own[part.train], own[part.test], seed)
    return {"out_of_fold": inner, "test": outer, "refused": None}


def can_learn(task: Task, rows: NDArray[np.int64]) -> bool:
    """Whether samples are of two subjects and two classes at least: else nobody can be asked out of fold."""
    return len(np.unique(task.y[rows])) > 1 and len({task.subjects[row] for row in rows}) > 1


def _scores(
    task: Task, member: Member, train: NDArray[np.int64], test: NDArray[np.int64], seed: int
) -> FloatArray:
    shared = set(np.array(task.subjects)[train]) & set(np.array(task.subjects)[test])
    assert not shared, f"subjects on both sides: {sorted(shared)}"
    recogniser = member.method.build(seed=seed, **member.method.parameters)
    groups = np.array([task.subjects[row] for row in train])
    fit_recogniser(recogniser, member.inputs(train), task.y[train], groups)
    return class_scores(recogniser, member.inputs(test), n_classes=len(task.classes))


def answer_members(
    task: Task,
    members: Sequence[Member],
    settings: Settings,
    *,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> MemberAnswers:
    """The answers of every member in every fold; what the store holds is not computed again.

    Raises
    ------
    MienError
        If a member refuses its input; finished folds stay in the store.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    plan = plan_members(task, members, settings)
    cached = sum(store.wall_s(job.key) is not None for job in plan.jobs)
    outputs = run_plan(plan, store, executor=executor, progress=progress)
    folds = list(settings.folds(task))
    by_place = {
        (job.arguments["member"], job.arguments["fold"].name): output
        for job, output in zip(plan.jobs, outputs, strict=True)
    }
    found = []
    for fold in folds:
        own = [by_place[number, fold.name] for number in range(len(members))]
        found.append(
            FoldAnswers(
                fold,
                np.stack([np.asarray(one["out_of_fold"], dtype=np.float64) for one in own]),
                np.stack([np.asarray(one["test"], dtype=np.float64) for one in own]),
                {
                    member.name: str(one["refused"])
                    for member, one in zip(members, own, strict=True)
                    if one["refused"] is not None
                },
            )
        )
    times = [store.wall_s(job.key) or 0.0 for job in plan.jobs]
    run = run_block(started, clock, times, n_cached=cached, executor=executor)
    return MemberAnswers(task, tuple(members), settings, tuple(found), run)


def record_answers(
    answers: MemberAnswers,
    scores: FloatArray,
    estimate: NDArray[np.int64],
    *,
    method: Mapping[str, Json],
    versions: Mapping[str, str],
    protocol: Mapping[str, Json],
    why_missing: Mapping[str, str],
    chosen: Sequence[Json] | None = None,
    warnings: Sequence[str] = (),
) -> ResultRecord:
    """The record of one way of answering: a member's own answers, or a fusion of several.

    Parameters
    ----------
    scores, estimate
        (n, n_classes) and (n,) of all samples of the task; estimate -1 where there is no answer.
    method, versions, protocol
        As in `ResultRecord`.
    why_missing
        Sample -> why it has no answer.
    chosen
        What to say of each sample beside its answer.
    """
    task = answers.task
    rows = np.flatnonzero(estimate >= 0)
    folds = answers.fold_of
    named = [task.classes[code] for code in estimate[rows]]
    reference = task.labels(task.y[rows])
    classes = [name for name in task.classes if name in {*named, *reference}]
    classes = classes if len(classes) > 1 else list(task.classes)  # one class alone has no score
    places = [task.classes.index(name) for name in classes]
    samples: dict[str, list[Json]] = {
        "sample_id": [task.sample_ids[row] for row in rows],
        "subject_id": [task.subjects[row] for row in rows],
        "dataset": [task.datasets[row] for row in rows],
        "fold": [folds[row] for row in rows],
        "reference": list(reference),
        "estimate": list(named),
        "scores": [to_json(scores[row, places]) for row in rows],
        "chosen": [{} if chosen is None else chosen[int(row)] for row in rows],
    }
    lost = [
        Unmeasured(
            task.sample_ids[row],
            task.subjects[row],
            task.classes[task.y[row]],
            why_missing.get(task.sample_ids[row], "no member has an answer"),
        )
        for row in np.flatnonzero(estimate < 0)
    ]
    unmeasured = (*task.unmeasured, *lost)
    told = list(warnings)
    people = dict.fromkeys([*task.subject_names, *(one.subject_id for one in unmeasured)])
    unknown = sum(task.consent.get(name) is None for name in people)
    if unknown:
        told.append(
            f"consent level not known for {unknown} of {len(people)} participants: treated as the strictest"
        )
    if unmeasured:
        told.append(
            f"{len(unmeasured)} of {len(rows) + len(unmeasured)} expressions have no answer; the first, "
            f"{unmeasured[0].sample_id}: {unmeasured[0].reason}"
        )
    return ResultRecord(
        task="recognition",
        method=dict(method),
        protocol=dict(protocol),
        split=answers.settings.describe_split(),
        seed=answers.settings.seed,
        dataset={
            "name": task.name,
            "digest": task.digest,
            "n_samples": len(rows),
            "n_subjects": len({task.subjects[row] for row in rows}),
            "classes": list(classes),
            "datasets": list(task.dataset_names),
            "class_counts": {name: reference.count(name) for name in classes},
            "input_shape": [],
            "unmeasured": [to_json(asdict(one)) for one in unmeasured],
            **task.about,
        },
        participants={name: task.consent.get(name) for name in people},
        samples=samples,
        scores=score_samples(samples, classes=classes).as_json() if len(rows) else {},
        versions={"mien": __version__, **versions},
        warnings=told,
        run=dict(answers.run),
    )
