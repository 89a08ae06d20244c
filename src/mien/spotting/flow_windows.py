"""What SOFTNet and SL-Swin look at: flow over k frames at brows and mouth, and which windows are positive.

Published (Liong et al. 2021, ICIP, and He et al. 2023, doi:10.3390/electronics12122656; method sheet 1.3
and 2.1): flow (u, v) and optical strain between the frames i and i + k; |u| and |v|; the eyes set to 0; a
brow box above a mouth box, 42 x 21 each, 12 px around landmarks of a face 128 px wide; 0..1 in each picture
and channel; window [i, i + k) positive if it overlaps a coded expression; k = int((N + 1) / 2) with N the
expressions' mean length in frames; half of the negatives; four pictures of a micro-expression's positives.

Ours: frames of `FIELD_HZ`; flow joined from the fields instead of TV-L1 between two frames; the head's motion
is taken out there, so the nose's is not subtracted again; landmarks are the template's; values are rounded to
256 levels; how strong the noise of a copy is; the limit on the number of samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.core.time import FloatArray
from mien.features.face_fields import FIELD_HZ, FIELD_SIZE, FaceFields
from mien.signals.face.regions import region_masks, template_landmarks
from mien.spotting.frames import PIECE, mean_length

KINDS: tuple[Kind, ...] = ("micro", "macro")
SIDE = 42
NOISE = 0.05
"""Standard deviation of a copy's additive noise, of pictures 0..1: ours."""

_FACE_PX = 128
_MARGIN_PX, _EYE_MARGIN_PX = 12, 15
_BLUR = 1.4  # what OpenCV takes for a kernel of 7 x 7
_COPIES = 3  # flipped, blurred, noisy

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of one video that are learned from: their first frames and whether each is positive."""

    starts: NDArray[np.int64]
    positive: NDArray[np.bool_]


def last_s(one: Expression) -> float:
    """When an expression ends; where the offset was not observed, its apex, or else its onset."""
    return next(t for t in (one.offset_s, one.apex_s, one.onset_s) if t is not None)


def half_length(references: Sequence[Sequence[Expression]], kind: Kind) -> int | None:
    """k of a kind in frames, 1 or more; None where no length was observed."""
    length = mean_length(references, kind)
    return None if length is None else max(1, int((length + 1) / 2))


def grid_frames(one: Expression, times_s: FloatArray) -> tuple[int, int]:
    """First and last frame of an expression on the even grid of a video; they may lie beyond it."""
    first, last = (round((at_s - float(times_s[0])) * FIELD_HZ) for at_s in (one.onset_s, last_s(one)))
    return first, last


def label_windows(fields: FaceFields, references: Sequence[Expression], kind: Kind, k: int) -> Windows:
    """Every window [i, i + k) of which both ends lie in one stretch."""
    starts = [np.arange(first, stop - k) for first, stop in fields.stretches() if stop - first > k]
    every = np.concatenate([*starts, np.empty(0, dtype=np.int64)]).astype(np.int64)
    positive = np.zeros(len(every), dtype=bool)
    for one in references:
        if one.kind == kind and len(every):
            first, last = grid_frames(one, fields.times_s)
            positive |= (every <= last) & (every + k > first)
    return Windows(every, positive)


def thin_out(
    windows: Sequence[Windows], rng: np.random.Generator, *, copies: int, limit: int | None
) -> list[Windows]:
    """Half of all negatives, drawn at random, and every positive.

    With a limit on the number of samples, as many positives as with their copies fill half of it, and
    negatives up to the rest.
    """
    positive = np.concatenate([one.positive for one in windows])
    yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
    n_yes, n_no = len(yes), (len(no) + 1) // 2
    if limit is not None:
        n_yes = min(n_yes, max(1, limit // 2 // (1 + copies)))
        n_no = min(n_no, max(1, limit - n_yes * (1 + copies)))
    kept = np.zeros(len(positive), dtype=bool)
    kept[rng.permutation(yes)[:n_yes]] = True
    kept[rng.permutation(no)[:n_no]] = True
    edges = np.cumsum([len(one.starts) for one in windows])[:-1]
    parts = zip(windows, np.split(kept, edges), strict=True)
    return [Windows(one.starts[keep], one.positive[keep]) for one, keep in parts]


def training_pictures(
    fields: Sequence[FaceFields],
    references: Sequence[Sequence[Expression]],
    kind: Kind,
    k: int,
    *,
    seed: int,
    limit: int | None,
) -> tuple[Pictures, NDArray[np.float32]]:
    """Pictures (n, 3, SIDE, SIDE) and labels (n,) of 0 and 1 of the videos in which the kind was coded."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    coded = [i for i, of_one in enumerate(references) if any(one.kind == kind for one in of_one)]
    copies = _COPIES if kind == "micro" else 0
    all_windows = [label_windows(fields[i], references[i], kind, k) for i in coded]
    windows = thin_out(all_windows, rng, copies=copies, limit=limit)
    positive = np.concatenate([one.positive for one in windows])
    n, n_copied = len(positive), copies * int(positive.sum())
    pictures = np.empty((n + n_copied, 3, SIDE, SIDE), dtype=np.uint8)
    done = 0
    for i, one in zip(coded, windows, strict=True):
        pictures[done : done + len(one.starts)] = read_pictures(fields[i], one.starts, k)
        done += len(one.starts)
    if n_copied:
        pictures[n:] = _changed(pictures[:n][positive], rng)
    labels = np.concatenate([positive, np.ones(n_copied, dtype=bool)])
    return pictures, labels.astype(np.float32)


