"""Protocols: who may choose the hyper-parameters and the epoch, and on whose samples.

`fixed` chooses nothing. `nested` chooses by an inner split of the training subjects. `test-selected`
chooses on the test subject itself, as several published scripts do; it exists to show the leak's size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.records import Json
from mien.evaluation.method import (
    FloatArray,
    Method,
    StagedRecogniser,
    class_scores,
    expand_classes,
    fit_recogniser,
)
from mien.evaluation.split import Fold, grouped_k_fold
from mien.evaluation.task import Task
from mien.metrics.recognition import class_f1, confusion_counts

N_INNER_FOLDS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The scores of a fold's test samples, (n_test, n_classes), and what was chosen to get them."""

    scores: FloatArray
    chosen: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Protocol:
    """A named rule of choosing, with the words every report prints beside its numbers."""

    name: str
    words: str
    leaks: bool
    answer: Callable[[Task, Method, Fold, int], Answer]
    stage: Callable[[FloatArray, NDArray[np.int64]], int] | None = None
    """Which stage it takes of one training, from the test samples' scores and classes; None: trains more."""


def n_fits(method: Method, protocol: str) -> int:
    """How many times a method is fitted in each fold."""
    if protocol == "fixed" or trains_once(method, protocol):
        return 1
    choices = len(method.candidates)
    if protocol == "nested":
        free = method.stage_parameter is None and choices == 1
        return 1 if free else 1 + N_INNER_FOLDS * choices
    return choices


def trains_once(method: Method, protocol: str) -> bool:
    """Whether the protocol is one reading of a single training per fold, which others then share."""
    return (
        PROTOCOLS[protocol].stage is not None
        and method.stage_parameter is not None
        and list(method.candidates) == [{}]
    )


def train_stages(task: Task, method: Method, fold: Fold, seed: int) -> FloatArray:
    """The test samples' scores after each epoch of one training, (n_stages, n_test, n_classes)."""
    return _stage_scores(task, method, method.parameters, fold, seed)


def read_stages(
    task: Task, method: Method, fold: Fold, protocol: str, stages: FloatArray
) -> tuple[FloatArray, dict[str, Json]]:
    """The scores that the protocol takes from one training, and what it chose."""
    choose = PROTOCOLS[protocol].stage
    assert choose is not None
    stage = choose(stages, task.y[fold.test])
    return stages[stage], {} if choose is _last else _stage(method, stage, len(stages))


def fixed(task: Task, method: Method, fold: Fold, seed: int) -> Answer:
    """Fit once with the method's own parameters and take the last epoch."""
    return Answer(_fit_and_score(task, method, method.parameters, fold, seed), {})


def nested(task: Task, method: Method, fold: Fold, seed: int) -> Answer:
    """Choose candidate and epoch by UF1 pooled over an inner split of the training subjects, then refit."""
    if method.stage_parameter is None and len(method.candidates) == 1:
        return fixed(task, method, fold, seed)  # nothing to choose
    options = [
        (_pooled_uf1(task, fold.train, scores), changes)
        for changes, scores in _inner_scores(task, method, fold, seed)
    ]
    values, changes = max(options, key=lambda option: float(option[0].max()))  # ties: the first candidate
    stage = int(np.argmax(values))  # ties: the earliest epoch
    chosen = dict(changes) | _stage(method, stage, len(values))
    return Answer(_fit_and_score(task, method, method.with_parameters(chosen), fold, seed), chosen)


def test_selected(task: Task, method: Method, fold: Fold, seed: int) -> Answer:
    """Keep the candidate and epoch with the best accuracy on the test subject: a leak, on purpose."""
    best: tuple[float, Answer] | None = None
    for changes in method.candidates:
        stages = _stage_scores(task, method, method.with_parameters(changes), fold, seed)
        stage = _most_accurate(stages, task.y[fold.test])
        hits = float((stages[stage].argmax(axis=-1) == task.y[fold.test]).mean())
        if best is None or hits > best[0]:
            best = hits, Answer(stages[stage], dict(changes) | _stage(method, stage, len(stages)))
    assert best is not None
    return best[1]


def _last(stages: FloatArray, y: NDArray[np.int64]) -> int:
    return len(stages) - 1


