"""What a camera sees of a room, measured: light, flicker, the face, what moves behind it.

Conventions: luma is 0 to 255. Small pictures are (n_frames, height, width) float32 luma, reduced to at most
160 pixels a side; faces are found in whole pictures. Nothing here judges: `room_verdicts` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.elicitation.camera_frame import CameraFrame
from mien.signals.face.finding import Face, FaceFinder

SMALL_PX = 160
_BANDS = 8  # rows of a rolling shutter see the lamp at different moments
_SLOWEST_HZ = 0.8  # below: breathing and clouds
_SECOND_FACE = 0.4  # of the largest face's width: smaller boxes are mostly patterns
_DARK, _BRIGHT = 3, 252

Small = NDArray[np.float32]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class FacesFound:
    """Faces over the pictures that were searched.

    Parameters
    ----------
    share
        Pictures with a face.
    several
        Pictures with more than one, counting those of at least 0.4 of the largest one's width.
    width_px
        Median width of the largest; 0 without any.
    box
        Its median box, left, top, width, height in pixels; None without any.
    """

    share: float
    several: float
    width_px: float
    box: Box | None


@dataclass(frozen=True, slots=True)
class Light:
    """Mean luma and the shares of pixels at either end of the scale."""

    mean: float
    dark: float
    bright: float


@dataclass(frozen=True, slots=True)
class Flicker:
    """The strongest even oscillation of the light: amplitude in % of the mean, and its frequency as seen."""

    percent: float
    hz: float


def small_luma(frame: CameraFrame) -> Small:
    """A picture's luma, reduced by averaging."""
    import cv2

    scale = min(1.0, SMALL_PX / max(frame.image.shape[:2]))
    size = (max(2, round(frame.image.shape[1] * scale)), max(2, round(frame.image.shape[0] * scale)))
    small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def find_faces(frames: list[CameraFrame], finder: FaceFinder) -> FacesFound:
    """The faces of some pictures."""
    found = [finder.find(frame.image) for frame in frames]
    first: list[Face] = [faces[0] for faces in found if faces]
    if not first:
        return FacesFound(0.0, 0.0, 0.0, None)
    several = sum(len(faces) > 1 and faces[1].box[2] >= _SECOND_FACE * faces[0].box[2] for faces in found)
    left, top, width, height = (round(float(v)) for v in np.median([face.box for face in first], axis=0))
    box = (left, top, width, height)
    return FacesFound(len(first) / len(found), several / len(found), float(width), box)


def light_of_face(frame: CameraFrame, box: Box | None) -> Light:
    """Light on the inner 70 % of a face's box; on the picture's middle half where there is none."""
    height, width = frame.image.shape[:2]
    left, top, wide, high = box or (width // 4, height // 4, width // 2, height // 2)
    edge = 0.15 if box else 0.0
    rows = slice(max(0, round(top + edge * high)), max(1, round(top + (1 - edge) * high)))
    columns = slice(max(0, round(left + edge * wide)), max(1, round(left + (1 - edge) * wide)))
    part = frame.image[rows, columns]
    luma = part.reshape(-1, 3).astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    dark, bright = float((luma <= _DARK).mean()), float((part.max(axis=-1) >= _BRIGHT).mean())
    return Light(float(luma.mean()), dark, bright)


def background_mask(shape: tuple[int, int], box: Box | None, scale: float) -> NDArray[np.bool_]:
    """Where a small picture shows neither head nor body, of `shape` height and width.

    The head with what it moves through is 2 face widths wide and begins half a face above its box; the body
    is 3.4 face widths wide, from the chin down.
    """
    mask = np.ones(shape, dtype=bool)
    if box is None:
        return mask
    left, top, wide, high = (value * scale for value in box)
    middle = left + wide / 2

    def leave_out(half: float, first: float, last: float) -> None:
        rows = slice(max(0, int(first)), max(0, int(np.ceil(last))))
        mask[rows, max(0, int(middle - half)) : max(0, int(np.ceil(middle + half)))] = False

    leave_out(wide, top - high / 2, shape[0])
    leave_out(1.7 * wide, top + high, shape[0])
    return mask


def measure_flicker(pictures: Small, stamps_s: NDArray[np.float64], still: NDArray[np.bool_]) -> Flicker:
    """The strongest sine in the light of horizontal bands of what is still.

    The frequency is what the camera makes of the lamp's (twice the mains'): 100 Hz seen 30 times a second is
    10 Hz, and seen 25 or 50 times a second nothing at all.
    """
    rows = np.array_split(np.arange(pictures.shape[1]), _BANDS)
    bands = [
        pictures[:, part][:, still[part]].mean(axis=1)
        for part in rows
        if still[part].sum() >= max(4, 0.02 * still.size / _BANDS)
    ]
    span_s = float(stamps_s[-1] - stamps_s[0])
    if not bands or span_s <= 0 or len(stamps_s) < 8:
        return Flicker(0.0, 0.0)
    at = stamps_s - stamps_s[0]
    fastest = (len(at) - 1) / span_s / 2
    frequencies = np.arange(_SLOWEST_HZ, fastest, 0.25 / span_s)
    drift = np.stack([np.ones_like(at), at, at**2], axis=1)
    series = np.stack(bands, axis=1).astype(np.float64)
    levels = np.maximum(series.mean(axis=0), 1.0)
    series = series - drift @ np.linalg.lstsq(drift, series, rcond=None)[0]
    best = Flicker(0.0, 0.0)
    for frequency in frequencies:
        angle = 2 * np.pi * frequency * at
        waves = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        parts = np.linalg.lstsq(waves, series, rcond=None)[0]
        power = ((waves @ parts) ** 2).mean(axis=0)  # what it explains: parts grow without bound at the end
        percent = 100 * float(np.median(np.sqrt(2 * power) / levels))
        if percent > best.percent:
            best = Flicker(percent, float(frequency))
    return best


def moving_share(pictures: Small, still: NDArray[np.bool_], *, least: float) -> float:
    """The share of the background whose luma ranges by more than `least`, the light's own changes left out.

    The range is that from the 5th to the 95th percentile over the pictures; NaN without background.
    """
    if not still.any():
        return float("nan")
    seen = pictures[:, still].astype(np.float64)
    light = np.maximum(np.median(seen, axis=1, keepdims=True), 1.0)
    seen = seen * (np.median(light) / light)
    low, high = np.percentile(seen, [5, 95], axis=0)
    return float(((high - low) > least).mean())
