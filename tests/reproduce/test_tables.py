"""Tables as CSV: what is published is told from what is ours, and has the digits that were printed."""

from __future__ import annotations

import csv
import io

from mien.reproduce.item import Cell, ItemTable, cells
from mien.reproduce.tables import as_csv


def rows_of(table: ItemTable) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(table))))


def test_published_rows_and_columns_are_named() -> None:
    ours = (Cell("ours"), Cell(0.1 + 0.2), Cell(12), Cell(None))
    theirs = cells("theirs", 74.96 / 100, 357, None, published=True)
    mixed = (Cell("mixed"), Cell(1.5), Cell(357, published=True), Cell(0.5, published=True))
    header, *rows = rows_of(ItemTable("T", ("what", "UF1", "n", "UAR"), (ours, theirs, mixed)))
    assert header == ["what", "UF1", "n", "UAR", "published"]
    assert rows[0] == ["ours", "0.30000000000000004", "12", "", ""]
    assert rows[1] == ["theirs", "0.7496", "357", "", "all"]
    assert rows[2][-1] == "n; UAR"


def test_published_numbers_beside_ours_have_a_column() -> None:
    table = ItemTable("T", ("UF1",), ((Cell(0.5, 0.4, 0.6, theirs=100 * 0.7496 / 100),), (Cell(0.25),)))
    assert rows_of(table) == [
        ["UF1", "UF1, low", "UF1, high", "UF1, published"],
        ["0.5", "0.4", "0.6", "0.7496"],
        ["0.25", "", "", ""],
    ]
