"""Motion of the head as a whole: followed from picture to picture, and taken out of a flow field.

Both look at places that stay with the skull while a face expresses something: the bridge of the nose, the
temples, the cheeks before the ears, the sides of the jaw and the hairline. Muscles of expression end in
brows, lids, cheeks' middle, lips and chin, which are left out; what still moves by itself is given less
weight by a robust fit. Conventions: aligned faces with the eyes at `EYES`, x to the right and y down in
pixels, (0, 0) at the middle of the first pixel; a flow is (2, height, width), u then v.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray

MotionModel = Literal["affine", "similarity", "translation"]
MODELS: tuple[MotionModel, ...] = ("affine", "similarity", "translation")

# Centre x, y and half axes x, y as shares of an aligned face's side, with the eyes at `finding.EYES`. A flow
# is fitted within the face: beside its outline an engine mixes the head's motion with the background's.
_RIGID_PLACES = (
    (0.50, 0.43, 0.055, 0.09),  # bridge of the nose
    (0.21, 0.36, 0.05, 0.08), (0.79, 0.36, 0.05, 0.08),  # temples
    (0.18, 0.50, 0.05, 0.12), (0.82, 0.50, 0.05, 0.12),  # before the ears
    (0.21, 0.67, 0.05, 0.08), (0.79, 0.67, 0.05, 0.08),  # sides of the jaw
    (0.50, 0.13, 0.25, 0.06),  # hairline
)  # fmt: skip
# A head is followed in pictures by the same places and the outline beside them, the strongest mark there is.
_FOLLOWED_PLACES = (
    (0.50, 0.43, 0.055, 0.09),
    (0.20, 0.36, 0.06, 0.08), (0.80, 0.36, 0.06, 0.08),
    (0.14, 0.50, 0.07, 0.13), (0.86, 0.50, 0.07, 0.13),
    (0.18, 0.67, 0.06, 0.09), (0.82, 0.67, 0.06, 0.09),
    (0.50, 0.12, 0.28, 0.07),
)  # fmt: skip
_RIGID_LANDMARKS = (0, 1, 2, 3, 4, 12, 13, 14, 15, 16, 27, 28, 29)  # dlib: sides of the outline, nose bridge
_SPOT = 0.06  # half width around a landmark, share of the side

_TUKEY = 4.685  # 95 % efficient for normal errors
_NO_LESS_PX = 0.01  # of spread: no flow engine is better, and an exact field has none
_CLOSE_PX = 2e-3  # of the last step at the picture's border
_POINTS, _FOLLOWED_POINTS = 1000, 2000  # more change nothing but the time
_STARTING, _STEPS = 3, 14

_SMOOTH = 1.2 / 128  # of the pictures that are followed, share of the side
_CENTRE = (0.5, 0.45)  # of roll and zoom while following
_SAME = 0.7  # correlation of the rigid places with the first picture's, or more
_FARTHEST = 0.1  # share of the side from one picture to the next, or less


@dataclass(frozen=True, slots=True, eq=False)
class HeadMotion:
    """The head's motion as a field over the picture.

    Parameters
    ----------
    affine
        Shape (2, 3): (u, v) in pixels = affine @ (x, y, 1), x and y in pixels.
    n_used
        Points that the robust fit has not thrown out.
    residual_px
        Median length of what the fit leaves at all points, in pixels: large where the head turned out of the
        picture's plane, or where too much of the face moved by itself.
    """

    affine: FloatArray
    n_used: int
    residual_px: float

    def field(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The motion at every pixel of a picture of (height, width), as a flow (2, height, width)."""
        x, y = np.arange(shape[1]), np.arange(shape[0])[:, None]
        a = self.affine[:, :, None, None]
        return np.asarray(a[:, 0] * x + a[:, 1] * y + a[:, 2], dtype=np.float32)


