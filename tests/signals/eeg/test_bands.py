"""Bands keep what is theirs, remove the rest and move nothing; a lower rate folds nothing back."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.signals.eeg import BANDS, filtered, resampled, split

RATE_HZ = 128.0
TIME_S = np.arange(round(30 * RATE_HZ)) / RATE_HZ
INSIDE = slice(round(8 * RATE_HZ), round(22 * RATE_HZ))


def sine(hz, rate_hz=RATE_HZ, seconds=30.0):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def test_each_sine_comes_out_of_its_own_band_unmoved_and_of_no_other() -> None:
    centres = {"delta": 1.7, "theta": 6.0, "alpha": 10.2, "beta": 21.0, "gamma": 42.0}
    for row, name in enumerate(BANDS):
        wave = sine(centres[name])
        made = split(wave[None], RATE_HZ)
        assert made.shape == (5, 1, wave.size)
        np.testing.assert_allclose(made[row, 0, INSIDE], wave[INSIDE], atol=5e-3)
        others = np.delete(made, row, axis=0)[..., INSIDE]
        assert np.abs(others).max() < 5e-3


@pytest.mark.parametrize("edges", [(0.5, 4.0), (30.0, 47.0), (None, 47.0), (1.0, None)])
def test_filters_are_those_of_mne(edges) -> None:
    mne = pytest.importorskip("mne")
    data = np.random.default_rng(0).normal(size=(2, TIME_S.size)).cumsum(axis=1)
    wanted = mne.filter.filter_data(data, RATE_HZ, *edges, verbose="ERROR")
    np.testing.assert_allclose(filtered(data, RATE_HZ, *edges), wanted, atol=1e-9 * np.abs(data).max())


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 4.0), (4.0, 4.0), (8.0, 4.0), (30.0, 64.0), (None, 80.0), (-1.0, 4.0)]
)
def test_edges_that_cannot_be(low, high) -> None:
    with pytest.raises(OptionError, match="ascending edges"):
        filtered(TIME_S, RATE_HZ, low, high)


def test_a_recording_that_is_short_or_has_holes_is_refused() -> None:
    with pytest.raises(DataError, match=r"at least 6\.6 s"):
        filtered(TIME_S[:600], RATE_HZ, 0.5, 4.0)
    holes = TIME_S.copy()
    holes[5] = np.nan
    for work in (lambda x: filtered(x, RATE_HZ, 4, 8), lambda x: resampled(x, RATE_HZ, 64)):
        with pytest.raises(DataError, match="1 of 3840 missing"):
            work(holes)
    with pytest.raises(OptionError, match="one or more"):
        split(TIME_S, RATE_HZ, {})


@pytest.mark.parametrize("rate_hz", [1000.0, 512.0, 500.0, 250.0])
def test_down_sampling_keeps_the_band_and_folds_nothing_back(rate_hz) -> None:
    made = resampled(
        np.stack([sine(3.0, rate_hz), sine(47.0, rate_hz), sine(100.0, rate_hz)]), rate_hz, 128.0
    )
    assert made.shape == (3, TIME_S.size)
    np.testing.assert_allclose(made[0, INSIDE], sine(3.0)[INSIDE], atol=2e-4)
    np.testing.assert_allclose(made[1, INSIDE], sine(47.0)[INSIDE], atol=2e-4)
    assert np.abs(made[2, INSIDE]).max() < 2e-4  # 100 Hz would come back as 28 Hz
    level = resampled(np.full(2000, 5e4), rate_hz, 128.0)
    np.testing.assert_allclose(level, 5e4, rtol=1e-4)


def test_rates_that_cannot_be() -> None:
    for to_hz in (0.0, 200.0, np.nan):
        with pytest.raises(OptionError, match="new rate"):
            resampled(TIME_S, RATE_HZ, to_hz)
    with pytest.raises(OptionError, match="whole-number"):
        resampled(TIME_S, 1000.0, 128.0 * np.pi / 3)
    with pytest.raises(OptionError, match="above 0 Hz"):
        resampled(TIME_S, 0.0, 128.0)
    np.testing.assert_array_equal(resampled(TIME_S, RATE_HZ, RATE_HZ), TIME_S)
