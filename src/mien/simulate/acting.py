"""What a face does at any instant of a clip: the script's movements, blinks, glances, words and the head.

Conventions: displacements in pixels on a face 128 px wide; times are true seconds on the master clock.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mien.simulate.faces import Pose, UnitPose
from mien.simulate.script import Interlude, Movement, Participant, Trial
from mien.simulate.settings import StudySettings
from mien.simulate.voices import Speaker, spoken, syllables

FloatArray = NDArray[np.float64]

_SACCADE_S = 0.04
BLINK_SHUT = 0.5 ** (1 / 0.7)  # share of a blink after which the eye is shut: lids fall faster than they rise
# Slow drift and physiological jitter of a head that its owner tries to keep still: Hz, px (both axes).
_SWAY = ((0.05, 0.9), (0.13, 0.5), (0.31, 0.25), (0.8, 0.06), (4.0, 0.015), (8.5, 0.01))
_ROLL_RAD, _NOD = 0.006, 0.004


def intensity(movement: Movement, times_s: FloatArray) -> FloatArray:
    """Share of the apex displacement at each time: 0 at onset and offset, 1 at the apex, smooth between.

    Rise and fall are half cosines: velocity is 0 at all three marks, so that marks at the earliest
    visible change lie a little inside, as coders' marks do.
    """
    rise = (times_s - movement.onset_s) / (movement.apex_s - movement.onset_s)
    fall = (movement.offset_s - times_s) / (movement.offset_s - movement.apex_s)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(np.minimum(rise, fall), 0.0, 1.0)))


def act(
    participant: Participant, trial: Trial, settings: StudySettings, times_s: FloatArray
) -> Iterator[Pose]:
    """The pose of the face at each time, in order."""
    levels = [intensity(movement, times_s) for movement in trial.movements]
    closed = _closed(trial, times_s)
    looks = gaze(trial, times_s)
    jaw = _jaw(participant, trial, settings, times_s)
    sway = _sway(participant.stream(6, trial.number), times_s)
    for k in range(times_s.size):
        yield Pose(
            units=tuple(
                UnitPose(move.unit, move.peak_px * float(level[k]), move.side)
                for movement, level in zip(trial.movements, levels, strict=True)
                if level[k] > 0
                for move in movement.units
            ),
            eyes_closed=float(closed[k]),
            gaze=(float(looks[0, k]), float(looks[1, k])),
            jaw_px=float(jaw[k]),
            shift_px=(float(sway[0, k]), float(sway[1, k])),
            roll_rad=float(sway[2, k]),
            scale=1.0 + float(sway[3, k]),
        )


def _closed(trial: Trial, times_s: FloatArray) -> FloatArray:
    """How far the eyes are closed, 0 to 1: lids fall faster than they rise."""
    closed = np.zeros(times_s.size)
    for blink in _of(trial, "blink"):
        phase = np.clip((times_s - blink.start_s) / (blink.end_s - blink.start_s), 0.0, 1.0)
        closed = np.maximum(closed, lid(phase))
    return closed


def lid(phase: FloatArray) -> FloatArray:
    """How far the lid has fallen at each share (0 to 1) of a blink; shut at `BLINK_SHUT`."""
    return _bump(np.clip(phase, 0.0, 1.0) ** 0.7)


def _bump(phase: FloatArray) -> FloatArray:
    """0 at both ends, 1 in the middle: exactly 0 outside, where a face then costs nothing to draw."""
    return np.where((phase > 0) & (phase < 1), np.sin(np.pi * phase) ** 2, 0.0)


def gaze(trial: Trial, times_s: FloatArray) -> FloatArray:
    """Where the irises are, (2, n) px from straight ahead; one glance follows another without adding up."""
    looks, weight = np.zeros((2, times_s.size)), np.zeros(times_s.size)
    for glance in _of(trial, "glance"):
        away = np.clip((times_s - glance.start_s) / _SACCADE_S, 0.0, 1.0)
        away *= np.clip((glance.end_s - times_s) / _SACCADE_S, 0.0, 1.0)
        looks = np.where(away > weight, away * np.array([[glance.x_px], [glance.y_px]]), looks)
        weight = np.maximum(weight, away)
    return looks


def _jaw(participant: Participant, trial: Trial, settings: StudySettings, times_s: FloatArray) -> FloatArray:
    """Opening of the jaw in px: one opening per syllable, the same syllables as in the voice."""
    jaw = np.zeros(times_s.size)
    way = spoken(participant, trial, settings)
    speaker = Speaker.of(participant)
    for talk in _of(trial, "talk"):
        for onset in syllables(speaker, talk, way, participant.stream(10, trial.number)):
            phase = np.clip((times_s - onset) * speaker.pace_hz * way.pace, 0.0, 1.0)
            jaw += talk.x_px * _bump(phase)
    return jaw


def _sway(rng: np.random.Generator, times_s: FloatArray) -> FloatArray:
    """Head motion (4, n): shift in x and y in px, roll in radians, relative change of size."""
    sway = np.zeros((4, times_s.size))
    for hz, size in _SWAY:
        amplitude = size * rng.normal(1.0, 0.3, size=4)
        rate, phase = hz * rng.uniform(0.8, 1.2, size=4), rng.uniform(0.0, 2 * np.pi, size=4)
        sway += amplitude[:, None] * np.sin(2 * np.pi * np.outer(rate, times_s) + phase[:, None])
    return sway * np.array([[1.0], [0.7], [_ROLL_RAD], [_NOD]])


def _of(trial: Trial, what: str) -> list[Interlude]:
    return [interlude for interlude in trial.interludes if interlude.what == what]
