"""The heart as one more reason: weights and cut come from others, a heart without news gains nothing."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.spotting.filter_controls import Candidates, Instants
from mien.spotting.soft_filter import _best_cut, soft_filter


def world(seed, *, heart, people=12, per_person=40):
    """Four of ten candidates hit; scores are a little higher for hits, slopes by `heart` deviations."""
    rng = np.random.default_rng(seed)
    n = people * per_person
    hit = rng.random(n) < 0.4
    subject = np.repeat([f"s{i:02d}" for i in range(people)], per_person)
    reference = np.where(hit, np.cumsum(hit) - 1, -1)
    score = np.exp(0.5 * hit + rng.normal(0, 0.5, n))
    slope = heart * hit + rng.normal(0, 1, n)
    candidates = Candidates(subject, reference=reference, code=np.ones(n), score=score)
    owners = subject[hit]
    references = Instants(owners, np.ones(len(owners)))
    return candidates, references, slope


def test_a_heart_that_knows_raises_f1():
    found = soft_filter(*world(0, heart=2.0))
    assert found.with_heart.f1 > found.score_only.f1 + 0.03
    assert found.weight > 1.0


def test_a_heart_that_knows_nothing_has_no_weight():
    found = [soft_filter(*world(seed, heart=0.0)) for seed in range(6)]
    assert abs(np.mean([one.weight for one in found])) < 0.15
    assert abs(np.mean([one.with_heart.f1 - one.score_only.f1 for one in found])) < 0.02


def test_nothing_of_the_person_decides_over_the_person():
    """With all of one person's hits taken away, the same of their candidates are kept."""
    candidates, references, slope = world(1, heart=1.0)
    mine = candidates.subject == "s03"
    other = np.where(mine, -1, candidates.reference)
    names, number = np.unique(other[other >= 0], return_inverse=True)
    renumbered = np.full_like(other, -1)
    renumbered[other >= 0] = number
    changed = Candidates(
        candidates.subject, reference=renumbered, code=candidates.code, score=candidates.score
    )
    fewer = Instants(references.subject[names], references.code[names])
    first, second = soft_filter(candidates, references, slope), soft_filter(changed, fewer, slope)
    # Others' decisions may differ (their training changed); the person's own false alarms tell.
    assert first.n_subjects == second.n_subjects == 12
    from mien.spotting.soft_filter import _keep

    X = np.stack([np.log(candidates.score), slope], axis=1)
    assert np.array_equal(_keep(candidates, references, X, mine)[0], _keep(changed, fewer, X, mine)[0])


def test_the_cut_has_the_best_f1_by_hand():
    """Sure 3 2 1 0 with hits at 3 and 1 of three references: F1 .5, .4, .667, .571."""
    cut = _best_cut(np.array([0.0, 3.0, 1.0, 2.0]), np.array([-1, 0, 1, -1]), 3)
    assert cut == 1.0


def test_recall_can_only_fall():
    for seed in range(5):
        found = soft_filter(*world(seed, heart=1.0, people=5, per_person=12))
        assert found.with_heart.recall <= found.before.recall
        assert found.score_only.recall <= found.before.recall


def test_unknown_slopes_count_as_usual():
    candidates, references, slope = world(2, heart=2.0)
    slope[:100] = np.nan
    assert soft_filter(candidates, references, slope).with_heart.tp > 0


def test_scores_are_needed():
    with pytest.raises(DataError, match="a score above 0"):
        soft_filter(
            Candidates(["a"], reference=[-1], code=[1], score=[0.0]), Instants(["a"], [1]), np.zeros(1)
        )
