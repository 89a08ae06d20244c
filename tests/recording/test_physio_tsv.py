"""BIDS physio tables: write, read, and everything that is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.recording.formats import read_physio, write_physio
from mien.recording.formats.physio_tsv import _text

N = 20_000  # more than one block


@pytest.fixture
def signals() -> list[Signal]:
    values = np.random.default_rng(0).standard_normal((2, N)).cumsum(axis=1) * np.array([[0.01], [3.0]])
    values[0, 7] = np.nan
    return [Signal(v, 1000.0, u, n) for v, u, n in zip(values, ("mV", "uS"), ("ecg", "eda"), strict=True)]


@pytest.fixture
def trigger() -> np.ndarray:
    codes = np.zeros(N, dtype=np.int64)
    codes[100:130] = 101
    return codes


def test_write_then_read(tmp_path: Path, signals: list[Signal], trigger: np.ndarray) -> None:
    path = tmp_path / "x_physio.tsv.gz"
    write_physio(path, signals, start_time_s=-1.5, trigger=trigger)
    found = read_physio(path)
    assert [(s.name, s.unit, s.rate_hz, s.start_s) for s in found] == [
        ("ecg", "mV", 1000.0, -1.5),
        ("eda", "uS", 1000.0, -1.5),
        ("trigger", "n/a", 1000.0, -1.5),
    ]
    for was, is_ in zip(signals, found, strict=False):
        assert np.isnan(is_.values).sum() == np.isnan(was.values).sum()
        assert np.nanmax(np.abs(is_.values - was.values)) <= 1e-5 * np.nanmax(np.abs(was.values))
    assert (found[2].values == trigger).all()


def test_pandas_reads_the_same(tmp_path: Path, signals: list[Signal]) -> None:
    path = tmp_path / "x.tsv.gz"
    write_physio(path, signals, start_time_s=0.0)
    table = pd.read_csv(path, sep="\t", header=None, na_values="n/a")
    for column, signal in zip(table, read_physio(path), strict=True):
        np.testing.assert_array_equal(table[column], signal.values)
    assert json.loads((tmp_path / "x.json").read_text())["Columns"] == ["ecg", "eda"]


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=30), st.integers(0, 6))
def test_every_number_is_spelled_as_python_spells_it(values: list[float], digits: int) -> None:
    text = b"".join(_text([np.array(values)], [digits])).decode().splitlines()
    for value, cell in zip(values, text, strict=True):
        if np.isnan(value):
            assert cell == "n/a"
        else:
            expected = np.rint(value * 10.0**digits) / 10.0**digits
            assert cell == f"{expected + 0.0:.{digits}f}"


def test_equal_content_gives_equal_bytes(tmp_path: Path, signals: list[Signal]) -> None:
    for name in ("a.tsv.gz", "b.tsv.gz"):
        write_physio(tmp_path / name, signals, start_time_s=0.0)
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()


def test_wrong_signals(tmp_path: Path, signals: list[Signal], trigger: np.ndarray) -> None:
    path = tmp_path / "x.tsv.gz"
    short = Signal(signals[1].values[:-1], 1000.0, "uS", "eda")
    infinite = Signal(np.array([np.inf] * N), 1000.0, "uS", "eda")
    cases: list[tuple[list[Signal], dict, str]] = [
        ([], {}, "at least one signal"),
        ([signals[0], short], {}, "signals of one rate and length"),
        ([signals[0], signals[0]], {}, "different names"),
        ([signals[0], infinite], {}, "column eda: wanted values below"),
        (signals, {"trigger": trigger[:-1]}, "one whole number per sample"),
        (signals, {"trigger": trigger / 2}, "one whole number per sample"),
        (signals, {"decimals": [3]}, "decimals for each signal"),
    ]
    for given_signals, options, match in cases:
        with pytest.raises(OptionError, match=match):
            write_physio(path, given_signals, start_time_s=0.0, **options)
    with pytest.raises(OptionError, match="ends with"):
        write_physio(tmp_path / "x.tsv", signals, start_time_s=0.0)
    with pytest.raises(OptionError, match="finite start"):
        write_physio(path, signals, start_time_s=float("nan"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"1\t2\n3\n", "rows of 2 numbers"),
        (b"1\t2\t3\n", "rows of 2 numbers"),
        (b"1\t2\n\n3\t4\n", "rows of 2 numbers"),
        (b"1\tx\n", "rows of 2 numbers"),
        (b"1\t\n", "rows of 2 numbers"),
        (b"1\tnan\n", "nan or inf"),
        (b"1\tinf\n", "nan or inf"),
        (b"", "at least one row"),
    ],
)
def test_wrong_tables(tmp_path: Path, text: bytes, match: str) -> None:
    path = tmp_path / "x.tsv.gz"
    path.write_bytes(gzip.compress(text))
    (tmp_path / "x.json").write_text('{"SamplingFrequency": 10, "StartTime": 0, "Columns": ["a", "b"]}')
    with pytest.raises(DataError, match=match):
        read_physio(path)


def test_damaged_files(tmp_path: Path, signals: list[Signal]) -> None:
    path = tmp_path / "x.tsv.gz"
    write_physio(path, signals, start_time_s=0.0)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no gzip"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="wanted a whole gzip file"):
            read_physio(path)
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        read_physio(path)
    for text in ("[]", '{"SamplingFrequency": 0, "StartTime": 0, "Columns": ["a"]}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(DataError, match="wanted SamplingFrequency above 0"):
            read_physio(path)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DataError, match="wanted JSON"):
        read_physio(path)
    (tmp_path / "x.json").unlink()
    with pytest.raises(DataError, match="wanted the description of"):
        read_physio(path)
