"""Samples of expressions as in MMME's Figure 4: the face at its apex, with arrows of how the skin moved.

The face is drawn only of those who allowed publication; of all others the arrows lie on a neutral template of
lines, nobody's picture. Arrows are the flow from onset to apex with the head's motion taken out, longer than
life by a factor that the figure states.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.dataset import may_leave
from mien.report.attribution_figures import template_curves
from mien.report.canvas import subplots, svg
from mien.signals.face.regions import action_unit_masks

_COLUMNS = 4
_EVERY_PX = 6  # between arrows
_LEAST = 0.3  # of the longest: shorter ones are not drawn
_SEEN = 0.3  # of a unit's place must be looked at
_FURTHEST = 50  # pixels
_LONGEST_PX = 14.0  # of the drawn arrows, in pixels of the face


@dataclass(frozen=True, slots=True, eq=False)
class FaceSample:
    """One expression.

    Parameters
    ----------
    face
        The apex frame, (size, size, 3) uint8.
    flow
        Onset to apex, (2, size, size), x right and y down, px.
    landmarks
        Shape (68, 2), of a neutral face in the same pixels.
    """

    label: str
    words: str
    consent_level: int | None
    face: NDArray[np.uint8]
    flow: FloatArray
    landmarks: FloatArray

    @property
    def shows_face(self) -> bool:
        """Whether the face itself may be drawn."""
        return may_leave("face", self.consent_level, audience="publication")


def samples_figure(samples: Sequence[FaceSample]) -> str:
    """SVG text: one face a sample, four in a row."""
    rows = -(-len(samples) // _COLUMNS)
    figure, axes = subplots(rows, _COLUMNS, width=10.0, height=3.05 * rows, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, sample in zip(axes.flat, samples, strict=False):
        _draw(axis, sample)
    return svg(figure)


def _draw(axis: Any, sample: FaceSample) -> None:
    size = len(sample.face)
    if sample.shows_face:
        grey = sample.face.mean(axis=-1).astype(np.uint8)
        axis.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="bicubic")
    else:
        axis.imshow(np.full((size, size), 250, np.uint8), cmap="gray", vmin=0, vmax=255)
        for curve in template_curves(sample.landmarks):
            axis.plot(*curve.T, color="#999999", lw=0.9)
    x, y, u, v, factor = arrows(sample.flow)
    line = "#FFFFFF" if sample.shows_face else "#0072B2"
    edge = "#000000" if sample.shows_face else "#0072B2"
    axis.quiver(
        x, y, u, v, angles="xy", scale_units="xy", scale=1.0, units="width", width=0.012, color=line,
        edgecolor=edge, linewidth=0.4,
    )  # fmt: skip
    axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
    axis.set_title(f"{sample.label}", fontsize=10, pad=3)
    note = "" if sample.shows_face else "\nneutral template (no publication consent)"
    below = f"{sample.words}, arrows x {factor:.0f}{note}"
    axis.text(0.5, -0.02, below, transform=axis.transAxes, ha="center", va="top", fontsize=7.5)


def inside_face(landmarks: FloatArray, size: int) -> NDArray[np.bool_]:
    """Where the face is, (size, size): within the outline of 68 landmarks and the forehead above them."""
    from matplotlib.path import Path

    outline = np.concatenate([landmarks[:17], landmarks[26:16:-1] - [0.0, 0.12 * size]])
    middle = outline.mean(axis=0)
    # Pulled in by a tenth: at its edge the face moves before what is behind it.
    path = Path(middle + 0.9 * (outline - middle))
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2)
    return np.asarray(path.contains_points(grid)).reshape(size, size)


def beside_eyes(landmarks: FloatArray, size: int) -> NDArray[np.bool_]:
    """Everywhere but at the eyes and their lids, (size, size): blinks move more than expressions."""
    y, x = np.mgrid[:size, :size]
    kept = np.ones((size, size), dtype=bool)
    for eye in (landmarks[36:42], landmarks[42:48]):
        middle, width = eye.mean(axis=0), float(np.ptp(eye[:, 0]))
        kept &= ((x - middle[0]) / (0.8 * width)) ** 2 + ((y - middle[1]) / (0.45 * width)) ** 2 > 1
    return kept


def clearness(
    flow: FloatArray, units: Collection[int], looked: NDArray[np.bool_], landmarks: FloatArray
) -> float:
    """How much further the skin moves where coded action units are seen than anywhere else, px.

    Speech, or a head whose motion was not all taken out, moves other places as far. -inf if no unit is coded
    that can be seen: those of the eyelids cannot where eyes are not looked at.

    Parameters
    ----------
    flow
        Onset to apex, (2, size, size), px.
    units
        Numbers of action units, as 4 and 12.
    looked
        Where in the picture flow is looked at, (size, size).
    landmarks
        Shape (68, 2), in the same pixels.
    """
    moved = np.hypot(*flow)
    where = np.zeros(moved.shape, dtype=bool)
    for name, mask in action_unit_masks(landmarks, (len(looked), len(looked))).items():
        coded = int(name.split()[0].removeprefix("AU")) in units
        if coded and (mask & looked).sum() > _SEEN * mask.sum():
            where |= mask
    if not where.any():
        return -math.inf
    return _far(moved[where & looked]) - _far(moved[~where & looked])


def _far(moved: FloatArray) -> float:
    """How far skin moves where it moves most, px: the mean of the fifty pixels that move furthest."""
    return float(np.sort(moved)[-_FURTHEST:].mean()) if moved.size else 0.0


def arrows(flow: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
    """Places (n,), (n,) and drawn components (n,), (n,) of arrows, and how much longer they are than life.

    Each stands for the mean flow of a square of its own; those under three tenths of the longest are left
    out. None where nothing moved: the factor is then 1.
    """
    size = flow.shape[1] // _EVERY_PX * _EVERY_PX
    squares = flow[:, :size, :size].reshape(2, size // _EVERY_PX, _EVERY_PX, size // _EVERY_PX, _EVERY_PX)
    u, v = np.asarray(squares.mean(axis=(2, 4)), dtype=np.float64)
    length = np.hypot(u, v)
    longest = float(length.max())
    if longest == 0:
        empty = np.empty(0)
        return empty, empty, empty, empty, 1.0
    rows, columns = np.nonzero(length >= _LEAST * longest)
    factor = _LONGEST_PX / longest
    middle = (_EVERY_PX - 1) / 2
    x, y = (np.asarray(place * _EVERY_PX + middle, dtype=np.float64) for place in (columns, rows))
    return x, y, u[rows, columns] * factor, v[rows, columns] * factor, factor
