"""Withdrawal: after it nothing names the participant and nothing was made from the recordings."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core import DataError
from mien.dataset import open_study, validate, withdraw

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
        if path.is_file() and path.suffix in (".tsv", ".json"):
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
