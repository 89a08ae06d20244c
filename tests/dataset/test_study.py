"""A study on disk: what is opened is what was written, and it appears whole or not at all."""

from __future__ import annotations

import ast
import errno
import re
import shutil
import sys
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

from mien.core.errors import DataError, OptionError
from mien.core.expression import ActionUnit
from mien.dataset import StudyWriter, layout, open_study
from mien.dataset.manifest import check_manifest, read_manifest
from mien.dataset.tables import parse_action_units, spell_action_units
from mien.recording.formats import count_frames

sys.path.insert(0, str(Path(__file__).parent))
import tiny_study as tiny

SOURCES = Path(__file__).parents[2] / "src" / "mien"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_tiny_study(tmp_path_factory.mktemp("studies") / "tiny")


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


# --- write, then open


def test_participants(study: Path) -> None:
    people = open_study(study).participants
    assert list(people) == ["sub-001", "sub-002"]
    assert [p.consent_level for p in people.values()] == [1, 2]
    assert people["sub-001"].columns == {"age": "23", "sex": "F", "hand": "right"}
    assert people["sub-002"].columns["hand"] is None


@pytest.mark.parametrize("seed", [1, 2])
def test_recordings(study: Path, seed: int) -> None:
    session = open_study(study).session(f"sub-00{seed}")
    raw = session.eeg()
    assert raw is not None
    assert raw.ch_names == list(tiny.NAMES)
    assert np.abs(raw.get_data() * 1e6 - tiny.eeg(seed)).max() < 0.0501
    found, _ = mne.events_from_annotations(raw, verbose="ERROR")
    assert found[:, [0, 2]].tolist() == [[250, 101], [2250, 100]]
    signals = session.physio()
    assert [s.name for s in signals] == ["ecg", "eda", "trigger"]
    for was, is_ in zip(tiny.physio(seed), signals, strict=False):
        assert np.abs(was.values - is_.values).max() < 1e-5
        assert (is_.unit, is_.rate_hz, is_.start_s) == (was.unit, was.rate_hz, -0.5)


@pytest.mark.parametrize("seed", [1, 2])
def test_videos(study: Path, seed: int) -> None:
    runs = open_study(study).session(f"00{seed}").videos()
    assert list(runs) == [1]
    run = runs[1]
    assert count_frames(run.path) == tiny.N_FRAMES
    np.testing.assert_array_equal(run.host_stamps_s, tiny.stamps(seed))
    np.testing.assert_array_equal(run.counter, np.arange(tiny.N_FRAMES) + 100)
    assert run.frame_times is not None
    assert run.frame_times.seconds(3) == tiny.stamps(seed)[3]
    assert run.audio_path is not None


def test_tables(study: Path) -> None:
    session = open_study(study).session("sub-001")
    trials, events, coding = session.trials(), session.events(), session.coding()
    assert trials is not None
    assert events is not None
    pd.testing.assert_frame_equal(trials, tiny.trials(), check_dtype=False)
    pd.testing.assert_frame_equal(events, tiny.events(), check_dtype=False)
    assert list(coding) == ["A", "B"]
    pd.testing.assert_frame_equal(coding["A"], tiny.coding(), check_dtype=False)
    stimuli = open_study(study).stimuli()
    assert stimuli is not None
    assert stimuli["stimulus"].tolist() == ["clip-01"]


def test_absent_modalities_are_no_error(copy: Path) -> None:
    for folder in ("eeg", "beh"):
        shutil.rmtree(copy / "sub-001" / folder)
    shutil.rmtree(copy / "derivatives")
    session = open_study(copy).session("sub-001")
    assert (session.eeg(), session.trials(), session.events()) == (None, None, None)
    assert (session.physio(), session.videos(), session.coding()) == ([], {}, {})


def test_stamps_that_stand_still_are_raw_only(copy: Path) -> None:
    path = layout.frame_times(copy, "001", 1)
    lines = path.read_text().splitlines()
    lines[5] = lines[5].rsplit("\t", 1)[0] + "\t" + lines[4].rsplit("\t", 1)[1]
    path.write_text("\n".join(lines) + "\n")
    run = open_study(copy).session("001").videos()[1]
    assert run.frame_times is None
    assert run.host_stamps_s[3] == run.host_stamps_s[4]
    path.unlink()
    with pytest.raises(DataError, match="table of frame times beside the video"):
        _ = open_study(copy).session("001").videos()[1].frame_times


def test_equal_content_gives_equal_files(study: Path, tmp_path: Path) -> None:
    again = tiny.write_tiny_study(tmp_path / "tiny")
    names = sorted(p.relative_to(study) for p in study.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    for name in names:
        assert (study / name).read_bytes() == (again / name).read_bytes(), name


def test_manifest_counts(study: Path) -> None:
    rows = {Path(place).name: row for place, row in read_manifest(study).items()}
    assert rows["sub-001_task-elicitation_eeg.eeg"].n_samples == 2500
    assert rows["sub-001_task-elicitation_recording-biopac_physio.tsv.gz"].rate_hz == 100.0
    assert rows["sub-001_task-elicitation_run-01_video.mp4"].n_frames == tiny.N_FRAMES
    assert rows["sub-001_task-elicitation_run-01_audio.wav"].n_samples == 800
    assert rows["stimuli.tsv"].n_samples is None
    assert check_manifest(study) == []


# --- what is no study


def test_wrong_folders(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wanted the folder of a study, got no such folder"):
        open_study(tmp_path / "none")
    with pytest.raises(DataError, match=r"without dataset_description\.json and participants\.tsv"):
        open_study(tmp_path)
    with pytest.raises(DataError, match="wanted one of the 2"):
        open_study(copy).session("sub-009")


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("participant_id\tconsent_level\nsub-001\t3\n", "consent level 1, 2 or n/a"),
        ("participant_id\nsub-001\nsub-001\n", "each participant once"),
        ("participant_id\n../etc\n", "an id as in sub-001"),
        ("name\nx\n", "columns participant_id"),
    ],
)
def test_wrong_participants(copy: Path, rows: str, match: str) -> None:
    layout.participants(copy).write_text(rows)
    with pytest.raises(DataError, match=match):
        open_study(copy)


