"""A copy of a video made to be looked at frame by frame: frame n is found in milliseconds, and is frame n.

Recordings have a key frame every second or every ten, and a frame between is decoded through all before it.
A proxy has one every `GROUP` frames, no frame that refers to a later one, and a time stamp that is the
frame's number: what comes out of the decoder says itself which frame it is. Numbers count the source's frames
in order of presentation, from 0, as tables of frame times do; pictures are upright. Sound is left out.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import write_atomically
from mien.recording.formats.video import _decoded
from mien.recording.whole_file import make_final, unfinished_name

GROUP = 4
"""Frames from one key frame to the next: at most 3 are decoded on the way to any other."""
QUALITY = 16
"""x264's constant rate factor: no difference to be seen at a magnified face."""
VERSION = 1
_PRESET = "superfast"
_KEPT = 3 * GROUP
_RATE = 30
"""A proxy states 30 Hz whatever the recording's rate was: its times are numbers, and mean nothing else."""


@dataclass(frozen=True, slots=True)
class ProxyInfo:
    """What a proxy was made from, and what it holds.

    `damage` says why the source's frames end before the file does; None where the source is whole.
    """

    source: str
    size_bytes: int
    modified_ns: int
    n_frames: int
    width: int
    height: int
    damage: str | None = None
    version: int = VERSION


def make_proxy(source: Path, proxy: Path, *, told: Callable[[int], bool] | None = None) -> ProxyInfo:
    """Copy every frame of a video into a proxy, and what it was made from into a JSON file beside it.

    Parameters
    ----------
    told
        Called with the number of frames done, now and then; False stops and leaves nothing.

    Raises
    ------
    DataError
        If the source is no video, or has no frame that can be decoded.
    InterruptedError
        If `told` said so.
    """
    state = source.stat()
    unfinished = unfinished_name(proxy)
    try:
        n_frames, width, height, damage = _copy(source, unfinished, told)
        make_final(unfinished, proxy)
    finally:
        unfinished.unlink(missing_ok=True)
    info = ProxyInfo(source.name, state.st_size, state.st_mtime_ns, n_frames, width, height, damage)
    write_atomically(_beside(proxy), json.dumps(asdict(info), indent=1).encode())
    return info


def _copy(source: Path, target: Path, told: Callable[[int], bool] | None) -> tuple[int, int, int, str | None]:
    import av

    done, width, height, damage = 0, 0, 0, None
    with av.open(str(target), "w", format="mp4") as container:
        stream: Any = None
        for found in _until_damage(source):
            if isinstance(found, str):
                damage = found
                break
            frame = _upright(found)
            if stream is None:
                width, height = frame.width, frame.height
                stream = _stream(container, width, height)
            frame = _even(frame)
            frame.pts, frame.time_base = done, Fraction(1, _RATE)
            container.mux(stream.encode(frame))
            done += 1
            if told is not None and done % GROUP == 0 and not told(done):
                raise InterruptedError
        if stream is not None:
            container.mux(stream.encode(None))
    if not done:
        raise DataError(
            source, wanted="a video with frames", got=damage or "none", remedy="record or copy it again"
        )
    return done, width, height, damage


def _until_damage(source: Path) -> Iterator[Any]:
    """Decoded frames in order; what is wrong, as a text, where they end before the file does."""
    try:
        for _, frame in _decoded(source):
            yield frame
    except DataError as error:
        yield error.got


def _stream(container: Any, width: int, height: int) -> Any:
    stream = container.add_stream("libx264", rate=_RATE)
    stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
    stream.codec_context.time_base = Fraction(1, _RATE)
    stream.codec_context.gop_size = GROUP
    stream.codec_context.max_b_frames = 0
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {
        "preset": _PRESET,
        "crf": str(QUALITY),
        "tune": "fastdecode",
        "x264-params": f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0:open-gop=0:bframes=0",
    }
    return stream


def _upright(frame: Any) -> Any:
    """The frame turned as the file asks players to turn it."""
    import av

    if not frame.rotation:
        return frame
    turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(turned), format="rgb24")


