"""The estimator as a whole: what it accepts, what never changes, and what it is good for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mien.core.errors import DataError, OptionError
from mien.recognition.fusion import PRIORS, RULES, TIES, WEIGHTS, DecisionFusion

NAN = float("nan")
FORMULAS = sorted(set(RULES) - {"stacking"})


def draw(seed, n_members=4, n=30, m=3, missing=0.3):
    """Random scores with missing rows, and labels with some structure."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, m, n)
    scores = rng.dirichlet(np.ones(m), (n_members, n)) + 0.5 * np.eye(m)[y]
    scores[rng.random((n_members, n)) < missing] = NAN
    scores[0, 0] = rng.dirichlet(np.ones(m))  # at least one answer
    return rng, scores, y


def test_a_class_unseen_by_a_network_and_missing_members_by_hand() -> None:
    # Face: always right for 0 and 1. EEG: one right of two for 0, says 0 for 1, has no third sample.
    face = [[3, 1, 0], [3, 1, 0], [1, 3, 0]]
    eeg = [[2, 1, 0], [1, 2, 0], [NAN] * 3]
    fusion = DecisionFusion().fit([face, eeg], [0, 0, 1], n_classes=3)
    np.testing.assert_allclose(fusion.weights_, [[3 / 5, 2 / 4, 1 / 3], [2 / 5, 1 / 3, 1 / 3]])
    assert fusion.best_member_ == 0
    assert fusion.class_counts_.tolist() == [2, 1, 0]
    fused = fusion.fuse([[[1, 3, 0], [NAN] * 3, [NAN] * 3], [[2, 1, 0], [1, 2, 0], [NAN] * 3]])
    np.testing.assert_allclose(fused.scores, [[2 / 5, 1 / 2, 0], [0, 1 / 3, 0], [NAN] * 3])
    assert fused.estimate.tolist() == [1, 1, -1]
    assert fused.votes.tolist() == [[1, -1, -1], [0, 1, -1]]
    assert fused.members.tolist() == [[True, False, False], [True, True, False]]
    assert fused.tie.tolist() == ["", "", ""]
    assert fused.coverage.tolist() == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize("rule", RULES)
def test_no_sample_has_an_answer_or_there_is_none(rule) -> None:
    _, scores, y = draw(0)
    fusion = DecisionFusion(rule).fit(scores, y)
    silent = fusion.fuse(np.full((4, 2, 3), NAN))
    assert silent.estimate.tolist() == [-1, -1]
    assert np.isnan(silent.scores).all()
    assert fusion.fuse(np.empty((4, 0, 3))).scores.shape == (0, 3)
    assert np.isnan(fusion.fuse(np.empty((4, 0, 3))).coverage).all()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(sorted(RULES)),
    st.sampled_from(sorted(WEIGHTS)),
    st.sampled_from(sorted(PRIORS)),
    st.sampled_from([0.0, 1.0, 3.0]),
)
def test_answers_are_classes_and_scores_are_finite(seed, rule, weight, prior, smoothing) -> None:
    _, scores, y = draw(seed, missing=0.6)
    y = np.minimum(y, 1) if seed % 2 else y  # sometimes a class is absent from training
    fused = DecisionFusion(rule, weight, smoothing, prior).fit(scores, y).fuse(scores)
    measured = ~np.isnan(scores).any(axis=2).all(axis=0)
    assert set(fused.estimate[measured].tolist()) <= {0, 1, 2}
    assert (fused.estimate[~measured] == -1).all()
    assert np.isfinite(fused.scores[measured]).all()
    assert (fused.scores[measured] >= 0).all()
    if rule != "vote":
        np.testing.assert_allclose(fused.scores[measured].sum(axis=1), 1.0, rtol=1e-9)
    assert set(fused.tie.tolist()) <= set(TIES)
    top = np.take_along_axis(fused.scores[measured], fused.estimate[measured][:, None], axis=1)
    np.testing.assert_allclose(top[:, 0], fused.scores[measured].max(axis=1), rtol=1e-11)


