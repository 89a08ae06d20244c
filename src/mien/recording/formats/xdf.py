"""XDF, what Lab Streaming Layer records: several streams, each sample with its own time stamp.

The file is a row of chunks, which must fill it to the last byte; a recorder that was cut off leaves a file
that is refused. Stamps are put onto the recorder's clock by the clock offsets in the file, and not smoothed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.recording.opening import AGAIN, file_size, refusing
from mien.recording.recording import Event, distinct_names

_WANTED = "an XDF recording"
_HEADER, _STREAM, _SAMPLES = 1, 2, 3
_SIZES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8, "string": 1}
_LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
_MOST_TEXT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class StampedStream:
    """One stream with a time for every sample.

    `rate_hz` is the stated rate, 0 where samples come irregularly; `stamps_s` has shape (n_samples,), seconds
    on the recorder's clock; `values` has shape (n_samples, n_channels). A stream of texts has no channels and
    no values but `events`, one per text.
    """

    name: str
    kind: str
    rate_hz: float
    stamps_s: NDArray[np.float64]
    values: NDArray[np.float64]
    channel_names: tuple[str, ...]
    units: tuple[str, ...]
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class _Chunk:
    tag: int
    start: int
    size: int


def read_xdf(path: Path, *, synchronize: bool = True) -> list[StampedStream]:
    """The streams in the file's order.

    Parameters
    ----------
    synchronize
        Whether stamps of streams from other computers are put onto the recorder's clock.

    Raises
    ------
    DataError
        If the file is no XDF, packed, ends inside a chunk, or a chunk contradicts its stream's header.
    """
    size = file_size(path, _WANTED)
    with refusing(path, _WANTED, loggers=("pyxdf.pyxdf", "pyxdf")):
        counts = _checked_counts(path, size)
        import pyxdf

        streams, _ = pyxdf.load_xdf(str(path), synchronize_clocks=synchronize, dejitter_timestamps=False)
        found = [_stream(stream) for stream in streams]
        read = {int(s["info"]["stream_id"]): f.stamps_s.size for s, f in zip(streams, found, strict=True)}
        if read != counts:
            got = f"{sum(read.values())}"
            raise DataError(path, wanted=f"{sum(counts.values())} samples", got=got, remedy=AGAIN)
        return found


def _stream(stream: dict[str, Any]) -> StampedStream:
    info = stream["info"]
    stamps = np.asarray(stream["time_stamps"], dtype=np.float64)
    name, kind, rate = _text(info, "name"), _text(info, "type"), float(_text(info, "nominal_srate") or 0)
    if _text(info, "channel_format") == "string":
        texts = [" ".join(str(part) for part in row) for row in stream["time_series"]]
        events = tuple(Event(float(at), text) for at, text in zip(stamps, texts, strict=True))
        return StampedStream(name, kind, rate, stamps, np.zeros((stamps.size, 0)), (), (), events)
    values = np.asarray(stream["time_series"], dtype=np.float64)
    names, units = _channels(info, values.shape[1])
    return StampedStream(name, kind, rate, stamps, values, names, units)


def _text(info: Any, field: str) -> str:
    """A field of the header, whose values are lists of one text."""
    value = info.get(field) if hasattr(info, "get") else None
    return str(value[0] or "").strip() if isinstance(value, list) and value else ""


def _channels(info: Any, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Labels and units in the description; `channel 1`, `channel 2`... and n/a where there are none."""
    rows: Any = info
    for field in ("desc", "channels"):
        value = rows.get(field) if hasattr(rows, "get") else None
        rows = value[0] if isinstance(value, list) and value else None
    rows = rows.get("channel", []) if hasattr(rows, "get") else []
    if len(rows) != count:
        rows = [{}] * count
    names = [_text(row, "label") or f"channel {number}" for number, row in enumerate(rows, start=1)]
    return tuple(distinct_names(names)), tuple(_text(row, "unit") or "n/a" for row in rows)


