"""A simulated study on disk: whole or absent, the same bytes however it was made, its truth recoverable."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

from mien.core import DataError, OptionError
from mien.core.errors import JobError
from mien.core.expression import is_micro
from mien.dataset import open_study, validate
from mien.recording.formats import read_frames
from mien.signals.face import dis_flow
from mien.simulate import (
    Effects,
    Expressiveness,
    StudySettings,
    estimate_study,
    read_truth,
    simulate_study,
    study_parts,
)
from mien.simulate import study as study_module
from mien.simulate.acting import act
from mien.simulate.session import Session

SMALL = StudySettings(
    participants=2,
    trials=2,
    emotions=("happiness", "disgust"),
    rate_hz=100.0,
    clip_s=8.0,
    report_s=1.0,
    rest_s=1.0,
    frame_px=160,
    sampling_hz=500.0,
    speech=True,
    seed=11,
    expressiveness=Expressiveness(micro_per_trial=(1, 1), macro_per_trial=(1, 1)),
)
PARTS = study_parts(None, speech=True)


def _bytes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "study"
    simulate_study(SMALL, folder, parts=PARTS)
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "mmme"
    simulate_study(SMALL, folder, layout="mmme")
    return folder


# --- the study


def test_a_written_study_has_no_findings_and_opens(made) -> None:
    assert validate(made) == []
    study = open_study(made)
    assert list(study.participants) == ["sub-001", "sub-002"]
    session = study.session("sub-001")
    assert session.eeg().info["nchan"] == 68
    assert [s.name for s in session.physio()] == ["ppg", "rsp", "skt", "eda", "ecg", "trigger"]
    assert {s.rate_hz for s in session.physio()} == {500.0}
    assert list(session.videos()) == [1, 2]
    assert sorted(session.coding()) == ["A", "B"]
    assert session.trials()["emotion"].isin(["happiness", "disgust"]).all()
    assert all(run.audio_path is not None for run in session.videos().values())
    assert not list(made.parent.glob(".*"))


def test_the_same_seed_gives_the_same_bytes_on_two_workers(made, tmp_path) -> None:
    simulate_study(SMALL, tmp_path / "again", parts=PARTS, n_workers=2)
    assert _bytes(tmp_path / "again") == _bytes(made)


def test_coded_frames_become_the_durations_that_were_asked(made) -> None:
    truth = read_truth(made, "001")
    coded = open_study(made).session("sub-001").coding()["A"]
    stamps = {n: run.host_stamps_s for n, run in open_study(made).session("sub-001").videos().items()}
    assert len(coded) >= 2
    for row in coded.itertuples():
        seconds = [stamps[row.run][frame] for frame in (row.onset_frame, row.apex_frame, row.offset_frame)]
        near = min(truth.movements[row.trial], key=lambda m: abs(_host(truth, m.apex_s) - seconds[1]))
        assert abs(_host(truth, near.apex_s) - seconds[1]) < 0.2
        if seconds[2] > seconds[1]:
            assert seconds[2] - seconds[0] == pytest.approx(near.duration_s, abs=0.2)
            assert is_micro(*seconds) == (near.kind == "micro")


def _host(truth, time_s: float) -> float:
    return truth.clocks["camera"].to_device(time_s)


def test_codes_in_the_recordings_are_those_that_arrived(made) -> None:
    truth = read_truth(made, "002")
    session = open_study(made).session("sub-002")
    events = session.events()
    assert events["value"].tolist() == [p.code for p in truth.pulses["eeg"]]
    true = [p.time_s for p in truth.pulses["eeg"]]
    assert events["onset"].to_numpy(float) == pytest.approx(true, abs=0.5 / 500 + 1e-9)  # half a sample
    trigger = next(s for s in session.physio() if s.name == "trigger").values.astype(int)
    edges = np.flatnonzero((trigger[1:] > 0) & (trigger[:-1] == 0)) + 1
    settled = trigger[edges + 10]
    assert settled.tolist() == [p.code for p in truth.pulses["polygraph"]]
    assert edges / 500.0 == pytest.approx([p.time_s for p in truth.pulses["polygraph"]], abs=0.008)


def test_beats_found_in_the_ecg_are_the_true_ones(made) -> None:
    from mien.signals.physio import r_peaks

    truth = read_truth(made, "001")
    ecg = next(s for s in open_study(made).session("sub-001").physio() if s.name == "ecg")
    found, true = r_peaks(ecg), truth.body["beats_s"]
    inner = true[(true > 1) & (true < ecg.duration_s - 1)]
    assert np.abs(found[np.abs(found[:, None] - inner).argmin(axis=0)] - inner).max() < 0.01


def test_the_eeg_holds_its_sources(made) -> None:
    raw = open_study(made).session("sub-001").eeg()
    with np.load(made / "derivatives/truth/sub-001/brain.npz") as brain:
        artefacts = brain["artefact_maps"] @ brain["artefacts_uv"]
    blink = artefacts[0]  # FP1
    recorded = 1e6 * raw.get_data(picks=[0])[0]
    assert np.corrcoef(blink[blink > 20], recorded[blink > 20])[0, 1] > 0.8


def test_decoded_video_shows_the_macro_expression_that_was_played(made) -> None:
    """Through noise and compression: measured flow at the apex against the renderer's, same places."""
    session = Session.of(SMALL, 1)
    agreements = []
    for trial in session.participant.trials:
        movement = next(m for m in trial.movements if m.kind == "macro")
        times = session.runs[trial.number].true_s
        onset, apex = (int(np.abs(times - t).argmin()) for t in (movement.onset_s, movement.apex_s))
        video = open_study(made).session("sub-001").videos()[trial.number].path
        frames = [frame for index, _, frame in read_frames(video, luma=True) if index in (onset, apex)]
        poses = list(act(session.participant, trial, SMALL, times[[onset, apex]]))
        true = session.face.displacement(poses[1]) - session.face.displacement(poses[0])
        measured = dis_flow(frames[0], frames[1])
        strong = np.hypot(*true) > 0.6 * np.hypot(*true).max()
        agreements.append(float((true * measured)[:, strong].sum() / (true**2)[:, strong].sum()))
    assert min(agreements) > 0.6  # 1 where all of the movement is found


