"""Simulated recordings with known expressions, on which a spotting method's manners are checked.

Fields of motion are made, not measured: blobs at brow and mouth that come and go over noise, and patterns of
texture that change with them. Nothing here looks like a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.core.records import digest_arrays
from mien.core.time import FloatArray
from mien.evaluation.spotting_task import Recording, SpottingTask
from mien.features.face_fields import BLOCKS, FIELD_HZ, FIELD_SIZE, PATTERNS, Channel, FaceFields
from mien.features.face_following import JUDGED
from mien.features.face_motion import FaceMotion
from mien.features.region_motion import CHANNELS, HEAD, REGIONS
from mien.signals.face.regions import mdmo_regions, region_masks, template_landmarks

PEOPLE = ("001", "001", "002", "003")
"""Whose the recordings are: the first person has two."""
LENGTH_S = 12.0
_FACE_PX = 128
_PLACES = ((40.0, 30.0), (64.0, 100.0))  # x, y of brow and mouth
_HEIGHT_PX, _NOISE_PX, _WIDTH_PX = 1.5, 0.03, 12.0
_SLOTS: tuple[tuple[Kind, float, float, float], ...] = (
    ("micro", 1.5, 0.2, 0.2),
    ("macro", 4.5, 0.5, 0.8),
    ("micro", 8.5, 0.2, 0.2),
)
"""Kind, earliest onset, rise and fall in seconds."""
_LATER_S = 1.0  # than the earliest onset, at most


@dataclass(frozen=True, slots=True, eq=False)
class SampleVideo:
    """What methods are given of a recording, as `mien.spotting.spotter.FaceVideo`."""

    name: str
    motion: FaceMotion
    fields: FaceFields | None


@dataclass(frozen=True, slots=True, eq=False)
class FieldArrays:
    """Reads fields that lie in memory, whole and of every frame; unlike a closure it can be sent elsewhere.

    `displacement` (n, 2, FIELD_SIZE, FIELD_SIZE) in pixels, `texture` (n, BLOCKS ** 2, PATTERNS) in counts.
    """

    displacement: NDArray[Any]
    texture: NDArray[Any]

    def __call__(self, channel: Channel, first: int, stop: int) -> NDArray[np.float32]:
        """Frames first <= i < stop of a channel, as a copy."""
        whole = self.displacement if channel == "displacement" else self.texture
        return whole[first:stop].astype(np.float32)


def sample_spotting_task(*, seed: int = 0) -> SpottingTask:
    """Four recordings of three people, 12 s each, with two micro- and one macro-expression in each.

    Equal seeds give equal recordings.
    """
    recordings, videos = [], []
    for number, who in enumerate(PEOPLE):
        rng = np.random.default_rng([seed, number, 13])
        name, person = f"{who}_run-{number + 1:02d}", f"simulated/{who}"
        coded = _expressions(rng)
        recordings.append(Recording(name, person, "simulated", 0.0, LENGTH_S, coded))
        videos.append(_video(name, coded, rng))
    told = np.array([[e.onset_s, e.offset_s] for one in recordings for e in one.references])
    return SpottingTask(
        name="simulated recordings",
        digest=digest_arrays(told, *(one.motion.motion for one in videos)),
        recordings=tuple(recordings),
        videos=videos,
        consent={one.subject: 1 for one in recordings},
    )


def _expressions(rng: np.random.Generator) -> tuple[Expression, ...]:
    found = []
    for kind, earliest, rise, fall in _SLOTS:
        onset = earliest + float(rng.uniform(0, _LATER_S))
        found.append(Expression(onset, onset + rise, onset + rise + fall, kind))
    return tuple(found)


def _video(name: str, coded: Sequence[Expression], rng: np.random.Generator) -> SampleVideo:
    n = round(LENGTH_S * FIELD_HZ)
    times = np.arange(n) / FIELD_HZ
    cell, block = _FACE_PX / FIELD_SIZE, _FACE_PX / BLOCKS
    y, x = (np.mgrid[:FIELD_SIZE, :FIELD_SIZE] + 0.5) * cell
    by, bx = (np.mgrid[:BLOCKS, :BLOCKS] + 0.5) * block
    moved = rng.normal(0, _NOISE_PX, size=(n, 2, FIELD_SIZE, FIELD_SIZE)).astype(np.float32)
    counts = rng.poisson(block**2 / PATTERNS, size=(n, BLOCKS**2, PATTERNS)).astype(np.uint8)
    for number, one in enumerate(coded):
        level = _rise_and_fall(times, one)
        place_x, place_y = _PLACES[number % 2]
        blob = np.exp(-((x - place_x) ** 2 + (y - place_y) ** 2) / (2 * _WIDTH_PX**2))
        height = (_HEIGHT_PX * level)[:, None, None] * blob
        moved[:, 0] += (0.4 * height).astype(np.float32)
        moved[:, 1] -= height.astype(np.float32)
        near = np.flatnonzero(np.hypot(bx - place_x, by - place_y).ravel() < 30)
        some = rng.choice(PATTERNS, size=20, replace=False)
        counts[:, near[:, None], some] += np.round(6 * level).astype(np.uint8)[:, None, None]
    stretch = np.zeros(n, dtype=np.int64)
    fields = FaceFields(times, stretch, stretch, FieldArrays(moved, counts))
    return SampleVideo(name, _motion(times, moved), fields)


def _rise_and_fall(times_s: FloatArray, one: Expression) -> FloatArray:
    """Half cosines, nearly, from 0 at onset to 1 at apex and back, (n,)."""
    assert one.apex_s is not None
    assert one.offset_s is not None
    level = np.interp(times_s, [one.onset_s, one.apex_s, one.offset_s], [0.0, 1.0, 0.0])
    return np.asarray(level**2 * (3 - 2 * level))


@cache
def _masks() -> tuple[NDArray[np.bool_], ...]:
    points = template_landmarks(FIELD_SIZE)
    outlines = [*mdmo_regions(points), points[36:42], points[42:48], points[48:60]]
    return tuple(region_masks(outlines, (FIELD_SIZE, FIELD_SIZE)))


def _motion(times_s: FloatArray, moved: NDArray[np.float32]) -> FaceMotion:
    """The regions' means of displacements, without strain."""
    n = len(times_s)
    motion = np.zeros((n, len(REGIONS), len(CHANNELS)), dtype=np.float16)
    for region, mask in enumerate(_masks()):
        if mask.any():
            mean = moved[:, :, mask].mean(axis=2)
            motion[:, region, :2] = mean
            motion[:, region, 2] = np.hypot(*mean.T)
    return FaceMotion(
        times_s=times_s,
        motion=motion,
        head=np.zeros((n, len(HEAD)), dtype=np.float32),
        state=np.full(n, JUDGED, dtype=np.int8),
        reference=np.zeros(n, dtype=np.int64),
        joins={},
        cuts_s=np.empty(0),
        rate_hz=FIELD_HZ,
        start_s=0.0,
        end_s=float(times_s[-1] + 1 / FIELD_HZ),
        damage=None,
    )
