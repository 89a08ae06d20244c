"""Peaks to intervals, and excursions, on curves that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mien.spotting.curves import GRID_HZ, excursion
from mien.spotting.peaks import Peak, find_peaks, merged

T = np.arange(0, 6, 1 / GRID_HZ)


def hump(onset, apex, offset, height):
    """Half cosines above a rest of 1."""
    share = np.clip(np.minimum((T - onset) / (apex - onset), (offset - T) / (offset - apex)), 0, 1)
    return 1 + (height - 1) * (0.5 - 0.5 * np.cos(np.pi * share))


@pytest.mark.parametrize(("onset", "apex", "offset"), [(2.0, 2.2, 2.5), (1.0, 2.0, 3.5), (0.5, 0.8, 1.0)])
def test_half_cosines_are_recovered_to_a_sample(onset, apex, offset):
    (peak,) = find_peaks(T, hump(onset, apex, offset, 6.0), threshold=3.0)
    assert peak.onset_s == pytest.approx(onset, abs=0.03)
    assert peak.apex_s == pytest.approx(apex, abs=0.03)
    assert peak.offset_s == pytest.approx(offset, abs=0.03)
    assert peak.score == pytest.approx(2.0, abs=0.05)


def test_the_apex_of_what_is_held_is_where_it_is_first_full():
    held = np.maximum(hump(1.0, 1.5, 1.6, 6.0), hump(3.9, 4.0, 4.5, 6.0))
    held[(T >= 1.5) & (T <= 4.0)] = 6.0 + 0.1 * T[(T >= 1.5) & (T <= 4.0)]
    (peak,) = find_peaks(T, held, threshold=3.0)
    assert peak.apex_s == pytest.approx(1.5, abs=0.06)
    assert peak.offset_s == pytest.approx(4.5, abs=0.1)


def test_below_the_threshold_nothing_is_found():
    assert find_peaks(T, hump(1, 2, 3, 2.9), threshold=3.0) == []
    assert find_peaks(T, np.ones_like(T), threshold=3.0) == []


def test_an_event_seen_in_two_parts_is_one():
    peaks = [
        Peak(1.0, 1.2, 1.4, 2.0, "micro", ("mouth",)),
        Peak(1.1, 1.25, 1.5, 1.2, "micro", ("brows",)),
        Peak(3.0, 3.1, 3.2, 1.1, "micro", ("chin",)),
    ]
    first, second = merged(peaks)
    assert (first.onset_s, first.parts) == (1.0, ("mouth", "brows"))
    assert second.parts == ("chin",)


def test_steps_drifts_and_what_the_ends_cut_off_are_no_excursions():
    step = (T > 3).astype(np.float32)
    drift = (0.3 * T).astype(np.float32)
    cut = (T < 0.5).astype(np.float32)
    for signal in (step, -step, drift, cut):
        assert np.abs(excursion(signal, 1.0)).max() < 1e-6
    both = (hump(2.0, 2.2, 2.5, 2.0) - 1).astype(np.float32)
    for sign in (1, -1):
        assert excursion(sign * both + drift, 1.0).max() == pytest.approx(1.0, abs=0.1)
