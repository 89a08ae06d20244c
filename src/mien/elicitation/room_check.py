"""The check before a session: camera and room, disk, trigger and streams; each a pass or a sentence.

A check that fails says what to do; it forbids nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from mien.core.errors import MienError
from mien.elicitation.camera_feed import CameraFeed
from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.camera_recording import FrameRecorder, RecordedRun
from mien.elicitation.clock import now_s
from mien.elicitation.room_pictures import Small, small_luma
from mien.elicitation.room_verdicts import CheckResult, SeenRoom, first_up, judge_pictures
from mien.elicitation.streams import StreamHealth
from mien.elicitation.trigger_devices import NullTrigger
from mien.signals.face.finding import FaceFinder, HaarFinder

__all__ = ["TEST_CODE", "CheckResult", "check_room"]

_SEARCHED = 6  # pictures in which faces are looked for
_STREAM_RATE_ERROR = 0.01  # measured against stated
_MARGIN, _RESERVE_BYTES = 1.2, 500_000_000  # of disk: for the streams, and for the computer itself
_CHECKED_RUN = 0
TEST_CODE = 255
"""What a trigger device that cannot answer is sent: the other recorders should show it."""


class CheckedTrigger(Protocol):
    """A trigger device, steady or not."""

    @property
    def name(self) -> str: ...
    def send(self, code: int) -> object: ...
    def round_trip_ms(self) -> float | None: ...


def check_room(
    feed: CameraFeed | None,
    *,
    trigger: CheckedTrigger | None,
    streams: Sequence[StreamHealth],
    folder: Path,
    planned_s: float,
    seconds: float = 3.0,
    finder: FaceFinder | None = None,
) -> list[CheckResult]:
    """The checks in order: camera, exposure, flicker, face, background, frame-rate, dropped-frames, disk,
    trigger, streams; without a camera, or pictures from it, those about pictures are left out.

    Parameters
    ----------
    feed
        Started, with the participant before the camera; None where none was chosen.
    trigger
        Is sent one code; None where none was chosen.
    streams
        How those that are recorded do.
    folder
        Where the session is recorded: a run is tried there and deleted again.
    planned_s
        How long the session will last.
    seconds
        How long pictures are taken for.
    finder
        Of faces; OpenCV's cascades where it is left out.
    """
    results: list[CheckResult] = []
    bytes_per_s: float | None = 0.0
    if feed is None:
        results.append(CheckResult("camera", False, "No camera was chosen: no face will be recorded."))
    else:
        seen, tried = _watch(feed, folder, seconds)
        results.append(_camera(feed, len(seen.stamps_s)))
        if len(seen.stamps_s) >= 2:
            results += judge_pictures(seen, feed.camera.rate_hz, finder or HaarFinder())
        bytes_per_s = tried.bytes_per_s
        if tried.run.trouble is not None and len(seen.stamps_s) >= 2:
            results.append(CheckResult("disk", False, tried.run.trouble))
            bytes_per_s = None
    if bytes_per_s is not None:
        results.append(_disk(folder, planned_s, bytes_per_s))
    return [*results, _trigger(trigger), _streams(streams)]


@dataclass(frozen=True, slots=True)
class _Tried:
    run: RecordedRun
    bytes_per_s: float


def _watch(feed: CameraFeed, folder: Path, seconds: float) -> tuple[SeenRoom, _Tried]:
    """What the camera gives for some seconds, while a run of it is recorded."""
    frames = feed.subscribe()
    recorder: FrameRecorder | None = None
    place: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=folder, prefix=".check-"))
    except OSError:
        place = folder / ".check"  # the recorder will say what is wrong with it
    try:
        recorder = FrameRecorder(feed, place)
        recorder.begin(_CHECKED_RUN, 0)
        seen = _collect(feed, frames.get, seconds)
        run = recorder.end()
        spent_s = (run.last_s or 0.0) - (run.first_s or 0.0)
        n_bytes = run.path.stat().st_size if run.path.is_file() else 0
        return seen, _Tried(run, n_bytes / spent_s if spent_s > 0 else 0.0)
    finally:
        frames.close()
        if recorder is not None:
            recorder.close()
        shutil.rmtree(place, ignore_errors=True)


def _collect(feed: CameraFeed, get: Callable[[float], CameraFrame | None], seconds: float) -> SeenRoom:
    stamps: list[float] = []
    counters: list[int] = []
    small: list[Small] = []
    whole: list[CameraFrame] = []
    end_s, lost_before = now_s() + seconds, feed.health().n_lost
    every_s, next_s = seconds / _SEARCHED, now_s()
    while (left := end_s - now_s()) > 0:
        frame = get(left)
        if frame is None:
            continue
        stamps.append(frame.stamp_s)
        counters.append(frame.counter)
        small.append(small_luma(frame))
        if frame.stamp_s >= next_s:
            whole.append(frame)
            next_s += every_s
    n_lost = feed.health().n_lost - lost_before
    pictures = np.stack(small) if small else np.empty((0, 2, 2), dtype=np.float32)
    return SeenRoom(np.array(stamps), np.array(counters, dtype=np.int64), pictures, whole, n_lost)


def _camera(feed: CameraFeed, n_frames: int) -> CheckResult:
    camera, error = feed.camera, feed.health().error
    if error is not None or n_frames < 2:
        sentence = error or f"{camera.name}: no pictures came; check its cable, or choose another camera."
        return CheckResult("camera", False, sentence, float(n_frames), "frames")
    stated = "no stated rate" if camera.rate_hz is None else f"{camera.rate_hz:g} frames/s"
    sentence = f"{camera.name}: {camera.width} x {camera.height} pixels, {stated}."
    return CheckResult("camera", True, sentence, float(n_frames), "frames")


def _disk(folder: Path, planned_s: float, bytes_per_s: float) -> CheckResult:
    try:
        free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    except OSError as error:
        sentence = f"{folder}: the disk cannot be asked ({error.strerror}); check the folder."
        return CheckResult("disk", False, sentence)
    wanted = _MARGIN * planned_s * bytes_per_s + _RESERVE_BYTES
    told = f"{free / 1e9:.1f} GB free, {wanted / 1e9:.1f} needed for {planned_s / 60:.0f} min"
    if free >= wanted:
        return CheckResult("disk", True, f"{first_up(told)}.", free / 1e9, "GB")
    sentence = f"{first_up(told)}: free the disk, or record to another."
    return CheckResult("disk", False, sentence, free / 1e9, "GB")


def _trigger(trigger: CheckedTrigger | None) -> CheckResult:
    if trigger is None or trigger.name == NullTrigger.name:
        return CheckResult("trigger", True, "No trigger device is used.")
    try:
        back_ms = trigger.round_trip_ms()
        sent = None if back_ms is not None else trigger.send(TEST_CODE)
    except MienError as error:
        return CheckResult("trigger", False, str(error))
    if back_ms is not None:
        told = f"{trigger.name}: a byte is back after {back_ms:.1f} ms."
        return CheckResult("trigger", True, told, back_ms, "ms")
    at_s = sent if isinstance(sent, float) else getattr(sent, "at_s", None)
    if at_s is None:
        trouble = getattr(sent, "trouble", None) or getattr(trigger, "trouble", None)
        told = trouble or f"{trigger.name}: no code could be sent; check its cable."
        return CheckResult("trigger", False, told)
    told = f"{trigger.name}: code {TEST_CODE} was sent; nothing comes back, so look for it in the recorder."
    return CheckResult("trigger", True, told)


def _streams(streams: Sequence[StreamHealth]) -> CheckResult:
    troubles = [told for stream in streams if (told := _stream_trouble(stream)) is not None]
    if troubles:
        return CheckResult("streams", False, " ".join(troubles), float(len(troubles)), "streams")
    told = f"All {len(streams)} streams come at their rates." if streams else "No streams are recorded."
    return CheckResult("streams", True, told, float(len(streams)), "streams")


def _stream_trouble(stream: StreamHealth) -> str | None:
    if stream.error is not None:
        return stream.error
    if stream.stated_hz <= 0:
        return None
    if stream.rate_hz is None:
        return f"{stream.name}: too few samples came to measure its rate; check its sender, and check again."
    if abs(stream.rate_hz / stream.stated_hz - 1) > _STREAM_RATE_ERROR:
        return (
            f"{stream.name}: {stream.rate_hz:.2f} samples/s instead of {stream.stated_hz:g}; "
            "check its sender and the network."
        )
    return None
