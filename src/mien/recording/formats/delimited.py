"""Tables of text: comma- or tab-separated values with one header line, UTF-8 with or without a mark.

Every cell is read as text, stripped of surrounding blanks; nothing is guessed, no row is dropped or
shifted. Rows whose number of cells differs from the header's are refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError
from mien.recording.opening import file_size

if TYPE_CHECKING:
    import pandas as pd

EMPTY_WORDS = ("", "nan", "n/a", "na", "none", "null")
"""What programs write into a cell that holds nothing, in lower case."""

MAX_BYTES = 64 * 1024 * 1024
"""As text in memory a table takes 20 times its size; long tables of numbers have readers of their own."""


def read_delimited(
    path: Path,
    *,
    columns: Sequence[str],
    filled: Sequence[str] | None = None,
    separator: str = ",",
    may_be_empty: bool = False,
) -> pd.DataFrame:
    """The table as text with at least the named columns, one row per line.

    Parameters
    ----------
    path
        The file.
    columns
        Columns that must be there; others are kept.
    filled
        Columns in which every cell must hold something; default `columns`.
    separator
        "," or a tab.
    may_be_empty
        Whether a header without rows is a table.

    Raises
    ------
    DataError
        If the file is absent, not such a table, lacks a column or a cell, or is larger than 64 MiB.
    """
    rows = _rows(path, separator)
    header = [name.strip() for name in rows[0]] if rows else []
    check_header(path, header, columns, separator)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise DataError(
                f"{path}, row {number}",
                wanted=f"{len(header)} cells, as in the header",
                got=len(row),
                remedy="quote cells that hold the separator",
            )
    if len(rows) < 2 and not may_be_empty:
        raise DataError(path, wanted="at least one row", got="none", remedy="give a table with content")
    import pandas as pd

    table = pd.DataFrame([[cell.strip() for cell in row] for row in rows[1:]], columns=header, dtype=object)
    for name in columns if filled is None else filled:
        empty = table[name].str.lower().isin(EMPTY_WORDS)
        if empty.any():
            first = int(empty.to_numpy().argmax())
            raise DataError(
                f"{path}, row {first + 2}",
                wanted=f"a value in '{name}'",
                got=table[name].iloc[first] or "none",
                remedy="fill it in, or leave the row out on purpose",
            )
    return table


def _rows(path: Path, separator: str) -> list[list[str]]:
    """All lines that hold anything, as cells."""
    file_size(path, "a table", most=MAX_BYTES)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except OSError as error:
        raise DataError(
            path, wanted="a readable file", got=error.strerror or "an error", remedy="check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            path, wanted="separated values in UTF-8", got=str(error), remedy="save the table as CSV in UTF-8"
        ) from error
    return [row for row in rows if any(cell.strip() for cell in row)]


def check_header(path: Path, header: Sequence[str], columns: Sequence[str], separator: str) -> None:
    """Refuse a line of names that lacks a column or has one twice."""
    missing = [name for name in columns if name not in header]
    word = "commas" if separator == "," else "tabs"
    if missing:
        other = [mark for mark in (";", "\t", ",") if mark != separator and mark in "".join(header)]
        hint = f"separate the columns by {word}" if other else "add the columns"
        got = f"no {', '.join(missing)}" if header else "an empty file"
        raise DataError(path, wanted=f"columns {', '.join(columns)}", got=got, remedy=hint)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(
            path, wanted="each column once", got=f"{', '.join(repeated)} twice", remedy="rename one"
        )
