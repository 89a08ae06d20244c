"""Rules that turn several members' probabilities into one score per class.

Every rule learns from `Training` and gives a function from probabilities (n_members, n_samples, n_classes;
NaN where a member has no answer) to scores (n_samples, n_classes). Each sample is fused over the members
that answer it. Except for votes, scores are probabilities of the classes and sum to 1.

Votes: MMME, eq. 7-10. Confusion, product: Kittler et al. 1998, doi:10.1109/34.667881; Xu et al. 1992,
doi:10.1109/21.155943. Dempster-Shafer: Shafer 1976; pignistic probability: Smets & Kennes 1994,
doi:10.1016/0004-3702(94)90026-4. Stacking: Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import softmax

from mien.recognition.fusion.scores import LEAST_PROBABILITY, FloatArray, IntArray, answered, summed, votes
from mien.recognition.fusion.stacking import fit_stack
from mien.recognition.fusion.weights import balanced_accuracy, vote_likelihood

Fuse = Callable[[FloatArray], FloatArray]

PRIORS: Mapping[str, str] = {
    "training": "class frequencies of the training samples",
    "uniform": "all classes alike; in stacking, training samples of rare classes count more",
}


@dataclass(frozen=True, slots=True)
class Training:
    """What rules learn from.

    Parameters
    ----------
    chances
        Out-of-fold probabilities, (n_members, n_samples, n_classes).
    y
        Class codes, (n_samples,).
    counts
        Votes by class, (n_members, n_classes, n_classes).
    weights
        Of each member's votes, (n_members, n_classes).
    prior
        Of the classes, (n_classes,).
    balanced
        Whether the prior is meant to be uniform.
    smoothing, penalty
        As in `DecisionFusion`.
    """

    chances: FloatArray
    y: IntArray
    counts: FloatArray
    weights: FloatArray
    prior: FloatArray
    balanced: bool
    smoothing: float
    penalty: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of fusion: what it is, and how it learns to fuse."""

    about: str
    learn: Callable[[Training], Fuse]


def vote_scores(chances: FloatArray, *, weights: FloatArray) -> FloatArray:
    """Weights of the members that vote for each class, summed (MMME, eq. 10), (n_samples, n_classes)."""
    scores = np.zeros(chances.shape[1:], dtype=np.float64)
    for cast, weight in zip(votes(chances), weights, strict=True):
        rows = np.flatnonzero(cast >= 0)
        scores[rows, cast[rows]] += weight[cast[rows]]
    return scores


def confusion_scores(chances: FloatArray, *, likelihood: FloatArray, prior: FloatArray) -> FloatArray:
    """P(j) times the product of P(vote_i | j), as probabilities: naive Bayes of votes."""
    logs = np.tile(_log(prior), (chances.shape[1], 1))
    for cast, one in zip(votes(chances), likelihood, strict=True):
        rows = np.flatnonzero(cast >= 0)
        logs[rows] += _log(one.T)[cast[rows]]
    return np.asarray(softmax(logs, axis=1), dtype=np.float64)


def soft_vote_scores(chances: FloatArray) -> FloatArray:
    """Mean of the probabilities of the members that answer."""
    members = np.maximum(answered(chances).sum(axis=0), 1)[:, None]
    return np.asarray(summed(chances) / members, dtype=np.float64)


def product_scores(chances: FloatArray, *, prior: FloatArray) -> FloatArray:
    """P(j)^-(R - 1) times the product of the R members' probabilities, as probabilities.

    Right if members are independent given the class and each already contains the prior. Probabilities
    below 1e-6 count as 1e-6, so that no single member can forbid a class.
    """
    members = answered(chances).sum(axis=0)[:, None]
    logs = np.nan_to_num(_log(chances)).sum(axis=0) - (members - 1) * _log(prior)
    return np.asarray(softmax(logs, axis=1), dtype=np.float64)


def dempster_shafer_scores(chances: FloatArray, *, reliability: FloatArray) -> FloatArray:
    """Pignistic probabilities after Dempster's rule on m_i({j}) = r_i p_ij, m_i(all classes) = 1 - r_i.

    All focal sets are single classes or the whole frame, so the rule has a closed form: before normalising
    by 1 / (1 - K), m(all) = prod_i (1 - r_i) and m({j}) = prod_i (r_i p_ij + 1 - r_i) - m(all).
    The reliability is kept below 1: two certain members that disagree would leave nothing (K = 1).
    """
    trust = np.minimum(reliability, 1 - LEAST_PROBABILITY)[:, None]
    doubt = np.where(answered(chances), 1 - trust, 1.0)
    undecided = doubt.prod(axis=0)[:, None]
    believed = np.nan_to_num(trust[:, :, None] * chances)
    single = np.maximum((believed + doubt[:, :, None]).prod(axis=0) - undecided, 0.0)
    whole = single + undecided / chances.shape[2]
    return np.asarray(whole / whole.sum(axis=1, keepdims=True), dtype=np.float64)


def _vote(training: Training) -> Fuse:
    return partial(vote_scores, weights=training.weights)


def _confusion(training: Training) -> Fuse:
    likelihood = vote_likelihood(training.counts, training.smoothing)
    return partial(confusion_scores, likelihood=likelihood, prior=training.prior)


def _soft_vote(training: Training) -> Fuse:
    return soft_vote_scores


def _product(training: Training) -> Fuse:
    return partial(product_scores, prior=training.prior)


def _stacking(training: Training) -> Fuse:
    return fit_stack(training.chances, training.y, balanced=training.balanced, penalty=training.penalty)


def _dempster_shafer(training: Training) -> Fuse:
    reliability = balanced_accuracy(training.counts, training.smoothing)
    return partial(dempster_shafer_scores, reliability=reliability)


RULES: Mapping[str, Rule] = {
    "vote": Rule("weighted voting (MMME, eq. 10); the only rule that uses the weights", _vote),
    "confusion": Rule("naive Bayes of the votes, from confusion matrices", _confusion),
    "soft-vote": Rule("mean of the probabilities", _soft_vote),
    "product": Rule("product of the probabilities, corrected for the prior", _product),
    "stacking": Rule("logistic regression on the log-probabilities of all members", _stacking),
    "dempster-shafer": Rule("Dempster's rule, decided by pignistic probability", _dempster_shafer),
}


def _log(chance: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(chance, LEAST_PROBABILITY)), dtype=np.float64)
