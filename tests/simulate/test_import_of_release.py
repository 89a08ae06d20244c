"""A simulated study written as the MMME release and imported is the study that was written directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.dataset import StudySession, open_study, read_expressions, synchronise, validate
from mien.dataset.catalog import dataset_format
from mien.dataset.expressions import merge_expressions
from mien.dataset.importing import import_study
from mien.recording.formats import read_frames
from mien.simulate import Expressiveness, StudySettings, read_truth, simulate_study

SETTINGS = StudySettings(
    participants=2,
    trials=3,
    clip_s=10.0,
    report_s=1.0,
    rest_s=1.0,
    frame_px=128,
    face_px=64,
    sampling_hz=500.0,
    seed=23,
    expressiveness=Expressiveness(micro_per_trial=(1, 2), macro_per_trial=(1, 1)),
)


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("release")
    simulate_study(SETTINGS, folder / "direct")
    simulate_study(SETTINGS, folder / "mmme", layout="mmme")
    import_study(dataset_format("mmme"), folder / "mmme", folder / "imported")
    return folder / "direct", folder / "imported"


def pairs(studies: tuple[Path, Path]) -> list[tuple[StudySession, StudySession]]:
    direct, imported = map(open_study, studies)
    assert list(direct.participants) == list(imported.participants)
    return [(direct.session(name), imported.session(name)) for name in direct.participants]


def test_it_is_sound(studies) -> None:
    assert {f.code for f in validate(studies[1])} <= {"consent-absent", "label-flagged", "timing-code"}


def test_signals_and_codes_are_the_same(studies) -> None:
    for a, b in pairs(studies):
        assert a.eeg().ch_names == b.eeg().ch_names
        assert a.eeg().get_channel_types() == b.eeg().get_channel_types()
        assert np.abs(a.eeg().get_data() - b.eeg().get_data()).max() <= 0.05e-6 * 1.01  # half of .1 uV
        assert a.events()[["onset", "value"]].equals(b.events()[["onset", "value"]])
        others = {signal.name: signal for signal in b.physio()}
        for signal in a.physio():
            assert others[signal.name].unit == signal.unit
            assert np.array_equal(others[signal.name].values, signal.values)


def test_trials_frames_and_stamps_are_the_same(studies) -> None:
    for a, b in pairs(studies):
        same = ["trial", "code", "stimulus", "emotion"]
        assert a.trials()[same].equals(b.trials()[same])
        for run, video in a.videos().items():
            other = b.videos()[run]
            assert np.array_equal(video.host_stamps_s, other.host_stamps_s)
            assert np.unique(np.diff(video.counter) - np.diff(other.counter)).tolist() == [0]
            apart = [
                np.abs(x.astype(float) - y).mean()
                for (_, _, x), (_, _, y) in zip(read_frames(video.path), read_frames(other.path), strict=True)
            ]
            assert max(apart) < 4.0  # grey levels: H.264 on one side, JPEG on the other


def test_every_coded_row_is_there(studies) -> None:
    """But for sides of action units, which the release does not have."""
    for a, b in pairs(studies):
        names = ["run", "onset_frame", "apex_frame", "offset_frame", "emotion"]
        direct = [tuple(row) for table in a.coding().values() for row in table[names].itertuples(index=False)]
        found = [tuple(row) for row in b.coding()["unmerged"][names].itertuples(index=False)]
        assert sorted(map(str, direct)) == sorted(map(str, found))
        kinds = [[m.kind for m in merge_expressions(read_expressions(s))] for s in (a, b)]
        assert len(kinds[0]) == len(kinds[1])
        assert sum(x == y for x, y in zip(*kinds, strict=True)) >= 0.8 * len(kinds[0])


def test_clocks_and_apexes_agree_with_the_truth(studies) -> None:
    """Frames on the master clock within half a frame and 1 ms of exposure, less the camera's 4 ms."""
    for a, b in pairs(studies):
        truth = read_truth(studies[0], a.participant_id)
        maps = [synchronise(session, camera_latency_s=0.004) for session in (a, b)]
        for run in a.videos():
            times = [fitted.frame_times_s(run) for fitted in maps]
            assert np.allclose(*times, atol=1e-6)
            off = np.abs(times[1] - truth.frames_s[f"run-{run:02d}"])
            assert np.quantile(off, 0.95) <= 0.5 / 150 + 0.001
