"""Alpha and the intraclass correlations against Shrout & Fleiss 1979, pingouin and a plain two-way ANOVA."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.core.errors import DataError, OptionError
from mien.stats import cronbach_alpha, intraclass_correlation

# Shrout & Fleiss 1979, table 2: six targets rated by four judges.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
FORMS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")
PINGOUIN_NAMES = dict(
    zip(FORMS, ("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)"), strict=True)
)


def simulated(seed, n=30, k=5, rater_spread=1.0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, 1)) * 2
        + rng.normal(size=(1, k)) * rater_spread
        + rng.normal(size=(n, k)) * 1.5
        + 100
    )


def pingouin_icc(ratings):
    pingouin = pytest.importorskip("pingouin")
    table = pd.DataFrame(np.asarray(ratings, float)).reset_index().melt("index")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pingouin.intraclass_corr(table, "index", "variable", "value").set_index("Type")


def mean_squares(x):
    """Between targets, between raters, residual, within targets: loops over cells, no algebra."""
    n, k = x.shape
    grand = sum(x[i, j] for i in range(n) for j in range(k)) / (n * k)
    rows = [sum(x[i]) / k for i in range(n)]
    columns = [sum(x[:, j]) / n for j in range(k)]
    between = sum(k * (r - grand) ** 2 for r in rows) / (n - 1)
    raters = sum(n * (c - grand) ** 2 for c in columns) / (k - 1)
    cells = [(i, j) for i in range(n) for j in range(k)]
    residual = sum((x[i, j] - rows[i] - columns[j] + grand) ** 2 for i, j in cells) / ((n - 1) * (k - 1))
    within = sum((x[i, j] - rows[i]) ** 2 for i, j in cells) / (n * (k - 1))
    return between, raters, residual, within


@pytest.mark.parametrize("function", [cronbach_alpha, intraclass_correlation])
class TestRefusals:
    @pytest.mark.parametrize("ratings", [[], [[]], [[1, 2, 3]], [[1], [2]], [1, 2, 3], np.ones((2, 2, 2))])
    def test_empty(self, function, ratings):
        with pytest.raises(DataError, match="at least two targets"):
            function(ratings)

    def test_missing_rating(self, function):
        with pytest.raises(DataError, match=r"nan at row 1, column 0 \(2 such in all\)"):
            function([[1, 2], [np.nan, 3], [4, np.inf]])

    @pytest.mark.parametrize("ratings", [[[1, 2], [3]], [["high", "low"], ["low", "low"]]])
    def test_malformed(self, function, ratings):
        with pytest.raises(DataError, match="a table of numbers"):
            function(ratings)

    @pytest.mark.parametrize("level", [0, 1, 95, -0.5])
    def test_level(self, function, level):
        with pytest.raises(OptionError, match="a level between 0 and 1"):
            function(JUDGES, level=level)


class TestAlpha:
    def test_perfect(self):
        result = cronbach_alpha([[1, 1, 1], [2, 2, 2], [5, 5, 5]])
        assert (result.value, result.low, result.high) == (1.0, 1.0, 1.0)

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("level", [0.95, 0.8])
    def test_pingouin(self, seed, level):
        pingouin = pytest.importorskip("pingouin")
        ratings = simulated(seed)
        value, (low, high) = pingouin.cronbach_alpha(pd.DataFrame(ratings), ci=level)
        result = cronbach_alpha(ratings, level=level)
        assert result.value == pytest.approx(value, abs=1e-12)
        # pingouin rounds its bounds to three digits
        assert (result.low, result.high) == pytest.approx((low, high), abs=5.01e-4)
        assert (result.n_targets, result.n_raters) == (30, 5)

    def test_definition_by_variances(self):
        # sums 24 12 26 16 30 19; item variances 2.6667 2.7 2.6667 6.6667; total variance 45.7667
        variances = sum(np.var(JUDGES[:, j], ddof=1) for j in range(4))
        expected = 4 / 3 * (1 - variances / np.var([24, 12, 26, 16, 30, 19], ddof=1))
        assert cronbach_alpha(JUDGES).value == pytest.approx(expected)
        assert expected == pytest.approx(0.909, abs=5e-4)

    def test_is_the_consistency_of_the_mean(self):
        result, icc = cronbach_alpha(JUDGES), intraclass_correlation(JUDGES)["ICC(3,k)"]
        assert (result.value, result.low, result.high) == pytest.approx((icc.value, icc.low, icc.high))

    @pytest.mark.parametrize(
        ("ratings", "reason"),
        [
            (np.full((4, 3), 0.1), "all ratings are equal"),
            ([[1, 2], [2, 1], [1, 2]], "all targets have the same mean rating"),
            ([[0.1, 0.2, 0.3], [0.2, 0.3, 0.1], [0.3, 0.1, 0.2]], "all targets have the same mean rating"),
        ],
    )
    def test_no_value_has_a_reason(self, ratings, reason):
        result = cronbach_alpha(ratings)
        assert np.isnan([result.value, result.low, result.high]).all()
        assert result.reason == reason

    def test_interval_covers_the_truth(self):
        # one-factor model: ICC(3,1) = 4 / (4 + 2.25), stepped up to five raters
        truth = 5 * 4 / (5 * 4 + 2.25)
        results = [cronbach_alpha(simulated(seed, n=15)) for seed in range(400)]
        covered = np.mean([r.low <= truth <= r.high for r in results])
        assert 0.92 <= covered <= 0.98


class TestIntraclassCorrelation:
    def test_published_values(self):
        result = intraclass_correlation(JUDGES)
        assert tuple(result) == FORMS
        assert [round(result[form].value, 2) for form in FORMS] == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]

    @pytest.mark.parametrize("rater_spread", [0.0, 1.0, 5.0])
    @pytest.mark.parametrize("seed", range(3))
    def test_pingouin(self, seed, rater_spread):
        ratings = simulated(seed, rater_spread=rater_spread)
        self.compare(ratings)

    def test_pingouin_on_published_ratings(self):
        self.compare(JUDGES)

    @staticmethod
    def compare(ratings):
        expected, result = pingouin_icc(ratings), intraclass_correlation(ratings)
        for form, icc in result.items():
            row = expected.loc[PINGOUIN_NAMES[form]]
            assert icc.value == pytest.approx(row["ICC"], abs=1e-9)
            assert (icc.f, icc.df1, icc.df2) == pytest.approx((row["F"], row["df1"], row["df2"]))
            assert icc.p_value == pytest.approx(row["pval"], rel=1e-6)
            # pingouin rounds its bounds to two digits
            assert [icc.low, icc.high] == pytest.approx(list(row["CI95"]), abs=5.01e-3)
            assert icc.reason is None

    @pytest.mark.parametrize("seed", range(3))
    def test_plain_formulas(self, seed):
        x = simulated(seed, n=7, k=4)
        b, j, e, w = mean_squares(x)
        n, k = x.shape
        expected = [
            (b - w) / (b + (k - 1) * w),
            (b - e) / (b + (k - 1) * e + k * (j - e) / n),
            (b - e) / (b + (k - 1) * e),
            (b - w) / b,
            (b - e) / (b + (j - e) / n),
            (b - e) / b,
        ]
        result = intraclass_correlation(x)
        assert [result[form].value for form in FORMS] == pytest.approx(expected, rel=1e-9)

    def test_equation_of_the_mmme_paper(self):
        b, _, e, _ = mean_squares(JUDGES.astype(float))
        assert intraclass_correlation(JUDGES)["ICC(3,1)"].value == pytest.approx((b - e) / (b + 3 * e))

    def test_perfect(self):
        for icc in intraclass_correlation([[1, 1, 1], [2, 2, 2], [5, 5, 5]]).values():
            assert (icc.value, icc.low, icc.high, icc.p_value) == (1.0, 1.0, 1.0, 0.0)
            assert icc.reason is None

    def test_shifted_raters_are_consistent_but_do_not_agree(self):
        result = intraclass_correlation([[1, 11], [2, 12], [4, 14], [5, 15]])
        assert result["ICC(3,1)"].value == 1.0
        assert result["ICC(2,1)"].value < 0.1
        assert 0 <= result["ICC(2,1)"].low <= result["ICC(2,1)"].value <= result["ICC(2,1)"].high

    def test_constant_ratings_have_no_value(self):
        for icc in intraclass_correlation(np.full((5, 3), 0.1)).values():
            assert np.isnan([icc.value, icc.f, icc.p_value, icc.low, icc.high]).all()
            assert icc.reason == "all ratings are equal"

    def test_equal_targets_have_no_reliability_of_the_mean(self):
        result = intraclass_correlation([[1, 2, 3], [2, 3, 1], [3, 1, 2]])
        assert result["ICC(3,1)"].value == pytest.approx(-1 / 2)
        assert np.isnan(result["ICC(3,k)"].value)
        assert result["ICC(3,k)"].reason == "all targets have the same mean rating"

    def test_contradicting_raters_get_no_inflated_mean(self):
        # MS_B = 0.005, MS_J = 0, MS_E = 1.125: the plain formula of ICC(2,k) would give 2.0
        icc = intraclass_correlation([[0.0, 1.5], [1.6, 0.1]])["ICC(2,k)"]
        assert np.isnan(icc.value)
        assert icc.reason == "a variance of the mean rating is estimated as negative"

    def test_no_interval_that_misses_its_value(self):
        # MS_B = 0.25, MS_J = MS_E = 6.25: df = 0.01, and the published bounds would be -1 and -0.99999
        icc = intraclass_correlation([[1, 6], [3, 3]])["ICC(2,1)"]
        assert icc.value == pytest.approx(-12 / 13)
        assert np.isnan([icc.low, icc.high]).all()
        assert icc.reason == "the approximate degrees of freedom fail, so that there is no interval"

    def test_mapping_and_frozen(self):
        result = intraclass_correlation(JUDGES)
        assert len(result) == 6
        assert "ICC(3,1)" in result
        with pytest.raises(KeyError, match=r"ICC\(9,9\): wanted one of ICC\(1,1\)"):
            result["ICC(9,9)"]
        with pytest.raises(dataclasses.FrozenInstanceError):
            result.n_targets = 3

    @pytest.mark.parametrize("form", ["ICC(1,1)", "ICC(2,1)", "ICC(3,1)"])
    def test_interval_covers_the_truth(self, form):
        # variances 4 (targets), 1 (raters), 2.25 (residual); consistency does not count raters
        truth = {"ICC(1,1)": 4 / 7.25, "ICC(2,1)": 4 / 7.25, "ICC(3,1)": 4 / 6.25}[form]
        k, n = 8, 20
        rng = np.random.default_rng(5)
        covered = 0
        for _ in range(300):
            raters = rng.normal(size=(n if form == "ICC(1,1)" else 1, k))
            ratings = 2 * rng.normal(size=(n, 1)) + raters + 1.5 * rng.normal(size=(n, k))
            icc = intraclass_correlation(ratings)[form]
            covered += icc.low <= truth <= icc.high
        assert 0.91 <= covered / 300 <= 0.985


ratings_2d = arrays(
    float, st.tuples(st.integers(2, 6), st.integers(2, 5)), elements=st.integers(1, 9).map(float)
)


def values(result):
    """Values of all forms, with the bounds of those that are well conditioned.

    Below 0 the parts of ICC(2,.)'s degrees of freedom nearly cancel: its bounds then hang on rounding.
    """
    steady = result["ICC(2,1)"].value > 0.01
    rows = [
        (icc.value, icc.low, icc.high) if steady or "2," not in name else (icc.value,) * 3
        for name, icc in result.items()
    ]
    return np.array(rows)


@given(ratings_2d, st.integers(-1000, 1000), st.sampled_from([0.25, 0.1, 3.0]))
def test_law_shift_and_scale_change_nothing(ratings, shift, scale):
    original, moved = intraclass_correlation(ratings), intraclass_correlation(ratings * scale + shift)
    np.testing.assert_allclose(values(moved), values(original), rtol=1e-6, atol=1e-7)


@given(ratings_2d, st.randoms(use_true_random=False))
def test_law_order_of_targets_and_raters_changes_nothing(ratings, random):
    rows, columns = (random.sample(range(m), m) for m in ratings.shape)
    mixed = intraclass_correlation(ratings[rows][:, columns])
    np.testing.assert_allclose(values(mixed), values(intraclass_correlation(ratings)), rtol=1e-6, atol=1e-7)


@given(ratings_2d)
def test_law_value_lies_in_its_interval_or_has_a_reason(ratings):
    for icc in intraclass_correlation(ratings).values():
        if icc.reason is None:
            assert icc.low - 1e-9 <= icc.value <= icc.high + 1e-9
            assert icc.high <= 1 + 1e-12
        else:
            assert np.isnan([icc.value, icc.low, icc.high]).any()


@given(ratings_2d, st.lists(st.integers(-9, 9), min_size=5, max_size=5))
def test_law_consistency_ignores_the_raters_level(ratings, levels):
    shifted = ratings + np.array(levels[: ratings.shape[1]])
    for form in ("ICC(3,1)", "ICC(3,k)"):
        before, after = (intraclass_correlation(x)[form].value for x in (ratings, shifted))
        np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-7)
