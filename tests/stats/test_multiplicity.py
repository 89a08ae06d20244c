"""Benjamini-Hochberg against statsmodels, scipy and the published example."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from mien.core.errors import DataError
from mien.stats import benjamini_hochberg

# Benjamini & Hochberg 1995, section 4.2: at q = .05 the first four of fifteen are rejected.
PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
PUBLISHED += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]


def test_empty():
    assert benjamini_hochberg([]).shape == (0,)


@pytest.mark.parametrize("bad", [-0.1, 1.5, float("inf")])
def test_malformed_values(bad):
    with pytest.raises(DataError, match=f"numbers from 0 to 1, got {bad}"):
        benjamini_hochberg([0.2, bad])


def test_malformed_shape():
    with pytest.raises(DataError, match=r"wanted a list, got shape \(1, 2\)"):
        benjamini_hochberg([[0.1, 0.2]])


def test_perfect():
    assert benjamini_hochberg([0.0, 0.0]).tolist() == [0.0, 0.0]
    assert benjamini_hochberg([1.0, 1.0]).tolist() == [1.0, 1.0]


def test_published_example():
    assert (benjamini_hochberg(PUBLISHED) <= 0.05).sum() == 4


def test_missing_values_do_not_count():
    q = benjamini_hochberg([0.04, np.nan, 0.01, np.nan])
    np.testing.assert_array_equal(q, [0.04, np.nan, 0.02, np.nan])
    assert np.isnan(benjamini_hochberg([np.nan])).all()


# Numbers below 1e-307 do not have the digits that the tolerance asks for.
p_lists = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=30)


@given(p_lists)
def test_oracles(p):
    q = benjamini_hochberg(p)
    np.testing.assert_allclose(q, multipletests(p, method="fdr_bh")[1], rtol=1e-12)
    np.testing.assert_allclose(q, false_discovery_control(p), rtol=1e-12)


@given(p_lists)
def test_law_monotone_and_never_below_p(p):
    q = benjamini_hochberg(p)
    assert (q >= np.array(p)).all()
    assert (q <= 1).all()
    assert (np.diff(q[np.argsort(p)]) >= 0).all()


@given(p_lists, st.lists(st.integers(0, 30), max_size=5))
def test_law_missing_values_change_nothing(p, places):
    with_gaps = list(p)
    for place in places:
        with_gaps.insert(place, float("nan"))
    q = benjamini_hochberg(with_gaps)
    np.testing.assert_array_equal(q[~np.isnan(with_gaps)], benjamini_hochberg(p))
