"""How far a face and what is below it have moved between two pictures of a participant.

Conventions: pictures are grey, (height, width) uint8; a map (2, 3) takes places in a picture, (x, y, 1), to
the aligned face, `SIDE` pixels square with the eyes at `EYES`; there a face is `FACE_PX` wide. Distances that
leave here are in face widths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.signals.face.finding import EYES
from mien.signals.face.head_motion import rigid_level, rigid_places, template_fit

Picture = NDArray[np.uint8]

SIDE = 128
FACE_PX = (EYES[1][0] - EYES[0][0]) * SIDE / 0.38  # a face's eyes are 0.38 of its width apart
_CENTRE = np.array([0.5 * SIDE - 0.5, 0.5 * SIDE - 0.5])
_LIKE = 0.6  # correlation at rigid places with the picture before, or more
_FARTHEST = 0.3  # of the side between two pictures, or less
_BLOCK = 8  # px of the aligned face: the flow is averaged over squares of this side
# The face without eyes and lids, as ellipses in shares of the side: blinks and glances are no activity.
_FACE = (0.5, 0.54, 0.31, 0.42)
_LIDS = ((0.33, 0.37, 0.22, 0.15), (0.67, 0.37, 0.22, 0.15))
# Of the body: how wide a face is in the small picture, what is an edge (grey levels a pixel), least edges.
_SMALL_PX, _EDGE, _LEAST_EDGE_PX = 28.0, 1.5, 25
_REACH = 1.6  # of the body beside the face's middle, face widths


@dataclass(frozen=True, slots=True, eq=False)
class FaceStep:
    """Motion of a face from one picture to a later one, in face widths, and the later one's map.

    `head` is one number; `parts` (2, n_squares) is what squares of the face do beside it, right and down.
    """

    head: float
    parts: FloatArray
    to_face: FloatArray


def eye_map(eyes: FloatArray) -> FloatArray:
    """The map that takes two eyes, (2, 2), to `EYES`: turn, scale and shift."""
    goal = np.array(EYES) * SIDE - 0.5
    turn = complex(*(goal[1] - goal[0])) / complex(*(eyes[1] - eyes[0]))
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, goal[0] - linear @ eyes[0]])


def face_width_px(to_face: FloatArray) -> float:
    """Width of the face in the picture."""
    return FACE_PX / math.sqrt(abs(float(np.linalg.det(to_face[:, :2]))))


def face_step(before: Picture, after: Picture, to_face: FloatArray) -> FaceStep | None:
    """What the face did from one picture to the next; None where the face is not followed there.

    Head: the motion that fits the flow at places that move with the skull (`head_motion`), as the root mean
    square over a disc as wide as the face: shift, and turn and change of size by what they move on average.
    Parts: what the flow has beside it, averaged over squares of 8 px of the face without eyes and lids.

    Parameters
    ----------
    to_face
        Map of `before`.
    """
    first = _cut(before, to_face)
    second = _lit_alike(_cut(after, to_face), first)
    flow = np.asarray(_engine().calc(first, second, np.zeros((SIDE, SIDE, 2), np.float32)))
    fit = template_fit((SIDE, SIDE))
    affine = fit(*flow[fit.at].T).affine
    shift = affine[:, :2] @ _CENTRE + affine[:, 2]
    if not np.isfinite(affine).all() or math.hypot(*shift) > _FARTHEST * SIDE:
        return None
    moved = _advanced(to_face, affine)
    if moved is None or not _alike(first, _cut(after, moved)):
        return None
    turn = complex(affine[0, 0] + affine[1, 1], affine[1, 0] - affine[0, 1]) / 2
    head = math.sqrt(float(shift @ shift) + abs(turn) ** 2 * (FACE_PX / 2) ** 2 / 2)
    return FaceStep(head / FACE_PX, _parts(flow, affine) / FACE_PX, moved)


def _lit_alike(picture: Picture, other: Picture) -> Picture:
    """A picture with the other's brightness and contrast: light that flickers moves nothing."""
    import cv2

    (mean, spread), (to_mean, to_spread) = cv2.meanStdDev(picture), cv2.meanStdDev(other)
    gain = float(np.clip(to_spread[0, 0] / max(spread[0, 0], 1.0), 0.5, 2.0))
    levels = (np.arange(256) - mean[0, 0]) * gain + to_mean[0, 0]
    return np.asarray(cv2.LUT(picture, np.clip(np.rint(levels), 0, 255).astype(np.uint8)), dtype=np.uint8)