def _most_accurate(stages: FloatArray, y: NDArray[np.int64]) -> int:
    hits = (stages.argmax(axis=-1) == y).mean(axis=-1)
    return len(hits) - 1 - int(np.argmax(hits[::-1]))  # ties: the latest epoch, as in published scripts


test_selected.__test__ = False  # type: ignore[attr-defined]  # pytest must not collect it

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "fixed": Protocol(
            "fixed",
            "The method's own parameters and its last epoch; nothing was chosen by looking at any score.",
            leaks=False,
            answer=fixed,
            stage=_last,
        ),
        "nested": Protocol(
            "nested",
            f"Parameters and epoch were chosen in each fold by an inner split into {N_INNER_FOLDS} groups of "
            "the training subjects; the test subject took no part.",
            leaks=False,
            answer=nested,
        ),
        "test-selected": Protocol(
            "test-selected",
            "LEAK: in each fold the parameters and the epoch were chosen on the test subject itself. The "
            "number is too high by construction and stands here only to show by how much.",
            leaks=True,
            answer=test_selected,
            stage=_most_accurate,
        ),
    }
)


def _fit_and_score(
    task: Task, method: Method, parameters: Mapping[str, Json], fold: Fold, seed: int
) -> FloatArray:
    recogniser = method.build(seed=seed, **parameters)
    fit_recogniser(recogniser, task.X[fold.train], task.y[fold.train], _subjects(task, fold.train))
    return class_scores(recogniser, task.X[fold.test], n_classes=len(task.classes))


def _stage_scores(
    task: Task, method: Method, parameters: Mapping[str, Json], fold: Fold, seed: int
) -> FloatArray:
    """Scores of the test samples after each epoch, (n_stages, n_test, n_classes); one without epochs."""
    recogniser = method.build(seed=seed, **parameters)
    if method.stage_parameter is None or not isinstance(recogniser, StagedRecogniser):
        return _fit_and_score(task, method, parameters, fold, seed)[None]
    scores = recogniser.fit_stages(
        task.X[fold.train], task.y[fold.train], groups=_subjects(task, fold.train), watch=task.X[fold.test]
    )
    return expand_classes(scores, np.unique(task.y[fold.train]), n_classes=len(task.classes))


def _inner_scores(
    task: Task, method: Method, fold: Fold, seed: int
) -> list[tuple[Mapping[str, Json], FloatArray]]:
    """For each candidate the scores of all training samples when held out, (n_stages, n_train, n_classes)."""
    subjects = [task.subjects[i] for i in fold.train]
    if len(set(subjects)) < 2:
        raise OptionError(
            f"nested protocol, fold '{fold.name}'",
            wanted="two or more training subjects",
            got=len(set(subjects)),
            remedy="add subjects or use the fixed protocol",
        )
    n_folds = min(N_INNER_FOLDS, len(set(subjects)))
    results = []
    for changes in method.candidates:
        parts = []
        for inner in grouped_k_fold(subjects, n_folds=n_folds, seed=seed):
            within = Fold(inner.name, fold.train[inner.train], fold.train[inner.test])
            stages = _stage_scores(task, method, method.with_parameters(changes), within, seed)
            parts.append((inner.test, stages))
        whole = np.zeros((len(parts[0][1]), len(fold.train), len(task.classes)))
        for rows, stages in parts:
            whole[:, rows] = stages
        results.append((changes, whole))
    return results


def _pooled_uf1(task: Task, rows: NDArray[np.int64], stages: FloatArray) -> FloatArray:
    """UF1 of each stage on the given samples, (n_stages,); classes absent from them are left out."""
    present = np.unique(task.y[rows])
    reference = task.labels(task.y[rows])
    estimates = [task.labels(scores.argmax(axis=-1)) for scores in stages]
    counts = np.stack([confusion_counts(reference, estimate, classes=task.classes) for estimate in estimates])
    return np.asarray(class_f1(counts)[:, present].mean(axis=-1), dtype=np.float64)


def _stage(method: Method, stage: int, n_stages: int) -> dict[str, Json]:
    return {method.stage_parameter: stage + 1} if method.stage_parameter and n_stages > 1 else {}


def _subjects(task: Task, rows: NDArray[np.int64]) -> NDArray[Any]:
    return np.array([task.subjects[i] for i in rows])
