"""Paired tests against scipy's permutation test, statsmodels and hand calculations."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import permutation_test
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from mien.core.errors import DataError, OptionError
from mien.stats import mcnemar, paired_permutation, resampling


def share(pooled):
    return pooled[:, 0] / pooled.sum(axis=1)


def mean_recall(pooled):
    return (np.diagonal(pooled, axis1=1, axis2=2) / pooled.sum(axis=2)).mean(axis=1)


def confusions(seed, n, accuracy):
    rng = np.random.default_rng(seed)
    shares = np.full((3, 3), (1 - accuracy) / 2) + np.eye(3) * (accuracy - (1 - accuracy) / 2)
    return np.stack([[rng.multinomial(6, row) for row in shares] for _ in range(n)])


class TestPermutation:
    @pytest.mark.parametrize("counts", [[], np.zeros((0, 2)), np.zeros((3, 0))])
    def test_empty(self, counts):
        with pytest.raises(DataError, match="counts of at least one subject"):
            paired_permutation(counts, counts, statistic=share, seed=0)

    def test_unequal_shapes(self):
        with pytest.raises(DataError, match=r"got \(3, 2\) and \(2, 2\); pair the methods by subject"):
            paired_permutation(np.ones((3, 2)), np.ones((2, 2)), statistic=share, seed=0)

    def test_missing_count(self):
        with pytest.raises(DataError, match="a finite count everywhere"):
            paired_permutation([[1, np.nan]], [[1, 1]], statistic=share, seed=0)

    def test_no_permutations(self):
        with pytest.raises(OptionError, match="1 or more permutations, got 0"):
            paired_permutation([[1, 2]], [[2, 1]], statistic=share, n_permutations=0, seed=0)

    def test_statistic_over_the_wrong_axis(self):
        with pytest.raises(OptionError, match="reduce every axis but the first"):
            paired_permutation([[1, 2]], [[2, 1]], statistic=lambda x: x.mean(), seed=0)

    @pytest.mark.parametrize("n", [5, 40])
    def test_perfect_agreement_is_no_difference(self, n):
        counts = confusions(0, n, 0.7)
        result = paired_permutation(counts, counts, statistic=mean_recall, seed=0)
        assert (result.difference, result.p_value, result.n_subjects) == (0.0, 1.0, n)

    def test_hand_calculation(self):
        # all three subjects favour A: only the original and its mirror image reach the difference, 2 / 8
        result = paired_permutation([[3, 1]] * 3, [[1, 3]] * 3, statistic=share, seed=0)
        assert (result.difference, result.p_value) == (0.5, 0.25)
        assert (result.exact, result.n_permutations) == (True, 8)

    def test_plain_enumeration(self):
        a, b = confusions(1, 7, 0.7), confusions(2, 7, 0.5)
        observed = (mean_recall(a.sum(0)[None]) - mean_recall(b.sum(0)[None]))[0]
        hits = 0
        for swap in itertools.product([False, True], repeat=7):
            first = sum(y if s else x for s, x, y in zip(swap, a, b, strict=True))
            second = sum(x if s else y for s, x, y in zip(swap, a, b, strict=True))
            difference = (mean_recall(first[None]) - mean_recall(second[None]))[0]
            hits += abs(difference) >= abs(observed) - 1e-12
        result = paired_permutation(a, b, statistic=mean_recall, seed=0)
        assert (result.difference, result.p_value) == pytest.approx((observed, hits / 2**7))

    @pytest.mark.parametrize("seed", range(3))
    def test_scipy_exact(self, seed):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, 9))
        oracle = permutation_test(
            (x, y),
            lambda a, b, axis: a.sum(axis) - b.sum(axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
        )
        result = paired_permutation(x, y, statistic=lambda pooled: pooled, seed=0)
        assert result.difference == pytest.approx(oracle.statistic)
        assert result.p_value == pytest.approx(oracle.pvalue)

    def test_random_swaps_approach_the_exact_p(self):
        a, b = confusions(3, 12, 0.62), confusions(4, 12, 0.5)
        exact = paired_permutation(a, b, statistic=mean_recall, n_permutations=2**12, seed=0)
        drawn = paired_permutation(a, b, statistic=mean_recall, n_permutations=2**12 - 1, seed=0)
        assert (exact.exact, exact.n_permutations) == (True, 4096)
        assert (drawn.exact, drawn.n_permutations) == (False, 4095)
        assert drawn.p_value == pytest.approx(exact.p_value, abs=0.03)

    def test_p_is_never_zero(self):
        result = paired_permutation(
            np.tile([9, 1], (50, 1)), np.tile([1, 9], (50, 1)), statistic=share, n_permutations=99, seed=0
        )
        assert result.p_value == 1 / 100

    def test_many_subjects(self):
        a, b = confusions(5, 300, 0.6), confusions(6, 300, 0.6)
        assert not paired_permutation(a, b, statistic=mean_recall, n_permutations=200, seed=0).exact

    def test_undefined_difference_has_a_reason(self):
        with np.errstate(invalid="ignore"):
            result = paired_permutation([[0, 0]], [[1, 1]], statistic=share, seed=0)
        assert np.isnan([result.difference, result.p_value]).all()
        assert result.reason == "the statistic has no value for the counts of A or B"

    def test_undefined_swaps_never_lower_p(self):
        # swapping one of the two subjects pools (2, 1) against (0, 0): no value, counted as a hit
        with np.errstate(invalid="ignore"):
            result = paired_permutation([[1, 1], [0, 0]], [[0, 0], [1, 0]], statistic=share, seed=0)
        assert result.difference == -0.5
        assert result.p_value == 1.0

    def test_chunks_change_nothing(self, monkeypatch):
        a, b = confusions(7, 20, 0.6), confusions(8, 20, 0.55)
        arguments = {"statistic": mean_recall, "n_permutations": 501, "seed": 4}
        whole = paired_permutation(a, b, **arguments)
        monkeypatch.setattr(resampling, "_CHUNK_NUMBERS", 333)
        assert paired_permutation(a, b, **arguments) == whole

    def test_false_positives_keep_to_the_level(self):
        rng = np.random.default_rng(9)
        p = []
        for _ in range(300):
            a, b = (rng.multinomial(8, [0.6, 0.4], size=15) for _ in range(2))
            p.append(paired_permutation(a, b, statistic=share, n_permutations=199, seed=1).p_value)
        assert np.mean(np.array(p) <= 0.05) <= 0.08

    @settings(max_examples=40)
    @given(
        arrays(np.int64, (6, 2), elements=st.integers(1, 9)),
        arrays(np.int64, (6, 2), elements=st.integers(1, 9)),
        st.sampled_from([30, 64]),
    )
    def test_law_symmetric_in_methods(self, a, b, n_permutations):
        there, back = (
            paired_permutation(x, y, statistic=share, n_permutations=n_permutations, seed=3)
            for x, y in ((a, b), (b, a))
        )
        assert there.difference == -back.difference
        assert there.p_value == back.p_value
        assert 0 < there.p_value <= 1


def discordant(only_a, only_b, both=7, neither=3):
    a = [True] * (only_a + both) + [False] * (only_b + neither)
    b = [False] * only_a + [True] * (both + only_b) + [False] * neither
    return a, b


class TestMcNemar:
    def test_empty(self):
        with pytest.raises(DataError, match="equally many samples on both sides, at least one"):
            mcnemar([], [])

    def test_unequal_lengths(self):
        with pytest.raises(DataError, match="got 1 and 2; pair them by sample"):
            mcnemar([True], [True, False])

    @pytest.mark.parametrize("bad", [["True", "False"], [1.0, float("nan")], [1, 2], [[True], [False]]])
    def test_malformed(self, bad):
        with pytest.raises(DataError, match="true or false for each sample"):
            mcnemar([True, False], bad)

    def test_perfect_agreement_is_no_difference(self):
        result = mcnemar([True, False], [True, False])
        assert (result.only_a, result.only_b, result.p_value) == (0, 0, 1.0)

    def test_hand_calculation(self):
        # 5 of 6 discordant samples for A: 2 (1 + 6) / 2^6
        result = mcnemar(*discordant(5, 1))
        assert (result.only_a, result.only_b, result.statistic) == (5, 1, 1)
        assert result.p_value == pytest.approx(14 / 64)

    # not 12 and 12 for the chi-square: statsmodels corrects a difference of 0 to 1
    @pytest.mark.parametrize(("only_a", "only_b"), [(5, 1), (0, 8), (12, 13), (20, 9), (40, 31), (0, 30)])
    @pytest.mark.parametrize("exact", [True, False])
    def test_statsmodels(self, only_a, only_b, exact):
        result = mcnemar(*discordant(only_a, only_b), exact=exact)
        oracle = statsmodels_mcnemar([[7, only_a], [only_b, 3]], exact=exact, correction=True)
        assert (result.statistic, result.p_value) == pytest.approx((oracle.statistic, oracle.pvalue))
        assert result.exact is exact

    def test_equal_counts_are_no_difference(self):
        result = mcnemar(*discordant(30, 30))
        assert (result.statistic, result.p_value) == (0.0, 1.0)

    def test_exact_below_25_discordant_samples(self):
        assert mcnemar(*discordant(12, 12)).exact
        assert not mcnemar(*discordant(13, 12)).exact

    def test_arrays_and_zeros_and_ones(self):
        a, b = discordant(5, 1)
        assert mcnemar(np.array(a), np.array(b).astype(int)) == mcnemar(a, b)

    @given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80))
    def test_law_symmetric_in_methods(self, pairs):
        a, b = [x for x, _ in pairs], [y for _, y in pairs]
        there, back = mcnemar(a, b), mcnemar(b, a)
        assert there.p_value == pytest.approx(back.p_value)
        assert (there.only_a, there.only_b) == (back.only_b, back.only_a)
