"""Reliability against pingouin, statsmodels, scikit-learn and published tables."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import DataError, OptionError
from mien.stats import (
    action_unit_agreement,
    cohen_kappa,
    cronbach_alpha,
    fleiss_kappa,
    intraclass_correlation,
)

# Shrout & Fleiss 1979, Table 2: six targets, four judges.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


def long_table(ratings):
    rows = [(t, r, x) for t, row in enumerate(ratings) for r, x in enumerate(row)]
    return pd.DataFrame(rows, columns=["target", "rater", "score"])


def random_ratings(seed, n=12, k=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1)) + 0.7 * rng.normal(size=(1, k)) + rng.normal(size=(n, k))


class TestIntraclassCorrelation:
    def test_published_table(self):
        found = {name: round(icc.value, 2) for name, icc in intraclass_correlation(SHROUT_FLEISS).items()}
        assert found == {
            "ICC(1,1)": 0.17, "ICC(2,1)": 0.29, "ICC(3,1)": 0.71,
            "ICC(1,k)": 0.44, "ICC(2,k)": 0.62, "ICC(3,k)": 0.91,
        }  # fmt: skip

    @pytest.mark.parametrize("seed", range(5))
    def test_equals_pingouin(self, seed):
        pingouin = pytest.importorskip("pingouin")
        ratings = random_ratings(seed)
        table = pingouin.intraclass_corr(long_table(ratings), targets="target", raters="rater", ratings="score")
        columns = {name.lower(): name for name in table.columns}
        value_column = columns.get("icc")
        interval = next(name for key, name in columns.items() if key.startswith("ci"))
        p_column = next(name for key, name in columns.items() if key.startswith("p"))
        ours = intraclass_correlation(ratings)
        forms = ["ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)"]
        for form, (_, row) in zip(forms, table.iterrows(), strict=True):
            assert ours[form].value == pytest.approx(row[value_column], abs=1e-9)
            assert ours[form].f == pytest.approx(row["F"], rel=1e-9)
            assert ours[form].p_value == pytest.approx(row[p_column], rel=1e-6, abs=1e-12)
            assert (ours[form].low, ours[form].high) == pytest.approx(tuple(row[interval]), abs=0.006)

    def test_perfect(self):
        ratings = np.repeat(np.arange(4.0)[:, None], 3, axis=1)
        assert intraclass_correlation(ratings)["ICC(3,1)"].value == pytest.approx(1.0)
        assert intraclass_correlation(ratings)["ICC(2,1)"].value == pytest.approx(1.0)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.1, 20))
    def test_shift_and_scale_change_nothing(self, seed, shift, scale):
        ratings = random_ratings(seed, n=5, k=3)
        first, second = intraclass_correlation(ratings), intraclass_correlation(scale * ratings + shift)
        for name in first:
            assert second[name].value == pytest.approx(first[name].value, abs=1e-8)

    def test_rater_offset_lowers_agreement_not_consistency(self):
        ratings = random_ratings(3)
        moved = ratings + np.arange(5) * 3.0
        assert intraclass_correlation(moved)["ICC(3,1)"].value == pytest.approx(
            intraclass_correlation(ratings)["ICC(3,1)"].value
        )
        assert intraclass_correlation(moved)["ICC(2,1)"].value < intraclass_correlation(ratings)["ICC(2,1)"].value

    @pytest.mark.parametrize("bad", [[], [[1.0, 2.0]], [[1.0], [2.0]], [1.0, 2.0]])
    def test_empty_or_too_small(self, bad):
        with pytest.raises(DataError, match="at least two targets and two raters"):
            intraclass_correlation(bad)

    def test_missing_rating_is_refused(self):
        with pytest.raises(DataError, match="rating of target 1 by rater 0"):
            intraclass_correlation([[1.0, 2.0], [math.nan, 1.0]])


class TestCronbachAlpha:
    @pytest.mark.parametrize("seed", range(4))
    def test_equals_pingouin(self, seed):
        pingouin = pytest.importorskip("pingouin")
        ratings = random_ratings(seed)
        value, interval = pingouin.cronbach_alpha(pd.DataFrame(ratings))
        ours = cronbach_alpha(ratings)
        assert ours.value == pytest.approx(value, abs=1e-12)
        assert (ours.low, ours.high) == pytest.approx(tuple(interval), abs=6e-4)

    def test_is_icc_3_k(self):
        ratings = random_ratings(8)
        assert cronbach_alpha(ratings).value == pytest.approx(intraclass_correlation(ratings)["ICC(3,k)"].value)

    def test_no_variance_has_no_value(self):
        result = cronbach_alpha([[1, 2], [2, 1]])
        assert math.isnan(result.value)
        assert "do not differ" in result.reason

    def test_missing_rating_is_refused(self):
        with pytest.raises(DataError, match="wanted a number"):
            cronbach_alpha([[1.0, math.nan], [1.0, 2.0]])


class TestCohenKappa:
    @pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
    @pytest.mark.parametrize("seed", range(4))
    def test_equals_scikit_learn_and_statsmodels(self, weights, seed):
        from sklearn.metrics import cohen_kappa_score
        from statsmodels.stats.inter_rater import cohens_kappa

        rng = np.random.default_rng(seed)
        a = rng.integers(0, 4, 80)
        b = np.where(rng.random(80) < 0.6, a, rng.integers(0, 4, 80))
        ours = cohen_kappa(a.tolist(), b.tolist(), classes=[0, 1, 2, 3], weights=weights)
        word = None if weights == "none" else weights
        assert ours.value == pytest.approx(cohen_kappa_score(a, b, weights=word, labels=[0, 1, 2, 3]), abs=1e-12)
        table = np.zeros((4, 4))
        np.add.at(table, (a, b), 1)
        wt = None if weights == "none" else ("linear" if weights == "linear" else "quadratic")
        theirs = cohens_kappa(table, wt=wt) if wt else cohens_kappa(table)
        assert ours.low == pytest.approx(theirs.kappa_low, abs=1e-9)
        assert ours.high == pytest.approx(min(1.0, theirs.kappa_upp), abs=1e-9)

    def test_one_label_only_has_no_value(self):
        result = cohen_kappa(["a", "a"], ["a", "a"])
        assert math.isnan(result.value)
        assert "one and the same label" in result.reason

    def test_perfect(self):
        assert cohen_kappa([1, 2, 3], [1, 2, 3]).value == pytest.approx(1.0)

    def test_unknown_label(self):
        with pytest.raises(DataError, match="labels among x, y, got 'z'"):
            cohen_kappa(["x"], ["z"], classes=["x", "y"])

    def test_empty(self):
        with pytest.raises(DataError, match="at least one"):
            cohen_kappa([], [])

    def test_unknown_weights(self):
        with pytest.raises(OptionError, match="none, linear or quadratic"):
            cohen_kappa([1], [1], weights="cubic")


class TestFleissKappa:
    def test_published_example(self):
        # Fleiss 1971 as worked in the literature: ten items, fourteen raters, five classes.
        counts = [
            [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
        ]  # fmt: skip
        assert round(fleiss_kappa(counts).value, 3) == 0.210

    @pytest.mark.parametrize("seed", range(4))
    def test_equals_statsmodels(self, seed):
        from statsmodels.stats.inter_rater import fleiss_kappa as theirs

        counts = np.random.default_rng(seed).multinomial(6, [0.5, 0.3, 0.2], size=20)
        assert fleiss_kappa(counts).value == pytest.approx(theirs(counts), abs=1e-12)

    def test_standard_error_holds_under_chance(self):
        values, errors = [], []
        rng = np.random.default_rng(0)
        for _ in range(400):
            result = fleiss_kappa(rng.multinomial(5, [0.5, 0.3, 0.2], size=40))
            values.append(result.value)
            errors.append((result.value - result.low) / 1.96)
        assert np.std(values) == pytest.approx(np.mean(errors), rel=0.12)

    def test_unequal_raters(self):
        with pytest.raises(DataError, match="the same whole number"):
            fleiss_kappa([[2, 0], [1, 0]])

    def test_empty(self):
        with pytest.raises(DataError, match="a table of counts"):
            fleiss_kappa([])

    def test_one_class_has_no_value(self):
        assert math.isnan(fleiss_kappa([[3, 0], [3, 0]]).value)


class TestActionUnitAgreement:
    def test_hand_calculation(self):
        first, second = [{4, 7}, {12}, set()], [{4}, {6, 14}, set()]
        assert action_unit_agreement(first, second) == pytest.approx(2 * 1 / (3 + 3))
        assert action_unit_agreement(first, second, average="mean") == pytest.approx((2 / 3 + 0) / 2)
        assert action_unit_agreement(first, second, average="mean", both_empty="agree") == pytest.approx(5 / 9)

    def test_perfect_and_empty(self):
        assert action_unit_agreement([{1, 2}], [{2, 1}]) == 1.0
        assert math.isnan(action_unit_agreement([], []))

    def test_unmatched_is_refused(self):
        with pytest.raises(DataError, match="matched expressions, got 1 and 2"):
            action_unit_agreement([{1}], [{1}, {2}])

    def test_unknown_option(self):
        with pytest.raises(OptionError, match="average micro or mean"):
            action_unit_agreement([], [], average="macro")
