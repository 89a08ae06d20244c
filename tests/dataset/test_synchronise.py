"""Clocks of a simulated study are recovered to the stated milliseconds; what cannot be fitted says so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mien.core import DataError
from mien.dataset import open_study, synchronise
from mien.dataset.synchronise import write_sync
from mien.simulate import Faults, StudySettings, read_truth, simulate_study, study_parts
from mien.simulate.clocks import CAMERA_LATENCY_S

SETTINGS = StudySettings(participants=3, trials=8, seed=5, faults=Faults(0.08, 0.08, 0.2, 0.002))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sync") / "study"
    simulate_study(SETTINGS, folder, parts=study_parts("signals"))
    return folder


def test_clocks_are_recovered_at_every_apex_and_frame(made) -> None:
    polygraph, video = [], []
    for name in ("001", "002", "003"):
        truth = read_truth(made, name)
        sync = synchronise(open_study(made).session(name), camera_latency_s=CAMERA_LATENCY_S)
        assert sync.polygraph.fit.verdict == sync.camera.fit.verdict == "good"
        apexes = np.array([m.apex_s for moves in truth.movements.values() for m in moves])
        device = np.array([truth.clocks["polygraph"].to_device(apex) for apex in apexes])
        polygraph += np.abs(sync.polygraph.fit.to_reference(device) - apexes).tolist()
        for run in sync.clips:
            true = truth.frames_s[f"run-{run:02d}"]
            video.append(np.abs(sync.frame_times_s(run) - true).max())
    assert np.quantile(polygraph, 0.95) < 0.001
    assert np.quantile(video, 0.95) < 0.5 / 139 + 0.001


def test_faults_are_counted_not_matched(made) -> None:
    truth = read_truth(made, "002")
    sync = synchronise(open_study(made).session("002"))
    spurious = sum(p.fault == "spurious" for p in truth.pulses["polygraph"])
    assert sync.polygraph.n_unknown == spurious
    assert len(sync.polygraph.matched.pairs) <= 16


def test_maps_are_written_beside_the_study_and_raw_files_stay(made) -> None:
    study = open_study(made)
    path = write_sync(study, synchronise(study.session("001")))
    told = json.loads(path.read_text())
    assert path.is_relative_to(made / "derivatives" / "sync")
    assert told["polygraph"]["verdict"] == "good"
    assert told["clips"]["1"]["accepted"]


def test_a_run_without_a_fit_has_no_times(made) -> None:
    sync = synchronise(open_study(made).session("001"))
    with pytest.raises(DataError, match="run 99: wanted a fit"):
        sync.frame_times_s(99)


def test_without_an_eeg_there_is_no_master(tmp_path) -> None:
    settings = StudySettings(participants=1, trials=1)
    simulate_study(settings, tmp_path / "s", parts=study_parts("physio"))
    with pytest.raises(DataError, match="events of the EEG, the master clock"):
        synchronise(open_study(tmp_path / "s").session("001"))