def _checked_counts(path: Path, size: int) -> dict[int, int]:
    """The number of samples of every stream, from a walk over all chunks."""
    shapes: dict[int, tuple[int, int, bool]] = {}  # channels, bytes per value, whether text
    counts: dict[int, int] = {}
    with open(path, "rb") as file:
        for chunk in _chunks(path, file, size):
            if chunk.tag in (_HEADER, _STREAM) and chunk.size > _MOST_TEXT:
                raise DataError(path, wanted="headers of at most 64 MiB", got=chunk.size, remedy=AGAIN)
            if chunk.tag == _STREAM:
                number, text = struct.unpack("<I", file.read(4))[0], file.read(chunk.size - 4)
                shapes[number], counts[number] = _shape(path, text), 0
            elif chunk.tag == _SAMPLES:
                number = struct.unpack("<I", file.read(4))[0]
                if number not in shapes:
                    raise DataError(path, wanted="a header of every stream", got=number, remedy=AGAIN)
                counts[number] += _count(path, file, chunk, shapes[number])
    if not shapes:
        raise DataError(path, wanted="at least one stream", got="none", remedy=AGAIN)
    return counts


def _chunks(path: Path, file: IO[bytes], size: int) -> Iterator[_Chunk]:
    if file.read(4) != b"XDF:":
        raise DataError(path, wanted=_WANTED, got="no XDF file", remedy=AGAIN)
    at = 4
    while at < size:
        file.seek(at)
        length = _length(path, file)
        start = file.tell()
        if length < 2 or start + length > size:
            raise DataError(path, wanted="whole chunks", got=f"a cut one at byte {at}", remedy=AGAIN)
        tag = struct.unpack("<H", file.read(2))[0]
        yield _Chunk(tag, start + 2, length - 2)
        at = start + length


def _length(path: Path, file: IO[bytes]) -> int:
    """A number that is preceded by the number of its bytes."""
    width = file.read(1)
    form = _LENGTHS.get(width[0]) if width else None
    text = file.read(width[0]) if form else b""
    if form is None or len(text) != width[0]:
        raise DataError(path, wanted="a length", got=f"damage at byte {file.tell()}", remedy=AGAIN)
    return int(struct.unpack(form, text)[0])


def _shape(path: Path, text: bytes) -> tuple[int, int, bool]:
    from defusedxml.ElementTree import fromstring

    header = fromstring(text)
    form, count = header.findtext("channel_format", ""), int(header.findtext("channel_count", "0"))
    rate = float(header.findtext("nominal_srate", "0"))
    if form not in _SIZES or not 0 < count < 1_000_000 or not 0 <= rate < 1e9:
        got = f"{count} channels of {form or 'no format'} at {rate:g} Hz"
        raise DataError(path, wanted="channels of a known format and a rate", got=got, remedy=AGAIN)
    return count, _SIZES[form], form == "string"


def _count(path: Path, file: IO[bytes], chunk: _Chunk, shape: tuple[int, int, bool]) -> int:
    """The number of samples that a chunk states, once they fill it to its end."""
    channels, width, is_text = shape
    count = _length(path, file)
    content = file.read(chunk.start + chunk.size - file.tell())
    least = count * (1 + channels * width)  # a sample without a stamp, a text without letters
    if least <= len(content):
        end = _end_of_texts(content, count, channels) if is_text else _end(content, count, channels * width)
        if end == len(content):
            return count
    got = f"{len(content)} bytes for others"
    raise DataError(path, wanted=f"{count} samples in a chunk", got=got, remedy=AGAIN)


def _end(content: bytes, count: int, width: int) -> int:
    """Where the last of `count` samples ends, -1 where one is damaged; each may begin with a stamp."""
    if len(content) == count * (9 + width):
        rows = np.frombuffer(content, dtype=np.uint8).reshape(count, 9 + width)
        return len(content) if bool((rows[:, 0] == 8).all()) else -1
    at = 0
    for _ in range(count):
        if at >= len(content) or content[at] not in (0, 8):
            return -1
        at += 1 + content[at] + width
    return at


def _end_of_texts(content: bytes, count: int, channels: int) -> int:
    at = 0
    for _ in range(count):
        if at >= len(content) or content[at] not in (0, 8):
            return -1
        at += 1 + content[at]
        for _ in range(channels):
            form = _LENGTHS.get(content[at]) if at < len(content) else None
            if form is None or at + 1 + content[at] > len(content):
                return -1
            at += 1 + content[at] + int(struct.unpack_from(form, content, at + 1)[0])
    return at
