"""Benjamini-Hochberg against statsmodels and its laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from mien.core.errors import DataError
from mien.stats import benjamini_hochberg

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(P_VALUES)
def test_equals_statsmodels(p):
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)


@given(P_VALUES)
def test_monotone_and_not_below_p(p):
    q = benjamini_hochberg(p)
    assert (q >= np.array(p) - 1e-15).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-15).all()


def test_missing_values_do_not_count():
    q = benjamini_hochberg([0.01, math.nan, 0.04])
    assert q[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(q[1])


def test_empty_and_perfect():
    assert benjamini_hochberg([]).shape == (0,)
    assert benjamini_hochberg([0.0, 0.0]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("bad", [[1.2], [-0.1, 0.5]])
def test_out_of_range(bad):
    with pytest.raises(DataError, match="numbers from 0 to 1"):
        benjamini_hochberg(bad)
