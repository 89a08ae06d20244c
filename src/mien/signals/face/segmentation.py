"""The person before a green screen, by hue, saturation and brightness.

MMME's videos are taken before a green screen, and its preprocessing cuts the person out in the HSV colour
space before the face is searched. A picture counts as taken before a green screen only if its border is
mostly green; any other picture is all foreground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError

# Hue in half degrees (80 to 170 degrees), saturation and value of 255: OpenCV's scales. A screen in shadow is
# dark and stays saturated; green light on skin and hair stays pale.
_LOWEST, _HIGHEST = (40, 80, 35), (85, 255, 255)
_BORDER = 0.04  # of the shorter side
_MOSTLY = 0.6
_SPECK = 0.015  # of the shorter side: smaller spots are noise


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Which pixels show the person.

    Parameters
    ----------
    foreground
        Shape (height, width), bool; all true where there is no green screen.
    green_screen
        Whether there is one.
    """

    foreground: NDArray[np.bool_]
    green_screen: bool


def has_green_screen(picture: NDArray[np.uint8]) -> bool:
    """Whether at least 60 % of the picture's border is green; the lower border, where shoulders are, aside.

    Parameters
    ----------
    picture
        Shape (height, width, 3), RGB; a grey picture (height, width) has no colour and no green screen.

    Raises
    ------
    DataError
        If the picture has another shape or type.
    """
    _check(picture)
    return picture.ndim == 3 and _border_is_green(green_pixels(picture))


def green_screen(picture: NDArray[np.uint8]) -> Segmentation:
    """The person before the green screen: one piece without holes.

    Green is a hue of 80 to 170 degrees with a saturation of 31 % and a value of 14 % or more. Spots smaller
    than 1.5 % of the picture's shorter side are closed and opened away; the largest piece of what is left is
    the person, green spots within it included.

    Parameters
    ----------
    picture
        As for `has_green_screen`.

    Raises
    ------
    DataError
        If the picture has another shape or type.
    """
    import cv2
    from scipy import ndimage

    _check(picture)
    everything = Segmentation(np.ones(picture.shape[:2], dtype=np.bool_), False)
    if picture.ndim != 3:
        return everything
    green = green_pixels(picture)
    if not _border_is_green(green):
        return everything
    side = 2 * max(1, round(_SPECK * min(green.shape) / 2)) + 1
    spot = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    person = (~green).astype(np.uint8)
    # Opening first: noise in the screen would otherwise be closed into a blanket.
    person = np.asarray(cv2.morphologyEx(person, cv2.MORPH_OPEN, spot), dtype=np.uint8)
    person = np.asarray(cv2.morphologyEx(person, cv2.MORPH_CLOSE, spot), dtype=np.uint8)
    n, labels, statistics, _ = cv2.connectedComponentsWithStats(person, connectivity=4)
    if n < 2:
        return Segmentation(np.zeros(green.shape, dtype=np.bool_), True)
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    return Segmentation(np.asarray(ndimage.binary_fill_holes(labels == largest), dtype=np.bool_), True)


def green_pixels(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pixels of an RGB picture have the screen's colour, (height, width) bool; noise among them."""
    import cv2

    hsv = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2HSV)
    return np.asarray(cv2.inRange(hsv, np.array(_LOWEST), np.array(_HIGHEST)), dtype=np.bool_)


def _border_is_green(green: NDArray[np.bool_]) -> bool:
    wide = max(1, round(_BORDER * min(green.shape)))
    strips = (green[:wide].ravel(), green[wide:, :wide].ravel(), green[wide:, -wide:].ravel())
    return float(np.concatenate(strips).mean()) >= _MOSTLY


def _check(picture: NDArray[np.uint8]) -> None:
    shaped = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
    if picture.dtype != np.uint8 or not shaped or min(picture.shape[:2], default=0) < 16:
        raise DataError(
            "green screen",
            wanted="8-bit pictures of at least 16 x 16 pixels, RGB or grey",
            got=f"shape {picture.shape} of {picture.dtype}",
            remedy="convert the picture first",
        )
