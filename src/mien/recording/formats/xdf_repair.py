"""An XDF file whose recorder was killed, made whole: its whole chunks, and footers for its streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.recording.formats.xdf_chunks import (
    DTYPES,
    FOOTER,
    LENGTHS,
    OFFSET,
    SAMPLES,
    STREAM,
    StreamTally,
    footers,
    stated_stream,
)
from mien.recording.opening import file_size
from mien.recording.whole_file import whole_file


def repair_xdf(path: Path, to: Path) -> int:
    """The number of bytes left out of a recording that was cut off; `to` holds all of it up to there.

    Every whole chunk is kept as it is, and streams that were not closed get their footers. A whole file is
    copied.

    Parameters
    ----------
    path
        The file that a killed recorder left; it is not changed.
    to
        The new file; may be `path` itself.

    Raises
    ------
    DataError
        If the file is no XDF or was cut off before its first stream began.
    """
    size = file_size(path, "an XDF recording")
    streams: dict[int, StreamTally] = {}
    closed: set[int] = set()
    end = 4
    with open(path, "rb") as file, whole_file(to) as unfinished, open(unfinished, "wb") as mended:
        if file.read(4) != b"XDF:":
            raise DataError(path, wanted="an XDF recording", got="no XDF file", remedy="check the path")
        mended.write(b"XDF:")
        for tag, content, whole in _whole_chunks(file, size):
            try:
                _note(path, tag, content, streams, closed)
            except (ValueError, KeyError, struct.error, IndexError, OptionError):
                break  # the end of a disk that lost power may hold anything
            mended.write(whole)
            end += len(whole)
        if not streams:
            got = "one cut off before its first stream"
            raise DataError(path, wanted="an XDF recording", got=got, remedy="record it again")
        mended.write(footers({number: s for number, s in streams.items() if number not in closed}))
    return size - end


def _whole_chunks(file: IO[bytes], size: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, content and all bytes of every chunk up to the first that is not whole."""
    while True:
        width = file.read(1)
        form = LENGTHS.get(width[0]) if width else None
        text = file.read(width[0]) if form else b""
        if form is None or len(text) != width[0]:
            return
        length = struct.unpack(form, text)[0]
        if length < 2 or file.tell() + length > size:
            return
        body = file.read(length)
        yield struct.unpack("<H", body[:2])[0], body[2:], width + text + body


def _note(path: Path, tag: int, content: bytes, streams: dict[int, StreamTally], closed: set[int]) -> None:
    """What a chunk adds to its stream's footer; raises where it is damaged."""
    if tag == STREAM:
        number = struct.unpack("<I", content[:4])[0]
        streams[number] = stated_stream(path, content[4:].decode())
    elif tag == FOOTER:
        closed.add(struct.unpack("<I", content[:4])[0])
    elif tag == OFFSET:
        number, at, offset = struct.unpack("<Idd", content)
        streams[number].offsets.append((at, offset))
    elif tag == SAMPLES:
        stream = streams[struct.unpack("<I", content[:4])[0]]
        stream.saw(list(_stamps(content, stream)))


def _stamps(content: bytes, stream: StreamTally) -> Iterator[float]:
    """The stamps of a chunk of samples; the one before where a sample has none."""
    count = struct.unpack_from(LENGTHS[content[4]], content, 5)[0]
    at, last = 5 + content[4], stream.last_s
    width = 0 if stream.value_format == "string" else np.dtype(DTYPES[stream.value_format]).itemsize
    for _ in range(count):
        if content[at] == 8:
            last = struct.unpack_from("<d", content, at + 1)[0]
        at += 1 + content[at] + width * stream.n_channels
        for _ in range(0 if width else stream.n_channels):
            at += 1 + content[at] + struct.unpack_from(LENGTHS[content[at]], content, at + 1)[0]
        yield last
    if at != len(content):
        raise ValueError("a chunk of another length")
