"""Identity of records, and files that are whole or absent."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import DataError, ResultRecord, read_record
from mien.core.records import canonical_json, digest, digest_arrays, to_json, write_atomically

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def record(**changes):
    base = ResultRecord(
        task="recognition", method={"name": "m"}, protocol={"name": "fixed"}, split={"name": "s"}, seed=0,
        dataset={"name": "d"}, participants={"a": None}, samples={"sample_id": ["1"]},
        scores={"uf1": math.nan}, versions={"mien": "0"}, run={"wall_s": 1.0},
    )  # fmt: skip
    return replace(base, **changes)


@given(JSON)
def test_canonical_json_reads_back(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(), max_size=6))
def test_digest_ignores_order(table):
    assert digest(table) == digest(dict(reversed(list(table.items()))))


def test_nan_is_null_and_numpy_is_plain():
    assert to_json({"a": np.float64("nan"), "b": np.arange(2), "c": np.bool_(True)}) == {
        "a": None,
        "b": [0, 1],
        "c": True,
    }
    with pytest.raises(TypeError, match="no JSON form"):
        to_json(object())


def test_array_digest_sees_values_shape_and_type_but_not_byte_order():
    a = np.arange(6, dtype=np.int32)
    assert digest_arrays(a) == digest_arrays(a.astype(">i4"))
    assert (
        len(
            {
                digest_arrays(a),
                digest_arrays(a.reshape(2, 3)),
                digest_arrays(a.astype(np.int64)),
                digest_arrays(a + 1),
            }
        )
        == 4
    )


def test_record_round_trip(tmp_path):
    path = record().write(tmp_path)
    assert read_record(path).content() == record().content()


def test_run_block_is_outside_the_identity():
    assert record(run={"wall_s": 9.0}).identity == record().identity
    assert record(seed=1).identity != record().identity


def test_changed_file_is_found_out(tmp_path):
    path = record().write(tmp_path)
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))
    with pytest.raises(DataError, match="changed after it was written"):
        read_record(path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"record_format": 1}'])
def test_not_a_record(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.json: wanted"):
        read_record(tmp_path / "x.json")


def test_absent_record(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_record(tmp_path / "none.json")


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f"
    write_atomically(path, b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_killed_writer_leaves_a_whole_file(tmp_path):
    """A process that writes in a loop is killed at random moments: the file is always one of its versions."""
    path = tmp_path / "f"
    code = (
        "import sys; from pathlib import Path; from mien.core.records import write_atomically\n"
        "for n in range(10**6): write_atomically(Path(sys.argv[1]), b'%d' % (n % 10) * 200_000)"
    )
    for delay in (0.02, 0.05, 0.11):
        worker = subprocess.Popen([sys.executable, "-c", code, str(path)])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(delay)
        worker.kill()
        worker.wait()
        content = path.read_bytes()
        assert len(content) == 200_000
        assert len(set(content)) == 1