@pytest.mark.parametrize("rule", FORMULAS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), weight=st.sampled_from(sorted(WEIGHTS)), order=st.permutations(range(3)))
def test_other_names_of_classes_give_the_same_answers(rule, seed, weight, order) -> None:
    _, scores, y = draw(seed)
    back = np.argsort(order)
    one = DecisionFusion(rule, weight).fit(scores, y).fuse(scores)
    other = DecisionFusion(rule, weight).fit(scores[..., order], back[y]).fuse(scores[..., order])
    clear = (one.tie == "") & (one.estimate >= 0)
    assume(clear.any())
    assert back[one.estimate[clear]].tolist() == other.estimate[clear].tolist()
    np.testing.assert_allclose(one.scores[:, order], other.scores, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_samples_are_answered_one_by_one(rule, seed) -> None:
    rng, scores, y = draw(seed)
    fusion = DecisionFusion(rule, "precision").fit(scores, y)
    one = fusion.fuse(scores)
    again = rng.integers(0, scores.shape[1], 50)
    other = fusion.fuse(scores[:, again])
    assert one.estimate[again].tolist() == other.estimate.tolist()
    np.testing.assert_allclose(one.scores[again], other.scores, rtol=1e-9)


@pytest.mark.parametrize("rule", FORMULAS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), gone=st.integers(0, 3))
def test_a_missing_member_is_as_one_that_never_was(rule, seed, gone) -> None:
    _, scores, y = draw(seed)
    rest = [i for i in range(4) if i != gone]
    assume(not np.isnan(scores[rest]).all())
    without = DecisionFusion(rule, "log-odds").fit(scores[rest], y).fuse(scores[rest])
    silent = scores.copy()
    silent[gone] = NAN
    for training in (scores, silent):
        masked = DecisionFusion(rule, "log-odds").fit(training, y).fuse(silent)
        assert masked.estimate.tolist() == without.estimate.tolist()
        assert masked.tie.tolist() == without.tie.tolist()
        np.testing.assert_array_equal(masked.scores, without.scores)


def test_ties_are_settled_by_scores_then_the_better_member_then_the_training_classes() -> None:
    y = np.array([0, 0, 1, 1, 1, 2, 2])
    right = np.eye(3)[y]
    worse = right.copy()
    worse[0] = [0, 1, 0]
    surer, as_sure, other = (
        [[[0.6, 0.4, 0]], [[0.1, 0.9, 0]]],
        [[[0.4, 0.6, 0]], [[0.6, 0.4, 0]]],
        [[[0.6, 0, 0.4]], [[0.4, 0, 0.6]]],
    )
    for training, scores, wanted in (
        ([right, worse], surer, (1, "summed-scores")),
        ([right, worse], as_sure, (1, "best-member")),
        ([worse, right], as_sure, (0, "best-member")),
        ([right, right], as_sure, (1, "prior")),
        ([right, right], other, (0, "lowest-class")),
    ):
        fused = DecisionFusion(weight="equal").fit(training, y).fuse(scores)
        assert (fused.estimate[0], fused.tie[0]) == wanted
        assert fused.scores[0].max() == 1.0


@pytest.mark.parametrize("rule", RULES)
def test_one_member_alone_decides(rule) -> None:
    y = np.repeat([0, 1, 2], 40)
    scores = (0.8 * np.eye(3)[y] + 0.1)[None]
    assert DecisionFusion(rule, "log-odds").fit(scores, y).fuse(scores).estimate.tolist() == y.tolist()


def test_noise_costs_log_odds_little_and_recall_weights_much(simulated) -> None:
    # Two good members, five at chance; 300 training samples, as a fold of MMME's smaller task has.
    rng = np.random.default_rng(4)
    y = rng.integers(0, 3, 40_300)
    scores = simulated(rng, y, [0.75, 0.70] + [1 / 3] * 5, n_classes=3)
    train, test = slice(0, 300), slice(300, None)
    found = {}
    for weight in ("recall", "log-odds"):
        fused = DecisionFusion("vote", weight).fit(scores[:, train], y[train]).fuse(scores[:, test])
        found[weight] = (fused.estimate == y[test]).mean()
    assert found["log-odds"] > 0.73  # the best member alone: .75
    assert found["recall"] < found["log-odds"] - 0.03


