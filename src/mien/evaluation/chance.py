"""Whether a run's answers are better than chance, and what they are worth if no answer counts as wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.records import Json, ResultRecord
from mien.metrics import recognition

N_PERMUTATIONS = 5000
_SEED = 20190519


def chance_test(
    samples: Mapping[str, Sequence[Json]],
    *,
    classes: Sequence[str],
    trials: Sequence[str] | None = None,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = _SEED,
) -> dict[str, float]:
    """One-sided p-values of UF1 and UAR against labels permuted within each subject.

    Nothing is answered anew; which answer belongs to which label is exchanged within each subject. That
    a subject shows one class more often than others do is therefore no evidence: the test asks whether the
    method tells the expressions of one person apart. It holds for these answers: between folds, what one fold
    learns from the labels of others makes answers to noise agree a little too often. With pure noise p fell
    below .05 in 4 to 13 % of runs and below .01 in up to 4 %, depending on the classifier: only a p near the
    smallest possible one says that a method is better than chance.
    p = (1 + number of permutations at least as good) / (1 + n_permutations).
    NaN where no subject has labels to exchange.

    Parameters
    ----------
    samples
        Columns of equal length: `reference`, `estimate`, `subject_id`.
    trials
        Of what each sample is a part, by names that no two subjects share. Expressions of one trial share its
        emotion, and signals around them overlap: they are no independent evidence, and answers are exchanged
        between whole trials. The n-th expression of a trial gets the n-th answer to another, which begins
        again where that one has fewer: where answers of one trial differ this repeats some, and p is rather
        too large. Default: every sample is a trial.
    """
    code = {name: i for i, name in enumerate(classes)}
    reference = np.array([code[str(r)] for r in samples["reference"]])
    estimate = np.array([code[str(e)] for e in samples["estimate"]])
    _, subject = np.unique([str(s) for s in samples["subject_id"]], return_inverse=True)
    order, first, size = _trials(subject, trials)
    sorted_reference, sorted_estimate = reference[order], estimate[order]
    owner = subject[order][first]
    several = _show_several(owner, [sorted_reference[a : a + n] for a, n in zip(first, size, strict=True)])
    if not several.any():
        return {"uf1": float("nan"), "uar": float("nan")}
    rng = np.random.default_rng(seed)
    # Owners ascend: the rank of owner + a random number exchanges trials within them; who shows one class
    # keeps the order. Answers move and labels stay, so that every class keeps its number, and answers that
    # are always the same have p = 1.
    drawn = rng.random((n_permutations, len(owner)))
    ordered = np.arange(len(owner)) / len(owner)
    other = (owner + np.where(several, drawn, ordered)).argsort(axis=1).argsort(axis=1)
    trial = np.repeat(np.arange(len(owner)), size)
    rank = np.arange(len(trial)) - first[trial]
    other = other[:, trial]
    exchanged = sorted_estimate[first[other] + rank % size[other]]
    null = _counts(sorted_reference, exchanged, len(classes))
    observed = _counts(reference, estimate[None], len(classes))
    return {
        name: (1 + int((metric(null) >= metric(observed)[0] - 1e-12).sum())) / (1 + n_permutations)
        for name, metric in (("uf1", recognition.uf1), ("uar", recognition.uar))
    }


def _trials(
    subject: NDArray[np.int64], trials: Sequence[str] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Samples in the order of subjects and their trials; where in it each trial begins, and its length."""
    names = np.arange(len(subject)) if trials is None else np.unique(list(trials), return_inverse=True)[1]
    order = np.lexsort((names, subject))
    _, first, size = np.unique(
        np.stack([subject[order], names[order]]), axis=1, return_index=True, return_counts=True
    )
    return order, first, size


def _show_several(owner: NDArray[np.int64], labels: Sequence[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Of each trial, (n_trials,): does its owner show several classes, and not the same in every trial."""
    told: dict[int, set[tuple[int, ...]]] = {}
    for who, one in zip(owner.tolist(), labels, strict=True):
        told.setdefault(who, set()).add(tuple(one.tolist()))
    able = {
        who: len(trials) > 1 and len({label for one in trials for label in one}) > 1
        for who, trials in told.items()
    }
    return np.array([able[who] for who in owner.tolist()])


def _counts(reference: NDArray[np.int64], estimates: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Confusion counts (rows, n, n) of the same references with rows of estimates (rows, n_samples)."""
    cells = reference * n + estimates + (np.arange(len(estimates)) * n * n)[:, None]
    return np.bincount(cells.ravel(), minlength=len(estimates) * n * n).reshape(-1, n, n)


def unanswered_as_wrong(record: ResultRecord) -> dict[str, float] | None:
    """The scores if every expression that could not be measured counts as missed; None if there is none.

    A miss lowers the recall of its class and adds to no other class's false positives.
    """
    unmeasured = record.dataset.get("unmeasured")
    if not isinstance(unmeasured, list) or not unmeasured:
        return None
    classes = [str(name) for name in record.dataset["classes"]]  # type: ignore[union-attr]
    counts = recognition.confusion_counts(
        record.samples["reference"], record.samples["estimate"], classes=classes
    )
    references = [str(one["reference"]) for one in unmeasured]  # type: ignore[call-overload,index]
    # Classes of which nothing was measured count with recall and F1 0. A last class, answered and never
    # right, makes the counts square; it is not averaged over.
    every = [*classes, *sorted(set(references) - set(classes))]
    n = len(every)
    whole = np.zeros((n + 1, n + 1), dtype=np.int64)
    whole[: len(classes), : len(classes)] = counts
    for reference in references:
        whole[every.index(reference), n] += 1
    return {
        "accuracy": float(recognition.accuracy(whole)),
        "uf1": float(recognition.class_f1(whole)[:n].mean()),
        "uar": float(recognition.class_recall(whole)[:n].mean()),
    }