def test_the_voice_is_as_long_as_its_clip(made) -> None:
    import soundfile

    run = open_study(made).session("sub-001").videos()[1]
    info = soundfile.info(run.audio_path)
    assert (info.samplerate, info.channels) == (16000, 1)
    assert info.duration == pytest.approx(8.0)


def test_one_part_alone(tmp_path) -> None:
    for part in ("physio", "eeg"):
        simulate_study(SMALL, tmp_path / part, parts=study_parts(part))
        assert validate(tmp_path / part) == []
    physio, eeg = (open_study(tmp_path / part).session("sub-001") for part in ("physio", "eeg"))
    assert physio.eeg() is None
    assert eeg.physio() == []
    # without pictures, the coded frames still have times
    runs, coded = physio.videos(), physio.coding()["A"]
    assert all(run.path is None for run in runs.values())
    assert coded["offset_frame"].max() < max(run.host_stamps_s.size for run in runs.values())
    # a part alone holds the same samples as within the whole
    assert (tmp_path / "eeg/sub-001/eeg").is_dir()


def test_a_part_alone_holds_the_same_samples_as_the_whole(made, tmp_path) -> None:
    simulate_study(SMALL, tmp_path / "eeg", parts=study_parts("eeg"))
    name = "sub-002/eeg/sub-002_task-elicitation_eeg.eeg"
    assert (tmp_path / "eeg" / name).read_bytes() == (made / name).read_bytes()


# --- interrupted, refused, full


def test_an_interrupted_simulation_leaves_nothing_and_goes_on(made, tmp_path, monkeypatch) -> None:
    target = tmp_path / "study"
    whole = study_module._simulate_participant

    def dies(context, *, number):
        if number == 2:
            raise KeyboardInterrupt
        return whole(context, number=number)

    monkeypatch.setattr(study_module, "_simulate_participant", dies)
    with pytest.raises(KeyboardInterrupt):
        simulate_study(SMALL, target, parts=PARTS)
    assert not target.exists()
    first = tmp_path / ".study.part" / "sub-001"
    assert first.is_dir()
    kept = first.stat().st_mtime_ns
    monkeypatch.setattr(study_module, "_simulate_participant", whole)
    simulate_study(SMALL, target, parts=PARTS)
    assert (target / "sub-001").stat().st_mtime_ns == kept
    assert _bytes(target) == _bytes(made)


