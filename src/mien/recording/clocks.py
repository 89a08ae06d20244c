"""Clock maps from matched events, and frame times from host stamps: robust lines with their residuals.

A device's clock is a line against the master clock (`ClockMap`); where it was restarted or lost samples, it
is several lines, one after another. Host stamps of frames are late, never early: their line is fitted to
the lower envelope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import ClockMap, FloatArray

UNKNOWN_DRIFT_PPM = 100.0  # what a quartz may be off by where it could not be measured
_HUBER = 1.345
_LEAST_PIECE = 3
_BIN_FRAMES = 50  # longer than a stall of the computer, so that each bin holds a frame that did not wait
_BIN_S, _LEAST_BIN_FRAMES = 1 / 3, 10  # of short clips by slow cameras


@dataclass(frozen=True, slots=True, eq=False)
class ClockPiece:
    """One line and the device times [from_s, to_s) for which it holds; residuals of its anchors in ms."""

    map: ClockMap
    from_s: float
    to_s: float
    residuals_ms: FloatArray
    uncertainty_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class ClockFit:
    """What is known of a device's clock.

    Parameters
    ----------
    pieces
        In order of device time; more than one where residuals step.
    verdict
        "good", "weak" (too few or too close anchors to test it: see `reason`) or "failed"; a failed fit must
        not be used.
    """

    pieces: tuple[ClockPiece, ...]
    verdict: str
    reason: str | None = None

    @property
    def residuals_ms(self) -> FloatArray:
        """Residuals of all anchors, ms."""
        return np.concatenate([piece.residuals_ms for piece in self.pieces]) if self.pieces else np.empty(0)

    def to_reference(self, device_s: ArrayLike) -> FloatArray:
        """Master times of device times, seconds, same shape.

        Raises DataError if the fit failed.
        """
        if self.verdict == "failed" or not self.pieces:
            raise DataError(
                "clock map",
                wanted="a fit that holds",
                got=self.reason or "none",
                remedy="look at the triggers of this recording",
            )
        times = np.asarray(device_s, dtype=np.float64)
        result = np.empty(times.shape)
        for index, piece in enumerate(self.pieces):
            lowest = -math.inf if index == 0 else piece.from_s
            inside = times >= lowest
            result[inside] = piece.map.many_to_reference(times[inside])
        return result

    def windows_on_device(self, windows_s: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Windows [start, end), (n, 2) master seconds, in device time; and which of them hold.

        One that crosses a step of the clock (lost samples, a restart) does not hold and is NaN.
        """
        found = np.full(windows_s.shape, np.nan)
        last = len(self.pieces) - 1
        for number, piece in enumerate(self.pieces):
            mapped = (windows_s - piece.map.offset_s) / piece.map.rate
            low = -math.inf if number == 0 else piece.from_s
            high = math.inf if number == last else piece.to_s
            inside = (mapped[:, 0] >= low) & (mapped[:, 1] < high)
            found[inside] = mapped[inside]
        return found, np.isfinite(found).all(axis=1)


