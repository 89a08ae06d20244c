"""Local binary patterns on three orthogonal planes (LBP-TOP) of a grey clip.

Reference: Zhao & Pietikäinen 2007, doi:10.1109/TPAMI.2007.1110. A pixel's code on a plane has bit p set where
neighbour p is at least as bright as the pixel; neighbour p lies at (Ra cos(2 pi p / P), -Rb sin(2 pi p / P))
of the plane's axes (x, y), (x, t) and (y, t). Codes are counted per block and plane, patterns with more than
two changes between 0 and 1 in one bin ("u2": P (P - 1) + 3 bins), and every histogram sums to 1.

"circular" reads neighbours between pixels bilinearly, as published; its weights are whole 65,536ths, so that
no rounding of floats decides over a tie. "square" takes the nearest pixels of the ring instead; it is faster,
and its numbers are others.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray, IntArray

Sampling = Literal["circular", "square"]
TABLES = 8  # of counts, by turns: a count need not wait for the one before it
_COMPILED: dict[str, Any] = {}


def lbp_top(
    clip: NDArray[np.uint8],
    *,
    radii: tuple[int, int, int] = (1, 1, 4),
    neighbours: int = 8,
    blocks: tuple[int, int, int] = (5, 5, 1),
    sampling: Sampling = "circular",
) -> FloatArray:
    """The LBP-TOP histograms of a clip.

    Parameters
    ----------
    clip
        Shape (n_frames, height, width), uint8 grey levels.
    radii
        In x, y (pixels) and t (frames), at least 1.
    neighbours
        P, 4 or 8.
    blocks
        Rows, columns and parts in time. Pixels nearer to a border than a radius have no code; the rest is
        divided as evenly as it goes.
    sampling
        "circular" as published, or "square".

    Returns
    -------
    Shape (3 * bins * rows * columns * parts,), by plane (xy, xt, yt), part, row, column, bin.

    Raises
    ------
    DataError
        If the clip is no grey clip, or too short or small for a code in every block.
    OptionError
        If an option cannot be.
    """
    _check(clip, radii, neighbours, blocks, sampling)
    rx, ry, rt = radii
    n_frames, height, width = clip.shape
    part_edges = _edges(n_frames - 2 * rt, blocks[2], rt)
    parts = np.searchsorted(part_edges, np.arange(n_frames), side="right") - 1
    rows, columns = _edges(height - 2 * ry, blocks[0], ry), _edges(width - 2 * rx, blocks[1], rx)
    # Small tables stay in the nearest memory; the largest count that can be decides on their type.
    runs = int(np.diff(rows).max()) * int(np.diff(part_edges).max())
    most = runs * (int(np.diff(columns).max()) // TABLES + 1)
    n_blocks = blocks[2] * blocks[0] * blocks[1]
    counts = np.zeros((3, n_blocks, TABLES, 256), dtype=np.uint16 if most < 2**16 else np.uint32)
    where, weights = _taps(radii, neighbours, sampling)
    count, fold = _kernels()
    count(np.ascontiguousarray(clip), where, weights, parts, rows, columns, radii, counts)
    bins = uniform_bins(neighbours)
    folded = np.zeros((3 * n_blocks, int(bins.max()) + 1))
    fold(counts.reshape(3 * n_blocks, TABLES, 256), bins, folded)
    return np.asarray(folded / folded.sum(axis=-1, keepdims=True)).ravel()


def _check(
    clip: NDArray[np.uint8],
    radii: tuple[int, int, int],
    neighbours: int,
    blocks: tuple[int, int, int],
    sampling: str,
) -> None:
    if clip.ndim != 3 or clip.dtype != np.uint8:
        raise DataError(
            "clip",
            wanted="grey levels (n_frames, height, width), uint8",
            got=f"shape {clip.shape}, {clip.dtype}",
            remedy="give the luma of every frame",
        )
    for name, values in (("radii", radii), ("blocks", blocks)):
        if len(values) != 3 or min(values) < 1:
            raise OptionError(name, wanted="three numbers from 1", got=values, remedy="correct them")
    if neighbours not in (4, 8):
        raise OptionError("neighbours", wanted="4 or 8", got=neighbours, remedy="choose one of these")
    if sampling not in ("circular", "square"):
        raise OptionError("sampling", wanted="circular or square", got=sampling, remedy="choose one of these")
    inner = [size - 2 * r for size, r in zip(clip.shape[::-1], radii, strict=True)]  # x, y, t
    least = (blocks[1], blocks[0], blocks[2])
    if any(have < need for have, need in zip(inner, least, strict=True)):
        raise DataError(
            "clip",
            wanted=f"more than {2 * radii[2]} frames and room for {blocks[0]} x {blocks[1]} blocks",
            got=f"{clip.shape[0]} frames of {clip.shape[2]} x {clip.shape[1]} pixels",
            remedy="interpolate it to more frames, or choose smaller radii or fewer blocks",
        )


def _edges(inner: int, n_blocks: int, border: int) -> IntArray:
    """Where the blocks of an axis begin, and the end of the last, (n_blocks + 1,); no border is in one."""
    starts = [int(part[0]) for part in np.array_split(np.arange(inner), n_blocks)]
    return np.array([*starts, inner], dtype=np.int64) + border


@lru_cache(maxsize=8)
def uniform_bins(neighbours: int) -> IntArray:
    """The bin of every code, shape (2**P,): patterns of at most two changes in order, all others in the last.

    Examples
    --------
    >>> int(uniform_bins(8).max()) + 1, int(uniform_bins(4).max()) + 1
    (59, 15)
    """
    codes = np.arange(1 << neighbours)
    turned = (codes >> 1) | ((codes & 1) << (neighbours - 1))
    uniform = np.array([int(changed).bit_count() <= 2 for changed in codes ^ turned])
    bins = np.full(codes.size, int(uniform.sum()), dtype=np.int64)
    bins[uniform] = np.arange(uniform.sum())
    return bins


def _taps(radii: tuple[int, int, int], neighbours: int, sampling: str) -> tuple[IntArray, IntArray]:
    """Where each neighbour is read: offsets (3, P, 4, 3) in t, y, x, and weights (3, P, 4) in 65,536ths."""
    where = np.zeros((3, neighbours, 4, 3), dtype=np.int64)
    weights = np.zeros((3, neighbours, 4), dtype=np.int64)
    axes = ((2, 1), (2, 0), (1, 0))  # of (t, y, x): x and y, x and t, y and t
    by_axis = (radii[2], radii[1], radii[0])
    for plane, (first, second) in enumerate(axes):
        for p in range(neighbours):
            angle = 2 * math.pi * p / neighbours
            a, b = by_axis[first] * math.cos(angle), -by_axis[second] * math.sin(angle)
            if sampling == "square":  # the corner instead of the point on the circle
                a, b = (
                    math.copysign(1, v) * r if abs(v) > 0.1 else 0.0
                    for v, r in ((a, by_axis[first]), (b, by_axis[second]))
                )
            a, b = round(a, 9) + 0.0, round(b, 9) + 0.0
            low_a, low_b = math.floor(a), math.floor(b)
            share_a, share_b = round((a - low_a) * 256), round((b - low_b) * 256)
            corners = ((0, 0), (1, 0), (0, 1), (1, 1))
            for tap, (step_a, step_b) in enumerate(corners):
                weight = (share_a if step_a else 256 - share_a) * (share_b if step_b else 256 - share_b)
                weights[plane, p, tap] = weight
                if weight:  # a neighbour on a pixel reads no other one, which may lie outside
                    where[plane, p, tap, first] = low_a + step_a
                    where[plane, p, tap, second] = low_b + step_b
    return where, weights


def _kernels() -> tuple[Any, Any]:
    """The compiled loops; numba is imported when a clip is described for the first time."""
    if not _COMPILED:
        from numba import njit

        compiled = njit(cache=True, nogil=True)
        nearest, between, tally = compiled(_add_nearest), compiled(_add_between), compiled(_tally)

        def count(clip, where, weights, parts, row_edges, column_edges, radii, counts):  # type: ignore[no-untyped-def]
            """Frame by frame: its codes are one run of memory, with the borders between the rows."""
            n_frames, height, width = clip.shape
            flat = clip.ravel()
            size, n_rows, n_columns = height * width, row_edges.size - 1, column_edges.size - 1
            low = radii[1] * width + radii[0]
            high = (height - radii[1]) * width - radii[0]
            codes = np.zeros(high - low, dtype=np.uint8)
            value = np.zeros(high - low, dtype=np.int32)
            for t in range(radii[2], n_frames - radii[2]):
                base = t * size
                centre = flat[base + low : base + high]
                for plane in range(3):
                    codes[:] = 0
                    for p in range(where.shape[1]):
                        bit = np.uint8(1 << p)
                        if weights[plane, p, 0] == 65536:
                            at = where[plane, p, 0]
                            shift = at[0] * size + at[1] * width + at[2]
                            nearest(codes, flat[base + low + shift : base + high + shift], centre, bit)
                        else:
                            value[:] = 0
                            for tap in range(4):
                                weight = np.int32(weights[plane, p, tap])
                                if weight > 0:
                                    at = where[plane, p, tap]
                                    shift = at[0] * size + at[1] * width + at[2]
                                    other = flat[base + low + shift : base + high + shift]
                                    for i in range(value.size):
                                        value[i] += weight * np.int32(other[i])
                            between(codes, value, centre, bit)
                    for r in range(n_rows):
                        first = (parts[t] * n_rows + r) * n_columns
                        tables = counts[plane, first : first + n_columns].ravel()
                        for y in range(row_edges[r], row_edges[r + 1]):
                            tally(codes, y * width - low, column_edges, tables)

        _COMPILED["count"], _COMPILED["fold"] = njit(nogil=True)(count), compiled(_fold)
    return _COMPILED["count"], _COMPILED["fold"]


def _add_nearest(codes, other, centre, bit):  # type: ignore[no-untyped-def]  # compiled
    for i in range(codes.size):
        codes[i] |= bit if other[i] >= centre[i] else np.uint8(0)


def _add_between(codes, value, centre, bit):  # type: ignore[no-untyped-def]  # compiled
    for i in range(codes.size):
        codes[i] |= bit if value[i] >= np.int32(65536) * np.int32(centre[i]) else np.uint8(0)


def _tally(codes, start, edges, tables):  # type: ignore[no-untyped-def]  # compiled
    """Count one row of codes, block by block, each in its eight tables."""
    for c in range(edges.size - 1):
        first, last = start + edges[c], start + edges[c + 1]
        at = c * 8 * 256
        whole = first + (last - first) // 8 * 8
        for i in range(first, whole, 8):
            tables[at + codes[i]] += 1
            tables[at + 256 + codes[i + 1]] += 1
            tables[at + 512 + codes[i + 2]] += 1
            tables[at + 768 + codes[i + 3]] += 1
            tables[at + 1024 + codes[i + 4]] += 1
            tables[at + 1280 + codes[i + 5]] += 1
            tables[at + 1536 + codes[i + 6]] += 1
            tables[at + 1792 + codes[i + 7]] += 1
        for i in range(whole, last):
            tables[at + 256 * (i - whole) + codes[i]] += 1


def _fold(tables, bins, histograms):  # type: ignore[no-untyped-def]  # compiled
    """Sum the tables of every block, and the codes of every bin: (blocks, 8, 256) to (blocks, bins)."""
    for block in range(tables.shape[0]):
        for table in range(tables.shape[1]):
            for code in range(bins.size):
                histograms[block, bins[code]] += tables[block, table, code]
