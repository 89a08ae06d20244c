"""ICLabel's probabilities are passed on, deviations are said; on a real recording it agrees with ADJUST."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("mne")

import mne

from mien.core.errors import DataError, OptionError
from mien.signals.eeg.cleaning import clean_session
from mien.signals.eeg.cleaning_settings import CleaningSettings
from mien.signals.eeg.iclabel import CLASSES, label_components


@pytest.fixture(scope="module")
def real(shared_data):
    """The 32-channel recording, cleaned; its one channel on the forehead asks for a wider front."""
    pytest.importorskip("mne_icalabel")
    path = shared_data / "physio/eeglab/eeglab_data.set"
    raw = mne.io.read_raw_eeglab(path, preload=False, verbose="ERROR")
    settings = CleaningSettings(with_iclabel=True, front_from_r=0.30, mains_hz=60.0)
    return raw, clean_session(raw, settings)


def test_adjust_and_iclabel_agree_on_the_blinks_of_a_real_recording(real) -> None:
    _, session = real
    rows = session.report["components"]
    by_adjust = {r["component"] for r in rows if {"blink", "vertical"} & set(r["kinds"])}
    across = {r["component"] for r in rows if "horizontal" in r["kinds"]}
    by_iclabel = {r["component"] for r in rows if r["iclabel"]["decision"] == "eye"}
    print(f"\neyes by ADJUST up and down {sorted(by_adjust)}, across {sorted(across)}; "
          f"by ICLabel (0.9 or more) {sorted(by_iclabel)}; of {len(rows)}")  # fmt: skip
    components = session.components
    courses = components.unmixing @ components.raw.get_data(picks=components.channels)
    front = components.raw.get_data(picks=["Fpz"])[0]
    strongest = int(np.abs(np.corrcoef(np.vstack([front, courses]))[0, 1:]).argmax())
    assert by_adjust == by_iclabel == {strongest}
    assert rows[strongest]["removed"]
    # ADJUST sees horizontal movement in small components of which ICLabel thinks nothing of the kind.
    assert all(rows[k]["iclabel"]["probabilities"]["eye"] < 0.5 for k in across - by_iclabel)
    assert all(rows[k]["variance_share"] < 0.02 for k in across)


def test_probabilities_decisions_and_deviations(real) -> None:
    _, session = real
    labels = session.decisions.iclabel
    n = session.components.maps.shape[1]
    assert labels.probabilities.shape == (n, len(CLASSES))
    np.testing.assert_allclose(labels.probabilities.sum(axis=1), 1, atol=1e-5)
    for row, decision in zip(labels.probabilities, labels.decisions, strict=True):
        assert decision == (CLASSES[row.argmax()] if row.max() >= 0.9 else "unsure")
    assert "1 to 64 Hz" in " ".join(labels.notes)
    assert not any("reference" in note or "infomax" in note for note in labels.notes)


def test_its_decisions_remove_the_blinks_too(real) -> None:
    raw, session = real
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        options = {"method": "iclabel", "ica": "fastica", "front_from_r": 0.30, "mains_hz": 60.0}
        other = clean_session(raw, CleaningSettings(**options))
    assert any(r["kinds"] == ["eye"] and r["removed"] for r in other.report["components"])
    assert "trained on extended infomax, this is fastica" in " ".join(other.report["notes"])
    assert len(other.report["removed"]) < len(session.report["removed"])


def test_what_cannot_be_labelled_is_refused(real, monkeypatch) -> None:
    _, session = real
    ica, raw = session.components.ica, session.components.raw
    with pytest.raises(OptionError, match="0 to 1, got 2"):
        label_components(ica, raw, threshold=2)
    bare = mne.io.RawArray(raw.get_data(), mne.create_info(raw.ch_names, 128.0, "eeg"), verbose="ERROR")
    with pytest.raises(DataError, match="a position for every channel of the ICA, got none for Fpz"):
        label_components(ica, bare)
    monkeypatch.setitem(sys.modules, "mne_icalabel", None)
    with pytest.raises(OptionError, match=r"no mne_icalabel; install mien\[signals\]"):
        label_components(ica, raw)