def test_two_at_once_do_not_write_one_study(tmp_path, monkeypatch) -> None:
    refused = []
    whole = study_module._simulate_participant

    def meanwhile(context, *, number):
        if number == 1:
            with pytest.raises(DataError, match="another simulation at work on it"):
                simulate_study(SMALL, tmp_path / "study", parts=study_parts("physio"))
            refused.append(number)
        return whole(context, number=number)

    monkeypatch.setattr(study_module, "_simulate_participant", meanwhile)
    simulate_study(SMALL, tmp_path / "study", parts=study_parts("physio"))
    assert refused == [1]
    assert validate(tmp_path / "study") == []


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path, monkeypatch) -> None:
    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "No space left on device", "video.mp4")

    monkeypatch.setattr(Session, "body_signals", full)
    with pytest.raises(JobError, match=r"No space left on device.*free disk space"):
        simulate_study(SMALL, tmp_path / "study", parts=study_parts("physio"))
    assert not (tmp_path / "study").exists()


def test_a_disk_that_is_too_small_is_refused_before_anything_is_made(tmp_path, monkeypatch) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(study_module.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(JobError, match=r"MB of free disk, got 0\.0 MB|GB of free disk, got 0\.0 MB"):
        simulate_study(SMALL, tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="an empty or absent folder, got one that holds something"):
        simulate_study(SMALL, tmp_path / "study", parts=PARTS)
    assert (tmp_path / "study" / "mine.txt").read_text() == "mine"


def test_another_simulation_does_not_go_on_with_this_one(tmp_path, monkeypatch) -> None:
    whole = study_module._simulate_participant

    def dies(context, *, number):
        if number == 2:
            raise KeyboardInterrupt
        return whole(context, number=number)

    monkeypatch.setattr(study_module, "_simulate_participant", dies)
    with pytest.raises(KeyboardInterrupt):
        simulate_study(SMALL, tmp_path / "study", parts=study_parts("physio"))
    with pytest.raises(DataError, match="one of other settings"):
        simulate_study(StudySettings(seed=12), tmp_path / "study", parts=study_parts("physio"))


def test_nothing_is_left_of_a_simulation_that_finished_nobody(tmp_path, monkeypatch) -> None:
    def dies(_context, *, number):
        raise KeyboardInterrupt

    monkeypatch.setattr(study_module, "_simulate_participant", dies)
    with pytest.raises(KeyboardInterrupt):
        simulate_study(SMALL, tmp_path / "study", parts=PARTS)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(OptionError, match=r"speech or audiovisual \(video and speech\), got video"):
        study_parts("video")


def test_a_real_study_has_no_truth(made, tmp_path) -> None:
    with pytest.raises(DataError, match="only simulated studies have one"):
        read_truth(tmp_path, "001")
    with pytest.raises(DataError, match="participant 009"):
        read_truth(made, "009")


def test_the_estimate_is_an_upper_bound_of_the_right_size(made) -> None:
    size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    assert size < estimate_study(SMALL, parts=PARTS).size_bytes < 3 * size
    large = estimate_study(StudySettings(participants=75, trials=42, clip_s=60.0, report_s=25, rest_s=30))
    assert large.seconds > 3600
    assert large.size_bytes > 50e9


# --- the release's layout


def test_the_releases_files_are_named_and_shaped_as_published(release) -> None:
    assert sorted(p.name for p in release.iterdir()) == [
        "BIOPAC", "EEG", "Frames", "Videos", "coding_file.xlsx", "derivatives",
    ]  # fmt: skip
    polygraph = loadmat(release / "BIOPAC" / "subj01" / "Untitled1 (001).mat")
    assert polygraph["data"].shape[1] == 17
    lines = polygraph["data"][:, 8:16] > 2.5
    codes = (lines << np.arange(8)).sum(axis=1)
    edges = np.flatnonzero((codes[1:] > 0) & (codes[:-1] == 0)) + 1
    assert codes[edges + 10].tolist() == [p.code for p in read_truth(release, "001").pulses["polygraph"]]


def test_mne_reads_the_releases_eeg(release, made) -> None:
    import mne

    raw = mne.io.read_raw_eeglab(release / "EEG" / "subj01" / "Acquisition 01.set", verbose="error")
    ours = open_study(made).session("sub-001").eeg()
    assert raw.n_times == ours.n_times
    assert raw.ch_names == ours.ch_names
    assert 1e6 * np.abs(raw.get_data(picks=[5]) - ours.get_data(picks=[5])).max() < 0.06  # half of 0.1 uV


def test_every_coded_stamp_names_a_frame_of_its_clip(release) -> None:
    table = pd.read_excel(release / "coding_file.xlsx")
    assert next(iter(table.columns)) == "Subject"
    assert list(table.columns)[-1] == "dif"
    assert len(table) >= 8
    for row in table.itertuples():
        clip = release / "Frames" / row.Subject / Path(row.Filename).stem
        assert (release / "Videos" / row.Subject / row.Filename).is_file()
        names = [path.stem for path in clip.iterdir()]
        for token in (row.OnsetFrame, row.ApexFrame, row.OffsetFrame):
            assert any(f"-{token}-" in name for name in names), token
        assert row.OnsetTime < row.ApexTime <= row.OffsetTime


def test_frames_counters_wrap_and_stamps_never_go_back(release) -> None:
    clip = next((release / "Frames" / "subj01").iterdir())
    parts = [path.stem.split("-") for path in sorted(clip.iterdir())]
    assert {len(p) for p in parts} == {9}
    assert all(1 <= int(p[7]) <= 1000 for p in parts)
    stamps = sorted(tuple(map(int, p[3:7])) for p in parts)
    assert len(parts) > 700
    assert stamps[0] < stamps[-1]


def test_the_release_is_the_same_bytes_again(release, tmp_path) -> None:
    simulate_study(SMALL, tmp_path / "again", layout="mmme", n_workers=2)
    assert _bytes(tmp_path / "again") == _bytes(release)


# --- the null world


def test_in_the_null_world_nothing_of_the_body_knows_the_apexes(tmp_path) -> None:
    """Twice the same people, once with their expressions elsewhere: the polygraph's bytes are the same."""
    quiet = StudySettings(participants=1, trials=2, clip_s=10.0, sampling_hz=250.0, effects=Effects.none())
    session = Session.of(quiet, 1)
    moved = Session.of(quiet, 1)
    object.__setattr__(moved.participant.trials[0], "movements", ())
    for name in ("ecg_mv", "eda_us", "rsp_v"):
        assert np.array_equal(getattr(session.body, name), getattr(moved.body, name))


def test_settings_are_written_with_the_truth(made) -> None:
    settings = json.loads((made / "derivatives/truth/settings.json").read_text())
    assert settings["seed"] == 11
    assert settings["effects"]["heart_rate_slope"] == Effects().heart_rate_slope


def test_blinks_of_the_eeg_are_those_of_the_video() -> None:
    from mien.simulate.acting import act

    session = Session.of(SMALL, 1)
    brain = session.brain()
    rate = session.amplifier.rate_hz
    blinks = brain.artefacts_uv[brain.artefact_names.index("blink")]
    for trial in session.participant.trials:
        for blink in (i for i in trial.interludes if i.what == "blink"):
            if blink.start_s < trial.clip_start_s or blink.end_s + 0.1 > trial.clip_end_s:
                continue
            times = np.arange(blink.start_s, blink.end_s + 0.1, 1 / rate)
            closed = [pose.eyes_closed for pose in act(session.participant, trial, SMALL, times)]
            first = round(blink.start_s * rate)
            course = blinks[first : first + times.size]
            assert abs(int(np.argmax(closed)) - int(np.argmax(course))) <= 2


def test_data_less_artefacts_are_clean_even_on_bad_channels() -> None:
    for number in range(1, 12):
        session = Session.of(SMALL, number)
        brain = session.brain()
        if brain.bad_channel is None:
            continue
        clean = brain.data_uv - brain.artefact_maps @ brain.artefacts_uv
        row = brain.channels.index(brain.bad_channel)
        assert clean[row].std() < 0.5 * brain.data_uv[row].std()
        assert clean[brain.channels.index("EMG")].std() < 2.0
        return
    raise AssertionError("no bad channel among eleven people")


def test_fast_cameras_keep_up() -> None:
    session = Session.of(StudySettings(participants=1, trials=2, rate_hz=1000.0), 1)
    for run in session.runs.values():
        late = session.camera.many_to_reference(run.host_s) - run.true_s
        assert np.quantile(late, 0.9) < 0.1


def test_the_voices_truth_is_written(made) -> None:
    voices = json.loads((made / "derivatives/truth/sub-001/voice.json").read_text())
    assert voices["speaker"]["pitch_hz"] > 50
    assert len(voices["trials"]["1"]["syllables_s"][0]) > 10
