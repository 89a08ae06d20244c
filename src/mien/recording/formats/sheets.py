"""Tables that people keep: spreadsheets (.xlsx) and separated text, as coding tables are published.

Such tables have lines of prose above the header, blank columns and rows between, merged cells, numbers as
text and text as numbers, several sheets, headers in many spellings, and sometimes no header at all. A table
is found by its header: the first row that names every required column. Cells become text as they were
stored: "006" stays "006", 6 and 6.0 become "6"; words for nothing ("nan", "n/a") become None. A merged cell's
value holds for every row of the merge in its first column. No row is dropped but those in which every wanted
cell is empty.

Text is UTF-8 (with or without mark), UTF-16 (with mark), or else GB18030, which includes GBK and GB2312: the
encoding is stated in the table's `attrs`. Any of comma, semicolon and tab may separate.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.errors import DataError
from mien.recording.formats import workbook
from mien.recording.formats.delimited import EMPTY_WORDS
from mien.recording.formats.workbook import MOST_CELLS, Row, too_large
from mien.recording.opening import file_size, first_bytes, refusing

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 24 * 1024 * 1024
HEADER_WITHIN = 60
"""A header is looked for among this many rows that hold anything."""

_WANTED = "a spreadsheet (.xlsx) or separated text"
_SAVE = "open it in a spreadsheet program and save it as .xlsx or CSV"
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One grid of cells: (row number from 1, cells) for every row that holds anything."""

    name: str
    rows: list[Row]
    strict: bool = False
    """Whether every row of a table must have as many cells as its header, as in separated text."""


