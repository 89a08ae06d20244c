"""Withdrawal: after it nothing names the participant and nothing was made from the recordings."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core import DataError, OptionError
from mien.dataset import importing, open_study, validate, withdraw
from mien.dataset.catalog.adapter import Clip, Reading

sys.path.insert(0, str(Path(__file__).parent))
import tiny_study as tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("withdrawn")
    study = tiny.write_tiny_study(folder / "study")
    features = study / "derivatives" / "features"
    for name in ("sub-001", "sub-002"):
        (features / name).mkdir(parents=True)
        (features / name / f"{name}_flow.npz").write_bytes(b"x")
    (features / "pooled.parquet").write_bytes(b"of both")
    (features / "rates.tsv").write_text("participant_id\tbpm\nsub-001\t60\nsub-002\t70\n")
    (features / "settings.json").write_text('{"rate": 5}')
    results = folder / "results"
    (results / "records").mkdir(parents=True)
    (results / "records" / "both.json").write_text(json.dumps({"participants": {"sub-001": 1, "sub-002": 2}}))
    (results / "records" / "other.json").write_text(json.dumps({"participants": {"sub-0012": 1}}))
    (results / "examples").mkdir()
    (results / "examples" / "sub-001-apex.png").write_bytes(b"x")
    (results / "examples" / "sub-002-apex.png").write_bytes(b"x")
    (results / "report.html").write_text("pictures of both")
    (folder / "study-pseudonyms.tsv").write_text(
        "dataset\tsubject\tparticipant_id\nx\tAnna\tsub-001\nx\tZoe\tsub-002\n"
    )
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_nothing_is_left(copy: Path) -> None:
    before = files(copy)
    done = withdraw(copy / "study", "sub-001", results=[copy / "results"])
    gone = before - files(copy)
    assert {str(Path(p).relative_to(copy)) for p in done.removed} == gone
    assert not any("sub-001" in place for place in files(copy))
    for path in copy.rglob("*"):
        if path.is_file() and path.suffix in (".tsv", ".json") and path.parent != copy:
            assert "sub-001" not in path.read_text().split('"sub-0012"')[0]
    assert "results/records/both.json" in gone
    assert "results/report.html" in gone
    assert "study/derivatives/features/pooled.parquet" in gone  # nobody can say that it holds nothing
    kept = files(copy)
    assert {"results/records/other.json", "results/examples/sub-002-apex.png"} <= kept
    assert {"study/derivatives/features/settings.json"} <= kept
    assert (copy / "study/derivatives/features/rates.tsv").read_text().endswith("sub-002\t70\n")
    assert "Anna" not in (copy / "study-pseudonyms.tsv").read_text()
    assert not (copy / "study" / "sub-001").exists()
    assert [f.code for f in validate(copy / "study")] == []
    assert list(open_study(copy / "study").participants) == ["sub-002"]


def test_dry_run_touches_nothing(copy: Path) -> None:
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    dry = withdraw(copy / "study", "001", results=[copy / "results"], dry_run=True)
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()} == before
    wet = withdraw(copy / "study", "001", results=[copy / "results"])
    assert (dry.removed, dry.edited) == (wet.removed, wet.edited)


@pytest.mark.parametrize("stop_after", [0, 1, 3, 8])
def test_interrupted_and_called_again(copy: Path, monkeypatch, stop_after: int) -> None:
    real, count = Path.unlink, [0]

    def failing(path: Path, missing_ok: bool = False) -> None:
        count[0] += 1
        if count[0] > stop_after:
            raise KeyboardInterrupt
        real(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", failing)
        with pytest.raises(KeyboardInterrupt):
            withdraw(copy / "study", "sub-001", results=[copy / "results"])
    withdraw(copy / "study", "sub-001", results=[copy / "results"])
    assert not any("sub-001" in place for place in files(copy))
    assert [f.code for f in validate(copy / "study")] == []


def test_unknown_participant_and_folder(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wanted a participant of"):
        withdraw(copy / "study", "sub-009")
    with pytest.raises(DataError, match="no such folder"):
        withdraw(copy / "study", "sub-001", results=[tmp_path / "none"])
    with pytest.raises(DataError, match="wanted the folder of a study"):
        withdraw(tmp_path, "sub-001")


def test_the_command(copy: Path) -> None:
    run = CliRunner().invoke
    dry = run(program(), ["withdraw", str(copy / "study"), "sub-002", "--dry-run"])
    assert (dry.exit_code, "would remove" in dry.stdout) == (0, True)
    told = json.loads(run(program(), ["withdraw", str(copy / "study"), "sub-002", "--json"]).stdout)
    assert told["participant_id"] == "sub-002"
    assert any(path.endswith("_eeg.vhdr") for path in told["removed"])


def test_what_others_folders_and_other_tables_say(copy: Path) -> None:
    """A fold is named by its test subject, and was trained with the others."""
    results = copy / "results"
    (results / "folds" / "sub-002").mkdir(parents=True)
    (results / "folds" / "sub-002" / "record.json").write_text('{"train": ["sub-001", "sub-003"]}')
    (results / "folds" / "sub-002" / "model.safetensors").write_bytes(b"x")
    (results / "samples.tsv").write_text("sample_id\tsubject_id\n1\tsub-001\n")
    features = copy / "study" / "derivatives" / "features"
    (features / "wide.tsv").write_text("time\tsub-001\tsub-002\n0\t1\t2\n")
    (features / "sub-average").mkdir()
    (features / "sub-average" / "sub-average_flow.npz").write_bytes(b"of both")
    source = copy / "study" / "sourcedata" / "sub-001"
    source.mkdir(parents=True)
    (source / "face.avi").write_bytes(b"x")
    (copy / "study" / "stimuli" / "sub-001_reaction.png").write_bytes(b"x")
    code = copy / "study" / "code"
    code.mkdir()
    (code / "run.py").write_text("print(1)")
    before = files(copy)
    withdraw(copy / "study", "sub-001", results=[results])
    gone = before - files(copy)
    assert {
        "results/folds/sub-002/record.json",
        "results/folds/sub-002/model.safetensors",
        "results/samples.tsv",
        "study/derivatives/features/wide.tsv",
        "study/derivatives/features/sub-average/sub-average_flow.npz",
        "study/sourcedata/sub-001/face.avi",
        "study/stimuli/sub-001_reaction.png",
    } <= gone
    assert "study/code/run.py" in files(copy)
    assert {place for place in before if place.startswith("study/sub-002/")} <= files(copy)


def test_rows_alone_tell_that_a_model_was_made_of_the_participant(copy: Path, tmp_path: Path) -> None:
    only = tmp_path / "only"
    only.mkdir()
    (only / "scores.tsv").write_text("participant_id\tf1\nsub-001\t1\nsub-002\t1\n")
    (only / "model.safetensors").write_bytes(b"x")
    withdraw(copy / "study", "sub-001", results=[only])
    assert files(only) == {"scores.tsv"}


def test_the_longest_id_is_another_one(copy: Path) -> None:
    (copy / "study" / "derivatives" / "features" / "sub-0011_flow.npz").write_bytes(b"x")
    people = copy / "study" / "participants.tsv"
    people.write_text(
        people.read_text() + "sub-0011" + "\tn/a" * people.read_text().split("\n")[0].count("\t") + "\n"
    )
    withdraw(copy / "study", "sub-001")
    assert "study/derivatives/features/sub-0011_flow.npz" in files(copy)


@pytest.mark.parametrize("stop_after", range(0, 30, 3))
def test_what_is_of_all_goes_even_after_an_interruption(copy: Path, monkeypatch, stop_after: int) -> None:
    """What says that it must go is removed after it."""
    (copy / "results" / "zz.npz").write_bytes(b"of both")
    real, count = Path.unlink, [0]

    def failing(path: Path, missing_ok: bool = False) -> None:
        count[0] += 1
        if count[0] > stop_after:
            raise KeyboardInterrupt
        real(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", failing)
        try:
            withdraw(copy / "study", "sub-001", results=[copy / "results"])
        except KeyboardInterrupt:
            withdraw_again = True
        else:
            withdraw_again = False
    if withdraw_again:
        withdraw(copy / "study", "sub-001", results=[copy / "results"])
    assert not {"results/zz.npz", "results/report.html", "study/derivatives/features/pooled.parquet"} & files(
        copy
    )


def test_who_is_who_from_within_and_its_permissions(copy: Path, monkeypatch) -> None:
    people = copy / "study-pseudonyms.tsv"
    people.chmod(0o600)
    monkeypatch.chdir(copy / "study")
    withdraw(Path(), "sub-001")
    assert "Anna" not in people.read_text()
    assert people.stat().st_mode & 0o777 == 0o600


def test_results_that_hold_the_study_and_a_table_that_is_not_there(copy: Path) -> None:
    before = files(copy)
    with pytest.raises(OptionError, match="got one that holds the study"):
        withdraw(copy / "study", "sub-001", results=[copy])
    with pytest.raises(DataError, match="wanted the table of who is who"):
        withdraw(copy / "study", "sub-001", pseudonyms=copy / "none.tsv")
    assert files(copy) == before


def test_a_linked_folder(copy: Path) -> None:
    (copy / "study" / "sub-001").rename(copy / "elsewhere")
    (copy / "study" / "sub-001").symlink_to(copy / "elsewhere")
    withdraw(copy / "study", "sub-001")
    assert not (copy / "study" / "sub-001").is_symlink()
    assert not [place for place in files(copy) if place.startswith("elsewhere")]


def test_the_number_of_somebody_who_withdrew_is_given_to_nobody(copy: Path) -> None:
    people = copy / "study-pseudonyms.tsv"
    withdraw(copy / "study", "sub-002")
    assert people.read_text().splitlines()[-1] == "x\twithdrawn sub-002\tsub-002"
    with pytest.raises(DataError, match="got nothing of that name"):
        withdraw(copy / "study", "sub-002")
    assert importing._pseudonyms(people, "x", reading_of("Anna", "New")) == {
        "Anna": "sub-001", "withdrawn sub-002": "sub-002", "New": "sub-003",
    }  # fmt: skip


def reading_of(*subjects: str) -> Reading:
    return Reading(Path("table"), 1.0, tuple(Clip(subject, "clip") for subject in subjects), ())
