"""XDF written: two independent readers get back what was written, also after the recorder was killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mien.core.errors import DataError, OptionError
from mien.recording.formats import XdfStream, XdfWriter, read_xdf, repair_xdf

EEG = XdfStream("caps & <leads>", "EEG", "float32", ("Fz", "Cz"), ("uV", "uV"), 100.0, "cap-1", "lab")
TEXTS = XdfStream("markers", "Markers", "string", ("marker",))


def loaded(path: Path) -> list[dict[str, Any]]:
    streams, _ = pyxdf.load_xdf(str(path), synchronize_clocks=False, dejitter_timestamps=False)
    return streams


def small_file(path: Path, *, close: bool = True) -> list[int]:
    """Three streams in a dozen chunks; returns where every chunk ends."""
    writer = XdfWriter(path)
    eeg, texts = writer.add_stream(EEG), writer.add_stream(TEXTS)
    counts = writer.add_stream(XdfStream("counter", "Counter", "int16", ("n",), rate_hz=10.0))
    ends = [writer.n_bytes]
    for part in range(3):
        writer.samples(eeg, [part + 0.1, part + 0.2], [[part, 0.5], [part, -0.5]])
        ends.append(writer.n_bytes)
        writer.samples(texts, [part + 0.15], [[f"clip {part} é"]])
        ends.append(writer.n_bytes)
        writer.clock_offset(eeg, part + 0.3, 0.25)
        ends.append(writer.n_bytes)
    writer.boundary()
    ends.append(writer.n_bytes)
    writer.samples(counts, np.arange(300) / 10, np.arange(300)[:, None] - 150)
    ends.append(writer.n_bytes)
    if close:
        writer.close()
        ends.append(path.stat().st_size)
    return ends


def test_pyxdf_reads_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "streams.xdf"
    small_file(path)
    eeg, texts, counts = loaded(path)
    assert eeg["info"]["name"] == ["caps & <leads>"]
    assert eeg["info"]["source_id"] == ["cap-1"]
    assert [c["label"][0] for c in eeg["info"]["desc"][0]["channels"][0]["channel"]] == ["Fz", "Cz"]
    assert eeg["time_stamps"].tolist() == [0.1, 0.2, 1.1, 1.2, 2.1, 2.2]
    assert eeg["time_series"].dtype == np.float32
    assert eeg["time_series"].tolist() == [[p, v] for p in range(3) for v in (0.5, -0.5)]
    assert texts["time_series"] == [["clip 0 é"], ["clip 1 é"], ["clip 2 é"]]
    assert counts["time_series"][:, 0].tolist() == list(range(-150, 150))
    assert eeg["clock_values"] == [0.25, 0.25, 0.25]
    assert eeg["clock_times"] == pytest.approx([0.05, 1.05, 2.05])  # on the sender's clock
    assert eeg["footer"]["info"]["sample_count"] == ["6"]
    assert float(counts["footer"]["info"]["last_timestamp"][0]) == 29.9


def test_our_reader_puts_stamps_onto_the_recorders_clock(tmp_path: Path) -> None:
    small_file(tmp_path / "streams.xdf")
    eeg, texts, counts = read_xdf(tmp_path / "streams.xdf")
    assert eeg.stamps_s == pytest.approx(np.array([0.1, 0.2, 1.1, 1.2, 2.1, 2.2]) + 0.25)
    assert (eeg.name, eeg.kind, eeg.rate_hz) == ("caps & <leads>", "EEG", 100.0)
    assert (eeg.channel_names, eeg.units) == (("Fz", "Cz"), ("uV", "uV"))
    assert [(e.time_s, e.text) for e in texts.events] == [(p + 0.15, f"clip {p} é") for p in range(3)]
    assert counts.values.shape == (300, 1)


VALUES = {"int8": "i1", "int16": "<i2", "int32": "<i4", "int64": "<i8", "float32": "<f4", "double64": "<f8"}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), form=st.sampled_from(sorted(VALUES)))
def test_any_numbers_come_back(data: st.DataObject, form: str, tmp_path_factory: Any) -> None:
    n, channels = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 5))
    values = data.draw(hnp.arrays(VALUES[form], (n, channels)))
    stamps = data.draw(hnp.arrays("<f8", n, elements=st.floats(-1e9, 1e9)))
    path = tmp_path_factory.mktemp("xdf") / "any.xdf"
    with XdfWriter(path) as writer:
        stream = writer.add_stream(XdfStream("any", "Any", form, ("c",) * channels, rate_hz=10.0))
        for part in np.array_split(np.arange(n), data.draw(st.integers(1, 4))):
            writer.samples(stream, stamps[part], values[part])
    (found,) = loaded(path)
    np.testing.assert_array_equal(found["time_series"], values)
    np.testing.assert_array_equal(found["time_stamps"], stamps)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.text(max_size=400), st.text(max_size=3)), min_size=1, max_size=8),
)
def test_any_texts_come_back(rows: list[tuple[str, str]], tmp_path_factory: Any) -> None:
    rows = [tuple(t.encode(errors="ignore").decode() for t in row) for row in rows]  # type: ignore[misc]
    path = tmp_path_factory.mktemp("xdf") / "any.xdf"
    with XdfWriter(path) as writer:
        stream = writer.add_stream(XdfStream("any", "Any", "string", ("a", "b")))
        writer.samples(stream, np.arange(len(rows)), rows)
    (found,) = loaded(path)
    assert found["time_series"] == [list(row) for row in rows]


def test_a_file_cut_at_any_byte_keeps_its_whole_chunks(tmp_path: Path) -> None:
    whole = tmp_path / "whole.xdf"
    ends = small_file(whole)
    content = whole.read_bytes()
    cut, mended = tmp_path / "cut.xdf", tmp_path / "mended.xdf"
    # At every byte of the last chunks and the first footer's beginning; elsewhere at a few places.
    last = [*range(ends[7], ends[-3] + 40), *range(ends[-2] - 40, ends[-2] + 40)]
    few = (range(ends[0], ends[7], 9), range(ends[-3] + 40, ends[-2] - 40, 97))
    places = [*few[0], *few[1], *last, *range(ends[-2] + 40, len(content), 11)]
    for size in places:
        cut.write_bytes(content[:size])
        left_out = repair_xdf(cut, mended)
        n_whole = sum(end <= size for end in ends) - 1  # chunks after the headers
        kept = max(end for end in ends[:-1] if end <= size)
        assert size - left_out >= kept
        eeg, texts, counts = read_xdf(mended, synchronize=False)
        assert eeg.stamps_s.size == 2 * min(3, (n_whole + 2) // 3)
        assert len(texts.events) == min(3, (n_whole + 1) // 3)
        assert counts.stamps_s.size == (300 if size >= ends[-2] else 0)
    for stream in loaded(mended):
        assert int(stream["footer"]["info"]["sample_count"][0]) == len(stream["time_stamps"])


def test_a_whole_file_is_copied_and_may_be_repaired_in_place(tmp_path: Path) -> None:
    path = tmp_path / "whole.xdf"
    small_file(path)
    was = path.read_bytes()
    assert repair_xdf(path, path) == 0
    assert path.read_bytes() == was
    path.write_bytes(was[:-3] + bytes(50))  # as after a loss of power
    assert repair_xdf(path, path) > 0
    assert [s.stamps_s.size for s in read_xdf(path)] == [6, 3, 300]


def test_what_cannot_be_repaired_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.xdf"
    XdfWriter(path).close()
    with pytest.raises(DataError, match="cut off before its first stream"):
        repair_xdf(path, tmp_path / "to.xdf")
    path.write_bytes(b"RIFF1234")
    with pytest.raises(DataError, match="no XDF file"):
        repair_xdf(path, tmp_path / "to.xdf")
    assert not (tmp_path / "to.xdf").exists()


CHILD = """
import sys
from pathlib import Path
from mien.recording.formats import XdfStream, XdfWriter
writer = XdfWriter(Path(sys.argv[1]))
stream = writer.add_stream(XdfStream("n", "Counter", "int32", ("n",) * 50, rate_hz=100.0))
at = 0
while True:
    writer.samples(stream, [at / 100, (at + 1) / 100], [[at] * 50, [at + 1] * 50])
    at += 2
    if at == 200:
        print("on", flush=True)
