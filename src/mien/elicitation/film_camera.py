"""A video file played as a camera: in real time by a clock of its own, again from the start at its end."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.clock import now_s
from mien.recording.formats import read_frames
from mien.recording.formats.video_parts import frame_times

_Film = Generator[tuple[int, float, NDArray[np.uint8]], None, None]
_HELD = 4  # frames that wait for a late reader, as in a webcam's driver


class FilmCamera:
    """The frames of a film, each when it is due; who reads too late loses frames, as with a camera.

    Parameters
    ----------
    path
        A video file with at least two frames.

    Raises
    ------
    DataError
        If the file is absent, no video, or its first frame cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        times = frame_times(path)
        if len(times.times_s) < 2 or times.damage is not None:
            got = times.damage or "a single frame"
            raise DataError(
                path, wanted="a film to play as a camera", got=got, remedy="give a whole video file"
            )
        self.name = path.name
        self._path = path
        self._due_s = times.times_s - times.times_s[0]
        self._round_s = times.end_s - float(times.times_s[0])
        first = next(read_frames(path, upright=True))[2]
        self.height, self.width = first.shape[:2]
        self.rate_hz: float | None = round(len(self._due_s) / self._round_s, 3)
        self._begun_s: float | None = None
        self._counter = 0  # of the frame that comes next
        self._wanted = 0  # its index in the film
        self._decoded = 0  # index that is decoded next
        self._frames = self._from_the_start()
        self._closed = threading.Event()

    def read(self) -> CameraFrame | None:
        """The next frame when it is due; after a pause, the oldest of those still held."""
        if self._begun_s is None:
            self._begun_s = now_s()
        counter = max(self._counter, self._number_at(now_s() - self._begun_s) - _HELD)
        image = self._picture(counter % len(self._due_s))
        due_s = self._begun_s + self._due(counter)
        while (left := due_s - now_s()) > 0 and not self._closed.wait(left):
            pass
        if self._closed.is_set():
            self._frames.close()
            return None
        self._counter = counter + 1
        return CameraFrame(image, now_s(), counter)

    def close(self) -> None:
        """Stop playing; a thread that waits for a frame gets None."""
        self._closed.set()

    def _due(self, counter: int) -> float:
        rounds, index = divmod(counter, len(self._due_s))
        return rounds * self._round_s + float(self._due_s[index])

    def _number_at(self, at_s: float) -> int:
        """The last frame that was due."""
        rounds, rest = divmod(at_s, self._round_s)
        return int(rounds) * len(self._due_s) + int(np.searchsorted(self._due_s, rest, side="right")) - 1

    def _picture(self, index: int) -> NDArray[np.uint8]:
        """A frame of the film, decoded from where the last one was, or from the start."""
        if index < self._decoded:
            self._frames.close()
            self._frames, self._decoded = self._from_the_start(), 0
        self._wanted = index
        _, _, picture = next(self._frames)
        self._decoded = index + 1
        return np.ascontiguousarray(picture)

    def _from_the_start(self) -> _Film:
        frames = read_frames(self._path, only=lambda index: index >= self._wanted, upright=True)
        return cast(_Film, frames)
