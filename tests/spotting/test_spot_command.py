"""mien spot: a table for people, JSON for programs, two files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mien.cli import spot as command
from mien.core.errors import OptionError
from mien.experiments.spot import SpotRequest

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
    told = json.loads(run("--list-methods", "--json"))
    assert told["methods"] == [
        "optical-flow", "mdmd", "dma-lbp", "msof-style", "softnet", "abpn", "sl-swin", "mesnet-style"
    ]  # fmt: skip
    assert told["kinds"]["dma-lbp"] == ["micro"]
    assert "a network" in run("--list-methods")


def test_a_video_becomes_json_a_table_and_a_timeline(run, tmp_path):
    path = films.write(tmp_path / "clip.mp4", films.story()[:280:4], films.clock(2.8, 25))
    told = json.loads(run(path, "--out", tmp_path / "out", "--workers", 1, "--json"))
    assert {"expressions", "not_judged", "notes", "duration_s", "rate_hz"} <= told.keys()
    assert any(one["apex_s"] == pytest.approx(1.68, abs=0.08) for one in told["expressions"])
    rows = (tmp_path / "out" / "expressions.csv").read_text().splitlines()
    assert rows[0] == "onset_s,apex_s,offset_s,kind,score,regions,video"
    assert len(rows) == 1 + len(told["expressions"])
    assert (tmp_path / "out" / "timeline.svg").read_text().startswith("<svg")
    again = run(path, "--out", tmp_path / "out", "--workers", 1)
    assert "micro" in again
    assert all(Path(file).is_file() for file in told["files"].values())
    assert {"elan", "boris", "label-studio", "page", "apexes", "timeline", "table"} <= told["files"].keys()
    assert "data:image" not in (tmp_path / "out" / "timeline.html").read_text()
    run(path, "--out", tmp_path / "out", "--workers", 1, "--faces")
    page = (tmp_path / "out" / "timeline.html").read_text()
    assert "data:image" in page
    assert "do not pass it on" in page


@pytest.mark.parametrize("method", ["mdmd", "dma-lbp", "msof-style"])
def test_methods_without_training_search_a_video(run, tmp_path, method):
    """Every second of it is judged, or told with a reason."""
    path = films.write(tmp_path / "clip.mp4", films.story()[:600:4], films.clock(6.0, 25))
    told = json.loads(run(path, "--out", tmp_path / "out", "--workers", 1, "--method", method, "--json"))
    assert told["method"] == method
    near_ends = [one for one in told["not_judged"] if "too near a beginning" in one["reason"]]
    notes = [note for note in told["notes"] if "too near a beginning" in note]
    assert near_ends or notes
    blind_s = sum(one["end_s"] - one["start_s"] for one in told["not_judged"])
    assert told["judged_s"] == pytest.approx(told["duration_s"] - blind_s)


def test_a_network_asks_for_a_study(tmp_path):
    with pytest.raises(OptionError, match="needs no training"):
        SpotRequest(tmp_path / "clip.mp4", "softnet")


def test_what_was_not_judged_is_printed(run, tmp_path):
    path = films.write(tmp_path / "wall.mp4", films.nothing(20), films.clock(1.0, 20))
    assert "not judged: 0.00 to 1.00 s, no face" in run(path, "--out", tmp_path / "out", "--workers", 1)
