"""Toy videos whose fields of motion are made, not measured: blobs at brows and mouth that come and go."""

from __future__ import annotations

import numpy as np

from mien.core.expression import Expression
from mien.features.face_fields import BLOCKS, FIELD_HZ, FIELD_SIZE, PATTERNS, fields_of_arrays
from mien.features.face_motion import FaceMotion
from mien.features.region_motion import CHANNELS, REGIONS
from mien.signals.face.regions import region_masks, template_landmarks
from mien.spotting.spotter import FaceVideo

PLACES = {"brow": (40.0, 30.0), "mouth": (64.0, 100.0)}  # x, y of a face 128 px wide


def rise_and_fall(times_s, onset_s, apex_s, offset_s):
    """Half cosines from 0 at onset to 1 at apex and back."""
    return np.interp(times_s, [onset_s, apex_s, offset_s], [0.0, 1.0, 0.0]) ** 2 * (
        3 - 2 * np.interp(times_s, [onset_s, apex_s, offset_s], [0.0, 1.0, 0.0])
    )


def toy_video(name, expressions, *, length_s=20.0, px=1.5, noise_px=0.03, seed=0, breaks_s=()):
    """A video with given `Expression`s; `breaks_s` are spans (start, end) without a face.

    Expressions alternate between the brow (up, and a little out) and the mouth (up and out).
    """
    rng = np.random.default_rng(seed)
    times = np.arange(round(length_s * FIELD_HZ)) / FIELD_HZ
    cell = 128 / FIELD_SIZE
    y, x = (np.mgrid[:FIELD_SIZE, :FIELD_SIZE] + 0.5) * cell
    moved = rng.normal(0, noise_px, size=(len(times), 2, FIELD_SIZE, FIELD_SIZE)).astype(np.float32)
    texture = rng.poisson(441 / PATTERNS, size=(len(times), BLOCKS**2, PATTERNS)).astype(np.float32)
    by, bx = np.mgrid[:BLOCKS, :BLOCKS]
    for number, one in enumerate(expressions):
        place = list(PLACES.values())[number % 2]
        level = rise_and_fall(times, one.onset_s, one.apex_s, one.offset_s)
        blob = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 12.0**2))
        moved[:, 0] += (0.4 * px * level[:, None, None] * blob).astype(np.float32)
        moved[:, 1] -= (px * level[:, None, None] * blob).astype(np.float32)
        centre = (np.stack([bx, by]) + 0.5) * 128 / BLOCKS
        near = np.hypot(centre[0] - place[0], centre[1] - place[1]).ravel() < 30
        pattern = rng.integers(PATTERNS, size=20)
        for block in np.flatnonzero(near):
            texture[:, block, pattern] += (6 * level)[:, None].astype(np.float32)
    stretch = np.zeros(len(times), dtype=np.int64)
    for start, end in breaks_s:
        gone = (times >= start) & (times < end)
        stretch[gone] = -1
        stretch[times >= end] += 1
    moved[stretch < 0] = np.nan
    texture[stretch < 0] = np.nan
    fields = fields_of_arrays(times, stretch, moved, texture)
    return FaceVideo(name, _region_means(times, stretch, moved), fields)


def _region_means(times, stretch, moved):
    from mien.signals.face.regions import mdmo_regions

    points = template_landmarks(FIELD_SIZE)
    masks = region_masks(
        [*mdmo_regions(points), points[36:42], points[42:48], points[48:60]], (FIELD_SIZE,) * 2
    )
    motion = np.full((len(times), len(REGIONS), len(CHANNELS)), np.nan, dtype=np.float16)
    for region, mask in enumerate(masks):
        mean = moved[:, :, mask].mean(axis=2) if mask.any() else np.zeros((len(times), 2))
        motion[:, region, :2] = mean
        motion[:, region, 2] = np.hypot(*mean.T)
        motion[:, region, 3] = 0
    reference = np.full(len(times), -1, dtype=np.int64)
    joins, last = {}, -1
    for number in range(int(stretch.max()) + 1):
        rows = np.flatnonzero(stretch == number)
        reference[rows] = rows[0]
        last = rows[0]
    del last
    return FaceMotion(
        times_s=times,
        motion=motion,
        head=np.zeros((len(times), 5), dtype=np.float32),
        state=np.where(stretch < 0, 1, 0).astype(np.int8),
        reference=reference,
        joins=joins,
        cuts_s=np.empty(0),
        rate_hz=FIELD_HZ,
        start_s=0.0,
        end_s=float(times[-1] + 1 / FIELD_HZ),
        damage=None,
    )


def toy_expressions(seed, *, length_s=20.0, n_micro=2, n_macro=1):
    """Expressions at random times that do not touch each other."""
    rng = np.random.default_rng(seed)
    kinds = ["micro"] * n_micro + ["macro"] * n_macro
    rng.shuffle(kinds)
    slots = np.linspace(1.0, length_s - 1.0, len(kinds) + 1)
    found = []
    for kind, start, stop in zip(kinds, slots[:-1], slots[1:], strict=True):
        rise, fall = (0.2, 0.2) if kind == "micro" else (0.5, 0.8)
        onset = rng.uniform(start + 0.3, max(stop - rise - fall - 0.5, start + 0.4))
        found.append(Expression(onset, onset + rise, onset + rise + fall, kind))
    return found
