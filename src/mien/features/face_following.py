"""A face followed through part of a video: found again and again, measured in between, gaps told.

Every `FIND_S` of the video's own time the largest face with two eyes is found anew and becomes the reference
of what follows; the old reference is measured against the new one's picture once, so that both can be joined.
Where none is found the old reference serves on for at most `FIND_S` more; tries are made every `TRY_S`. What
is decided at a frame depends on the `FIND_S` x 2 before it only: parts of a video fit together exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.features.field_rows import FieldRows
from mien.features.region_motion import CHANNELS, HEAD, REGIONS, Motion, ReferenceFace
from mien.signals.face.finding import FaceFinder

FIND_S = 2.0
"""One find costs as much as 20 frames' motion, and displacements join without a step."""
TRY_S = 0.2
"""A blink's length: eyes that were shut at one try are open at the next."""

JUDGED, NO_FACE, LOST, DAMAGED = range(4)
REASONS = {
    NO_FACE: "no face with two eyes was found",
    LOST: "the face was covered, turned away or blurred",
    DAMAGED: "the file is damaged here",
}

# A cut: small pictures of two frames that neither look alike nor are equally bright.
_THUMB = (32, 24)
_CUT_CORRELATION, _CUT_LEVELS = 0.6, 8.0
_SAME_FACE = 0.6  # of the eyes' distance: farther from where the last reference has them, it is another face


@dataclass(slots=True)
class Followed:
    """Rows of measured frames, in order, and how references are joined.

    `references` holds for each row the frame it is measured against, -1 where there is none; `joins` maps a
    reference to what the one before measured of it; `cuts` are the first frames after a cut.
    """

    frames: list[int] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    references: list[int] = field(default_factory=list)
    regions: list[NDArray[np.float16]] = field(default_factory=list)
    heads: list[NDArray[np.float32]] = field(default_factory=list)
    joins: dict[int, Motion] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    fields: FieldRows | None = None

    def add(self, frame: int, state: int, reference: int = -1, motion: Motion | None = None) -> None:
        """Append one frame."""
        self.frames.append(frame)
        self.states.append(state)
        self.references.append(reference)
        shape = (len(REGIONS), len(CHANNELS))
        none = Motion(np.full(shape, np.nan, np.float32), np.full(len(HEAD), np.nan, np.float32))
        self.regions.append((motion or none).regions.astype(np.float16))
        self.heads.append((motion or none).head)


class _Follower:
    """The state between two frames."""

    def __init__(self, finder: FaceFinder, end_s: float, fields: Callable[[int], bool] | None) -> None:
        self.finder, self.end_s = finder, end_s
        self.face: ReferenceFace | None = None
        self.at, self.since = -1, 0.0  # the reference's frame, and the number of its span
        self.out = Followed(fields=None if fields is None else FieldRows(fields))
        self._thumb: NDArray[np.float64] | None = None
        self._last_s = -np.inf

    def see(self, index: int, at_s: float, picture: NDArray[np.uint8]) -> None:
        """Take note of a frame without measuring it: the one before a part."""
        self._is_cut(picture)
        self._last_s = at_s

    def step(self, index: int, at_s: float, picture: NDArray[np.uint8]) -> bool:
        """Measure a frame; returns whether a new reference began with it."""
        cut = self._is_cut(picture)
        if cut:
            self.out.cuts.append(index)
            self.face = None
        span = _number(at_s, FIND_S)
        if self.face is not None and span >= self.since + 2:
            self.face = None
        due = self.face is None or span > self.since
        trying = due and (cut or _number(at_s, TRY_S) != _number(self._last_s, TRY_S))
        self._last_s = at_s
        fields = self.out.fields
        whole = fields is not None and (trying or fields.wanted(index))
        motion = None if self.face is None else self.face.measure(picture, whole=whole)
        if trying and self._found(index, at_s, picture, motion):
            return True
        if self.face is None:
            self.out.add(index, NO_FACE)
        elif motion is None:
            self.out.add(index, LOST, self.at)
        else:
            self.out.add(index, JUDGED, self.at, motion)
            if fields is not None:
                fields.add(index, self.at, picture, self.face, motion)
        return False

    def _found(self, index: int, at_s: float, picture: NDArray[np.uint8], motion: Motion | None) -> bool:
        faces = [face for face in self.finder.find(picture) if face.eyes is not None]
        if not faces or faces[0].eyes is None or np.hypot(*np.diff(faces[0].eyes, axis=0)[0]) < 8:
            return False
        eyes = faces[0].eyes
        fields, moved = self.out.fields, None
        if self.face is not None and motion is not None:
            off = np.hypot(*(eyes.mean(axis=0) - self.face.eyes_now.mean(axis=0)))
            if off < _SAME_FACE * np.hypot(*(eyes[1] - eyes[0])):
                self.out.joins[index] = Motion(motion.regions, motion.head)
                if fields is not None:
                    fields.join(index, motion)
                    moved = self.face.shift if at_s < self.end_s else None
        self.face, self.at, self.since = ReferenceFace(picture, faces[0]), index, _number(at_s, FIND_S)
        still = Motion(np.zeros((len(REGIONS), len(CHANNELS)), np.float32), np.zeros(len(HEAD), np.float32))
        self.out.add(index, JUDGED, index, still)
        if fields is not None:
            fields.begin(index, self.face, moved=moved)
            fields.add(index, index, picture, self.face, None)
        return True

    def _is_cut(self, picture: NDArray[np.uint8]) -> bool:
        import cv2

        small = cv2.resize(picture, _THUMB, interpolation=cv2.INTER_AREA)
        thumb, before = np.asarray(small, dtype=np.float64), self._thumb
        self._thumb = thumb
        if before is None or np.abs(thumb - before).mean() < _CUT_LEVELS:
            return False
        a, b = thumb - thumb.mean(), before - before.mean()
        size = np.sqrt((a**2).sum() * (b**2).sum())
        return bool(size == 0 or (a * b).sum() < _CUT_CORRELATION * size)


def _number(at_s: float, step_s: float) -> float:
    """The number of the span of this length in which a time lies, also before 0; minus infinity as it is."""
    return float(np.floor(at_s / step_s + 1e-6))


def follow(
    pictures: Iterable[tuple[int, float, NDArray[np.uint8]]],
    finder: FaceFinder,
    *,
    start_s: float,
    end_s: float,
    fields: Callable[[int], bool] | None = None,
) -> Followed:
    """What the face does from `start_s` on, and after `end_s` until a new reference begins or none is left.

    Parameters
    ----------
    pictures
        Frame, its time in seconds and its luma, in order; before `start_s` they are looked at for cuts only.
    start_s, end_s
        Multiples of `FIND_S`.
    fields
        Which frames' displacement and texture are kept as well; None: of no frame.
    """
    follower = _Follower(finder, end_s, fields)
    for index, at_s, picture in pictures:
        if at_s < start_s:
            follower.see(index, at_s, picture)
            continue
        begins = follower.step(index, at_s, picture)
        if at_s >= end_s and (begins or follower.face is None):
            break
    return follower.out
