"""mien speed: the page and the JSON, what is kept, and what a user may get wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core.errors import DataError, JobError, OptionError
from mien.speed import Agreement, Demand, Measured, Row, Setting, Times, Work, catalogue, measure_speed
from mien.speed import run as running
from mien.speed.machine import as_sentence, describe_machine, state_of
from mien.speed.page import page


class Counted:
    """A work that counts how often it is measured."""

    def __init__(self, *, equal: bool = True, limit: float = 2.0) -> None:
        self.settings: list[Setting] = []
        self.equal, self.limit = equal, limit

    def __call__(self, setting: Setting) -> tuple[Row, ...]:
        self.settings.append(setting)
        setting.told("measuring")
        return (
            Row(
                "sums of 10 numbers", 10, "sums", Times((0.01, 0.02, 0.04)),
                Agreement(self.equal, "exact", "equal" if self.equal else "7 and 8"), "abacus 1.0",
                Times((0.05, 0.06, 0.07)), (Demand("ratio", self.limit, f"{self.limit:g}x"),), {"mib": 1.0},
            ),
        )  # fmt: skip

    def work(self, name: str, **changes: object) -> Work:
        given = {"needs": {}, "of": ("mien.speed.row",), **changes}
        return Work(name, f"the {name}", "2x", self, **given)  # type: ignore[arg-type]


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> tuple[Counted, Counted]:
    first, second = Counted(), Counted()
    works = (first.work("first"), second.work("second"))
    monkeypatch.setattr(catalogue, "WORKS", works)
    monkeypatch.setattr(running, "WORKS", works)
    return first, second


def test_nothing_is_measured_twice(two: tuple[Counted, Counted], tmp_path: Path) -> None:
    first, second = two
    works, kept = catalogue.WORKS, tmp_path / "speed.json"
    once = measure_speed(works[:1], kept)
    assert [bool(one.rows) for one in once] == [True, False]
    assert once[1].reason == "not measured yet: mien speed --only second"
    both = measure_speed(works, kept)
    assert (len(first.settings), len(second.settings)) == (1, 1)
    assert both[0].rows == once[0].rows
    measure_speed(works, kept, quick=True)
    assert (len(first.settings), len(second.settings)) == (2, 2)
    assert [setting.quick for setting in first.settings] == [False, True]
    measure_speed(works[:1], kept, again=True)
    assert (len(first.settings), len(second.settings)) == (3, 2)
    assert len(json.loads(kept.read_text())) == 4


def test_an_interruption_keeps_what_is_finished(two: tuple[Counted, Counted], tmp_path: Path) -> None:
    first, second = two
    kept = tmp_path / "speed.json"

    def interrupted(setting: Setting) -> tuple[Row, ...]:
        raise KeyboardInterrupt

    stopping = Work("second", "the second", "2x", interrupted, {}, ("mien.speed.row",))
    with pytest.raises(KeyboardInterrupt):
        measure_speed((catalogue.WORKS[0], stopping), kept)
    assert all(one.rows for one in measure_speed(catalogue.WORKS, kept))
    assert (len(first.settings), len(second.settings)) == (1, 1)


def test_changed_code_is_measured_anew(
    two: tuple[Counted, Counted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "speed.json"
    measure_speed(catalogue.WORKS, kept)
    monkeypatch.setattr(running, "state_of", lambda modules: "another")
    assert not any(one.rows for one in measure_speed((), kept))
    measure_speed(catalogue.WORKS, kept)
    assert [len(one.settings) for one in two] == [2, 2]
    assert len(json.loads(kept.read_text())) == 2  # the older ones are gone


def test_a_missing_part_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, away = Counted(), Counted()
    works = (there.work("there"), away.work("away", needs={"no_such_module": "deep"}))
    monkeypatch.setattr(running, "WORKS", works)
    made = measure_speed(works, tmp_path / "speed.json")
    assert made[0].rows
    assert not away.settings
    assert made[1].reason == "no_such_module is not installed: pip install 'mien[deep]'"
    assert "* the away: not measured (no_such_module" in page(made, {}, Path("speed.md"), quick=False)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"a": {"rows": []}}', '{"a": {"rows": [{}], "loads": [0, 0]}}', "\xff"]
)
def test_a_damaged_file_is_refused(two: tuple[Counted, Counted], tmp_path: Path, content: str) -> None:
    kept = tmp_path / "speed.json"
    kept.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match="wanted the finished rows of mien speed"):
        measure_speed(catalogue.WORKS, kept)


def test_the_command_writes_page_and_json(two: tuple[Counted, Counted], tmp_path: Path) -> None:
    out = tmp_path / "speed.md"
    shown = CliRunner().invoke(program(), ["speed", "--only", "first", "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "sums of 10 numbers" in shown.output
    assert "not measured yet: mien speed --only second" in shown.output
    text = out.read_text()
    cells = (
        "sums of 10 numbers",
        "0.02 (0.01-0.04)",
        "500 sums",
        "abacus 1.0",
        "0.06 (0.05-0.07)",
        "3x",
        ">= 2x",
    )
    assert f"| {' | '.join(cells)} | met |" in text
    assert describe_machine()["processor"] in text
    assert "* the second: not measured (" in text
    told = CliRunner().invoke(program(), ["speed", "--only", "first", "--out", str(out), "--json"])
    result = json.loads(told.stdout)
    assert [work["measured"] for work in result["works"]] == [True, False]
    row = result["works"][0]["rows"][0]
    assert (row["verdict"], row["ratio"], row["seconds"]["median"]) == ("met", 3.0, 0.02)
    assert row["agreement"] == {"equal": True, "tolerance": "exact", "found": "equal"}
    assert len(two[0].settings) == 1


def test_quick_is_said(two: tuple[Counted, Counted], tmp_path: Path) -> None:
    out = tmp_path / "speed.md"
    shown = CliRunner().invoke(program(), ["speed", "--quick", "--out", str(out)])
    assert "quick: not for quoting" in shown.output
    assert "**Quick**" in out.read_text()
    assert "mien speed --quick --out" in out.read_text()


def test_other_answers_leave_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    works = (Counted(equal=False).work("first"),)
    monkeypatch.setattr(catalogue, "WORKS", works)
    monkeypatch.setattr(running, "WORKS", works)
    out = tmp_path / "speed.md"
    result = CliRunner().invoke(program(), ["speed", "--out", str(out)])
    assert isinstance(result.exception, JobError)
    assert "**answers differ**" in out.read_text()
    assert "the answers differ: 7 and 8" in out.read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--only", "lbp"], "--only: wanted one of lbp-top, hrv, .*, got lbp; choose one of these"),
        (
            ["--only", "hrv", "--out", "speed.json"],
            "--out: wanted a page's name, as in speed.md, got speed.json",
        ),
    ],
)
def test_wrong_use_is_one_sentence(options: list[str], sentence: str) -> None:
    result = CliRunner().invoke(program(), ["speed", *options])
    assert isinstance(result.exception, OptionError)
    with pytest.raises(OptionError, match=sentence):
        raise result.exception


def test_what_was_not_met_is_listed() -> None:
    counted = Counted(limit=4.0)
    made = [Measured(counted.work("first"), counted(Setting()), (0.2, 0.9))]
    text = page(made, {}, Path("docs/speed.md"), quick=False)
    assert "| **not met** |" in text
    assert "* sums of 10 numbers: asked 4x, got 3" in text
    assert "0.2 to 0.9" in text
    assert "busy" not in text
    assert "Nothing: every asked" not in text


def test_a_busy_machine_is_told() -> None:
    counted = Counted()
    made = [Measured(counted.work("first"), counted(Setting()), (2.0, 3.0))]
    text = page(made, {}, Path("speed.md"), quick=False)
    assert "The machine was busy with other work** during first (3.0)" in text
    assert "Nothing: every asked figure was reached." in text
    assert not Measured(counted.work("first", processes=2), loads=(2.0, 2.4)).busy


def test_the_machine_has_no_date_and_no_name() -> None:
    machine = describe_machine()
    assert {"system", "processor", "cores", "Python", "numpy"} <= set(machine)
    assert machine["processor"] in as_sentence(machine)


def test_the_state_of_every_work_is_found() -> None:
    import mien.speed

    states = [state_of(work.of) for work in mien.speed.WORKS]
    assert len(set(states)) == len(states)


ABSENT = """
from importlib.machinery import PathFinder
names = {"torch", "skimage", "neurokit2", "cv2", "av", "mne", "safetensors"}
real = PathFinder.find_spec
PathFinder.find_spec = classmethod(
    lambda kind, name, path=None, target=None: None if name.split(".")[0] in names else real(name, path)
)
import mien.speed
from mien.speed.machine import state_of
from mien.speed.run import lacking
for work in mien.speed.WORKS:
    state_of(work.of)
    print(work.name, lacking(work), sep=": ")
"""


def test_without_the_extras_the_rest_can_be_measured() -> None:
    """In a process that finds none of them: nothing is imported before it is needed."""
    told = subprocess.run([sys.executable, "-c", ABSENT], capture_output=True, text=True, check=True).stdout
    lines = dict(line.split(": ", 1) for line in told.splitlines())
    assert [name for name, reason in lines.items() if not reason] == ["interval-matching"]
    assert lines["eegnet"] == "torch is not installed: pip install 'mien[deep]'"
    assert lines["lbp-top"] == "skimage is not installed: pip install 'mien[vision]'"