"""


def test_a_killed_recorder_leaves_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "killed.xdf"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"on\n"
    time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    repair_xdf(path, path)
    (found,) = read_xdf(path)
    assert found.stamps_s.size >= 200
    assert (found.values[:, 0] == np.arange(found.stamps_s.size)).all()


class FullDisk:
    """A file whose disk takes no more than some bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        part = bytes(data)[: self._room]
        if not part:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._room -= len(part)
        return int(self._file.write(part))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_leaves_a_file_of_whole_chunks(tmp_path: Path) -> None:
    path = tmp_path / "full.xdf"
    writer = XdfWriter(path)
    stream = writer.add_stream(EEG)
    writer._file = FullDisk(writer._file, 100)  # type: ignore[assignment]
    writer.samples(stream, [1.0, 2.0], np.zeros((2, 2)))
    with pytest.raises(DataError, match="no space left on device; free disk space"):
        writer.samples(stream, np.arange(9.0), np.zeros((9, 2)))
    with pytest.raises(DataError, match="begin a new one"):
        writer.samples(stream, [3.0], np.zeros((1, 2)))
    writer.close()
    assert [s.stamps_s.size for s in read_xdf(path)] == [2]


def test_bad_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        stream, texts = writer.add_stream(EEG), writer.add_stream(TEXTS)
        with pytest.raises(OptionError, match=r"shape \(1, 2\)"):
            writer.samples(stream, [1.0], [[1.0, 2.0, 3.0]])
        with pytest.raises(OptionError, match="1 rows of 1 texts"):
            writer.samples(texts, [1.0], [["a", "b"]])
        with pytest.raises(OptionError, match="2 channels of float16"):
            writer.add_stream(XdfStream("x", "X", "float16", ("a", "b")))
        with pytest.raises(OptionError, match="cannot be read"):
            writer.add_stream("<info>")
        writer.samples(stream, [], [])
    with pytest.raises(DataError, match="wanted a new file, got file exists"):
        XdfWriter(path)
    with pytest.raises(DataError, match="check the folder"):
        XdfWriter(tmp_path / "no" / "a.xdf")
    assert [s.stamps_s.size for s in read_xdf(path)] == [0, 0]
