"""The report of a reproduction: one self-contained HTML page, tables as CSV, Markdown and LaTeX, and JSON."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien import __version__
from mien.core.records import digest, to_json, write_atomically
from mien.dataset import Study, may_leave
from mien.reproduce.catalogue import ITEMS
from mien.reproduce.drawings import with_own_ids
from mien.reproduce.item import Cell, ItemFigure, ItemResult, ItemTable
from mien.reproduce.origin import origin, participants
from mien.reproduce.run import Reproduction
from mien.reproduce.tables import as_csv, as_latex, as_markdown, span, text
from mien.reproduce.verdicts import verdicts

_PAPERS = {item.name: item.paper for item in ITEMS}


def write_reproduction(made: Reproduction) -> dict[str, Path]:
    """Write page, numbers and tables below `made.setting.out`; returns where each of them is.

    Where items were picked out (`made.setting.only`) page and numbers are named after them; what tells of all
    items, "reproduction.html", "reproduction.json" and "tables/all.md", stays as it is.
    """
    out, name = made.setting.out, report_name(made)
    page, numbers = out / f"{name}.html", out / f"{name}.json"
    write_atomically(page, reproduction_page(made, made.setting.opened()).encode())
    told = {"verdicts": [asdict(one) for one in verdicts(made.results)], "items": items_as_json(made)}
    write_atomically(numbers, (json.dumps(to_json(told), indent=1) + "\n").encode())
    every = []
    for one in made.results:
        written = set()
        for n, table in enumerate(one.tables, start=1):
            name = one.key if len(one.tables) == 1 else f"{one.key}-{n}"
            markdown = as_markdown(table)
            every.append(f"## {_PAPERS.get(one.key, one.key)}: {one.title}\n\n{markdown}")
            for suffix, words in (("csv", as_csv(table)), ("md", markdown), ("tex", as_latex(table))):
                write_atomically(out / "tables" / f"{name}.{suffix}", words.encode())
                written.add(f"{name}.{suffix}")
        _remove_old(out / "tables", one.key, written)
    if not made.setting.only:
        write_atomically(out / "tables" / "all.md", "\n".join(every).encode())
    return {"page": page, "numbers": numbers, "tables": out / "tables"}


def report_name(made: Reproduction) -> str:
    """What page and numbers are called: "reproduction", or after the items that were picked out."""
    if not made.setting.only:
        return "reproduction"
    names = "+".join(one.key for one in made.results)
    return f"only-{names}" if len(names) <= 60 else f"only-{len(made.results)}-items-{digest(names)[:8]}"


def _remove_old(folder: Path, key: str, written: set[str]) -> None:
    """Take away an item's tables of an earlier run: old numbers must not stand beside a new page."""
    own = re.compile(rf"{re.escape(key)}(-[0-9])?\.(csv|md|tex)")
    for path in folder.glob(f"{key}*"):
        if own.fullmatch(path.name) and path.name not in written:
            path.unlink(missing_ok=True)


def items_as_json(made: Reproduction) -> dict[str, Any]:
    """What came of every item, without the machine's part."""
    out = made.setting.out
    return {
        one.key: {
            "status": one.status,
            "reason": one.reason,
            "sentences": list(one.sentences),
            "left_out": list(one.left_out),
            "records": [os.path.relpath(path, out) for path in one.records],
            "values": to_json(dict(one.values)),
        }
        for one in made.results
    }


def reproduction_page(made: Reproduction, study: Study) -> str:
    """The HTML of the page."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mien.reproduce"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    results = [_shown(one, study, made.setting.out) for one in made.results]
    return environment.get_template("reproduction.html").render(
        title=f"The papers' tables and figures on {study_name(made)}",
        version=__version__,
        asked=_asked(made),
        verdicts=verdicts(made.results),
        done=[one for one in results if one["status"] == "done"],
        lacking=[one for one in results if one["status"] != "done"],
        people=_table(participants(study)),
        origin=list(origin(made)),
    )


def _asked(made: Reproduction) -> str:
    """What a page of picked items says first: p depends on which questions were asked."""
    if not made.setting.only:
        return ""
    n = len(made.results)
    verb, theirs = ("was", "its") if n == 1 else ("were", "their")
    return f"{n} of {len(ITEMS)} items {verb} asked for; p is corrected over {theirs} questions alone."


def study_name(made: Reproduction) -> str:
    """The study folder's name."""
    return made.setting.study.resolve().name


def _shown(one: ItemResult, study: Study, out: Path) -> dict[str, Any]:
    allowed = [figure for figure in one.figures if _may_show(figure, study)]
    hidden = len(one.figures) - len(allowed)
    pictures = "1 picture stays" if hidden == 1 else f"{hidden} pictures stay"
    return {
        "key": one.key,
        "title": one.title,
        "paper": _PAPERS.get(one.key, one.key),
        "status": one.status,
        "reason": one.reason,
        "sentences": one.sentences or ("made.",),
        "tables": [_table(table) for table in one.tables],
        "figures": [
            {"svg": with_own_ids(figure.svg, f"{one.key}-drawing-{n}-"), "caption": figure.caption}
            for n, figure in enumerate(allowed, start=1)
        ],
        "withheld": f"{pictures} at home: consent does not cover publication." if hidden else "",
        "left_out": one.left_out,
        "differs": one.differs,
        "records": [os.path.relpath(path, out) for path in one.records],
    }


def _table(table: ItemTable) -> dict[str, Any]:
    rows = [list(map(_cell, row)) for row in table.rows]
    return {"title": table.title, "columns": table.columns, "note": table.note, "rows": rows}


def _may_show(figure: ItemFigure, study: Study) -> bool:
    """A page counts as publication: nobody knows where a file ends."""
    people = figure.participants or tuple(study.participants)
    return all(
        may_leave(figure.shows, study.participants[name].consent_level, audience="publication")
        for name in people
        if name in study.participants
    )


def _cell(cell: Cell) -> dict[str, str]:
    number = isinstance(cell.value, (int, float)) and not isinstance(cell.value, bool)
    kind = "theirs" if cell.published and cell.value is not None else "n" if number else ""
    theirs = "" if cell.theirs is None else text(cell.theirs)
    return {"text": text(cell.value), "kind": kind, "span": span(cell), "theirs": theirs}
