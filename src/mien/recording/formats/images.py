"""A folder of pictures, one per frame, named `Y-M-D-h-m-s-ms-counter-marker` by the host that stored them.

The stamp is the host's wall clock when it took the frame from a queue; it comes late and in bursts. The
camera's counter runs to 1000 and begins again: it is unwrapped, so that missing frames show as gaps in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.recording.opening import file_size, refusing

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
COUNTER_ENDS = 1000
_WANTED = "a folder of stamped images"
_FORM = "Y-M-D-h-m-s-ms-counter-marker"
_NAME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})-(\d{1,2})-(\d{1,2})-(\d{1,2})-(\d{1,3})-(\d{1,4})-(\d{1,5})")


@dataclass(frozen=True, slots=True, eq=False)
class StampedFrames:
    """Pictures in the order in which they were taken.

    `host_s` has shape (n_frames,): seconds since 1970 of the host's wall clock, without time zone. `counter`
    (n_frames,) is the camera's, unwrapped within the run of one marker; from one marker to the next it goes
    on to the nearest higher number, because a pause may hide whole rounds. `marker` (n_frames,) is the code
    in the name. Width and height are the first picture's, in pixels.
    """

    paths: tuple[Path, ...]
    host_s: NDArray[np.float64]
    counter: NDArray[np.int64]
    marker: NDArray[np.int64]
    width: int
    height: int

    @property
    def rate_hz(self) -> float:
        """Frames per second of the host's clock by the counter, over runs of one marker; NaN without any."""
        same = np.diff(self.marker) == 0
        spent = float(np.diff(self.host_s)[same].sum())
        return float(np.diff(self.counter)[same].sum()) / spent if spent > 0 else float("nan")


@dataclass(frozen=True, slots=True, order=True)
class _Frame:
    host_s: float
    counter: int
    marker: int
    path: Path


def is_image_folder(folder: Path) -> bool:
    """Whether a folder holds at least one picture with a stamped name."""
    return any(_is_picture(path) and _NAME.fullmatch(path.stem) for path in folder.iterdir())


def read_image_folder(path: Path) -> StampedFrames:
    """The pictures of a folder in order; the pictures themselves are not read, but for the first one's size.

    Other files in the folder are not looked at.

    Raises
    ------
    DataError
        If there is no picture, one's name has another form, two are the same frame, the counter contradicts
        the stamps or may have gone round more than once, or the first is no picture.
    """
    with refusing(path, _WANTED, remedy="check the path"):
        frames = sorted(_frame(image) for image in sorted(path.iterdir()) if _is_picture(image))
    if not frames:
        raise DataError(path, wanted=_WANTED, got="none with a picture", remedy="check the path")
    frames = _ties_in_order(frames)
    counter = _unwrapped(path, frames)
    width, height = _size(frames[0].path)
    return StampedFrames(
        tuple(frame.path for frame in frames),
        np.array([frame.host_s for frame in frames]),
        counter,
        np.array([frame.marker for frame in frames], dtype=np.int64),
        width,
        height,
    )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _frame(path: Path) -> _Frame:
    found = _NAME.fullmatch(path.stem)
    if found is None or not path.is_file():
        got = path.name if found is None else "no regular file"
        raise DataError(path, wanted=f"a picture named {_FORM}", got=got, remedy="move it elsewhere")
    *parts, milliseconds, counter, marker = (int(part) for part in found.groups())
    try:
        moment = datetime(*parts, microsecond=1000 * milliseconds, tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError as error:
        raise DataError(
            path, wanted=f"a name {_FORM}", got=f"an impossible time ({error})", remedy="rename it"
        ) from error
    if not 0 <= counter <= COUNTER_ENDS:
        raise DataError(path, wanted=f"a counter up to {COUNTER_ENDS}", got=counter, remedy="rename it")
    return _Frame(moment.timestamp(), counter, marker, path)


def _ties_in_order(frames: list[_Frame]) -> list[_Frame]:
    """Frames of one millisecond in the order of the counter, also where it begins again among them."""
    ordered: list[_Frame] = []
    start = 0
    for end in range(1, len(frames) + 1):
        if end < len(frames) and frames[end].host_s == frames[start].host_s:
            continue
        tied = frames[start:end]
        if max(f.counter for f in tied) - min(f.counter for f in tied) > COUNTER_ENDS // 2:
            tied = sorted(tied, key=lambda f: f.counter + COUNTER_ENDS * (f.counter < COUNTER_ENDS // 2))
        ordered += tied
        start = end
    return ordered


def _unwrapped(path: Path, frames: list[_Frame]) -> NDArray[np.int64]:
    counters = np.array([frame.counter for frame in frames], dtype=np.int64)
    stamps = np.array([frame.host_s for frame in frames])
    markers = np.array([frame.marker for frame in frames])
    steps = np.diff(counters) % COUNTER_ENDS
    if (steps == 0).any():
        first, second = frames[int(np.argmin(steps))], frames[int(np.argmin(steps)) + 1]
        got = f"{first.path.name} and {second.path.name}"
        raise DataError(path, wanted="one picture per frame", got=got, remedy="remove the one too many")
    gaps, same = np.diff(stamps), np.diff(markers) == 0
    if same.any() and (period := float(np.median(gaps[same] / steps[same]))) > 0:
        # A queue delivers late, by seconds at worst: what differs by half a round is not lateness.
        wrong = same & (np.abs(gaps / period - steps) > max(COUNTER_ENDS / 2, 1.0 / period))
        if wrong.any():
            frame, gap = frames[int(np.argmax(wrong)) + 1], gaps[int(np.argmax(wrong))]
            raise DataError(
                frame.path,
                wanted="a counter that goes with the stamps",
                got=f"{steps[int(np.argmax(wrong))]} frames in {gap:.3f} s",
                remedy="keep one uninterrupted clip per marker in a folder",
            )
    return counters[0] + np.concatenate([[0], np.cumsum(steps)])


def _size(path: Path) -> tuple[int, int]:
    file_size(path, "a picture")
    with refusing(path, "a picture"):
        from PIL import Image

        with Image.open(path) as picture:
            if min(picture.size) < 1:
                raise DataError(path, wanted="a picture", got=f"size {picture.size}", remedy="check it")
            return picture.size