def _even(frame: Any) -> Any:
    """The frame in the proxy's colours; its last row and column twice where their number is odd."""
    import av

    if frame.width % 2 == 0 and frame.height % 2 == 0:
        return frame.reformat(format="yuv420p")
    picture = frame.to_ndarray(format="rgb24")
    padded = np.pad(picture, ((0, frame.height % 2), (0, frame.width % 2), (0, 0)), mode="edge")
    return av.VideoFrame.from_ndarray(padded, format="rgb24").reformat(format="yuv420p")


def _beside(proxy: Path) -> Path:
    return proxy.with_suffix(".json")


def proxy_info(proxy: Path, source: Path) -> ProxyInfo | None:
    """What a proxy holds; None where there is none, or it is not of the source as it is now."""
    try:
        said = json.loads(_beside(proxy).read_text(encoding="utf-8"))
        info = ProxyInfo(**{field.name: said[field.name] for field in fields(ProxyInfo)})
        state = source.stat()
    except (OSError, ValueError, TypeError, KeyError):
        return None
    same = (info.source, info.size_bytes, info.modified_ns, info.version) == (
        source.name,
        state.st_size,
        state.st_mtime_ns,
        VERSION,
    )
    return info if same and proxy.is_file() and info.n_frames > 0 else None


class ProxyReader:
    """Frames of a proxy by number, from any thread; the last ones decoded are kept.

    Raises
    ------
    DataError
        If the proxy cannot be decoded, or does not hold the frame that is asked for.
    """

    def __init__(self, proxy: Path, info: ProxyInfo) -> None:
        import av

        self._path, self._info = proxy, info
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._closed = False
        try:
            self._container = av.open(str(proxy))
            self._stream = self._container.streams.video[0]
            self._stream.thread_count = 1
            self._decoded: Iterator[Any] = self._container.decode(self._stream)
        except (av.FFmpegError, IndexError) as error:
            raise self._broken(str(error)) from error
        self._step = round(Fraction(1, _RATE) / (self._stream.time_base or Fraction(1, _RATE)))
        self._at = 0

    def _broken(self, got: str) -> DataError:
        return DataError(self._path, wanted="a whole proxy", got=got, remedy="delete it: it is made again")

    def frame(self, number: int, *, width: int | None = None) -> NDArray[np.uint8]:
        """Frame `number` as BGR, (height, width, 3) uint8; at most `width` wide, never enlarged.

        Raises OptionError for a number that the video has not.
        """
        if not 0 <= number < self._info.n_frames:
            raise OptionError(
                "frame", wanted=f"0 to {self._info.n_frames - 1}", got=number, remedy="ask for one of them"
            )
        wide, high = self._info.width, self._info.height
        with self._lock:  # a frame's converter waits for ever if two threads use it at once
            found = self._find(number)
            if width is not None and width < wide:
                high, wide = max(1, round(high * width / wide)), width
                return np.asarray(found.to_ndarray(format="bgr24", width=wide, height=high))
            return np.asarray(found.to_ndarray(format="bgr24"))[:high, :wide]

    def _find(self, number: int) -> Any:
        import av

        kept = self._kept.get(number)
        if kept is not None:
            self._kept.move_to_end(number)
            return kept
        if self._closed:
            raise self._broken("one that was closed")
        try:
            if not self._at <= number < self._at + GROUP:
                self._container.seek(number * self._step, stream=self._stream, backward=True)
                self._decoded = self._container.decode(self._stream)
            for frame in self._decoded:
                index = None if frame.pts is None else frame.pts // self._step
                if index is None or frame.pts % self._step or index > number:
                    break
                self._keep(index, frame)
                self._at = index + 1
                if index == number:
                    return frame
        except (av.FFmpegError, ValueError) as error:
            raise self._broken(str(error)) from error
        self._at = self._info.n_frames  # whatever is asked next begins with a key frame
        raise self._broken(f"no frame {number}")

    def _keep(self, index: int, frame: Any) -> None:
        self._kept[index] = frame
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def close(self) -> None:
        """Let go of the file; frames that are kept can still be had."""
        with self._lock:
            self._closed = True
            self._container.close()
