"""ICA finds known sources again, with the rank there is, the share asked for, and the same twice."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mne")

import mne

from mien.core.errors import DataError, OptionError
from mien.signals.eeg.components import fit_components, fit_copy, rank
from mien.signals.eeg.low_rate import LowRate
from mien.signals.eeg.montage import repair_raw

NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2")
RATE_HZ = 100.0


def made(seconds=300.0, bad=slice(0, 0)):
    rng = np.random.default_rng(0)
    n = round(seconds * RATE_HZ)
    sources = rng.laplace(size=(len(NAMES), n))
    sources[3] = rng.uniform(-2, 2, size=n)  # fewer outliers than noise: extended infomax finds it too
    mixing = rng.standard_normal((len(NAMES), len(NAMES)))
    mixing -= mixing.mean(axis=0)  # one less of rank
    marked = np.zeros(n, bool)
    marked[bad] = True
    rows = [row.astype(np.float32) for row in 1e-5 * mixing @ sources]
    types = ("eeg",) * len(NAMES)
    low = LowRate(rows, NAMES, types, RATE_HZ, RATE_HZ, (0,) * len(NAMES), marked, ())
    raw = mne.io.RawArray(
        np.zeros((len(NAMES), 1)), mne.create_info(list(NAMES), RATE_HZ, "eeg"), verbose="ERROR"
    )
    return low, repair_raw(raw)[0].info


@pytest.mark.parametrize("method", ["extended-infomax", "fastica"])
def test_maps_and_time_courses_fit_and_are_the_same_twice(method) -> None:
    low, info = made()
    copy = fit_copy(low, NAMES)
    found = fit_components(copy, info, method=method)
    assert found.maps.shape == (10, 9)
    values = found.raw.get_data()
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-12)
    back = found.maps @ (found.unmixing @ values)
    assert np.abs(back - values).max() < 1e-6 * np.abs(values).max()
    np.testing.assert_allclose(found.unmixing @ found.maps, np.eye(9), atol=1e-9)
    assert found.variance_share.sum() == pytest.approx(1, abs=0.05)
    assert (np.diff(found.variance_share) < 0.05).all()
    again = fit_components(copy, info, method=method)
    np.testing.assert_array_equal(again.maps, found.maps)
    assert found.without([]) == pytest.approx(np.eye(10))
    assert np.abs(found.unmixing[[2]] @ found.without([2]) @ values).max() < 1e-9


def test_the_copy_is_a_stated_share_in_runs_over_the_whole_session() -> None:
    low, _ = made(600.0, bad=slice(10_000, 12_000))
    copy = fit_copy(low, NAMES, minutes=2.0)
    assert copy.values.shape == (10, 12_000)
    assert copy.starts[0] == 0
    assert copy.starts[-1] == 59_500
    runs = np.flatnonzero(np.diff(copy.starts) != 500) + 1
    assert runs.size == 3
    assert not ((copy.starts >= 9_501) & (copy.starts < 12_000)).any()
    assert copy.blocks.shape == (24, 10, 500)
    np.testing.assert_array_equal(copy.blocks[3, 2], copy.values[2, 1500:2000])
    assert copy.band_hz == (1.0, 50.0)
    assert fit_copy(low, NAMES, minutes=100.0).starts.size == 116


def test_rank_counts_what_is_independent() -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal((8, 2000))
    assert rank(values) == 8
    values[3] = values[:3].mean(axis=0)
    assert rank(values) == 7
    assert rank(values - values.mean(axis=0)) == 6


def test_what_cannot_be_decomposed_is_refused(monkeypatch) -> None:
    low, info = made(10.0)
    with pytest.raises(OptionError, match="minutes for ICA"):
        fit_copy(low, NAMES, minutes=0.0)
    with pytest.raises(OptionError, match="extended-infomax, fastica, got magic"):
        fit_components(fit_copy(low, NAMES), info, method="magic")
    short, info = made(10.0, bad=slice(500, 1000))
    monkeypatch.setattr("mien.signals.eeg.components.LEAST_PER_SQUARE", 10)
    with pytest.raises(DataError, match="to take 9 components apart, got 5 s"):
        fit_components(fit_copy(short, NAMES), info)
    low.bad[:] = True
    with pytest.raises(DataError, match="without a bad span"):
        fit_copy(low, NAMES)
