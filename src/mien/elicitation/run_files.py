"""The files of one recorded run: a film or a folder of pictures, and a table with a row for every frame.

Conventions: run 1 is `run-01.mkv` or the folder `run-01/`, with `run-01_frames.tsv` beside it: columns
`frame` (from 0, its place in the film), `counter` (the camera's own), `host_time_s` (arrival on the session's
clock) and `trigger` (the code that was on). Both are handed to the system as frames come, so that a process
that is killed loses at most the film's last half second; `mend_run` then brings the two together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.elicitation.camera_frame import CameraFrame
from mien.recording.formats.images import COUNTER_ENDS
from mien.recording.whole_file import whole_file

Form = Literal["video", "images"]
FRAME_COLUMNS = ("frame", "counter", "host_time_s", "trigger")
QUALITY = 14
"""Constant rate factor of x264: visually lossless is 18, lower is better."""
_PRESET = "ultrafast"  # one core: 640 x 480 at 130 frames/s and more, 1280 x 720 at 40; others fall below
_CLUSTER_MS = 400  # of the film that wait in memory
_TICK = Fraction(1, 1000)  # s: what Matroska counts in


class PictureFile(Protocol):
    """Where the pictures of a run go."""

    path: Path

    def add(self, frame: CameraFrame) -> None:
        """Keep one more frame; OSError or a library's error where it cannot."""
        ...

    def close(self) -> None: ...


class FilmFile:
    """H.264 in Matroska, in true time: every frame is shown when it arrived, to the millisecond."""

    def __init__(self, path: Path, frame: CameraFrame, rate_hz: float | None) -> None:
        import av

        self.path, self._n_frames, self._last = path, 0, -1
        self._begun_s = frame.stamp_s
        path.touch()  # FFmpeg makes it with the first frame only
        height, width = frame.image.shape[:2]
        self._even = height % 2 == 0 and width % 2 == 0
        self._container: Any = av.open(
            str(path),
            "w",
            format="matroska",
            options={"cluster_time_limit": str(_CLUSTER_MS), "flush_packets": "1"},
        )
        options = {"preset": _PRESET, "tune": "zerolatency", "crf": str(QUALITY), "bf": "0"}
        rate = Fraction(rate_hz or 30.0).limit_denominator(1000)
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p" if self._even else "yuv444p"
        self._stream.codec_context.time_base = _TICK
        self._stream.codec_context.gop_size = max(1, round(rate))
        self._stream.codec_context.thread_count = 1

    def add(self, frame: CameraFrame) -> None:
        """Append one frame."""
        import av
        import cv2

        if self._even:
            planes = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2YUV_I420), dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        else:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.image), format="rgb24")
        self._last = max(self._last + 1, round((frame.stamp_s - self._begun_s) * 1000))
        picture.pts, picture.time_base = self._last, _TICK
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """Write what waits, and the film's index."""
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


