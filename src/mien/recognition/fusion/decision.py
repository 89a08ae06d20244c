"""Decision fusion as an estimator: learn from out-of-fold scores, then fuse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from mien.core.errors import DataError, OptionError
from mien.recognition.fusion.rules import PRIORS, RULES, Fuse, Training
from mien.recognition.fusion.scores import (
    BoolArray,
    FloatArray,
    IntArray,
    answered,
    check_labels,
    probabilities,
    summed,
    votes,
)
from mien.recognition.fusion.ties import decide
from mien.recognition.fusion.weights import WEIGHTS, balanced_accuracy, class_prior, count_votes


@dataclass(frozen=True, slots=True)
class Fused:
    """Answers of a fusion.

    Parameters
    ----------
    scores
        Per class, (n_samples, n_classes): sums of weights for votes, probabilities for all other rules;
        finite, or NaN for a sample that no member answers.
    estimate
        The class decided for, (n_samples,); -1 for a sample that no member answers: it is to be reported as
        unmeasured, never as wrong or right.
    votes
        Of each member, (n_members, n_samples); -1 where it has no answer.
    members
        Which members took part, (n_members, n_samples).
    tie
        What settled a tie, (n_samples,): a key of `TIES`, empty where there was none.
    """

    scores: FloatArray
    estimate: IntArray
    votes: IntArray
    members: BoolArray
    tie: NDArray[np.str_]

    @property
    def coverage(self) -> FloatArray:
        """Share of samples that each member answered, (n_members,); NaN without samples."""
        n_samples = self.members.shape[1]
        return self.members.mean(axis=1) if n_samples else np.full(len(self.members), np.nan)


class DecisionFusion(BaseEstimator):
    """Fuses the scores of several members into one answer (MMME, eq. 7-10, and what else is usual).

    Parameters
    ----------
    rule
        A key of `RULES`; the paper's is "vote".
    weight
        A key of `WEIGHTS`, used by "vote" only; the paper's is "recall", and "log-odds" is the better one
        where members differ much: see `theory`.
    smoothing
        Imagined samples for each class and answer, at least 0; 1 is Laplace's rule.
    prior
        A key of `PRIORS`, for "confusion", "product" and "stacking". Members trained with balanced classes
        already assume "uniform", and so does a result reported as mean recall of the classes.
    penalty
        For "stacking": strength of the L2 penalty against the summed loss of the samples, above 0.

    Attributes
    ----------
    weights_
        Of each member's vote for each class, (n_members, n_classes), whatever the rule.
    member_accuracy_
        Balanced accuracy of each member out of fold, smoothed, (n_members,).
    best_member_
        The member with the highest; the first of equals.
    counts_
        Out-of-fold votes, (n_members, n_classes of y, n_classes voted).
    class_counts_
        Training samples of each class, (n_classes,).

    Examples
    --------
    >>> face, eeg = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [[0.7, 0.3], [0.4, 0.6], [0.1, 0.9]]
    >>> fusion = DecisionFusion().fit([face, eeg], [0, 1, 0])
    >>> fusion.fuse([[[0.8, 0.2]], [[float("nan"), float("nan")]]]).estimate
    array([0])
    """

    def __init__(
        self,
        rule: str = "vote",
        weight: str = "recall",
        smoothing: float = 1.0,
        prior: str = "training",
        penalty: float = 1.0,
    ) -> None:
        self.rule = rule
        self.weight = weight
        self.smoothing = smoothing
        self.prior = prior
        self.penalty = penalty

    def fit(self, out_of_fold_scores: ArrayLike, y: ArrayLike, n_classes: int | None = None) -> Self:
        """Learn from out-of-fold scores (n_members, n_samples, n_classes) and classes y (n_samples,).

        Scores must come from members that never saw the subject they answer; nothing here can check that.
        Members may have answered different samples. `n_classes`, if given, must be that of the scores.

        Raises
        ------
        OptionError
            If a parameter has a value that it cannot have, or there are fewer than two classes.
        DataError
            If scores or labels are not as said, or no member has any answer.
        """
        self._check_options()
        if n_classes is not None and not (_is_number(n_classes) and n_classes >= 2):
            raise OptionError(
                "n_classes",
                wanted="at least 2",
                got=n_classes,
                remedy="count the classes of the task",
            )
        chances = probabilities(out_of_fold_scores, subject="out-of-fold scores")
        if n_classes is not None and chances.shape[2] != n_classes:
            raise _unfit_shape("out-of-fold scores", f"{n_classes} classes", chances)
        if not answered(chances).any():
            raise DataError(
                "out-of-fold scores",
                wanted="at least one answer of one member",
                got=f"no answer to {chances.shape[1]} samples",
                remedy="give scores of the training subjects",
            )
        m = chances.shape[2]
        labels = check_labels(y, n_samples=chances.shape[1], n_classes=m)
        self.n_members_, self.n_classes_ = len(chances), m
        self.counts_: FloatArray = count_votes(votes(chances), labels, n_classes=m)
        self.class_counts_: IntArray = np.bincount(labels, minlength=m).astype(np.int64)
        self.weights_: FloatArray = WEIGHTS[self.weight].measure(self.counts_, self.smoothing)
        self.member_accuracy_: FloatArray = balanced_accuracy(self.counts_, self.smoothing)
        self.best_member_ = int(self.member_accuracy_.argmax())
        balanced = self.prior == "uniform"
        prior = np.full(m, 1 / m) if balanced else class_prior(labels, n_classes=m, smoothing=self.smoothing)
        training = Training(
            chances=chances,
            y=labels,
            counts=self.counts_,
            weights=self.weights_,
            prior=prior,
            balanced=balanced,
            smoothing=self.smoothing,
            penalty=self.penalty,
        )
        self.fuse_: Fuse = RULES[self.rule].learn(training)
        return self

    def fuse(self, scores: ArrayLike) -> Fused:
        """Answers for scores (n_members, n_samples, n_classes) of the same members in the same order.

        Raises
        ------
        DataError
            If members or classes are not those of the fit, or scores are not as said there.
        """
        check_is_fitted(self, "fuse_")
        chances = probabilities(scores)
        if (len(chances), chances.shape[2]) != (self.n_members_, self.n_classes_):
            raise _unfit_shape("scores", f"{self.n_members_} members and {self.n_classes_} classes", chances)
        members, cast = answered(chances), votes(chances)
        rows = np.flatnonzero(members.any(axis=0))
        measured = chances[:, rows]
        fused = np.full(chances.shape[1:], np.nan)
        fused[rows] = self.fuse_(measured)
        estimate = np.full(chances.shape[1], -1, dtype=np.int64)
        decided, settled_by = decide(
            fused[rows],
            sums=summed(measured),
            cast=cast[:, rows],
            member_accuracy=self.member_accuracy_,
            prior=self.class_counts_.astype(np.float64),
        )
        estimate[rows] = decided
        tie = np.full(chances.shape[1], "", dtype=settled_by.dtype)
        tie[rows] = settled_by
        return Fused(fused, estimate, cast, members, tie)

    def _check_options(self) -> None:
        tables: tuple[tuple[str, str, Mapping[str, object]], ...] = (
            ("rule", self.rule, RULES),
            ("weight", self.weight, WEIGHTS),
            ("prior", self.prior, PRIORS),
        )
        for name, value, table in tables:
            if value not in table:
                raise OptionError(
                    name, wanted=f"one of {', '.join(table)}", got=repr(value), remedy="choose one of these"
                )
        if not (_is_number(self.smoothing) and self.smoothing >= 0):
            raise OptionError(
                "smoothing", wanted="a number of at least 0", got=self.smoothing, remedy="use 1 if in doubt"
            )
        if not (_is_number(self.penalty) and self.penalty > 0):
            raise OptionError(
                "penalty", wanted="a number above 0", got=self.penalty, remedy="use 1 if in doubt"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _unfit_shape(subject: str, wanted: str, chances: FloatArray) -> DataError:
    return DataError(
        subject,
        wanted=wanted,
        got=f"shape {chances.shape}",
        remedy="give (n_members, n_samples, n_classes) of the same members and classes",
    )
