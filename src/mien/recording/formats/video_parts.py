"""Parts of a video: when every frame is shown, known without decoding, and the luma of some of them.

Conventions as in `video`. A damaged file is read as far as it goes: what cannot be decoded does not come out,
and neither does anything after it up to the next key frame, because decoders make such pictures up. Frames
are numbered by their time, so that a missing one never moves the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.recording.formats.video import _luma, _opened, read_luma

_EXACT_INDEX = ("mov", "matroska")  # of containers: the others find a key frame by guessing
_AT_LEAST_S = 1e-9
_REORDERED = 16  # frames at most that a key frame may be stored before those shown before it (H.264, H.265)


@dataclass(frozen=True, slots=True, eq=False)
class FrameTimes:
    """When the frames of a video are shown.

    Parameters
    ----------
    times_s
        Shape (n_frames,), seconds of the file, strictly increasing.
    end_s
        Where the file says that it ends, or the last frame's end if that is later.
    damage
        Why there are no frames from the last one to `end_s`; None where the file is whole.
    stamped
        Whether every frame has a stamp of its own in the container.
    """

    times_s: FloatArray
    end_s: float
    damage: str | None
    stamped: bool


def frame_times(path: Path) -> FrameTimes:
    """The times of all frames, from the container's stamps; decoded once where it has none.

    Raises
    ------
    DataError
        If the file is absent, empty, no video or holds no frame.
    """
    stamps: list[float | None] = []
    found = 0
    with _opened(path) as (container, stream):
        base, stated, rate = stream.time_base, stream.frames, stream.average_rate
        length = stream.duration * base if stream.duration else (container.duration or 0) / 1_000_000
        for packet in _demuxed(container, stream):
            found += packet.size > 0
            if packet.size and not packet.is_discard:
                stamps.append(None if packet.pts is None else float(packet.pts * base))
    known = [at for at in stamps if at is not None]
    times = np.unique(np.array(known, dtype=np.float64))
    stamped = len(times) == len(stamps)
    damage: str | None = None
    if not stamped:
        times, damage = _decoded_times(path)
    if not len(times):
        raise DataError(
            path, wanted="a video with frames", got="none that can be read", remedy="give a whole video file"
        )
    step = float(np.median(np.diff(times))) if len(times) > 1 else float(1 / rate) if rate else 0.0
    last_s, end_s = float(times[-1]) + step, float(times[0]) + float(length)
    # Frames that an edit list leaves out are stated too, but they shorten the stated length.
    if stamped and found < stated and (not length or end_s > last_s + step / 2):
        damage = f"the file ends after {found} of {stated} frames"
    return FrameTimes(times, max(last_s, end_s), damage, stamped)


def _decoded_times(path: Path) -> tuple[FloatArray, str | None]:
    times: list[float] = []
    try:
        for at, _ in read_luma(path, crop=(0, 0, 2, 2)):
            times.append(at)
    except DataError as error:
        return np.unique(times), error.got
    return np.unique(times), None


def read_luma_part(
    path: Path, frames: FrameTimes, first: int, *, only: Callable[[int], bool]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Index and luma of the wanted frames from number `first` on, upright, as far as they can be decoded.

    Decoding starts at a key frame before `first` where the container's index is exact, else at the file's
    beginning; so it does where frames refer to others from before that key frame. Pictures are turned as the
    file asks players to turn them.
    """
    decoded = _numbered(path, frames, max(first - _REORDERED, 0))
    head = next(decoded, None)
    if first > _REORDERED and (head is None or head[0] > first):
        decoded = _numbered(path, frames, 0)
        head = next(decoded, None)
    for index, frame in chain([] if head is None else [head], decoded):
        if index >= first and only(index):
            turned = np.rot90(_luma(frame, None), round(frame.rotation / 90))
            yield index, np.ascontiguousarray(turned)


def _numbered(path: Path, frames: FrameTimes, entry: int) -> Iterator[tuple[int, Any]]:
    """Index and decoded picture of every whole frame, from a key frame at or before `entry` on."""
    import av

    with _opened(path) as (container, stream):
        seeking = frames.stamped and any(name in container.format.name for name in _EXACT_INDEX)
        if entry > 0 and seeking:
            container.seek(round(frames.times_s[entry] / stream.time_base), stream=stream, backward=True)
        expected, whole, key_s = -1, False, -np.inf
        for packet in _demuxed(container, stream):
            if not whole and packet.size:
                if not packet.is_keyframe:
                    continue
                whole, expected = True, -1
                key_s = -np.inf if packet.pts is None else float(packet.pts * stream.time_base)
            elif seeking and packet.pts is not None and float(packet.pts * stream.time_base) < key_s:
                continue  # of an open group of pictures: it refers to frames before the one entered at
            try:
                decoded: list[Any] = packet.decode()
            except av.FFmpegError:
                if not frames.stamped:
                    return
                stream.codec_context.flush_buffers()
                whole = False
                continue
            for frame in decoded:
                at = None if frame.pts is None else float(frame.pts * frame.time_base)
                index = expected + 1 if not frames.stamped else _index(frames, at)
                if index is None or (frames.stamped and at is not None and at < key_s - _AT_LEAST_S):
                    continue
                if frame.is_corrupt or (expected >= 0 and index != expected + 1):
                    whole = False  # a picture is missing: those that follow refer to it
                    if not frames.stamped:
                        return
                    break
                expected = index
                yield index, frame


def _index(frames: FrameTimes, at: float | None) -> int | None:
    """The number of the frame shown at a time; None where there is no such frame."""
    if at is None:
        return None
    index = int(np.searchsorted(frames.times_s, at - _AT_LEAST_S))
    found = index < len(frames.times_s) and abs(frames.times_s[index] - at) <= _AT_LEAST_S
    return index if found else None


def _demuxed(container: Any, stream: Any) -> Iterator[Any]:
    """Packets as far as the container can be read; the last one is empty and asks for what is left."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        if not packet.is_corrupt:
            yield packet