def fit_clock(
    device_s: ArrayLike, reference_s: ArrayLike, *, step_ms: float, good_ms: float | None = None
) -> ClockFit:
    """A clock from anchors: robust lines, split where the residuals step.

    Parameters
    ----------
    device_s, reference_s
        Times of the same events on both clocks, (n,), seconds.
    step_ms
        A step of residuals above this is lost samples or a restart: about one sample, or one frame.
    good_ms
        Residual standard deviation above which the fit has failed; default three times `step_ms`.

    Raises
    ------
    DataError
        If the two differ in length or hold values that are not finite.
    """
    x, y = np.asarray(device_s, dtype=np.float64), np.asarray(reference_s, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError(
            "clock anchors",
            wanted="two lists of finite seconds, equally long",
            got=f"shapes {x.shape} and {y.shape}",
            remedy="give matched events",
        )
    if not step_ms > 0:
        raise OptionError(
            "step of residuals", wanted="above 0 ms", got=step_ms, remedy="give about one sample"
        )
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    if x.size == 0:
        return ClockFit((), "failed", "no event is on both clocks")
    if x.size == 1:
        piece = ClockPiece(ClockMap(float(y[0] - x[0]), 0.0, None, 1), x[0], x[0], np.zeros(1), math.nan)
        return ClockFit((piece,), "weak", f"one anchor: drift unknown, up to {UNKNOWN_DRIFT_PPM:g} ppm")
    spans = _split(x, y, step_ms / 1e3)
    pieces = tuple(_piece(x, y, first, last) for first, last in spans)
    return ClockFit(pieces, *_verdict(x, pieces, 3 * step_ms if good_ms is None else good_ms))


def _verdict(x: FloatArray, pieces: Sequence[ClockPiece], good_ms: float) -> tuple[str, str | None]:
    worst = max(float(np.std(piece.residuals_ms)) for piece in pieces)
    if worst > good_ms:
        return "failed", f"residuals of {worst:.1f} ms, wanted at most {good_ms:.1f}"
    if x.size < _LEAST_PIECE:
        return "weak", f"{x.size} anchors cannot show an outlier"
    return "good", None


def robust_line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Intercept and slope by Theil-Sen, refined by Huber's weights (1964, doi:10.1214/aoms/1177703732)."""
    centre = float(x.mean())
    u = x - centre
    if u.size == 1 or float(np.ptp(u)) == 0.0:
        return float(np.median(y) - x[0]), 1.0
    first, second = np.triu_indices(u.size, k=1)
    run = u[second] - u[first]
    usable = np.abs(run) > 0.2 * np.ptp(u)  # near pairs only add noise
    slope = float(np.median((y[second] - y[first])[usable] / run[usable]))
    intercept = float(np.median(y - slope * u))
    for _ in range(20):
        residual = y - intercept - slope * u
        scale = 1.4826 * float(np.median(np.abs(residual - np.median(residual))))
        if scale < 1e-9:
            break
        weight = np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(residual), 1e-12))
        mean_u, mean_y = np.average(u, weights=weight), np.average(y, weights=weight)
        spread = float((weight * (u - mean_u) ** 2).sum())
        slope = float((weight * (u - mean_u) * (y - mean_y)).sum() / spread)
        intercept = float(mean_y - slope * mean_u)
    return intercept - slope * centre, slope


def _piece(x: FloatArray, y: FloatArray, first: int, last: int) -> ClockPiece:
    part_x, part_y = x[first:last], y[first:last]
    offset, rate = robust_line(part_x, part_y)
    residuals = 1e3 * (part_y - offset - rate * part_x)
    spread = float(np.std(residuals, ddof=2)) if part_x.size > 2 else math.nan
    shown = None if math.isnan(spread) else spread
    clock = ClockMap(offset, (rate - 1.0) * 1e6, shown, int(part_x.size))
    begins = -math.inf if first == 0 else float((x[first - 1] + x[first]) / 2)
    ends = math.inf if last == x.size else float((x[last - 1] + x[last]) / 2)
    # 95 % half-width of the line in the middle of its anchors
    uncertainty = 1.96 * spread / math.sqrt(part_x.size) if part_x.size > 2 else math.nan
    return ClockPiece(clock, begins, ends, residuals, uncertainty)


def _split(x: FloatArray, y: FloatArray, step_s: float) -> list[tuple[int, int]]:
    """Spans of anchors without a step: the largest step first, then both sides again."""
    if x.size < 2 * _LEAST_PIECE:
        return [(0, x.size)]
    offset, rate = robust_line(x, y)
    residual = y - offset - rate * x
    whole = _loss(residual)
    best, where = whole, None
    for cut in range(_LEAST_PIECE, x.size - _LEAST_PIECE + 1):
        both = 0.0
        for part in (slice(0, cut), slice(cut, x.size)):
            a, b = robust_line(x[part], y[part])
            both += _loss(y[part] - a - b * x[part])
        if both < best:
            best, where = both, cut
    if where is None:
        return [(0, x.size)]
    left, right = (robust_line(x[p], y[p]) for p in (slice(0, where), slice(where, x.size)))
    at = (x[where - 1] + x[where]) / 2
    jump = abs(left[0] + left[1] * at - right[0] - right[1] * at)
    # A step must stand out of the noise that is left, and be worth a sample.
    noise = 1.25 * best / x.size
    if jump <= max(step_s, 6.0 * noise) or best > 0.5 * whole:
        return [(0, x.size)]
    spans = _split(x[:where], y[:where], step_s)
    return spans + [(where + a, where + b) for a, b in _split(x[where:], y[where:], step_s)]


