"""How the mouth of the face in view opens and shuts, frame by frame, and where there is no such face.

The largest face with two eyes is found anew every `FIND_S` and after every cut; in between it is cut out
aligned and held still (`prepare_faces`). Flow from frame to frame gives the speed at which the chin goes away
from the nose: the head's own motion moves both. Pixels are those of an aligned face `SIZE` wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.signals.face.finding import Face, FaceFinder, HaarFinder
from mien.signals.face.preparing import FaceSettings, prepare_faces

Picture = NDArray[np.uint8]

SIZE = 96
FIND_S = 1.0
NO_FACE = "no face in view"
SEVERAL = "several faces in view"
RIVAL = 0.75
"""A second face with eyes so wide, as a share of the largest, may be the one who speaks."""

_MOST_FRAMES = 64  # held at a time: memory stays flat at any frame rate
# Parts of the aligned face as shares of its side: left, top, right, bottom. Eyes lie at (.34|.66, .36).
_LOWER, _UPPER = (0.36, 0.78, 0.64, 0.96), (0.36, 0.46, 0.64, 0.62)


@dataclass(frozen=True, slots=True, eq=False)
class MouthMotion:
    """The mouth over a film.

    Parameters
    ----------
    times_s
        Shape (n_frames,).
    opening_px_s
        Shape (n_frames,): speed at which the mouth opens since the frame before, NaN where nothing was
        measured.
    reasons
        Per frame why not: "" where the face was followed, else `NO_FACE` or `SEVERAL`.
    """

    times_s: FloatArray
    opening_px_s: FloatArray
    reasons: tuple[str, ...]


def measure_mouth(
    pictures: Iterable[Picture],
    times_s: FloatArray,
    *,
    cuts: Sequence[int] = (),
    finder: FaceFinder | None = None,
) -> MouthMotion:
    """Follow the mouth of the face in view; pictures are taken one by one.

    Parameters
    ----------
    pictures
        Luma (height, width) or RGB (height, width, 3), uint8, as many as times.
    times_s
        When each is shown, seconds, ascending.
    cuts
        First frames after a cut: no motion is measured across.
    finder
        Of faces; default OpenCV's cascades.
    """
    finder = finder or HaarFinder()
    speed = np.full(len(times_s), np.nan)
    reasons = [NO_FACE] * len(times_s)
    part: list[Picture] = []
    first, starts = 0, frozenset(cuts)
    for index, picture in enumerate(pictures):
        grey = _grey(picture)
        over = part and times_s[index] - times_s[first] > FIND_S
        if part and (over or index in starts or len(part) >= _MOST_FRAMES):
            _measure(part, first, times_s, finder, speed, reasons)
            joined = index not in starts
            part, first = (part[-1:], index - 1) if joined else ([], index)
        part.append(grey)
    if part:
        _measure(part, first, times_s, finder, speed, reasons)
    return MouthMotion(np.asarray(times_s, dtype=np.float64), speed, tuple(reasons))


def _measure(
    part: list[Picture],
    first: int,
    times_s: FloatArray,
    finder: FaceFinder,
    speed: FloatArray,
    reasons: list[str],
) -> None:
    """Fill in what is measured of one part, whose first frame may have been the last one's."""
    at, face, reason = _face_in(part, finder)
    if face is None:
        reasons[first : first + len(part)] = [reason] * len(part)
        return
    settings = FaceSettings(size=SIZE, green_screen=False)
    steady = prepare_faces([part[at], *part], settings, finder=_Known(face)).grey[1:]
    reasons[first : first + len(part)] = [""] * len(part)
    for k in range(1, len(part)):
        gap_s = float(times_s[first + k] - times_s[first + k - 1])
        if gap_s > 0:
            speed[first + k] = _opening_px(steady[k - 1], steady[k]) / gap_s


def _face_in(part: list[Picture], finder: FaceFinder) -> tuple[int, Face | None, str]:
    """The frame in which a face was found, the face, or why there is none: eyes may be shut in one frame."""
    for at in dict.fromkeys([0, len(part) // 2, len(part) - 1]):
        faces = [face for face in finder.find(part[at]) if face.eyes is not None]
        if faces:
            rivals = [face for face in faces[1:] if face.box[2] >= RIVAL * faces[0].box[2]]
            return at, None if rivals else faces[0], SEVERAL if rivals else ""
    return 0, None, NO_FACE


@dataclass(frozen=True, slots=True)
class _Known:
    """A finder that knows the face."""

    face: Face
    name: str = "known"

    def find(self, picture: Picture) -> list[Face]:
        return [self.face]


def _opening_px(before: Picture, after: Picture) -> float:
    """How far the chin went down from the nose between two aligned pictures, pixels."""
    flow = np.asarray(_engine().calc(before, after, np.zeros((*before.shape, 2), np.float32)))[..., 1]
    return _mean(flow, _LOWER) - _mean(flow, _UPPER)


def _mean(flow: NDArray[np.float32], part: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = (round(share * SIZE) for share in part)
    return float(flow[top:bottom, left:right].mean())


def _engine() -> Any:
    import cv2

    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    engine.setFinestScale(0)
    return engine


def _grey(picture: Picture) -> Picture:
    import cv2

    if picture.ndim == 3:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return np.ascontiguousarray(picture)
