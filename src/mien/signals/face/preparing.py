"""From the frames of a clip to small pictures of one face: found once, cut out, aligned, held still.

Two ways. "fixed-box" is MMME's preprocessing: the face's box of the first frame, the same for all frames,
scaled to 128 x 128. "eyes" turns, scales and shifts the first frame so that its eyes lie at `EYES`, and moves
that cut with the head afterwards, so that a drifting head is not read as an expression. Points are (x, y) in
pixels, (0, 0) at the middle of the first pixel; a picture is what `FaceSettings.rotate` made of the frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray
from mien.signals.face.finding import EYES, Face, FaceFinder, eyes_in_box, face_finder, template_face
from mien.signals.face.head_motion import HeadTracker
from mien.signals.face.segmentation import green_pixels, green_screen

__all__ = ["EYES", "NOTES", "FaceSettings", "PreparedFaces", "as_8_bit", "prepare_faces"]

Alignment = Literal["fixed-box", "eyes"]
OnNoFace = Literal["refuse", "template"]

NOTES = ("template", "no-eyes", "several-faces", "leaves-frame", "lost-track")
"""Words that `PreparedFaces.notes` can hold, in this order."""

_ROTATIONS = (0, 90, 180, 270)
_MARGIN = 0.12  # around the cut, share of its side: farther than the head may go between two frames
_RIM = 0.03  # of background kept around the person, share of the side: hair moves within it


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """How the face of a clip is found and cut out.

    Parameters
    ----------
    size
        Side of the result in pixels, 32 to 1024.
    alignment
        "eyes", or "fixed-box" as in MMME's paper.
    finder
        A name of `face_finder`.
    model
        That finder's file, where it needs one.
    on_no_face
        "refuse", or go on with "template": the middle square of the picture, as in pictures that were cut to
        the face before.
    green_screen
        Make the background black where there is a green screen: by the first frame's outline, widened by 3 %,
        so that no edge flickers. Changes nothing elsewhere.
    track
        Follow the head's shift (`HeadTracker`); with "eyes" only.
    rotate
        Degrees clockwise by which every frame is turned first: 0, 90, 180 or 270.

    Raises
    ------
    OptionError
        For any other value.
    """

    size: int = 128
    alignment: Alignment = "eyes"
    finder: str = "haar"
    model: Path | None = None
    on_no_face: OnNoFace = "refuse"
    green_screen: bool = True
    track: bool = True
    rotate: int = 0

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("alignment", self.alignment, get_args(Alignment)),
            ("without a face", self.on_no_face, get_args(OnNoFace)),
            ("rotation in degrees", self.rotate, _ROTATIONS),
        ):
            if value not in allowed:
                wanted = f"one of {', '.join(map(str, allowed))}"
                raise OptionError(what, wanted=wanted, got=value, remedy="choose one of them")
        if not 32 <= self.size <= 1024:
            raise OptionError(
                "size of faces", wanted="32 to 1024 pixels", got=self.size, remedy="give another number"
            )


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFaces:
    """One face over the frames of a clip.

    Parameters
    ----------
    grey
        Shape (n, size, size) uint8.
    colour
        Shape (n, size, size, 3) uint8, RGB; None for grey frames.
    face
        As found in the first frame, in the picture's pixels.
    to_face
        Shape (2, 3): a point of the first frame's picture, as (x, y, 1), to the small picture.
    landmarks
        Shape (68, 2) in the small picture's pixels, of the first frame; None where there are none.
    foreground
        Shape (size, size) bool: what was not made black; None where there was no green screen.
    seen
        Shape (size, size) bool: the foreground, where the picture reaches in every frame. Motion elsewhere is
        none of the person's.
    shifts_px
        Shape (n, 2): how far the head went from the first frame, in the picture's pixels; it has been taken
        out of the small pictures. Zeros without tracking.
    notes
        Words of `NOTES`: "template" no face was found; "no-eyes" their place was guessed from the box;
        "several-faces" the largest was taken; "leaves-frame" the cut goes beyond the picture, whose
        outermost pixels were repeated; "lost-track" some frames keep the shift of the frame before.
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.uint8] | None
    face: Face
    to_face: FloatArray
    landmarks: FloatArray | None
    foreground: NDArray[np.bool_] | None
    seen: NDArray[np.bool_]
    shifts_px: FloatArray
    notes: tuple[str, ...]


