"""Recognisers whose behaviour is known, to see through the evaluation."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression


class Witness:
    """Remembers nothing but refuses to meet a subject twice: answers with the training classes' shares."""

    def fit(self, X, y, groups=None):
        self.seen = {x.tobytes() for x in X}
        self.groups = set(groups)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares = counts / counts.sum()
        return self

    def predict_proba(self, X):
        assert not any(x.tobytes() in self.seen for x in X), "a test sample was in training"
        return np.tile(self.shares, (len(X), 1))


class Lucky:
    """Its epochs answer by coin: choosing among them on the test subject must look like skill."""

    def __init__(self, seed, epochs):
        self.seed, self.epochs = seed, epochs

    def fit(self, X, y, groups=None):
        self.classes_ = np.unique(y)
        return self

    def fit_stages(self, X, y, groups=None, *, watch):
        self.fit(X, y)
        return np.stack([self._guess(watch, epoch) for epoch in range(1, self.epochs + 1)])

    def predict_proba(self, X):
        return self._guess(X, self.epochs)

    def _guess(self, X, epoch):
        salt = [int(abs(x.sum()) * 1e6) % 2**31 for x in X]
        return np.stack(
            [np.random.default_rng([self.seed, epoch, s]).random(len(self.classes_)) for s in salt]
        )


class Diverged(Witness):
    """Answers NaN, as a network that diverged does."""

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


def build_witness(*, seed):
    return Witness()


def build_lucky(*, seed, epochs):
    return Lucky(seed, epochs)


def build_diverged(*, seed):
    return Diverged()


def build_logistic(*, seed, C):
    """A plain scikit-learn classifier: nothing of mien in it."""
    return LogisticRegression(C=C)


def build_switch(*, seed, informed):
    """Learns from the features only if told to."""
    return LogisticRegression() if informed else Witness()