@pytest.mark.parametrize("rule", RULES)
def test_shuffled_labels_give_chance(rule, simulated) -> None:
    rng = np.random.default_rng(11)
    y = rng.integers(0, 3, 6000)
    scores = simulated(rng, y, [0.8, 0.6, 0.5], n_classes=3)
    shuffled = rng.permutation(y)
    fused = DecisionFusion(rule).fit(scores[:, :3000], shuffled[:3000]).fuse(scores[:, 3000:])
    assert (fused.estimate == shuffled[3000:]).mean() == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / 3000))


def test_the_prior_matters_to_rules_that_have_one() -> None:
    y = np.array([0] * 90 + [1] * 10)
    rng = np.random.default_rng(5)
    scores = np.stack([0.3 * np.eye(2)[y] + rng.random((100, 2)) for _ in range(3)])
    for rule in ("confusion", "product", "stacking"):
        trained, uniform = (DecisionFusion(rule, prior=p).fit(scores, y).fuse(scores).scores for p in PRIORS)
        assert np.abs(trained - uniform).max() > 0.05
    for rule in ("vote", "soft-vote", "dempster-shafer"):
        trained, uniform = (DecisionFusion(rule, prior=p).fit(scores, y).fuse(scores).scores for p in PRIORS)
        assert (trained == uniform).all()


def test_it_is_a_scikit_learn_estimator_that_travels() -> None:
    _, scores, y = draw(3)
    for rule in RULES:
        fusion = DecisionFusion(rule, "log-odds", 0.5, "uniform", 2.0)
        assert clone(fusion).get_params() == {
            "rule": rule,
            "weight": "log-odds",
            "smoothing": 0.5,
            "prior": "uniform",
            "penalty": 2.0,
        }
        with pytest.raises(NotFittedError):
            fusion.fuse(scores)
        fusion.fit(scores, y)
        copy = pickle.loads(pickle.dumps(fusion))
        np.testing.assert_array_equal(copy.fuse(scores).scores, fusion.fuse(scores).scores)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "median"}, "^rule: wanted one of vote, confusion, .* got 'median'; choose one of these.$"),
        ({"weight": "accuracy"}, "^weight: wanted one of equal, recall, .* got 'accuracy'"),
        ({"prior": "flat"}, "^prior: wanted one of training, uniform, got 'flat'"),
        ({"smoothing": -1}, "^smoothing: wanted a number of at least 0, got -1; use 1"),
        ({"smoothing": NAN}, "^smoothing: .* got nan"),
        ({"smoothing": "1"}, "^smoothing: .* got 1"),
        ({"penalty": 0.0}, "^penalty: wanted a number above 0, got 0.0"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message) -> None:
    _, scores, y = draw(1)
    with pytest.raises(OptionError, match=message):
        DecisionFusion(**options).fit(scores, y)


def test_data_that_cannot_be_are_refused() -> None:
    _, scores, y = draw(1)
    fusion = DecisionFusion()
    with pytest.raises(OptionError, match="n_classes: wanted at least 2, got 1; count"):
        fusion.fit(scores, y, n_classes=1)
    with pytest.raises(DataError, match=r"out-of-fold scores: wanted 7 classes, got shape \(4, 30, 3\)"):
        fusion.fit(scores, y, n_classes=7)
    with pytest.raises(DataError, match="wanted at least one answer of one member, got no answer to 30"):
        fusion.fit(np.full((4, 30, 3), NAN), y)
    with pytest.raises(DataError, match="wanted at least one answer"):
        fusion.fit(np.empty((4, 0, 3)), np.empty(0, dtype=int))
    with pytest.raises(DataError, match="out-of-fold scores of member 0, sample 0: wanted finite"):
        fusion.fit(np.full((1, 1, 2), np.inf), [0])
    with pytest.raises(DataError, match="y of sample 0: wanted a class from 0 to 2, got 3"):
        fusion.fit(scores, np.full(30, 3))
    fusion.fit(scores, y, n_classes=np.int64(3))
    for wrong in (scores[:3], scores[..., :2]):
        with pytest.raises(DataError, match=r"wanted 4 members and 3 classes, got shape .* give"):
            fusion.fuse(wrong)
