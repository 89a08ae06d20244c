"""Parts of a face as polygons between 68 landmarks: MDMO's 36 regions, and where each action unit acts.

Conventions: landmarks are (68, 2) in the order of iBUG's annotation (Sagonas et al. 2016,
doi:10.1016/j.imavis.2016.01.002), x to the right and y down in pixels, (0, 0) at the middle of the first
pixel. Left and right are the participant's: their right is the image's left and comes first. Without
measured landmarks a template stands in, placed by the eyes; its proportions are ours, near those of average
adults: its mouth and chin are right to a few per cent of an aligned picture only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.labels import ACTION_UNITS
from mien.core.time import FloatArray

Mask = NDArray[np.bool_]

TEMPLATE_EYES = ((0.34, 0.36), (0.66, 0.36))
"""The participant's right and left eye centre in an aligned picture, as shares of its side from its edges."""

# The template's half at the image's left, in distances between the eye centres from the point midway.
_HALF: Mapping[int, tuple[float, float]] = {
    0: (-1.02, -0.03), 1: (-1.01, 0.22), 2: (-0.98, 0.47), 3: (-0.92, 0.72), 4: (-0.83, 0.96),
    5: (-0.69, 1.20), 6: (-0.49, 1.44), 7: (-0.26, 1.67), 8: (0.0, 1.79),
    17: (-0.86, -0.20), 18: (-0.75, -0.29), 19: (-0.59, -0.32), 20: (-0.42, -0.30), 21: (-0.25, -0.25),
    27: (0.0, -0.03), 28: (0.0, 0.16), 29: (0.0, 0.36), 30: (0.0, 0.57),
    31: (-0.24, 0.665), 32: (-0.12, 0.70), 33: (0.0, 0.72),
    36: (-0.735, 0.005), 37: (-0.59, -0.085), 38: (-0.41, -0.085), 39: (-0.265, 0.025),
    40: (-0.41, 0.07), 41: (-0.59, 0.07),
    48: (-0.41, 1.04), 49: (-0.26, 0.96), 50: (-0.10, 0.92), 51: (0.0, 0.94),
    57: (0.0, 1.21), 58: (-0.14, 1.20), 59: (-0.28, 1.14),
    60: (-0.35, 1.04), 61: (-0.15, 1.02), 62: (0.0, 1.025), 66: (0.0, 1.065), 67: (-0.15, 1.055),
}  # fmt: skip
_MIRRORED: Mapping[int, int] = {
    **{i: 16 - i for i in range(8)}, 17: 26, 18: 25, 19: 24, 20: 23, 21: 22, 31: 35, 32: 34,
    36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46, 48: 54, 49: 53, 50: 52, 58: 56, 59: 55,
    60: 64, 61: 63, 67: 65,
}  # fmt: skip

REGION_NAMES = (
    "outer brow, right", "inner brow, right", "glabella, right",
    "glabella, left", "inner brow, left", "outer brow, left",
    "temple, right", "outer lid fold, right", "inner lid fold, right", "nose root, right",
    "nose root, left", "inner lid fold, left", "outer lid fold, left", "temple, left",
    "outer cheek, right", "inner cheek, right", "nose side, right",
    "nose side, left", "inner cheek, left", "outer cheek, left",
    "nose wing, right", "nose wing, left", "beside the upper lip, right", "beside the upper lip, left",
    "below the mouth's side, right", "below the mouth, right",
    "below the mouth, left", "below the mouth's side, left",
    "middle cheek, right", "middle cheek, left", "lower cheek, right", "lower cheek, left",
    "jaw, right", "chin, right", "chin, left", "jaw, left",
)  # fmt: skip

# Corners: a landmark; 100 + a landmark: lifted into the forehead; a pair: the point midway.
_LIFT = 0.18  # distances between the eyes
_Corner = int | tuple[int, int]
_REGIONS: tuple[tuple[_Corner, ...], ...] = (
    (17, 117, 119, 19), (19, 119, 121, 21), (21, 121, 127, 27),
    (27, 127, 122, 22), (22, 122, 124, 24), (24, 124, 126, 26),
    (1, 0, 17, 36), (36, 17, 19, 38), (38, 19, 21, 39), (39, 21, 27, 28),
    (28, 27, 22, 42), (42, 22, 24, 43), (43, 24, 26, 45), (45, 26, 16, 15),
    (3, 2, (2, 41), (3, 29)), ((3, 29), (2, 41), 41, 39), ((3, 29), 39, 28, 29),
    (29, 28, 42, (13, 29)), ((13, 29), 42, 46, (14, 46)), ((13, 29), (14, 46), 14, 13),
    ((4, 33), (3, 29), 29, 33), (33, 29, (13, 29), (12, 33)),
    ((5, 59), (4, 33), 33, 59), (55, 33, (12, 33), (11, 55)),
    ((6, 58), (5, 59), 59, 58), ((8, 57), (6, 58), 58, 57),
    ((10, 56), (8, 57), 57, 56), ((11, 55), (10, 56), 56, 55),
    (4, 3, (3, 29), (4, 33)), ((12, 33), (13, 29), 13, 12),
    (5, 4, (4, 33), (5, 59)), ((11, 55), (12, 33), 12, 11),
    (6, 5, (5, 59), (6, 58)), (8, 6, (6, 58), (8, 57)),
    (10, 8, (8, 57), (10, 56)), (11, 10, (10, 56), (11, 55)),
)  # fmt: skip

