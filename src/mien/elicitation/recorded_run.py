"""One run of a camera's recording: its thread, and what it kept."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import MienError
from mien.elicitation.camera_feed import CameraFeed, Subscription
from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.clock import now_s
from mien.elicitation.run_files import (
    FilmFile,
    Form,
    FrameTable,
    PictureFile,
    PictureFolder,
    put_aside,
    run_paths,
)

_LAST_S = 0.5  # how long the last frame before the end may be on its way through this computer
_END_S = 30.0  # how long the frames that wait may take to be written


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What was kept of a run.

    Parameters
    ----------
    run, path
        Its number, and its film or folder of pictures.
    n_frames, n_lost
        Frames on disk, and numbers that are left out among them.
    first_s, last_s
        When the first and the last of them arrived (s); None without frames.
    trouble
        One sentence if recording it failed; what came before is kept.
    """

    run: int
    path: Path
    n_frames: int
    n_lost: int
    first_s: float | None
    last_s: float | None
    trouble: str | None = None


class RunRecording:
    """The recording of one run: a thread from `start` to `end`."""

    def __init__(self, frames: Subscription, feed: CameraFeed, run: int, code: int) -> None:
        self.run = run
        self._frames, self._feed, self._code = frames, feed, code
        self._begun_s = now_s()
        self._ended_s: float | None = None
        self._n_frames, self._n_lost = 0, 0
        self._first_s: float | None = None
        self._last: CameraFrame | None = None
        self._trouble: str | None = None
        self._n_bytes = 0

    def start(self, folder: Path, form: Form) -> None:
        self._path, self._table_path = run_paths(folder, self.run, form)
        self._thread = threading.Thread(
            target=self._record, args=(folder, form), name=f"run {self.run}", daemon=True
        )
        self._thread.start()

    @property
    def on(self) -> bool:
        return self._ended_s is None and self._trouble is None

    @property
    def n_waiting(self) -> int:
        return self._frames.waiting()

    def bytes_per_s(self) -> float | None:
        if self._last is None or self._last.stamp_s - self._begun_s < 1.0:
            return None
        return self._n_bytes / (self._last.stamp_s - self._begun_s)

    def result(self) -> RecordedRun:
        last_s = None if self._last is None else self._last.stamp_s
        return RecordedRun(
            self.run, self._path, self._n_frames, self._n_lost, self._first_s, last_s, self._trouble
        )

    def end(self) -> RecordedRun:
        if self._ended_s is None:
            self._ended_s = now_s()
        self._thread.join(_END_S)
        if self._thread.is_alive() and self._trouble is None:
            self._trouble = (
                f"{self._path}: wanted all frames on disk within {_END_S:g} s, got {self.n_waiting} \
still waiting; record fewer pixels, or to a faster disk."
            )
        return self.result()

    def _record(self, folder: Path, form: Form) -> None:
        pictures: PictureFile | None = None
        table: FrameTable | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            put_aside(folder, self.run)
            table = FrameTable(self._table_path, self._code)
            while (frame := self._next()) is not None:
                if pictures is None:
                    pictures = self._open(form, frame)
                self._keep(pictures, table, frame)
            if pictures is None:
                self._trouble = f"{self._path}: wanted frames, got none; look whether the camera is on."
        except Exception as error:  # the session goes on without this run's pictures, whatever went wrong
            self._trouble = self._told(error)
        finally:
            self._frames.close()
            for file in (pictures, table):
                try:
                    if file is not None:
                        file.close()
                except Exception as error:
                    self._trouble = self._trouble or self._told(error)

    def _open(self, form: Form, frame: CameraFrame) -> PictureFile:
        if form == "video":
            return FilmFile(self._path, frame, self._feed.camera.rate_hz)
        return PictureFolder(self._path, self._code, now_s())

    def _keep(self, pictures: PictureFile, table: FrameTable, frame: CameraFrame) -> None:
        if not self._path.exists() or not self._table_path.exists():
            raise FileNotFoundError(2, "its folder has vanished")
        pictures.add(frame)
        table.add(frame)
        if self._last is None:
            self._first_s = frame.stamp_s
        else:
            self._n_lost += max(0, frame.counter - self._last.counter - 1)
        self._n_frames, self._last = self._n_frames + 1, frame
        self._n_bytes = (
            self._path.stat().st_size if self._path.is_file() else self._n_bytes + frame.image.size
        )

    def _next(self) -> CameraFrame | None:
        """The next frame of this run; None once all that arrived before its end have come."""
        while True:
            frame = self._frames.get(0.05)
            ended_s = self._ended_s
            if frame is None:
                if ended_s is not None and self._none_on_its_way(ended_s):
                    return None
            elif ended_s is not None and frame.stamp_s > ended_s:
                return None
            elif frame.stamp_s >= self._begun_s:
                return frame

    def _none_on_its_way(self, ended_s: float) -> bool:
        """Whether no frame that arrived before the end can still come from the feed."""
        latest = self._feed.latest()
        none = (latest is not None and latest.stamp_s > ended_s) or now_s() > ended_s + _LAST_S
        return none and not self._frames.waiting()

    def _told(self, error: Exception) -> str:
        if isinstance(error, MienError):
            return str(error)
        got = (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip().lower()
        kept = f"{self._n_frames} frames and then {got}"
        return f"{self._path}: wanted room to record, got {kept}; free the disk or bring its folder back."
