"""Watching a participant while they watch: head, body and face in motion, picture by picture (CMRR).

MMME (section 3.3) had an experimenter who watched for "relaxation of facial control" and "frequent head or
body movements" and showed a reminder; it states no measure. Ours are speeds (`motion_traces`), compared with
the participant's own quiet watching, and a rule (`reminder_rule`). Every picture is compared with the one
about a tenth of a second before, whatever the camera's rate, and divided by the time between their stamps.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.motion_measuring import (
    SIDE,
    Picture,
    activity,
    body_step,
    eye_map,
    face_step,
    face_width_px,
)
from mien.elicitation.motion_traces import (
    MotionBaseline,
    MotionSample,
    RelativeMotion,
    measure_baseline,
    relative,
)
from mien.elicitation.reminder_rule import AutomaticReminder, ReminderRule
from mien.signals.face.finding import Face, FaceFinder, eyes_in_box, face_finder

__all__ = [
    "AutomaticReminder",
    "MotionBaseline",
    "MotionMonitor",
    "MotionSample",
    "RelativeMotion",
    "ReminderRule",
    "measure_baseline",
    "relative",
]

STEP_S = 0.1
"""Two pictures that are compared are about this far apart: motion is then larger than a webcam's noise."""
_SHORTEST_S, _LONGEST_S = 0.055, 0.5  # apart
_SMOOTH_S = 0.2  # over which the face's own motion is averaged, part by part
_LEAST_S = 0.025  # from one sample to the next: a faster camera's pictures in between are left out
_LEAST_PX = 480  # of the shorter side of a picture that was larger
_TRY_S, _CONFIRM_S, _UNCONFIRMED_S = 0.5, 5.0, 12.0
_SAME_FACE = 0.5  # face widths: a face found farther from the followed one is another
_LEAST_FACE_PX = 40


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One picture, and the map of the face that was followed there."""

    stamp_s: float
    picture: Picture
    to_face: FloatArray | None


class MotionMonitor:
    """Follows one participant through a camera's pictures; for one thread.

    The face is found by `finder` at first, then followed by its flow, and found again every 5 s; where it is
    lost it is searched twice a second. A pause in the pictures of more than half a second begins anew.

    Parameters
    ----------
    finder
        OpenCV's cascades where left out.
    """

    def __init__(self, finder: FaceFinder | None = None) -> None:
        self._finder = finder or face_finder("haar")
        self._past: deque[_Seen] = deque()
        self._parts: deque[tuple[float, FloatArray]] = deque()  # face widths per second
        self._tried_s = self._confirmed_s = -math.inf

    def see(self, frame: CameraFrame) -> MotionSample | None:
        """What moved up to this picture; None where there is nothing yet to compare it with, or no need.

        No need: a picture stamped less than 25 ms after the last one, or before it.

        Raises
        ------
        DataError
            If the picture is not (height, width, 3) uint8.
        """
        at_s = frame.stamp_s
        if self._past and at_s < self._past[-1].stamp_s + _LEAST_S:
            if at_s > self._past[-1].stamp_s - 1.0:
                return None
            self._past.clear()  # another clock: what was seen has no place on it
        picture = small_grey(frame.image)
        if self._past and self._past[-1].picture.shape != picture.shape:
            self._past.clear()
        while self._past and self._past[0].stamp_s < at_s - _LONGEST_S:
            self._past.popleft()
        before = self._compared(at_s)
        sample, to_face = self._measured(before, at_s, picture)
        to_face = self._found(at_s, picture, to_face)
        self._past.append(_Seen(at_s, picture, to_face))
        return sample

    def _compared(self, at_s: float) -> _Seen | None:
        """The picture to compare with: one with a face, if there is any, nearest to `STEP_S` ago."""
        usable = [seen for seen in self._past if at_s - seen.stamp_s >= _SHORTEST_S]
        faces = [seen for seen in usable if seen.to_face is not None]
        return min(faces or usable, key=lambda seen: abs(at_s - seen.stamp_s - STEP_S), default=None)

    def _measured(
        self, before: _Seen | None, at_s: float, picture: Picture
    ) -> tuple[MotionSample | None, FloatArray | None]:
        """The sample, and the face's map in this picture."""
        if before is None:
            newest = self._past[-1].to_face if self._past else None
            return None, newest
        step = None if before.to_face is None else face_step(before.picture, picture, before.to_face)
        if before.to_face is None or step is None:
            self._parts.clear()
            return MotionSample(at_s, math.nan, math.nan, math.nan, False), None
        body = body_step(before.picture, picture, before.to_face)
        took_s = at_s - before.stamp_s
        self._parts.append((at_s, step.parts / took_s))
        while self._parts[0][0] <= at_s - _SMOOTH_S:
            self._parts.popleft()
        face = activity([parts for _, parts in self._parts])
        sample = MotionSample(at_s, step.head / took_s, body / took_s, face, True)
        return sample, step.to_face

    def _found(self, at_s: float, picture: Picture, to_face: FloatArray | None) -> FloatArray | None:
        """The face's map, found anew where it is time to."""
        waiting_s = _CONFIRM_S if to_face is not None and self._confirmed_s == self._tried_s else _TRY_S
        if -1.0 < at_s - self._tried_s < waiting_s:
            return to_face
        self._tried_s = at_s
        eyes = self._eyes(picture, to_face)
        if eyes is not None:
            self._confirmed_s = at_s
            return eye_map(eyes)
        if at_s - self._confirmed_s > _UNCONFIRMED_S:
            return None
        return to_face

    def _eyes(self, picture: Picture, to_face: FloatArray | None) -> FloatArray | None:
        """The eyes of the followed face, or of the largest one; None where there is no face of 40 px."""
        faces = [face for face in self._finder.find(picture) if face.box[2] >= _LEAST_FACE_PX]
        if to_face is not None:
            faces = [face for face in faces if _is_near(face, to_face)]
        if not faces:
            return None
        face = next((face for face in faces if face.eyes is not None), faces[0])
        return eyes_in_box(face.box) if face.eyes is None else face.eyes


def _is_near(face: Face, to_face: FloatArray) -> bool:
    left, top, wide, high = face.box
    middle = np.linalg.solve(to_face[:, :2], (SIDE - 1) / 2 - to_face[:, 2])
    off = math.hypot(left + wide / 2 - middle[0], top + high / 2 - middle[1])
    return off < _SAME_FACE * face_width_px(to_face)


def small_grey(image: NDArray[np.uint8]) -> Picture:
    """A picture in grey, made smaller by a whole number, its shorter side 480 pixels or more where it was.

    Raises DataError unless it is RGB uint8. Other than whole numbers cost more than all the rest.
    """
    import cv2

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or min(image.shape[:2]) < 64:
        raise DataError(
            "camera picture",
            wanted="(height, width, 3) uint8, 64 pixels or more a side",
            got=f"{image.shape} {image.dtype}",
            remedy="give RGB frames",
        )
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    by = min(grey.shape) // _LEAST_PX
    if by > 1:
        high, wide = (side // by for side in grey.shape)
        grey = cv2.resize(grey[: high * by, : wide * by], (wide, high), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.uint8)