# Parts that the 36 regions leave out, as corners of the image's left half or of the middle.
_PARTS_RIGHT: Mapping[str, tuple[_Corner, ...]] = {
    "inner end of the brow": (19, 119, 121, 21, (21, 39), (19, 38)),
    "outer end of the brow": (17, 117, 119, 19, (19, 38), (17, 36)),
    "upper lid": (36, (36, 17), (37, 18), (38, 20), (39, 21), 39, (38, 40), (37, 41)),
    "crow's feet": (1, 36, 41, (2, 41), 2),
}
_PARTS_MIDDLE: Mapping[str, tuple[_Corner, ...]] = {
    "philtrum": (31, 33, 35, 53, 52, 51, 50, 49),
    "lips": (48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59),
}

ACTION_UNIT_REGIONS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        1: ("inner end of the brow",),
        2: ("outer end of the brow",),
        4: ("inner end of the brow", "glabella", "nose root"),
        5: ("upper lid",),
        6: ("crow's feet", "inner cheek", "outer cheek"),
        7: ("lower lid",),
        9: ("nose root", "nose side"),
        10: ("philtrum",),
        11: ("nose wing",),
        12: ("mouth corner", "lower cheek", "middle cheek"),
        13: ("mouth corner", "middle cheek"),
        14: ("mouth corner",),
        15: ("mouth corner", "below the mouth's side"),
        16: ("below the mouth",),
        17: ("chin", "below the mouth"),
        18: ("lips", "philtrum"),
        20: ("mouth corner", "lower cheek", "below the mouth's side"),
        23: ("lips",),
        24: ("lips",),
        25: ("lips", "below the mouth"),
        26: ("below the mouth", "chin", "jaw"),
        41: ("upper lid",),
        42: ("upper lid", "lower lid"),
        45: ("upper lid", "lower lid"),
    }
)
"""Action unit -> the parts of both sides in which it is seen: names of `REGION_NAMES` without their side, or
parts of their own (brow ends, lids, crow's feet, philtrum, lips, mouth corners). Ours, after the appearance
changes of the FACS manual (Ekman, Friesen & Hager 2002). Units that move the same skin share parts."""

_MORE_NAMES = {23: "Lip Tightener", 24: "Lip Pressor", 45: "Blink"}  # not in MMME's Table 2


def template_landmarks(size: int) -> FloatArray:
    """The 68 landmarks of an average face in a picture of `size` x `size` pixels, shape (68, 2).

    The eye centres (means of the points 36-41 and 42-47) lie at pixel `TEMPLATE_EYES` * size - 0.5, as the
    edges of a picture lie half a pixel beyond the middles of its first and last pixels.

    Raises
    ------
    OptionError
        If the size is below 1.

    Examples
    --------
    >>> template_landmarks(100)[[48, 54]].round(1).tolist()  # corners of the mouth
    [[36.4, 68.8], [62.6, 68.8]]
    """
    if size < 1:
        raise OptionError(
            "size", wanted="1 pixel or more", got=size, remedy="give the side of the aligned picture"
        )
    return landmarks_from_eyes(np.array(TEMPLATE_EYES) * size - 0.5)


def landmarks_from_eyes(eyes: FloatArray) -> FloatArray:
    """The template shifted, turned and scaled so that its eye centres lie at the given ones, shape (68, 2).

    Parameters
    ----------
    eyes
        Shape (2, 2): centres (x, y) of both eyes in pixels, in either order; the one further left in the
        picture is the participant's right.

    Raises
    ------
    DataError
        If the eyes have another shape, are not finite or lie above each other.
    """
    eyes = np.asarray(eyes, dtype=np.float64)
    if eyes.shape != (2, 2) or not np.isfinite(eyes).all() or eyes[0, 0] == eyes[1, 0]:
        raise DataError(
            "eyes",
            wanted="two finite points (x, y), one left of the other",
            got=eyes.tolist() if eyes.shape == (2, 2) else f"shape {eyes.shape}",
            remedy="find the eyes again, or turn the picture upright",
        )
    right, left = eyes[np.argsort(eyes[:, 0])]
    across = left - right
    down = np.array([-across[1], across[0]])
    template = _template()
    return np.asarray((right + left) / 2 + template[:, :1] * across + template[:, 1:] * down)


