"""Clock fits recover known lines, split at known steps, and say when they fail."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core import DataError
from mien.recording.clocks import fit_clock, fit_stamps, unwrap_counter


def _anchors(n: int, *, jitter_ms: float, seed: int = 0, drift_ppm: float = 40.0, offset_s: float = 7.0):
    rng = np.random.default_rng(seed)
    device = np.sort(rng.uniform(0, 4400, size=n))
    reference = offset_s + (1 + drift_ppm * 1e-6) * device + 1e-3 * jitter_ms * rng.standard_normal(n)
    return device, reference


@pytest.mark.parametrize(("jitter_ms", "worst_ms"), [(0.0, 0.01), (0.5, 0.4), (2.0, 1.5)])
def test_a_line_is_recovered_as_well_as_its_anchors_allow(jitter_ms, worst_ms) -> None:
    device, reference = _anchors(84, jitter_ms=jitter_ms)
    fit = fit_clock(device, reference, step_ms=10.0)
    grid = np.linspace(0, 4400, 100)
    assert fit.verdict == "good"
    assert np.abs(fit.to_reference(grid) - (7.0 + 1.00004 * grid)).max() * 1e3 < worst_ms
    assert fit.pieces[0].map.drift_ppm == pytest.approx(40.0, abs=1.5)


def test_outliers_do_not_move_the_line() -> None:
    device, reference = _anchors(40, jitter_ms=0.3)
    reference[[5, 20, 33]] += [0.5, -0.2, 0.1]
    fit = fit_clock(device, reference, step_ms=2.0, good_ms=200.0)
    assert np.abs(fit.to_reference(device) - (7.0 + 1.00004 * device)).max() < 0.0005


def test_lost_samples_split_the_clock_where_they_were_lost() -> None:
    device, reference = _anchors(60, jitter_ms=0.3)
    reference[25:] += 0.050  # 50 samples
    fit = fit_clock(device, reference, step_ms=2.5)
    assert [piece.map.n_anchors for piece in fit.pieces] == [25, 35]
    assert np.abs(fit.to_reference(device) - reference).max() < 0.0015


def test_noise_is_not_taken_for_a_step() -> None:
    for seed in range(30):
        fit = fit_clock(*_anchors(14, jitter_ms=0.7, seed=seed), step_ms=2.5)
        assert len(fit.pieces) == 1


def test_few_anchors_are_weak_none_fail_and_a_failed_fit_is_not_used() -> None:
    one = fit_clock([5.0], [9.0], step_ms=2.0)
    assert (one.verdict, one.to_reference(6.0).item()) == ("weak", 10.0)
    assert fit_clock([5.0, 50.0], [9.0, 54.0], step_ms=2.0).verdict == "weak"
    none = fit_clock([], [], step_ms=2.0)
    assert none.verdict == "failed"
    with pytest.raises(DataError, match="no event is on both clocks"):
        none.to_reference(1.0)
    scattered = fit_clock(*_anchors(30, jitter_ms=80.0), step_ms=1.0)
    assert scattered.verdict == "failed"
    assert "wanted at most 3.0" in scattered.reason


def test_counters_that_wrap_go_on() -> None:
    true = np.arange(500, 3500)
    assert np.array_equal(unwrap_counter(true % 1000 + 1, modulus=1000) - 501, true - 500)


@pytest.mark.parametrize("seed", range(5))
def test_stamps_are_fitted_to_their_lower_envelope(seed) -> None:
    rng = np.random.default_rng(seed)
    counter = np.flatnonzero(rng.random(2200) > 0.002)  # lost frames
    true = 100.0 + counter / 146.5
    stamps = true + rng.exponential(0.001, size=counter.size)
    stalled = (counter % 600) < 12  # the computer was busy and worked its queue off afterwards
    stamps[stalled] += 0.08
    fit = fit_stamps(counter, np.round(stamps, 3))
    assert fit.accepted
    assert np.abs(fit.seconds(counter) - true).max() < 0.001
    assert fit.rate_hz == pytest.approx(146.5, abs=0.02)


def test_stamps_without_a_line_are_not_accepted() -> None:
    rng = np.random.default_rng(0)
    fit = fit_stamps(np.arange(600), np.cumsum(rng.exponential(1 / 150, size=600)))
    assert not fit.accepted
    assert "scatter" in fit.reason
    assert not fit_stamps(np.arange(60), np.arange(60) / 150).accepted  # too short to tell


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(DataError, match="equally long"):
        fit_clock([1.0, 2.0], [1.0], step_ms=1.0)
    with pytest.raises(DataError, match="increasing counter"):
        fit_stamps([1, 1, 2], [0.0, 0.1, 0.2])
