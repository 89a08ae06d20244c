"""EEGLAB and AcqKnowledge exports are read back by the libraries that people read them with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import loadmat

from mien.core import DataError
from mien.core.signal import Signal
from mien.recording.formats import write_biopac_mat, write_eeglab

NAMES = ["FP1", "CZ", "HEO"]


def _eeg(n: int = 2000):
    return (np.random.default_rng(0).standard_normal((3, n)) * 30).astype(np.float32)


def test_mne_reads_the_eeglab_file_back(tmp_path) -> None:
    import mne

    data = _eeg()
    path = tmp_path / "Acquisition 01.set"
    write_eeglab(path, data, rate_hz=1000.0, channel_names=NAMES, events=[(0, 101), (1500, 100)])
    raw = mne.io.read_raw_eeglab(path, preload=True, verbose="error")
    assert raw.ch_names == NAMES
    assert raw.info["sfreq"] == 1000.0
    assert np.allclose(1e6 * raw.get_data(), data, atol=1e-6)
    marks = sorted(zip(raw.annotations.onset, raw.annotations.description, strict=True))
    assert marks == [(0.0, "101"), (1.5, "100")]


def test_a_recording_without_events_is_written_too(tmp_path) -> None:
    import mne

    write_eeglab(tmp_path / "a.set", _eeg(), rate_hz=500.0, channel_names=NAMES)
    assert len(mne.io.read_raw_eeglab(tmp_path / "a.set", verbose="error").annotations) == 0


def test_equal_content_gives_equal_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_eeglab(tmp_path / name / "x.set", _eeg(), rate_hz=1000.0, channel_names=NAMES)
        write_biopac_mat(tmp_path / name / "x.mat", [Signal(np.arange(9.0), 1000.0, "mV", "ECG")])
    for file in ("x.set", "x.mat"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_matlab_export_holds_samples_by_channels_with_labels_and_units(tmp_path) -> None:
    signals = [
        Signal(np.sin(np.arange(500.0)), 1000.0, "mV", "ECG"),
        Signal(np.arange(500.0), 1000.0, "deg C", "SKT A"),
    ]
    write_biopac_mat(tmp_path / "x.mat", signals)
    read = loadmat(tmp_path / "x.mat")
    assert read["data"].shape == (500, 2)
    assert np.array_equal(read["data"][:, 0], signals[0].values)
    assert [label.strip() for label in read["labels"]] == ["ECG", "SKT A"]
    assert [unit.strip() for unit in read["units"]] == ["mV", "deg C"]
    assert read["isi"].item() == 1.0


@pytest.mark.parametrize(
    "signals", [[], [Signal(np.zeros(5), 1000.0, "V", "a"), Signal(np.zeros(4), 1000.0, "V", "b")]]
)
def test_signals_of_different_lengths_are_refused(tmp_path, signals) -> None:
    with pytest.raises(DataError, match="one rate and length"):
        write_biopac_mat(tmp_path / "x.mat", signals)
    assert list(tmp_path.iterdir()) == []


def test_names_and_events_that_do_not_fit_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="3 channel names"):
        write_eeglab(tmp_path / "x.set", _eeg(), rate_hz=1000.0, channel_names=NAMES[:2])
    with pytest.raises(DataError, match="events at samples 0 to 1999"):
        write_eeglab(tmp_path / "x.set", _eeg(), rate_hz=1000.0, channel_names=NAMES, events=[(2000, 1)])
    assert list(tmp_path.iterdir()) == []
