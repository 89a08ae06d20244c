"""Printing results: tables with rich for people, JSON alone on stdout for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mien.core.records import to_json


def print_json(value: object) -> None:
    """One JSON document on stdout; NaN is null."""
    json.dump(to_json(value), sys.stdout, indent=1, allow_nan=False)
    sys.stdout.write("\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout; the first column is left-aligned."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    # Piped output keeps its whole width: a cut number is a wrong number.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def number(value: Any, digits: int = 4) -> str:
    """A number for a table; a dash where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def with_interval(estimate: Mapping[str, Any]) -> str:
    """A value with its interval, as in .736 [.68, .79]."""
    value, low, high = (number(estimate[key], 3) for key in ("value", "low", "high"))
    return value if low == "-" else f"{value} [{low}, {high}]"


def print_plan(columns: Sequence[str], rows: Sequence[Sequence[str]], core_s: float, workers: int) -> None:
    """What is to be computed, a line each, and how long all of it will take."""
    print_table("plan", [*columns, "folds done", "time of one core"], rows)
    print(f"about {duration(core_s / workers)} with --workers {workers}; finished folds are kept")


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them, as in 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
