"""Motion of one face against its reference picture: aligned, without the head's, averaged over regions.

Conventions: aligned faces of `SIZE` x `SIZE` pixels with the eyes at `EYES`; displacements in pixels of the
aligned face, from the reference to the current picture, u to the right and v down.

Flow is dense inverse search down to single pixels with OpenCV's preset "ultrafast", patch stride 6 and 6
gradient steps: on rendered faces with noise, means over a region are .82 of the true displacement (median
error .11 px where more than .3 px move, .05 px where nothing does), as with `dis_flow` (.83; .10; .04) at
less than half its time. The presets as they are stop at a coarser scale and show .27 ("fast") to .58
("medium") of it. `python -m benchmarks spotting_front_end` measures this.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.signals.face.finding import EYES, Face
from mien.signals.face.head_motion import HeadMotion, rigid_level, rigid_places, template_fit
from mien.signals.face.regions import REGION_NAMES, mdmo_regions, region_masks, template_landmarks

SIZE = 128
REGIONS = (*REGION_NAMES, "eye, right", "eye, left", "lips")
"""MDMO's 36 regions and the parts that it leaves out: blinks and words are seen there."""
CHANNELS = ("u", "v", "magnitude", "strain")
HEAD = ("shift_x_px", "shift_y_px", "roll_rad", "zoom", "residual_px")

