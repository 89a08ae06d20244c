from __future__ import annotations

import numpy as np
import pytest


def _one_hot_from_counts(counts):
    """Scores (n_members, n, m) and y whose votes by class are exactly counts (n_members, m, m).

    All members must have the same number of samples of each class.
    """
    counts = np.asarray(counts)
    m = counts.shape[-1]
    totals = counts.sum(axis=2)
    assert (totals == totals[0]).all()
    y = np.repeat(np.arange(m), totals[0])
    cast = [np.concatenate([np.repeat(np.arange(m), row) for row in one]) for one in counts]
    return np.eye(m)[np.array(cast)], y


def _simulated(rng, y, accuracies, *, n_classes, noise=0.5):
    """Scores of members, independent given the class, that vote right with the given accuracies.

    Besides the vote, a row says nothing: how sure it is does not depend on the class.
    """
    n = len(y)
    scores = np.empty((len(accuracies), n, n_classes))
    for i, accuracy in enumerate(accuracies):
        other = (y + rng.integers(1, n_classes, n)) % n_classes
        vote = np.where(rng.random(n) < accuracy, y, other)
        rows = rng.random((n, n_classes)) * noise
        rows[np.arange(n), vote] = 1.0 + rng.random(n) * noise
        scores[i] = rows / rows.sum(axis=1, keepdims=True)
    return scores


@pytest.fixture(scope="session")
def one_hot_from_counts():
    return _one_hot_from_counts


@pytest.fixture(scope="session")
def simulated():
    return _simulated
