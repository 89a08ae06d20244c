"""Names of frames in coding tables: MMME's `h-m-s-ms-counter`, where a camera gave them, else plain numbers.

Conventions: a token is the time of day at which the host had the frame, to a millisecond, and the camera's
counter, which begins again after 1000. Tokens without the counter are read where one frame has the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.time import FloatArray

_TOKEN = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{1,2})-(\d{1,3})(?:-(\d{1,4}))?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_DAY_MS = 86_400_000
_COUNTS = 1000


class FrameNames:
    """The names of a video's frames.

    Parameters
    ----------
    n_frames
        How many there are.
    host_s
        Seconds of the day of every frame, (n_frames,); None or others: frames are named by number.
    counter
        The camera's counter, (n_frames,); None as well.

    Examples
    --------
    >>> names = FrameNames(2, host_s=np.array([22107.805, 22107.812]), counter=np.array([1813, 1814]))
    >>> names.name(0), names.frame("6-8-27-812"), names.frame("1")
    ('06-08-27-805-813', 1, 1)
    >>> FrameNames(2).name(1)
    1
    """

    def __init__(
        self, n_frames: int, *, host_s: FloatArray | None = None, counter: NDArray[np.int64] | None = None
    ) -> None:
        self.n_frames = n_frames
        self.counter = counter
        self._tokens = _tokens(n_frames, host_s, counter)
        self._frames = {token: frame for frame, token in enumerate(self._tokens)}
        self._at: dict[int, list[int]] = {}
        for frame, (ms, _) in enumerate(self._tokens):
            self._at.setdefault(ms, []).append(frame)

    @property
    def has_tokens(self) -> bool:
        """Whether frames have names beside their numbers."""
        return bool(self._tokens)

    def name(self, frame: int) -> str | int:
        """A frame's name; its number where there is none."""
        if not 0 <= frame < len(self._tokens):
            return frame
        ms, count = self._tokens[frame]
        seconds, ms = divmod(ms, 1000)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02d}-{minutes:02d}-{seconds:02d}-{ms:03d}-{count or _COUNTS}"

    def frame(self, cell: str) -> int:
        """The number of the frame that a cell names; raises DataError where it names none of them, or two."""
        if _NUMBER.fullmatch(cell):
            if int(cell) < self.n_frames:
                return int(cell)
            raise _none(cell, f"a frame from 0 to {self.n_frames - 1}", "mark it in this clip")
        token = parse_token(cell)
        if token is None:
            raise _none(cell, "a frame's number, or h-m-s-ms-counter", "correct the cell")
        ms, count = token
        found: Sequence[int] = self._at.get(ms, ())
        if count is not None:
            found = [frame for frame in found if self._tokens[frame][1] == count]
        if len(found) != 1:
            raise _none(cell, "one frame of the clip", "name a frame of this clip, with its counter")
        return found[0]

    def dif(self, first: int, last: int) -> int:
        """How many frames there are from one to another, both counted, lost ones too, as MMME's `dif`."""
        if self.counter is None:
            return last - first + 1
        return int(self.counter[last] - self.counter[first]) % _COUNTS + 1


def _tokens(
    n_frames: int, host_s: FloatArray | None, counter: NDArray[np.int64] | None
) -> list[tuple[int, int]]:
    """Milliseconds of the day and counter of every frame; none where they do not name each frame."""
    if host_s is None or counter is None or len(host_s) != n_frames or len(counter) != n_frames:
        return []
    if not np.isfinite(host_s).all() or (host_s < 0).any():
        return []
    ms = np.rint(host_s * 1000)
    if (ms >= _DAY_MS).any():
        return []
    found = [(int(at), int(count) % _COUNTS) for at, count in zip(ms, counter, strict=True)]
    return found if len(set(found)) == n_frames else []


def parse_token(cell: str) -> tuple[int, int | None] | None:
    """Milliseconds of the day, and the counter where it is there; None for what is no token."""
    found = _TOKEN.fullmatch(cell)
    if found is None:
        return None
    hours, minutes, seconds, ms = (int(part) for part in found.groups()[:4])
    if hours > 23 or minutes > 59 or seconds > 59 or int(found[5] or 0) > _COUNTS:
        return None
    at = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
    return at, None if found[5] is None else int(found[5]) % _COUNTS


def _none(cell: str, wanted: str, remedy: str) -> DataError:
    return DataError("frame", wanted=wanted, got=ascii(cell)[:60], remedy=remedy)