@lru_cache(maxsize=16)
def _template_weights(
    shape: tuple[int, int], places: tuple[tuple[float, float, float, float], ...] = _RIGID_PLACES
) -> FloatArray:
    x, y = (np.arange(shape[1]) + 0.5) / shape[1], ((np.arange(shape[0]) + 0.5) / shape[0])[:, None]
    weights = np.zeros(shape)
    for left, top, wide, high in places:
        weights = np.maximum(weights, np.exp(-((((x - left) / wide) ** 2 + ((y - top) / high) ** 2) ** 2)))
    weights[weights < 0.02] = 0.0
    weights.flags.writeable = False
    return weights


def rigid_weights(shape: tuple[int, int], landmarks: FloatArray | None = None) -> FloatArray:
    """How far each pixel of an aligned face moves with the skull alone: 0 to 1, (height, width).

    Parameters
    ----------
    shape
        Height and width in pixels.
    landmarks
        Shape (68, 2): (x, y) in dlib's order in the same pixels. With them, places are spots around the
        bridge of the nose and the sides of the face's outline; without, a template placed by the eyes.

    Raises
    ------
    DataError
        If the landmarks have another shape.
    """
    if landmarks is None:
        return _template_weights(shape)
    if landmarks.shape != (68, 2):
        raise DataError(
            "landmarks", wanted="(68, 2) points", got=landmarks.shape, remedy="give dlib's 68 points"
        )
    points = landmarks[list(_RIGID_LANDMARKS)]
    wide = _SPOT * min(shape)
    across = ((np.arange(shape[1]) - points[:, :1]) / wide) ** 2
    down = ((np.arange(shape[0]) - points[:, 1:]) / wide) ** 2
    weights = np.exp(-((down[:, :, None] + across[:, None, :]) ** 2)).max(axis=0)
    weights[weights < 0.02] = 0.0
    return np.asarray(weights)


def rigid_level(grey: NDArray[np.uint8], *, least: float = 0.0) -> FloatArray:
    """Levels of an aligned face at places that no expression moves, about their mean, of spread 1.

    Two faces' levels, weighted by `rigid_places(size)[1]`, correlate as far as they show the same face.

    Parameters
    ----------
    grey
        Shape (size, size).
    least
        All 0 where the spread is not above this, grey levels: no texture.
    """
    at, weights = rigid_places(len(grey))
    level = grey.ravel()[at].astype(np.float64)
    level -= weights @ level
    size = math.sqrt(weights @ (level * level))
    return level / size if size > least else level * 0.0