def read_sheet(
    path: Path,
    columns: Mapping[str, Sequence[str]],
    *,
    required: Sequence[str] | None = None,
    sheet: str | None = None,
    positions: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """The table in a spreadsheet or text file: a column of text per role, None where a cell is empty.

    Parameters
    ----------
    path
        An .xlsx workbook, or comma-, semicolon- or tab-separated text.
    columns
        Per role the headers that it may have, best first. Upper and lower case, blanks, line breaks, signs
        and a closing word "frame" make no difference: "Onset Frame" is "onset_frame" is "Onset".
    required
        Roles whose column must be there; default all. The others are None throughout where absent.
    sheet
        The sheet's name, as its case, blanks and signs may be; default the only one with the header.
    positions
        Column numbers from 0 per role, for a sheet without header: every row is then data. Used only where
        no header is found.

    Returns
    -------
    pandas.DataFrame
        `source_row`, the row's number as a spreadsheet counts (int64), and one column of text per role.
        `attrs` has "sheet", "encoding" (None for .xlsx), "header_row" (None without header), "found", the
        roles that have a column, and "headers", every column's.

    Raises
    ------
    DataError
        If the file is no such table, is damaged, encrypted, larger than 24 MiB (packed or not) or 400,000
        cells, or has no such header, several sheets or columns that may be meant, formulas without saved
        values, or a row of text with more or fewer cells than the header.
    """
    file_size(path, _WANTED, most=MOST_BYTES)
    needed = tuple(columns) if required is None else tuple(required)
    start = first_bytes(path, 8)
    with refusing(path, _WANTED, remedy=_SAVE, private=True):
        if start.startswith(_OLE):
            raise DataError(path, wanted=_WANTED, got=_ole_kind(path), remedy=_SAVE)
        if start.startswith(_ZIP):
            encoding, grids = None, [_sheets(path)]
        else:
            encoding, grids = _text(path)
        return _table(path, grids, columns, needed, sheet, positions, encoding)


@dataclass(frozen=True, slots=True)
class SheetSummary:
    """A table as it stands: its sheet (empty for text), the headers, filled cells per column, rows below."""

    sheet: str
    headers: tuple[str, ...]
    filled: tuple[int, ...]
    n_rows: int


def summarise_sheet(path: Path) -> SheetSummary:
    """What the longest sheet of a workbook, or a text table, holds; the header is its fullest early row.

    Raises DataError as `read_sheet` does, and for a file without a row of two cells or more.
    """
    file_size(path, _WANTED, most=MOST_BYTES)
    start = first_bytes(path, 8)
    with refusing(path, _WANTED, remedy=_SAVE, private=True):
        if start.startswith(_OLE):
            raise DataError(path, wanted=_WANTED, got=_ole_kind(path), remedy=_SAVE)
        sheets = _sheets(path) if start.startswith(_ZIP) else [s for grids in _text(path)[1] for s in grids]
        found = [summary for sheet in sheets if (summary := _summary(sheet)) is not None]
    if not found:
        raise DataError(path, wanted=_WANTED, got="none with two columns", remedy=_SAVE)
    return max(found, key=lambda summary: (len(summary.headers), summary.n_rows))


def _summary(sheet: _Sheet) -> SheetSummary | None:
    early = sheet.rows[:HEADER_WITHIN]
    if not early:
        return None
    at = max(range(len(early)), key=lambda i: (sum(cell is not None for cell in early[i][1]), -i))
    columns = [i for i, cell in enumerate(early[at][1]) if cell is not None]
    if len(columns) < 2:
        return None
    below = [row for _, row in sheet.rows[at + 1 :]]
    filled = tuple(sum(len(row) > i and row[i] is not None for row in below) for i in columns)
    headers = tuple(" ".join(str(early[at][1][i]).split()) for i in columns)
    return SheetSummary(sheet.name, headers, filled, len(below))


def sheet_names(path: Path) -> tuple[str, ...]:
    """The names of a workbook's sheets; none for a text file. Raises DataError as `read_sheet` does."""
    file_size(path, _WANTED, most=MOST_BYTES)
    if not first_bytes(path, 8).startswith(_ZIP):
        return ()
    with refusing(path, _WANTED, remedy=_SAVE, private=True):
        return workbook.sheet_names(path)


def _sheets(path: Path) -> list[_Sheet]:
    return [
        _Sheet(sheet.name, [(number, [_said(cell) for cell in cells]) for number, cells in sheet.rows])
        for sheet in workbook.read_workbook(path)
    ]


# --- choosing the table


def _table(
    path: Path,
    grids: Sequence[Sequence[_Sheet]],
    columns: Mapping[str, Sequence[str]],
    needed: Sequence[str],
    wanted_sheet: str | None,
    positions: Mapping[str, int] | None,
    encoding: str | None,
) -> pd.DataFrame:
    """`grids` are readings of one file: text is one sheet per separator, of which one has the header."""
    best: list[str] | None = None
    for sheets in grids:
        chosen = _named(path, sheets, wanted_sheet)
        found = [(grid, place) for grid in chosen if (place := _header(path, grid, columns, needed))]
        if len(found) > 1:
            names = ", ".join(repr(grid.name) for grid, _ in found)
            raise DataError(path, wanted="one sheet with the header", got=names, remedy="name the sheet")
        if found:
            grid, (at, where) = found[0]
            return _frame(path, grid, columns, where, at, encoding)
        seen = max(
            (_names(row) for grid in chosen for _, row in grid.rows[:HEADER_WITHIN]), key=len, default=[]
        )
        best = seen if best is None or len(seen) > len(best) else best
    if positions is not None:
        enough = [
            grid for sheets in grids for grid in _named(path, sheets, wanted_sheet) if _wide(grid, positions)
        ]
        if len(enough) == 1:
            return _frame(path, enough[0], columns, dict(positions), None, encoding)
    spelled = ", ".join(columns[role][0] for role in needed)
    got = f"none (the fullest row holds {', '.join(best[:12])})" if best else "none with content"
    raise DataError(path, wanted=f"a row that names {spelled}", got=got, remedy="add or rename the columns")


def _named(path: Path, sheets: Sequence[_Sheet], name: str | None) -> Sequence[_Sheet]:
    if name is None or (len(sheets) == 1 and not sheets[0].name):
        return sheets
    chosen = [grid for grid in sheets if key(grid.name) == key(name)]
    if not chosen:
        got = ", ".join(repr(grid.name) for grid in sheets) or "none with content"
        raise DataError(
            path, wanted=f"a sheet {name!r}", got=got, remedy="check the file or rename the sheet"
        )
    return chosen


def _wide(grid: _Sheet, positions: Mapping[str, int]) -> bool:
    """Whether most rows of a grid reach the last position: a table without header."""
    last = max(positions.values())
    return bool(grid.rows) and 2 * sum(len(row) > last for _, row in grid.rows) > len(grid.rows)


def key(header: str) -> str:
    """What is compared of a header: letters and digits in lower case without a closing "frame".

    Examples
    --------
    >>> key("Onset\\nFrame ") == key("onset_frame") == key("Onset")
    True
    """
    bare = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())
    return bare.removesuffix("s").removesuffix("frame") or bare


