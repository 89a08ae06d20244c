"""Bootstrap and proportion intervals against scipy, statsmodels and a plain loop over subjects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import bootstrap
from statsmodels.stats.proportion import proportion_confint

from mien.core.errors import DataError, OptionError
from mien.stats import proportion_interval, resampling, subject_bootstrap


def share(pooled):
    with np.errstate(invalid="ignore", divide="ignore"):
        return pooled[:, 0] / pooled.sum(axis=1)


def accuracy(pooled):
    return np.trace(pooled, axis1=1, axis2=2) / pooled.sum(axis=(1, 2))


COUNTS = np.random.default_rng(0).poisson(4, size=(15, 3, 3)) + 5 * np.eye(3, dtype=int)


class TestBootstrap:
    @pytest.mark.parametrize("counts", [[], np.zeros((0, 3, 3)), np.zeros((4, 0)), 5])
    def test_empty(self, counts):
        with pytest.raises(DataError, match="counts of at least one subject"):
            subject_bootstrap(counts, statistic=share, seed=0)

    def test_missing_count(self):
        with pytest.raises(DataError, match="a finite count everywhere, got 1 that are not"):
            subject_bootstrap([[1, np.nan], [1, 1]], statistic=share, seed=0)

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"n_resamples": 0}, "1 or more resamples"), ({"level": 95}, "a level between 0 and 1")],
    )
    def test_malformed_options(self, options, message):
        with pytest.raises(OptionError, match=message):
            subject_bootstrap(COUNTS, statistic=accuracy, seed=0, **options)

    def test_statistic_over_the_wrong_axis(self):
        with pytest.raises(
            OptionError, match=r"shape \(1,\) from counts of shape \(1, 3, 3\), got shape \(3,\)"
        ):
            subject_bootstrap(COUNTS, statistic=lambda pooled: pooled.sum(axis=(0, 1)), seed=0)

    def test_perfect(self):
        result = subject_bootstrap(np.stack([np.eye(3)] * 6), statistic=accuracy, seed=0)
        assert (result.value, result.low, result.high, result.n_undefined) == (1.0, 1.0, 1.0, 0)

    def test_plain_loop(self):
        result = subject_bootstrap(COUNTS, statistic=accuracy, n_resamples=300, seed=7)
        rng = np.random.Generator(np.random.PCG64(7))
        replicates = []
        for _ in range(300):
            times = rng.multinomial(15, [1 / 15] * 15)
            sample = [COUNTS[i] for i in range(15) for _ in range(times[i])]
            pooled = sum(sample)
            replicates.append(np.trace(pooled) / pooled.sum())
        assert result.value == pytest.approx(np.trace(COUNTS.sum(0)) / COUNTS.sum())
        assert [result.low, result.high] == pytest.approx(np.percentile(replicates, [2.5, 97.5]))

    def test_scipy(self):
        right, total = np.trace(COUNTS, axis1=1, axis2=2), COUNTS.sum(axis=(1, 2))
        oracle = bootstrap(
            (right, total),
            lambda r, t, axis: r.sum(axis) / t.sum(axis),
            paired=True,
            vectorized=True,
            method="percentile",
            n_resamples=20_000,
            confidence_level=0.9,
            rng=np.random.default_rng(1),
        ).confidence_interval
        result = subject_bootstrap(COUNTS, statistic=accuracy, n_resamples=20_000, level=0.9, seed=0)
        assert (result.low, result.high) == pytest.approx(tuple(oracle), abs=0.003)

    def test_seed_decides(self):
        first, second, other = (subject_bootstrap(COUNTS, statistic=accuracy, seed=s) for s in (1, 1, 2))
        assert first == second
        assert first != other

    def test_chunks_change_nothing(self, monkeypatch):
        whole = subject_bootstrap(COUNTS, statistic=accuracy, n_resamples=501, seed=1)
        monkeypatch.setattr(resampling, "_CHUNK_NUMBERS", 100)
        assert subject_bootstrap(COUNTS, statistic=accuracy, n_resamples=501, seed=1) == whole

    def test_one_subject_has_no_interval(self):
        result = subject_bootstrap([[3, 1]], statistic=share, seed=0)
        assert result.value == 0.75
        assert np.isnan([result.low, result.high]).all()
        assert (result.reason, result.n_resamples) == ("one subject has no spread between subjects", 0)

    def test_undefined_replicates_are_left_out_and_counted(self):
        # a replicate of the empty subject alone has no share: probability (1/2)^2 with two subjects
        result = subject_bootstrap([[0, 0], [3, 1]], statistic=share, n_resamples=4000, seed=0)
        assert result.n_undefined / 4000 == pytest.approx(0.25, abs=0.03)
        assert (result.low, result.high) == (0.75, 0.75)

    def test_no_value_has_a_reason(self):
        result = subject_bootstrap([[0, 0], [0, 0]], statistic=share, n_resamples=10, seed=0)
        assert np.isnan([result.value, result.low, result.high]).all()
        assert (result.n_undefined, result.reason) == (10, "the statistic has no value for these counts")

    def test_no_replicate_has_a_reason(self):
        def only_one_at_a_time(pooled):
            return np.full(len(pooled), 1.0 if len(pooled) == 1 else np.nan)

        result = subject_bootstrap([[2, 0], [0, 2]], statistic=only_one_at_a_time, n_resamples=5, seed=3)
        assert (result.value, result.n_undefined) == (1.0, 5)
        assert np.isnan([result.low, result.high]).all()
        assert result.reason == "no replicate has a value"

    def test_interval_covers_the_truth(self):
        # subjects differ in difficulty: intervals over samples would be too narrow here
        rng = np.random.default_rng(11)
        covered = 0
        for _ in range(200):
            difficulty = rng.beta(6, 4, size=40)
            right = rng.binomial(20, difficulty)
            result = subject_bootstrap(
                np.stack([right, 20 - right], axis=1), statistic=share, n_resamples=300, seed=0
            )
            covered += result.low <= 0.6 <= result.high
        assert 0.88 <= covered / 200 <= 0.985

    @settings(max_examples=30)
    @given(arrays(np.int64, (2,), elements=st.integers(1, 50)), st.integers(2, 12), st.integers(0, 99))
    def test_law_identical_subjects_have_zero_width(self, row, n, seed):
        result = subject_bootstrap(np.tile(row, (n, 1)), statistic=share, n_resamples=50, seed=seed)
        assert result.low == result.high == result.value

    @settings(max_examples=30)
    @given(arrays(np.int64, (6, 2), elements=st.integers(1, 20)), st.integers(0, 99))
    def test_law_wider_level_contains_the_narrower(self, counts, seed):
        wide, narrow = (
            subject_bootstrap(counts, statistic=share, n_resamples=100, level=level, seed=seed)
            for level in (0.95, 0.5)
        )
        assert wide.low <= narrow.low <= narrow.high <= wide.high


class TestProportion:
    @pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5)])
    def test_empty_and_malformed(self, successes, n):
        with pytest.raises(DataError, match="0 <= successes <= n with n >= 1"):
            proportion_interval(successes, n)

    def test_level(self):
        with pytest.raises(OptionError, match="a level between 0 and 1"):
            proportion_interval(1, 2, level=1.0)

    def test_perfect(self):
        # with p = 1 the lower bound is n / (n + z^2)
        low, high = proportion_interval(10, 10)
        assert (low, high) == (pytest.approx(10 / (10 + 1.959964**2)), 1.0)

    @given(st.integers(1, 300), st.floats(0, 1), st.floats(0.5, 0.999))
    def test_statsmodels(self, n, fraction, level):
        successes = round(fraction * n)
        interval = proportion_interval(successes, n, level=level)
        oracle = proportion_confint(successes, n, alpha=1 - level, method="wilson")
        assert interval == pytest.approx(oracle, abs=1e-9)
        assert 0 <= interval[0] <= successes / n <= interval[1] <= 1
