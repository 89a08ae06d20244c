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
    n_permutations: int = N_PERMUTATIONS,
    seed: int = _SEED,
) -> dict[str, float]:
    """One-sided p-values of UF1 and UAR against labels permuted within each subject.

    The answers stay as they are; the labels of each subject are exchanged among that subject's samples. That
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
    """
    code = {name: i for i, name in enumerate(classes)}
    reference = np.array([code[str(r)] for r in samples["reference"]])
    estimate = np.array([code[str(e)] for e in samples["estimate"]])
    _, subject = np.unique([str(s) for s in samples["subject_id"]], return_inverse=True)
    if all(len(set(reference[subject == one])) < 2 for one in range(subject.max() + 1)):
        return {"uf1": float("nan"), "uar": float("nan")}
    rng = np.random.default_rng(seed)
    order = np.argsort(subject, kind="stable")
    sorted_reference, sorted_estimate = reference[order], estimate[order]
    keys = subject[order] + rng.random((n_permutations, len(subject)))
    permuted = sorted_reference[np.argsort(keys, axis=1)]
    null = _counts(permuted, sorted_estimate, len(classes))
    observed = _counts(reference[None], estimate, len(classes))
    return {
        name: (1 + int((metric(null) >= metric(observed)[0] - 1e-12).sum())) / (1 + n_permutations)
        for name, metric in (("uf1", recognition.uf1), ("uar", recognition.uar))
    }


def _counts(reference: NDArray[np.int64], estimate: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Confusion counts (rows, n, n) of rows of references (rows, n_samples) with the same estimates."""
    cells = reference * n + estimate + (np.arange(len(reference)) * n * n)[:, None]
    return np.bincount(cells.ravel(), minlength=len(reference) * n * n).reshape(-1, n, n)


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
