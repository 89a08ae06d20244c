"""The cells of an .xlsx workbook as text, read in one pass and within bounds.

A number is written as it was stored, without a fraction where it has none; a text, a formula's saved result
and an error word as they are; a date is its serial number. A merged cell's value holds for every row of the
merge in its first column. Reference: ECMA-376, part 1, section 18.

openpyxl reads the same at 30,000 cells per second and makes every cell of a merged range, of which a damaged
file may name 17 thousand million; it is the oracle of the tests instead.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element, iterparse

from mien.core.errors import DataError

MOST_UNPACKED = 24 * 1024 * 1024
MOST_CELLS = 400_000
MOST_PARTS = 2_000
_WANTED = "a workbook (.xlsx)"
_SAVE = "open it in a spreadsheet program and save it as .xlsx or CSV"
_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576
_DOCTYPE = re.compile(rb"<!DOCTYPE|<!ENTITY|<\0!\0|\0<\0!", re.IGNORECASE)
_MERGE = re.compile(r"([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})")
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_OTHERS = {"content.xml": "an OpenDocument file", "word/document.xml": "a text document"}

Row = tuple[int, list[str | None]]
"""A row's number from 1 and its cells from the first column on."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name and every row that holds anything."""

    name: str
    rows: list[Row]


def read_workbook(path: Path) -> list[Sheet]:
    """All sheets of a workbook, in order.

    Raises DataError if it is no workbook, encrypted, larger than 24 MiB unpacked or 400,000 cells, or holds
    a formula without its result; and whatever the archive or its XML raises where they are damaged.
    """
    with zipfile.ZipFile(path) as archive:
        _check_parts(path, archive)
        strings = _strings(archive)
        left = MOST_CELLS
        sheets = []
        for name, part in _sheets(archive):
            rows, merges, used = _parsed(path, archive, part, strings, left)
            left -= used
            sheets.append(Sheet(name, _filled(path, rows, merges)))
    return sheets


def sheet_names(path: Path) -> tuple[str, ...]:
    """The names of a workbook's sheets; raises as `read_workbook` does."""
    with zipfile.ZipFile(path) as archive:
        _check_parts(path, archive)
        return tuple(name for name, _ in _sheets(archive))


def too_large(path: Path) -> DataError:
    """The refusal of a table that is larger than a coding table can be."""
    return DataError(
        path,
        wanted=f"a table of at most {MOST_CELLS} cells and {MOST_UNPACKED} bytes unpacked",
        got="a larger one",
        remedy="save the coding table alone",
    )


