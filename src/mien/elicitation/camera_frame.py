"""What a camera is to a session: frames in order, each with a stamp and the camera's own number.

Conventions: images are RGB, (height, width, 3) uint8; `stamp_s` is `clock.now_s` when the frame arrived at
this computer; a number that was left out is a frame that was lost on its way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_ROUND = 31  # intervals over which the usual one is found


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """One picture: (height, width, 3) uint8 RGB, when it arrived (s), and its number by the camera."""

    image: NDArray[np.uint8]
    stamp_s: float
    counter: int


class Camera(Protocol):
    """A source of frames, read by one thread and closed by any.

    `rate_hz` is what the device states, None where it states nothing.
    """

    @property
    def name(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def rate_hz(self) -> float | None: ...

    def read(self) -> CameraFrame | None:
        """The next frame, waited for; None once the source ended or was closed; DataError if it breaks."""
        ...

    def close(self) -> None:
        """Give the device back; may be called while another thread reads, and more than once."""
        ...


class CounterByStamps:
    """Numbers for frames of a source that has none: what its own stamps leave out was lost.

    An interval of about k usual ones (the stated one, or else the median of the last 31) counts as k frames.
    """

    def __init__(self, period_s: float | None) -> None:
        self._period_s = period_s
        self._gaps: deque[float] = deque(maxlen=_ROUND)
        self._last_s: float | None = None
        self._counter = -1

    def next(self, stamp_s: float | None) -> int:
        """The number of the frame that the source stamped so; one more where it has no stamp."""
        step = 1
        if stamp_s is not None and self._last_s is not None and stamp_s > self._last_s:
            gap = stamp_s - self._last_s
            usual = self._period_s or (float(np.median(self._gaps)) if len(self._gaps) > 2 else gap)
            step = max(1, round(gap / usual))
            self._gaps.append(gap)
        self._last_s = self._last_s if stamp_s is None else stamp_s
        self._counter += step
        return self._counter