def _parts(flow: NDArray[np.float32], affine: FloatArray) -> FloatArray:
    """The squares' mean flow beside the head's, (2, n_squares) pixels of the aligned face."""
    import cv2

    rows, columns = _squares()
    means = np.asarray(cv2.resize(flow, (SIDE // _BLOCK,) * 2, interpolation=cv2.INTER_AREA))[rows, columns]
    places = np.stack([columns, rows]) * _BLOCK + (_BLOCK - 1) / 2
    return np.asarray(means.T - (affine[:, :2] @ places + affine[:, 2:]))


def activity(parts: list[FloatArray]) -> float:
    """Root mean square over the squares of the mean of some steps' motion: noise goes, what lasts stays."""
    return float(np.sqrt((np.mean(parts, axis=0) ** 2).sum(axis=0).mean()))


@lru_cache(maxsize=1)
def _squares() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    at = (np.arange(SIDE // _BLOCK) + 0.5) * _BLOCK / SIDE
    inside = _within(_FACE, at) & ~_within(_LIDS[0], at) & ~_within(_LIDS[1], at)
    rows, columns = np.nonzero(inside)
    return rows, columns


def _within(ellipse: tuple[float, float, float, float], at: FloatArray) -> NDArray[np.bool_]:
    x, y, wide, high = ellipse
    return np.asarray(((at[None, :] - x) / wide) ** 2 + ((at[:, None] - y) / high) ** 2 < 1)


def _advanced(to_face: FloatArray, affine: FloatArray) -> FloatArray | None:
    """The map of the later picture: the head's shift, turn and change of size taken out of it."""
    a, b = (affine[0, 0] + affine[1, 1]) / 2, (affine[1, 0] - affine[0, 1]) / 2
    linear = np.array([[1 + a, -b], [b, 1 + a]])
    shift = affine[:, :2] @ _CENTRE + affine[:, 2] - (linear - np.eye(2)) @ _CENTRE
    if abs(complex(1 + a, b)) < 0.5:
        return None
    back = np.linalg.inv(linear)
    return np.column_stack([back @ to_face[:, :2], back @ (to_face[:, 2] - shift)])


def _alike(first: Picture, second: Picture) -> bool:
    """Whether two aligned pictures show the same face, by the places that no expression moves."""
    a, b = (rigid_level(picture, least=1.0) for picture in (first, second))
    return bool(rigid_places(SIDE)[1] @ (a * b) > _LIKE)


def _cut(picture: Picture, to_face: FloatArray) -> Picture:
    """The aligned face; a picture that is finer is blurred first, so that nothing aliases."""
    import cv2

    smaller = 1 / math.sqrt(abs(float(np.linalg.det(to_face[:, :2]))))
    corners = (np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]]) - to_face[:, 2]) @ np.linalg.inv(
        to_face[:, :2]
    ).T
    low = np.clip(np.floor(corners.min(axis=0)) - 4, 0, np.subtract(picture.shape[::-1], 8)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 4, low + 8, picture.shape[::-1]).astype(int)
    near: Any = picture[low[1] : high[1], low[0] : high[0]]
    near = cv2.GaussianBlur(near, (0, 0), max(1.0, 0.5 * smaller))
    map_ = np.column_stack([to_face[:, :2], to_face[:, 2] + to_face[:, :2] @ low])
    face = cv2.warpAffine(near, map_, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(face, dtype=np.uint8)


@lru_cache(maxsize=1)
def _engine() -> Any:
    """Dense inverse search (see `flow.dis_flow`) with large patches on half the pixels.

    On a noisy face 112 px wide that rests (3 grey levels), squares show a third of what they show with the
    engine of `features.region_motion`, and the same of words and smiles.
    """
    import cv2

    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    engine.setFinestScale(1)
    engine.setPatchSize(12)
    engine.setPatchStride(6)
    engine.setGradientDescentIterations(12)
    return engine


def body_step(before: Picture, after: Picture, to_face: FloatArray) -> float:
    """How far edges below and beside the chin have moved, in face widths; NaN where there are too few.

    In small pictures (a face is 28 px wide) whose brightness was made equal: the sum of |change| x slope over
    the sum of slope squared at edges, which for one motion of all of them is its mean part along the slope;
    times pi / 2, as slopes point everywhere.
    """
    import cv2

    wide = face_width_px(to_face)
    eyes = np.linalg.solve(to_face[:, :2], np.mean(np.array(EYES) * SIDE - 0.5, axis=0) - to_face[:, 2])
    low = np.maximum(np.round(eyes + np.array([-_REACH, 0.3]) * wide), 0).astype(int)
    right = min(before.shape[1], round(eyes[0] + _REACH * wide))
    bottom = min(before.shape[0], round(eyes[1] + 3.0 * wide))
    if right - low[0] < wide / 2 or bottom - low[1] < wide / 4:
        return math.nan
    scale = min(1.0, _SMALL_PX / wide)
    size = (max(8, round((right - low[0]) * scale)), max(8, round((bottom - low[1]) * scale)))
    small = []
    for picture in (before, after):
        part = cv2.resize(picture[low[1] : bottom, low[0] : right], size, interpolation=cv2.INTER_AREA)
        small.append(np.asarray(cv2.GaussianBlur(part.astype(np.float32), (0, 0), 1.2)))
    first, second = small
    second = second * (max(float(np.median(first)), 1.0) / max(float(np.median(second)), 1.0))
    middle = (first + second) / 2
    slope = np.hypot(*(cv2.Sobel(middle, cv2.CV_32F, a, 1 - a, scale=1 / 8) for a in (1, 0)))
    x = (np.arange(size[0]) / scale + low[0] - eyes[0]) / wide
    y = (np.arange(size[1])[:, None] / scale + low[1] - eyes[1]) / wide
    edges = (slope > _EDGE) & ((y > 0.95) | (np.abs(x) > 0.75))
    if np.count_nonzero(edges) < _LEAST_EDGE_PX:
        return math.nan
    at, change = slope[edges], np.abs(second - first)[edges]
    return float(np.pi / 2 * (change @ at) / (at @ at) / scale / wide)
