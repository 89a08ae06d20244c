"""Video files by FFmpeg: H.264 written frame by frame, `CONTAINERS_READ` read in order.

Frames are RGB, (height, width, 3) uint8, or their luma plane (height, width). Luma is left as it is stored:
from 16 to 235 in most videos (limited range), from 0 to 255 in those that state full range. A written file
depends on its frames only: equal frames give equal bytes. The preset `ultrafast` was measured the only one
to encode 192 x 192 at 1,200 frames per second and more on one thread.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.recording.formats.containers import check_container
from mien.recording.opening import file_size
from mien.recording.whole_file import make_final, unfinished_name

if TYPE_CHECKING:
    import av

CONTAINERS_READ = ("mov", "avi", "matroska", "mpeg", "mpegvideo", "mpegts", "asf", "flv", "ogg")
"""FFmpeg's names of the containers that are read; none is a list of other files, which FFmpeg can open."""

_CONTAINERS = {".mp4": "mp4", ".avi": "avi"}  # both state their number of frames: a cut file is found
_PRESET = "ultrafast"
_PLANAR = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")
_REMEDY = "give a whole video file, or export it again"
OPENING = {"format_whitelist": ",".join(CONTAINERS_READ), "protocol_whitelist": "file"}
"""How FFmpeg opens a file: nothing but this file is read."""
STRICTLY = {"err_detect": "explode"}
"""How FFmpeg decodes: damage is an error, and no picture is made up in its place."""


Crop = tuple[int, int, int, int]
"""Left, top, width and height of a part of a picture, pixels."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video holds; `rate_hz` is the file's stated rate, which a camera rarely keeps."""

    n_frames: int
    rate_hz: Fraction
    width: int
    height: int
    duration_s: float