class PictureFolder:
    """One TIFF a frame, named `Y-M-D-h-m-s-ms-counter-marker` as MMME's recorder did, in local time."""

    def __init__(self, path: Path, code: int, clock_s: float) -> None:
        self.path, self._code = path, code
        path.mkdir(parents=True)
        self._zero = datetime.now() - timedelta(seconds=clock_s)  # the wall clock, read once a run

    def add(self, frame: CameraFrame) -> None:
        """Write one picture, not compressed."""
        import cv2

        at = self._zero + timedelta(seconds=frame.stamp_s)
        stamp = f"{at:%Y-%m-%d-%H-%M-%S}-{at.microsecond // 1000:03d}"
        path = self.path / f"{stamp}-{frame.counter % COUNTER_ENDS:03d}-{self._code}.tiff"
        bgr = np.ascontiguousarray(frame.image[..., ::-1])
        done, content = cv2.imencode(".tiff", bgr, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
        if not done:
            raise OSError("the picture cannot be written as TIFF")
        path.write_bytes(content.tobytes())

    def close(self) -> None:
        """Nothing is open."""


def run_paths(folder: Path, run: int, form: Form) -> tuple[Path, Path]:
    """Where a run's pictures and its table go."""
    name = f"run-{run:02d}"
    return folder / (f"{name}.mkv" if form == "video" else name), folder / f"{name}_frames.tsv"


def put_aside(folder: Path, run: int) -> None:
    """Rename an earlier recording of a run to `run-01_cut-1.*`: nothing that was recorded is written over."""
    name = f"run-{run:02d}"
    film, table = run_paths(folder, run, "video")
    there = [path for path in (film, folder / name, table) if path.exists()]
    if not there:
        return
    number = 1
    while any(folder.glob(f"{name}_cut-{number}*")):
        number += 1
    for path in there:
        path.rename(folder / path.name.replace(name, f"{name}_cut-{number}", 1))


class FrameTable:
    """The table of a run's frames, a line handed to the system at a time."""

    def __init__(self, path: Path, code: int) -> None:
        self.n_rows, self._code = 0, code
        self._file: IO[str] = open(path, "x", encoding="utf-8", newline="\n")  # noqa: SIM115
        self._write("\t".join(FRAME_COLUMNS))

    def add(self, frame: CameraFrame) -> None:
        """Append a frame's row."""
        self._write(f"{self.n_rows}\t{frame.counter}\t{frame.stamp_s:.6f}\t{self._code}")
        self.n_rows += 1

    def close(self) -> None:
        """Put what was written onto the disk."""
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()


def read_frame_table(path: Path) -> dict[str, NDArray[Any]]:
    """Columns of a run's table: `frame`, `counter`, `trigger` as integers, `host_time_s` as float64 (s).

    A last line that was cut off is left out.

    Raises
    ------
    DataError
        If it is no such table.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "no text"
        raise DataError(path, wanted="a table of frames", got=got.lower(), remedy="check the path") from error
    if lines[0] != "\t".join(FRAME_COLUMNS):
        wanted = f"the columns {', '.join(FRAME_COLUMNS)}"
        raise DataError(path, wanted=wanted, got=lines[0][:80], remedy="give the table of a run")
    rows = [line.split("\t") for line in lines[1:-1]]  # after the last line feed: nothing, or half a line
    try:
        numbers = np.array([[float(value) for value in row] for row in rows]).reshape(len(rows), 4)
    except ValueError as error:
        got = f"a row that is none ({error})"
        raise DataError(path, wanted="four numbers a row", got=got, remedy="repair the table") from error
    dtypes = (np.int64, np.int64, np.float64, np.int64)
    return {name: numbers[:, i].astype(dtypes[i]) for i, name in enumerate(FRAME_COLUMNS)}


def mend_run(video: Path) -> int:
    """The number of frames that a run's film and table have in common, to which both are cut.

    For the run that was recorded when the process was killed. The film keeps its pictures as they were
    encoded, and gets an index; both files are replaced.

    Parameters
    ----------
    video
        The run's film, such as run-01.mkv; its table lies beside it.

    Raises
    ------
    DataError
        If the film holds no whole frame, or there is no table.
    """
    table = video.with_name(f"{video.stem}_frames.tsv")
    n_rows = len(read_frame_table(table)["frame"])
    n_frames = min(n_rows, sum(1 for _ in _whole_packets(video)))
    if not n_frames:
        raise DataError(video, wanted="at least one whole frame", got="none", remedy="delete the run")
    lines = table.read_text(encoding="utf-8").split("\n")[: n_frames + 1]
    with whole_file(video) as unfinished:
        _copy_film(video, unfinished, n_frames)
    with whole_file(table) as unfinished:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return n_frames


def _whole_packets(path: Path) -> Iterator[Any]:
    """The film's packets up to the first that cannot be decoded to a picture."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            stream.codec_context.options = {"err_detect": "explode"}
            for packet in container.demux(stream):
                if packet.size and (packet.is_corrupt or not packet.decode()):
                    return
                if packet.size:
                    yield packet
    except (av.FFmpegError, IndexError):
        return  # a file that was cut off


def _copy_film(path: Path, to: Path, n_frames: int) -> None:
    import av

    with av.open(str(path)) as container, av.open(str(to), "w", format="matroska") as mended:
        stream = mended.add_stream_from_template(container.streams.video[0])
        for index, packet in enumerate(container.demux(container.streams.video[0])):
            if index >= n_frames:
                return
            packet.stream = stream
            mended.mux(packet)
