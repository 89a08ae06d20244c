"""What the checks of conformance stand on: a method, samples, and answers that are asked for only once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from pickle import PicklingError
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import JobError, MienError
from mien.core.records import Json, ResultRecord, canonical_json, to_json
from mien.evaluation.conformance_samples import sample_task
from mien.evaluation.method import FloatArray, Method, class_scores, fit_recogniser
from mien.evaluation.run import Settings, evaluate_method
from mien.evaluation.task import Task
from mien.jobs import Output, Plan, ProcessPool, Store, run_plan

N_FOLDS = 4
ROUNDING = 1e-5
"""Sums of float32 in another order are this far apart at most."""


class AmissError(Exception):
    """What a check found: what was wanted, what came, and what to do."""

    def __init__(self, *, wanted: str, got: object, remedy: str) -> None:
        self.wanted, self.got, self.remedy = wanted, str(got), remedy
        super().__init__(f"wanted {wanted}, got {got}; {remedy}.")


class NotOfferedError(Exception):
    """The method does not offer what a check is about, and need not; or the reason that is given."""


@dataclass(frozen=True)
class Bench:
    """A method and the samples of `task`: the last quarter of the subjects is test, the others training."""

    method: Method
    task: Task
    seed: int = 0
    own_task: bool = False
    told: Any = field(init=False)
    """The parameters as JSON, from before anything was built."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", as_told(self.method.parameters))

    @cached_property
    def train(self) -> NDArray[np.int64]:
        """Rows of training subjects."""
        return np.setdiff1d(np.arange(len(self.task)), self.test)

    @cached_property
    def test(self) -> NDArray[np.int64]:
        """Rows of test subjects."""
        names = self.task.subject_names
        held = set(names[-max(1, len(names) // 4) :])
        return np.flatnonzero([one in held for one in self.task.subjects])

    def build(self, changes: Mapping[str, Any] | None = None) -> Any:
        """A fresh recogniser."""
        return self.method.build(seed=self.seed, **self.method.with_parameters(changes or {}))

    def samples(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """A copy of some samples, so that nobody can spoil them for the next check."""
        return self.task.X[rows].copy()

    def fitted(self, rows: NDArray[np.int64], recogniser: Any = None) -> Any:
        """A recogniser, fresh if none is given, fitted to some samples."""
        one = self.build() if recogniser is None else recogniser
        fit_recogniser(one, self.samples(rows), self.task.y[rows].copy(), self.groups(rows))
        return one

    def groups(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The subjects of some samples."""
        return np.array([self.task.subjects[row] for row in rows])

    def ask(self, recogniser: Any, rows: NDArray[np.int64]) -> FloatArray:
        """What a fitted recogniser says of samples, over all classes of the task, (n, n_classes)."""
        return class_scores(recogniser, self.samples(rows), n_classes=len(self.task.classes))

    @cached_property
    def first(self) -> Any:
        """The recogniser that has learned from the training rows and never answered before."""
        return self.fitted(self.train)

    @cached_property
    def answers(self) -> FloatArray:
        """Its first answers to the test rows."""
        return self.ask(self.first, self.test)

    def evaluated(self, task: Task) -> ResultRecord:
        """The record of the method on a task, by four folds of subjects, nothing kept."""
        settings = Settings("fixed", "grouped-k-fold", N_FOLDS, self.seed)
        with TemporaryDirectory() as folder:
            return evaluate_method(task, self.method, settings, store=Store(Path(folder)))

    @cached_property
    def record(self) -> ResultRecord:
        """The record on the task as it is."""
        return self.evaluated(self.task)

    def shuffled(self) -> Task:
        """Samples that no check has shown yet, where they can be made, with labels dealt out at random."""
        task = self.task if self.own_task else sample_task(self.method.needs, seed=self.seed + 1)
        y = np.random.default_rng([self.seed, 11]).permutation(task.y)
        named = {name: getattr(task, name) for name in task.__dataclass_fields__}
        return Task(**{**named, "y": y, "digest": f"{task.digest} shuffled"})


def raw(recogniser: Any, X: Any) -> Any:
    """Its own probabilities, or its own classes where it has no others."""
    return recogniser.predict_proba(X) if hasattr(recogniser, "predict_proba") else recogniser.predict(X)


def n_right(record: ResultRecord) -> tuple[int, int]:
    """Right answers and samples of a record."""
    pairs = list(zip(record.samples["reference"], record.samples["estimate"], strict=True))
    return sum(a == b for a, b in pairs), len(pairs)


def one_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[-1]}" if words else type(error).__name__


def differs(a: FloatArray, b: FloatArray, *, by: float = 0.0) -> str | None:
    """How far answers are apart, in words; None if they are at most `by` apart."""
    if a.shape != b.shape:
        return f"shape {b.shape} instead of {a.shape}"
    apart = float(np.abs(a - b).max()) if a.size else 0.0
    return f"answers up to {apart:.2g} apart" if apart > by else None


def as_told(parameters: Mapping[str, Any]) -> Json:
    """Parameters as a record tells them; None where it cannot, which the check of parameters says."""
    try:
        return to_json(parameters)
    except TypeError:
        return None


def check_json(parameters: Iterable[tuple[str, Any]]) -> None:
    """Raise AmissError for a value that is not JSON as it stands."""
    for name, value in parameters:
        try:
            same = json.loads(canonical_json(value)) == json.loads(json.dumps(value))
        except (TypeError, ValueError):
            same = False
        if not same:
            raise AmissError(
                wanted="parameters of numbers, words, lists and mappings, which the record can tell",
                got=f"{name} = {value!r}",
                remedy="give a name or a number, and make the object of it in build",
            )


def check_recorded(record: ResultRecord, told: Json, parameters: Mapping[str, Any]) -> None:
    """Raise AmissError unless a record tells the parameters as they were, and they still are."""
    found = record.method["parameters"]
    if found != told or found != to_json(parameters):
        raise AmissError(
            wanted=f"a record that tells the parameters {told}",
            got=found,
            remedy="leave the parameters as build gets them: copy before changing",
        )


def answered_elsewhere(plan: Plan) -> Output:
    """What a plan of one job gives in another process; raises AmissError where it cannot be sent there."""
    try:
        with TemporaryDirectory() as folder:
            (output,) = run_plan(plan, Store(Path(folder)), executor=ProcessPool(1))
    except (MienError, AttributeError, TypeError, ImportError, ValueError, PicklingError) as error:
        raise AmissError(
            wanted="a build that another process can import by its name",
            got=error.got if isinstance(error, JobError) else one_line(error),
            remedy="define it at the top level of a module, and in a script call this under "
            "if __name__ == '__main__'",
        ) from error
    return output
