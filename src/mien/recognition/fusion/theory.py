"""The exact accuracy of weighted voting, for members that are independent given the class.

All combinations of votes are enumerated with their probabilities, the product of P(vote_i | class) over the
members; tied classes share a sample equally. What it says about MMME's rule (eq. 10), three classes, errors
spread evenly: seven members of accuracy .60 reach .831, but one of .75, one of .69 and five of .40 reach .741
with recall weights, *less than the best member alone*, since five weak votes outweigh a strong one. Log-odds
weights, log(p (m - 1) / (1 - p)), reach .769 there, the most that votes allow. Real members are not
independent: these numbers are what a rule can do, not what a study will find.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import DataError, OptionError
from mien.recognition.fusion.scores import FloatArray, near_top

# Rows of one block: small enough to stay in the processor's cache, large enough for numpy.
_BLOCK = 20_000
_MOST_COMBINATIONS = 100_000_000


def symmetric_confusion(accuracies: ArrayLike, *, n_classes: int) -> FloatArray:
    """P(vote | class) of members that err evenly, (n_members, n_classes, n_classes).

    Raises OptionError unless accuracies, (n_members,), lie in 0 ... 1 and there are two classes or more.
    """
    right = np.atleast_1d(np.asarray(accuracies, dtype=np.float64))
    if n_classes < 2:
        raise OptionError("n_classes", wanted="at least 2", got=n_classes, remedy="count the classes")
    if right.ndim != 1 or not ((right >= 0) & (right <= 1)).all():
        raise OptionError(
            "accuracies", wanted="numbers from 0 to 1", got=right.tolist(), remedy="give shares, not percent"
        )
    wrong = (1 - right) / (n_classes - 1)
    same = np.eye(n_classes)
    return right[:, None, None] * same + wrong[:, None, None] * (1 - same)


def voting_recall(confusion: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Exact recall of each class under weighted voting, (n_classes,).

    Parameters
    ----------
    confusion
        P(vote | class) of each member, (n_members, n_classes, n_classes); rows sum to 1.
    weights
        Of each member's vote for each class, (n_members, n_classes), finite.

    Raises
    ------
    DataError
        If the arrays are not as said.
    OptionError
        If there are more than 100 million combinations of votes.
    """
    chance_of_vote = _checked_confusion(confusion)
    weight = np.asarray(weights, dtype=np.float64)
    if weight.shape != chance_of_vote.shape[:2] or not np.isfinite(weight).all():
        raise DataError(
            "weights",
            wanted=f"finite numbers of shape {chance_of_vote.shape[:2]}",
            got=f"shape {weight.shape}, {np.count_nonzero(~np.isfinite(weight))} not finite",
            remedy="give one for each member and class",
        )
    recall = np.zeros(chance_of_vote.shape[1])
    # Weights below zero may cancel to almost nothing; what is left is as inexact as the largest sum.
    scale = float(np.abs(weight).max(axis=1).sum())
    for chances, scores in _combinations(chance_of_vote, weight):
        top = near_top(scores, scale=scale)
        recall += np.einsum("cj,cj->j", chances, top / top.sum(axis=1, keepdims=True))
    return recall


def voting_accuracy(confusion: ArrayLike, weights: ArrayLike, prior: ArrayLike) -> float:
    """Exact accuracy of weighted voting: `voting_recall` averaged over the class prior, (n_classes,).

    Examples
    --------
    >>> members = symmetric_confusion([0.6] * 7, n_classes=3)
    >>> round(voting_accuracy(members, [[0.6] * 3] * 7, [1 / 3] * 3), 4)
    0.8312
    """
    recall = voting_recall(confusion, weights)
    return float(recall @ _checked_prior(prior, n_classes=len(recall)))


def best_possible_accuracy(confusion: ArrayLike, prior: ArrayLike) -> float:
    """The highest accuracy any rule can reach from votes alone (Bayes), for independent members."""
    chance_of_vote = _checked_confusion(confusion)
    share = _checked_prior(prior, n_classes=chance_of_vote.shape[1])
    no_weights = np.zeros(chance_of_vote.shape[:2])
    return sum(
        float((chances * share).max(axis=1).sum()) for chances, _ in _combinations(chance_of_vote, no_weights)
    )


def _combinations(confusion: FloatArray, weights: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """P(votes | class) and scores of all combinations of votes, in blocks of (n_combinations, n_classes)."""
    n_members, m = weights.shape
    in_block = n_members
    while m**in_block > _BLOCK and in_block > 1:
        in_block -= 1
    leading = n_members - in_block
    first_chances, first_scores = _all_votes(confusion[:leading], weights[:leading])
    chances, scores = _all_votes(confusion[leading:], weights[leading:])
    for chance, score in zip(first_chances, first_scores, strict=True):
        yield chances * chance, scores + score


def _all_votes(confusion: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    m = weights.shape[1]
    chances, scores = np.ones((1, m)), np.zeros((1, m))
    for chance_of_vote, weight in zip(confusion, weights, strict=True):
        # Axis 1 is the vote of this member, axis 2 the class it speaks about.
        chances = (chances[:, None] * chance_of_vote.T).reshape(-1, m)
        scores = (scores[:, None] + np.diag(weight)).reshape(-1, m)
    return chances, scores


def _checked_confusion(confusion: ArrayLike) -> FloatArray:
    given = np.asarray(confusion, dtype=np.float64)
    if given.ndim != 3 or given.shape[0] == 0 or given.shape[1] != given.shape[2] or given.shape[1] < 2:
        raise DataError(
            "confusion",
            wanted="shape (n_members, n_classes, n_classes) with two or more classes",
            got=f"shape {given.shape}",
            remedy="give one matrix for each member",
        )
    sums = given.sum(axis=2)
    if not (given >= 0).all() or not (np.abs(sums - 1) <= 1e-9).all():
        raise DataError(
            "confusion",
            wanted="probabilities with rows that sum to 1",
            got=f"a smallest value of {given.min()} and sums from {sums.min()} to {sums.max()}",
            remedy="divide each row of counts by its sum",
        )
    if given.shape[1] ** given.shape[0] > _MOST_COMBINATIONS:
        raise OptionError(
            "confusion",
            wanted=f"at most {_MOST_COMBINATIONS} combinations of votes",
            got=f"{given.shape[1]} classes and {given.shape[0]} members",
            remedy="take fewer members, or simulate",
        )
    return given


def _checked_prior(prior: ArrayLike, *, n_classes: int) -> FloatArray:
    given = np.asarray(prior, dtype=np.float64)
    if given.shape != (n_classes,) or not (given >= 0).all() or not abs(given.sum() - 1) <= 1e-9:
        raise DataError(
            "prior",
            wanted=f"{n_classes} probabilities that sum to 1",
            got=given.tolist(),
            remedy="divide the class counts by their sum",
        )
    return given
