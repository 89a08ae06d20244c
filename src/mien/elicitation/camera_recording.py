"""Frames to disk while a run lasts: those that arrived after its beginning and before its end."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from mien.elicitation.camera_feed import CameraFeed
from mien.elicitation.recorded_run import RecordedRun, RunRecording
from mien.elicitation.run_files import Form, mend_run, read_frame_table

__all__ = ["FrameRecorder", "RecordedRun", "RecorderHealth", "mend_run", "read_frame_table"]

_ROOM_BYTES = 256_000_000  # of frames that wait for the disk


@dataclass(frozen=True, slots=True)
class RecorderHealth:
    """How the recording does at this moment.

    Parameters
    ----------
    on, run
        Whether a run is recorded, and which one, or was last; None before the first.
    n_frames, n_lost
        Of that run, as in `RecordedRun`.
    n_waiting
        Frames that arrived and are not on disk yet.
    bytes_per_s
        What the present run has taken; the last one's rate after it, None before the first second.
    free_bytes
        On the disk of the recordings; None where it cannot be asked.
    left_s
        How long this will do at that rate; None where either is not known.
    trouble
        One sentence if the present run, or the last, could not be recorded.
    """

    on: bool
    run: int | None
    n_frames: int
    n_lost: int
    n_waiting: int
    bytes_per_s: float | None
    free_bytes: int | None
    left_s: float | None
    trouble: str | None


class FrameRecorder:
    """A feed's frames to disk, one film or folder of pictures a run; its layout is that of `run_files`.

    A disk that is full or gone ends the recording of a run with a sentence, and nothing else: the next run
    is tried again.

    Parameters
    ----------
    feed
        Started, and stopped, by the caller.
    folder
        Of the session's camera; made where it is absent.
    form
        "video": H.264 of constant rate factor 14; "images": a TIFF for every frame.
    """

    def __init__(self, feed: CameraFeed, folder: Path, *, form: Form = "video") -> None:
        self._feed, self._folder, self._form = feed, folder, form
        camera = feed.camera
        self._room = max(32, min(2000, _ROOM_BYTES // max(1, camera.width * camera.height * 3)))
        self._run: RunRecording | None = None
        self._lock = threading.Lock()

    def begin(self, run: int, code: int) -> None:
        """Record every frame that arrives from now on; raises nothing: see `trouble` in `health`.

        Parameters
        ----------
        run
            Number of the trial; an earlier recording of it is kept as run-01_cut-1.
        code
            Of the trigger, for the table and the names of pictures.
        """
        with self._lock:
            if self._run is not None:
                self._run.end()
            self._run = RunRecording(self._feed.subscribe(room=self._room), self._feed, run, code)
            self._run.start(self._folder, self._form)

    def end(self) -> RecordedRun:
        """Record the frames that have arrived, no further one, and close the run's files.

        A run that has not begun, or has ended, is an empty one with a `trouble`.
        """
        with self._lock:
            if self._run is None:
                trouble = f"{self._folder}: wanted a run that is recorded, got none; begin one."
                return RecordedRun(0, self._folder, 0, 0, None, None, trouble)
            return self._run.end()

    def health(self) -> RecorderHealth:
        """How the recording does."""
        run = self._run
        try:
            folder = self._folder if self._folder.exists() else self._folder.parent
            free_bytes = shutil.disk_usage(folder).free
        except OSError:
            free_bytes = None
        if run is None:
            return RecorderHealth(False, None, 0, 0, 0, None, free_bytes, None, None)
        rate = run.bytes_per_s()
        left_s = free_bytes / rate if free_bytes is not None and rate else None
        done = run.result()
        return RecorderHealth(
            run.on, run.run, done.n_frames, done.n_lost, run.n_waiting, rate, free_bytes, left_s, done.trouble
        )

    def close(self) -> None:
        """End the run that is recorded, if any."""
        with self._lock:
            if self._run is not None:
                self._run.end()
