"""MATLAB 5 files, checked from the first to the last element before a library reserves memory for one.

Every element must lie inside the file, hold as many values as its shape says, and unpack to no more than
`MOST_BYTES`. Files of version 7.3 are HDF5, another format, and refused.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import DataError
from mien.recording.opening import file_size, first_bytes

MOST_BYTES = 1024 * 1024 * 1024
_PIECE = 1 << 16  # deflate makes at most a thousand times as much of it
_COMPRESSED, _MATRIX = 15, 14
_INT8, _INT32, _UINT32, _UTF8 = 1, 5, 6, 16
_CELL, _STRUCT, _CHAR, _NUMBERS = 1, 2, 4, range(6, 16)
_LOGICAL, _GLOBAL, _COMPLEX = 0x200, 0x400, 0x800
_STORED = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}  # type of element: bytes
_LETTERS = {1: 1, 2: 1, 4: 2, 16: 1, 17: 2, 18: 4}
_MOST_SIDES, _LONGEST_NAME = 16, 63
_REMEDY = "save it again in MATLAB's format 7 or 6"
_DEEPEST = 12


class _DamageError(Exception):
    """What is wrong inside the file."""


@dataclass(frozen=True, slots=True)
class _Element:
    kind: int
    start: int
    end: int
    after: int  # where the next element begins


def check_matlab(path: Path, wanted: str) -> None:
    """Refuse what is no whole MATLAB 5 file.

    Raises
    ------
    DataError
        If it is of another version, ends too early, contradicts itself, or unpacks to more than 1 GiB.
    """
    size = file_size(path, wanted, most=MOST_BYTES)
    head = first_bytes(path, 128)
    if head[1:4] == b"HDF" or b"MATLAB 7.3" in head[:20]:
        raise DataError(path, wanted=f"{wanted} in MATLAB's format 7 or 6", got="format 7.3", remedy=_REMEDY)
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if not head.startswith(b"MATLAB 5.0 MAT-file") or order is None or size < 136:
        raise DataError(path, wanted=wanted, got="no MATLAB 5 file", remedy=_REMEDY)
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _walk(content, 128, size, order)
    except (_DamageError, zlib.error, struct.error, RecursionError, MemoryError) as error:
        raise DataError(path, wanted=wanted, got=f"damage ({error})", remedy=_REMEDY) from error


def _walk(content: mmap.mmap, at: int, end: int, order: str) -> None:
    left = MOST_BYTES
    while at < end:
        kind, size = struct.unpack_from(order + "II", content, at)
        if at + 8 + size > end:
            raise _DamageError("an end before its data")
        if kind == _COMPRESSED:
            unpacked = _unpacked(content[at + 8 : at + 8 + size], left)
            left -= len(unpacked)
            element = _element(unpacked, 0, len(unpacked), order)
            _check(unpacked, element, order, 0)
            at += 8 + size
        else:
            element = _element(content, at, end, order)
            _check(content, element, order, 0)
            at = element.after


def _unpacked(packed: bytes, most: int) -> bytes:
    _check_unpacked_size(packed, most)
    return zlib.decompress(packed)


def _check_unpacked_size(packed: bytes, most: int) -> None:
    """Unpack piece by piece and keep nothing, so that a bomb costs no memory."""
    unpacker, size = zlib.decompressobj(), 0
    for at in range(0, len(packed), _PIECE):
        size += len(unpacker.decompress(packed[at : at + _PIECE]))
        if size > most:
            raise _DamageError(f"more than {MOST_BYTES} bytes when unpacked")
    if not unpacker.eof:
        raise _DamageError("an end before its data")


def _element(content: bytes | mmap.mmap, at: int, end: int, order: str) -> _Element:
    if at + 8 > end:
        raise _DamageError("an end inside an element")
    kind, size = struct.unpack_from(order + "II", content, at)
    if kind >> 16:  # a short one: up to four bytes beside its type
        small = kind >> 16
        if small > 4:
            raise _DamageError("a short element that is too long")
        return _Element(kind & 0xFFFF, at + 4, at + 4 + small, at + 8)
    start = at + 8
    if start + size > end:
        raise _DamageError("an element beyond the end")
    return _Element(kind, start, start + size, min(end, start + size + (-size) % 8))


def _check(content: bytes | mmap.mmap, element: _Element, order: str, depth: int) -> None:
    """Check one matrix and the matrices inside it."""
    if element.kind != _MATRIX:
        raise _DamageError(f"an element of type {element.kind} in place of a matrix")
    if element.start == element.end:
        return  # an empty matrix inside a cell or structure
    if depth > _DEEPEST:
        raise _DamageError("matrices inside one another without end")
    flags = _element(content, element.start, element.end, order)
    shape = _element(content, flags.after, element.end, order)
    name = _element(content, shape.after, element.end, order)
    n_bytes = shape.end - shape.start
    if (flags.kind, shape.kind, name.kind) != (_UINT32, _INT32, _INT8) or flags.end - flags.start != 8:
        raise _DamageError("a matrix without flags, shape and name")
    if n_bytes % 4 or not 8 <= n_bytes <= 4 * _MOST_SIDES or name.end - name.start > _LONGEST_NAME:
        raise _DamageError("a matrix of impossible shape or name")
    word = struct.unpack_from(order + "I", content, flags.start)[0]
    kind = word & 0xFF
    if word & ~(0xFF | _LOGICAL | _GLOBAL | _COMPLEX) or (word & _COMPLEX and kind not in _NUMBERS):
        raise _DamageError(f"impossible flags {word:#x}")
    sides = struct.unpack_from(f"{order}{(shape.end - shape.start) // 4}i", content, shape.start)
    if min(sides) < 0:
        raise _DamageError(f"a matrix of shape {sides}")
    at, count = name.after, math.prod(sides)
    if kind in (_CELL, _STRUCT):
        at, fields = _fields(content, at, element.end, order, kind)
        _check_inner(content, at, element.end, order, (count * fields, depth + 1))
    elif kind == _CHAR or kind in _NUMBERS:
        at = _check_values(content, at, element.end, order, (count, kind))
        if word & _COMPLEX:
            _check_values(content, at, element.end, order, (count, kind))
    else:
        raise _DamageError(f"a matrix of class {kind}, neither numbers, text, cells nor structures")


def _fields(content: bytes | mmap.mmap, at: int, end: int, order: str, kind: int) -> tuple[int, int]:
    """Where the matrices of a cell or structure begin, and how many each entry has."""
    if kind == _CELL:
        return at, 1
    length = _element(content, at, end, order)
    names = _element(content, length.after, end, order)
    if length.kind != _INT32 or names.kind != _INT8 or length.end - length.start != 4:
        raise _DamageError("a structure without names")
    width = struct.unpack_from(order + "i", content, length.start)[0]
    if not 1 <= width <= _LONGEST_NAME + 1 or (names.end - names.start) % width:
        raise _DamageError("a structure without names")
    return names.after, (names.end - names.start) // width


def _check_inner(
    content: bytes | mmap.mmap, at: int, end: int, order: str, count_and_depth: tuple[int, int]
) -> None:
    count, depth = count_and_depth
    if count * 8 > end - at:
        raise _DamageError(f"{count} entries in {end - at} bytes")
    for _ in range(count):
        inner = _element(content, at, end, order)
        _check(content, inner, order, depth)
        at = inner.after


def _check_values(
    content: bytes | mmap.mmap, at: int, end: int, order: str, count_and_kind: tuple[int, int]
) -> int:
    """Check the numbers or letters of a matrix, and return where they end."""
    count, kind = count_and_kind
    values = _element(content, at, end, order)
    if values.kind not in (_LETTERS if kind == _CHAR else _STORED):
        raise _DamageError(f"values of unknown type {values.kind}")
    held, rest = divmod(values.end - values.start, _STORED.get(values.kind) or _LETTERS[values.kind])
    encoded = values.kind == _UTF8  # whose letters may take several bytes
    if rest or (held < count if encoded else held != count):
        raise _DamageError(f"{held} values for a shape of {count}")
    return values.after
