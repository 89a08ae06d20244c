"""Kappas against scikit-learn, statsmodels, published tables and plain re-implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_cohen
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from mien.core.errors import DataError, OptionError
from mien.stats import cohen_kappa, fleiss_kappa

CLASSES = ["negative", "positive", "surprise", "others"]
WEIGHTS = [None, "linear", "quadratic"]

# Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses; kappa .430.
DIAGNOSES = [
    "00060", "03003", "01401", "00006", "03030", "20400", "00402", "20310", "20040", "00006",
    "10050", "11040", "03300", "10050", "02031", "00501", "30012", "51000", "02040", "10203",
    "00006", "01050", "02013", "20040", "10041", "05010", "40002", "02040", "10500", "00006",
]  # fmt: skip


def labels(seed, n=80, agree=0.6):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 4, n)
    b = np.where(rng.random(n) < agree, a, rng.integers(0, 4, n))
    return [CLASSES[i] for i in a], [CLASSES[i] for i in b]


def table(a, b):
    counts = np.zeros((4, 4))
    for x, y in zip(a, b, strict=True):
        counts[CLASSES.index(x), CLASSES.index(y)] += 1
    return counts


class TestCohen:
    def test_empty(self):
        with pytest.raises(DataError, match="equally many subjects on both sides"):
            cohen_kappa([], [])

    def test_unequal_lengths(self):
        with pytest.raises(DataError, match="got 2 and 1"):
            cohen_kappa([1, 2], [1])

    @pytest.mark.parametrize("missing", [None, float("nan")])
    def test_missing_label(self, missing):
        with pytest.raises(DataError, match="label 1 of the second rater"):
            cohen_kappa([1, 2], [1, missing])

    def test_label_outside_classes(self):
        with pytest.raises(DataError, match="wanted one of a, b, got 'c'"):
            cohen_kappa(["a", "c"], ["a", "b"], classes=["a", "b"])

    @pytest.mark.parametrize("classes", [["a", "a", "b"], ["a"], []])
    def test_repeated_or_too_few_classes(self, classes):
        with pytest.raises(OptionError, match="two or more different classes"):
            cohen_kappa(["a"], ["a"], classes=classes)

    def test_unknown_weights(self):
        with pytest.raises(OptionError, match="one of None, linear, quadratic, got cubic"):
            cohen_kappa([1, 2], [1, 2], weights="cubic")

    def test_weights_need_ordered_classes(self):
        with pytest.raises(OptionError, match="the ordered classes for weights"):
            cohen_kappa(["low", "high"], ["low", "mid"], weights="linear")

    def test_level(self):
        with pytest.raises(OptionError, match="a level between 0 and 1"):
            cohen_kappa([1, 2], [1, 2], level=95)

    @pytest.mark.parametrize("weights", WEIGHTS)
    def test_perfect(self, weights):
        result = cohen_kappa([1, 2, 3], [1, 2, 3], classes=[1, 2, 3], weights=weights)
        assert result.value == pytest.approx(1)
        assert (result.standard_error, result.low, result.high) == pytest.approx((0, 1, 1))

    @pytest.mark.parametrize("weights", WEIGHTS)
    def test_one_class_only_has_no_value(self, weights):
        result = cohen_kappa(["a"] * 5, ["a"] * 5, classes=["a", "b"], weights=weights)
        assert np.isnan([result.value, result.standard_error, result.low, result.high]).all()
        assert result.reason == "only one category was used, so agreement by chance is 1"
        assert (result.observed, result.expected) == (1, 1)

    def test_two_constant_raters_that_differ(self):
        result = cohen_kappa(["a"] * 5, ["b"] * 5)
        assert (result.value, result.reason) == (0, None)

    def test_hand_calculation(self):
        # 20 + 15 of 50 agree; chance .5 * .6 + .5 * .4 = .5; (.7 - .5) / .5
        a, b = ["y"] * 25 + ["n"] * 25, ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
        result = cohen_kappa(a, b)
        assert (result.observed, result.expected, result.value) == pytest.approx((0.7, 0.5, 0.4))

    def test_published_example(self):
        # Fleiss, Cohen & Everitt 1969, table 1, shares of 200 subjects: kappa .429, standard error .054
        shares = np.array([[0.53, 0.05, 0.02], [0.11, 0.14, 0.05], [0.01, 0.06, 0.03]])
        cells = [(i, j) for i in range(3) for j in range(3) for _ in range(round(200 * shares[i, j]))]
        result = cohen_kappa([i for i, _ in cells], [j for _, j in cells])
        assert result.value == pytest.approx(0.429, abs=5e-4)
        assert result.standard_error == pytest.approx(0.054, abs=7e-4)
        assert result.n_subjects == 200

    @pytest.mark.parametrize("weights", WEIGHTS)
    @pytest.mark.parametrize("seed", range(4))
    def test_oracles(self, seed, weights):
        a, b = labels(seed)
        result = cohen_kappa(a, b, classes=CLASSES, weights=weights)
        assert result.value == pytest.approx(cohen_kappa_score(a, b, labels=CLASSES, weights=weights))
        oracle = statsmodels_cohen(table(a, b), wt=weights)
        assert result.value == pytest.approx(oracle.kappa)
        assert result.standard_error == pytest.approx(oracle.std_kappa)
        assert result.null_standard_error == pytest.approx(oracle.std_kappa0)
        assert (result.low, result.high) == pytest.approx((oracle.kappa_low, oracle.kappa_upp))

    def test_classes_may_be_left_out(self):
        a, b = labels(9)
        assert cohen_kappa(a, b).value == pytest.approx(cohen_kappa(a, b, classes=CLASSES).value)

    def test_an_unused_class_changes_the_weights(self):
        a, b = [1, 2, 4, 4], [1, 4, 4, 2]
        given_order = cohen_kappa(a, b, classes=[1, 2, 3, 4], weights="quadratic")
        assert given_order.value == pytest.approx(
            cohen_kappa_score(a, b, labels=[1, 2, 3, 4], weights="quadratic")
        )
        assert given_order.value != pytest.approx(cohen_kappa_score(a, b, weights="quadratic"))

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=30))
    def test_law_symmetric_in_raters(self, pairs):
        a, b = [x for x, _ in pairs], [y for _, y in pairs]
        for weights in WEIGHTS:
            first = cohen_kappa(a, b, classes="abc", weights=weights)
            second = cohen_kappa(b, a, classes="abc", weights=weights)
            np.testing.assert_allclose(
                [first.value, first.standard_error], [second.value, second.standard_error], atol=1e-7
            )
            assert (first.reason is None) != np.isnan(first.value)


def plain_fleiss(counts):
    n, m = len(counts), sum(counts[0])
    observed = sum(sum(c * (c - 1) for c in row) / (m * (m - 1)) for row in counts) / n
    shares = [sum(row[j] for row in counts) / (n * m) for j in range(len(counts[0]))]
    expected = sum(s * s for s in shares)
    return (observed - expected) / (1 - expected)


def coded(rng, n, raters=4):
    truth = rng.integers(0, 3, (n, 1))
    given_labels = np.where(rng.random((n, raters)) < 0.6, truth, rng.integers(0, 3, (n, raters)))
    return np.stack([(given_labels == c).sum(axis=1) for c in range(3)], axis=1)


class TestFleiss:
    @pytest.mark.parametrize("counts", [[], [[]], [3, 0]])
    def test_empty(self, counts):
        with pytest.raises(DataError, match="counts of subjects x categories"):
            fleiss_kappa(counts)

    @pytest.mark.parametrize("counts", [[[3, 0], [2, 0]], [[1, 0], [0, 1]]])
    def test_unequal_raters(self, counts):
        with pytest.raises(DataError, match="the same number of raters, at least two"):
            fleiss_kappa(counts)

    @pytest.mark.parametrize("bad", [-1, 0.5, np.nan, np.inf])
    def test_malformed_counts(self, bad):
        with pytest.raises(DataError, match="whole counts from 0"):
            fleiss_kappa([[3, bad], [2, 1]])

    def test_perfect(self):
        result = fleiss_kappa([[3, 0], [0, 3], [3, 0]])
        assert (result.value, result.standard_error) == pytest.approx((1, 0))

    def test_one_category_only_has_no_value(self):
        result = fleiss_kappa([[3, 0], [3, 0]])
        assert np.isnan(result.value)
        assert result.reason == "only one category was used, so agreement by chance is 1"

    def test_one_subject_has_a_value_but_no_interval(self):
        result = fleiss_kappa([[2, 1]])
        assert result.value == pytest.approx(plain_fleiss([[2, 1]]))
        assert np.isnan([result.standard_error, result.low, result.high]).all()
        assert result.reason == "one subject has no spread between subjects"

    def test_published_example(self):
        # kappa .430; the R package irr prints z = 17.65183 for these data
        counts = [[int(c) for c in row] for row in DIAGNOSES]
        result = fleiss_kappa(counts)
        assert result.value == pytest.approx(0.430, abs=5e-4)
        assert result.value / result.null_standard_error == pytest.approx(17.65183, abs=1e-4)

    @pytest.mark.parametrize("seed", range(3))
    def test_oracles(self, seed):
        counts = coded(np.random.default_rng(seed), 40)
        result = fleiss_kappa(counts)
        assert result.value == pytest.approx(statsmodels_fleiss(counts))
        assert result.value == pytest.approx(plain_fleiss(counts.tolist()))

    def test_standard_error_agrees_with_the_jackknife(self):
        counts = coded(np.random.default_rng(2), 200)
        left_out = np.array([plain_fleiss(np.delete(counts, i, axis=0).tolist()) for i in range(200)])
        jackknife = np.sqrt(199 / 200 * ((left_out - left_out.mean()) ** 2).sum())
        assert fleiss_kappa(counts).standard_error == pytest.approx(jackknife, rel=0.02)

    def test_null_standard_error_agrees_with_simulation(self):
        rng = np.random.default_rng(3)
        draws = [fleiss_kappa(rng.multinomial(5, [0.5, 0.3, 0.2], size=60)) for _ in range(600)]
        spread = np.std([d.value for d in draws])
        assert np.mean([d.null_standard_error for d in draws]) == pytest.approx(spread, rel=0.1)

    def test_interval_covers_the_truth(self):
        rng = np.random.default_rng(4)
        # labels are the truth with .6 and else uniform: two raters agree with 1/3 + 2/3 * .36
        truth = 0.36
        results = [fleiss_kappa(coded(rng, 60)) for _ in range(400)]
        covered = np.mean([r.low <= truth <= r.high for r in results])
        assert 0.915 <= covered <= 0.98

    @given(st.lists(st.integers(0, 4), min_size=2, max_size=12), st.randoms(use_true_random=False))
    def test_law_order_changes_nothing(self, firsts, random):
        counts = [[c, 4 - c] for c in firsts]
        mixed = [row[::-1] for row in random.sample(counts, len(counts))]
        np.testing.assert_allclose(
            [fleiss_kappa(counts).value, fleiss_kappa(counts).standard_error],
            [fleiss_kappa(mixed).value, fleiss_kappa(mixed).standard_error],
            atol=1e-9,
        )