@lru_cache(maxsize=2)
def rigid_places(size: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Every fourth rigid pixel of a flattened face of this side, and their weights, of sum 1."""
    weights = rigid_weights((size, size)).ravel()
    at = np.flatnonzero(weights)[::4]
    return at, weights[at] / weights[at].sum()


def remove_head_motion(
    flow: NDArray[np.floating], *, weights: NDArray[np.floating] | None = None, model: MotionModel = "affine"
) -> tuple[NDArray[np.float32], HeadMotion]:
    """A flow without the head's motion, and that motion.

    The head's part is a field over the whole face that fits the flow at rigid places:
    u = a0 + a1 x + a2 y, v = b0 + b1 x + b2 y. MDMO (Liu et al. 2016, doi:10.1109/TAFFC.2015.2485205)
    takes the same idea; the fit is ours: iteratively reweighted least squares, first by absolute
    residuals, then by Tukey's biweight, whose spread is the median residual. Out of the head, where
    nothing moves, the result shows the head's motion reversed.

    Parameters
    ----------
    flow
        Shape (2, height, width), pixels.
    weights
        Shape (height, width), 0 or more: where to fit; `rigid_weights` of the flow's shape where left out.
    model
        "affine", six parameters; "similarity", shift, roll and zoom; "translation", shift alone.

    Returns
    -------
    flow of the same shape, float32, and `HeadMotion`.

    Raises
    ------
    DataError
        If the flow or the weights have another shape, hold values that are not finite, or fewer than 16
        pixels have weight.
    OptionError
        If there is no such model.
    """
    _check_flow(flow, model)
    shape = (flow.shape[1], flow.shape[2])
    fit = template_fit(shape, model) if weights is None else RigidFit(shape, weights, model)
    rows, columns = fit.at
    motion = fit(flow[0, rows, columns], flow[1, rows, columns])
    return np.asarray(flow - motion.field(shape), dtype=np.float32), motion


class RigidFit:
    """The head's motion from the flow at rigid places, for many flows of one shape: see `remove_head_motion`.

    A displacement is taken as a complex number, u + iv, and so is every parameter: all models are then the
    same least squares with one, two or three unknowns.

    Parameters
    ----------
    shape
        Height and width of the flows.
    weights, model
        As `remove_head_motion`.

    Raises
    ------
    DataError
        If the weights cannot be.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        weights: NDArray[np.floating] | None = None,
        model: MotionModel = "affine",
    ) -> None:
        rows, columns, self._weights = _points(shape, weights)
        self.at = rows, columns
        """Rows and columns of the pixels that are looked at."""
        self._model: MotionModel = model
        # Coordinates about the middle, of size about 1: the normal equations stay well conditioned.
        self._scale = max(shape) / 2
        self._middle = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
        x, y = ((at - half) / self._scale for at, half in zip((columns, rows), self._middle, strict=True))
        self._basis = _basis(x, y, model)

    def __call__(self, u: NDArray[np.floating], v: NDArray[np.floating]) -> HeadMotion:
        """The motion behind displacements at the pixels of `at`."""
        kept = np.ones_like(self._weights)
        length = np.empty_like(self._weights)
        observed = u.astype(np.float64), v.astype(np.float64)
        found = _robust_fit()(self._basis, *observed, self._weights, kept, length)
        affine = _as_affine(found, self._model)
        affine[:, :2] /= self._scale
        affine[:, 2] -= affine[:, :2] @ self._middle
        return HeadMotion(affine, int(np.count_nonzero(kept)), _median(length))


@lru_cache(maxsize=16)
def template_fit(shape: tuple[int, int], model: MotionModel = "affine") -> RigidFit:
    """The fit at the template's rigid places."""
    return RigidFit(shape, None, model)


