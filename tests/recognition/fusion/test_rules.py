"""Every rule against its formula, one number after another."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.recognition.fusion.rules import (
    confusion_scores,
    dempster_shafer_scores,
    product_scores,
    soft_vote_scores,
    vote_scores,
)
from mien.recognition.fusion.scores import probabilities

NAN = float("nan")


def members(seed, n_members=4, n=12, m=3, missing=0.3):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(m), (n_members, n))
    scores[rng.random((n_members, n)) < missing] = NAN
    scores[0] = rng.dirichlet(np.ones(m), n)  # no sample is without an answer
    return rng, scores


def present(scores, sample):
    return [(i, rows[sample].tolist()) for i, rows in enumerate(scores) if not math.isnan(rows[sample][0])]


def test_votes_by_hand() -> None:
    scores = probabilities([[[0.6, 0.3, 0.1]], [[0.1, 0.2, 0.7]], [[0.2, 0.1, 0.7]], [[NAN, NAN, NAN]]])
    weights = np.array([[0.9, 0.1, 0.1], [0.5, 0.5, 0.3], [0.1, 0.1, 0.4], [5, 5, 5]])
    assert vote_scores(scores, weights=weights)[0] == pytest.approx([0.9, 0.0, 0.7])


@pytest.mark.parametrize("seed", range(5))
def test_soft_votes_are_the_mean_over_those_who_answer(seed) -> None:
    _, scores = members(seed)
    for sample, row in enumerate(soft_vote_scores(scores)):
        answers = [answer for _, answer in present(scores, sample)]
        wanted = [sum(a[j] for a in answers) / len(answers) for j in range(3)]
        assert row.tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_products_are_those_of_the_formula(seed) -> None:
    rng, scores = members(seed)
    prior = rng.dirichlet([2, 3, 4])
    for sample, row in enumerate(product_scores(scores, prior=prior)):
        answers = [answer for _, answer in present(scores, sample)]
        raw = [prior[j] ** (1 - len(answers)) * math.prod(a[j] for a in answers) for j in range(3)]
        assert row.tolist() == pytest.approx([r / sum(raw) for r in raw], rel=1e-10)


def test_the_product_of_exact_posteriors_is_the_exact_posterior() -> None:
    # P(a | j), P(b | j), a and b independent given j: Bayes' theorem for both at once, and for each alone.
    prior, a, b = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.5, 0.6]), np.array([0.3, 0.3, 0.9])
    alone = np.stack([(prior * a / (prior @ a))[None], (prior * b / (prior @ b))[None]])
    both = prior * a * b / (prior * a * b).sum()
    assert product_scores(alone, prior=prior)[0] == pytest.approx(both)


def test_one_veto_does_not_forbid_a_class() -> None:
    scores = np.array([[[0.0, 1.0]]] + [[[1 - 1e-3, 1e-3]]] * 6)
    found = product_scores(scores, prior=np.array([0.5, 0.5]))
    assert np.isfinite(found).all()
    assert found[0, 0] > 0.99


@pytest.mark.parametrize("seed", range(5))
def test_confusion_is_bayes_theorem_on_votes(seed) -> None:
    rng, scores = members(seed)
    prior, likelihood = rng.dirichlet([2, 3, 4]), rng.dirichlet(np.ones(3), (4, 3))
    for sample, row in enumerate(confusion_scores(scores, likelihood=likelihood, prior=prior)):
        raw = [
            prior[j]
            * math.prod(likelihood[i][j][answer.index(max(answer))] for i, answer in present(scores, sample))
            for j in range(3)
        ]
        assert row.tolist() == pytest.approx([r / sum(raw) for r in raw], rel=1e-10)


def subsets_dempster_shafer(masses_of_members, m):
    """Dempster's rule over all subsets of the frame, then the pignistic probability."""
    frame = frozenset(range(m))
    joint = {frame: 1.0}
    for masses in masses_of_members:
        combined: dict[frozenset[int], float] = {}
        for (a, x), (b, y) in itertools.product(joint.items(), masses.items()):
            combined[a & b] = combined.get(a & b, 0.0) + x * y
        conflict = combined.pop(frozenset(), 0.0)
        joint = {focal: mass / (1 - conflict) for focal, mass in combined.items()}
    return [sum(mass / len(focal) for focal, mass in joint.items() if j in focal) for j in range(m)]


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 5))
def test_dempster_shafer_is_that_over_all_subsets(seed, m, n_members) -> None:
    rng, scores = members(seed, n_members=n_members, n=3, m=m)
    reliability = rng.uniform(0, 0.99, n_members)
    for sample, row in enumerate(dempster_shafer_scores(scores, reliability=reliability)):
        masses = [
            {frozenset({j}): reliability[i] * answer[j] for j in range(m)}
            | {frozenset(range(m)): 1 - reliability[i]}
            for i, answer in present(scores, sample)
        ]
        assert row.tolist() == pytest.approx(subsets_dempster_shafer(masses, m), rel=1e-9, abs=1e-12)


def test_certain_members_that_contradict_each_other_leave_something() -> None:
    scores = np.array([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]])
    found = dempster_shafer_scores(scores, reliability=np.array([1.0, 1.0]))
    assert found[0] == pytest.approx([0.5, 0.5, 0.0], abs=1e-5)
