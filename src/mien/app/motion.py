"""Where a face is in a clip, and how it moved between two frames: for zooming in, and for arrows on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.signals.face.finding import HaarFinder
from mien.signals.face.flow import dis_flow

FACE_PX = 192
"""Width at which the face is measured: finer arrows would not be seen."""
GRID = 24
_MARGIN = 0.15


def face_box(picture: Any) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of the largest face with a margin, within the picture; None: no face.

    Parameters
    ----------
    picture
        Shape (height, width, 3), BGR, uint8.
    """
    import cv2

    faces = HaarFinder().find(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    if not faces:
        return None
    left, top, width, height = faces[0].box
    more = round(_MARGIN * max(width, height))
    x0, y0 = max(0, left - more), max(0, top - more)
    x1 = min(picture.shape[1], left + width + more)
    y1 = min(picture.shape[0], top + height + more)
    return x0, y0, x1 - x0, y1 - y0


def motion_arrows(
    first: Any, second: Any, face: tuple[int, int, int, int] | None
) -> list[tuple[float, float, float, float]]:
    """How the face moved from one frame to another, on a grid: x, y, dx, dy in pixels of the picture.

    The median movement is taken off, since a head that sways would hide what the face does; a head that turns
    stays to be seen.

    Parameters
    ----------
    first, second
        Shape (height, width, 3), BGR, uint8.
    face
        Left, top, width, height; None: the whole picture.
    """
    import cv2

    left, top, width, height = face or (0, 0, first.shape[1], first.shape[0])
    scale = min(1.0, FACE_PX / width)
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    small = [
        cv2.resize(
            cv2.cvtColor(p[top : top + height, left : left + width], cv2.COLOR_BGR2GRAY),
            size,
            interpolation=cv2.INTER_AREA,
        )
        for p in (first, second)
    ]
    flow = np.asarray(dis_flow(small[0], small[1]))
    flow = flow - np.median(flow, axis=(1, 2), keepdims=True)
    found = []
    for row in np.linspace(0, size[1] - 1, GRID).round().astype(int):
        for column in np.linspace(0, size[0] - 1, GRID).round().astype(int):
            dx, dy = flow[:, row, column] * (width / size[0])
            x, y = left + column * width / size[0], top + row * height / size[1]
            found.append((round(x, 1), round(y, 1), round(float(dx), 2), round(float(dy), 2)))
    return found
