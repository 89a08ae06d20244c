"""Main directional mean optical flow (MDMO) of a clip in 36 regions of the face.

Reference: Liu, Zhang, Yan, Wang, Zhao & Fu 2016, doi:10.1109/TAFFC.2015.2485205. In every frame and region
the flow vectors are sorted into eight directions; the mean of the fullest one stands for the region. Means
over the frames, as length and angle, make one vector of 72 numbers. Recalled from the paper, not verified:
the affine alignment and alpha = 0.9. Known from the code of Varanka et al. (meb, Apache-2.0): the rigid
points. Not copied from there: its bin for 0 degrees, which swallows the one before it; frames weighted by
their angles; angles shifted by pi; its alignment without translation, which is switched off.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray
from mien.signals.face.regions import checked_landmarks, mdmo_regions, region_masks, template_landmarks

SECTORS = 8
RIGID_POINTS = (*range(6), *range(11, 17), 30)
"""Landmarks that no expression moves much: both sides of the face's outline, and the tip of the nose."""

# Shorter vectors have no direction: it would be that of rounding errors. No engine measures so little.
_STILL_PX = 1e-4
_MIN_RIGID = 4


def mdmo(
    flows: FloatArray,
    *,
    landmarks: FloatArray | None = None,
    alpha: float = 0.9,
    angles: Literal["polar", "cartesian"] = "polar",
    align: bool = True,
) -> FloatArray:
    """The MDMO vector of a clip.

    Parameters
    ----------
    flows
        Shape (n_frames - 1, 2, height, width), signed u (to the right) and v (down) in pixels, each from the
        first frame to a later one. Maps that were stretched to 0..255 have neither sign nor magnitude and
        are refused.
    landmarks
        Shape (68, 2), pixels of the first frame; without them the template of a square aligned picture.
    alpha
        0 to 1: weight of the lengths; the angles weigh 1 - alpha.
    angles
        "polar": as published, 36 lengths and then 36 angles. "cartesian" (ours): 36 horizontal and 36
        vertical parts of vectors of these lengths, for which -pi and pi are one angle; without alpha.
    align
        Whether the motion of the whole head is taken away first, as `align_flow` does.

    Returns
    -------
    Shape (72,): alpha times each region's length over the largest of them, (1 - alpha) times its angle in
    radians, -pi to pi, 0 to the right and pi / 2 down. Of equally full directions the first from 0 degrees
    on counts, turning from the right downwards. Pixels that move less than 0.0001 px have no direction;
    length and angle are 0 where a region has no others or lies outside the picture.

    Raises
    ------
    DataError
        If the flows have another shape, hold values that are not finite, or are no signed flow; if there are
        no landmarks and the picture is not square, or the landmarks cannot be used.
    OptionError
        If alpha lies outside 0 to 1, or `angles` is another word.
    """
    _check(flows, alpha, angles)
    height, width = flows.shape[2:]
    if landmarks is None:
        if height != width:
            raise DataError(
                "flows",
                wanted="a square aligned picture, or landmarks",
                got=f"{height} x {width} pixels",
                remedy="align the faces first, or give landmarks of the first frame",
            )
        landmarks = template_landmarks(width)
    masks = region_masks(mdmo_regions(landmarks), (height, width)).reshape(36, -1)
    # A pixel of several regions counts in each of them.
    region, pixel = np.nonzero(masks)
    total = np.zeros((2, 36))
    for flow in flows:
        field = np.asarray(flow, dtype=np.float64)
        if align:
            field = align_flow(field, landmarks)
        total += _main_means(field.reshape(2, -1)[:, pixel], region)
    mean = total / len(flows)
    length = np.hypot(mean[0], mean[1])
    moves = length >= _STILL_PX
    length = np.where(moves, length, 0.0)
    share = length / length.max() if moves.any() else length
    angle = np.where(moves, np.arctan2(mean[1], mean[0]), 0.0)
    if angles == "cartesian":
        return np.concatenate([share * np.cos(angle), share * np.sin(angle)])
    return np.concatenate([alpha * share, (1 - alpha) * angle])


