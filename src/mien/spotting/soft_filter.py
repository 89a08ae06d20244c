"""The heart as one more reason to believe a candidate, instead of a door: the recommended form of the filter.

A candidate is kept if a logistic regression of "hits a reference" on the logarithm of its score and the
slope of the heart rate at its apex (z within its trial) says so more surely than a cut; weights and cut come
from other subjects' candidates only (which a trained spotter found that may have seen this one). Beside it
stands the same regression on the score alone: the difference is the
heart's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.metrics.spotting import Counts
from mien.spotting.filter_controls import Candidates, Instants, counts_of_kept

_RIDGE = 1.0  # inverse strength of the penalty on weights, scikit-learn's default


@dataclass(frozen=True, slots=True)
class SoftFilter:
    """Pooled counts of candidates kept by score and heart, by score alone, and without any choice.

    `weight` is the heart's weight per standard deviation, mean over subjects; 0: it says nothing.
    """

    before: Counts
    score_only: Counts
    with_heart: Counts
    weight: float
    n_subjects: int


def soft_filter(candidates: Candidates, references: Instants, slope_z: ArrayLike) -> SoftFilter:
    """Leave-one-subject-out choice of candidates with and without the heart.

    Parameters
    ----------
    candidates
        With scores; the lower the threshold they were found with, the more can be chosen.
    slope_z
        Shape (n,): |slope| at the apex against its trial's mean and deviation; NaN: unknown, taken as 0.

    Raises
    ------
    DataError
        If there are no scores, a score is not above 0, or lengths differ.
    """
    candidates.check(references)
    heart = np.nan_to_num(np.asarray(slope_z, dtype=np.float64))
    if candidates.score is None or heart.shape != candidates.score.shape or (candidates.score <= 0).any():
        raise DataError(
            "candidates of the soft filter",
            wanted="a score above 0 and a slope for each",
            got="none"
            if candidates.score is None
            else f"{len(heart)} slopes, least {candidates.score.min()}",
            remedy="give both for every candidate",
        )
    score = np.log(candidates.score)
    kept = {name: np.zeros(len(score), dtype=bool) for name in ("score", "heart")}
    weights = []
    for one in np.unique(candidates.subject):
        test = candidates.subject == one
        for name, columns in (("score", [score]), ("heart", [score, heart])):
            X = np.stack(columns, axis=1)
            keep, weight = _keep(candidates, references, X, test)
            kept[name][test] = keep
            if name == "heart":
                weights.append(weight)
    n = len(references.code)
    everything = np.ones(len(score), dtype=bool)
    return SoftFilter(
        counts_of_kept(candidates, everything, n),
        counts_of_kept(candidates, kept["score"], n),
        counts_of_kept(candidates, kept["heart"], n),
        float(np.mean(weights)) if weights else float("nan"),
        len(weights),
    )


def _keep(
    candidates: Candidates, references: Instants, X: FloatArray, test: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], float]:
    """Which of the test candidates are kept, and the weight of the last column."""
    from sklearn.linear_model import LogisticRegression

    hit = candidates.reference >= 0
    train = ~test
    if len(set(hit[train].tolist())) < 2:
        return np.ones(int(test.sum()), dtype=bool), 0.0
    model = LogisticRegression(C=_RIDGE).fit(X[train], hit[train])
    sure = model.decision_function(X)
    of_training = ~np.isin(references.subject, np.unique(candidates.subject[test]))
    cut = _best_cut(sure[train], candidates.reference[train], int(of_training.sum()))
    return np.asarray(sure[test] >= cut), float(model.coef_[0, -1])


def _best_cut(sure: FloatArray, reference: NDArray[np.int64], n_references: int) -> float:
    """The cut with the highest F1 on training candidates; the lowest of equal ones."""
    order = np.argsort(-sure, kind="stable")
    first = np.zeros(len(order), dtype=bool)
    seen: set[int] = set()
    for place, row in enumerate(order):
        one = int(reference[row])
        first[place] = one >= 0 and one not in seen
        seen.add(one)
    tp = np.cumsum(first)
    f1 = 2 * tp / (np.arange(1, len(order) + 1) + n_references)
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    return float(sure[order[best]])
