"""A signal carries its own rate and slices by time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import DataError, Interval, OptionError, Signal


@given(st.integers(1, 400), st.sampled_from([3.90625, 64.0, 1000.0]), st.floats(0, 3), st.floats(0, 3))
def test_between_holds_exactly_the_samples_of_the_span(n, rate, start, length):
    signal = Signal(np.arange(n, dtype=float), rate, "mV", "x", start_s=0.5)
    span = Interval(start, start + length)
    cut = signal.between(span)
    expected = [
        v
        for v, t in zip(signal.values, signal.times_s, strict=True)
        if start - 1e-9 <= t < start + length - 1e-9
    ]
    assert cut.values.tolist() == expected
    if len(cut):
        assert cut.times_s[0] == pytest.approx(signal.times_s[int(cut.values[0])])


def test_duration_is_samples_over_rate():
    assert Signal(np.zeros(241), 3.90625, "V", "RSP").duration_s == pytest.approx(61.696)


def test_malformed():
    with pytest.raises(OptionError, match="a rate above 0 Hz"):
        Signal(np.zeros(3), 0.0, "mV", "ECG")
    with pytest.raises(DataError, match="one-dimensional"):
        Signal(np.zeros((3, 2)), 10.0, "mV", "ECG")
