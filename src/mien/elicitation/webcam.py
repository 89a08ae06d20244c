"""A webcam of this computer, by OpenCV."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.clock import now_s


class Webcam:
    """A webcam by its number, as it is set: neither size nor rate is changed.

    Webcams have no counter, and slow down in the dark: frames are numbered as they come, and what was lost
    before shows in their stamps only.

    Parameters
    ----------
    number
        0 for the first.

    Raises
    ------
    DataError
        If there is no such webcam, or another program has it.
    """

    def __init__(self, number: int) -> None:
        import cv2

        self.name = f"webcam {number}"
        self._lock, self._closed, self._counter = threading.Lock(), False, 0
        with _silent():
            self._capture: Any = cv2.VideoCapture(number)
            opened = self._capture.isOpened() and self._capture.read()[0]
        if not opened:
            self._capture.release()
            raise DataError(
                self.name,
                wanted="a webcam that gives pictures",
                got=_there_are(),
                remedy="plug it in, close other programs that use it, or choose another",
            )
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        stated = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate_hz: float | None = stated if 0 < stated < 10_000 else None

    def read(self) -> CameraFrame | None:
        """The next frame; DataError when the webcam gives none any more."""
        import cv2

        with self._lock:
            if self._closed:
                return None
            taken, image = self._capture.read()
            stamp_s = now_s()
        if self._closed:
            return None
        if not taken:
            remedy = "check its cable and open it again"
            raise DataError(self.name, wanted="the next frame", got="none", remedy=remedy)
        self._counter += 1
        rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        return CameraFrame(rgb, stamp_s, self._counter - 1)

    def close(self) -> None:
        """Give the webcam back, once a thread that reads has its frame."""
        self._closed = True
        with self._lock:
            self._capture.release()


def _there_are() -> str:
    """The webcams of this computer, where the system lists them (Linux)."""
    found = sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video*"))
    return f"none there (the system lists {', '.join(found)})" if found else "none there"


@contextmanager
def _silent() -> Iterator[None]:
    """Without OpenCV's own warnings about webcams that are not there."""
    import cv2

    logging: Any = cv2.utils.logging
    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)
