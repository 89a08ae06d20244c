"""Tests of differences against scipy, statsmodels, pingouin and hand calculations."""

import warnings

import numpy as np
import pingouin
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mien.core.errors import DataError, OptionError
from mien.stats import subject_bootstrap
from mien.stats.differences import (
    effect_interval,
    paired_t,
    random_intercept,
    signed_rank,
    subject_means,
)


@pytest.fixture(scope="module")
def grouped():
    """60 differences of 9 people, unbalanced, with a person's own level."""
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(9), [2, 5, 9, 4, 12, 7, 6, 8, 7])
    return rng.normal(0.4, 1.0, 60) + rng.normal(0.0, 0.8, 9)[who], who


class TestPairedT:
    def test_empty(self):
        found = paired_t(np.empty((0, 2)))
        assert found.reason.tolist() == ["few-pairs", "few-pairs"]
        assert np.isnan(found.p).all()

    def test_malformed(self):
        with pytest.raises(DataError, match=r"shape \(3,\)"):
            paired_t([1.0, 2.0, 3.0])
        with pytest.raises(DataError, match="infinite"):
            paired_t([[np.inf]])
        with pytest.raises(OptionError, match="2 pairs or more"):
            paired_t([[1.0]], least=1)

    def test_equals_scipy_and_pingouin_with_missing_pairs(self):
        rng = np.random.default_rng(0)
        before, after = rng.normal(size=(2, 30, 5)) + np.array([0.0, 0.3])[:, None, None]
        after[rng.random((30, 5)) < 0.3] = np.nan
        found = paired_t(after - before)
        for i in range(5):
            known = np.isfinite(after[:, i])
            a, b = after[known, i], before[known, i]
            expected = stats.ttest_rel(a, b)
            assert found.t[i] == pytest.approx(expected.statistic, rel=1e-12)
            assert found.p[i] == pytest.approx(expected.pvalue, rel=1e-12)
            oracle = pingouin.ttest(a, b, paired=True)
            assert found.t[i] == pytest.approx(float(oracle["T"].iloc[0]), abs=1e-3)
            assert found.d_z[i] == pytest.approx(np.mean(a - b) / np.std(a - b, ddof=1), rel=1e-12)

    def test_no_variation(self):
        found = paired_t([[0.0, 2.0], [0.0, 2.0], [0.0, 2.0]])
        assert found.reason.tolist() == ["no-variation", "no-variation"]
        assert found.mean.tolist() == [0.0, 2.0]
        assert np.isnan(found.t).all()

    @given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=20), st.floats(0.1, 1e3))
    def test_scale_does_not_matter(self, values, scale):
        one, other = paired_t(np.array(values)[:, None]), paired_t(scale * np.array(values)[:, None])
        if one.reason[0] == other.reason[0] == "":
            assert other.t[0] == pytest.approx(one.t[0], rel=1e-6, abs=1e-9)


class TestSignedRank:
    def test_equals_scipy(self):
        rng = np.random.default_rng(1)
        few, many = rng.normal(0.4, 1, 20), rng.normal(0.2, 1, 80)
        tied = rng.integers(-3, 5, 40).astype(float)  # zeros are left out
        kept = tied[tied != 0]
        for values, expected in (
            (few, stats.wilcoxon(few, method="exact").pvalue),
            (many, stats.wilcoxon(many, correction=False, method="approx").pvalue),
            (tied, stats.wilcoxon(kept, correction=False, method="approx").pvalue),
        ):
            assert signed_rank(values[:, None])[0] == pytest.approx(expected, rel=1e-10)

    def test_nothing_differs(self):
        assert np.isnan(signed_rank([[0.0], [0.0], [np.nan]])).all()


class TestSubjectMeans:
    def test_hand_calculation(self):
        found = subject_means([[1.0, 5.0], [3.0, np.nan], [2.0, 1.0]], ["b", "b", "a"])
        assert found.tolist() == [[2.0, 1.0], [2.0, 5.0]]

    def test_wrong_number_of_subjects(self):
        with pytest.raises(DataError, match="the subject of each of 2 pairs"):
            subject_means([[1.0], [2.0]], ["a"])


