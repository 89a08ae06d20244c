"""Frames of a simulated face whose every movement is known to a fraction of a pixel.

Conventions: frames are RGB uint8, (height, width, 3); x goes to the image's right and y down; the
participant's left is the image's right. All pixels of a `Pose` are those of a face 128 px wide, so that one
pose means one movement at every resolution. A flow is (2, height, width) float32, from the neutral frame to
the posed one: `neutral(p)` shows what `posed(p + flow(p))` shows.

A posed frame is the neutral face seen through four maps, each of which is known in both directions: the
gaze moves the iris within the eye, lids and jaw close and open slits, action units pull the skin
(`action_units.BUMPS`), the head shifts, rolls and comes closer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.simulate.action_units import BUMPS, action_unit_field
from mien.simulate.identities import BOX_PHOTO_PX, PHOTO_UNIT_PX, Array, Identity, fold, paint

Frame = NDArray[np.uint8]
Side = Literal["both", "left", "right"]

REFERENCE_FACE_PX = 128
_SUPERSAMPLE = 4  # texture pixels per frame pixel: cv2.remap rounds to 1/32 of the former
_BLUR_PX = 0.45  # of lens and sensor: what a frame shows can be sampled at its pixels
_CENTRE_Y = -0.05  # of the face box, in face coordinates

# Points of the average face in face coordinates, right half of the image (the participant's left).
_POINTS: Mapping[str, tuple[float, float]] = {
    "eye": (0.377, -0.255),
    "inner eye corner": (0.20, -0.23),
    "outer eye corner": (0.56, -0.24),
    "upper lid": (0.377, -0.325),
    "lower lid": (0.377, -0.195),
    "inner brow": (0.20, -0.41),
    "outer brow": (0.62, -0.42),
    "mouth corner": (0.32, 0.495),
}
_MIDDLE_POINTS: Mapping[str, tuple[float, float]] = {
    "nose tip": (0.0, 0.14),
    "upper lip": (0.0, 0.485),
    "lower lip": (0.0, 0.51),
    "chin": (0.0, 1.02),
}


@dataclass(frozen=True, slots=True)
class UnitPose:
    """One action unit at one strength.

    Parameters
    ----------
    unit
        One of the 21 action units of `action_units.BUMPS`.
    px
        Peak displacement in pixels of a face 128 px wide, 0 or more.
    side
        The participant's side; their left is the image's right.
    """

    unit: int
    px: float
    side: Side = "both"

    def __post_init__(self) -> None:
        if self.unit not in BUMPS:
            raise OptionError(
                "action unit",
                wanted=f"one of {', '.join(map(str, BUMPS))}",
                got=self.unit,
                remedy="choose one of MMME's Table 2",
            )
        _within(f"AU{self.unit} in pixels", self.px, 0.0, 12.0)
        if self.side not in ("both", "left", "right"):
            raise OptionError(
                f"side of AU{self.unit}", wanted="both, left or right", got=self.side, remedy="choose one"
            )


@dataclass(frozen=True, slots=True)
class Pose:
    """What a face does in one frame; the default is the neutral face.

    Parameters
    ----------
    units
        Action units, added up.
    eyes_closed
        0 open to 1 closed.
    gaze
        Shift of the irises in pixels, x within -4..4 and y within -2..2.
    jaw_px
        Opening between the lips, as in speech, 0 to 12.
    shift_px
        Shift of the head, within -32..32.
    roll_rad
        Turn of the head in the picture's plane, clockwise, within -0.5..0.5.
    scale
        Size relative to the neutral face, 0.5 to 2.
    """

    units: tuple[UnitPose, ...] = ()
    eyes_closed: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    jaw_px: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    roll_rad: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        _within("eyes closed", self.eyes_closed, 0.0, 1.0)
        _within("gaze x in pixels", self.gaze[0], -4.0, 4.0)
        _within("gaze y in pixels", self.gaze[1], -2.0, 2.0)
        _within("jaw in pixels", self.jaw_px, 0.0, 12.0)
        for part in self.shift_px:
            _within("head shift in pixels", part, -32.0, 32.0)
        _within("roll in radians", self.roll_rad, -0.5, 0.5)
        _within("scale", self.scale, 0.5, 2.0)


def _within(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise OptionError(what, wanted=f"{low:g} to {high:g}", got=value, remedy="give another number")


@dataclass(frozen=True, slots=True, eq=False)
class _Slit:
    """An eye or the mouth in frame pixels: where its margins run."""

    centre: tuple[float, float]
    half_width: float
    tilt: float  # down per right
    height_up: float
    height_down: float

    def margins(self, x: Array) -> tuple[Array, Array, Array]:
        """Upper and lower margin (y) and the bow (1 in the middle, 0 at and beyond the corners)."""
        along = (x - self.centre[0]) / self.half_width
        bow = np.maximum(1 - along * along, 0.0)
        line = self.centre[1] + self.tilt * (x - self.centre[0])
        return line - self.height_up * bow, line + self.height_down * np.sqrt(bow), bow

    def box(self, up: float, down: float) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of what a fold moves."""
        slope = abs(self.tilt) * self.half_width
        return (
            self.centre[0] - self.half_width,
            self.centre[1] - self.height_up - slope - up,
            self.centre[0] + self.half_width,
            self.centre[1] + self.height_down + slope + down,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Pull:
    """One action unit's backward field, peak 1, within its box."""

    rows: slice
    columns: slice
    field: Array  # (h, w, 2)


class FaceRenderer:
    """One person before a uniform background, in any pose; not for use by several threads at once.

    Parameters
    ----------
    identity
        Whose face.
    frame_px
        Height and width of the frames, 64 or more.
    face_px
        Width of the face box, 32 to `frame_px`.
    background
        Colour behind the person: red, green, blue.

    Raises
    ------
    OptionError
        For impossible sizes or colours.

    Examples
    --------
    >>> person = FaceRenderer(Identity.draw(np.random.default_rng(0)))
    >>> person.frame(Pose(units=(UnitPose(12, 1.0),))).shape
    (192, 192, 3)
    """

    def __init__(
        self,
        identity: Identity,
        *,
        frame_px: int = 192,
        face_px: int = 128,
        background: tuple[int, int, int] = (0, 177, 64),
    ) -> None:
        _within("frame in pixels", frame_px, 64, 4096)
        _within("face in pixels", face_px, 32, frame_px)
        for part in background:
            _within("background colour", part, 0, 255)
        self.identity = identity
        self.frame_px = frame_px
        self.face_px = face_px
        self._px = face_px / REFERENCE_FACE_PX
        self._unit = face_px * PHOTO_UNIT_PX / BOX_PHOTO_PX  # frame pixels per unit of face coordinates
        self._middle = (frame_px - 1) / 2
        self._margin = math.ceil(frame_px / 8)
        self._pulls: dict[tuple[int, Side], _Pull] = {}
        # Arrays that are used again for every frame: memory from the system costs more than the arithmetic.
        self._map = np.empty((2, frame_px, frame_px), dtype=np.float32)
        self._total = np.empty((frame_px, frame_px, 2), dtype=np.float32)
        self._rows = np.arange(frame_px, dtype=np.float32)[:, None]
        self._columns = self._rows.T
        side = _SUPERSAMPLE * (frame_px + 2 * self._margin)
        line: Array = (np.arange(side)[None] / _SUPERSAMPLE - self._margin).astype(np.float32)
        self._texture = paint(
            identity,
            self._face_x(line),
            self._face_y(line.T),
            background=background,
            detail=self._unit * _SUPERSAMPLE,
            blur_px=_BLUR_PX * _SUPERSAMPLE,
        )
        self.landmarks = self._find_landmarks()
        self._eyes = [self._eye(side) for side in ("left", "right")]
        self._mouth = self._find_mouth()

    @property
    def eyes(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Centres (x, y) of the participant's left and right eye (the image's right one first)."""
        return self.landmarks["left eye"], self.landmarks["right eye"]

    @property
    def face_box(self) -> tuple[int, int, int, int]:
        """Left, top, width, height of the neutral face, as face detectors draw it."""
        (ax, ay), (bx, by) = self.eyes
        chin = self.landmarks["chin"]
        x = (ax + bx) / 2
        y = (ay + by) / 2 + 0.16 * (chin[1] - (ay + by) / 2)
        return round(x - self.face_px / 2), round(y - self.face_px / 2), self.face_px, self.face_px

    def frame(self, pose: Pose) -> Frame:
        """The face in a pose, (frame_px, frame_px, 3) RGB without camera noise."""
        import cv2

        back = self._head(pose, inverse=True)
        x, y = self._map
        for line, (a, b, c) in zip((x, y), back.tolist(), strict=True):
            np.add(a * self._columns, b * self._rows + c, out=line)
        pull = self._pull(pose)
        if pull is not None:
            rows, columns = self._where(pose, self._pulled_box(pose))
            if not np.array_equal(back, _STILL):
                local = np.column_stack([back[:, :2], back @ (columns.start, rows.start, 1.0)])
                size = (columns.stop - columns.start, rows.stop - rows.start)
                flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
                pull = np.asarray(cv2.warpAffine(pull, local, size, flags=flags), dtype=np.float32)
            else:
                pull = pull[rows, columns]
            x[rows, columns] -= pull[..., 0]
            y[rows, columns] -= pull[..., 1]
        self._unfold(pose, x, y)
        for line in (x, y):
            line += self._margin
            line *= _SUPERSAMPLE
        shown = cv2.remap(self._texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(shown, dtype=np.uint8)

    def displacement(self, pose: Pose) -> Array:
        """The true flow in pixels from the neutral frame to the posed one, (2, frame_px, frame_px).

        In the uniform background, where nothing can be seen to move, it is the head's motion continued;
        at points of the eye that a closed lid covers, it leads to the lid's edge.
        """
        x0 = np.repeat(self._columns, self.frame_px, axis=0)
        y0 = np.repeat(self._rows, self.frame_px, axis=1)
        if pose == Pose():
            return np.zeros((2, self.frame_px, self.frame_px), dtype=np.float32)
        x, y = self._look_up(pose, x0, y0)
        for slit, closed, opened, up, down in self._folds(pose):
            y = _folded(slit, x, y, closed=closed, opened=opened, up=up, down=down)
        x, y = self._push(pose, x, y)
        head = self._head(pose)
        flow = [
            head[0, 0] * x + head[0, 1] * y + head[0, 2] - x0,
            head[1, 0] * x + head[1, 1] * y + head[1, 2] - y0,
        ]
        return np.stack(flow).astype(np.float32)

    def _face_x(self, x: Array) -> Array:
        return np.asarray((x - self._middle) / self._unit, dtype=np.float32)

    def _face_y(self, y: Array) -> Array:
        return np.asarray((y - self._middle) / self._unit + _CENTRE_Y, dtype=np.float32)

    def _find_landmarks(self) -> dict[str, tuple[float, float]]:
        points = dict(_MIDDLE_POINTS)
        for side, sign in (("left", 1.0), ("right", -1.0)):
            points |= {f"{side} {name}": (sign * x, y) for name, (x, y) in _POINTS.items()}
        x, y = self.identity.place(*np.array(list(points.values()), dtype=np.float32).T)
        x, y = x * self._unit + self._middle, (y - _CENTRE_Y) * self._unit + self._middle
        return {name: (float(x[i]), float(y[i])) for i, name in enumerate(points)}

    def _eye(self, side: str) -> _Slit:
        inner, outer = (self.landmarks[f"{side} {name} eye corner"] for name in ("inner", "outer"))
        upper, lower = (self.landmarks[f"{side} {name} lid"] for name in ("upper", "lower"))
        centre = ((inner[0] + outer[0]) / 2, (inner[1] + outer[1]) / 2)
        tilt = (outer[1] - inner[1]) / (outer[0] - inner[0])
        return _Slit(centre, abs(outer[0] - inner[0]) / 2, tilt, centre[1] - upper[1], lower[1] - centre[1])

    def _find_mouth(self) -> _Slit:
        left, right = self.landmarks["left mouth corner"], self.landmarks["right mouth corner"]
        centre = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2)
        tilt = (left[1] - right[1]) / (left[0] - right[0])
        upper, lower = self.landmarks["upper lip"], self.landmarks["lower lip"]
        return _Slit(centre, (left[0] - right[0]) / 2, tilt, centre[1] - upper[1], lower[1] - centre[1])

    def _head(self, pose: Pose, *, inverse: bool = False) -> NDArray[np.float64]:
        """Shape (2, 3): where the head's motion takes a pixel, or where it came from."""
        cos, sin = pose.scale * math.cos(pose.roll_rad), pose.scale * math.sin(pose.roll_rad)
        turn, middle = np.array([[cos, -sin], [sin, cos]]), np.full(2, self._middle)
        shift = middle - turn @ middle + np.array(pose.shift_px) * self._px
        if inverse:
            turn = np.linalg.inv(turn)
            shift = -turn @ shift
        return np.column_stack([turn, shift])

    def _unit_pull(self, unit: int, side: Side) -> _Pull:
        """One unit's field of this face, peak 1, cut to where it is above 1/2000."""
        if (unit, side) not in self._pulls:
            x, y = self.identity.bend(self._face_x(self._columns), self._face_y(self._rows))
            field = action_unit_field(unit, x.astype(np.float64), y.astype(np.float64), side=side)
            length = np.hypot(field[0], field[1])
            inside = np.argwhere(length > length.max() / 2000)
            (top, left), (bottom, right) = inside.min(axis=0), inside.max(axis=0) + 1
            rows, columns = slice(int(top), int(bottom)), slice(int(left), int(right))
            cut = np.ascontiguousarray(np.moveaxis(field, 0, -1)[rows, columns] / length.max(), np.float32)
            self._pulls[unit, side] = _Pull(rows, columns, cut)
        return self._pulls[unit, side]

    def _pull(self, pose: Pose) -> Array | None:
        """All action units of a pose: how far what is seen at a pixel has come, (frame_px, frame_px, 2).

        The array is overwritten by the next call.
        """
        units = self._units(pose)
        if not units:
            return None
        total = self._total
        total.fill(0.0)
        for unit, side, px in units:
            pull = self._unit_pull(unit, side)
            total[pull.rows, pull.columns] += np.float32(px * self._px) * pull.field
        return total

    @staticmethod
    def _units(pose: Pose) -> list[tuple[int, Side, float]]:
        """The pose's action units, and the jaw's part of them."""
        units: list[tuple[int, Side, float]] = [(u.unit, u.side, u.px) for u in pose.units if u.px > 0]
        return [*units, (26, "both", 0.5 * pose.jaw_px)] if pose.jaw_px > 0 else units

    def _pulled_box(self, pose: Pose) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of what the action units move."""
        pulls = [self._unit_pull(unit, side) for unit, side, _ in self._units(pose)]
        return (
            min(p.columns.start for p in pulls),
            min(p.rows.start for p in pulls),
            max(p.columns.stop for p in pulls),
            max(p.rows.stop for p in pulls),
        )

    def _push(self, pose: Pose, x: Array, y: Array) -> tuple[Array, Array]:
        """Where the action units take points: the fixed point r = p + pull(r)."""
        import cv2

        pull = self._pull(pose)
        if pull is None:
            return x, y
        u, v = x, y
        for _ in range(30):
            moved = cv2.remap(pull, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            u, v = x + moved[..., 0], y + moved[..., 1]
        return u, v

    def _folds(self, pose: Pose) -> list[tuple[_Slit, float, float, float, float]]:
        """Slits that open or close, as arguments of `_folded` in their order."""
        folds = []
        if pose.eyes_closed > 0:
            for eye in self._eyes:
                folds.append((eye, pose.eyes_closed, 0.0, 0.10 * self._unit, 0.10 * self._unit))
        if pose.jaw_px > 0:
            folds.append((self._mouth, 0.0, 0.5 * pose.jaw_px * self._px, 0.2 * self._unit, 0.5 * self._unit))
        return folds

    def _unfold(self, pose: Pose, x: Array, y: Array) -> None:
        """Closes lids, opens lips and turns eyes: changes in place where the map looks."""
        for slit, closed, opened, up, down in self._folds(pose):
            rows, columns = self._where(pose, slit.box(up, down))
            sub_x, sub_y = x[rows, columns], y[rows, columns]
            y[rows, columns] = _folded(
                slit, sub_x, sub_y, closed=closed, opened=opened, up=up, down=down, inverse=True
            )
        if pose.gaze == (0.0, 0.0):
            return
        for eye in self._eyes:
            rows, columns = self._where(pose, eye.box(0.0, 0.0))
            dx, dy = self._gaze(pose, eye, x[rows, columns], y[rows, columns])
            x[rows, columns] -= dx
            y[rows, columns] -= dy

    def _where(self, pose: Pose, box: tuple[float, float, float, float]) -> tuple[slice, slice]:
        """The rows and columns of the posed frame that can show a box of the neutral one."""
        head = self._head(pose)
        corners = head[:, :2] @ np.array([[box[0], box[2], box[0], box[2]], [box[1], box[1], box[3], box[3]]])
        corners += head[:, 2:]
        reach = 2 + pose.scale * self._px * (pose.jaw_px + sum(u.px for u in pose.units))
        low = np.clip(np.floor(corners.min(axis=1) - reach), 0, self.frame_px).astype(int)
        high = np.clip(np.ceil(corners.max(axis=1) + reach) + 1, 0, self.frame_px).astype(int)
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

    def _gaze(self, pose: Pose, eye: _Slit, x: Array, y: Array) -> tuple[Array, Array]:
        """How far the eye's picture moves at points of the neutral face: nothing at lids and corners."""
        top, bottom, bow = eye.margins(x)
        depth = np.clip((y - top) / np.maximum(bottom - top, 1e-6), 0.0, 1.0)
        across = np.minimum(2.2 * bow, 1.0) * (bow > 0)
        flat, round_ = 1 - (2 * depth - 1) ** 4, 4 * depth * (1 - depth)
        return pose.gaze[0] * self._px * across * flat, pose.gaze[1] * self._px * across * round_

    def _look_up(self, pose: Pose, x: Array, y: Array) -> tuple[Array, Array]:
        """Where the gaze takes points: a fixed point, eye by eye."""
        if pose.gaze == (0.0, 0.0):
            return x, y
        u, v = x, y
        for _ in range(60):
            total_x, total_y = np.zeros_like(x), np.zeros_like(y)
            for eye in self._eyes:
                dx, dy = self._gaze(pose, eye, u, v)
                total_x, total_y = total_x + dx, total_y + dy
            u, v = 0.5 * (u + x + total_x), 0.5 * (v + y + total_y)
        return u, v


def _folded(
    slit: _Slit,
    x: Array,
    y: Array,
    *,
    closed: float,
    opened: float,
    up: float,
    down: float,
    inverse: bool = False,
) -> Array:
    """New y of points around a slit whose upper margin goes down by a share and its lower one by pixels."""
    top, bottom, bow = slit.margins(x)
    upper, lower = closed * (bottom - top), opened * bow
    moved = fold(y, top=top, bottom=bottom, up=up, down=down, upper=upper, lower=lower, inverse=inverse)
    return np.where(bow > 0, moved, y)


_STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_TILE_EXTRA_PX = 64


def camera_noise(frame: Frame, rng: np.random.Generator, *, sd: float = 1.5) -> Frame:
    """The frame with sensor noise, independent in every pixel and colour.

    Parameters
    ----------
    frame
        Shape (height, width, 3) or (height, width).
    rng
        Chooses a part of a noise field that is made once per size: equal generators give equal frames.
    sd
        Standard deviation in grey levels, 0 to 50.
    """
    import cv2

    _within("noise", sd, 0.0, 50.0)
    if sd == 0:
        return frame.copy()
    field = _noise_field(frame.shape, sd)
    top, left = rng.integers(_TILE_EXTRA_PX, size=2)
    part = field[top : top + frame.shape[0], left : left + frame.shape[1]]
    return np.asarray(cv2.add(frame, part, dtype=cv2.CV_8U), dtype=np.uint8)


@lru_cache(maxsize=8)
def _noise_field(shape: tuple[int, ...], sd: float) -> NDArray[np.int16]:
    size = (shape[0] + _TILE_EXTRA_PX, shape[1] + _TILE_EXTRA_PX, *shape[2:])
    return np.rint(np.random.default_rng(0).normal(0.0, sd, size=size)).astype(np.int16)