def _names(row: Sequence[str | None]) -> list[str]:
    return [" ".join(cell.split())[:40] for cell in row if cell]


def _header(
    path: Path, grid: _Sheet, columns: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> tuple[int, dict[str, int]] | None:
    """The index of the header among the grid's rows and the column of every role found in it."""
    for at, (number, row) in enumerate(grid.rows[:HEADER_WITHIN]):
        keys = [key(cell) if cell else "" for cell in row]
        where: dict[str, int] = {}
        for role, spellings in columns.items():
            for spelling in map(key, spellings):
                if spelling in keys:
                    where[role] = keys.index(spelling)
                    break
        if all(role in where for role in needed):
            for role, column in where.items():
                if keys.count(keys[column]) > 1:
                    got = f"{row[column]!r} {keys.count(keys[column])} times"
                    raise DataError(
                        f"{path}, row {number}", wanted=f"one column for {role}", got=got, remedy="rename one"
                    )
            return at, where
    return None


def _frame(
    path: Path,
    grid: _Sheet,
    columns: Mapping[str, Sequence[str]],
    where: Mapping[str, int],
    header: int | None,
    encoding: str | None,
) -> pd.DataFrame:
    import pandas as pd

    width = 0 if header is None else len(grid.rows[header][1])
    rows: list[list[Any]] = []
    for number, row in grid.rows[0 if header is None else header + 1 :]:
        if (
            grid.strict
            and header is not None
            and len(row) != width
            and (len(row) < width or any(row[width:]))
        ):
            raise DataError(
                f"{path}, row {number}",
                wanted=f"{width} cells, as in the header",
                got=len(row),
                remedy="quote cells that hold the separator",
            )
        cells = [row[where[role]] if role in where and where[role] < len(row) else None for role in columns]
        if any(cell is not None for cell in cells):
            rows.append([number, *cells])
    if not rows:
        raise DataError(path, wanted="at least one row", got="none", remedy="give a table with content")
    table = pd.DataFrame(rows, columns=["source_row", *columns], dtype=object)
    table["source_row"] = table["source_row"].astype("int64")
    table.attrs = {
        "sheet": grid.name or None,
        "encoding": encoding,
        "header_row": None if header is None else grid.rows[header][0],
        "found": tuple(role for role in columns if role in where),
        "headers": () if header is None else tuple(cell for cell in grid.rows[header][1] if cell),
    }
    return table


# --- text


def _text(path: Path) -> tuple[str, list[list[_Sheet]]]:
    """The encoding, and the file read with every separator that occurs in it."""
    encoding, text = _decoded(path)
    readings, problem = [], None
    for mark in _SEPARATORS:
        if mark not in text:
            continue
        try:
            readings.append([_separated(path, text, mark)])
        except csv.Error as error:
            problem = error
    if not readings:
        got = f"cells that cannot be told apart ({problem})" if problem else "text without separators"
        raise DataError(path, wanted=_WANTED, got=got, remedy="separate the columns by commas or tabs")
    return encoding, readings


def _decoded(path: Path) -> tuple[str, str]:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        tried = ["utf-16"]
    elif b"\0" in data:
        raise DataError(path, wanted=_WANTED, got="bytes that are no text", remedy=_SAVE)
    else:
        tried = ["utf-8-sig", "gb18030"]
    for encoding in tried:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROL.search(text):
            break
        return encoding.removesuffix("-sig"), text
    raise DataError(path, wanted=_WANTED, got="bytes that are no text", remedy="save it as CSV in UTF-8")


def _separated(path: Path, text: str, mark: str) -> _Sheet:
    rows, count = [], 0
    for number, cells in enumerate(
        csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True), start=1
    ):
        count += len(cells)
        if count > MOST_CELLS:
            raise too_large(path)
        row = [_said(cell) for cell in cells]
        if any(cell is not None for cell in row):
            rows.append((number, row))
    return _Sheet("", rows, strict=True)


def _said(cell: str | None) -> str | None:
    bare = (cell or "").strip()
    return None if bare.lower() in EMPTY_WORDS else bare


def _ole_kind(path: Path) -> str:
    encrypted = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
    return "an encrypted workbook" if encrypted else "an old workbook (.xls)"