def mdmo_regions(landmarks: FloatArray) -> tuple[FloatArray, ...]:
    """The 36 regions of MDMO as polygons, in the order of `REGION_NAMES`.

    Liu et al. 2016 (doi:10.1109/TAFFC.2015.2485205) drew them partly after action units; corner by corner
    they are known from the code of Varanka et al. (meb, Apache-2.0). Ours: the forehead's regions reach 0.18
    distances between the eyes above the brows, at a right angle to the line of the eyes, instead of 20 px.
    Neighbours share edges and do not overlap; eyes, mouth and the sides of the eyes lie in no region.

    Parameters
    ----------
    landmarks
        Shape (68, 2), pixels.

    Returns
    -------
    36 arrays (4, 2), pixels; corners may lie outside the picture.

    Raises
    ------
    DataError
        If the landmarks have another shape, are not finite or put both eyes in one place.
    """
    points = _points(landmarks)
    return tuple(_polygon(points, corners) for corners in _REGIONS)


def region_masks(polygons: Sequence[FloatArray], shape: tuple[int, int]) -> Mask:
    """Which pixels lie in each polygon.

    A pixel is inside if its centre is. Centres on a shared edge belong to one of the two, so that polygons
    that only touch have no pixel in common. What lies outside the picture is cut off.

    Parameters
    ----------
    polygons
        Arrays (k, 2) of corners (x, y) in pixels, k >= 3.
    shape
        Height and width of the picture.

    Returns
    -------
    Shape (n_polygons, height, width), read-only: the masks of the last polygons are kept.

    Raises
    ------
    DataError
        If a polygon has another shape or is not finite.
    OptionError
        If the picture has no pixels.

    Examples
    --------
    >>> region_masks([np.array([[0, 0], [2, 0], [2, 2], [0, 2]])], (3, 3)).astype(int).tolist()
    [[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]
    """
    if min(shape) < 1:
        raise OptionError("shape", wanted="height and width of a picture", got=shape, remedy="give its size")
    key = []
    for polygon in polygons:
        corners = np.ascontiguousarray(polygon, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
            raise DataError(
                "polygon",
                wanted="three or more finite corners (x, y)",
                got=f"shape {corners.shape}",
                remedy="build it from finite landmarks",
            )
        key.append(corners.tobytes())
    return _masks(tuple(key), int(shape[0]), int(shape[1]))


def action_unit_masks(landmarks: FloatArray, shape: tuple[int, int]) -> dict[str, Mask]:
    """Where each action unit is seen in a picture, by names such as "AU12 lip corner puller".

    Masks overlap: units that move the same skin, such as AU23 and AU24, cannot be told apart by place.

    Parameters
    ----------
    landmarks
        Shape (68, 2), pixels.
    shape
        Height and width of the picture.

    Returns
    -------
    For every unit of `ACTION_UNIT_REGIONS` a mask (height, width); without a pixel where the part lies
    outside the picture.

    Raises
    ------
    DataError
        As `mdmo_regions`.
    """
    parts = _parts(landmarks)
    polygons = [polygon for part in parts.values() for polygon in part]
    owners = [name for name, part in parts.items() for _ in part]
    masks = region_masks(polygons, shape)
    return {
        _unit_name(unit): np.asarray(masks[[owner in names for owner in owners]].any(axis=0))
        for unit, names in ACTION_UNIT_REGIONS.items()
    }


def _unit_name(unit: int) -> str:
    name = ACTION_UNITS[unit][0] if unit in ACTION_UNITS else _MORE_NAMES[unit]
    return f"AU{unit} {name.lower()}"


@lru_cache(maxsize=1)
def _template() -> FloatArray:
    """Both halves, (68, 2), in distances between the eye centres."""
    points = np.zeros((68, 2))
    for index, (x, y) in _HALF.items():
        points[index] = x, y
        points[_MIRRORED.get(index, index)] = -x, y
    points.setflags(write=False)
    return points


def checked_landmarks(landmarks: FloatArray) -> FloatArray:
    """The landmarks as they are; raises DataError unless they are (68, 2) and finite."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        got = f"shape {points.shape}" if points.shape != (68, 2) else "values that are not finite"
        raise DataError(
            "landmarks",
            wanted="(68, 2) finite pixels",
            got=got,
            remedy="find them again, or place a template",
        )
    return points


def _axes(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """From the participant's right eye to the left one, and as far down the face."""
    across = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
    if not across.any():
        raise DataError("landmarks", wanted="two eyes", got="both in one place", remedy="find them again")
    return across, np.array([-across[1], across[0]])


def _points(landmarks: FloatArray) -> dict[int, FloatArray]:
    """Landmarks by number, and from 100 on those that are lifted into the forehead."""
    points = checked_landmarks(landmarks)
    lift = -_LIFT * _axes(points)[1]
    by_number = dict(enumerate(points))
    by_number |= {100 + i: points[i] + lift for i in (17, 19, 21, 22, 24, 26)}
    by_number[127] = (by_number[121] + by_number[122]) / 2
    return by_number


def _polygon(points: Mapping[int, FloatArray], corners: Sequence[_Corner]) -> FloatArray:
    return np.array(
        [points[c] if isinstance(c, int) else (points[c[0]] + points[c[1]]) / 2 for c in corners],
        dtype=np.float64,
    )


def _parts(landmarks: FloatArray) -> dict[str, list[FloatArray]]:
    """Every part that an action unit names, with the polygons of both sides."""
    points = _points(landmarks)
    across, down = _axes(checked_landmarks(landmarks))
    parts: dict[str, list[FloatArray]] = {}
    for name, corners in zip(REGION_NAMES, _REGIONS, strict=True):
        parts.setdefault(name.split(",")[0], []).append(_polygon(points, corners))
    for name, corners in _PARTS_RIGHT.items():
        parts[name] = [_polygon(points, corners), _polygon(points, [_other_side(c) for c in corners])]
    for name, corners in _PARTS_MIDDLE.items():
        parts[name] = [_polygon(points, corners)]
    # The lower lid: from the middle of the opening to as far below it as the opening is high.
    parts["lower lid"] = []
    for outer, top, top2, inner, low2, low in ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46)):
        upper = _polygon(points, [outer, (top, low), (top2, low2), inner])
        reach = down * max(0.13, float(np.linalg.norm(points[low] - points[top]) / np.linalg.norm(down)))
        lower = [points[inner] + 0.5 * reach, points[low2] + reach, points[low] + reach]
        parts["lower lid"].append(np.vstack([upper, *lower, points[outer] + 0.5 * reach]))
    # An octagon around each corner of the mouth.
    turn = np.arange(8) * np.pi / 4 + np.pi / 8
    ring = 0.19 * np.cos(turn)[:, None] * across + 0.17 * np.sin(turn)[:, None] * down
    parts["mouth corner"] = [points[48] - 0.04 * across + ring, points[54] + 0.04 * across + ring]
    return parts


