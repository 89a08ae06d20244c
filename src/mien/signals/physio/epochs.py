"""Windows on the master clock, and what of a continuous recording lies inside each.

Conventions: windows are [start_s, end_s) in seconds, shape (n, 2); a sample or an event belongs to a window
if its time lies inside; an interval between two events (RR, a breath) only if both its events do. Events
are found in the continuous recording and cut afterwards, never the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import FloatArray, IntArray

# Numbers held at once while the samples of equally long windows lie in one matrix (32 MB).
_CHUNK = 4_000_000


def checked_windows(windows: ArrayLike) -> FloatArray:
    """The windows as float64, shape (n, 2); n may be 0.

    Raises
    ------
    DataError
        If the shape is another one, a bound is not finite, or an end does not lie after its start.
    """
    try:
        bounds = np.asarray(windows, dtype=np.float64)
    except (TypeError, ValueError):
        bounds = np.empty((0, 0))
    if bounds.size == 0 and bounds.shape in ((0,), (0, 2)):
        return np.empty((0, 2))
    if bounds.ndim != 2 or bounds.shape[1] != 2:
        raise DataError(
            "windows",
            wanted="rows of start and end, shape (n, 2)",
            got=f"shape {np.shape(windows)}",
            remedy="give both bounds of every window in seconds",
        )
    wrong = ~(np.isfinite(bounds).all(axis=1) & (bounds[:, 1] > bounds[:, 0]))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"window {row}",
            wanted="finite bounds and an end after the start",
            got=f"[{bounds[row, 0]}, {bounds[row, 1]})",
            remedy="leave out or correct the window",
        )
    return bounds


def around(times_s: ArrayLike, *, before_s: float, after_s: float) -> FloatArray:
    """Windows [time - before, time + after) around instants such as apexes, shape (n, 2).

    Raises DataError if a window would be empty or an instant is not finite.

    Examples
    --------
    >>> around([10.0, 20.0], before_s=3.0, after_s=0.0).tolist()
    [[7.0, 10.0], [17.0, 20.0]]
    """
    times = np.asarray(times_s, dtype=np.float64).reshape(-1)
    return checked_windows(np.stack([times - before_s, times + after_s], axis=1))


def sample_ranges(signal: Signal, windows: FloatArray) -> IntArray:
    """First and past-the-last sample of each window, cut to the recording, shape (n, 2)."""
    bounds = np.ceil((windows - signal.start_s) * signal.rate_hz - 1e-6)
    return np.clip(bounds, 0, len(signal)).astype(np.int64)


def shares(flags: NDArray[np.bool_], ranges: IntArray) -> FloatArray:
    """Share of the flagged samples in each range, shape (n,); 0 for an empty range."""
    return means(flags.astype(np.float64), ranges, empty=0.0)


def means(values: FloatArray, ranges: IntArray, *, empty: float = np.nan) -> FloatArray:
    """Mean of each range by cumulative sums, shape (n,); the values must be finite."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    n = ranges[:, 1] - ranges[:, 0]
    total = sums[ranges[:, 1]] - sums[ranges[:, 0]]
    return np.where(n > 0, total / np.maximum(n, 1), empty)


def rows(values: FloatArray, ranges: IntArray) -> Iterator[tuple[IntArray, FloatArray]]:
    """Windows of equal length together: their numbers, shape (k,), and their samples, shape (k, m).

    Missing samples are left out, so that a window with some comes alone and shorter; empty ones do not come.
    """
    whole = np.concatenate([[0], np.cumsum(~np.isfinite(values))])
    missing = whole[ranges[:, 1]] - whole[ranges[:, 0]]
    lengths = ranges[:, 1] - ranges[:, 0]
    for number in np.flatnonzero((missing > 0) & (missing < lengths)):
        part = values[ranges[number, 0] : ranges[number, 1]]
        yield np.array([number]), part[np.isfinite(part)][None]
    complete = (missing == 0) & (lengths > 0)
    for length in np.unique(lengths[complete]):
        numbers = np.flatnonzero(complete & (lengths == length))
        for chunk in np.array_split(numbers, max(1, -(-numbers.size * int(length) // _CHUNK))):
            yield chunk, values[ranges[chunk, 0][:, None] + np.arange(length)]


def event_ranges(times_s: FloatArray, windows: FloatArray) -> IntArray:
    """First and past-the-last event of each window; the times must increase. Shape (n, 2)."""
    return np.searchsorted(times_s, windows, side="left").astype(np.int64)


def interval_ranges(events_s: FloatArray, windows: FloatArray) -> IntArray:
    """First and past-the-last interval whose two events lie inside each window, shape (n, 2)."""
    found = event_ranges(events_s, windows)
    found[:, 1] = np.maximum(found[:, 1] - 1, found[:, 0])
    return found


def padded(values: FloatArray, ranges: IntArray) -> FloatArray:
    """The values of each range as one row, NaN behind its end, shape (n, longest range)."""
    n = ranges[:, 1] - ranges[:, 0]
    columns = np.arange(int(n.max(initial=0)))
    inside = columns < n[:, None]
    if not values.size or not columns.size:
        return np.full(inside.shape, np.nan)
    at = np.minimum(ranges[:, :1] + columns, values.size - 1)
    return np.where(inside, values[at], np.nan)
