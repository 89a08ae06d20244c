"""Coding tables as people save them, and twenty and more kinds of files that are none."""

from __future__ import annotations

import os
import resource
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small

from mien.core.errors import DataError
from mien.recording.formats.sheets import key, read_sheet, sheet_names

ROLES = {
    "subject": ["Subject"],
    "clip": ["Filename"],
    "onset": ["Onset"],
    "offset": ["Offset"],
    "units": ["Action Units", "AU"],
}
NEEDED = ("subject", "clip", "onset", "offset")
HEADER = ["Subject", "Filename", "OnsetFrame", "Offset Frame", "Action Units"]
ROWS = [["006", "a_1", 5, 9, 12], [7, "a_2", 11.0, 20, "4+7"], ["8", "a_3", 30, None, "L12"]]
READ = [
    ["006", "a_1", "5", "9", "12"],
    ["7", "a_2", "11", "20", "4+7"],
    ["8", "a_3", "30", None, "L12"],
]


@contextmanager
def bounded() -> Iterator[None]:
    """Ten seconds and two more GiB of memory."""

    class TooSlow(BaseException):
        """Not an Exception: no reader may swallow it."""

    def stop(*_: object) -> None:
        raise TooSlow

    now = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (now + 2 * 1024**3, hard))
    signal.alarm(10)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def book(path: Path, *sheets: tuple[str, list[list[object]]]) -> Path:
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def simple(folder: Path) -> Path:
    return book(folder / "codes.xlsx", ("Sheet1", [HEADER, *ROWS]))


