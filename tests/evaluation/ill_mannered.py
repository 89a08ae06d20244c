"""Methods that break one rule each, on purpose, and otherwise behave."""

from __future__ import annotations

import os
import pickle

import numpy as np

from mien.learning.model_file import load_model, save_model


class Decent:
    """Answers by the nearest class mean of flattened samples; keeps every rule."""

    def __init__(self, seed=0, scale=255.0):
        self.seed, self.scale = seed, scale

    def fit(self, X, y):
        Z = self.flat(X)
        self.classes_ = np.unique(y)
        self.means_ = np.stack([Z[y == code].mean(axis=0) for code in self.classes_])
        return self

    def flat(self, X):
        return X.reshape(len(X), -1) / self.scale

    def predict_proba(self, X):
        return self.softmax(-((self.flat(X)[:, None] - self.means_) ** 2).sum(axis=2))

    @staticmethod
    def softmax(scores):
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


class NoScale(Decent):
    def __init__(self, seed=0):
        super().__init__(seed)


class Subjects(Decent):
    def fit(self, X, y, subjects):
        return super().fit(X, y)


class Deaf(Decent):
    def fit(self, X, y):
        raise RuntimeError("no such input")


class Descending(Decent):
    def fit(self, X, y):
        super().fit(X, y)
        self.classes_, self.means_ = self.classes_[::-1], self.means_[::-1]
        return self


class OneColumn(Decent):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, :1]


class Hole(Decent):
    def predict_proba(self, X):
        found = super().predict_proba(X)
        found[0] = np.nan
        return found


class Distances(Decent):
    def predict_proba(self, X):
        return 2 * super().predict_proba(X)


class ThreeClasses(Decent):
    """Takes it that all three classes are there, wherever there are more than a few samples."""

    def fit(self, X, y):
        super().fit(X, y)
        if len(y) > 2:
            self.classes_ = np.arange(3)
            if len(self.means_) < 3:
                self.means_ = np.vstack([self.means_, self.means_[:1]])
        return self


class Choosy(Decent):
    """Refuses samples unlike those of a training of 24 samples and two classes."""

    def predict_proba(self, X):
        found = ((self.flat(X)[:, None] - self.means_) ** 2).sum(axis=2).min(axis=1)
        if self.classes_.tolist() == [0, 2] and (found > 1.5 * np.median(self.spread_)).any():
            raise ValueError("a sample unlike all others")
        return super().predict_proba(X)

    def fit(self, X, y):
        super().fit(X, y)
        self.spread_ = ((self.flat(X)[:, None] - self.means_) ** 2).sum(axis=2).min(axis=1)
        return self


class Hungry(Decent):
    def fit(self, X, y):
        if len(y) < 10:
            raise ValueError("wants 10 samples")
        return super().fit(X, y)


class Careless(Decent):
    def fit(self, X, y):
        super().fit(X, y)
        X[0] = 0
        return self


class Adapting(Decent):
    """Moves its means towards whatever it is asked about."""

    def predict_proba(self, X):
        found = super().predict_proba(X)
        self.means_ = 0.9 * self.means_ + 0.1 * self.flat(X).mean(axis=0)
        return found


class SelfTraining(Decent):
    """Fits itself to test samples and its answers to them, then forgets that it did."""

    def predict_proba(self, X):
        kept, found = (self.classes_, self.means_), super().predict_proba(X)
        self.fit(X, self.classes_[found.argmax(axis=1)])
        self.classes_, self.means_ = kept
        return found


class Moody(Decent):
    def fit(self, X, y):
        super().fit(X, y)
        self.means_ += np.random.normal(scale=1e-3, size=self.means_.shape)
        return self


class Local(Decent):
    """Another answer in every process."""

    def fit(self, X, y):
        super().fit(X, y)
        self.means_ += np.random.default_rng(os.getpid()).normal(scale=1e-3, size=self.means_.shape)
        return self


class Sorted(Decent):
    """Answers in the order of the samples' brightness."""

    def predict_proba(self, X):
        return super().predict_proba(X[np.argsort(self.flat(X).mean(axis=1), kind="stable")])


class BatchNorm(Decent):
    """Takes the mean of the test samples off every one of them."""

    def predict_proba(self, X):
        flat = self.flat(X) - self.flat(X).mean(axis=0) * (len(X) > 1)
        means = self.means_ - self.means_.mean(axis=0) * (len(X) > 1)
        return self.softmax(-((flat[:, None] - means) ** 2).sum(axis=2))


class Warm(Decent):
    """Begins a second fit where the first one ended."""

    def fit(self, X, y):
        before = getattr(self, "means_", None)
        super().fit(X, y)
        if before is not None and before.shape == self.means_.shape:
            self.means_ = (before + self.means_) / 2
        return self


class Watched(Decent):
    """In epochs; watching it makes it another model."""

    def __init__(self, seed=0, epochs=2):
        super().__init__(seed)
        self.epochs = epochs

    def fit_stages(self, X, y, groups=None, *, watch):
        last = self.fit(X, y).predict_proba(watch)
        return np.stack([last] * self.epochs) * [0.5, 0.3, 0.2] * 2


class Pickled(Decent):
    def save(self, path, *, about=None):
        path.write_bytes(pickle.dumps((self.classes_, self.means_)))


class Halved(Decent):
    """Saves less than it learned."""

    def save(self, path, *, about=None):
        save_model(path, {"classes": self.classes_, "means": self.means_.astype("f2")}, card={"about": about})

    @classmethod
    def load(cls, path):
        one = cls()
        one.classes_, one.means_ = load_model(path)[0].values()
        return one


class Remembering(Decent):
    """Labels outlive a fit: what was once in training is known for ever."""

    known: dict = {}  # noqa: RUF012

    def fit(self, X, y):
        self.known.update({x.tobytes(): int(code) for x, code in zip(X, y, strict=True)})
        return super().fit(X, y)

    def predict_proba(self, X):
        found = super().predict_proba(X)
        for row, x in enumerate(X):
            code = self.known.get(x.tobytes())
            if code in self.classes_:
                found[row] = self.classes_ == code
        return found


class Mute(Decent):
    """Nothing that it sees changes its answer."""

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def spoils(*, seed, options):
    """Changes the parameters that it is given."""
    options["used"] = True
    return Decent(seed)


def half_done(*, seed):
    """No recogniser at all."""
    return object()
