"""Items picked by --only: a report of their own, and the whole one left as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.cli.main import program
from mien.reproduce import ITEMS, Setting, find_items, reproduce
from mien.reproduce.item import Cost, Item, ItemResult
from mien.reproduce.page import report_name, write_reproduction
from mien.reproduce.run import Reproduction

Run = Callable[..., tuple[int, str, str]]
WHOLE = ("reproduction.html", "reproduction.json", "tables/all.md")


def test_picked_items_leave_the_whole_report_alone(bodies: Path, tmp_path: Path, mien: Run) -> None:
    items = find_items(["table-1", "consent", "table-2"])
    files = write_reproduction(reproduce(Setting(bodies, tmp_path), items))
    assert files["page"].name == "reproduction.html"
    before = {name: (tmp_path / name).read_bytes() for name in WHOLE}
    (tmp_path / "tables" / "table-2.csv").write_text("of a failed run")
    status, said, _ = mien("reproduce", bodies, "--out", tmp_path, "--only", "table-2", "--only", "consent")
    assert status == 0
    assert {name: (tmp_path / name).read_bytes() for name in WHOLE} == before
    page = (tmp_path / "only-consent+table-2.html").read_text()
    assert f"2 of {len(ITEMS)} items were asked for; p is corrected over their questions alone." in page
    assert set(json.loads((tmp_path / "only-consent+table-2.json").read_text())["items"]) == {
        "consent",
        "table-2",
    }
    assert (tmp_path / "tables" / "table-2.csv").read_text() != "of a failed run"
    assert "the same command without --only" in said
    assert "asked for" not in before["reproduction.html"].decode()


def test_names_of_reports(tmp_path: Path) -> None:
    def name(*items: str, only: bool = True) -> str:
        results = tuple(ItemResult(one, one, "done") for one in items)
        return report_name(Reproduction(Setting(tmp_path, tmp_path, only=only), results, {}))

    assert name("table-4") == "only-table-4"
    assert name("table-4", only=False) == "reproduction"
    many = [item.name for item in ITEMS]
    long, other = name(*many[1:]), name(*many[:-1])
    assert long.startswith(f"only-{len(many) - 1}-items-")
    assert len(long) < 40
    assert long != other


def test_all_items_by_name_are_the_whole_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    seen: list[Setting] = []

    def stop(setting: Setting, *_: Any, **__: Any) -> None:
        seen.append(setting)
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.reproduce.reproduce", stop)
    for names in ([], [item.name for item in ITEMS], ["table-1"]):
        only = [word for name in names for word in ("--only", name)]
        CliRunner().invoke(program(), ["reproduce", str(tmp_path), *only])
    assert [setting.only for setting in seen] == [False, False, True]


def test_a_reader_that_left_is_no_failure_of_an_item(bodies: Path, tmp_path: Path) -> None:
    def prints(_: Setting) -> ItemResult:
        raise BrokenPipeError(32, "Broken pipe")

    item = Item("prints", "Prints much", "None", (), prints, lambda _: Cost(1.0))
    with pytest.raises(BrokenPipeError):
        reproduce(Setting(bodies, tmp_path), [item])


def test_a_study_given_twice_is_refused(
    bodies: Path, copied: Callable[[Path], Path], tmp_path: Path, mien: Run
) -> None:
    copy = copied(bodies)
    for others in ((copy,), (bodies,)):
        for more in (("--plan",), ("--out", tmp_path / "out")):
            words = [word for one in others for word in ("--with", one)]
            status, _, told = mien("reproduce", bodies, *words, "--only", "table-1", *more)
            assert status == 2
            assert told == (
                f"error: --with {others[0]}: wanted another study, got the same files as in {bodies}; give "
                "each study once.\n"
            )
    table = copy / "participants.tsv"
    table.write_text(table.read_text().replace("\t2", "\t1"))
    different = mien("reproduce", bodies, "--with", copy, "--only", "table-1", "--plan")
    assert different[0] == 0, different[2]
    (tmp_path / "sub").mkdir()
    named_alike = copy.rename(tmp_path / "sub" / bodies.name)
    status, _, told = mien("reproduce", bodies, "--with", named_alike, "--only", "table-1", "--plan")
    assert status == 2
    assert "wanted a folder with a name of its own" in told
    assert "rename one of the two" in told
