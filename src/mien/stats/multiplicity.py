"""Correction for testing many hypotheses at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """The smallest false-discovery rate at which each hypothesis would be rejected, same order as given.

    q_(i) = min over j >= i of m p_(j) / j (Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x).
    A NaN (a test that has no value) stays NaN and does not count in the family of m.

    Parameters
    ----------
    p_values
        Shape (n_tests,), 0 to 1 or NaN; may be empty.

    Returns
    -------
    q values of shape (n_tests,), 0 to 1 or NaN.

    Raises
    ------
    DataError
        If the values are not one-dimensional or one lies outside 0 to 1.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, float("nan")]).tolist()
    [0.02, 0.04, nan]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise DataError("p values", wanted="a list", got=f"shape {p.shape}", remedy="flatten the family")
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        bad = p[known][(p[known] < 0) | (p[known] > 1)][0]
        raise DataError("p values", wanted="numbers from 0 to 1", got=bad, remedy="check the tests")
    order = known[np.argsort(p[known], kind="stable")]
    # The ratio first: it is at least 1, so that rounding never puts a q below its p.
    scaled = p[order] * (len(order) / np.arange(1, len(order) + 1))
    q = np.full(p.shape, np.nan)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q
