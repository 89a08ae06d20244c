"""Laws of intervals, frame grids and clock maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import ClockMap, DataError, FrameGrid, Interval, OptionError

TIMES = st.floats(-1e4, 1e4).map(lambda t: round(t, 3))
INTERVALS = st.tuples(TIMES, TIMES).map(lambda pair: Interval(min(pair), max(pair)))


@given(INTERVALS, INTERVALS)
def test_iou_is_symmetric_bounded_and_one_only_for_equals(a, b):
    assert a.iou(b) == b.iou(a)
    assert 0 <= a.iou(b) <= 1
    assert a.iou(a) == 1
    if a.iou(b) == 1:
        assert a.duration_s == pytest.approx(b.duration_s)


@given(INTERVALS, INTERVALS)
def test_intersection_agrees_with_overlap(a, b):
    shared = a.intersection(b)
    assert (shared is not None) == a.overlaps(b)
    if shared is not None:
        assert shared.duration_s <= min(a.duration_s, b.duration_s) + 1e-12


def test_half_open():
    assert 1.0 in Interval(1.0, 2.0)
    assert 2.0 not in Interval(1.0, 2.0)
    assert not Interval(0.0, 1.0).overlaps(Interval(1.0, 2.0))


def test_hand_calculated_iou():
    assert Interval(0, 4).iou(Interval(2, 6)) == pytest.approx(2 / 6)


@pytest.mark.parametrize(("start", "end"), [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_malformed_interval(start, end):
    with pytest.raises(DataError, match="interval: wanted"):
        Interval(start, end)


@given(st.lists(st.floats(0.001, 0.1), min_size=1, max_size=60), st.data())
def test_frame_to_seconds_and_back(steps, data):
    grid = FrameGrid(np.cumsum(steps))
    frame = data.draw(st.integers(0, len(grid) - 1))
    assert grid.frame(grid.seconds(frame)) == frame


def test_frame_is_the_nearest_and_the_earlier_on_a_tie():
    grid = FrameGrid([0.0, 1.0, 4.0])
    assert [grid.frame(t) for t in (-0.3, 0.4, 0.5, 2.5, 2.51, 4.4)] == [0, 0, 0, 1, 2, 2]


def test_measured_stamps_not_nominal_rate():
    stamps = np.arange(150) / 146.5
    assert FrameGrid(stamps).seconds(149) == stamps[149] != 149 / 150
    assert FrameGrid(stamps).median_rate_hz == pytest.approx(146.5)


@pytest.mark.parametrize("bad", [[], [0.0, 0.0], [1.0, 0.5], [0.0, math.nan]])
def test_malformed_stamps(bad):
    with pytest.raises(DataError, match="frame stamps"):
        FrameGrid(bad)


def test_outside_the_recording():
    with pytest.raises(DataError, match="a frame from 0 to 1"):
        FrameGrid([0.0, 1.0]).seconds(2)
    with pytest.raises(DataError, match="clock map"):
        FrameGrid([0.0, 1.0]).frame(9.0)


def test_regular_grid_needs_a_rate():
    assert len(FrameGrid.from_rate(3, rate_hz=2.0)) == 3
    with pytest.raises(OptionError, match="above 0 Hz"):
        FrameGrid.from_rate(3, rate_hz=0.0)


@given(st.floats(-1e4, 1e4), st.floats(-300, 300), st.floats(0, 5e3))
def test_clock_map_there_and_back(offset, drift, t):
    clock = ClockMap(offset, drift)
    assert clock.to_device(clock.to_reference(t)) == pytest.approx(t, abs=1e-6)
    assert clock.many_to_reference([t])[0] == clock.to_reference(t)


def test_drift_by_hand_and_composition():
    # 100 ppm over 75 minutes is 450 ms.
    assert ClockMap(0.0, 100.0).to_reference(4500.0) - 4500.0 == pytest.approx(0.45)
    inner, outer = ClockMap(1.0, 50.0), ClockMap(-2.0, -20.0)
    assert inner.then(outer).to_reference(77.0) == pytest.approx(outer.to_reference(inner.to_reference(77.0)))
