"""One camera, many who look: a thread reads its frames and hands them to whoever subscribed."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from mien.core.errors import MienError
from mien.elicitation.camera_frame import Camera, CameraFrame
from mien.elicitation.clock import now_s

_RATE_OVER_S = 2.0
_STOP_S = 12.0  # longer than any camera's read waits


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """How a camera does.

    Parameters
    ----------
    n_frames
        Frames that arrived.
    rate_hz
        Of their arrival over the last 2 s; None before the second frame.
    n_lost
        Numbers that the camera's counter left out.
    age_s
        How long ago the newest arrived; None before the first.
    error
        One sentence once the camera broke or its source ended.
    """

    n_frames: int
    rate_hz: float | None
    n_lost: int
    age_s: float | None
    error: str | None


class Subscription:
    """Frames for one reader, who may be slow: the oldest that wait are then lost and counted."""

    def __init__(self, feed: CameraFeed, room: int) -> None:
        self._feed = feed
        self._frames: deque[CameraFrame] = deque(maxlen=room)
        self._changed = threading.Condition()
        self._closed = False
        self.lost = 0

    def get(self, timeout_s: float = 1.0) -> CameraFrame | None:
        """The next frame, waited for up to `timeout_s`; None if none came, at once if this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._closed, timeout_s)
            return self._frames.popleft() if self._frames else None

    def waiting(self) -> int:
        """Frames that are there to be got."""
        return len(self._frames)

    def close(self) -> None:
        """Get no further frames; those that wait can still be got."""
        self._feed._leave(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _put(self, frame: CameraFrame) -> None:
        with self._changed:
            if self._closed:
                return
            self.lost += len(self._frames) == self._frames.maxlen
            self._frames.append(frame)
            self._changed.notify_all()


class CameraFeed:
    """A thread that reads a camera and never waits for its readers.

    Parameters
    ----------
    camera
        Open; `stop` closes it.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self._readers: tuple[Subscription, ...] = ()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._latest: CameraFrame | None = None
        self._stamps: deque[float] = deque()
        self._n_frames, self._n_lost = 0, 0
        self._error: str | None = None

    def start(self) -> None:
        """Begin to read; nothing if it reads already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Read no more and close the camera; subscriptions get what still waits for them."""
        self._stopping.set()
        self.camera.close()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        for reader in self._readers:
            reader.close()

    def subscribe(self, *, room: int = 64) -> Subscription:
        """All frames from now on; up to `room` of them wait."""
        reader = Subscription(self, room)
        with self._lock:
            self._readers = (*self._readers, reader)
        return reader

    def latest(self) -> CameraFrame | None:
        """The newest frame; None before the first."""
        return self._latest

    def health(self) -> CameraHealth:
        """How the camera does at this moment."""
        now = now_s()
        with self._lock:
            recent = [stamp for stamp in self._stamps if stamp > now - _RATE_OVER_S]
            age_s = None if self._latest is None else max(0.0, now - self._latest.stamp_s)
            counts = self._n_frames, self._n_lost
        spent = recent[-1] - recent[0] if len(recent) > 1 else 0.0
        rate_hz = (len(recent) - 1) / spent if spent > 0 else None
        return CameraHealth(counts[0], rate_hz, counts[1], age_s, self._error)

    def _leave(self, reader: Subscription) -> None:
        with self._lock:
            self._readers = tuple(other for other in self._readers if other is not reader)

    def _read(self) -> None:
        try:
            while not self._stopping.is_set():
                frame = self.camera.read()
                if frame is None:
                    if not self._stopping.is_set():
                        self._error = f"{self.camera.name}: the camera's source has ended; open it again."
                    return
                self._take(frame)
        except MienError as error:
            self._error = str(error)
        except Exception as error:  # whatever a driver raises: the session goes on and says so
            self._error = f"{self.camera.name}: the camera broke ({error}); open it again."

    def _take(self, frame: CameraFrame) -> None:
        with self._lock:
            if self._latest is not None:
                self._n_lost += max(0, frame.counter - self._latest.counter - 1)
            self._latest = frame
            self._n_frames += 1
            self._stamps.append(frame.stamp_s)
            while self._stamps[0] < frame.stamp_s - _RATE_OVER_S:
                self._stamps.popleft()
            readers = self._readers
        for reader in readers:
            reader._put(frame)