def read_pictures(fields: FaceFields, starts: NDArray[np.int64], k: int) -> Pictures:
    """The pictures of windows in order of time, (n, 3, SIDE, SIDE), read block by block."""
    pictures = np.empty((len(starts), 3, SIDE, SIDE), dtype=np.uint8)
    row = 0
    while row < len(starts):
        first = int(starts[row])
        stop = int(np.searchsorted(starts, first + PIECE))
        moved = fields.displacement(first, int(starts[stop - 1]) + k + 1)
        pictures[row:stop] = window_pictures(moved, starts[row:stop] - first, k)
        row = stop
    return pictures


def window_pictures(moved: NDArray[np.float32], starts: NDArray[np.int64], k: int) -> Pictures:
    """|u|, |v| and strain from each start to k frames later, (n, 3, SIDE, SIDE).

    Parameters
    ----------
    moved
        Displacements (n_frames, 2, FIELD_SIZE, FIELD_SIZE) in one stretch.
    """
    flow = moved[starts + k] - moved[starts]
    maps = np.concatenate([np.abs(flow), _strain(flow)[:, None]], axis=1)
    maps *= _seen()
    top, bottom = ((down @ maps) @ across for down, across in _boxes())
    both = np.concatenate([top, bottom], axis=2)
    low, high = (edge(axis=(2, 3), keepdims=True) for edge in (both.min, both.max))
    scaled = (both - low) * (255 / np.maximum(high - low, 1e-12))
    return np.asarray(np.rint(scaled), dtype=np.uint8)


def _strain(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """The norm of the strain tensor, (n, height, width); forward differences, the last repeated."""
    down = np.diff(flow, axis=2)
    across = np.diff(flow, axis=3)
    by_y = np.concatenate([down, down[:, :, -1:]], axis=2)
    by_x = np.concatenate([across, across[..., -1:]], axis=3)
    shear = by_y[:, 0] + by_x[:, 1]
    return np.asarray(np.sqrt(by_x[:, 0] ** 2 + by_y[:, 1] ** 2 + 0.5 * shear**2), dtype=np.float32)


def _changed(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Each picture flipped, blurred and with noise: three after another for all."""
    from scipy.ndimage import gaussian_filter

    flipped = pictures[..., ::-1]
    blurred = gaussian_filter(pictures, (0, 0, _BLUR, _BLUR), radius=(0, 0, 3, 3))
    noisy = np.empty_like(pictures)
    for first in range(0, len(pictures), PIECE):
        part = pictures[first : first + PIECE]
        noise = rng.normal(0, 255 * NOISE, size=part.shape)
        noisy[first : first + PIECE] = np.rint(np.clip(part + noise, 0, 255))
    return np.concatenate([flipped, blurred, noisy])


@lru_cache(maxsize=1)
def _seen() -> NDArray[np.float32]:
    """0 at the eyes and 15 px around, 1 elsewhere, (FIELD_SIZE, FIELD_SIZE)."""
    points, margin = template_landmarks(FIELD_SIZE), _EYE_MARGIN_PX * FIELD_SIZE / _FACE_PX
    eyes = []
    for eye in (points[36:42], points[42:48]):
        # Outer and inner corner go sideways, upper lid up, lower lid down.
        corner = np.argsort(eye[:, 0])[[0, -1]]
        push = np.sign(eye - eye.mean(axis=0)) * (0, margin)
        push[corner] = [(-margin, 0), (margin, 0)]
        eyes.append(eye + push)
    masks = region_masks(eyes, (FIELD_SIZE, FIELD_SIZE))
    return np.asarray(~masks.any(axis=0), dtype=np.float32)


@lru_cache(maxsize=1)
def _boxes() -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
    """For brows and mouth, what takes the grid's rows to 21 and its columns to 42, linearly."""
    points, margin = template_landmarks(FIELD_SIZE), _MARGIN_PX * FIELD_SIZE / _FACE_PX
    x, y = points.T
    brows = (x[17], x[26], min(y[19], y[24]), max(y[41], y[46]))
    mouth = (x[60], x[64], y[50], y[57])
    return tuple(
        (
            _between(top - margin, bottom + margin, SIDE // 2),
            np.ascontiguousarray(_between(left - margin, right + margin, SIDE).T),
        )
        for left, right, top, bottom in (brows, mouth)
    )


def _between(first: float, last: float, n: int) -> NDArray[np.float32]:
    """Weights (n, FIELD_SIZE) of `FIELD_SIZE` points for n even cells of the span [first, last]."""
    at = np.clip(first + (np.arange(n) + 0.5) * (last - first) / n, 0, FIELD_SIZE - 1)
    near = np.abs(at[:, None] - np.arange(FIELD_SIZE))
    return np.asarray(np.maximum(0, 1 - near), dtype=np.float32)
