"""Eight kinds of damage to a file's bytes; equal seeds give equal damage."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import numpy as np

HEAD = 2048  # bytes among which headers are looked for
_INTEGERS = (0, 1, -1, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**15, 2**16 - 1, 255)
_REALS = (0.0, -1.0, 1e300, 1e-300, float("nan"), float("inf"), 1e9)
_WORDS = (
    b"", b"0", b"-1", b"2147483648", b"4294967295", b"99999999999999999999", b"1e308", b"nan", b"-inf",
    b"x", b"\x00", b"\xff\xfe", b"0.0000001",
)  # fmt: skip


def _place(rng: np.random.Generator, size: int) -> int:
    """A place in the file, every second time one near its beginning, where headers are."""
    return int(rng.integers(0, max(1, min(size, HEAD) if rng.random() < 0.5 else size)))


def _span(rng: np.random.Generator, old: bytes) -> tuple[int, int]:
    start = _place(rng, len(old))
    return start, min(len(old), start + int(2 ** rng.uniform(0, np.log2(len(old) / 4 + 2))))


def flip_bits(old: bytes, rng: np.random.Generator) -> bytes:
    new = bytearray(old)
    for _ in range(int(rng.integers(1, 9))):
        new[_place(rng, len(old))] ^= 1 << int(rng.integers(8))
    return bytes(new)


def zero_run(old: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(rng, old)
    return old[:start] + bytes(end - start) + old[end:]


def truncate(old: bytes, rng: np.random.Generator) -> bytes:
    return old[: int(rng.integers(0, len(old)))]


def duplicate_chunk(old: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(rng, old)
    return old[:end] + old[start:end] + old[end:]


def delete_chunk(old: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(rng, old)
    return old[:start] + old[end:]


def insert_noise(old: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(rng, old)
    return old[:start] + rng.bytes(end - start) + old[start:]


def swap_blocks(old: bytes, rng: np.random.Generator) -> bytes:
    size = max(1, min(int(2 ** rng.uniform(0, 10)), len(old) // 3))
    first = int(rng.integers(0, max(1, len(old) - 2 * size)))
    second = int(rng.integers(first + size, max(first + size + 1, len(old) - size + 1)))
    a, b = old[first : first + size], old[second : second + size]
    return old[:first] + b + old[first + size : second] + a + old[second + size :]


def edit_field(old: bytes, rng: np.random.Generator) -> bytes:
    """A number in the file's text, or a number of 2, 4 or 8 bytes near its beginning, set to an extreme."""
    numbers = list(re.finditer(rb"(?<![\w.])-?\d+(?:\.\d+)?", old[: 4 * HEAD]))
    if numbers and rng.random() < 0.6:
        found = numbers[int(rng.integers(len(numbers)))]
        word = _WORDS[int(rng.integers(len(_WORDS)))]
        if rng.random() < 0.5:  # fields of fixed width
            width = found.end() - found.start()
            word = word[:width].ljust(width)
        return old[: found.start()] + word + old[found.end() :]
    at = int(rng.integers(0, max(1, min(len(old), HEAD) - 8)))
    at -= at % (1, 2, 4)[int(rng.integers(3))]
    order = "<>"[int(rng.integers(2))]
    if rng.random() < 0.3:
        kind = "fd"[int(rng.integers(2))]
        value = _REALS[int(rng.integers(len(_REALS)))]
        text = struct.pack(order + kind, value if kind == "d" or abs(value) < 1e38 else float("inf"))
    else:
        width = (2, 4, 8)[int(rng.integers(3))]
        value = _INTEGERS[int(rng.integers(len(_INTEGERS)))] % 2 ** (8 * width)
        text = value.to_bytes(width, "little" if order == "<" else "big")
    return old[:at] + text + old[at + len(text) :]


KINDS: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "flipped bits": flip_bits,
    "zeros": zero_run,
    "cut": truncate,
    "repeated": duplicate_chunk,
    "left out": delete_chunk,
    "noise": insert_noise,
    "field": edit_field,
    "swapped": swap_blocks,
}
