"""Epochs stand around their apexes to half a sample, and those that do not fit say why."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.signals.eeg import around_apexes, raw_around_apexes
from mien.signals.eeg.epochs import REASONS

RATE_HZ = 128.0
CLOCK_S = np.arange(round(60 * RATE_HZ)) / RATE_HZ


def test_an_epoch_of_the_clock_shows_the_apex_in_its_middle() -> None:
    apexes = np.array([10.0, 20.003, 33.3333])
    found = around_apexes((100.0 + CLOCK_S)[None], RATE_HZ, 100 + apexes, channels=["clock"], start_s=100.0)
    assert found.data.shape == (3, 1, 1280)
    assert found.complete.all()
    assert np.abs(found.apex_offset_s).max() <= 0.5 / RATE_HZ
    at = 100 + apexes[:, None] - found.apex_offset_s[:, None] + found.times_s
    np.testing.assert_allclose(found.data[:, 0], at, atol=1e-9)


def test_epochs_that_do_not_fit_are_missing_with_a_reason() -> None:
    data = np.stack([CLOCK_S, CLOCK_S])
    data[1, round(40 * RATE_HZ)] = np.nan
    data[:, : round(16 * RATE_HZ)] = 3.0
    found = around_apexes(data, RATE_HZ, [5.0, 4.99, 55.0, 55.01, np.nan, 37.0, 24.0], channels=["a", "b"])
    wanted = ["flat", "outside-recording", "", "outside-recording", "no-apex", "missing-samples", ""]
    assert found.reasons.tolist() == wanted
    assert set(wanted) - {""} <= set(REASONS)
    np.testing.assert_array_equal(np.isnan(found.data).all(axis=(1, 2)), ~found.complete)
    np.testing.assert_array_equal(np.isfinite(found.data).all(axis=(1, 2)), found.complete)
    np.testing.assert_array_equal(np.isfinite(found.apex_offset_s), found.complete)


def test_no_apexes_give_no_epochs() -> None:
    assert around_apexes(CLOCK_S[None], RATE_HZ, [], channels=["a"]).data.shape == (0, 1, 1280)


def test_wrong_shapes_and_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="one row for each name"):
        around_apexes(CLOCK_S, RATE_HZ, [10.0], channels=["a"])
    for options in ({"before_s": -1.0, "after_s": 1.0}, {"before_s": np.nan}):
        with pytest.raises(OptionError, match="one sample or more"):
            around_apexes(CLOCK_S[None], RATE_HZ, [10.0], channels=["a"], **options)


def test_raw_gives_the_same_epochs_and_leaves_out_bad_spans() -> None:
    mne = pytest.importorskip("mne")
    data = np.random.default_rng(0).normal(size=(3, CLOCK_S.size))
    raw = mne.io.RawArray(
        data, mne.create_info(["Fp1", "Cz", "HEO"], RATE_HZ, ["eeg", "eeg", "eog"]), verbose="ERROR"
    )
    raw.set_annotations(mne.Annotations([30.0], [0.5], ["BAD_moved"]))
    apexes = [12.0, 27.0, 35.6, 59.0]
    found = raw_around_apexes(raw, apexes)
    assert found.channels == ("Fp1", "Cz")
    assert found.reasons.tolist() == ["", "bad-span", "", "outside-recording"]
    plain = around_apexes(data[:2], RATE_HZ, apexes, channels=["Fp1", "Cz"])
    np.testing.assert_array_equal(found.data[[0, 2]], plain.data[[0, 2]])
    assert raw_around_apexes(raw, apexes, picks=["HEO"]).channels == ("HEO",)
    with pytest.raises(DataError, match="Oz"):
        raw_around_apexes(raw, apexes, picks=["Oz"])