def _other_side(corner: _Corner) -> _Corner:
    if isinstance(corner, tuple):
        return _mirrored(corner[0]), _mirrored(corner[1])
    return _mirrored(corner)


def _mirrored(point: int) -> int:
    lifted, landmark = divmod(point, 100)
    return 100 * lifted + _MIRRORED.get(landmark, landmark)


@lru_cache(maxsize=16)
def _masks(key: tuple[bytes, ...], height: int, width: int) -> Mask:
    masks = np.zeros((len(key), height, width), dtype=bool)
    for mask, corners in zip(masks, key, strict=True):
        _fill(mask, np.frombuffer(corners, dtype=np.float64).reshape(-1, 2))
    masks.setflags(write=False)
    return masks


def _fill(mask: Mask, corners: FloatArray) -> None:
    """Even-odd rule at pixel centres; each edge from its upper end, so that neighbours round it alike."""
    (left, top), (right, bottom) = np.ceil(corners.min(axis=0)), np.floor(corners.max(axis=0))
    y = np.arange(max(top, 0), min(bottom, mask.shape[0] - 1) + 1)
    x = np.arange(max(left, 0), min(right, mask.shape[1] - 1) + 1)
    if not len(x) or not len(y):
        return
    inside = np.zeros((len(y), len(x)), dtype=bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if a[1] == b[1]:
            continue
        (ax, ay), (bx, by) = (a, b) if a[1] < b[1] else (b, a)
        crossing = ax + (y - ay) / (by - ay) * (bx - ax)
        reached = (y >= ay) & (y < by)
        inside ^= reached[:, None] & (x[None] < crossing[:, None])
    mask[int(y[0]) : int(y[-1]) + 1, int(x[0]) : int(x[-1]) + 1] = inside
