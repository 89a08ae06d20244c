"""Codes are decoded, debounced and matched as a person would by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import DataError, OptionError
from mien.recording.triggers import TriggerEvent, decode_lines, find_events, match_events

CODES = range(100, 149)


def _events(*pairs):
    return [TriggerEvent(time, code) for time, code in pairs]


def test_the_published_example_row_is_code_100() -> None:
    assert decode_lines(np.array([[0, 0, 5, 0, 0, 5, 5, 0]], dtype=float).T).tolist() == [100]


@given(st.lists(st.integers(1, 255), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_bits_that_arrive_apart_make_one_event_each(codes, seed) -> None:
    rng = np.random.default_rng(seed)
    n = 100 * (len(codes) + 1)
    lines = np.zeros((8, n))
    for number, code in enumerate(codes):
        for bit in range(8):
            if code >> bit & 1:
                late_on, late_off = rng.integers(0, 3, size=2)
                lines[bit, 100 * number + 50 + late_on : 100 * number + 100 + late_off] = 5.0
    found = find_events(decode_lines(lines), rate_hz=1000.0)
    assert [event.code for event in found] == codes
    for number, event in enumerate(found):
        assert -1e-9 <= event.time_s - (100 * number + 50) / 1000 <= 0.002 + 1e-9


def test_a_glitch_is_no_event_and_a_code_without_pause_is_another() -> None:
    codes = [0] * 10 + [3] * 2 + [0] * 10 + [101] * 20 + [100] * 20 + [0] * 5
    found = find_events(codes, rate_hz=1000.0)
    assert found == _events((0.022, 101), (0.042, 100))


def test_a_recording_that_begins_with_a_code_has_it_at_zero() -> None:
    assert find_events([7] * 10 + [0] * 5, rate_hz=1000.0) == _events((0.0, 7))


def test_missing_doubled_and_spurious_codes_find_no_partner() -> None:
    reference = _events((10, 101), (70, 100), (130, 102), (190, 100), (250, 103), (310, 100))
    device = _events(
        (5.0, 101), (5.3, 101), (40, 77), (65.002, 100), (185.001, 100), (245.0, 103), (305.0, 100)
    )
    matched = match_events(device, reference, tolerance_s=0.005, codes=CODES)
    assert matched.pairs == ((0, 0), (3, 1), (4, 3), (5, 4), (6, 5))
    assert matched.only_device == (1, 2)
    assert matched.only_reference == (2,)


def test_equal_codes_everywhere_are_told_apart_by_their_times() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(5, 20, size=30))
    reference = _events(*((t, 100) for t in times))
    device = _events(*((1.00005 * t - 3.0, 100) for t in times[7:]))
    matched = match_events(device, reference, tolerance_s=0.01)
    assert matched.pairs == tuple((i, i + 7) for i in range(23))


def test_a_drift_beyond_any_quartz_is_no_match() -> None:
    reference = _events((0, 101), (1000, 102), (2000, 103))
    device = _events((0, 101), (999, 102), (1998, 103))  # 1000 ppm
    assert len(match_events(device, reference, tolerance_s=0.005).pairs) == 1


def test_nothing_in_common_matches_nothing() -> None:
    assert match_events(_events((1, 101)), _events((1, 102)), tolerance_s=0.1).pairs == ()
    assert match_events([], [], tolerance_s=0.1).pairs == ()


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(DataError, match="1 to 16 lines"):
        decode_lines(np.zeros(4))
    with pytest.raises(DataError, match="whole numbers"):
        find_events([0.5, 1.0], rate_hz=1000.0)
    with pytest.raises(OptionError, match="above 0 Hz"):
        find_events([0, 1], rate_hz=0.0)
    with pytest.raises(OptionError, match="tolerance"):
        match_events([], [], tolerance_s=0.0)