def _loss(residual: FloatArray) -> float:
    return float(np.abs(residual).sum())


@dataclass(frozen=True, slots=True, eq=False)
class StampFit:
    """Frame times of one clip on the host's clock: host_s = start_s + period_s * counter.

    `late_ms` are the host stamps' delays above the line. A clip that is not accepted has a reason and must
    not be timed by this fit.
    """

    start_s: float
    period_s: float
    late_ms: FloatArray
    residual_ms: float
    accepted: bool
    reason: str | None = None

    def seconds(self, counter: ArrayLike) -> FloatArray:
        """Host times of frames by their unwrapped counter, seconds."""
        return self.start_s + self.period_s * np.asarray(counter, dtype=np.float64)

    @property
    def rate_hz(self) -> float:
        """Frames per second of the host's clock."""
        return 1.0 / self.period_s


def unwrap_counter(counter: ArrayLike, *, modulus: int) -> FloatArray:
    """A counter that begins again after `modulus` values, made to go on, (n,) float64.

    Examples
    --------
    >>> unwrap_counter([999, 1000, 1, 2], modulus=1000)
    array([ 999., 1000., 1001., 1002.])
    """
    values = np.asarray(counter, dtype=np.float64)
    return np.asarray(values + modulus * np.cumsum(np.diff(values, prepend=values[:1]) < 0))


def fit_stamps(counter: ArrayLike, host_s: ArrayLike, *, good_ms: float = 2.0) -> StampFit:
    """Frame times from stamps that are late by a varying amount, by their lower envelope.

    The earliest frame of every 50 (short clips of slow cameras: of every quarter), measured against
    a first line, did not wait in a queue; a robust line through these is the camera's clock up to a constant
    latency, which stamps cannot show.

    Parameters
    ----------
    counter
        Unwrapped frame counter, (n,), increasing; gaps are lost frames.
    host_s
        Stamps in seconds, (n,).
    good_ms
        Residual standard deviation of the envelope above which the clip is not accepted.

    Raises
    ------
    DataError
        If the two differ in length, are shorter than two frames or the counter does not increase.
    """
    k, t = np.asarray(counter, dtype=np.float64), np.asarray(host_s, dtype=np.float64)
    if k.ndim != 1 or k.shape != t.shape or k.size < 2 or (np.diff(k) <= 0).any() or not np.isfinite(t).all():
        raise DataError(
            "frame stamps",
            wanted="two or more finite stamps and an increasing counter for each",
            got=f"{t.size} stamps, {k.size} counts",
            remedy="unwrap the counter, or look for a restarted camera",
        )
    period = float((t[-1] - t[0]) / (k[-1] - k[0]))
    start = float(t[0] - period * k[0])
    size = _BIN_FRAMES
    if (
        k.size < 3.5 * _BIN_FRAMES
    ):  # a short clip: quarters, if they are as long as 50 frames of a fast camera
        size = min(_BIN_FRAMES, max(_LEAST_BIN_FRAMES, round(_BIN_S / period), k.size // 4))
    for _ in range(3):
        earliest = _earliest(k, t - start - period * k, size)
        if earliest.size < 4:
            return StampFit(start, period, _late(k, t, start, period), math.nan, False, "too few frames")
        start, period = robust_line(k[earliest], t[earliest])
    residual = 1e3 * (t[earliest] - start - period * k[earliest])
    spread = float(np.std(residual))
    reason = None
    if spread > good_ms:
        reason = f"the earliest stamps scatter by {spread:.1f} ms, wanted at most {good_ms:g}"
    return StampFit(start, period, _late(k, t, start, period), spread, reason is None, reason)


def _earliest(k: FloatArray, late: FloatArray, size: int) -> np.ndarray:
    """Index of the earliest frame of every bin of frames."""
    edges = np.arange(0, k.size, size)
    if k.size - edges[-1] < size // 2 and edges.size > 1:
        edges = edges[:-1]
    bounds = [*edges.tolist(), k.size]
    return np.array([a + int(np.argmin(late[a:b])) for a, b in pairwise(bounds)])


def _late(k: FloatArray, t: FloatArray, start: float, period: float) -> FloatArray:
    return np.asarray(1e3 * (t - start - period * k))
