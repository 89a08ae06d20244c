"""The page: no script, nothing from outside, every link leads somewhere, published numbers are marked."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import light

from mien.reproduce.drawings import with_own_ids
from mien.reproduce.item import ItemFigure, ItemResult, ItemTable, cells
from mien.reproduce.page import write_reproduction
from mien.reproduce.run import Reproduction
from mien.reproduce.setting import Setting


class Page(HTMLParser):
    """Tags, ids and links; for every table the classes of what it lies in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.around_tables: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        assert not [name for name in told if name.startswith("on")], "an event handler"
        if "id" in told:
            self.ids.append(told["id"])
        if tag == "a":
            self.links.append(told["href"])
        else:
            self.loaded += [told[name] for name in ("src", "href", "xlink:href", "data") if name in told]
        if tag == "table":
            self.around_tables.append(next((kind for one, kind in reversed(self.open) if one == "div"), ""))
        if tag == "div":
            self.open.append((tag, told.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self.open.pop()


@pytest.fixture(scope="session")
def text(calm: Path) -> str:
    return (calm / "reproduction.html").read_text()


@pytest.fixture(scope="session")
def page(text: str) -> Page:
    return Page(text)


def test_nothing_runs_and_nothing_comes_from_outside(text: str, page: Page) -> None:
    assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & set(page.tags)
    assert [one for one in page.loaded if not one.startswith(("data:image/", "#"))] == []
    assert not [one for one in page.links if re.match(r"[a-z]+:|//", one)]
    assert "@import" not in text
    assert not re.search(r"url\((?!['\"]?(#|data:))", text)


def test_every_link_leads_somewhere(calm: Path, page: Page) -> None:
    inside = [one[1:] for one in page.links if one.startswith("#")]
    assert set(inside) <= set(page.ids)
    assert {*light.ITEMS} <= set(inside)
    outside = [one for one in page.links if not one.startswith("#")]
    assert len(outside) >= 4
    assert [one for one in outside if not (calm / one).is_file()] == []


def test_what_is_linked_is_there_once(text: str, page: Page) -> None:
    inside = {one[1:] for one in page.links if one.startswith("#")}
    assert {name: page.ids.count(name) for name in inside} == dict.fromkeys(inside, 1)
    drawn = set(re.findall(r"url\(#([^)]+)\)", text)) | {
        one[1:] for one in page.loaded if one.startswith("#")
    }
    assert drawn <= set(page.ids)


def test_no_id_is_there_twice(page: Page) -> None:
    assert [one for one, n in Counter(page.ids).items() if n > 1] == []


_DRAWING = """<svg xmlns:xlink="x"><title id="t">id="cut" in words, url(#cut)</title>
<clipPath id="cut"><rect/></clipPath><g clip-path="url(#cut)" style="fill: url('#cut')"
 aria-labelledby="t u"/>
<use xlink:href="#cut"/><a href="#answers"/><image href="data:image/png;base64,AA=="/></svg>"""


def test_drawings_of_a_page_keep_their_ids_to_themselves(bodies: Path, tmp_path: Path) -> None:
    figures = (ItemFigure("a", _DRAWING), ItemFigure("b", _DRAWING))
    results = tuple(ItemResult(name, "t", "done", figures=figures) for name in ("table-1", "table-1-1"))
    text = write_reproduction(Reproduction(Setting(bodies, tmp_path), results, {}))["page"].read_text()
    ids = Page(text).ids
    assert len(ids) == len(set(ids))
    assert sum(one.endswith("-cut") for one in ids) == 4
    named = re.findall(r"url\('?#([^')]+)'?\)", re.sub(r">[^<]*<", "><", text))
    assert Counter(named) == dict.fromkeys([one for one in ids if one.endswith("-cut")], 2)
    drawn = with_own_ids(_DRAWING, "a-")
    assert 'id="cut" in words, url(#cut)</title>' in drawn
    assert 'aria-labelledby="a-t u"' in drawn
    assert '<use xlink:href="#a-cut"/><a href="#answers"/>' in drawn


def test_wide_tables_scroll(text: str, page: Page) -> None:
    assert page.around_tables
    assert set(page.around_tables) == {"table"}
    assert re.search(r"\.table \{[^}]*overflow-x: auto", text)


def test_published_numbers_are_marked_in_the_page_and_have_columns_of_their_own(
    calm: Path, text: str
) -> None:
    assert len(re.findall(r'<span class="theirs">[\d.]+</span>', text)) >= 4
    rows = list(csv.reader(io.StringIO((calm / "tables" / "table-8.csv").read_text())))
    assert "UF1, published" in rows[0]
    place = rows[0].index("UF1, published")
    printed = [float(row[place]) for row in rows[1:] if row[place]]
    assert len(printed) >= 2
    assert all(f'<span class="theirs">{one:.3f}</span>' in text for one in printed)


def test_a_table_that_cannot_be_made_any_more_leaves_no_old_numbers(bodies: Path, tmp_path: Path) -> None:
    setting = Setting(bodies, tmp_path)
    table = ItemTable("T", ("a",), (cells(1.0),))
    for name in ("table-1", "table-10"):
        whole = ItemResult(name, "t", "done", tables=(table, table))
        write_reproduction(Reproduction(setting, (whole,), {}))
    assert {path.name for path in (tmp_path / "tables").glob("*.csv")} == {
        "table-1-1.csv", "table-1-2.csv", "table-10-1.csv", "table-10-2.csv",
    }  # fmt: skip
    write_reproduction(Reproduction(setting, (ItemResult("table-1", "t", "failed", "no disk"),), {}))
    assert {path.name for path in (tmp_path / "tables").glob("*.csv")} == {"table-10-1.csv", "table-10-2.csv"}
    assert not list((tmp_path / "tables").glob("table-1-*"))