def _check_parts(path: Path, archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        kind = next(
            (word for name, word in _OTHERS.items() if name in names), "a zip archive without workbook"
        )
        kind = "a binary workbook (.xlsb)" if "xl/workbook.bin" in names else kind
        raise DataError(path, wanted=_WANTED, got=kind, remedy=_SAVE)
    if any(part.flag_bits & 1 for part in parts):
        raise DataError(path, wanted=_WANTED, got="an encrypted archive", remedy="save it without a password")
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise too_large(path)
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            # Without a document type there are no entities: the parsers below need no further guard.
            content = archive.read(part)
            if _DOCTYPE.search(content) or not content.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0").startswith(
                b"<"
            ):
                got = f"other than plain XML in {part.filename}"
                raise DataError(path, wanted=_WANTED, got=got, remedy=_SAVE)


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Name and part of every sheet that holds cells."""
    parts = {
        element.get("Id"): posixpath.normpath(posixpath.join("/xl", element.get("Target", ""))).lstrip("/")
        for element in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
        if element.get("Type", "").endswith("/worksheet")
    }
    for element in _elements(archive, "xl/workbook.xml", "sheet"):
        identity = next((value for name, value in element.items() if name.endswith("}id")), None)
        if identity in parts:
            yield element.get("name", ""), parts[identity]


def _elements(archive: zipfile.ZipFile, part: str, tag: str) -> Iterator[Element]:
    """The elements of a name in a part, each emptied when the next one is asked for."""
    with archive.open(part) as file:
        for _, element in iterparse(file):
            if _local(element) == tag:
                yield element
                element.clear()


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _strings(archive: zipfile.ZipFile) -> list[str]:
    part = "xl/sharedStrings.xml"
    if part not in archive.namelist():
        return []
    return [_text(item) for item in _elements(archive, part, "si")]


def _text(item: Element) -> str:
    """The text of a string with its runs, without the reading aids of East Asian text."""
    words = []
    for child in item:
        if _local(child) == "t":
            words.append(child.text or "")
        elif _local(child) == "r":
            words += [grandchild.text or "" for grandchild in child if _local(grandchild) == "t"]
    return "".join(words)


def _parsed(
    path: Path, archive: zipfile.ZipFile, part: str, strings: list[str], most: int
) -> tuple[list[Row], list[str], int]:
    """The rows that hold anything, the merged ranges, and how many cells were read."""
    rows: list[Row] = []
    merges: list[str] = []
    used = number = 0
    with archive.open(part) as file:
        for _, element in iterparse(file):
            tag = element.tag
            if tag.endswith("}row"):
                number = _row_number(path, element.get("r"), number)
                cells = _row(path, element, strings)
                used += max(len(cells), len(element))
                if used > most:
                    raise too_large(path)
                if any(cell is not None for cell in cells):
                    rows.append((number, cells))
                element.clear()
            elif tag.endswith("}mergeCell"):
                merges.append(element.get("ref", ""))
    return rows, merges, used


def _row_number(path: Path, stated: str | None, before: int) -> int:
    number = int(stated) if stated else before + 1
    if not before < number <= _LAST_ROW:
        got = f"row {number} after row {before}"
        raise DataError(path, wanted="rows in order", got=got, remedy=_SAVE)
    return number


def _row(path: Path, row: Element, strings: list[str]) -> list[str | None]:
    cells: list[str | None] = []
    for cell in row:
        if not cell.tag.endswith("}c"):
            continue
        stated = cell.get("r")
        found = _REFERENCE.fullmatch(stated) if stated else None
        column = _column(found[1]) if found else len(cells)
        if not len(cells) <= column < _LAST_COLUMN:
            got = f"cell {stated!r} after column {len(cells)}"
            raise DataError(path, wanted="cells in order", got=got, remedy=_SAVE)
        value = _value(path, cell, strings)
        if value is not None:
            cells.extend([None] * (column - len(cells)))
            cells.append(value)
    return cells


def _value(path: Path, cell: Element, strings: list[str]) -> str | None:
    """A cell's content as text; None where it is empty."""
    kind, stored, has_formula = cell.get("t", "n"), None, False
    for child in cell:
        tag = child.tag
        if tag.endswith("}v"):
            stored = child.text
        elif tag.endswith("}is"):
            return _text(child).strip() or None
        elif tag.endswith("}f"):
            has_formula = True
    if stored is None:
        if has_formula and kind != "str":
            at = cell.get("r", "a cell")
            raise DataError(
                f"{path}, {at}", wanted="a saved value", got="a formula without one", remedy=_SAVE
            )
        return None
    return _KINDS.get(kind, _number)(stored, strings).strip() or None


def _shared(stored: str, strings: list[str]) -> str:
    index = int(stored)
    if index < 0:
        raise IndexError("a shared string before the first one")
    return strings[index]


def _number(stored: str, _: list[str]) -> str:
    value = float(stored)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"


def _as_it_is(stored: str, _: list[str]) -> str:
    return stored


def _truth(stored: str, _: list[str]) -> str:
    return "TRUE" if stored.strip() == "1" else "FALSE"


_KINDS: dict[str, Callable[[str, list[str]], str]] = {
    "s": _shared,
    "n": _number,
    "str": _as_it_is,
    "e": _as_it_is,
    "d": _as_it_is,
    "b": _truth,
}


def _filled(path: Path, rows: list[Row], merges: list[str]) -> list[Row]:
    """The rows, with the value of every merge over rows repeated in its first column.

    Rows that hold nothing of their own stay away: a merge makes no row.
    """
    numbers = [number for number, _ in rows]
    work = 0
    for merge in merges:
        found = _MERGE.fullmatch(merge)
        if found is None:
            continue
        column, top = _column(found[1]), int(found[2])
        start, stop = bisect_left(numbers, top), bisect_right(numbers, int(found[3]))
        work += 1 + max(stop - start, 0)
        if work > MOST_CELLS:
            raise too_large(path)
        if start >= stop or numbers[start] != top or column >= len(rows[start][1]):
            continue
        value = rows[start][1][column]
        for _, row in rows[start + 1 : stop]:
            row.extend([None] * (column + 1 - len(row)))
            row[column] = value
    return rows


@cache
def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1
