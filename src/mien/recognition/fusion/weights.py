"""How much a member's vote for a class counts, from its confusion counts on out-of-fold answers.

n[j, v] counts the samples of class j that a member voted v on, m is the number of classes, s the smoothing
(Laplace: s imagined samples for each class and vote; s = 1 is the Beta(1,1) prior of the binomial case spread
over m answers). Where nothing is known, and with s = 0 where nothing was counted, every probability is 1 / m:
such a member counts as one at chance, with weights that are finite and, as log-odds, zero.

    recall     P(v = j | y = j)                    (n[j, j] + s) / (n[j, .] + m s)      MMME, eq. 7-10
    precision  P(y = j | v = j)                    (n[j, j] + s) / (n[., j] + m s)
    log-odds   log P(v = j | y = j) / P(v = j | y != j), not below 0
    equal      1

The paper words its weight both as accuracy per emotion and as predicted probability; the first is a fixed
number per class, as its eq. 9 needs, and is `recall`. Weights measured on the test subjects would leak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mien.recognition.fusion.scores import LEAST_PROBABILITY, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Weighting:
    """A way to weight votes: what it is, and `measure(counts, smoothing)` -> (n_members, n_classes)."""

    about: str
    measure: Callable[[FloatArray, float], FloatArray]


def count_votes(cast: IntArray, y: IntArray, *, n_classes: int) -> FloatArray:
    """How often each member voted what, (n_members, n_classes of y, n_classes voted); -1 is no vote."""
    counts = np.zeros((len(cast), n_classes, n_classes), dtype=np.float64)
    member, sample = np.nonzero(cast >= 0)
    np.add.at(counts, (member, y[sample], cast[member, sample]), 1.0)
    return counts


def vote_likelihood(counts: FloatArray, smoothing: float) -> FloatArray:
    """P(vote | class) of each member, (n_members, n_classes, n_classes); each row sums to 1."""
    n_classes = counts.shape[-1]
    return _share(counts, counts.sum(axis=-1, keepdims=True), n_classes, smoothing)


def balanced_accuracy(counts: FloatArray, smoothing: float) -> FloatArray:
    """Mean over classes of the smoothed recall, (n_members,); a class nobody saw stands at chance."""
    return np.asarray(recall_weights(counts, smoothing).mean(axis=1), dtype=np.float64)


def class_prior(y: IntArray, *, n_classes: int, smoothing: float) -> FloatArray:
    """Smoothed frequencies of the training classes, (n_classes,)."""
    counts = np.bincount(y, minlength=n_classes).astype(np.float64)
    return _share(counts, counts.sum(), n_classes, smoothing)


def equal_weights(counts: FloatArray, smoothing: float) -> FloatArray:
    """1 for every member and class, (n_members, n_classes): plain majority voting."""
    return np.ones(counts.shape[:2], dtype=np.float64)


def recall_weights(counts: FloatArray, smoothing: float) -> FloatArray:
    """P(vote = j | class = j), (n_members, n_classes); in 0 ... 1."""
    return _diagonal(vote_likelihood(counts, smoothing))


def precision_weights(counts: FloatArray, smoothing: float) -> FloatArray:
    """P(class = j | vote = j), (n_members, n_classes); in 0 ... 1."""
    return _share(_diagonal(counts), counts.sum(axis=1), counts.shape[-1], smoothing)


def log_odds_weights(counts: FloatArray, smoothing: float) -> FloatArray:
    """How much likelier a vote for j is in class j than elsewhere, as a logarithm, (n_members, n_classes).

    With a recall p in every class and errors spread evenly this is log(p (m - 1) / (1 - p)): zero at chance,
    and the best possible weight for independent members (Nitzan & Paroush 1982, doi:10.2307/2526438, for two
    classes). The more usual log(p / (1 - p)) is the same for two classes only; for more it is negative for
    members that are better than chance. A member worse than chance for a class gets 0: a vote against one
    class would not say which other is meant, and in small samples it is mostly noise.
    """
    voted = counts.sum(axis=1)
    elsewhere = counts.sum(axis=(1, 2))[:, None] - counts.sum(axis=2)
    false_alarm = _share(voted - _diagonal(counts), elsewhere, counts.shape[-1], smoothing)
    hit = recall_weights(counts, smoothing)
    ratio = np.maximum(hit, LEAST_PROBABILITY) / np.maximum(false_alarm, LEAST_PROBABILITY)
    return np.asarray(np.maximum(np.log(ratio), 0.0), dtype=np.float64)


WEIGHTS: Mapping[str, Weighting] = {
    "equal": Weighting("every vote counts the same", equal_weights),
    "recall": Weighting("share of the class that the member recognises (MMME, eq. 7-10)", recall_weights),
    "precision": Weighting("share of the member's votes for the class that are right", precision_weights),
    "log-odds": Weighting("log likelihood ratio of the vote, zero at chance", log_odds_weights),
}


def _diagonal(counts: FloatArray) -> FloatArray:
    return np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)


def _share(part: FloatArray, whole: FloatArray, n_classes: int, smoothing: float) -> FloatArray:
    below = whole + n_classes * smoothing
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (part + smoothing) / below
    return np.where(below > 0, share, 1.0 / n_classes)