def align_flow(flow: FloatArray, landmarks: FloatArray) -> FloatArray:
    """The flow without the motion of the whole head.

    The 13 rigid points are moved by the flow (read bilinearly); the affine map that takes them back to where
    they were, in the least squares sense, takes every moved pixel back; what remains is the expression.
    A pull that reaches the face's outline, as of a strong smile, is in part taken for motion of the head.

    Parameters
    ----------
    flow
        Shape (2, height, width), pixels.
    landmarks
        Shape (68, 2), pixels of the first frame. Points outside the picture are left out.

    Returns
    -------
    Shape (2, height, width), pixels.

    Raises
    ------
    DataError
        If the flow or the landmarks have another shape, or fewer than four rigid points lie in the picture,
        or all of them on one line.
    """
    if flow.ndim != 3 or len(flow) != 2:
        raise DataError(
            "flow",
            wanted="(2, height, width) pixels",
            got=f"shape {flow.shape}",
            remedy="measure it again",
        )
    height, width = flow.shape[1:]
    points = checked_landmarks(landmarks)[list(RIGID_POINTS)]
    points = points[((points >= 0) & (points <= (width - 1, height - 1))).all(axis=1)]
    moved = np.column_stack([points + _read(flow, points), np.ones(len(points))])
    back, _, rank, _ = np.linalg.lstsq(moved, points, rcond=1e-6)
    if len(points) < _MIN_RIGID or rank < 3:
        raise DataError(
            "landmarks",
            wanted=f"{_MIN_RIGID} or more of the {len(RIGID_POINTS)} rigid points in the picture, "
            "not on one line",
            got=f"{len(points)} points",
            remedy="cut a larger picture around the face, or do not align",
        )
    x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)[:, None]
    to_x, to_y = x + flow[0], y + flow[1]
    return np.stack(
        [
            back[0, 0] * to_x + back[1, 0] * to_y + back[2, 0] - x,
            back[0, 1] * to_x + back[1, 1] * to_y + back[2, 1] - y,
        ]
    )


def _main_means(vectors: FloatArray, region: NDArray[np.int64]) -> FloatArray:
    """The mean vector of each region's fullest direction, (2, 36), of vectors (2, n) in regions (n,)."""
    u, v = vectors
    # Sector 0 lies around 0 degrees, its half below 0 included.
    sector = np.floor(np.arctan2(v, u) * (SECTORS / (2 * np.pi)) + 0.5).astype(np.int64) % SECTORS
    place = region * SECTORS + sector
    place[np.hypot(u, v) < _STILL_PX] = 36 * SECTORS
    size = 36 * SECTORS + 1
    counts = np.bincount(place, minlength=size)[:-1].reshape(36, SECTORS)
    sums = [np.bincount(place, weights=part, minlength=size)[:-1].reshape(36, SECTORS) for part in (u, v)]
    main = counts.argmax(axis=1)[:, None]  # the lowest of equals
    count = np.maximum(np.take_along_axis(counts, main, axis=1)[:, 0], 1)
    return np.stack([np.take_along_axis(part, main, axis=1)[:, 0] / count for part in sums])


def _read(flow: FloatArray, points: FloatArray) -> FloatArray:
    """The flow at points within the picture, (n, 2), read bilinearly."""
    height, width = flow.shape[1:]
    x0 = np.clip(np.floor(points[:, 0]).astype(np.int64), 0, max(width - 2, 0))
    y0 = np.clip(np.floor(points[:, 1]).astype(np.int64), 0, max(height - 2, 0))
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    across, down = points[:, 0] - x0, points[:, 1] - y0
    above = flow[:, y0, x0] * (1 - across) + flow[:, y0, x1] * across
    below = flow[:, y1, x0] * (1 - across) + flow[:, y1, x1] * across
    return np.asarray((above * (1 - down) + below * down).T)


def _check(flows: FloatArray, alpha: float, angles: str) -> None:
    if flows.ndim != 4 or flows.shape[1] != 2 or 0 in flows.shape or flows.dtype.kind not in "uif":
        raise DataError(
            "flows",
            wanted="(n_frames - 1, 2, height, width) of finite pixels",
            got=f"shape {flows.shape} of {flows.dtype}",
            remedy="measure the flow from the first frame to each later one",
        )
    if flows.dtype.kind == "u":
        raise DataError(
            "flows",
            wanted="signed flow in pixels",
            got="whole numbers from 0 to 255",
            remedy="measure the flow between the frames: a stretched map has lost its sign and size",
        )
    if not np.isfinite(flows).all():
        raise DataError(
            "flows", wanted="finite pixels", got="values that are not finite", remedy="measure them again"
        )
    if not 0 <= alpha <= 1:
        raise OptionError("alpha", wanted="0 to 1", got=alpha, remedy="give a weight")
    if angles not in ("polar", "cartesian"):
        raise OptionError("angles", wanted="polar or cartesian", got=angles, remedy="choose one of them")
