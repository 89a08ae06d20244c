"""Exported tables: columns of numbers, a rate only where times with a unit state one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.recording.formats import read_table
from mien.recording.inspect import inspect_file


def table(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(("end", "mark"), [("\n", ""), ("\r\n", "\ufeff")])
def test_columns_and_gaps(tmp_path: Path, separator: str, end: str, mark: str) -> None:
    rows = [["time_s", "ECG", "EDA"], ["0", "1.5", "2"], ["0.5", "-2e-3", ""], ["1.0", "NaN", " 4 "]]
    found = read_table(table(tmp_path, mark + end.join(separator.join(row) for row in rows) + end))
    assert found.names == ("ECG", "EDA")
    assert np.array_equal(found.values, [[1.5, -2e-3, np.nan], [2, np.nan, 4]], equal_nan=True)
    assert found.rate_hz == 2.0


def test_blank_lines(tmp_path: Path) -> None:
    assert read_table(table(tmp_path, "a,b\n1,2\n\n3,4\n\n")).values.tolist() == [[1, 3], [2, 4]]
    gap = read_table(table(tmp_path, "a\n1\n\n3\n")).values  # of one column: a missing number
    assert np.array_equal(gap, [[1, np.nan, 3]], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "times", "rate"),
    [
        ("time_s", "0 0.01 0.02", 100.0),
        ("Time (ms)", "0 4 8", 250.0),
        ("timestamp [s]", "5 6 7", 1.0),
        ("seconds", "0 1 3", None),  # not even
        ("time", "0 1 2", None),  # of what?
        ("frame", "0 1 2", None),
        ("Systems", "0 1 2", None),
    ],
)
def test_a_rate_is_never_guessed(tmp_path: Path, name: str, times: str, rate: float | None) -> None:
    path = table(tmp_path, "\n".join([f"{name},ECG", *(f"{t},7" for t in times.split())]))
    found = inspect_file(path)
    assert found.format == "table"
    assert [c.unit for c in found.channels] == ["n/a"] * len(found.channels)
    assert all(c.rate_hz == rate if rate else np.isnan(c.rate_hz) for c in found.channels)
    states_times = name not in ("time", "frame", "Systems")
    assert np.isnan(found.duration_s) == (not states_times)
    assert [c.name for c in found.channels] == ["ECG"] if states_times else [name, "ECG"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1,2\n3,4\n", "line of names, got '1' in the first line"),
        ("a,b\n", "no row below"),
        ("a,b\n1,2\n3\n", "rows of 2 numbers"),
        ("a,b\n1,sad\n", "sad"),
        ("a,b\n1,inf\n", "column b: wanted finite numbers"),
        ("a,a\n1,2\n", "a different name"),
        ("a,\n1,2\n", "a different name"),
        ("time_s,b\n1,2\n1,3\n", "row 3, column time_s: wanted times that increase, got 1"),
        ("time_s,b\n1,2\n,3\n", "row 3, column time_s"),
        (b"a,\xff\n1,2\n", "in UTF-8"),
        ('a,"b\n1,2\n', "wanted a table"),
        ("x" * (1 << 20), "more than 1 MiB"),
    ],
)
def test_what_is_no_table_of_numbers(tmp_path: Path, text: str | bytes, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read_table(table(tmp_path, text))


def test_real_tables(shared_data: Path) -> None:
    folder = shared_data / "physio"
    found = inspect_file(folder / "neurokit_csv" / "bio_eventrelated_100hz.csv")
    assert [c.name for c in found.channels] == ["ECG", "EDA", "Photosensor", "RSP"]
    assert {c.n_samples for c in found.channels} == {15_000}
    assert np.isnan(found.duration_s)
    with pytest.raises(DataError, match="line of names"):
        inspect_file(folder / "flirt_wearable" / "empatica" / "EDA.csv")