_LIKE = 0.7  # correlation with the reference at rigid places, or more, as `HeadTracker` asks
_EYE_REACH = (1.15, 2.2)  # of the lids' outline, across and down: a closing lid crosses it
_CENTRE = np.array([0.5 * SIZE - 0.5, 0.45 * SIZE - 0.5, 1.0])

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
        edge = np.array([[-0.5, -0.5], [SIZE - 0.5, -0.5], [-0.5, SIZE - 0.5], [SIZE - 0.5] * 2])
        corners = (edge - to_face[:, 2]) @ self.from_face.T
        self._box = list(zip(corners.min(axis=0).tolist(), corners.max(axis=0).tolist(), strict=True))

    def moved(self, shift: FloatArray) -> Aligner:
        """The aligner for a head that has moved by (x, y) pixels of the picture."""
        linear = self.to_face[:, :2]
        return Aligner(np.column_stack([linear, self.to_face[:, 2] - linear @ shift]))

    def cut(self, picture: Picture, shift: FloatArray) -> Picture:
        """The aligned face of a head moved by `shift`; averaged by a whole number first: nothing aliases."""
        import cv2

        by = self._by
        (left, right), (top, bottom) = (
            _span(low + by_shift, high + by_shift, by, size)
            for (low, high), by_shift, size in zip(self._box, shift, reversed(picture.shape), strict=True)
        )
        near: Any = picture[top * by : bottom * by, left * by : right * by]
        if by > 1:
            near = cv2.resize(near, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        if self._blur > 0:
            near = cv2.GaussianBlur(near, (0, 0), self._blur)
        map_ = self.to_face.copy()
        map_[:, 2] += map_[:, :2] @ (np.array([left, top]) * by + (by - 1) / 2 - shift)
        map_[:, :2] *= by
        face = cv2.warpAffine(
            near, map_, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(face, dtype=np.uint8)


def _span(low: float, high: float, by: int, size: int) -> tuple[int, int]:
    """First averaged pixel and the one after the last, a little beyond `low` and `high` where there are."""
    last = max(size // by, 1)
    first = min(max(math.floor(low / by) - 2, 0), last - 1)
    return first, min(max(math.ceil(high / by) + 3, first + 1), last)


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
        self._rigid = rigid_level(self.grey)

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
        if not self._alike(grey):
            self._advance(_flow(self.grey, grey)[1])
            grey = self._cut(picture)
            if not self._alike(grey):
                self.shift = before
                return None
        flow, moved = _flow(self.grey, grey)
        affine = moved.affine
        shift_px = self.aligner.to_face[:, :2] @ self.shift + affine @ _CENTRE
        roll, zoom = (affine[1, 0] - affine[0, 1]) / 2, (affine[0, 0] + affine[1, 1]) / 2
        self._advance(moved)
        head = np.array([*shift_px, roll, zoom, moved.residual_px], dtype=np.float32)
        field = flow.transpose(2, 0, 1) - moved.field((SIZE, SIZE)) if whole else None
        return Motion(region_means(flow, affine), head, field)

    def _alike(self, grey: Picture) -> bool:
        """Whether an aligned picture shows this face, by the places that no expression moves."""
        return bool(rigid_places(SIZE)[1] @ (self._rigid * rigid_level(grey)) > _LIKE)

    def _advance(self, head: HeadMotion) -> None:
        moved = head.affine @ _CENTRE
        if math.hypot(*moved) < 0.25 * SIZE:
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


def _flow(first: Picture, second: Picture) -> tuple[NDArray[np.float32], HeadMotion]:
    """The flow, (SIZE, SIZE, 2), and the head's motion in it."""
    flow = np.asarray(region_flow_engine().calc(first, second, np.zeros((SIZE, SIZE, 2), np.float32)))
    fit = template_fit((SIZE, SIZE))
    return flow, fit(*flow[fit.at].T)


@lru_cache(maxsize=1)
def region_flow_engine() -> Any:
    import cv2

    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    engine.setFinestScale(0)
    engine.setPatchStride(6)
    engine.setGradientDescentIterations(6)
    return engine


def region_means(flow: NDArray[np.float32], affine: FloatArray) -> NDArray[np.float32]:
    """Means over `REGIONS` of u, v, magnitude and strain without the head's motion, (regions, channels).

    Parameters
    ----------
    flow
        Shape (SIZE, SIZE, 2), float32.
    affine
        Shape (2, 3): the head's motion, as in `HeadMotion`.
    """
    means = np.zeros((len(REGIONS), len(CHANNELS)), dtype=np.float32)
    _means()(flow, affine, *_pixels(), means)
    return means


@lru_cache(maxsize=1)
def _means() -> Callable[..., None]:
    """The compiled `_add_up`; numba is imported when a face is measured for the first time."""
    from numba import njit

    compiled: Callable[..., None] = njit(cache=True, nogil=True)(_add_up)
    return compiled


def _add_up(flow, affine, rows, columns, starts, means):  # type: ignore[no-untyped-def]  # compiled
    """Fill the means; strain is that of `optical_strain` at pixels beside which there are others."""
    down = 2 * flow.shape[1]
    values = flow.ravel()
    for region in range(means.shape[0]):
        sum_u = sum_v = sum_length = sum_strain = 0.0
        for k in range(starts[region], starts[region + 1]):
            y, x = rows[k], columns[k]
            at = down * y + 2 * x
            u = values[at] - (affine[0, 0] * x + affine[0, 1] * y + affine[0, 2])
            v = values[at + 1] - (affine[1, 0] * x + affine[1, 1] * y + affine[1, 2])
            u_x = 0.5 * (values[at + 2] - values[at - 2]) - affine[0, 0]
            v_x = 0.5 * (values[at + 3] - values[at - 1]) - affine[1, 0]
            u_y = 0.5 * (values[at + down] - values[at - down]) - affine[0, 1]
            v_y = 0.5 * (values[at + down + 1] - values[at - down + 1]) - affine[1, 1]
            sum_u += u
            sum_v += v
            sum_length += math.sqrt(u * u + v * v)
            sum_strain += math.sqrt(u_x * u_x + v_y * v_y + 0.5 * (u_y + v_x) ** 2)
        n = starts[region + 1] - starts[region]
        means[region, 0], means[region, 1] = sum_u / n, sum_v / n
        means[region, 2], means[region, 3] = sum_length / n, sum_strain / n


@lru_cache(maxsize=1)
def _pixels() -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Rows and columns of all regions' pixels, none at the border; where each begins and the last ends."""
    points = template_landmarks(SIZE)
    eyes = [points[first : first + 6] for first in (36, 42)]
    wide = [eye.mean(axis=0) + (eye - eye.mean(axis=0)) * _EYE_REACH for eye in eyes]
    masks = region_masks([*mdmo_regions(points), *wide, points[48:60]], (SIZE, SIZE))
    _, rows, columns = np.nonzero(masks)
    starts = np.cumsum([0, *masks.sum(axis=(1, 2)).tolist()])
    return rows.astype(np.int32), columns.astype(np.int32), starts.astype(np.int64)
