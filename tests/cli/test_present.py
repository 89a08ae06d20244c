"""`mien present` without a browser: beginning a study, the plan, wrong use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core.errors import DataError, OptionError
from mien.dataset import open_study, validate
from mien.elicitation.clips import read_clips
from mien.simulate.clips import simulate_clips


def run(*arguments: object) -> Any:
    return CliRunner().invoke(program(), [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    listed = simulate_clips(folder, emotions=("happiness", "fear"), seconds=0.4, neutral_s=0.4)
    rows = ["file,emotion,role"]
    rows += [f"{one.file.name},{one.emotion or 'n/a'},{one.role}" for one in listed]
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder / "clips.csv"


def test_a_study_begins_from_a_table_of_clips_and_says_its_plan(clips: Path, tmp_path: Path) -> None:
    study = tmp_path / "our study"
    begun = run("present", study, "--new", clips, "--title", "Ein Titel")
    assert begun.exit_code == 0, begun.output
    assert [f for f in validate(study) if f.severity == "error"] == []
    found = {clip.name: clip for clip in read_clips(study)}
    assert {c.code for c in found.values() if c.role == "trial"} == {101, 102}
    assert all(clip.path(study).is_file() for clip in found.values())
    planned = run("present", study, "-p", "007", "--plan")
    assert planned.exit_code == 0, planned.output
    assert "practice 1" in planned.stdout
    assert "at most" in planned.stdout
    assert open_study(study).participants == {}
    assert not (study / "sourcedata" / "sub-007").exists()
    again = run("present", study, "--new", clips)
    assert isinstance(again.exception, DataError)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--record",), "--record: wanted a camera, got none"),
        (("--camera", "no-such-film.mp4"), "no-such-film.mp4"),
        (("--camera", "7"), "webcam 7"),
        (("--trigger", "serial:/dev/no-such-port"), "/dev/no-such-port"),
        (("--trigger", "carrier-pigeon"), "carrier-pigeon"),
        (("--frames", "drawings"), "--frames: wanted video or images"),
        (("-p", "../x"), "letters and digits"),
        (("-p", "Ann"), "a label with a number"),
        (("--finish",), "no such file"),
        (("--discard",), "wanted a session"),
    ],
)
def test_what_cannot_be_is_one_sentence_before_anything_begins(
    clips: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    study = tmp_path / "study"
    run("present", study, "--new", clips)
    result = run("present", study, "--port", 0, *options)
    assert isinstance(result.exception, (DataError, OptionError)), result.output
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