def as_8_bit(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture as uint8, (height, width) or RGB (height, width, 3).

    16 bit is divided by 257, which takes 0..65535 to 0..255: one scale for all frames of a clip, whatever
    they show. Cameras that keep 10 or 12 bit in the lower part of 16 come out dark: scale those before.
    Transparency is dropped, and a third axis of length 1.

    Parameters
    ----------
    picture
        Shape (height, width), (height, width, 1), RGB (height, width, 3) or RGBA (height, width, 4), uint8 or
        uint16.

    Raises
    ------
    DataError
        For any other shape or type.
    """
    shaped = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (1, 3, 4))
    if not shaped or picture.dtype not in (np.uint8, np.uint16) or min(picture.shape[:2]) < 16:
        raise DataError(
            "frame",
            wanted="a picture of whole numbers in 8 or 16 bit, grey or RGB, of 16 x 16 pixels or more",
            got=f"shape {picture.shape} of {picture.dtype}",
            remedy="convert the frames: floats have no known range",
        )
    if picture.ndim == 3:
        picture = picture[..., 0] if picture.shape[2] == 1 else picture[..., :3]
    if picture.dtype == np.uint16:
        return np.asarray((picture.astype(np.uint32) + 128) // 257, dtype=np.uint8)
    return picture


def prepare_faces(
    frames: Iterable[NDArray[Any]], settings: FaceSettings | None = None, *, finder: FaceFinder | None = None
) -> PreparedFaces:
    """The face of a clip, small, aligned and held still; frames are taken one by one and not kept.

    MMME's paper (section "Data Preprocessing") segments the person by HSV, finds the face in the first frame,
    cuts the same box from all frames, and scales to 128 x 128: `FaceSettings(alignment="fixed-box")`.

    Parameters
    ----------
    frames
        One clip, in order: pictures as `as_8_bit` takes them, all of one shape.
    settings
        As `FaceSettings()` where left out.
    finder
        In place of the one that the settings name.

    Raises
    ------
    DataError
        If there is no frame, frames change their shape, no face was found in the first one, or one only after
        the picture was turned.
    OptionError
        As `face_finder`.
    """
    settings = settings or FaceSettings()
    cut: _Cut | None = None
    shape: tuple[int, ...] = ()
    for index, frame in enumerate(frames):
        picture = np.ascontiguousarray(np.rot90(as_8_bit(frame), -settings.rotate // 90))
        if cut is None:
            shape = picture.shape
            cut = _Cut(picture, settings, finder or face_finder(settings.finder, settings.model))
        elif picture.shape != shape:
            raise DataError(
                f"frame {index}",
                wanted=f"the first frame's shape {shape}",
                got=picture.shape,
                remedy="give the frames of one clip",
            )
        cut.add(picture)
    if cut is None:
        raise DataError("clip", wanted="at least one frame", got="none", remedy="give the clip's frames")
    return cut.result()


class _Cut:
    """The cut of one clip, from the first frame on."""

    def __init__(self, first: NDArray[np.uint8], settings: FaceSettings, finder: FaceFinder) -> None:
        self._settings = settings
        self._shape = first.shape[:2]
        self._notes: set[str] = set()
        screen = green_screen(first) if settings.green_screen else None
        if screen is not None and not screen.green_screen:
            screen = None
        self.face = self._choose(first, finder, None if screen is None else screen.foreground)
        self._to_face = _box_map(self.face, settings.size)
        if settings.alignment == "eyes":
            eyes = self.face.eyes
            if eyes is None:
                self._notes.add("no-eyes")
                eyes = eyes_in_box(self.face.box)
            self._to_face = _eye_map(eyes, settings.size)
        self._from_face = np.linalg.inv(self._to_face[:, :2])
        smaller = float(np.sqrt(abs(np.linalg.det(self._from_face))))  # picture pixels per pixel of the face
        self._reduction = max(1, int(smaller))
        rest = smaller / self._reduction
        self._blur = 0.5 * np.sqrt(rest**2 - 1) if rest > 1.1 else 0.0
        self._shift = np.zeros(2)
        self._tracker: HeadTracker | None = None
        self._faces: list[NDArray[np.uint8]] = []
        self._shifts: list[FloatArray] = []
        self._foreground = None if screen is None else self._outline(screen.foreground)

    def _choose(
        self, first: NDArray[np.uint8], finder: FaceFinder, foreground: NDArray[np.bool_] | None
    ) -> Face:
        found = finder.find(first)
        faces = [face for face in found if foreground is None or _within(face, foreground)]
        if not faces:
            for angle in () if found else _ROTATIONS[1:]:
                turned = np.ascontiguousarray(np.rot90(first, -angle // 90))
                if any(face.eyes is not None for face in finder.find(turned)):
                    total = (self._settings.rotate + angle) % 360
                    raise DataError(
                        "first frame",
                        wanted="an upright face",
                        got=f"one that is upright only after a turn by {angle} degrees clockwise",
                        remedy=f"set rotate to {total}",
                    )
            if self._settings.on_no_face == "refuse":
                raise DataError(
                    "first frame",
                    wanted="a face",
                    got=f"no face found in the first frame by {finder.name}",
                    remedy="start the clip where the face is seen, choose another finder, or allow the"
                    " template for pictures that are cut to the face",
                )
            self._notes.add("template")
            return template_face(first.shape)
        # Before a screen the foreground is one person: a second one is known by what is not green.
        people = found if foreground is None else [f for f in found if _within(f, ~green_pixels(first))]
        if len(people) > 1:
            self._notes.add("several-faces")
        # What looks like a face and has no eyes is often none.
        return next((face for face in faces if face.eyes is not None), faces[0])

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Cut the face out of the next frame."""
        if self._settings.alignment == "fixed-box":
            self._faces.append(self._boxed(picture))
        else:
            near, near_to_face = self._neighbourhood(picture)
            face = self._warped(near, near_to_face)
            if self._settings.track and self._follow(face):
                face = self._warped(near, near_to_face)
            self._faces.append(face)
        self._shifts.append(self._shift)
        if self._leaves(picture.shape):
            self._notes.add("leaves-frame")

    def _follow(self, face: NDArray[np.uint8]) -> bool:
        """Whether the head has gone on from where the last frame had it; takes note of where."""
        if self._tracker is None:
            self._tracker = HeadTracker(_grey(face))
            return False
        moved = self._tracker.follow(_grey(face))
        if moved is None:
            self._notes.add("lost-track")
            return False
        self._shift = self._shift + self._from_face @ moved
        return True

    def _neighbourhood(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], FloatArray]:
        """The part of a picture that the next cut can show, smaller where it may be, and its map to the cut.

        Pixels are averaged by a whole number that divides the picture always at the same places: what is
        finer than a pixel of the face would alias, and move with it.
        """
        import cv2

        by, height, width = self._reduction, *picture.shape[:2]
        corners = self._corners(_MARGIN) + self._shift
        last = (max(width // by, 1), max(height // by, 1))
        low = np.clip(np.floor(corners.min(axis=0) / by), 0, np.subtract(last, 1)).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0) / by) + 1, low + 1, last).astype(int)
        near = picture[low[1] * by : high[1] * by, low[0] * by : high[0] * by]
        if by > 1:
            size = (int(high[0] - low[0]), int(high[1] - low[1]))
            near = np.asarray(cv2.resize(near, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        if self._blur > 0:
            near = np.asarray(cv2.GaussianBlur(near, (0, 0), self._blur), dtype=np.uint8)
        linear = self._to_face[:, :2]
        corner = low * by + (by - 1) / 2  # middle of the first averaged pixel
        return near, np.column_stack([linear * by, self._to_face[:, 2] + linear @ corner])

    def _warped(self, near: NDArray[np.uint8], near_to_face: FloatArray) -> NDArray[np.uint8]:
        import cv2

        map_ = near_to_face.copy()
        map_[:, 2] -= self._to_face[:, :2] @ self._shift
        side = self._settings.size
        return np.asarray(
            cv2.warpAffine(near, map_, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
            dtype=np.uint8,
        )

    def _boxed(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import cv2

        left, top, wide, high = self.face.box
        rows = np.clip(np.arange(top, top + high), 0, picture.shape[0] - 1)
        columns = np.clip(np.arange(left, left + wide), 0, picture.shape[1] - 1)
        part = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if part.shape[:2] != (high, wide):
            part = picture[rows][:, columns]
        side = self._settings.size
        kind = cv2.INTER_AREA if min(wide, high) >= side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(part, (side, side), interpolation=kind), dtype=np.uint8)

    def _corners(self, margin: float) -> FloatArray:
        """The cut's four corners in the first picture, (4, 2), widened by a share of its side."""
        low = -0.5 - margin * self._settings.size
        high = self._settings.size * (1 + margin) - 0.5
        square = np.array([[low, low], [high, low], [low, high], [high, high]])
        return np.asarray((square - self._to_face[:, 2]) @ self._from_face.T)

    def _leaves(self, shape: tuple[int, ...]) -> bool:
        corners = self._corners(0.0) + self._shift
        inside = (corners >= -0.5 - 1e-6).all() and (
            corners <= np.array([shape[1], shape[0]]) - 0.5 + 1e-6
        ).all()
        return not inside

    def _outline(self, foreground: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The person in the small picture, with a rim."""
        import cv2

        side = self._settings.size
        shown = cv2.warpAffine(
            foreground.astype(np.float32), self._to_face, (side, side), borderMode=cv2.BORDER_REPLICATE
        )
        wide = 2 * round(_RIM * side) + 1
        spot = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
        return np.asarray(cv2.dilate((shown > 0.5).astype(np.uint8), spot), dtype=np.bool_)

    def _seen(self) -> NDArray[np.bool_]:
        import cv2

        side = self._settings.size
        inside = np.ones((side, side), dtype=np.bool_)
        for shift in (np.min(self._shifts, axis=0), np.max(self._shifts, axis=0)):
            map_ = self._to_face.copy()
            map_[:, 2] -= self._to_face[:, :2] @ shift
            whole = np.ones(self._shape, dtype=np.uint8)
            inside &= cv2.warpAffine(whole, map_, (side, side), flags=cv2.INTER_NEAREST) > 0
        # Beside the picture's border flow is measured against pixels that were made up.
        rim = 2 * round(_RIM * side) + 1
        inside = cv2.erode(inside.astype(np.uint8), np.ones((rim, rim), np.uint8), borderValue=1) > 0
        return np.asarray(inside if self._foreground is None else inside & self._foreground)

    def result(self) -> PreparedFaces:
        faces = np.stack(self._faces)
        if self._foreground is not None:
            faces[:, ~self._foreground] = 0
        in_colour = faces.ndim == 4
        points = self.face.landmarks
        return PreparedFaces(
            grey=np.stack([_grey(face) for face in faces]) if in_colour else faces,
            colour=faces if in_colour else None,
            face=self.face,
            to_face=self._to_face,
            landmarks=None if points is None else points @ self._to_face[:, :2].T + self._to_face[:, 2],
            foreground=self._foreground,
            seen=self._seen(),
            shifts_px=np.array(self._shifts),
            notes=tuple(note for note in NOTES if note in self._notes),
        )


def _box_map(face: Face, size: int) -> FloatArray:
    """The box to the whole small picture."""
    left, top, wide, high = face.box
    x, y = size / wide, size / high
    return np.array([[x, 0.0, (0.5 - left) * x - 0.5], [0.0, y, (0.5 - top) * y - 0.5]])


def _eye_map(eyes: FloatArray, size: int) -> FloatArray:
    """Turn, scale and shift that take the eyes to `EYES`."""
    goal = np.array(EYES) * size - 0.5
    (ax, ay), (bx, by) = eyes[1] - eyes[0], goal[1] - goal[0]
    scale = ax * ax + ay * ay
    if scale < 16:
        raise DataError(
            "face",
            wanted="eyes at least 4 pixels apart",
            got=f"{np.sqrt(scale):.1f}",
            remedy="give larger pictures",
        )
    cos, sin = (ax * bx + ay * by) / scale, (ax * by - ay * bx) / scale
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, goal[0] - linear @ eyes[0]])


def _within(face: Face, foreground: NDArray[np.bool_]) -> bool:
    """Whether the middle of a face's box shows the person and not the screen."""
    left, top, wide, high = face.box
    row = min(max(top + high // 2, 0), foreground.shape[0] - 1)
    column = min(max(left + wide // 2, 0), foreground.shape[1] - 1)
    return bool(foreground[row, column])


def _grey(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), dtype=np.uint8) if face.ndim == 3 else face
