"""Tables of text come back as they were written, or are refused."""

from __future__ import annotations

import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import DataError
from mien.recording.formats import read_delimited

CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8
).map(lambda text: f"x{text}".strip())


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), bom=st.booleans(), crlf=st.booleans())
def test_round_trip(tmp_path_factory, rows, bom, crlf):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n" if crlf else "\n").writerows([("a", "b"), *rows])
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + buffer.getvalue().encode())
    table = read_delimited(path, columns=["a", "b"])
    assert list(table.itertuples(index=False, name=None)) == [(a.strip(), b.strip()) for a, b in rows]


def test_numbers_stay_as_they_were_written(tmp_path):
    (tmp_path / "t.csv").write_text("id,n\n006,1.50\n1e3,-0\n")
    table = read_delimited(tmp_path / "t.csv", columns=["id"])
    assert table["id"].tolist() == ["006", "1e3"]
    assert table["n"].tolist() == ["1.50", "-0"]


def test_quoted_line_break_and_separator(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n"one\ntwo","x,y"\n')
    assert read_delimited(tmp_path / "t.csv", columns=["a"]).iloc[0].tolist() == ["one\ntwo", "x,y"]


def test_blank_lines_are_no_rows(tmp_path):
    (tmp_path / "t.csv").write_text("a\n\n1\n\n2\n\n")
    assert read_delimited(tmp_path / "t.csv", columns=["a"])["a"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"a,b\n", "at least one row"),
        (b"a\n1\n", "got no b"),
        (b"a;b\n1;2\n", "separate the columns by commas"),
        (b"a,b\n1,2,3\n", "row 2: wanted 2 cells, as in the header, got 3"),
        (b"a,b\n1\n", "row 2: wanted 2 cells, as in the header, got 1"),
        (b"a,b,a\n1,2,3\n", "each column once, got a twice"),
        (b"a,b\n1,NaN\n", "row 2: wanted a value in 'b', got NaN"),
        (b"a,b\n\xff,1\n", "in UTF-8"),
        (b'a,b\n"1,2\n', "separated values"),
        (b"a,b\n" + b"1" * 200_000 + b",2\n", "separated values"),
    ],
)
def test_malformed(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_delimited(tmp_path / "t.csv", columns=["a", "b"])


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_delimited(tmp_path / "none.csv", columns=["a"])
    with pytest.raises(DataError, match="wanted a table, got a folder"):
        read_delimited(tmp_path, columns=["a"])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="wanted a table, got a named pipe"):
        read_delimited(tmp_path / "pipe", columns=["a"])