def _points(
    shape: tuple[int, int], weights: NDArray[np.floating] | None, most: int = _POINTS
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Rows, columns and weights of the pixels to fit; every second, third... where there are many."""
    if weights is None:
        weights = _template_weights(shape)
    elif weights.shape != shape or not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError(
            "weights of head motion",
            wanted=f"finite weights of 0 or more, shape {shape}",
            got=f"shape {weights.shape}" if weights.shape != shape else "others",
            remedy="give one weight for every pixel of the flow",
        )
    step = max(1, math.ceil(math.sqrt(np.count_nonzero(weights) / most)))
    rows, columns = np.nonzero(weights[::step, ::step])
    if rows.size < 16:
        raise DataError(
            "weights of head motion",
            wanted="16 pixels with weight, or more",
            got=rows.size,
            remedy="give more rigid places",
        )
    rows, columns = rows * step, columns * step
    return rows, columns, np.asarray(weights[rows, columns], dtype=np.float64)


def _median(values: FloatArray) -> float:
    """The upper median; NumPy's own costs as much as the rest of a step together."""
    return float(np.partition(values, values.size // 2)[values.size // 2])


def _basis(x: FloatArray, y: FloatArray, model: MotionModel) -> FloatArray:
    """What each complex parameter is multiplied with, (parameters, 2, n): real and imaginary parts."""
    one, no = np.ones_like(x), np.zeros_like(x)
    models = {
        "translation": [(one, no)],
        "similarity": [(one, no), (x, y)],
        "affine": [(one, no), (x, no), (y, no)],
    }
    return np.array(models[model])


def _as_affine(found: NDArray[np.complex128], model: MotionModel) -> FloatArray:
    shift, *linear = found.tolist()
    by_x, by_y = linear if model == "affine" else (linear[0], 1j * linear[0]) if linear else (0j, 0j)
    return np.array([[by_x.real, by_y.real, shift.real], [by_x.imag, by_y.imag, shift.imag]])


@lru_cache(maxsize=1)
def _robust_fit() -> Callable[..., NDArray[np.complex128]]:
    """The compiled `_fit`; numba is imported when a flow is fitted for the first time."""
    from numba import njit

    compiled: Callable[..., NDArray[np.complex128]] = njit(cache=True, nogil=True)(_fit)
    return compiled


def _fit(basis, u, v, chosen, kept, length):  # type: ignore[no-untyped-def]  # compiled
    """Parameters; fills Tukey's weights and the lengths of the residuals."""
    n_parameters, _, n = basis.shape
    weights, rest_u, rest_v = chosen.copy(), u.copy(), v.copy()
    found = np.zeros(n_parameters, dtype=np.complex128)
    normal = np.zeros((n_parameters, n_parameters), dtype=np.complex128)
    right = np.zeros(n_parameters, dtype=np.complex128)
    for step in range(_STEPS):
        for i in range(n_parameters):
            a, b = basis[i]
            real = imaginary = 0.0
            for q in range(n):
                real += weights[q] * (a[q] * u[q] + b[q] * v[q])
                imaginary += weights[q] * (a[q] * v[q] - b[q] * u[q])
            right[i] = complex(real, imaginary)
            for j in range(i + 1):
                c, d = basis[j]
                real = imaginary = 0.0
                for q in range(n):
                    real += weights[q] * (a[q] * c[q] + b[q] * d[q])
                    imaginary += weights[q] * (a[q] * d[q] - b[q] * c[q])
                normal[i, j], normal[j, i] = complex(real, imaginary), complex(real, -imaginary)
            normal[i, i] *= 1 + 1e-9  # points in a line have no unique field
        last = found
        found = np.linalg.solve(normal, right)
        rest_u[:], rest_v[:] = u, v
        for i in range(n_parameters):
            a, b = basis[i]
            for q in range(n):
                rest_u[q] -= a[q] * found[i].real - b[q] * found[i].imag
                rest_v[q] -= a[q] * found[i].imag + b[q] * found[i].real
        for q in range(n):
            length[q] = math.sqrt(rest_u[q] ** 2 + rest_v[q] ** 2)
        # 1.1774: median length of normal (u, v)
        spread = max(np.partition(length, n // 2)[n // 2] / 1.1774, _NO_LESS_PX)
        if step < _STARTING:
            for q in range(n):
                weights[q] = chosen[q] / max(length[q], spread / 4)
            continue
        for q in range(n):
            inside = 1 - (length[q] / (_TUKEY * spread)) ** 2
            kept[q] = inside * inside if inside > 0 else 0.0
            weights[q] = chosen[q] * kept[q]
        step_px = max(np.abs((found - last).real).max(), np.abs((found - last).imag).max())
        if step > _STARTING and step_px < _CLOSE_PX:
            break
    return found


class HeadTracker:
    """Follows small shifts of a head against its first picture, to a few hundredths of a pixel.

    At rigid places, the difference between the first picture and a later one is explained, by a robust fit
    (Lucas & Kanade 1981 with Tukey's biweight), as a shift, with roll, zoom, contrast and brightness beside
    it: only the shift is reported. Phase correlation over the whole face (Hann window) gives a start where
    the last picture's shift is too far off; it is not used alone, because it counts noise and texture alike:
    on pieces of a 128-px face with camera noise it errs by .1 to .3 px.

    Parameters
    ----------
    first
        Aligned face, (side, side) uint8.
    weights
        Where to look, (side, side); rigid places and the outline beside them where left out.
    """

    def __init__(self, first: NDArray[np.uint8], weights: FloatArray | None = None) -> None:
        import cv2

        side = first.shape[0]
        self._side = side
        self._hann = cv2.createHanningWindow((side, side), cv2.CV_32F)
        self._first = self._smooth(first)
        if weights is None:
            weights = _template_weights((side, side), _FOLLOWED_PLACES)
        rows, columns, self._weights = _points((side, side), weights, _FOLLOWED_POINTS)
        self._at = rows * side + columns
        self._reference = self._first.ravel()[self._at].astype(np.float64)
        across, down = (self._slope(axis) for axis in (1, 0))
        x, y = columns / side - _CENTRE[0], rows / side - _CENTRE[1]
        level = self._reference - np.average(self._reference, weights=self._weights)
        self._level = level
        self._design = np.stack(
            [across, down, across * x + down * y, down * x - across * y, level, np.ones_like(level)], axis=1
        )
        self._turned = np.ascontiguousarray(self._design.T)
        # A face without any texture cannot be followed: a faint pull towards no motion decides then.
        self._ridge = np.diag([1e-3] * 4 + [1e-6] * 2) * self._weights.sum()

    def follow(self, face: NDArray[np.uint8]) -> FloatArray | None:
        """How far the head lies from the first picture's place, (x, y) in pixels; None where it was lost.

        Lost means that the picture does not look like the first one at the rigid places, as with a hand
        before the face, or lies farther off than a tenth of the side.
        """
        import cv2

        later = self._smooth(face)
        best = self._refined(later, np.zeros(2))
        if best is None:
            start, _ = cv2.phaseCorrelate(self._first - self._first.mean(), later - later.mean(), self._hann)
            best = self._refined(later, np.array(start))
        return best

    def _refined(self, later: NDArray[np.float32], shift: FloatArray) -> FloatArray | None:
        import cv2

        side = self._side
        kept: FloatArray = np.ones_like(self._weights)
        rest = kept
        for step in range(8):
            if np.hypot(*shift) > _FARTHEST * side:
                return None
            back = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            moved = cv2.warpAffine(later, back, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
            missing = self._reference - np.asarray(moved, dtype=np.float64).ravel()[self._at]
            for _ in range(4 if step == 0 else 2):
                weighted = self._turned * (self._weights * kept)
                found = np.linalg.solve(weighted @ self._design + self._ridge, weighted @ missing)
                rest = np.abs(missing - self._design @ found)
                spread = max(1.4826 * _median(rest), 0.3)  # grey levels
                kept = np.maximum(1 - (rest / (_TUKEY * spread)) ** 2, 0.0) ** 2
            shift = shift + found[:2]
            if np.hypot(*found[:2]) < _NO_LESS_PX:
                break
        return shift if self._like_the_first(self._reference - missing) else None

    def _like_the_first(self, moved: FloatArray) -> bool:
        """Whether a picture brought back to the first one's place correlates with it."""
        level = moved - self._weights @ moved / self._weights.sum()
        common = self._weights @ (level * self._level)
        size = np.sqrt((self._weights @ level**2) * (self._weights @ self._level**2))
        return bool(size > 0 and common > _SAME * size)

    def _smooth(self, face: NDArray[np.uint8]) -> NDArray[np.float32]:
        import cv2

        grey = np.asarray(face, dtype=np.float32)
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), _SMOOTH * self._side), dtype=np.float32)

    def _slope(self, axis: int) -> FloatArray:
        return np.asarray(np.gradient(self._first, axis=axis).ravel()[self._at], dtype=np.float64)


def _check_flow(flow: NDArray[np.floating], model: str) -> None:
    if model not in MODELS:
        raise OptionError(
            "model of head motion",
            wanted=f"one of {', '.join(MODELS)}",
            got=model,
            remedy="choose one of them",
        )
    shaped = flow.ndim == 3 and flow.shape[0] == 2
    if not shaped or flow.dtype.kind != "f" or not np.isfinite(flow).all():
        got = (
            "values that are not finite"
            if shaped and flow.dtype.kind == "f"
            else f"{flow.shape} {flow.dtype}"
        )
        raise DataError(
            "flow", wanted="(2, height, width) of finite pixels", got=got, remedy="measure it again"
        )
