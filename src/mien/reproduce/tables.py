"""An item's table as CSV, Markdown and LaTeX; published numbers are marked in each."""

from __future__ import annotations

import csv
import io
import math

from mien.reproduce.item import Cell, ItemTable


def text(value: object) -> str:
    """A value as it is printed: three decimals below ten, one above; "-" for what there is not."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def span(cell: Cell) -> str:
    """The interval in brackets, or nothing."""
    if cell.low is None or cell.high is None or math.isnan(cell.low) or math.isnan(cell.high):
        return ""
    return f"[{text(cell.low)}, {text(cell.high)}]"


def plain(cell: Cell) -> str:
    """A cell in one line of text."""
    words = f"{text(cell.value)} {span(cell)}".strip()
    if cell.theirs is not None:
        words += f" ({text(cell.theirs)} published)"
    return f"{words} (published)" if _is_published(cell) else words


def _is_published(cell: Cell) -> bool:
    return cell.published and cell.value is not None


def _published_columns(columns: tuple[str, ...], row: tuple[Cell, ...]) -> str:
    """Names of the columns in which a row's cells are published; "all" where each that is not empty is."""
    named = [name for name, cell in zip(columns, row, strict=True) if _is_published(cell)]
    filled = sum(cell.value is not None for cell in row)
    return "all" if named and len(named) == filled else "; ".join(named)


def _printed(value: float | str | None) -> float | str | None:
    """A published number without what dividing a printed percentage by 100 adds to it."""
    return round(value, 6) if isinstance(value, float) else value


def as_csv(table: ItemTable) -> str:
    """Values in full, with columns of their own for bounds and for published numbers beside ours.

    Where whole cells are published, a last column "published" names their columns in each row, or says "all".
    """
    columns = range(len(table.columns))
    spans = [any(row[k].low is not None for row in table.rows) for k in columns]
    theirs = [any(row[k].theirs is not None for row in table.rows) for k in columns]
    whole = any(_is_published(cell) for row in table.rows for cell in row)
    header: list[str] = []
    for name, with_span, with_theirs in zip(table.columns, spans, theirs, strict=True):
        header += [name, *([f"{name}, low", f"{name}, high"] if with_span else [])]
        header += [f"{name}, published"] if with_theirs else []
    header += ["published"] if whole else []
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for row in table.rows:
        cells: list[object] = []
        for cell, with_span, with_theirs in zip(row, spans, theirs, strict=True):
            cells += ["" if cell.value is None else _printed(cell.value) if cell.published else cell.value]
            cells += [cell.low, cell.high] if with_span else []
            cells += [_printed(cell.theirs)] if with_theirs else []
        cells += [_published_columns(table.columns, row)] if whole else []
        writer.writerow(cells)
    return buffer.getvalue()


def as_markdown(table: ItemTable) -> str:
    """A table for a README."""
    rows = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    rows += ["| " + " | ".join(plain(cell).replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return "\n".join([f"{table.title}\n", *rows, ""])


def as_latex(table: ItemTable) -> str:
    """A `tabular` with booktabs' rules."""
    lines = [f"% {table.title}", f"\\begin{{tabular}}{{{'l' * len(table.columns)}}}", "\\toprule"]
    lines += [" & ".join(map(_escaped, table.columns)) + " \\\\", "\\midrule"]
    lines += [" & ".join(_escaped(plain(cell)) for cell in row) + " \\\\" for row in table.rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _escaped(words: str) -> str:
    return "".join(_SPECIAL.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in words)
