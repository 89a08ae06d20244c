"""Stacking learns whom to believe, and copes with members that come and go."""

from __future__ import annotations

import numpy as np
import pytest

from mien.recognition.fusion import DecisionFusion
from mien.recognition.fusion.stacking import fit_stack

NAN = float("nan")


def labelled(seed, n, shares=(1 / 3, 1 / 3, 1 / 3)):
    rng = np.random.default_rng(seed)
    return rng, rng.choice(len(shares), n, p=shares)


def test_noise_is_ignored(simulated) -> None:
    rng, y = labelled(1, 6000)
    scores = simulated(rng, y, [0.7, 1 / 3, 1 / 3, 1 / 3, 1 / 3], n_classes=3)
    train, test = slice(0, 1000), slice(1000, None)
    accuracy = {}
    for rule in ("stacking", "soft-vote"):
        fusion = DecisionFusion(rule).fit(scores[:, train], y[train])
        accuracy[rule] = (fusion.fuse(scores[:, test]).estimate == y[test]).mean()
    alone = (scores[0, test].argmax(axis=1) == y[test]).mean()
    assert accuracy["stacking"] > alone - 0.02
    assert accuracy["soft-vote"] < alone - 0.1  # the noise is there


def test_weak_members_are_turned_into_a_strong_one(simulated) -> None:
    rng, y = labelled(2, 6000)
    scores = simulated(rng, y, [0.6] * 7, n_classes=3)
    fused = DecisionFusion("stacking").fit(scores[:, :1000], y[:1000]).fuse(scores[:, 1000:])
    assert (fused.estimate == y[1000:]).mean() > 0.77  # theory has .831 for votes with known weights


def test_a_member_that_is_always_wrong_is_read_backwards(simulated) -> None:
    rng, y = labelled(3, 2000, (0.5, 0.5))
    scores = simulated(rng, y, [0.05, 0.5], n_classes=2)
    fused = DecisionFusion("stacking").fit(scores[:, :500], y[:500]).fuse(scores[:, 500:])
    assert (fused.estimate == y[500:]).mean() > 0.92


def test_missing_members_stand_at_their_training_mean(simulated) -> None:
    rng, y = labelled(4, 900)
    scores = simulated(rng, y, [0.8, 0.6, 0.5], n_classes=3)
    scores[1, rng.random(900) < 0.3] = NAN
    chances = scores[:, :600]
    stack = fit_stack(chances, y[:600], balanced=False, penalty=1.0)
    test = scores[:, 600:].copy()
    test[1] = NAN
    inputs = [np.log(np.maximum(scores[i], 1e-3)) for i in range(3)]
    absent = np.isnan(scores[1, :600]).mean()
    parts = [one[600:] - np.nanmean(one[:600], axis=0) for one in inputs]
    parts[1] = np.zeros((300, 3))
    marks = np.column_stack([np.zeros(300), np.full(300, 1 - absent), np.zeros(300)])
    logits = np.hstack([*parts, marks]) @ stack.model.coef_.T + stack.model.intercept_
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(stack(test), wanted, rtol=1e-9)
    assert (stack(test).argmax(axis=1) == y[600:]).mean() > 0.7


def test_a_member_without_training_answers_changes_nothing(simulated) -> None:
    rng, y = labelled(5, 600)
    scores = simulated(rng, y, [0.7, 0.7, 0.9], n_classes=3)
    train = scores[:, :300].copy()
    train[2] = NAN
    with_it = DecisionFusion("stacking").fit(train, y[:300]).fuse(scores[:, 300:])
    without = DecisionFusion("stacking").fit(train[:2], y[:300]).fuse(scores[:2, 300:])
    np.testing.assert_allclose(with_it.scores, without.scores, atol=1e-6)


def test_a_uniform_prior_helps_the_rare_class(simulated) -> None:
    rng, y = labelled(6, 4000, (0.9, 0.1))
    scores = simulated(rng, y, [0.65, 0.65], n_classes=2)
    recall = {}
    for prior in ("training", "uniform"):
        fused = DecisionFusion("stacking", prior=prior).fit(scores[:, :2000], y[:2000]).fuse(scores[:, 2000:])
        rare = y[2000:] == 1
        recall[prior] = (fused.estimate[rare] == 1).mean()
    assert recall["uniform"] > recall["training"] + 0.3


def test_a_class_without_training_samples_has_probability_zero(simulated) -> None:
    rng, y = labelled(7, 300, (0.5, 0.5, 0.0))
    scores = simulated(rng, y, [0.7, 0.6], n_classes=3)
    fused = DecisionFusion("stacking").fit(scores, y).fuse(scores)
    assert (fused.scores[:, 2] == 0).all()
    np.testing.assert_allclose(fused.scores.sum(axis=1), 1.0)
    only = DecisionFusion("stacking").fit(scores, np.ones(300, dtype=int)).fuse(scores)
    assert only.scores.tolist() == [[0, 1, 0]] * 300


def test_a_strong_penalty_leaves_the_class_frequencies(simulated) -> None:
    rng, y = labelled(8, 500, (0.6, 0.3, 0.1))
    scores = simulated(rng, y, [0.9], n_classes=3)
    fused = DecisionFusion("stacking", penalty=1e9).fit(scores, y).fuse(scores)
    assert fused.scores[0] == pytest.approx(np.bincount(y) / 500, abs=1e-4)


def test_twice_is_the_same(simulated) -> None:
    rng, y = labelled(9, 300)
    scores = simulated(rng, y, [0.7, 0.5], n_classes=3)
    one, other = (DecisionFusion("stacking").fit(scores, y).fuse(scores).scores for _ in range(2))
    assert (one == other).all()