class TestEffectInterval:
    def test_equals_the_bootstrap_of_pooled_counts(self, grouped):
        values, who = grouped

        def d_z(pooled):
            n, total, squares = pooled.T
            return total / n / np.sqrt((squares - total**2 / n) / (n - 1))

        counts = [[np.sum(who == s), values[who == s].sum(), (values[who == s] ** 2).sum()] for s in range(9)]
        expected = subject_bootstrap(counts, statistic=d_z, n_resamples=500, seed=5)
        found = effect_interval(values[:, None], who, n_resamples=500, seed=5)
        assert found[0] == pytest.approx([expected.low, expected.high], rel=1e-9)

    def test_one_subject_has_no_interval(self):
        assert np.isnan(effect_interval([[1.0], [2.0], [4.0]], ["a"] * 3, seed=0)).all()

    def test_covers_about_as_often_as_it_says(self):
        """The interval of 40 people covers the true d_z of 0.5 in roughly 95 % of samples."""
        rng = np.random.default_rng(0)
        who = np.repeat(np.arange(40), 5)
        values = 0.5 + rng.normal(size=(200, 400))
        found = effect_interval(values, who, n_resamples=400, seed=1)
        covered = np.mean((found[:, 0] <= 0.5) & (found[:, 1] >= 0.5))
        assert 0.90 <= covered <= 0.98

    def test_impossible_options(self):
        with pytest.raises(OptionError, match="1 or more resamples"):
            effect_interval([[1.0]], ["a"], n_resamples=0, seed=0)
        with pytest.raises(OptionError, match="level"):
            effect_interval([[1.0]], ["a"], level=1.0, seed=0)


class TestRandomIntercept:
    def test_equals_statsmodels(self, grouped):
        import statsmodels.api as sm

        values, who = grouped
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = sm.MixedLM(values, np.ones((60, 1)), groups=who).fit(reml=True)
        found = random_intercept(values, who)
        assert found.mean == pytest.approx(float(expected.fe_params[0]), rel=1e-5)
        assert found.error == pytest.approx(float(expected.bse_fe[0]), rel=1e-4)
        assert found.within == pytest.approx(float(expected.scale), rel=1e-4)
        assert found.between == pytest.approx(float(np.asarray(expected.cov_re)[0, 0]), rel=1e-3)
        assert found.p == pytest.approx(2 * stats.t.sf(abs(found.mean) / found.error, 8), rel=1e-12)

    def test_balanced_groups_give_the_t_test_of_their_means(self):
        rng = np.random.default_rng(2)
        values = rng.normal(0.3, 1, (7, 4)) + rng.normal(0, 2, (7, 1))
        found = random_intercept(values.reshape(-1), np.repeat(np.arange(7), 4))
        expected = stats.ttest_1samp(values.mean(axis=1), 0)
        assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)

    def test_groups_that_do_not_differ_give_the_plain_error(self):
        values, who = (
            [1.0, -1.0, 2.0, 0.0, 1.5, -0.5],
            [0, 0, 1, 1, 2, 2],
        )  # means 0, 1, 0.5
        found = random_intercept(values, who)
        assert found.between == 0.0
        assert found.error == pytest.approx(np.std(values, ddof=1) / np.sqrt(6))

    def test_one_value_per_group_is_the_t_test(self):
        values = np.array([1.0, 2.0, 4.0, 3.0])
        found = random_intercept(values, list("abcd"))
        assert found.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)

    @pytest.mark.parametrize(
        ("values", "groups", "reason"),
        [
            ([], [], "few-subjects"),
            ([1.0, 2.0], ["a", "a"], "few-subjects"),
            ([np.nan, 2.0], ["a", "b"], "few-subjects"),
            ([2.0, 2.0, 2.0], ["a", "b", "c"], "no-variation"),
        ],
    )
    def test_no_test(self, values, groups, reason):
        found = random_intercept(values, groups)
        assert found.reason == reason
        assert np.isnan(found.p)

    @given(st.integers(0, 10_000))
    def test_never_warns_and_is_always_finite(self, seed):
        rng = np.random.default_rng(seed)
        who = rng.integers(0, 6, 25)
        values = np.round(rng.normal(size=25) * rng.choice([1e-9, 1.0, 1e9]), 12) + rng.normal()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = random_intercept(values, who)
        assert found.reason or np.isfinite([found.mean, found.error, found.p]).all()


def test_pseudo_replication():
    """People who differ in how they react, and not on average: pairs find too much, people about 5 %."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(8), 12)
    values = rng.normal(size=(96, 500)) + rng.normal(0.0, 0.7, (8, 500))[who]
    by_pair = paired_t(values).p
    by_subject = paired_t(subject_means(values, who)).p
    by_model = np.array([random_intercept(column, who).p for column in values.T])
    assert np.mean(by_pair < 0.05) > 0.25
    assert 0.03 <= np.mean(by_subject < 0.05) <= 0.075
    assert 0.03 <= np.mean(by_model < 0.05) <= 0.075
