"""Small films of simulated faces whose expressions are known, made once in a process."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import av
import numpy as np

from mien.simulate.acting import intensity, lid
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity
from mien.simulate.script import Movement, UnitMove

RATE_HZ = 100
SIDE = 192


def movement(onset_s, apex_s, offset_s, kind, units, px):
    moves = tuple(UnitMove(unit, "both", px) for unit in units)
    return Movement(onset_s, apex_s, offset_s, kind, "happiness", moves)


STORY = (
    movement(1.5, 1.68, 1.9, "micro", (12,), 1.4),
    movement(4.0, 4.7, 5.6, "macro", (1, 2), 3.0),
    movement(8.0, 8.18, 8.4, "micro", (4,), 1.3),
)
BLINKS = (2.9, 6.8)
LENGTH_S = 10.0


def frames(times_s, *, person=3, movements=(), blinks=(), talk=(), sway_px=0.8, shift=None, jaw_px=None):
    """Luma of a person, (n, SIDE, SIDE): blinks of 0.25 s, talk as spans with 5 openings a second.

    `jaw_px` (n,) stands for the talk, as of `speech`.
    """
    rng = np.random.default_rng(person)
    face = FaceRenderer(Identity.draw(np.random.default_rng(1000 + person)), frame_px=SIDE, face_px=112)
    times_s = np.asarray(times_s, dtype=float)
    levels = [intensity(one, times_s) for one in movements]
    closed = np.max([np.zeros(len(times_s)), *(lid((times_s - at) / 0.25) for at in blinks)], axis=0)
    jaw = np.zeros(len(times_s)) if jaw_px is None else np.asarray(jaw_px, dtype=float)
    for start, end in talk:
        inside = (times_s >= start) & (times_s < end)
        jaw[inside] = 2.0 * np.sin(5 * np.pi * (times_s[inside] - start)) ** 2
    shown = []
    for k, at in enumerate(times_s):
        units = tuple(
            UnitPose(move.unit, move.peak_px * float(level[k]), move.side)
            for one, level in zip(movements, levels, strict=True)
            for move in one.units
            if level[k] > 0
        )
        extra = 0.0 if shift is None else shift(at)
        sway = (sway_px * np.sin(0.9 * at) + extra, 0.5 * sway_px * np.sin(1.7 * at + 1))
        pose = Pose(units=units, eyes_closed=float(closed[k]), jaw_px=float(jaw[k]), shift_px=sway)
        noisy = camera_noise(face.frame(pose), rng)
        shown.append(noisy[..., 1])
    return np.stack(shown)


def clock(length_s, rate_hz=RATE_HZ):
    return np.arange(round(length_s * rate_hz)) / rate_hz


@lru_cache(maxsize=1)
def story():
    """The frames of `STORY` with blinks, at `RATE_HZ`."""
    return frames(clock(LENGTH_S), movements=STORY, blinks=BLINKS)


def write(path, pictures, times_s, *, key_s=1.0):
    """An H.264 film whose frames have their own times, to a millisecond; key frames every `key_s`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000, options={"preset": "ultrafast", "crf": "14"})
        stream.width, stream.height, stream.pix_fmt = pictures.shape[2], pictures.shape[1], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.gop_size = max(1, round(key_s / max(np.median(np.diff(times_s)), 1e-3)))
        for picture, at in zip(pictures, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray").reformat(
                format="yuv420p", src_color_range="JPEG", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = round(at * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def nothing(n):
    """A grey wall with camera noise, (n, SIDE, SIDE)."""
    rng = np.random.default_rng(0)
    return rng.normal(120, 3, size=(n, SIDE, SIDE)).clip(0, 255).astype(np.uint8)


def speech(times_s, span, *, seed=0, px=2.5):
    """Jaw openings of continuous talk within a span, (n,) px: syllables on a posture that drifts.

    Three to seven syllables a second, each of its own height, in phrases of three to nine with pauses of
    0.15 to 0.4 s; beneath them the jaw's posture wanders below 1.5 Hz (words run into each other), and it is
    the larger part: syllables make up 5 to 20 % of the variance, as in real sentences.
    """
    rng = np.random.default_rng([seed, 77])
    times_s = np.asarray(times_s, dtype=float)
    syllables, posture = np.zeros(len(times_s)), np.zeros(len(times_s))
    at, left = span[0], int(rng.integers(3, 10))
    while at < span[1] - 0.15:
        length = 1 / rng.uniform(3.0, 7.0)
        phase = np.clip((times_s - at) / length, 0, 1)
        syllables += px * rng.uniform(0.25, 0.8) * np.sin(np.pi * phase) ** 2
        at, left = at + 0.85 * length, left - 1
        if left == 0:
            at, left = at + rng.uniform(0.15, 0.4), int(rng.integers(3, 10))
    for rate in rng.uniform(0.3, 1.5, size=4):
        posture += 0.35 * px * np.sin(2 * np.pi * rate * times_s + rng.uniform(0, 2 * np.pi))
    inside = np.clip(np.minimum(times_s - span[0], span[1] - times_s) / 0.2, 0, 1)
    return np.maximum(inside * (0.8 * px + posture), 0) + syllables
