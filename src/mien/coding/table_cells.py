"""Cells of tables that people open in spreadsheet programs: text stays text, and comes back to the letter.

Conventions: a spreadsheet program takes what begins with = + - @ for a formula. In separated text such a cell
gets an apostrophe before it, which is taken away on reading; in a workbook the cell is typed as text. Text
that readers would trim or take for nothing (blanks at its ends, "n/a") is quoted as in JSON.
"""

from __future__ import annotations

import re

from mien.coding.stated import quoted, unquoted
from mien.recording.formats.delimited import EMPTY_WORDS

_FORMULA = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
_NOT_READ = re.compile("[\x7f\ufffd\ufffe\uffff]")

Cell = str | int | float | None
"""A number stays a number: only text is changed."""


def safe_text(text: str) -> str:
    """Text as a cell that readers give back as it is; `read_text` undoes it.

    Examples
    --------
    >>> safe_text("n/a"), safe_text("a remark")
    ('"n/a"', 'a remark')
    """
    odd = text != text.strip() or text.lower() in EMPTY_WORDS or text.startswith('"')
    if not text or not (odd or _NOT_READ.search(text)):
        return text
    return _NOT_READ.sub(lambda sign: f"\\u{ord(sign[0]):04x}", quoted(text))


def read_text(cell: str | None) -> str:
    """What a cell of `safe_text` says."""
    said = unquoted(cell) if cell else None
    return (cell or "") if said is None else said


def no_formula(cell: Cell) -> Cell:
    """A cell of separated text that no spreadsheet program takes for a formula; `read_no_formula` undoes it.

    Examples
    --------
    >>> no_formula("=1+1"), no_formula(-3), no_formula("AU4")
    ("'=1+1", -3, 'AU4')
    """
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in (*_FORMULA, "'") else cell


def read_no_formula(cell: str | None) -> str | None:
    """A cell without the apostrophe that `no_formula` put before it."""
    return cell[1:] if cell and cell[0] == "'" and cell[1:2] in (*_FORMULA, "'") else cell
