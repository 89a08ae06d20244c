"""`mien fuse` and `mien clean` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core import OptionError
from mien.simulate import StudySettings, simulate_study

SPLIT = ("--split", "leave-one-subject-out")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "study"
    settings = StudySettings(
        participants=3, trials=3, clip_s=9.0, emotions=("happiness", "fear", "surprise"), seed=2
    )
    simulate_study(settings, folder, parts=frozenset({"physio", "eeg"}))
    return folder


def mien(*words):
    return CliRunner().invoke(program(), [str(word) for word in words])


class TestFuse:
    def test_json_has_the_stated_keys_and_figures_are_there(self, study, tmp_path):
        found = mien("fuse", study, "--modalities", "skt,ecg", *SPLIT, "--out", tmp_path, "--json")
        assert found.exit_code == 0, found.output
        told = json.loads(found.stdout)
        assert {"members", "fused", "weights", "coverage", "paired_test", "record"} <= set(told)
        assert [one["name"] for one in told["members"]] == ["skt", "ecg"]
        assert [one["leaks"] for one in told["others"]].count(True) == 1
        assert len(told["figures"]) == 3
        assert all(Path(path).read_text().startswith("<svg") for path in told["figures"])

    def test_tables_say_what_leaks_and_over_what_is_averaged(self, study, tmp_path):
        found = mien("fuse", study, "--modalities", "skt,ecg", *SPLIT, "--out", tmp_path)
        assert found.exit_code == 0, found.output
        assert "test-weighted (LEAK)" in found.stdout
        assert "mean and standard deviation over 3 folds" in found.stdout
        assert "permutation over 3 subjects" in found.stdout

    def test_plan_scores_nothing(self, study, tmp_path):
        found = mien("fuse", study, "--modalities", "skt", *SPLIT, "--out", tmp_path, "--plan", "--json")
        assert found.exit_code == 0, found.output
        assert json.loads(found.stdout)["plan"][0]["n_jobs"] == 3
        assert not list(tmp_path.glob("records/*"))

    @pytest.mark.parametrize(
        ("words", "refusal"),
        [
            (["--modalities", "smell"], "--modalities: wanted one of me"),
            (["--modalities", "skt", "--method", "htnet"], "--method: wanted modality=method"),
            (["--modalities", "skt", "--method", "skt=htnet"], "--method skt=htnet"),
            (["--modalities", "skt", "--rule", "guess"], "--rule: wanted one of vote"),
            (["--modalities", "skt", "--attention"], "--attention: wanted the modalities me,speech"),
            (["--modalities", "skt", "--artefacts", "magic"], "artefacts: wanted one of adjust"),
            (["--modalities", "skt", "--set", "eeg.epochs=3"], "--set: wanted one of skt"),
        ],
    )
    def test_wrong_use_is_refused_before_anything_is_measured(self, study, tmp_path, words, refusal):
        found = mien("fuse", study, *words, *SPLIT, "--out", tmp_path)
        assert isinstance(found.exception, OptionError)
        assert refusal in str(found.exception)
        assert not list(tmp_path.rglob("done.json"))


class TestClean:
    def test_reports_every_session_and_keeps_it(self, study, tmp_path):
        words = ("clean", study, "--method", "none", "--participant", "sub-001", "--out", tmp_path, "--json")
        first = json.loads(mien(*words).stdout)["participants"]["sub-001"]
        assert first["settings"]["method"] == "none"
        assert first["figure"] is None
        kept = tmp_path / "eeg" / "sub-001.json"
        before = kept.stat().st_mtime_ns
        assert json.loads(mien(*words).stdout)["participants"]["sub-001"] == first
        assert kept.stat().st_mtime_ns == before

    def test_saves_for_mne(self, study, tmp_path):
        import mne

        found = mien(
            "clean",
            study,
            "--method",
            "none",
            "--participant",
            "sub-002",
            "--save",
            "--out",
            tmp_path,
            "--json",
        )
        path = json.loads(found.stdout)["participants"]["sub-002"]["eeg"]
        raw = mne.io.read_raw_fif(path, verbose="ERROR")
        assert raw.info["sfreq"] == 128.0
        assert len(raw.ch_names) == 62

    def test_saved_eeg_belongs_to_its_report(self, study, tmp_path):
        one = ("clean", study, "--participant", "sub-001", "--out", tmp_path, "--json")
        mien(*one, "--method", "none", "--save")
        fif = tmp_path / "eeg" / "sub-001_eeg.fif"
        first = fif.read_bytes()
        mien(*one, "--method", "eog")
        assert not fif.exists()  # of other settings
        told = json.loads(mien(*one, "--method", "eog", "--save").stdout)["participants"]["sub-001"]
        assert told["eeg"] == str(fif)
        assert told["settings"]["method"] == "eog"
        assert fif.read_bytes() != first

    def test_a_damaged_report_is_made_again(self, study, tmp_path):
        words = ("clean", study, "--method", "none", "--participant", "sub-001", "--out", tmp_path, "--json")
        first = mien(*words).stdout
        (tmp_path / "eeg" / "sub-001.json").write_text('{"address": ')
        assert mien(*words).stdout == first

    def test_a_folder_that_cannot_be_made_is_refused_first(self, study, tmp_path):
        (tmp_path / "file").write_text("")
        found = mien("clean", study, "--method", "none", "--out", tmp_path / "file")
        assert "wanted a folder that can be written" in str(found.exception)