class VideoWriter:
    """Write frames as H.264 (yuv420p); the file appears when the block ends, and not at all when it raises.

    Parameters
    ----------
    path
        Ends with .mp4 or .avi.
    width, height
        Pixels, even.
    rate_hz
        Frames per second that the file states; real times belong in a table beside it.
    quality
        Constant rate factor of x264, 0 (lossless) to 51; 18 is visually lossless.
    exact
        Keep pictures as they are, for recordings that were pictures: lossless, colours not thinned out, full
        range (luma of an 8-bit picture within one level), any size from 2 pixels. Such files are large.

    Raises
    ------
    OptionError
        If the suffix, size, rate or quality cannot be, or a frame has another shape or type.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        rate_hz: Fraction | int,
        quality: int = 18,
        exact: bool = False,
    ) -> None:
        self.path, self.n_frames = path, 0
        self._shape, self._rate = (height, width, 3), Fraction(rate_hz)
        self._quality, self._exact = 0 if exact else quality, exact
        if path.suffix.lower() not in _CONTAINERS:
            raise self._refusal(f"a name ending with {', '.join(_CONTAINERS)}", path.name)
        if min(width, height) < 2 or (not exact and (width % 2 or height % 2)):
            wanted = "width and height from 2" if exact else "even width and height"
            raise self._refusal(wanted, f"{width} x {height}")
        if not 0 < self._rate <= 10_000 or self._rate.denominator > 65535:
            raise self._refusal("a rate above 0 up to 10,000 Hz", rate_hz)
        if not 0 <= quality <= 51:
            raise self._refusal("a quality from 0 to 51", quality)
        self._container: Any = None

    def _refusal(self, wanted: str, got: object) -> OptionError:
        return OptionError(self.path, wanted=wanted, got=got, remedy="correct the video's settings")

    def __enter__(self) -> VideoWriter:
        import av

        self._unfinished = unfinished_name(self.path)
        try:
            self._container = av.open(
                str(self._unfinished),
                "w",
                format=_CONTAINERS[self.path.suffix.lower()],
                options={"fflags": "+bitexact"},
            )
            self._stream = self._open_stream()
        except BaseException:
            self._unfinished.unlink(missing_ok=True)
            raise
        return self

    def _open_stream(self) -> av.VideoStream:
        options = {"preset": _PRESET, "crf": str(self._quality), "bf": "0", "flags": "+bitexact"}
        stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        stream.height, stream.width = self._shape[:2]
        stream.pix_fmt = "yuvj444p" if self._exact else "yuv420p"
        stream.codec_context.gop_size = max(1, round(self._rate))  # about one second
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = 1 / self._rate
        return stream

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append one RGB frame, (height, width, 3) uint8."""
        import av

        if frame.shape != self._shape or frame.dtype != np.uint8:
            wanted = f"frames of {self._shape[0]} x {self._shape[1]} x 3 uint8"
            raise self._refusal(wanted, f"{frame.shape} {frame.dtype} at frame {self.n_frames}")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = self.n_frames, 1 / self._rate
        self._container.mux(self._stream.encode(picture))
        self.n_frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                if not self.n_frames:
                    raise self._refusal("at least one frame", "none")
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if kind is None:
                make_final(self._unfinished, self.path)
        except BaseException:
            if kind is None:  # an error of the block goes on, not one of closing what is thrown away
                raise
        finally:
            self._unfinished.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream; FFmpeg's errors become one sentence."""
    check_container(path, file_size(path, "a video file"))
    import av

    try:
        with av.open(f"file:{path}", options=OPENING) as container:
            if not container.streams.video:
                raise DataError(path, wanted="a video file", got="one without pictures", remedy=_REMEDY)
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise DataError(path, wanted="a known kind of video", got="another", remedy=_REMEDY)
            stream.thread_count = 1
            stream.codec_context.options = STRICTLY
            yield container, stream
    except (av.FFmpegError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "something that cannot be decoded"
        raise DataError(path, wanted="a whole video file", got=got, remedy=_REMEDY) from error


def _packets(path: Path, container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets with their data, then one that is empty; refuses a file that ends too early."""
    stated, found = stream.frames, 0
    for packet in container.demux(stream):
        if packet.size:
            found += 1
            if packet.is_corrupt:
                break
        elif found < stated:
            break
        yield packet
    else:
        if found:
            return
    raise DataError(
        path, wanted=f"{stated or 'all'} whole frames", got=f"damage after frame {found}", remedy=_REMEDY
    )


def read_frames(
    path: Path, *, luma: bool = False, only: Callable[[int], bool] | None = None, upright: bool = False
) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
    """Every frame in order: index from 0, presentation time in the file (s), and the picture.

    Parameters
    ----------
    luma
        Whether pictures are the luma plane (height, width) instead of RGB (height, width, 3).
    only
        Which indices come out; the others are decoded, as they must be, but not converted.
    upright
        Whether pictures are turned as the file asks players to turn them (telephones film on their side).

    Raises
    ------
    DataError
        If the file is absent, no video, or ends before its last frame; frames before the damage came out.
    """
    for index, (at, frame) in enumerate(_decoded(path)):
        if only is None or only(index):
            picture = _luma(frame, None) if luma else frame.to_ndarray(format="rgb24")
            yield index, at, np.rot90(picture, round(frame.rotation / 90)) if upright else picture


def read_luma(path: Path, *, crop: Crop | None = None) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Every frame in order: presentation time in the file (s), and its luma or a part of it.

    Only the part is copied out of the decoder's own plane, without converting any colour, in one thread and
    flat memory. Values are those stored (see this module): limited-range luma is not stretched.

    Parameters
    ----------
    crop
        Left, top, width, height in pixels, inside the picture; the whole picture where it is left out.

    Yields
    ------
    time and an array of shape (height, width), uint8, that is the caller's own.

    Raises
    ------
    OptionError
        If the part is empty or reaches beyond the picture.
    DataError
        As `read_frames`.
    """
    for at, frame in _decoded(path):
        if crop is not None:
            _check_crop(path, crop, frame.width, frame.height)
        yield at, _luma(frame, crop)


def _decoded(path: Path) -> Iterator[tuple[float, Any]]:
    """Presentation times and decoded frames, all of one size, one for every frame that the file holds."""
    with _opened(path) as (container, stream):
        index, expected, rate, size = 0, 0, stream.average_rate or Fraction(1), None
        waiting: list[int] = []  # presentation times of packets whose frame has not come yet
        last = -math.inf
        for packet in _packets(path, container, stream):
            if packet.size and not packet.is_discard:
                expected += 1
                if packet.pts is not None:
                    heapq.heappush(waiting, packet.pts)
            for frame in packet.decode():
                at = float(index / rate) if frame.pts is None else float(frame.pts * frame.time_base)
                found = frame.width, frame.height
                if frame.pts is not None and waiting and waiting[0] < frame.pts:
                    got = f"one lost before {at:.3f} s"
                elif frame.is_corrupt or at < last:
                    got = (
                        f"a damaged one at {at:.3f} s"
                        if frame.is_corrupt
                        else f"{at:.3f} s after {last:.3f} s"
                    )
                elif found != (size or found):
                    got = f"{found[0]} x {found[1]} pixels at {at:.3f} s"
                else:
                    if waiting and waiting[0] == frame.pts:
                        heapq.heappop(waiting)
                    size, last, index = found, at, index + 1
                    yield at, frame
                    continue
                wanted = "whole frames of one size, one after another"
                raise DataError(path, wanted=wanted, got=got, remedy=_REMEDY)
        if index != expected:
            raise DataError(path, wanted=f"{expected} frames", got=f"{index}", remedy=_REMEDY)


def _check_crop(path: Path, crop: Crop, width: int, height: int) -> None:
    left, top, wide, high = crop
    if not (
        left >= 0 and top >= 0 and wide > 0 and high > 0 and left + wide <= width and top + high <= height
    ):
        wanted = f"a part within {width} x {height} pixels"
        got = f"{wide} x {high} at ({left}, {top})"
        raise OptionError(path, wanted=wanted, got=got, remedy="give left, top, width and height inside it")


def _luma(frame: Any, crop: Crop | None) -> NDArray[np.uint8]:
    if frame.format.name not in _PLANAR:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    whole = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)
    left, top, width, height = crop or (0, 0, frame.width, frame.height)
    return whole[top : top + height, left : left + width].copy()


def count_frames(path: Path) -> int:
    """The number of frames in the file, counted without decoding; raises DataError as `read_frames` does.

    Frames that the container keeps but leaves out when it is played (an edit list) are not counted.
    """
    with _opened(path) as (container, stream):
        return sum(packet.size > 0 and not packet.is_discard for packet in _packets(path, container, stream))


def probe(path: Path) -> VideoInfo:
    """Number of frames (counted), stated rate, size in pixels and duration (s); raises DataError."""
    n_frames = count_frames(path)
    with _opened(path) as (_, stream):
        rate = stream.average_rate or stream.base_rate
        if not rate or not stream.width:
            raise DataError(path, wanted="a video with a rate and a size", got="none", remedy=_REMEDY)
        return VideoInfo(n_frames, Fraction(rate), stream.width, stream.height, float(n_frames / rate))
