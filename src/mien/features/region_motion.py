"""Motion of one face against its reference picture: aligned, without the head's, averaged over regions.

Conventions: aligned faces of `SIZE` x `SIZE` pixels with the eyes at `EYES`; displacements in pixels of the
aligned face, from the reference to the current picture, u to the right and v down.

Flow is dense inverse search down to single pixels with OpenCV's preset "ultrafast", patch stride 6 and 6
gradient steps: on rendered faces with noise, means over a region are .84 of the true displacement (error .13
px where more than .3 px move, .04 px where nothing does), as with `dis_flow` (.84; .12; .04) at less than
half its time. The presets as they are stop at a coarser scale and show .16 ("fast") to .54 ("medium") of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.signals.face import optical_strain, remove_head_motion
from mien.signals.face.finding import EYES, Face
from mien.signals.face.head_motion import rigid_weights
from mien.signals.face.regions import REGION_NAMES, mdmo_regions, region_masks, template_landmarks

SIZE = 128
REGIONS = (*REGION_NAMES, "eye, right", "eye, left", "lips")
"""MDMO's 36 regions and the parts that it leaves out: blinks and words are seen there."""
CHANNELS = ("u", "v", "magnitude", "strain")
HEAD = ("shift_x_px", "shift_y_px", "roll_rad", "zoom", "residual_px")

_LIKE = 0.7  # correlation with the reference at rigid places, or more, as `HeadTracker` asks
_EYE_REACH = (1.15, 2.2)  # of the lids' outline, across and down: a closing lid crosses it
_CENTRE = np.array([0.5, 0.45]) * SIZE - 0.5

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Means over regions, (n_regions, n_channels), and the head's motion since the reference, (5,).

    `field` is the whole flow, (2, SIZE, SIZE), where it was asked for.
    """

    regions: NDArray[np.float32]
    head: NDArray[np.float32]
    field: NDArray[np.float32] | None = None


class Aligner:
    """Cuts aligned faces out of pictures.

    Parameters
    ----------
    to_face
        Shape (2, 3): from places in a picture to places in the aligned face.
    """

    def __init__(self, to_face: FloatArray) -> None:
        self.to_face = to_face
        self.from_face = np.linalg.inv(to_face[:, :2])
        smaller = float(np.sqrt(abs(np.linalg.det(self.from_face))))
        self._by = max(1, int(smaller))
        rest = smaller / self._by
        self._blur = 0.5 * np.sqrt(rest**2 - 1) if rest > 1.1 else 0.0

    def moved(self, shift: FloatArray) -> Aligner:
        """The aligner for a head that has moved by (x, y) pixels of the picture."""
        linear = self.to_face[:, :2]
        return Aligner(np.column_stack([linear, self.to_face[:, 2] - linear @ shift]))

    def cut(self, picture: Picture, shift: FloatArray) -> Picture:
        """The aligned face of a head moved by `shift`; averaged by a whole number first: nothing aliases."""
        import cv2

        by, (height, width) = self._by, picture.shape
        edge = np.array([[-0.5, -0.5], [SIZE - 0.5, -0.5], [-0.5, SIZE - 0.5], [SIZE - 0.5] * 2])
        corners = (edge - self.to_face[:, 2]) @ self.from_face.T + shift
        last = np.array([max(width // by, 1), max(height // by, 1)])
        low = np.clip(np.floor(corners.min(axis=0) / by) - 2, 0, last - 1).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0) / by) + 3, low + 1, last).astype(int)
        near: Any = picture[low[1] * by : high[1] * by, low[0] * by : high[0] * by]
        if by > 1:
            near = cv2.resize(near, tuple((high - low).tolist()), interpolation=cv2.INTER_AREA)
        if self._blur > 0:
            near = cv2.GaussianBlur(near, (0, 0), self._blur)
        linear = self.to_face[:, :2]
        corner = low * by + (by - 1) / 2 - shift
        map_ = np.column_stack([linear * by, self.to_face[:, 2] + linear @ corner])
        face = cv2.warpAffine(
            near, map_, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(face, dtype=np.uint8)


class ReferenceFace:
    """A face as it was found in one picture, and how it moves from there.

    Parameters
    ----------
    picture
        Luma, (height, width) uint8.
    face
        With its eyes.
    """

    def __init__(self, picture: Picture, face: Face) -> None:
        assert face.eyes is not None
        self.aligner = Aligner(_eye_map(face.eyes))
        self.shift: FloatArray = np.zeros(2)
        """Of the head since the reference, in the picture's pixels."""
        self.eyes: FloatArray = np.asarray(face.eyes, dtype=np.float64)
        self.grey = self._cut(picture)

    @property
    def eyes_now(self) -> FloatArray:
        """Where the eyes should be in the last picture, (2, 2)."""
        return self.eyes + self.shift

    def measure(self, picture: Picture, *, whole: bool = False) -> Motion | None:
        """The face's motion since the reference; None where the picture does not show the same face there.

        `whole` asks for the flow itself too.
        """
        before = self.shift
        grey = self._cut(picture)
        if not _alike(self.grey, grey):
            self._advance(*_steady(self.grey, grey)[1:])
            grey = self._cut(picture)
            if not _alike(self.grey, grey):
                self.shift = before
                return None
        field, affine, residual = _steady(self.grey, grey)
        shift_px = self.aligner.to_face[:, :2] @ self.shift + affine @ (*_CENTRE, 1.0)
        roll, zoom = (affine[1, 0] - affine[0, 1]) / 2, (affine[0, 0] + affine[1, 1]) / 2
        self._advance(affine, residual)
        u, v = field.astype(np.float64)
        channels = np.stack([u, v, np.hypot(u, v), optical_strain(u, v)])
        pixels, starts, sizes = _pixels()
        sums = np.add.reduceat(channels.reshape(len(CHANNELS), -1)[:, pixels], starts, axis=1)
        head = np.array([*shift_px, roll, zoom, residual], dtype=np.float32)
        return Motion(np.asarray((sums / sizes).T, dtype=np.float32), head, field if whole else None)

    def _advance(self, affine: FloatArray, residual: float) -> None:
        moved = affine @ (*_CENTRE, 1.0)
        if np.hypot(*moved) < 0.25 * SIZE:
            self.shift = self.shift + self.aligner.from_face @ moved

    def _cut(self, picture: Picture) -> Picture:
        return self.aligner.cut(picture, self.shift)


