"""Trigger codes: from voltages on digital lines to events, and which of two recorders' events are one.

Conventions: bit i of a code is line i; an event happens when its lines first change. Codes outside a
whitelist are kept and said, never matched. Times are seconds of the device that recorded them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray, IntArray

LEAST_PULSE_S = 0.005  # a code that stands for less is a bit still settling
MAX_DRIFT_PPM = 300.0  # more than twice the worst quartz
_MAX_HYPOTHESES = 4000


@dataclass(frozen=True, slots=True, order=True)
class TriggerEvent:
    """A code and when it began, in seconds of its recorder."""

    time_s: float
    code: int


def decode_lines(lines: ArrayLike, *, threshold: float = 2.5) -> IntArray:
    """The code at every sample of digital lines, (n_lines, n_samples) volts: sum of 2**i over lines above.

    Raises DataError unless there are 1 to 16 lines of finite values.

    Examples
    --------
    >>> decode_lines([[0, 0], [0, 0], [5, 0], [0, 0], [0, 0], [5, 0], [5, 0], [0, 0]])
    array([100,   0])
    """
    volts = np.asarray(lines, dtype=np.float64)
    if volts.ndim != 2 or not 1 <= volts.shape[0] <= 16 or not np.isfinite(volts).all():
        raise DataError(
            "trigger lines",
            wanted="1 to 16 lines of finite voltages, (n_lines, n_samples)",
            got=f"shape {volts.shape}",
            remedy="give the digital channels of the recording",
        )
    weights = 1 << np.arange(volts.shape[0], dtype=np.int64)
    return np.asarray(((volts > threshold) * weights[:, None]).sum(axis=0), dtype=np.int64)


def find_events(codes: ArrayLike, *, rate_hz: float, least_s: float = LEAST_PULSE_S) -> list[TriggerEvent]:
    """The events in a channel of codes, debounced.

    Bits settle on neighbouring samples: a code that stands for less than `least_s` (at least two samples)
    is part of a change and is no event; the event that follows it begins where the change began. A pulse
    of which no part stands long enough is no event.

    Parameters
    ----------
    codes
        Shape (n_samples,), whole numbers, 0 where nothing is sent.

    Examples
    --------
    >>> find_events([0, 4, 100, 100, 100, 100, 100, 100, 96, 0, 0], rate_hz=1000.0)
    [TriggerEvent(time_s=0.001, code=100)]
    """
    values = np.asarray(codes)
    if values.ndim != 1 or not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise DataError(
            "trigger channel",
            wanted="whole numbers, (n_samples,)",
            got=f"shape {values.shape} of {values.dtype}",
            remedy="decode the lines first",
        )
    if not rate_hz > 0:
        raise OptionError("rate of the trigger channel", wanted="above 0 Hz", got=rate_hz, remedy="state it")
    values = values.astype(np.int64)
    least = max(2, round(least_s * rate_hz))
    starts = np.flatnonzero(np.diff(values, prepend=0))
    if values.size and values[0]:
        starts = np.union1d([0], starts)
    lengths = np.diff(np.append(starts, values.size))
    events: list[TriggerEvent] = []
    changing: int | None = None  # first sample of a change that has not come to rest
    standing = 0
    for start, length in zip(starts, lengths, strict=True):
        code = int(values[start])
        if length < least and code:
            changing = int(start) if changing is None else changing
            continue
        if code and code != standing:
            begun = int(start) if changing is None else changing
            events.append(TriggerEvent(begun / rate_hz, code))
        standing, changing = code, None
    return events


@dataclass(frozen=True, slots=True)
class Matched:
    """Which events are one: pairs of indices (device, reference), and those that found no partner."""

    pairs: tuple[tuple[int, int], ...]
    only_device: tuple[int, ...]
    only_reference: tuple[int, ...]


def match_events(
    device: Sequence[TriggerEvent],
    reference: Sequence[TriggerEvent],
    *,
    tolerance_s: float,
    codes: Collection[int] | None = None,
    max_drift_ppm: float = MAX_DRIFT_PPM,
) -> Matched:
    """The largest set of equal codes that one line between the clocks explains.

    Every two code-compatible pairs, far enough apart, propose a line; lines whose drift exceeds the
    limit are dropped; the line with the most one-to-one partners within the tolerance wins, the one with
    the smaller summed error on a tie. Proposals are taken evenly when there are too many: the result is
    the same in every run.

    Parameters
    ----------
    tolerance_s
        How far a partner may lie from the line, seconds: at least three samples, or 1.5 frames.
    codes
        Whitelist; other codes are never matched. None allows all.
    """
    if not 0 < tolerance_s < 10:
        raise OptionError(
            "tolerance of matching",
            wanted="more than 0 s, less than 10 s",
            got=tolerance_s,
            remedy="give seconds",
        )
    times, targets = (np.array([e.time_s for e in events]) for events in (device, reference))
    candidates = [
        (i, j)
        for i, first in enumerate(device)
        for j, second in enumerate(reference)
        if first.code == second.code and (codes is None or first.code in codes)
    ]
    best: list[tuple[int, int]] = []
    best_error = np.inf
    for offset, rate in _proposals(times, targets, candidates, max_drift_ppm):
        pairs, error = _partners(times, targets, candidates, offset, rate, tolerance_s)
        if len(pairs) > len(best) or (len(pairs) == len(best) and error < best_error):
            best, best_error = pairs, error
    used_device, used_reference = {i for i, _ in best}, {j for _, j in best}
    return Matched(
        pairs=tuple(sorted(best)),
        only_device=tuple(i for i in range(len(device)) if i not in used_device),
        only_reference=tuple(j for j in range(len(reference)) if j not in used_reference),
    )


def _proposals(
    times: FloatArray, targets: FloatArray, candidates: list[tuple[int, int]], max_drift_ppm: float
) -> list[tuple[float, float]]:
    """Lines (offset, rate) through two candidates each; a single candidate proposes a shift."""
    if not candidates:
        return []
    i, j = np.array(candidates).T
    x, y = times[i], targets[j]
    if len(candidates) == 1:
        return [(float(y[0] - x[0]), 1.0)]
    first, second = np.triu_indices(len(candidates), k=1)
    run, rise = x[second] - x[first], y[second] - y[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = rise / run
    good = (run > 0) & (np.abs(rate - 1) * 1e6 <= max_drift_ppm)
    if not good.any():
        return [(float(b - a), 1.0) for a, b in zip(x, y, strict=True)]
    # Far pairs fix the drift best; of very many, evenly spaced ones are enough.
    order = np.flatnonzero(good)[np.argsort(-run[good], kind="stable")]
    if order.size > _MAX_HYPOTHESES:
        order = order[np.linspace(0, order.size - 1, _MAX_HYPOTHESES).astype(int)]
    return [(float(y[first[k]] - rate[k] * x[first[k]]), float(rate[k])) for k in order]


def _partners(
    times: FloatArray,
    targets: FloatArray,
    candidates: list[tuple[int, int]],
    offset: float,
    rate: float,
    tolerance_s: float,
) -> tuple[list[tuple[int, int]], float]:
    """Nearest first, each event at most once."""
    pairs = np.array(candidates)
    errors = np.abs(offset + rate * times[pairs[:, 0]] - targets[pairs[:, 1]])
    near: NDArray[np.intp] = np.flatnonzero(errors <= tolerance_s)
    found: list[tuple[int, int]] = []
    total = 0.0
    taken_device: set[int] = set()
    taken_reference: set[int] = set()
    for k in near[np.argsort(errors[near], kind="stable")]:
        i, j = candidates[k]
        if i not in taken_device and j not in taken_reference:
            taken_device.add(i)
            taken_reference.add(j)
            found.append((i, j))
            total += float(errors[k])
    return found, total
