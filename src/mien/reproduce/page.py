"""The report of a reproduction: one self-contained HTML page, tables as CSV, Markdown and LaTeX, and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien import __version__
from mien.core.records import to_json, write_atomically
from mien.dataset import Study, may_leave
from mien.reproduce.catalogue import ITEMS
from mien.reproduce.item import Cell, ItemFigure, ItemResult, ItemTable
from mien.reproduce.run import Reproduction

PAGE = "reproduction.html"
_PAPERS = {item.name: item.paper for item in ITEMS}


def write_reproduction(made: Reproduction) -> dict[str, Path]:
    """Write page, numbers and tables below `made.setting.out`; returns the page and the JSON by name."""
    out = made.setting.out
    study = made.setting.opened()
    write_atomically(out / PAGE, reproduction_page(made, study).encode())
    numbers = {
        one.key: {"status": one.status, "reason": one.reason, "values": to_json(dict(one.values))}
        for one in made.results
    }
    write_atomically(out / "reproduction.json", (json.dumps(numbers, indent=1) + "\n").encode())
    for one in made.results:
        for n, table in enumerate(one.tables, start=1):
            name = one.key if len(one.tables) == 1 else f"{one.key}-{n}"
            for suffix, text in (
                ("csv", as_csv(table)),
                ("md", as_markdown(table)),
                ("tex", as_latex(table)),
            ):
                write_atomically(out / "tables" / f"{name}.{suffix}", text.encode())
    return {"page": out / PAGE, "numbers": out / "reproduction.json"}


def reproduction_page(made: Reproduction, study: Study) -> str:
    """The HTML of the page."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mien.reproduce"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    results = [_shown(one, study, made.setting.out) for one in made.results]
    return environment.get_template("reproduction.html").render(
        title=f"The papers' tables and figures on {made.setting.study.resolve().name}",
        version=__version__,
        scope=f"{len(study.participants)} participants",
        done=[one for one in results if one["status"] == "done"],
        lacking=[one for one in results if one["status"] != "done"],
        origin=list(_origin(made)),
    )


def _shown(one: ItemResult, study: Study, out: Path) -> dict[str, Any]:
    allowed = [figure for figure in one.figures if _may_show(figure, study)]
    hidden = len(one.figures) - len(allowed)
    return {
        "key": one.key,
        "title": one.title,
        "paper": _PAPERS.get(one.key, one.key),
        "status": one.status,
        "reason": one.reason,
        "sentences": one.sentences or ("made.",),
        "tables": [
            {
                "title": t.title,
                "columns": t.columns,
                "note": t.note,
                "rows": [list(map(_cell, r)) for r in t.rows],
            }
            for t in one.tables
        ],
        "figures": allowed,
        "withheld": f"{hidden} pictures stay at home: consent does not cover publication." if hidden else "",
        "differs": one.differs,
        "records": [os.path.relpath(path, out) for path in one.records],
    }


def _may_show(figure: ItemFigure, study: Study) -> bool:
    """A page counts as publication: nobody knows where a file ends."""
    people = figure.participants or tuple(study.participants)
    return all(
        may_leave(figure.shows, study.participants[name].consent_level, audience="publication")
        for name in people
        if name in study.participants
    )


def _cell(cell: Cell) -> dict[str, str]:
    kind = "theirs" if cell.published and cell.value is not None else "n" if _is_number(cell.value) else ""
    span = "" if cell.low is None or cell.high is None else f"[{_text(cell.low)}, {_text(cell.high)}]"
    return {"text": _text(cell.value), "kind": kind, "span": span}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)


def _plain(cell: Cell) -> str:
    shown = _cell(cell)
    words = f"{shown['text']} {shown['span']}".strip()
    return f"{words} (published)" if shown["kind"] == "theirs" else words


def as_csv(table: ItemTable) -> str:
    """Values in full, with a column each for the bounds of those that have an interval."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    spans = [any(row[k].low is not None for row in table.rows) for k in range(len(table.columns))]
    header: list[str] = []
    for name, span in zip(table.columns, spans, strict=True):
        header += [name, f"{name}, low", f"{name}, high"] if span else [name]
    writer.writerow(header)
    for row in table.rows:
        cells: list[object] = []
        for cell, span in zip(row, spans, strict=True):
            value = "" if cell.value is None else cell.value
            cells += [value, cell.low, cell.high] if span else [value]
        writer.writerow(cells)
    return buffer.getvalue()


def as_markdown(table: ItemTable) -> str:
    """A table for a README; published numbers are marked."""
    rows = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    rows += ["| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return "\n".join([f"{table.title}\n", *rows, ""])


def as_latex(table: ItemTable) -> str:
    """A `tabular` with booktabs' rules."""
    lines = [f"% {table.title}", f"\\begin{{tabular}}{{{'l' * len(table.columns)}}}", "\\toprule"]
    lines += [" & ".join(map(_escaped, table.columns)) + " \\\\", "\\midrule"]
    lines += [" & ".join(_escaped(_plain(cell)) for cell in row) + " \\\\" for row in table.rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _escaped(text: str) -> str:
    return "".join({"\\": r"\textbackslash{}"}.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in text)


def _origin(made: Reproduction) -> Iterator[tuple[str, str]]:
    setting = made.setting
    yield "study", str(setting.study.resolve().name)
    yield "other studies", ", ".join(path.resolve().name for path in setting.others) or "none"
    budget = "all" if setting.budget is None else str(setting.budget)
    yield "epochs of networks", f"{budget}{' (the quick plan)' if setting.quick else ''}"
    yield "seed", str(setting.seed)
    yield "mien", __version__
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield "machine", f"{machine}, Python {platform.python_version()}"
    yield "seconds", f"{sum(made.seconds.values()):.0f} in all this time"
