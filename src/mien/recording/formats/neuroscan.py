"""Neuroscan's continuous files (.cnt, `Version 3.0`), with samples of 16 or 32 bits.

The file does not say reliably how wide its samples are, and the wrong width gives numbers that look like a
recording. So a width must fit the sizes in the header, give amplitudes of a living head (a median channel
SD of 0.1 to 5000 uV), and not be the other width in disguise. ANT's files have the same ending.

Events stand in a table behind the samples. Tables of type 1 and 2 store an event's place in the file, those
of type 3 (files above 1 GB) the number of its sample; MNE takes the header off both, which puts events of
type 3 too early by (900 + 75 channels) bytes of samples, 23 ms for 66 channels of 32 bits at 1000 Hz (see
sccn/eeglab issue 9). Here they are read from the table, so that both kinds mean the same sample.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.recording.opening import AGAIN, file_size, first_bytes, refusing

if TYPE_CHECKING:
    import mne

SampleFormat = Literal["int16", "int32"]
WIDTHS: dict[SampleFormat, int] = {"int16": 2, "int32": 4}
_WANTED = "a Neuroscan recording"
_SETUP, _PER_CHANNEL = 900, 75  # bytes of the header
_LOWEST_UV, _HIGHEST_UV = 0.1, 5000.0
_JUDGED = 20_000  # samples whose amplitude is judged
_UPPER_HALVES = 256  # the upper half of a 24-bit number in 32 bits lies within this
_TABLE_HEAD = 9  # bytes before the rows of the table of events
_ROW = [("code", "<u2"), ("key", "u1"), ("pad", "u1"), ("place", "<u4")]
_ROWS = {1: np.dtype(_ROW), 2: np.dtype([*_ROW, ("rest", "V11")]), 3: np.dtype([*_ROW, ("rest", "V11")])}
_REJECTED, _ACCEPTED = 0xC, 0xD  # where a bad span begins and ends, in the upper half of `pad`


@dataclass(frozen=True, slots=True)
class _Header:
    n_channels: int
    rate_hz: int
    stated_samples: int
    data_start: int
    n_bytes: int  # of samples
    events_start: int


def read_cnt(path: Path, *, sample_format: SampleFormat | None = None) -> mne.io.BaseRaw:
    """The recording as MNE's Raw, samples in volts and not yet in memory; triggers are its annotations.

    Parameters
    ----------
    path
        The file. MNE numbers channels of the same name (`x-0`, `x-1`).
    sample_format
        "int16" or "int32" where the file leaves it open; refused where it contradicts the file.

    Raises
    ------
    DataError
        If it is ANT's, no such recording, ends too early, or no width or both give a plausible recording.
    OptionError
        If `sample_format` is another word.
    """
    if sample_format is not None and sample_format not in WIDTHS:
        raise OptionError(
            "sample_format", wanted=" or ".join(WIDTHS), got=repr(sample_format), remedy="choose one of them"
        )
    header = _header(path, file_size(path, _WANTED))
    with refusing(path, _WANTED, private=True):
        if sample_format is not None:
            raw, median_uv = _opened(path, header, sample_format)
            if not _is_plausible(path, header, sample_format, median_uv):
                raise _implausible(path, header, {sample_format: median_uv})
        else:
            raw, sample_format = _inferred(path, header)
        _check_events(path, header, raw, sample_format)
        return raw


def _header(path: Path, size: int) -> _Header:
    start = first_bytes(path, _SETUP)
    if start.startswith(b"RIFF"):
        raise DataError(path, wanted=_WANTED, got="one of ANT", remedy="convert it, or read it with antio")
    if not start.startswith(b"Version 3.") or len(start) < _SETUP:
        raise DataError(path, wanted=_WANTED, got="no whole header of one", remedy=AGAIN)
    n_channels, rate_hz = struct.unpack_from("<H", start, 370)[0], struct.unpack_from("<H", start, 376)[0]
    stated, events = struct.unpack_from("<i", start, 864)[0], struct.unpack_from("<I", start, 886)[0]
    data_start = _SETUP + _PER_CHANNEL * n_channels
    if not (n_channels and rate_hz and data_start < events <= size - 9):
        got = f"{n_channels} channels, {rate_hz} Hz, events at byte {events} of {size}"
        raise DataError(path, wanted="channels, a rate and events behind the samples", got=got, remedy=AGAIN)
    with open(path, "rb") as file:
        file.seek(events)
        kind, table = struct.unpack("<Bi", file.read(5))
    if kind not in _ROWS or not 0 <= table <= size - events - 9 or table % _ROWS[kind].itemsize:
        got = f"type {kind} with {table} bytes"
        raise DataError(path, wanted="a whole table of events", got=got, remedy=AGAIN)
    return _Header(n_channels, rate_hz, stated, data_start, events - data_start, events)


def _fitting(header: _Header) -> list[SampleFormat]:
    """Widths of which the data holds whole samples; the one that gives the stated number stands alone."""
    fitting: list[SampleFormat] = [
        name for name, width in WIDTHS.items() if header.n_bytes % (width * header.n_channels) == 0
    ]
    exact = [n for n in fitting if header.stated_samples * WIDTHS[n] * header.n_channels == header.n_bytes]
    return exact or fitting


def _inferred(path: Path, header: _Header) -> tuple[mne.io.BaseRaw, SampleFormat]:
    opened = {name: _opened(path, header, name) for name in _fitting(header)}
    medians = {name: median_uv for name, (_, median_uv) in opened.items()}
    plausible = [name for name in opened if _is_plausible(path, header, name, medians[name])]
    if len(plausible) != 1:
        raise _implausible(path, header, medians)
    return opened[plausible[0]][0], plausible[0]


def _implausible(path: Path, header: _Header, medians: dict[SampleFormat, float]) -> DataError:
    found = [f"a median SD of {uv:g} uV as {name}" for name, uv in medians.items()]
    return DataError(
        path,
        wanted=f"samples of one width with a median SD of {_LOWEST_UV:g} to {_HIGHEST_UV:g} uV",
        got=" and ".join(found) or f"{header.n_bytes} bytes for {header.n_channels} channels",
        remedy="give the sample_format int16 or int32 that the amplifier wrote, if it is another",
    )


def _opened(path: Path, header: _Header, name: SampleFormat) -> tuple[mne.io.BaseRaw, float]:
    """The recording read with one width, and the median over channels of their SD in microvolts."""
    import inspect

    import mne

    n_samples, rest = divmod(header.n_bytes, WIDTHS[name] * header.n_channels)
    options = {}
    if "recompute_n_samples" in inspect.signature(mne.io.read_raw_cnt).parameters:
        options["recompute_n_samples"] = True  # the header's number is often wrong, see mne issue 12393
    raw = mne.io.read_raw_cnt(path, data_format=name, preload=False, verbose="ERROR", **options)
    if rest or raw.n_times != n_samples or raw.info["nchan"] != header.n_channels:
        got = f"{header.n_bytes} bytes, read as {raw.n_times} samples"
        raise DataError(path, wanted=f"whole {name} samples", got=got, remedy="give another sample_format")
    shown = raw.get_data(stop=min(n_samples, _JUDGED))
    return raw, float(np.median(shown.std(axis=1))) * 1e6


def _is_plausible(path: Path, header: _Header, name: SampleFormat, median_uv: float) -> bool:
    if not _LOWEST_UV <= median_uv <= _HIGHEST_UV:
        return False
    return name != "int16" or not _has_upper_halves(path, header)


def _has_upper_halves(path: Path, header: _Header) -> bool:
    """Whether every second 16-bit word is the small upper half of a 32-bit number, and the others are not."""
    count = min(header.n_bytes // 4, _JUDGED * header.n_channels) * 2
    words = np.fromfile(path, dtype="<i2", count=count, offset=header.data_start).reshape(-1, 2)
    small = (np.abs(words.astype(np.int32)) <= _UPPER_HALVES).mean(axis=0)
    return bool(small[1] > 0.995 and small[0] < 0.8)


def _check_events(path: Path, header: _Header, raw: mne.io.BaseRaw, name: SampleFormat) -> None:
    """Refuse events outside the samples, which MNE drops, and put those of a type 3 table right."""
    with open(path, "rb") as file:
        file.seek(header.events_start)
        kind, length = struct.unpack("<Bi", file.read(5))
        file.seek(header.events_start + _TABLE_HEAD)
        rows = np.frombuffer(file.read(length), dtype=_ROWS[kind])
    places = rows["place"].astype(np.int64)
    if kind != 3:
        places = (places - header.data_start) // (WIDTHS[name] * header.n_channels)
    wrong = (places < 0) | (places > raw.n_times)
    if wrong.any():
        wanted = f"events at samples 0 to {raw.n_times}"
        raise DataError(path, wanted=wanted, got=int(places[int(np.argmax(wrong))]), remedy=AGAIN)
    if kind == 3 and places.size:
        raw.set_annotations(_annotations(rows, np.maximum(places - 1, 0) / header.rate_hz))


def _annotations(rows: NDArray[Any], onsets_s: NDArray[np.float64]) -> mne.Annotations:
    """Events as MNE words them; a rejected span lasts until it is accepted again, or has no duration."""
    import mne

    marks = rows["pad"] >> 4
    ends = onsets_s[marks == _ACCEPTED]
    kept = mne.Annotations([], [], [])
    for row, mark, onset_s in zip(rows, marks, onsets_s, strict=True):
        if mark == _ACCEPTED:
            continue
        pad = int(row["pad"]) & 0xF
        text = f"KeyPad Response {pad}" if pad else f"Keyboard Response {row['key']}"
        text = text if pad or row["key"] else str(row["code"])
        later = ends[ends > onset_s] if mark == _REJECTED else ends[:0]
        duration_s = float(later[0] - onset_s) if later.size else 0.0
        kept.append(onset_s, duration_s, f"BAD_{text}" if mark == _REJECTED else text)
    return kept
