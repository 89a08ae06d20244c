"""Labels become standard names, positions are those of the sphere, and what has none is said."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.signals.eeg import repair, repair_raw, standard_positions
from mien.signals.eeg.adjust import polar
from mien.signals.eeg.montage import centred
from mien.simulate.brains import CAP, FACE_CHANNELS

mne = pytest.importorskip("mne")


def test_the_cap_of_neuroscan_gets_standard_names_types_and_places() -> None:
    found = repair([*CAP, *FACE_CHANNELS])
    assert found.renamed["FPZ"] == "Fpz"
    assert found.renamed["POZ"] == "POz"
    assert [n for n, t in zip(found.names, found.types, strict=True) if t == "misc"] == ["CB1", "CB2"]
    assert found.types[-4:] == ("eog", "eog", "ecg", "emg")
    placed = np.isfinite(found.positions).all(axis=1)
    assert placed.sum() == 62
    assert set(found.without_position) == {"CB1", "CB2", "HEO", "VEO", "EKG", "EMG"}
    assert "cerebellum" in found.without_position["CB1"]
    np.testing.assert_allclose(np.linalg.norm(found.positions[placed], axis=1), 1.0)


def test_places_agree_with_the_spherical_ten_twenty_system() -> None:
    names = ["Fp1", "Fp2", "F7", "F8", "T7", "T8", "O1", "Cz", "Fz", "Pz"]
    theta, radius = polar(standard_positions(names))
    # Angles and radii of the spherical system (EEGLAB's and Easycap's tables), not of a real head.
    wanted = [-18, 18, -54, 54, -90, 90, -162]
    np.testing.assert_allclose(theta[:7], wanted, atol=5)
    np.testing.assert_allclose(radius, [0.51] * 7 + [0, 0.256, 0.256], atol=0.05)


@pytest.mark.parametrize("label", ["EEG FPZ-REF", "fpz", "Fpz..", " FPZ ", "EEG Fpz", "FPZ-LE"])
def test_dressed_labels_are_the_same_channel(label) -> None:
    assert repair([label]).names == ("Fpz",)


def test_labels_that_are_unknown_or_twice_or_empty() -> None:
    found = repair(["E17", "Cz"])
    assert found.names == ("E17", "Cz")
    assert found.types == ("misc", "eeg")
    assert "10-05" in found.without_position["E17"]
    with pytest.raises(DataError, match="FP1 and Fp1, which are all Fp1"):
        repair(["FP1", "Fp1"])
    with pytest.raises(DataError, match="wanted a name"):
        repair(["Cz", " "])
    assert repair([]).names == ()


def test_a_recording_is_repaired_in_a_copy() -> None:
    info = mne.create_info(["FP1", "CB2", "HEO", "STIM"], 100.0, ["eeg", "eeg", "eeg", "stim"])
    raw = mne.io.RawArray(np.zeros((4, 50)), info, verbose="ERROR")
    made, found = repair_raw(raw)
    assert raw.ch_names[0] == "FP1"
    assert made.ch_names == ["Fp1", "CB2", "HEO", "STIM"]
    assert made.get_channel_types() == ["eeg", "misc", "eog", "stim"]
    assert np.isfinite(made.get_montage().get_positions()["ch_pos"]["Fp1"]).all()
    assert found.types[3] == "misc"


def test_the_centre_of_digitised_points_is_found() -> None:
    points = standard_positions(CAP)
    moved = np.where(np.isfinite(points), 0.09 * points + [0.01, -0.02, 0.04], np.nan)
    np.testing.assert_allclose(centred(moved), points, atol=1e-9)
    flat = np.column_stack([np.random.default_rng(0).normal(size=(20, 2)), np.zeros(20)])
    for wrong in (flat, points[:3], np.zeros((4, 2))):
        with pytest.raises(DataError, match="on a head"):
            centred(wrong)
