"""Whether a film's file is whole, as far as its container says: FFmpeg plays what is left without a word.

MP4 and MOV are boxes, AVI is RIFF chunks, Matroska one segment and MPEG program streams packets, each of
which states its length. A Matroska file whose recorder was cut off states none, and an MPEG file may be cut
between two packets: of those, a study's manifest knows the size.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from mien.core.errors import DataError

_REMEDY = "copy it again"
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_PACK, _END = 0xBA, 0xB9


def check_container(path: Path, size: int) -> None:
    """Refuse a film that reaches beyond its end; files of other containers pass.

    Parameters
    ----------
    size
        Of the file, in bytes.

    Raises
    ------
    DataError
        If a box, chunk, segment or packet states more bytes than follow, or another begins in between.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if head[4:8] in _BOXES:
            _check_boxes(path, file, size)
        elif head[:4] == b"RIFF":
            _check_riff(path, file, size)
        elif head[:4] == _EBML.to_bytes(4, "big"):
            _check_segment(path, file, size)
        elif head[:4] == b"\x00\x00\x01\xba":
            _check_packets(path, file, size)


def _cut(path: Path, what: str, end: int, size: int) -> DataError:
    return DataError(path, wanted=f"{what} up to byte {end}", got=f"{size} bytes", remedy=_REMEDY)


def _damaged(path: Path, what: str, at: int) -> DataError:
    return DataError(path, wanted=f"{what} in a row", got=f"none at byte {at}", remedy=_REMEDY)


def _check_boxes(path: Path, file: IO[bytes], size: int) -> None:
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            raise _damaged(path, "boxes", at)
        length, least = struct.unpack(">I", head[:4])[0], 8
        if length == 0:
            return  # the last one, up to the end of the file
        if length == 1 and len(head) == 16:
            length, least = struct.unpack(">Q", head[8:])[0], 16
        if length < least:
            raise _damaged(path, "boxes", at)
        at += length
    if at > size:
        raise _cut(path, "boxes", at, size)


def _check_riff(path: Path, file: IO[bytes], size: int) -> None:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF":
            return  # what some programs add behind
        at += 8 + length
        if at > size:
            raise _cut(path, "a chunk", at, size)
        at += length % 2


def _check_segment(path: Path, file: IO[bytes], size: int) -> None:
    at = 0
    while at < size:
        file.seek(at)
        number, name_width = _ebml(file, marked=True)
        length, length_width = _ebml(file, marked=False)
        if number is None or length_width == 0:
            raise _damaged(path, "elements", at)
        if length is None:
            return  # a recorder that did not come to its end left it open
        at += name_width + length_width + length
        if at > size:
            raise _cut(path, "a segment" if number == _SEGMENT else "an element", at, size)


def _ebml(file: IO[bytes], *, marked: bool) -> tuple[int | None, int]:
    """A number that begins with the marker of its length, and its bytes; None where all its bits are set."""
    first = file.read(1)
    if not first or not first[0]:
        return None, 0
    width = 9 - first[0].bit_length()
    rest = file.read(width - 1)
    if len(rest) < width - 1:
        return None, 0
    value = int.from_bytes(first + rest, "big")
    if marked:
        return value, width
    value -= 1 << 7 * width
    return (None if value == (1 << 7 * width) - 1 else value), width


def _check_packets(path: Path, file: IO[bytes], size: int) -> None:
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(14)
        if len(head) < 4 or head[:3] != b"\x00\x00\x01" or head[3] < _END:
            raise _damaged(path, "packets", at)
        if head[3] == _END:
            at += 4
        elif head[3] == _PACK:
            wide = len(head) == 14 and head[4] >> 6 == 1  # MPEG-2, which may be stuffed
            at += 14 + (head[13] & 7) if wide else 12
        else:
            at += 6 + int.from_bytes(head[4:6], "big") if len(head) >= 6 else 6
    if at > size:
        raise _cut(path, "a packet", at, size)
