"""The exact accuracy of voting against plain loops, against simulation, and against the real fusion."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.recognition.fusion import (
    WEIGHTS,
    DecisionFusion,
    best_possible_accuracy,
    symmetric_confusion,
    voting_accuracy,
    voting_recall,
)
from mien.recognition.fusion import theory as module

EVEN = [0.60] * 7
MIXED = [0.75, 0.69, 0.40, 0.40, 0.40, 0.40, 0.40]
THIRDS = [1 / 3] * 3


def loop_accuracy(confusion, weights, prior):
    """All votes of all members, one combination after another."""
    m, total = len(prior), 0.0
    for truth in range(m):
        for cast in itertools.product(range(m), repeat=len(confusion)):
            chance = prior[truth] * math.prod(confusion[i][truth][v] for i, v in enumerate(cast))
            scores = [math.fsum(weights[i][v] for i, v in enumerate(cast) if v == j) for j in range(m)]
            winners = [j for j in range(m) if abs(scores[j] - max(scores)) < 1e-9]
            if truth in winners:
                total += chance / len(winners)
    return total


def even(accuracy, m=3):
    return [[accuracy if v == j else (1 - accuracy) / (m - 1) for v in range(m)] for j in range(m)]


RECALL = {p: [p] * 3 for p in (0.60, 0.75, 0.69, 0.40)}
LOG_ODDS = {p: [math.log(p * 2 / (1 - p))] * 3 for p in RECALL}
USUAL = {p: [math.log(p / (1 - p))] * 3 for p in RECALL}


@pytest.mark.parametrize(
    ("accuracies", "weights", "wanted"),
    [
        (EVEN, RECALL, 0.8312),
        (EVEN, LOG_ODDS, 0.8312),
        (MIXED, RECALL, 0.7408),
        (MIXED, LOG_ODDS, 0.7688),
        (MIXED, USUAL, 0.6717),  # votes of .40, better than chance, count against their class
    ],
)
def test_seven_members(accuracies, weights, wanted) -> None:
    weight = [weights[p] for p in accuracies]
    found = voting_accuracy(symmetric_confusion(accuracies, n_classes=3), weight, THIRDS)
    assert found == pytest.approx(loop_accuracy([even(p) for p in accuracies], weight, THIRDS), abs=1e-12)
    assert found == pytest.approx(wanted, abs=5e-5)


def test_recall_weights_can_fall_below_the_best_member_and_log_odds_cannot_be_beaten() -> None:
    confusion = symmetric_confusion(MIXED, n_classes=3)
    recall, log_odds = (voting_accuracy(confusion, [w[p] for p in MIXED], THIRDS) for w in (RECALL, LOG_ODDS))
    assert recall < max(MIXED) < log_odds
    assert log_odds == pytest.approx(best_possible_accuracy(confusion, THIRDS), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("m", "n_members"), [(2, 5), (3, 4), (5, 3)])
def test_uneven_members_and_priors(seed, m, n_members) -> None:
    rng = np.random.default_rng(seed)
    confusion = rng.dirichlet(np.ones(m), (n_members, m))
    # Few different weights, some negative: many ties.
    weights, prior = rng.integers(-1, 4, (n_members, m)) / 10, rng.dirichlet(np.ones(m))
    wanted = loop_accuracy(confusion.tolist(), weights.tolist(), prior.tolist())
    assert voting_accuracy(confusion, weights, prior) == pytest.approx(wanted, abs=1e-12)


def test_the_best_possible_by_loops() -> None:
    rng = np.random.default_rng(5)
    confusion, prior = rng.dirichlet(np.ones(3), (4, 3)), rng.dirichlet(np.ones(3))
    wanted = sum(
        max(prior[j] * math.prod(confusion[i][j][v] for i, v in enumerate(cast)) for j in range(3))
        for cast in itertools.product(range(3), repeat=4)
    )
    assert best_possible_accuracy(confusion, prior) == pytest.approx(wanted, abs=1e-12)


def test_blocks_do_not_change_the_result(monkeypatch) -> None:
    rng = np.random.default_rng(6)
    confusion, weights = rng.dirichlet(np.ones(3), (5, 3)), rng.integers(0, 4, (5, 3)) / 3
    whole = voting_recall(confusion, weights)
    for size in (1, 9, 30):
        monkeypatch.setattr(module, "_BLOCK", size)
        np.testing.assert_allclose(voting_recall(confusion, weights), whole, rtol=1e-12)


def test_seven_classes_and_seven_members() -> None:
    # One member outweighs all others together, so its own recall is the answer.
    rng = np.random.default_rng(7)
    confusion = rng.dirichlet(np.ones(7), (7, 7))
    weights = np.full((7, 7), 0.1)
    weights[3] = 1.0
    np.testing.assert_allclose(voting_recall(confusion, weights), np.diag(confusion[3]), atol=1e-12)


@pytest.fixture(scope="module")
def exact_training(one_hot_from_counts):
    """Out-of-fold answers whose recalls are exactly the accuracies, for three classes of 200 samples."""

    def build(accuracies):
        return one_hot_from_counts(np.round(200 * symmetric_confusion(accuracies, n_classes=3)).astype(int))

    return build


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("accuracies", [EVEN, MIXED])
def test_the_real_fusion_of_all_combinations_is_the_theory(exact_training, accuracies, weight) -> None:
    fusion = DecisionFusion("vote", weight, smoothing=0.0).fit(*exact_training(accuracies))
    cast = np.array(list(itertools.product(range(3), repeat=7))).T
    scores = fusion.fuse(np.eye(3)[cast]).scores
    confusion = symmetric_confusion(accuracies, n_classes=3)
    total = 0.0
    for truth in range(3):
        chance = math.prod(confusion[i, truth][cast[i]] for i in range(7)) / 3
        for one, row in zip(chance, scores, strict=True):
            winners = [j for j in range(3) if row[j] > max(row) - 1e-9]
            total += one / len(winners) if truth in winners else 0.0
    assert total == pytest.approx(voting_accuracy(confusion, fusion.weights_, THIRDS), abs=1e-12)


@pytest.mark.parametrize(
    ("accuracies", "weight", "wanted"),
    [(EVEN, "recall", 0.831168), (MIXED, "recall", 0.740810), (MIXED, "log-odds", 0.768753)],
)
def test_the_real_fusion_of_simulated_members_meets_the_theory(
    simulated, exact_training, accuracies, weight, wanted
) -> None:
    # How sure a member is says nothing here, so summed scores settle ties as a fair coin would.
    fusion = DecisionFusion("vote", weight, smoothing=0.0).fit(*exact_training(accuracies))
    rng = np.random.default_rng(8)
    n = 200_000
    y = rng.integers(0, 3, n)
    fused = fusion.fuse(simulated(rng, y, accuracies, n_classes=3))
    # Two strong members that disagree leave one class only to the weak ones: no ties among the mixed.
    assert set(fused.tie.tolist()) == ({"", "summed-scores"} if accuracies == EVEN else {""})
    found = (fused.estimate == y).mean()
    assert abs(found - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / n)


def test_what_is_no_confusion_matrix_is_refused() -> None:
    good = symmetric_confusion([0.5, 0.6], n_classes=3)
    with pytest.raises(DataError, match=r"confusion: wanted shape .* got shape \(3, 3\); give one"):
        voting_recall(good[0], [[1] * 3])
    with pytest.raises(DataError, match=r"rows that sum to 1, got .* sums from 2.0 to 2.0"):
        voting_recall(2 * good, np.ones((2, 3)))
    with pytest.raises(DataError, match="rows that sum to 1"):
        voting_recall(good * np.nan, np.ones((2, 3)))
    with pytest.raises(DataError, match=r"weights: wanted finite numbers of shape \(2, 3\), got .*1 not"):
        voting_recall(good, [[1, 1, 1], [1, np.inf, 1]])
    with pytest.raises(DataError, match=r"prior: wanted 3 probabilities .* got \[0.5, 0.5\]; divide"):
        best_possible_accuracy(good, [0.5, 0.5])
    with pytest.raises(OptionError, match="at most 100000000 combinations of votes, got 7 classes and 10"):
        voting_recall(symmetric_confusion([0.5] * 10, n_classes=7), np.ones((10, 7)))
    with pytest.raises(OptionError, match=r"accuracies: wanted numbers from 0 to 1, got \[60.0\]; give"):
        symmetric_confusion([60], n_classes=3)
    with pytest.raises(OptionError, match="n_classes: wanted at least 2, got 1"):
        symmetric_confusion([0.6], n_classes=1)
