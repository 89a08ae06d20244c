"""Windows, cuts and the table: every count by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.signals.physio import EpochFeatures
from mien.signals.physio.epochs import (
    around,
    checked_windows,
    event_ranges,
    interval_ranges,
    padded,
    rows,
    sample_ranges,
)
from mien.signals.physio.table import codes


def test_an_interval_belongs_to_a_window_only_with_both_its_events():
    events = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    windows = np.array([[1.0, 4.0], [1.5, 4.5], [2.0, 2.0001], [9.0, 10.0], [1.0, 4.0001]])
    found = interval_ranges(events, windows)
    # [1, 4) holds the beats 1, 2, 3: its end is open.
    assert (found[:, 1] - found[:, 0]).tolist() == [2, 2, 0, 0, 3]
    lengths = padded(np.array([10.0, 20.0, 30.0, 40.0]), found)
    np.testing.assert_array_equal(lengths[0], [10, 20, np.nan])
    np.testing.assert_array_equal(lengths[1], [20, 30, np.nan])
    assert np.isnan(lengths[2:4]).all()
    assert event_ranges(events, windows)[0].tolist() == [0, 3]


@given(
    st.lists(st.integers(1, 50), min_size=0, max_size=40),
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 300)), min_size=1, max_size=10),
)
def test_cuts_agree_with_a_plain_loop(gaps, spans):
    events = np.cumsum(np.array(gaps, dtype=float)) if gaps else np.empty(0)
    windows = np.array([[start, start + length] for start, length in spans], dtype=float)
    lengths = np.diff(events)
    rows_ = padded(lengths, interval_ranges(events, windows))
    for row, (start, end) in zip(rows_, windows, strict=True):
        inside = [b - a for a, b in pairwise(events) if a >= start and b < end]
        assert row[np.isfinite(row)].tolist() == inside


def test_samples_of_a_window_are_those_of_signal_between():
    signal = Signal(np.arange(100.0), rate_hz=10.0, unit="mV", name="x", start_s=5.0)
    assert sample_ranges(signal, np.array([[6.0, 7.0], [4.0, 5.05], [20.0, 30.0]])).tolist() == [
        [10, 20],
        [0, 1],
        [100, 100],
    ]


def test_missing_samples_are_left_out_of_their_window_alone():
    values = np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.0])
    found = {
        int(number): row.tolist()
        for numbers, samples in rows(values, np.array([[0, 3], [3, 6], [2, 3], [1, 4]]))
        for number, row in zip(numbers, samples, strict=True)
    }
    assert found == {0: [1, 2], 1: [4, 5, 6], 3: [2, 4]}


def test_windows_around_apexes():
    assert around([10.0], before_s=3, after_s=0).tolist() == [[7, 10]]
    assert checked_windows([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("windows", "match"),
    [
        ([[1.0, 2.0], [3.0, 3.0]], "window 1"),
        ([[2.0, 1.0]], "end after the start"),
        ([[np.nan, 1.0]], "finite bounds"),
        ([1.0, 2.0, 3.0], r"shape \(n, 2\)"),
        ("abc", r"shape \(n, 2\)"),
    ],
)
def test_windows_that_are_none_are_refused(windows, match):
    with pytest.raises(DataError, match=match):
        checked_windows(windows)


def table():
    reasons = codes(4).reshape(2, 2)
    reasons[1, 1] = "flat"
    values = np.array([[1.0, 2.0], [3.0, np.nan]])
    windows = np.array([[0.0, 1.0], [1.0, 2.0]])
    return EpochFeatures(("a_ms", "b"), windows, values, reasons, {"ecg": np.array(["", "flat"])})


def test_the_long_table():
    frame = table().frame()
    assert frame.columns.tolist() == ["epoch", "start_s", "end_s", "feature", "value", "reason"]
    assert frame.shape == (4, 6)
    assert frame.query("feature == 'b' and epoch == 1")["reason"].tolist() == ["flat"]
    assert table().excluded() == {"ecg": {"flat": 1}}
    assert table().select(["b"]).values[0].tolist() == [2.0]


def test_a_hole_without_a_reason_is_refused():
    good = table()
    with pytest.raises(DataError, match="reason exactly where"):
        EpochFeatures(good.names, good.windows, good.values, codes(4).reshape(2, 2), good.quality)
    with pytest.raises(DataError, match="shape"):
        EpochFeatures(("a",), good.windows, good.values, good.reasons, good.quality)
    with pytest.raises(OptionError, match="'c'"):
        good["c"]