def _eye_map(eyes: FloatArray) -> FloatArray:
    """Turn, scale and shift that take the eyes to `EYES`, (2, 3)."""
    goal = np.array(EYES) * SIZE - 0.5
    here, there = complex(*(eyes[1] - eyes[0])), complex(*(goal[1] - goal[0]))
    turn = there / here
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, goal[0] - linear @ eyes[0]])


def _steady(first: Picture, second: Picture) -> tuple[NDArray[np.float32], FloatArray, float]:
    """The flow without the head's motion; that motion, (2, 3); and what the fit left."""
    flow = _engine().calc(first, second, np.zeros((SIZE, SIZE, 2), np.float32))
    field, head = remove_head_motion(np.ascontiguousarray(flow.transpose(2, 0, 1)))
    return field, head.affine, head.residual_px


@lru_cache(maxsize=1)
def _engine() -> Any:
    import cv2

    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    engine.setFinestScale(0)
    engine.setPatchStride(6)
    engine.setGradientDescentIterations(6)
    return engine


def _alike(first: Picture, second: Picture) -> bool:
    """Whether two aligned pictures show one face, by the places that no expression moves."""
    at, weights = _rigid()
    a, b = (picture.ravel()[at].astype(np.float64) for picture in (first, second))
    a, b = a - weights @ a, b - weights @ b
    size = np.sqrt((weights @ a**2) * (weights @ b**2))
    return bool(size > 0 and weights @ (a * b) > _LIKE * size)


@lru_cache(maxsize=1)
def _rigid() -> tuple[NDArray[np.int64], FloatArray]:
    weights = rigid_weights((SIZE, SIZE)).ravel()
    at = np.flatnonzero(weights)[::4]
    return at, weights[at] / weights[at].sum()


@lru_cache(maxsize=1)
def _pixels() -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """The pixels of all regions one after another, where each begins, and how many it has."""
    points = template_landmarks(SIZE)
    eyes = [points[first : first + 6] for first in (36, 42)]
    wide = [eye.mean(axis=0) + (eye - eye.mean(axis=0)) * _EYE_REACH for eye in eyes]
    masks = region_masks([*mdmo_regions(points), *wide, points[48:60]], (SIZE, SIZE))
    each = [np.flatnonzero(mask) for mask in masks]
    sizes = np.array([len(one) for one in each])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.concatenate(each), starts.astype(np.int64), sizes.astype(np.float64)
