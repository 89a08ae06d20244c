"""Cameras and films for tests: small, in real time, with known numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.clock import now_s
from mien.recording.formats import VideoWriter

Picture = NDArray[np.uint8]


def numbered(number: int, *, height: int = 48, width: int = 64) -> Picture:
    """A grey picture whose brightness tells its number modulo 50."""
    return np.full((height, width, 3), 20 + 4 * (number % 50), dtype=np.uint8)


def number_of(picture: Picture) -> int:
    """The number modulo 50 of such a picture."""
    return round((float(picture.mean()) - 20) / 4)


def film(path: Path, *, n: int = 30, rate_hz: int = 30, pictures: Iterable[Picture] | None = None) -> Path:
    """A film of numbered pictures, or of others."""
    shown = list(pictures) if pictures is not None else [numbered(i) for i in range(n)]
    height, width = shown[0].shape[:2]
    with VideoWriter(path, width=width, height=height, rate_hz=rate_hz) as writer:
        for picture in shown:
            writer.write(picture)
    return path


class PacedCamera:
    """Pictures by a function of their number, at a rate; numbers in `lost` are left out."""

    def __init__(
        self,
        picture: Callable[[int], Picture] = numbered,
        *,
        rate_hz: float = 60.0,
        stated_hz: float | None = -1.0,
        lost: Callable[[int], bool] = lambda number: False,
        end: int | None = None,
        error: Exception | None = None,
    ) -> None:
        self.name = "paced camera"
        self.height, self.width = picture(0).shape[:2]
        self.rate_hz = rate_hz if stated_hz == -1.0 else stated_hz
        self.closed = threading.Event()
        self._picture, self._lost, self._end, self._error = picture, lost, end, error
        self._period_s, self._number, self._begun_s = 1 / rate_hz, 0, 0.0

    def read(self) -> CameraFrame | None:
        if not self._begun_s:
            self._begun_s = now_s()
        while True:
            number, self._number = self._number, self._number + 1
            if number == self._end:
                if self._error is not None:
                    raise self._error
                return None
            if not self._lost(number):
                break
        picture = self._picture(number)
        while (left := self._begun_s + number * self._period_s - now_s()) > 0 and not self.closed.wait(left):
            pass
        return None if self.closed.is_set() else CameraFrame(picture, now_s(), number)

    def close(self) -> None:
        self.closed.set()


def wait_until(done: Callable[[], bool], *, limit_s: float = 20.0) -> bool:
    """Whether something came true within a generous limit."""
    end = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
