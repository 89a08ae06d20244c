"""What fusing brought for each class, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.recognition.fusion import compare_with_member


def test_only_samples_that_both_answered_are_compared() -> None:
    reference = [0, 0, 0, 1, 1, 2, 1]
    fused = [0, 0, 1, 1, 0, 2, -1]
    member = [0, 1, 0, 0, 0, -1, 1]
    found = compare_with_member(reference, fused, member, n_classes=3)
    assert found.samples.tolist() == [3, 2, 0]
    np.testing.assert_allclose(found.fused, [2 / 3, 1 / 2, np.nan])
    np.testing.assert_allclose(found.member, [2 / 3, 0, np.nan])
    np.testing.assert_allclose(found.gain, [0, 1 / 2, np.nan])


def test_against_itself_there_is_no_gain() -> None:
    estimate = [0, 1, 1, 0]
    assert compare_with_member([0, 1, 0, 1], estimate, estimate, n_classes=2).gain.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("reference", "fused", "member", "message"),
    [
        ([0, 1], [0], [0, 1], r"estimates of fused: wanted 2 classes from 0 to 1, .* shape \(1,\)"),
        ([0, 1], [0, 1], [0, 2], "estimates of member: wanted 2 classes"),
        ([0, 1], [0, -2], [0, 1], "estimates of fused"),
        ([0, 1], [0, 1], [0.0, 1.0], "estimates of member.*float64"),
        ([0, 2], [0, 1], [0, 1], "y of sample 1: wanted a class from 0 to 1, got 2"),
    ],
)
def test_what_is_no_estimate_is_refused(reference, fused, member, message) -> None:
    with pytest.raises(DataError, match=message):
        compare_with_member(reference, fused, member, n_classes=2)
