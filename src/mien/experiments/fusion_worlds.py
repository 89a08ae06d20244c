"""What each way of fusing is worth where the truth is known: many simulated studies, one after another.

Members are linear discriminants, trained and weighted exactly as `mien fuse` does; only the features are
simulated (`simulate.modalities`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.evaluation import Method, Settings, Task
from mien.evaluation.members import FoldAnswers, Member, MemberAnswers, answer_fold
from mien.experiments.fuse import ways_of_fusing
from mien.metrics.recognition import accuracy, class_recall, uar, uf1
from mien.simulate.modalities import ModalitySettings, ModalityStudy, simulate_modalities

LEAK = "test-weighted"
SPLIT = Settings("fixed", "grouped-k-fold", 5, 0)
METRICS = {"accuracy": accuracy, "uf1": uf1, "uar": uar}


def build_discriminant(*, seed: int) -> Any:
    """A linear discriminant with equal priors: quick, and its probabilities are right for these features."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return _EqualPriors(LinearDiscriminantAnalysis)


class _EqualPriors:
    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def fit(self, X: NDArray[Any], y: NDArray[np.int64]) -> Any:
        n_classes = len(np.unique(y))
        self.fitted = self.kind(priors=np.full(n_classes, 1 / n_classes)).fit(X, y)
        self.classes_ = self.fitted.classes_
        return self

    def predict_proba(self, X: NDArray[Any]) -> FloatArray:
        return np.asarray(self.fitted.predict_proba(X), dtype=np.float64)


DISCRIMINANT = Method("linear-discriminant", 1, build_discriminant, libraries=("numpy", "scikit-learn"))


def answer_study(study: ModalityStudy, settings: Settings = SPLIT) -> MemberAnswers:
    """Every member's answers in every fold of one simulated study."""
    n = len(study.labels)
    task = Task(
        name="simulated modalities",
        digest="",
        X=np.arange(n),
        y=study.labels,
        classes=study.classes,
        sample_ids=tuple(map(str, range(n))),
        subjects=study.subjects,
        datasets=("simulated",) * n,
    )
    members = []
    for name, values in study.features.items():
        rows = np.flatnonzero(np.isfinite(values).all(axis=1))
        members.append(Member(name, DISCRIMINANT, values[rows], rows, ""))
    context = (task, tuple(members), settings.seed)
    folds = []
    for fold in settings.folds(task):
        own = [answer_fold(context, member=number, fold=fold) for number in range(len(members))]
        inner, outer = (np.stack([np.asarray(one[key]) for one in own]) for key in ("out_of_fold", "test"))
        folds.append(FoldAnswers(fold, inner, outer, {}))
    return MemberAnswers(task, tuple(members), settings, tuple(folds), {})


def fuse_every_way(answers: MemberAnswers) -> dict[str, NDArray[np.int64]]:
    """Estimates (n,) of every member and every way of fusing, -1 where there is none.

    Names that end in "test-weighted" are votes whose weights come from the test subjects: the leak.
    """
    y, n_classes = answers.task.y, len(answers.task.classes)
    whole = answers.test
    found = {
        member.name: np.where(np.isfinite(one).all(axis=1), np.nan_to_num(one).argmax(axis=1), -1)
        for member, one in zip(answers.members, whole, strict=True)
    }
    for name, rule in ways_of_fusing().items():
        for leak in (False, True) if rule.rule == "vote" else (False,):
            estimate = np.full(len(y), -1, dtype=np.int64)
            for one in answers.folds:
                learned, labels = (whole, y) if leak else (one.out_of_fold, y[one.fold.train])
                fitted = type(rule)(**rule.get_params()).fit(learned, labels, n_classes)
                estimate[one.fold.test] = fitted.fuse(one.test).estimate
            found[f"{name}, {LEAK}" if leak else name] = estimate
    return found


def score_every_way(settings: ModalitySettings, seeds: Sequence[int]) -> Iterator[dict[str, FloatArray]]:
    """For each seed: way -> accuracy, UF1, UAR, then the recall of each class."""
    for seed in seeds:
        answers = answer_study(simulate_modalities(replace(settings, seed=seed)))
        score = partial(_scores, answers.task.y, len(answers.task.classes))
        yield {name: score(estimate) for name, estimate in fuse_every_way(answers).items()}


def _scores(y: NDArray[np.int64], n_classes: int, estimate: NDArray[np.int64]) -> FloatArray:
    known = estimate >= 0
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (y[known], estimate[known]), 1)
    return np.array([*(float(one(counts)) for one in METRICS.values()), *class_recall(counts)])