def text(
    path: Path, rows: list[list[object]], mark: str = ",", encoding: str = "utf-8", end: str = "\n"
) -> Path:
    lines = [mark.join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def cells(table) -> list[list[str | None]]:
    return table[list(ROLES)].to_numpy().tolist()


def read(path: Path, **more):
    return read_sheet(path, ROLES, required=NEEDED, **more)


# --- what is read


def test_cells_are_text_as_they_were_stored(tmp_path: Path) -> None:
    table = read(simple(tmp_path))
    assert cells(table) == READ
    assert table["source_row"].tolist() == [2, 3, 4]
    assert table.attrs == {
        "sheet": "Sheet1", "encoding": None, "header_row": 1, "found": tuple(ROLES), "headers": tuple(HEADER),
    }  # fmt: skip


def test_prose_above_the_header_and_blank_rows_and_columns(tmp_path: Path) -> None:
    prose = [["The dataset"], ["Subject: who"], [], ["Onset and Offset are frames", None, "AU"]]
    rows = [[None, *row[:2], None, *row[2:]] for row in (HEADER, ROWS[0], [], ROWS[1], [None] * 5, ROWS[2])]
    path = book(tmp_path / "a.xlsx", ("x", [*prose, *rows]))
    table = read(path)
    assert cells(table) == READ
    assert table["source_row"].tolist() == [6, 8, 10]
    assert table.attrs["header_row"] == 5


def test_styled_empty_rows_at_the_end(tmp_path: Path) -> None:
    path = simple(tmp_path)
    made = load_workbook(path)
    for row in range(5, 40):
        for column in range(1, 8):
            made.active.cell(row, column).font = Font(bold=True)
    made.save(path)
    assert cells(read(path)) == READ


@pytest.mark.parametrize("spelled", ["onset\nframe", " ONSET_FRAME ", "Onset frames", "onset", "OnsetFrame"])
def test_headers_in_many_spellings(tmp_path: Path, spelled: str) -> None:
    path = book(tmp_path / "a.xlsx", ("x", [[*HEADER[:2], spelled, *HEADER[3:]], *ROWS]))
    assert cells(read(path)) == READ


@given(st.text(alphabet="Ab1 _\n-", min_size=1).filter(key))
def test_the_key_of_a_key_is_itself(header: str) -> None:
    assert key(key(header)) == key(header.upper())


def test_the_better_spelling_wins(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ("x", [[*HEADER, "AU"], [*ROWS[0], 99]]))
    assert read(path)["units"].tolist() == ["12"]


def test_a_merge_holds_for_all_its_rows(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ("x", [HEADER, ["006", *ROWS[0][1:]], [None, *ROWS[1][1:]], ROWS[2]]))
    made = load_workbook(path)
    made.active.merge_cells("A2:A3")
    made.active.merge_cells("G1:I1")
    made.save(path)
    assert read(path)["subject"].tolist() == ["006", "006", "8"]


def test_the_sheet_with_the_header_among_others(tmp_path: Path) -> None:
    path = book(
        tmp_path / "a.xlsx", ("notes", [["Subject", "age"]]), ("Codes", [HEADER, *ROWS]), ("empty", [])
    )
    table = read(path)
    assert cells(table) == READ
    assert table.attrs["sheet"] == "Codes"
    assert cells(read(path, sheet="codes ")) == READ
    assert sheet_names(path) == ("notes", "Codes", "empty")


def test_no_header_but_positions(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ("code_final", ROWS), ("rule", [["1", "s15"]]))
    where = {"subject": 0, "clip": 1, "onset": 2, "offset": 3, "units": 4}
    table = read(path, positions=where, sheet="code final")
    assert cells(table) == READ
    assert table["source_row"].tolist() == [1, 2, 3]
    assert table.attrs["header_row"] is None


def test_positions_are_not_used_where_there_is_a_header(tmp_path: Path) -> None:
    assert cells(read(simple(tmp_path), positions={"subject": 4, "clip": 3, "onset": 2, "offset": 1})) == READ


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separated_text(tmp_path: Path, encoding: str, mark: str, end: str) -> None:
    rows = [["注释"] + [""] * 4, HEADER, ROWS[0], ["7", "a_2", "11", "20", "4+7"], *ROWS[2:]]
    table = read(text(tmp_path / "a.csv", rows, mark, encoding, end))
    assert cells(table) == READ
    assert table["source_row"].tolist() == [3, 4, 5]
    assert table.attrs["encoding"] == {"utf-8-sig": "utf-8", "gbk": "gb18030"}.get(encoding, encoding)


def test_quoted_separators_and_words_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('Subject,Filename,Onset,Offset,AU\n"6",a,1,NaN,"4,7"\n\n7,b,2,n/a,\n')
    table = read(path)
    assert cells(table) == [["6", "a", "1", None, "4,7"], ["7", "b", "2", None, None]]
    assert table["source_row"].tolist() == [2, 4]


def test_a_column_that_is_not_required_may_be_absent(tmp_path: Path) -> None:
    table = read(text(tmp_path / "a.csv", [HEADER[:4], ROWS[0][:4]]))
    assert cells(table) == [["006", "a_1", "5", "9", None]]
    assert table.attrs["found"] == NEEDED


def test_results_of_formulas_truths_and_rich_text(tmp_path: Path) -> None:
    path = simple(tmp_path)
    change_part(
        path,
        "xl/worksheets/sheet1.xml",
        lambda old: old.replace(b"<v>5</v>", b"<f>2+3</f><v>5</v>").replace(
            b"</row></sheetData>",
            b'</row><row r="5"><c r="A5" t="b"><v>1</v></c><c r="B5" t="inlineStr"><is><r><t>a_</t></r>'
            b'<r><t>4</t></r></is></c><c r="C5"><v>1.5E1</v></c><c r="D5" t="str"><f>""</f><v></v></c>'
            b'<c r="E5" t="e"><v>#N/A</v></c></row></sheetData>',
        ),
    )
    assert cells(read(path))[0] == READ[0]
    assert cells(read(path))[3] == ["TRUE", "a_4", "15", None, "#N/A"]


def test_equal_to_openpyxl_on_real_tables(shared_data: Path) -> None:
    roles = {"subject": ["Subject"], "clip": ["Filename", "clip"], "units": ["Action Units"]}
    for name in ("CASME2/CASME2-coding-20140508.xlsx", "SAMM/SAMM.xlsx", "SMIC/smic_apex.xlsx"):
        path = shared_data / "annotations" / name
        sheet = load_workbook(path, data_only=True).worksheets[0]
        header, *rows = sheet.iter_rows(values_only=True)
        table = read_sheet(path, roles, required=["subject", "clip"])
        for role in table.attrs["found"]:
            column = [key(str(title)) for title in header].index(
                next(key(word) for word in roles[role] if key(word) in map(key, map(str, header)))
            )
            assert table[role].tolist() == [str(row[column]).strip() for row in rows]


# --- what is refused


def change_part(
    path: Path, part: str, change: Callable[[bytes], bytes], more: dict[str, bytes] | None = None
) -> None:
    """Write a workbook again with one part changed and others added."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    old = parts[part]
    parts[part] = change(old)
    assert more or parts[part] != old
    parts.update(more or {})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


SHEET = "xl/worksheets/sheet1.xml"
RNG = np.random.default_rng(0)
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda old: b"",
    "cut at a tenth": lambda old: old[: len(old) // 10],
    "cut at two thirds": lambda old: old[: 2 * len(old) // 3],
    "cut by one byte": lambda old: old[:-1],
    "zeros": lambda old: bytes(len(old)),
    "rubbish": lambda old: RNG.bytes(len(old)),
    "rubbish behind its first bytes": lambda old: old[:16] + RNG.bytes(len(old)),
    "encrypted": lambda old: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
    "old workbook": lambda old: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "half of UTF-16": lambda old: b"\xff\xfeS\x00u\x00b",
    "text with zeros": lambda old: b"Subject,Filename,Onset,Offset\n1,\x00,2,3\n",
    "text with control signs": lambda old: b"Subject,Filename,Onset,Offset\n1,\x07,2,3\n",
    "text of one word": lambda old: b"nothing\n",
    "no header": lambda old: b"1,2,3,4,5\n2,3,4,5,6\n",
    "no offset": lambda old: b"Subject,Filename,Onset\n1,a,2\n",
    "no rows": lambda old: b"Subject,Filename,Onset,Offset\n\n",
    "rows of nothing": lambda old: b"Subject,Filename,Onset,Offset\n,,,\n",
    "a row too long": lambda old: b"Subject,Filename,Onset,Offset,AU\n1,a,2,3,4,7\n",
    "a row too short": lambda old: b"Subject,Filename,Onset,Offset,AU\n1,a,2,3\n",
    "a quote without end": lambda old: b'Subject,Filename,Onset,Offset\n1,"a,2,3\n4,b,5,6\n',
    "two columns of one name": lambda old: b"Subject,Filename,Onset,onset frame,Offset\n1,a,2,2,3\n",
    "a cell of a megabyte": lambda old: b"Subject,Filename,Onset,Offset\n1," + b"a" * 1_000_000 + b",2,3\n",
    "a table too large": lambda old: b"Subject,Filename,Onset,Offset\n" + b"1,a,2,3\n" * 200_000,
}  # fmt: skip


@pytest.mark.parametrize("damage", BYTES)
def test_bytes_that_are_no_table(tmp_path: Path, damage: str) -> None:
    path = simple(tmp_path)
    path.write_bytes(BYTES[damage](path.read_bytes()))
    refused(path)


def refused(path: Path, match: str | None = None) -> None:
    with bounded(), pytest.raises(DataError, match=match) as caught:
        read(path)
    told = str(caught.value)
    assert str(path) in told
    assert "\n" not in told
    assert len(told) < 600


PARTS: dict[str, tuple[str, Callable[[bytes], bytes], str | None]] = {
    "a document type": (
        SHEET, lambda old: b'<!DOCTYPE x [<!ENTITY a "ha">]>' + old, "plain XML",
    ),
    "a document type in UTF-16": (
        SHEET,
        lambda old: '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x []><x/>'.encode("utf-16"),
        "plain XML",
    ),
    "EBCDIC": (SHEET, lambda old: '<?xml version="1.0" encoding="cp037"?><x/>'.encode("cp037"), "plain XML"),
    "no XML": (SHEET, lambda old: b"<" + bytes(range(1, 200)), None),
    "rows out of order": (SHEET, lambda old: old.replace(b'<row r="3"', b'<row r="2"'), "rows in order"),
    "a row beyond the last": (SHEET, lambda old: old.replace(b'<row r="4"', b'<row r="9999999"'), "rows in"),
    "cells out of order": (SHEET, lambda old: old.replace(b'r="C2"', b'r="A2"'), "cells in order"),
    "a column beyond the last": (SHEET, lambda old: old.replace(b'r="E2"', b'r="ZZZ2"'), "cells in order"),
    "a number that is none": (SHEET, lambda old: old.replace(b"<v>9</v>", b"<v>nine</v>"), None),
    "a formula without result": (SHEET, lambda old: old.replace(b"<v>9</v>", b"<f>4+5</f><v/>"), "saved"),
    "a sheet that is not there": (
        "xl/_rels/workbook.xml.rels", lambda old: old.replace(b"sheet1.xml", b"sheet9.xml"), None,
    ),
    "a million empty cells": (
        SHEET,
        lambda old: old.replace(b"</sheetData>", b"<row>" + b"<c/>" * 1_000_000 + b"</row></sheetData>"),
        "larger",
    ),
    "far columns in every row": (
        SHEET,
        lambda old: old.replace(
            b"</sheetData>",
            b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(5, 3000))
            + b"</sheetData>",
        ),
        "larger",
    ),
    "twenty million letters": (
        SHEET,
        lambda old: old.replace(b"</sheetData>", b"</sheetData>" + b"<x>" + b"a" * 30_000_000 + b"</x>"),
        "larger",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", PARTS)
def test_parts_that_are_no_sheet(tmp_path: Path, damage: str) -> None:
    path = simple(tmp_path)
    part, change, match = PARTS[damage]
    change_part(path, part, change)
    refused(path, match)


STRINGS = (
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>007</t></si><si><r><t>a</t>'
    b"</r><r><t>_1 </t></r><rPh><t>reading aid</t></rPh></si></sst>"
)


def share(path: Path, strings: bytes, *, second: int = 1) -> None:
    """Put the first two cells of the first row into the table of strings."""
    change_part(
        path,
        SHEET,
        lambda old: old.replace(b'"A2" t="inlineStr"><is><t>006</t></is>', b'"A2" t="s"><v>0</v>').replace(
            b'"B2" t="inlineStr"><is><t>a_1</t></is>', b'"B2" t="s"><v>%d</v>' % second
        ),
        {"xl/sharedStrings.xml": strings},
    )


def test_shared_strings(tmp_path: Path) -> None:
    path = simple(tmp_path)
    share(path, STRINGS)
    assert cells(read(path)) == [["007", *READ[0][1:]], *READ[1:]]


@pytest.mark.parametrize("second", [2, 999, -1])
def test_a_string_that_is_not_there(tmp_path: Path, second: int) -> None:
    path = simple(tmp_path)
    share(path, STRINGS, second=second)
    refused(path)


def test_entities_in_the_strings(tmp_path: Path) -> None:
    path = simple(tmp_path)
    share(path, b'<!doctype sst [<!entity a "ha">]>' + STRINGS)
    refused(path, "plain XML")


def test_a_merge_of_the_whole_sheet_fills_what_is_there(tmp_path: Path) -> None:
    path = simple(tmp_path)
    merge = b'<mergeCells count="1"><mergeCell ref="E2:XFD1048576"/></mergeCells>'
    change_part(path, SHEET, lambda old: old.replace(b"</sheetData>", b"</sheetData>" + merge))
    with bounded():
        assert read(path)["units"].tolist() == ["12", "12", "12"]


def test_very_many_merges(tmp_path: Path) -> None:
    path = book(tmp_path / "codes.xlsx", ("x", [HEADER, *([["1", "a", n, n, 4] for n in range(2000)])]))
    merges = b"<mergeCells>" + b'<mergeCell ref="A2:A2001"/>' * 10_000 + b"</mergeCells>"
    change_part(path, SHEET, lambda old: old.replace(b"</sheetData>", b"</sheetData>" + merges))
    refused(path, "larger")


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("content.xml", "OpenDocument"),
        ("word/document.xml", "text document"),
        ("xl/workbook.bin", "xlsb"),
        ("readme.txt", "without workbook"),
    ],
)
def test_other_archives(tmp_path: Path, part: str, kind: str) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part, "<x/>")
    refused(path, kind)


def test_an_archive_with_a_password(tmp_path: Path) -> None:
    path = simple(tmp_path)
    old = bytearray(path.read_bytes())
    place = -1
    while (place := old.find(b"PK\x01\x02", place + 1)) >= 0:
        old[place + 8] |= 1
    path.write_bytes(bytes(old))
    refused(path, "encrypted")


def test_a_bomb(tmp_path: Path) -> None:
    path = simple(tmp_path)
    change_part(
        path, SHEET, lambda old: old, {f"xl/media/{n}.xml": b"<a>" + bytes(8 << 20) for n in range(20)}
    )
    assert path.stat().st_size < 1_000_000
    refused(path, "larger")


@pytest.mark.parametrize("kind", ["folder", "named pipe", "gone", "forbidden", "device"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    path = simple(tmp_path)
    if kind == "forbidden":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        path.chmod(0)
    else:
        path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "named pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    refused(path)


def test_two_sheets_with_the_header(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ("one", [HEADER, *ROWS]), ("two", [HEADER, *ROWS[:1]]))
    refused(path, "one sheet")
    assert len(read(path, sheet="two")) == 1
    with pytest.raises(DataError, match="a sheet 'three'"):
        read(path, sheet="three")


def test_a_header_that_comes_too_late(tmp_path: Path) -> None:
    refused(book(tmp_path / "a.xlsx", ("x", [["prose"]] * 60 + [HEADER, *ROWS])), "a row that names")


@pytest.mark.parametrize("seed", range(30))
def test_flipped_bits_raise_nothing_else(tmp_path: Path, seed: int) -> None:
    path = simple(tmp_path)
    rng = np.random.default_rng(seed)
    old = bytearray(path.read_bytes())
    for place in rng.integers(0, len(old), 4):
        old[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(bytes(old))
    told, found = str(path), READ
    with bounded():
        try:
            found = cells(read(path))
        except DataError as error:
            told = str(error)
    assert str(path) in told
    assert found == READ


def test_a_date_is_no_frame(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ("x", [HEADER, ["1", "a", date(2024, 1, 2), 9, 4]]))
    assert read(path)["onset"].tolist() == ["45293"]


# --- inspected


def test_a_coding_table_is_inspected(tmp_path: Path) -> None:
    from mien.recording.inspect import inspect_file

    book, text = small.sheet(tmp_path), small.text_sheet(tmp_path)
    for path in (book, text):
        found = inspect_file(path)
        assert (found.format, found.events, found.video) == ("coding-table", 14, None)
        assert [(c.name, c.n_samples) for c in found.channels] == [
            (name, 14) for name in ("Subject", "Filename", "Onset", "Emotion", "Apex")
        ]
        assert np.isnan(found.duration_s)


def test_real_coding_tables_are_inspected(shared_data: Path) -> None:
    from mien.recording.inspect import inspect_file

    expected = {"mmme/coding_file.xlsx": 535, "annotations/CASME2/CASME2-coding-20140508.xlsx": 255,
                "annotations/CASME_sq/USTC_casme_sq.csv": 357}  # fmt: skip
    for place, rows in expected.items():
        found = inspect_file(shared_data / place)
        assert (found.format, found.events) == ("coding-table", rows)