def test_absent_consent_is_unknown(copy: Path) -> None:
    layout.participants(copy).write_text("participant_id\nsub-001\n")
    assert open_study(copy).participants["sub-001"].consent_level is None


@pytest.mark.parametrize("name", ["../x", "a_b", "", "sub-"])
def test_labels_cannot_leave_the_study(name: str) -> None:
    with pytest.raises(OptionError, match="letters and digits only"):
        layout.eeg(Path("study"), name)
    with pytest.raises(OptionError, match="letters and digits only"):
        layout.coding(Path("study"), "001", name)


# --- whole or not at all


def test_a_target_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="empty or absent folder"):
        StudyWriter(tmp_path)
    with pytest.raises(DataError, match="working folder of mien"):
        StudyWriter(tmp_path / "study", working=tmp_path)


def fail_midway(writer: StudyWriter) -> None:
    with writer.participant("002") as person:
        person.write_trials(tiny.trials())
        person.write_coding("A", tiny.coding())
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_nothing_and_the_run_can_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    writer = StudyWriter(folder, identity="seed 1")
    with writer.participant("sub-001") as person:
        tiny.fill(person, 1)
    with pytest.raises(OSError, match="left"):
        fail_midway(writer)
    assert not folder.exists()
    assert not any("002" in str(p) for p in tmp_path.rglob("*"))

    again = StudyWriter(folder, identity="seed 1")
    assert (again.has("sub-001"), again.has("sub-002")) == (True, False)
    with pytest.raises(DataError, match="a new participant"), again.participant("sub-001"):
        pass
    with pytest.raises(DataError, match="one row per written participant"):
        again.finish(tiny.participants())
    with again.participant("sub-002") as person:
        tiny.fill(person, 2)
    again.finish(tiny.participants())
    assert [p.name for p in tmp_path.iterdir()] == ["study"]
    assert not any(p.name.endswith((".part", ".identity")) for p in folder.rglob("*"))
    assert open_study(folder).session("sub-001").coding().keys() == {"A", "B"}


def test_a_full_disk_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(study: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(study))

    folder = tmp_path / "study"
    with monkeypatch.context() as patch:
        patch.setattr("mien.dataset.write.write_manifest", full)
        with pytest.raises(OSError, match="No space left"):
            tiny.write_tiny_study(folder)
    assert not folder.exists()
    writer = StudyWriter(folder)
    assert writer.has("sub-002")
    writer.finish(tiny.participants())
    assert check_manifest(folder) == []


def test_a_killed_participant_is_written_again(tmp_path: Path) -> None:
    writer = StudyWriter(tmp_path / "study")
    left = layout.coding(writer.part, "sub-001", "Z")  # killed between its two moves
    left.parent.mkdir(parents=True)
    left.write_text("old")
    (writer.part / ".sub-001.part" / "sub-001").mkdir(parents=True)
    with writer.participant("sub-001") as person:
        tiny.fill(person, 1)
    writer.finish(tiny.participants()[:1])
    assert set(open_study(writer.folder).session("001").coding()) == {"A", "B"}


def test_another_unfinished_study_is_refused(tmp_path: Path) -> None:
    StudyWriter(tmp_path / "study", identity="seed 1")
    with pytest.raises(DataError, match="one of other settings"):
        StudyWriter(tmp_path / "study", identity="seed 2")


def test_tables_need_their_columns(tmp_path: Path) -> None:
    writer = StudyWriter(tmp_path / "study")
    with pytest.raises(DataError, match="got no kind"), writer.participant("001") as person:
        person.write_coding("A", tiny.coding().drop(columns="kind"))
    with pytest.raises(DataError, match="something recorded"), writer.participant("001"):
        pass


# --- action units, and the truth


def test_action_units() -> None:
    units = (ActionUnit(4), ActionUnit(7, "left", "B"), ActionUnit(12, "right"))
    assert parse_action_units(spell_action_units(units)) == units
    assert parse_action_units(None) == ()
    for wrong in ("4", "AU", "AU4F", "XAU4", "AU4,,AU5"):
        with pytest.raises(DataError, match="action units: wanted words"):
            parse_action_units(wrong)


def code_of(path: Path) -> str:
    """The source without comments and without texts that stand alone (docstrings)."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None
    return ast.unparse(tree)


def test_no_analysis_can_name_the_truth() -> None:
    """Outside `simulate`, only the layout's constant and one check of `validate` name its folder."""
    names_it = re.compile(r"TRUTH|['\"/]truth\b|\btruth['\"/]|simulate\.truth|simulate import .*\btruth\b")
    found = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if path.relative_to(SOURCES).parts[0] != "simulate" and names_it.search(code_of(path))
    }
    assert found == {"dataset/layout.py", "dataset/validate.py"}
    uses = names_it.findall(code_of(SOURCES / "dataset" / "validate.py"))
    assert uses == ["TRUTH", "'truth", "TRUTH"]  # the check, its code truth-unexpected, its place
