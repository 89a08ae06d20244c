"""People who do not exist: one public-domain photograph, bent, recoloured and relit for every identity.

The photograph is NASA's portrait of Eileen Collins (public domain), shipped with scikit-image as
`skimage.data.astronaut`. Conventions: *face coordinates* are those of `action_units` (x to the image's right
and y down, eyes at y = -0.25, mouth at y = 0.5). Every warp is a backward map: for a point of the new face
it says where to look in the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Where the photograph's face lies: origin of the face coordinates, pixels per unit, tilt; all by hand.
_ORIGIN, PHOTO_UNIT_PX, _TILT_RAD = (224.65, 116.6), 58.0, 0.035
_LEFT, _WIDTH, _HEIGHT, _ZOOM = (
    110,
    230,
    260,
    4,
)  # the part of the photograph that is used, and its enlargement
BOX_PHOTO_PX = 95.0  # width of the face box that Haar cascades find in the photograph

# Outlines by hand in the photograph's pixels.
_HEAD = (
    (227, 17), (212, 23), (201, 25), (193, 31), (189, 36), (174, 45), (163, 53), (157, 60),
    (154, 69), (155, 92), (158, 104), (167, 114), (171, 119), (175, 128), (183, 133), (184, 146),
    (187, 153), (188, 176), (194, 190), (228, 195), (250, 190), (253, 172), (257, 161), (260, 153),
    (263, 147), (265, 136), (274, 133), (293, 110), (295, 107), (298, 98), (299, 78), (295, 65),
    (295, 58), (287, 44), (276, 33), (262, 25), (248, 19),
)  # fmt: skip
_GARMENT = (
    (187, 175), (172, 184), (140, 194), (110, 204), (110, 260), (340, 260), (340, 202), (300, 192),
    (268, 182), (254, 172), (250, 182), (241, 185), (228, 185), (217, 183), (206, 182), (194, 181),
    (188, 177),
)  # fmt: skip
_SKIN = (
    (185, 80), (196, 79), (212, 83), (236, 83), (252, 87), (266, 92), (268, 104), (269, 126),
    (276, 130), (266, 138), (264, 150), (257, 165), (256, 182), (250, 192), (190, 192), (186, 176),
    (184, 152), (182, 134), (172, 126), (169, 118), (178, 117), (181, 104), (184, 92),
)  # fmt: skip
_EYES = ((203.3, 101.3, 9.0, 3.0), (247.0, 103.5, 9.0, 3.0))  # centre x, y, half width, half height
_BROWS = (
    ((190, 90.5), (200, 88.5), (213, 92.8)),
    ((238.5, 93.3), (254, 92.0), (263, 95.0)),
)

_HAIR_TONES = (  # red, green, blue gain; how grey
    (1.05, 1.0, 0.85, 0.0), (0.72, 0.60, 0.50, 0.1), (0.50, 0.42, 0.38, 0.2), (0.27, 0.25, 0.27, 0.5),
    (0.85, 0.50, 0.36, 0.0), (0.92, 0.90, 0.88, 0.9),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Everything that makes one simulated face.

    Parameters
    ----------
    bends
        Shape (n, 8): Gaussian bends of the face, each as centre x, y, width x, y, shift x, y, and relative
        stretch x, y around the centre, in face coordinates.
    size
        Width and height of the whole head relative to the photograph's.
    hair
        How much of the photograph's hair stands up above and beside the face, each 0 to 1.
    mirrored
        Whether the photograph is used mirrored.
    skin_gain, hair_gain, garment_rgb
        Factors on red, green and blue of the skin and the hair; colour of the garment, 0 to 255.
    hair_grey
        0: the hair's own saturation; 1: without colour.
    brow_gain
        Factor on the brightness of the brows.
    light
        Slope of the brightness to the right and down, per unit of face coordinates.
    texture_seed, texture_sd
        Pores and freckles: seed and relative strength.
    expressivity
        Factor with which this person's expressions come out; the renderer leaves its use to the script.
    """

    bends: Array
    size: tuple[float, float]
    hair: tuple[float, float]
    mirrored: bool
    skin_gain: tuple[float, float, float]
    hair_gain: tuple[float, float, float]
    garment_rgb: tuple[float, float, float]
    hair_grey: float
    brow_gain: float
    light: tuple[float, float]
    texture_seed: int
    texture_sd: float
    expressivity: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Identity:
        """A random person; equal generators give equal people."""
        melanin = float(rng.beta(0.9, 1.4))
        ruddy = rng.uniform(-0.05, 0.05, size=2)
        pale, dark = np.array([0.95, 0.95, 0.97]), np.array([0.50, 0.40, 0.35])
        skin = pale * (dark / pale) ** melanin * (1.0 + np.array([ruddy[0], 0.0, ruddy[1]]))
        tones = [0.2, 0.25, 0.2, 0.15, 0.1, 0.1] if melanin < 0.5 else [0.0, 0.05, 0.3, 0.5, 0.0, 0.15]
        *hair, grey = _HAIR_TONES[int(rng.choice(len(_HAIR_TONES), p=tones))]
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.22)
        return cls(
            bends=_draw_bends(rng),
            size=(float(1 + rng.uniform(-0.08, 0.08)), float(1 + rng.uniform(-0.04, 0.04))),
            hair=(float(rng.uniform(0.38, 0.64)), float(rng.uniform(0.2, 0.55))),
            mirrored=bool(rng.integers(2)),
            skin_gain=_triple(skin),
            hair_gain=_triple(np.array(hair) * rng.uniform(0.93, 1.07, size=3)),
            garment_rgb=_triple(
                rng.uniform(30, 190) * rng.uniform(0.6, 1.0, size=3) * np.array([1.0, 0.75, 1.0])
            ),
            hair_grey=grey,
            brow_gain=float(rng.uniform(0.45, 0.95)),
            light=(float(strength * np.cos(angle)), float(0.5 * strength * np.sin(angle))),
            texture_seed=int(rng.integers(2**31)),
            texture_sd=float(rng.uniform(0.012, 0.026)),
            expressivity=float(rng.lognormal(0.0, 0.3)),
        )

    def bend(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Where points of this face lie in the average face, in face coordinates; x and y may broadcast."""
        u, v = x * np.float32(1 / self.size[0]), y * np.float32(1 / self.size[1])
        shape = np.broadcast_shapes(x.shape, y.shape)
        dx, dy = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for cx, cy, wx, wy, sx, sy, gx, gy in self.bends:
            row, column = np.exp(-0.5 * ((u - cx) / wx) ** 2), np.exp(-0.5 * ((v - cy) / wy) ** 2)
            dx += row * (sx + gx * (u - cx)) * column
            dy += row * (column * (sy + gy * (v - cy)))
        u, v = u * (1 + 0.35 * np.clip(-0.5 - v, 0.0, None) ** 2) + dx, v + dy
        top, side = np.minimum(v + 0.62, 0.0), np.maximum(np.abs(u) - 0.80, 0.0)
        return (
            np.asarray(u + np.sign(u) * side * (1 / self.hair[1] - 1), dtype=np.float32),
            np.asarray(v + top * (1 / self.hair[0] - 1), dtype=np.float32),
        )

    def place(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Where points of the average face lie in this one: the inverse of `bend`, inside the face."""
        u, v = x, y
        for _ in range(40):
            bent = self.bend(u, v)
            u, v = u + 0.7 * (x - bent[0]), v + 0.7 * (y - bent[1])
        return u, v


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _draw_bends(rng: np.random.Generator) -> Array:
    """Rows of `Identity.bends`: named parts of the face, then a smooth random bend with its asymmetry."""
    jaw, chin, cheek, brow, apart, open_, wide = rng.uniform(-1, 1, size=7)
    nose_w, nose_l, mouth_w, mouth_h, mouth_y, lids, fringe = rng.uniform(-1, 1, size=7)
    rows = [
        (0.0, -0.66, 0.7, 0.10, 0.0, 0.05 * fringe, 0.0, 0.0),
        (0.0, 0.85, 0.9, 0.30, 0.0, 0.0, 0.13 * jaw, 0.0),
        (0.0, 1.05, 0.6, 0.25, 0.0, 0.06 * chin, 0.0, 0.0),
        (0.0, 0.18, 0.2, 0.16, 0.0, 0.0, 0.20 * nose_w, 0.0),
        (0.0, 0.20, 0.25, 0.16, 0.0, 0.05 * nose_l, 0.0, 0.0),
        (0.0, 0.50, 0.35, 0.20, 0.0, 0.03 * mouth_y, 0.14 * mouth_w, 0.0),
        (0.0, 0.50, 0.35, 0.12, 0.0, 0.0, 0.0, 0.20 * mouth_h),
    ]
    for side in (-1.0, 1.0):
        rows += [
            (side * 0.38, -0.45, 0.32, 0.09, 0.0, 0.03 * brow, 0.0, 0.0),
            (side * 0.38, -0.25, 0.24, 0.20, side * 0.04 * apart, 0.0, 0.0, 0.0),
            (side * 0.38, -0.26, 0.22, 0.12, 0.0, 0.015 * lids, 0.13 * wide, 0.18 * open_),
            (side * 0.60, 0.30, 0.25, 0.30, side * 0.05 * cheek, 0.0, 0.0, 0.0),
        ]
    for _ in range(10):
        x, y = rng.uniform(-0.7, 0.7), rng.uniform(-0.5, 1.0)
        rows.append((x, y, 0.35, 0.35, *rng.uniform(-0.028, 0.028, size=2), 0.0, 0.0))
    return np.array(rows, dtype=np.float32)


def paint(
    identity: Identity,
    x: Array,
    y: Array,
    *,
    background: tuple[int, int, int],
    detail: float,
    blur_px: float,
) -> NDArray[np.uint8]:
    """The neutral face of a person.

    Parameters
    ----------
    x, y
        Face coordinates of the picture's columns and rows, shapes (1, width) and (height, 1).
    background
        Colour behind the person, red, green, blue.
    detail
        Pixels of the picture per unit of face coordinates: sets the grain of the skin.
    blur_px
        Blur of lens and sensor, standard deviation in pixels of the picture.

    Returns
    -------
    Shape (height, width, 3), RGB.
    """
    import cv2

    portrait = _portrait()
    u, v = identity.bend(x, y)
    if identity.mirrored:
        u = -u
    u, v = _neutral(u, v)
    cos, sin = np.cos(_TILT_RAD), np.sin(_TILT_RAD)
    across = (_ORIGIN[0] - _LEFT + PHOTO_UNIT_PX * (cos * u - sin * v)) * _ZOOM
    down = (_ORIGIN[1] + PHOTO_UNIT_PX * (sin * u + cos * v)) * _ZOOM

    def look(plane: Array) -> Array:
        return np.asarray(
            cv2.remap(
                plane,
                across.astype(np.float32),
                down.astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )

    rgb, masks = look(portrait.rgb), look(portrait.masks)
    alpha, skin, eyes, brows = (masks[..., i : i + 1] for i in range(4))
    garment = look(portrait.garment)[..., None]
    grey = rgb.mean(axis=-1, keepdims=True)
    hair = (rgb + identity.hair_grey * (grey - rgb)) * np.array(identity.hair_gain, np.float32)
    face = rgb * np.array(identity.skin_gain, np.float32) * (1 + (identity.brow_gain - 1) * brows)
    face += eyes * (rgb * (0.5 + 0.5 * identity.skin_gain[0]) - face)
    person = hair + skin * (face * _pores(identity, u.shape, detail)[..., None] - hair)
    person *= np.maximum(1 + identity.light[0] * np.tanh(x) + identity.light[1] * np.tanh(y), 0.3)[..., None]
    cloth = np.array(identity.garment_rgb, np.float32) * (1 - 0.12 * np.tanh(3 * np.abs(x)))[..., None]
    person += garment * (cloth - person)
    behind = np.array(background, np.float32)
    picture = behind + np.maximum(alpha, garment) * (person - behind)
    sharp = cv2.GaussianBlur(np.clip(picture, 0, 255), (0, 0), blur_px)
    return np.asarray(np.rint(sharp), dtype=np.uint8)


def _pores(identity: Identity, shape: tuple[int, ...], detail: float) -> Array:
    """Fine and coarse unevenness of the skin as a factor around 1."""
    import cv2

    rng = np.random.default_rng(identity.texture_seed)
    factor = np.ones(shape, dtype=np.float32)
    for size, strength in ((0.014, 0.8), (0.035, 0.6)):
        small = max(0.25, min(1.0, 2.0 / (size * detail)))
        rough = rng.standard_normal([max(8, round(n * small)) for n in shape]).astype(np.float32)
        smooth = cv2.GaussianBlur(rough, (0, 0), size * detail * small)
        factor += identity.texture_sd * strength * cv2.resize(smooth / smooth.std(), shape[::-1])
    return factor


def _neutral(x: Array, y: Array) -> tuple[Array, Array]:
    """From the average neutral face to the smiling photograph: the lips part, the corners go up and out."""
    corner = np.exp(-0.5 * (((np.abs(x) - 0.33) / 0.15) ** 2 + ((y - 0.47) / 0.13) ** 2))
    y = (y - 0.085 * corner).astype(np.float32)
    widened = 0.10 * np.exp(-0.5 * ((x / 0.40) ** 2 + ((y - 0.45) / 0.16) ** 2))
    x = (x * (1 + widened)).astype(np.float32)
    bow = np.clip(1 - (x / 0.36) ** 2, 0.0, None)
    top, bottom = 0.40 + 0.035 * bow, 0.40 + 0.165 * bow  # of the teeth, in the photograph
    return x, fold(
        y, top=top, bottom=bottom, up=0.13, down=0.50, upper=0.052 * bow, lower=-0.056 * bow, inverse=True
    )


def fold(
    y: Array,
    *,
    top: Array,
    bottom: Array,
    up: float,
    down: float,
    upper: Array,
    lower: Array,
    inverse: bool = False,
) -> Array:
    """Opens or closes a slit such as an eye or a mouth: a piecewise linear map of y, column by column.

    Parameters
    ----------
    y
        Vertical positions; all arrays have one shape.
    top, bottom
        The slit's margins, top < bottom or equal.
    up, down
        How far above and below the slit the skin is drawn along.
    upper, lower
        How far the margins move down.
    inverse
        Go from the moved positions back.
    """
    knots = [top - up, top, bottom, bottom + down]
    moved = [knots[0], top + upper, bottom + lower, knots[3]]
    source, target = (moved, knots) if inverse else (knots, moved)
    result = y
    for i in range(3):
        span = np.maximum(source[i + 1] - source[i], 1e-6)
        inside = (y >= source[i]) & (y < source[i + 1])
        result = np.where(inside, target[i] + (y - source[i]) / span * (target[i + 1] - target[i]), result)
    return np.asarray(result, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Portrait:
    """The photograph enlarged: rgb (h, w, 3) 0..255; masks (h, w, 4): head, skin, eyes, brows; garment."""

    rgb: Array
    masks: Array
    garment: Array


@lru_cache(maxsize=1)
def _portrait() -> _Portrait:
    import cv2
    from skimage.data import astronaut

    photo = astronaut()[:_HEIGHT, _LEFT : _LEFT + _WIDTH].astype(np.float32)
    matrix = np.array([[1 / _ZOOM, 0, 0], [0, 1 / _ZOOM, 0]], np.float64)
    rgb = cv2.warpAffine(
        photo,
        matrix,
        (_WIDTH * _ZOOM, _HEIGHT * _ZOOM),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    rgb = np.clip(rgb, 0, 255)
    teeth = _mouth_mask()[..., None]
    rgb = rgb + teeth * (rgb * np.array([0.42, 0.22, 0.22], np.float32) - rgb)
    masks = [_area(_HEAD, 0.9), _area(_SKIN, 1.5), _ellipses(), _strokes()]
    return _Portrait(rgb.astype(np.float32), np.stack(masks, axis=-1), _area(_GARMENT, 0.7))


def _canvas() -> NDArray[np.uint8]:
    return np.zeros((_HEIGHT * _ZOOM, _WIDTH * _ZOOM), np.uint8)


def _pixels(points: Any) -> NDArray[np.int32]:
    return np.rint((np.asarray(points, np.float64) - (_LEFT, 0)) * _ZOOM).astype(np.int32)


def _soft(mask: NDArray[np.uint8], blur_px: float) -> Array:
    import cv2

    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), blur_px * _ZOOM), dtype=np.float32)


def _area(outline: Any, blur_px: float) -> Array:
    import cv2

    mask = _canvas()
    cv2.fillPoly(mask, [_pixels(outline)], (1,))
    return _soft(mask, blur_px)


def _ellipses() -> Array:
    import cv2

    mask = _canvas()
    for x, y, half_width, half_height in _EYES:
        centre = _pixels((x, y)).tolist()
        cv2.ellipse(
            mask, centre, (round(half_width * _ZOOM), round(half_height * _ZOOM)), 0, 0, 360, (1,), -1
        )
    return _soft(mask, 0.6)


def _strokes() -> Array:
    import cv2

    mask = _canvas()
    for brow in _BROWS:
        cv2.polylines(mask, [_pixels(brow)], False, (1,), round(2.6 * _ZOOM))
    return _soft(mask, 0.6)


def _mouth_mask() -> Array:
    """The gap between the photograph's lips."""
    x = np.linspace(-0.36, 0.36, 41)
    bow = 1 - (x / 0.36) ** 2
    upper, lower = np.stack([x, 0.40 + 0.035 * bow]), np.stack([x, 0.405 + 0.175 * bow])
    outline = np.concatenate([upper, lower[:, ::-1]], axis=1)
    cos, sin = np.cos(_TILT_RAD), np.sin(_TILT_RAD)
    turned = np.array([[cos, -sin], [sin, cos]]) @ outline * PHOTO_UNIT_PX + np.array(_ORIGIN)[:, None]
    return _area(turned.T, 0.5)
