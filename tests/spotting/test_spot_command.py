"""mien spot: a table for people, JSON for programs, two files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mien.cli import spot as command

sys.path.insert(0, str(Path(__file__).parent))

import films


@pytest.fixture
def run():
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)

    def call(*arguments):
        answer = CliRunner().invoke(app, ["spot", *map(str, arguments)])
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    return call


def test_methods_are_named(run):
    assert json.loads(run("--list-methods", "--json")) == {"methods": ["optical-flow"]}


def test_a_video_becomes_json_a_table_and_a_timeline(run, tmp_path):
    path = films.write(tmp_path / "clip.mp4", films.story()[:280:4], films.clock(2.8, 25))
    told = json.loads(run(path, "--out", tmp_path / "out", "--workers", 1, "--json"))
    assert {"expressions", "not_judged", "notes", "duration_s", "rate_hz"} <= told.keys()
    assert any(one["apex_s"] == pytest.approx(1.68, abs=0.08) for one in told["expressions"])
    rows = (tmp_path / "out" / "expressions.csv").read_text().splitlines()
    assert rows[0] == "onset_s,apex_s,offset_s,kind,score,regions"
    assert len(rows) == 1 + len(told["expressions"])
    assert (tmp_path / "out" / "timeline.svg").read_text().startswith("<svg")
    again = run(path, "--out", tmp_path / "out", "--workers", 1)
    assert "micro" in again


def test_what_was_not_judged_is_printed(run, tmp_path):
    path = films.write(tmp_path / "wall.mp4", films.nothing(20), films.clock(1.0, 20))
    assert "not judged: 0.00 to 1.00 s, no face" in run(path, "--out", tmp_path / "out", "--workers", 1)
