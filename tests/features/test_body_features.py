"""Table 6 around apexes: which features, against what, and why some are missing."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.signal import Signal
from mien.features.body_features import BODY_FEATURES, against_reference, body_features
from mien.signals.physio import TABLE_6, measure


def temperature(seconds=200, *, seed=0):
    rng = np.random.default_rng(seed)
    values = 31 + 0.3 * np.sin(np.arange(seconds * 4) / 90) + 0.01 * rng.standard_normal(seconds * 4)
    return Signal(values, 4.0, "degC", "skt")


def test_every_feature_of_table_6_belongs_to_one_signal():
    every = [name for names in BODY_FEATURES.values() for name in names]
    assert sorted(every) == sorted(TABLE_6.values())
    assert {kind: len(names) for kind, names in BODY_FEATURES.items()} == {
        "ppg": 1, "ecg": 12, "rsp": 3, "skt": 4, "eda": 5,
    }  # fmt: skip


def test_without_a_baseline_they_are_as_measured():
    windows = np.array([[20.0, 30.0], [100.0, 110.0]])
    found = body_features({"skt": temperature()}, windows, own_clock=True, baseline=False)
    expected = measure({"skt": temperature()}, windows).select(BODY_FEATURES["skt"])
    np.testing.assert_array_equal(found["skt"][0], expected.values)
    assert found["skt"][1].tolist() == ["", ""]
    assert found["ecg"][1].tolist() == ["no-signal", "no-signal"]


def test_the_own_session_takes_out_level_and_spread_of_a_person():
    windows = np.array([[20.0, 30.0], [100.0, 110.0]])
    signal = temperature()
    other = Signal(5 + 3 * signal.values - 70, 4.0, "degC", "skt")  # a warmer, livelier hand
    one, two = (body_features({"skt": s}, windows, own_clock=True)["skt"][0] for s in (signal, other))
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_the_reference_is_the_median_and_the_median_deviation():
    reference = np.array([[1.0], [2.0], [3.0], [4.0], [90.0]])
    found = against_reference(np.array([[4.0], [np.nan]]), reference)
    np.testing.assert_allclose(found[0], [(4 - 3) / 1.4826])
    assert np.isnan(found[1]).all()


def test_counts_that_are_mostly_zero_keep_their_meaning():
    reference = np.array([[0.0]] * 8 + [[1.0]] * 2)
    np.testing.assert_allclose(against_reference(np.array([[1.0]]), reference), 1 / reference.std())


@pytest.mark.parametrize("reference", [np.ones((9, 1)), np.arange(4.0)[:, None]])
def test_no_variation_or_too_little_of_the_session_gives_no_value(reference):
    assert np.isnan(against_reference(np.array([[2.0]]), reference)).all()


def test_a_window_beyond_the_recording_has_a_reason():
    windows = np.array([[195.0, 205.0], [50.0, 60.0]])
    values, why = body_features({"skt": temperature()}, windows, own_clock=True)["skt"]
    assert why.tolist() == ["outside-recording", ""]
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1]).all()


def test_on_a_shared_clock_the_signals_start_where_they_say():
    late = Signal(temperature().values, 4.0, "degC", "skt", start_s=1000.0)
    windows = np.array([[20.0, 30.0]])
    own = body_features({"skt": late}, windows, own_clock=True, baseline=False)["skt"]
    shared = body_features({"skt": late}, windows + 1000, own_clock=False, baseline=False)["skt"]
    np.testing.assert_array_equal(own[0], shared[0])
