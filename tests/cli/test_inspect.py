"""mien inspect: a table for people, the agreed keys for programs, one sentence for what it cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mien.core.signal import Signal
from mien.recording.formats import VideoWriter, write_biopac_mat


@pytest.fixture
def inspect(mien):
    """Run `mien inspect` in this process; returns (exit status, stdout, stderr)."""
    return lambda *arguments: mien("inspect", *arguments)


def test_a_recording(inspect, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    write_biopac_mat(
        path, [Signal(np.arange(500.0), 250.0, "mV", "ECG"), Signal(np.ones(500), 250.0, "V", "PPG")]
    )
    status, out, _ = inspect(path, "--json")
    assert status == 0
    assert json.loads(out) == {
        "format": "acqknowledge-mat",
        "duration_s": 2.0,
        "channels": [
            {"name": "ECG", "rate_hz": 250.0, "unit": "mV", "n_samples": 500},
            {"name": "PPG", "rate_hz": 250.0, "unit": "V", "n_samples": 500},
        ],
        "events": 0,
        "video": None,
    }
    status, out, _ = inspect(path)
    assert status == 0
    assert "ECG" in out
    assert "acqknowledge-mat, 2.000 s, 2 channels, 0 events" in out


def test_a_video(inspect, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", width=32, height=16, rate_hz=25) as writer:
        for _ in range(5):
            writer.write(np.zeros((16, 32, 3), dtype=np.uint8))
    status, out, _ = inspect(tmp_path / "a.mp4", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["video"] == {"n_frames": 5, "rate_hz": 25.0, "width": 32, "height": 16}
    assert (found["channels"], found["duration_s"]) == ([], 0.2)
    assert "5 frames of 32 x 16 pixels at 25.0000 Hz" in inspect(tmp_path / "a.mp4")[1]


@pytest.mark.parametrize("name", ["gone.edf", "notes.txt", "empty.acq", "folder"])
def test_what_it_cannot_read_is_one_sentence(inspect, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no recording")
    (tmp_path / "empty.acq").touch()
    (tmp_path / "folder").mkdir()
    status, out, err = inspect(tmp_path / name)
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {tmp_path / name}: wanted ")
    assert len(err.strip().splitlines()) == 1


def test_a_participants_name_is_never_printed(inspect, shared_data: Path) -> None:
    path = shared_data / "physio" / "eeglab" / "test.edf"
    patient = path.read_bytes()[8:88].decode("latin-1").strip()
    assert patient
    for arguments in ([path], [path, "--json"]):
        status, out, err = inspect(*arguments)
        assert status == 0
        assert patient not in out + err
