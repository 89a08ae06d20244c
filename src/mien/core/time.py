"""Time as a value: intervals, frame grids and clock maps.

Conventions: seconds are float64 on one clock; an interval is half-open [start, end); frame n of a
recording happens at its measured stamp, never at n / nominal rate; a clock map is affine,
reference = offset + rate * device, with rate = 1 + drift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A half-open span of time [start_s, end_s) in seconds; start and end may coincide.

    Raises
    ------
    DataError
        If a bound is not finite or the end lies before the start.

    Examples
    --------
    >>> Interval(1.0, 2.0).iou(Interval(1.5, 2.5))
    0.3333333333333333
    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s)):
            raise DataError(
                "interval",
                wanted="finite bounds",
                got=f"[{self.start_s}, {self.end_s})",
                remedy="leave out what was not observed instead of marking it NaN",
            )
        if self.end_s < self.start_s:
            raise DataError(
                "interval",
                wanted="an end at or after the start",
                got=f"[{self.start_s}, {self.end_s})",
                remedy="correct the two times",
            )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    def __contains__(self, time_s: float) -> bool:
        return self.start_s <= time_s < self.end_s

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share time; touching ends do not."""
        return max(self.start_s, other.start_s) < min(self.end_s, other.end_s)

    def intersection(self, other: Interval) -> Interval | None:
        """The shared span, or None where there is none."""
        if not self.overlaps(other):
            return None
        return Interval(max(self.start_s, other.start_s), min(self.end_s, other.end_s))

    def iou(self, other: Interval) -> float:
        """Intersection over union of the two durations, 0 to 1; two equal instants give 1."""
        if self == other:
            return 1.0
        shared = self.intersection(other)
        if shared is None:
            return 0.0
        return shared.duration_s / (self.duration_s + other.duration_s - shared.duration_s)

    def shifted(self, by_s: float) -> Interval:
        """The same span, later by `by_s` seconds."""
        return Interval(self.start_s + by_s, self.end_s + by_s)


class FrameGrid:
    """The measured times of a recording's frames: the only way from a frame number to seconds.

    Parameters
    ----------
    stamps_s
        Shape (n_frames,), seconds, strictly increasing.

    Raises
    ------
    DataError
        If there is no frame, a stamp is not finite, or the stamps do not increase.

    Examples
    --------
    >>> grid = FrameGrid([0.0, 0.007, 0.013])
    >>> grid.seconds(2), grid.frame(0.0069)
    (0.013, 1)
    """

    __slots__ = ("_stamps",)

    def __init__(self, stamps_s: ArrayLike) -> None:
        stamps = np.array(stamps_s, dtype=np.float64)
        if stamps.ndim != 1 or stamps.size == 0:
            raise DataError(
                "frame stamps",
                wanted="a non-empty list of seconds",
                got=f"shape {stamps.shape}",
                remedy="read the stamps of every frame",
            )
        if not np.isfinite(stamps).all() or (np.diff(stamps) <= 0).any():
            bad = int(
                np.argmax(~np.isfinite(stamps))
                if not np.isfinite(stamps).all()
                else np.argmax(np.diff(stamps) <= 0) + 1
            )
            raise DataError(
                "frame stamps",
                wanted="finite, strictly increasing seconds",
                got=f"{stamps[bad]} at frame {bad}",
                remedy="fit the stamps to the frame counter first",
            )
        stamps.flags.writeable = False
        self._stamps = stamps

    @classmethod
    def from_rate(cls, n_frames: int, *, rate_hz: float, start_s: float = 0.0) -> FrameGrid:
        """A regular grid, for simulations and files whose rate is exact by construction."""
        if n_frames < 1 or not (math.isfinite(rate_hz) and rate_hz > 0):
            raise OptionError(
                "frame grid",
                wanted="at least one frame and a rate above 0 Hz",
                got=f"{n_frames} frames at {rate_hz} Hz",
                remedy="give the real values",
            )
        return cls(start_s + np.arange(n_frames, dtype=np.float64) / rate_hz)

    @property
    def stamps_s(self) -> FloatArray:
        """Read-only stamps, shape (n_frames,), seconds."""
        return self._stamps

    def __len__(self) -> int:
        return int(self._stamps.size)

    @property
    def median_rate_hz(self) -> float:
        """Frames per second from the median step; NaN for a single frame."""
        return float(1.0 / np.median(np.diff(self._stamps))) if len(self) > 1 else math.nan

    def seconds(self, frame: int) -> float:
        """The time of frame `frame` (0-based); raises DataError outside the recording."""
        if not 0 <= frame < len(self):
            raise DataError(
                f"frame {frame}",
                wanted=f"a frame from 0 to {len(self) - 1}",
                got=frame,
                remedy="check whether the table counts from 1",
            )
        return float(self._stamps[frame])

    def frame(self, time_s: float) -> int:
        """The frame whose stamp is nearest to `time_s`; the earlier one on a tie.

        Raises DataError when the time lies more than one median step outside the recording.
        """
        step = 1.0 / self.median_rate_hz if len(self) > 1 else 0.0
        if not self._stamps[0] - step <= time_s <= self._stamps[-1] + step:
            raise DataError(
                f"time {time_s} s",
                wanted=f"a time within {self._stamps[0]} to {self._stamps[-1]} s",
                got=time_s,
                remedy="check the clock map of this recording",
            )
        right = int(np.searchsorted(self._stamps, time_s))
        if right == 0:
            return 0
        if right == len(self):
            return right - 1
        return right - int(time_s - self._stamps[right - 1] <= self._stamps[right] - time_s)


@dataclass(frozen=True, slots=True)
class ClockMap:
    """An affine map from a device's clock to the reference clock, with what is known of its error.

    reference_s = offset_s + (1 + drift_ppm * 1e-6) * device_s. `residual_ms` is the standard
    deviation of the anchors about the line and `n_anchors` their number; None where nothing was measured.

    Examples
    --------
    >>> ClockMap(offset_s=2.0, drift_ppm=100.0).to_reference(1000.0)
    1002.1
    """

    offset_s: float = 0.0
    drift_ppm: float = 0.0
    residual_ms: float | None = None
    n_anchors: int | None = None

    @property
    def rate(self) -> float:
        """Reference seconds per device second."""
        return 1.0 + self.drift_ppm * 1e-6

    def to_reference(self, device_s: float) -> float:
        """Reference time of one device time, both in seconds."""
        return self.offset_s + self.rate * device_s

    def to_device(self, reference_s: float) -> float:
        """Device time of one reference time, both in seconds."""
        return (reference_s - self.offset_s) / self.rate

    def many_to_reference(self, device_s: Sequence[float] | FloatArray) -> FloatArray:
        """Reference times of an array of device times, same shape, seconds."""
        return self.offset_s + self.rate * np.asarray(device_s, dtype=np.float64)

    def then(self, outer: ClockMap) -> ClockMap:
        """The map device -> reference -> outer reference; residuals are not added up and become None."""
        rate = self.rate * outer.rate
        return ClockMap(offset_s=outer.to_reference(self.offset_s), drift_ppm=(rate - 1.0) * 1e6)
