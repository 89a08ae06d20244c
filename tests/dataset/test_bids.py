"""Other tools open what mien wrote: MNE-BIDS reads the EEG, its channels and its events back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import tiny_study as tiny


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mne_bids_reads_the_eeg_back(tmp_path: Path) -> None:
    from mne_bids import BIDSPath, get_entity_vals, read_raw_bids

    study = tiny.write_tiny_study(tmp_path / "study")
    assert get_entity_vals(study, "subject") == ["001", "002"]
    path = BIDSPath(root=study, subject="001", task="elicitation", datatype="eeg", suffix="eeg")
    raw = read_raw_bids(path, verbose="ERROR")
    assert raw.ch_names == list(tiny.NAMES)
    assert (raw.info["sfreq"], raw.info["line_freq"]) == (250.0, 50.0)
    assert np.abs(1e6 * raw.get_data() - tiny.eeg(1)).max() <= 0.05 + 1e-9
    assert raw.annotations.onset.tolist() == [1.0, 9.0]
    assert all(word in text for word, text in zip(("clip", "rest"), raw.annotations.description, strict=True))
    assert set(raw.get_channel_types()) == {"eeg"}
