"""Fields of a video put together from the parts in a store, of which only those in use are in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import JobError
from mien.core.time import FloatArray
from mien.features.face_fields import BLOCKS, FIELD_HZ, FIELD_SIZE, PATTERNS, Channel, FaceFields
from mien.jobs import Store
from mien.jobs.plan import Output

LARGE = ("displacement", "texture")
"""Arrays of a part that are read when they are needed."""
LONGEST_GAP_S = 0.25
"""Between frames with fields: over a longer one nobody knows what the face did."""
_HELD_PARTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Every frame with a field: when, in which part and row of it, against what, and what may be compared."""

    times_s: FloatArray
    part: NDArray[np.int64]
    row: NDArray[np.int64]
    reference: NDArray[np.int64]
    chain: NDArray[np.int64]
    anchor: NDArray[np.int64]


def join_fields(
    store: Store, keys: Sequence[str], outputs: Sequence[Output], frame_times_s: FloatArray
) -> FaceFields:
    """The fields of a video from its parts' outputs, given without the arrays named in `LARGE`.

    Parameters
    ----------
    keys
        Of the parts' jobs in the store.
    frame_times_s
        Seconds of every frame of the file.
    """
    rows, offsets = _rows(outputs, frame_times_s)
    start, end = (float(frame_times_s[i]) for i in (0, -1))
    grid = start + np.arange(int((end - start) * FIELD_HZ + 1e-6) + 1) / FIELD_HZ
    after = np.clip(np.searchsorted(rows.times_s, grid - 1e-6), 0, max(len(rows.times_s) - 1, 0))
    before = np.maximum(after - 1, 0)
    if len(rows.times_s):
        exact = np.abs(rows.times_s[after] - grid) < 1e-6
        before = np.where(exact, after, before)
    stretch, texture_stretch = (_stretches(rows, grid, before, after, label) for label in ("chain", "anchor"))

    @lru_cache(maxsize=_HELD_PARTS)
    def part(number: int) -> dict[str, Any]:
        found = store.read(keys[number])
        if found is None:
            raise JobError(
                f"part {number + 1} of the video",
                wanted="its fields in the store",
                got="nothing readable",
                remedy="run the same command again",
            )
        return {name: found[name] for name in LARGE}

    def row(channel: Channel, index: int) -> NDArray[np.float32]:
        value = part(int(rows.part[index]))[channel][rows.row[index]].astype(np.float32)
        return value + offsets[int(rows.reference[index])] if channel == "displacement" else value

    def read(channel: Channel, first: int, stop: int) -> NDArray[np.float32]:
        moving = channel == "displacement"
        shape = (2, FIELD_SIZE, FIELD_SIZE) if moving else (BLOCKS**2, PATTERNS)
        found = np.full((max(stop - first, 0), *shape), np.nan, dtype=np.float32)
        known = (stretch if moving else texture_stretch)[first:stop] >= 0
        last: tuple[int, NDArray[np.float32]] = (-1, np.empty(0, np.float32))
        for place in np.flatnonzero(known).tolist():
            a, b, at = int(before[first + place]), int(after[first + place]), grid[first + place]
            low = last[1] if last[0] == a else row(channel, a)
            high = low if b == a else row(channel, b)
            last = (b, high)
            span = rows.times_s[b] - rows.times_s[a]
            share = float((at - rows.times_s[a]) / span) if b > a else 0.0
            if moving:
                found[place] = low + np.float32(share) * (high - low)
            else:  # counts between two frames would be smoother than any frame's
                found[place] = high if share > 0.5 else low
        return found

    return FaceFields(grid, stretch, texture_stretch, read)


def _rows(
    outputs: Sequence[Output], frame_times_s: FloatArray
) -> tuple[_Rows, dict[int, NDArray[np.float32]]]:
    """All rows in order of time, and what is added to the displacement of each reference."""
    columns: dict[str, list[NDArray[np.int64]]] = {
        name: [np.empty(0, np.int64)] for name in ("frame", "part", "row", "reference", "anchor")
    }
    joins: dict[int, NDArray[np.float16]] = {}
    served = -1
    for number, output in enumerate(outputs):
        part: dict[str, Any] = dict(output)
        ours = np.flatnonzero(part["field_frames"] > served)
        for name, values in (
            ("frame", part["field_frames"]),
            ("part", np.full(len(part["field_frames"]), number)),
            ("row", np.arange(len(part["field_frames"]))),
            ("reference", part["field_references"]),
            ("anchor", part["anchors"]),
        ):
            columns[name].append(np.asarray(values, dtype=np.int64)[ours])
        for frame, moved in zip(part["field_joined"].tolist(), part["field_joins"], strict=True):
            joins.setdefault(frame, moved)
        served = max(served, int(part["frames"][-1])) if len(part["frames"]) else served
    frame, in_part, row, reference, anchor = (np.concatenate(values) for values in columns.values())
    offsets, chains = _chains(reference, joins)
    chain = np.array([chains[int(one)] for one in reference], dtype=np.int64)
    return _Rows(frame_times_s[frame], in_part, row, reference, chain, anchor), offsets


def _chains(
    references: NDArray[np.int64], joins: dict[int, NDArray[np.float16]]
) -> tuple[dict[int, NDArray[np.float32]], dict[int, int]]:
    """What to add to displacements against each reference, and the number of its unbroken chain."""
    moved = np.zeros((2, FIELD_SIZE, FIELD_SIZE), dtype=np.float32)
    offsets: dict[int, NDArray[np.float32]] = {}
    chains: dict[int, int] = {}
    chain = -1
    for one in sorted({*references.tolist(), *joins}):
        if one in joins and chain >= 0:
            moved = moved + joins[one].astype(np.float32)
        else:
            moved, chain = np.zeros_like(moved), chain + 1
        offsets[one], chains[one] = moved, chain
    return offsets, chains


def _stretches(
    rows: _Rows, grid: FloatArray, before: NDArray[np.int64], after: NDArray[np.int64], label: str
) -> NDArray[np.int64]:
    """The number of the stretch in which each time of the grid lies, -1 where there is no face."""
    if not len(rows.times_s):
        return np.full(len(grid), -1, dtype=np.int64)
    a, b = rows.times_s[before], rows.times_s[after]
    alike = (rows.chain[before] == rows.chain[after]) & (rows.anchor[before] == rows.anchor[after])
    if label == "chain":
        alike = rows.chain[before] == rows.chain[after]
    known = alike & (a <= grid + 1e-6) & (b >= grid - 1e-6) & (b - a <= LONGEST_GAP_S)
    number = getattr(rows, label)[before]
    new = known & np.concatenate([[True], ~known[:-1] | (number[1:] != number[:-1])])
    return np.where(known, np.cumsum(new) - 1, -1)
