"""mien agreement: table, JSON, files, exit codes."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import pytest

from mien.cli import agreement
from mien.cli.main import program
from mien.dataset.coded_runs import write_coded_runs

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
from coded_study import USUAL, write_coded_study


@pytest.fixture
def call(mien, monkeypatch):
    """The program, with the command also where it has not been registered."""
    app = program()
    if "agreement" not in {info.name for info in app.registered_commands}:
        agreement.register(app)
    monkeypatch.setattr(sys.modules["mien.cli.main"], "program", lambda: app)
    return lambda *arguments: mien("agreement", *arguments)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_coded_study(tmp_path_factory.mktemp("coded") / "study")


def test_table(call, study):
    status, out, _ = call(study, "--resamples", 100)
    assert status == 0
    assert "4 clips of 2 participants" in out
    for words in ("A - B", "onset", "AU12", "emotion", "micro", "drift", "sub-002"):
        assert words in out


def test_json_alone_on_stdout(call, study):
    status, out, _ = call(study, "--json", "--resamples", 100)
    found = json.loads(out)
    assert status == 0
    assert found["n_pairs"] == 3
    assert found["au_r_micro"] == pytest.approx(0.75)
    for name in ("au_r_mean", "kappa", "onset_ms", "apex_ms", "offset_ms", "pairs", "missed", "drift"):
        assert name in found
    assert found["settings"] == {"min_iou": 0.3, "kind": "all", "n_resamples": 100, "level": 0.95, "seed": 0}


def test_files(call, study, tmp_path):
    status, out, _ = call(study, "--out", tmp_path / "a", "--json")
    assert status == 0
    assert set(json.loads(out)["files"]) == {"page", "numbers", "pairs"}
    assert json.loads((tmp_path / "a" / "agreement.json").read_text())["n_pairs"] == 3
    rows = list(csv.DictReader((tmp_path / "a" / "pairs.tsv").open(), delimiter="\t"))
    assert [row["status"] for row in rows].count("matched") == 3
    assert rows[0]["onset_ms"] == "-20.0000"
    assert rows[0]["action_units_1"] == "AU4, LAU12"
    assert {row["participant_id"] for row in rows} == {"sub-001", "sub-002"}


def test_page_is_whole_and_shows_nobody(call, study, tmp_path):
    call(study, "--out", tmp_path, "--resamples", 100)
    page = (tmp_path / "agreement.html").read_text()
    assert page.count("<svg") == 4
    assert "0.750" in page
    assert not re.search(r"(?:src|href)=", page.replace('xlink:href="#', ""))
    assert "data:image" not in page
    assert "<script" not in page
    assert "currentColor" in page
    assert "#000000" not in page
    names = {"sub-001", "sub-002"}  # a withdrawal finds every file by them
    for path in tmp_path.iterdir():
        assert names <= set(re.findall(r"sub-\d+", path.read_text()))


def test_names_in_the_page_are_text(call, tmp_path):
    folder = write_coded_study(tmp_path / "<b>study")
    call(folder, "--out", tmp_path / "out", "--resamples", 0)
    assert "&lt;b&gt;study" in (tmp_path / "out" / "agreement.html").read_text()


def test_equal_studies_give_equal_files(call, study, tmp_path):
    for name in ("one", "two"):
        call(study, "--out", tmp_path / name, "--resamples", 100)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("kind", ["micro", "macro"])
def test_kinds(call, study, kind):
    found = json.loads(call(study, "--kind", kind, "--json", "--resamples", 0)[1])
    assert found["n_pairs"] == {"micro": 2, "macro": 1}[kind]
    assert found["kappa"]["kind"]["value"] is None


def test_final(call, tmp_path):
    coding = {who: {**tables, "final": tables["A"]} for who, tables in USUAL.items()}
    folder = write_coded_study(tmp_path / "study", coding)
    for who in coding:
        write_coded_runs(folder, who, "final", [1, 2])
    assert len(json.loads(call(folder, "--json", "--resamples", 0)[1])["pairs"]) == 1
    found = json.loads(call(folder, "--final", "--json", "--resamples", 0, "--out", tmp_path / "o")[1])
    assert [pair["coders"] for pair in found["pairs"]] == [["A", "B"], ["A", "final"], ["B", "final"]]
    assert (tmp_path / "o" / "agreement.html").read_text().count("<svg") == 5  # one of the pairs of coders


@pytest.mark.parametrize(
    "coding",
    [
        {"sub-001": {"A": [], "B": []}},
        {"sub-001": {"A": USUAL["sub-001"]["A"], "B": []}},
        {"sub-001": {"A": USUAL["sub-001"]["A"][:1], "B": [(1, 1, 60, 70, 80, None, None, None)]}},
        {
            "sub-001": {
                "A": [(1, 1, 10, None, None, None, None, None)],
                "B": [(1, 1, 10, None, None, None, None, None)],
            }
        },
    ],
)
def test_little_or_nothing_in_common_is_a_result(call, tmp_path, coding):
    folder = write_coded_study(tmp_path / "study", coding)
    status, out, err = call(folder, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert "<svg" in (tmp_path / "out" / "agreement.html").read_text()
    assert "nan" not in out


def test_rows_left_out_are_told(call, tmp_path):
    rows = [*USUAL["sub-001"]["B"], (1, 1, 90, 95, 300, "micro", "AU4", "anger")]
    coding = {**USUAL, "sub-001": {**USUAL["sub-001"], "B": rows}}
    status, out, _ = call(write_coded_study(tmp_path / "study", coding), "--resamples", 0)
    assert status == 0
    assert "B: 1 row left out, outside-recording." in out


def test_one_coder_exits_with_1_and_a_sentence(call, tmp_path):
    folder = write_coded_study(tmp_path / "study", {"sub-001": {"A": USUAL["sub-001"]["A"]}})
    status, out, err = call(folder, "--json")
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {folder}: wanted a clip that two coders coded, got 2 clips by A;")
    assert "Traceback" not in err


def test_no_study_exits_with_1(call, tmp_path):
    status, _, err = call(tmp_path)
    assert status == 1
    assert "wanted the folder of a study" in err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--min-iou", 0), ("--min-iou", 1.5), ("--min-iou", "nan"), ("--min-iou", "much"), ("--kind", "mini"),
        ("--resamples", -1), ("--resamples", 1.5), ("--seed", "x"), ("--out",), ("--unknown",),
    ],
)  # fmt: skip
def test_wrong_use_exits_with_2(call, study, wrong):
    assert call(study, *wrong)[0] == 2
