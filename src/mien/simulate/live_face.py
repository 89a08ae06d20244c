"""The face of a live person at any instant of the script, restless head and shoulders included.

Conventions as in `faces` and `acting`: pixels of a `Posture` are those of a face 128 px wide. A shift of the
body moves the whole picture of the person; a head that turns, nods or fidgets moves above the neck alone, and
a turn out of the picture's plane moves the middle of the face farther than its outline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.simulate.acting import act
from mien.simulate.faces import REFERENCE_FACE_PX, FaceRenderer, Frame, Identity, Pose, camera_noise
from mien.simulate.live_script import LiveScript, LiveSettings, RestlessSpan
from mien.simulate.script import Trial

FloatArray = NDArray[np.float64]
_DEPTH = 0.5  # how far the nose lies before the outline, share of the face's width
_NECK = 0.3  # over which the head's motion dies away below the chin, share of the face's width
_FARTHEST_PX = 14.0  # of the body from the middle


@dataclass(frozen=True, slots=True)
class Posture:
    """Where body and head are: shift and size of the whole person; turn, nod and shift of the head alone."""

    body_px: tuple[float, float] = (0.0, 0.0)
    size: float = 1.0
    turn_rad: float = 0.0
    nod_rad: float = 0.0
    head_px: tuple[float, float] = (0.0, 0.0)

    @property
    def head_rests(self) -> bool:
        """Whether the head does nothing of its own."""
        return self.turn_rad == 0 and self.nod_rad == 0 and self.head_px == (0.0, 0.0)


def _ease(share: float) -> float:
    """0 to 1 with no speed at either end."""
    return 0.5 - 0.5 * float(np.cos(np.pi * min(max(share, 0.0), 1.0)))


class LiveFace:
    """Pictures of one live person; not for use by several threads at once."""

    def __init__(self, script: LiveScript, settings: LiveSettings) -> None:
        self._script, self._settings = script, settings
        identity = Identity.draw(script.person.stream(13))
        self.renderer = FaceRenderer(identity, frame_px=settings.frame_px, face_px=settings.face_px)
        self._noise = script.person.stream(14, 1)
        line = np.arange(settings.frame_px, dtype=np.float32)
        self._x, self._y = line[None, :], line[:, None]
        self._px = settings.face_px / REFERENCE_FACE_PX
        self._postures = _places(script.restless)
        self._near = lru_cache(maxsize=4)(self._trial_near)

    def picture(self, at_s: float) -> Frame:
        """What the camera sees at a time of the script, (frame_px, frame_px, 3) RGB with its noise."""
        posture = self.posture(at_s)
        pose = next(act(self._script.person, self._near(int(at_s)), self._settings.study, np.array([at_s])))
        pose = _placed(pose, posture)
        frame = self.renderer.frame(pose)
        if not posture.head_rests:
            frame = self._turned(frame, pose, posture)
        return camera_noise(frame, self._noise, sd=self._settings.noise_sd)

    def posture(self, at_s: float) -> Posture:
        """Where body and head are at a time of the script."""
        x, y, size = 0.0, 0.0, 1.0
        for span, (to_x, to_y, to_size) in self._postures:
            if at_s <= span.start_s:
                break
            share = _ease((at_s - span.start_s) / (span.end_s - span.start_s))
            x, y, size = x + share * (to_x - x), y + share * (to_y - y), size + share * (to_size - size)
        resting = Posture((x, y), size)
        for span in self._script.restless:
            if span.start_s < at_s < span.end_s:
                return _restless(resting, span, at_s)
        return resting

    def _trial_near(self, second: int) -> Trial:
        """What happens around one second of the script: acting it out costs as much as there is."""
        trial, low, high = self._script.trial, second - 0.1, second + 1.1
        return replace(
            trial,
            movements=tuple(m for m in trial.movements if m.onset_s < high and low < m.offset_s),
            interludes=tuple(i for i in trial.interludes if i.start_s < high and low < i.end_s),
        )

    def _turned(self, frame: Frame, pose: Pose, posture: Posture) -> Frame:
        """The picture with the head moved alone."""
        import cv2

        wide = self._settings.face_px * pose.scale
        eyes = np.mean(self.renderer.eyes, axis=0)
        middle = (self._settings.frame_px - 1) / 2
        shift = np.array(pose.shift_px) * self._px
        face = np.array([eyes[0], eyes[1] + 0.25 * self._settings.face_px])
        at = (face - middle) * pose.scale + middle + shift
        chin = (self.renderer.landmarks["chin"][1] - middle) * pose.scale + middle + shift[1]
        x, y = (self._x - np.float32(at[0])) / wide, (self._y - np.float32(at[1])) / wide
        depth = np.sqrt(np.maximum(1 - (x / 0.62) ** 2 - (y / 0.8) ** 2, 0.0)) * _DEPTH
        held = np.clip((np.float32(chin) - self._y) / (_NECK * wide) + 1.0, 0.0, 1.0)
        held = held * held * (3 - 2 * held)
        turn, nod = np.sin(posture.turn_rad), np.sin(posture.nod_rad)
        go_x = posture.head_px[0] * self._px + wide * turn * (depth + 0.1)
        go_y = posture.head_px[1] * self._px + wide * nod * (depth + 0.1)
        map_x = (self._x - held * go_x).astype(np.float32)
        map_y = (self._y - held * go_y).astype(np.float32)
        moved = cv2.remap(frame, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, dtype=np.uint8)


def _placed(pose: Pose, posture: Posture) -> Pose:
    x, y = pose.shift_px
    return replace(
        pose, shift_px=(x + posture.body_px[0], y + posture.body_px[1]), scale=pose.scale * posture.size
    )


def _places(spans: tuple[RestlessSpan, ...]) -> list[tuple[RestlessSpan, tuple[float, float, float]]]:
    """Every body shift with the place and size it leads to; no place is far from the middle."""
    found, x, y = [], 0.0, 0.0
    for span in spans:
        if span.kind != "body shift":
            continue
        rng = np.random.default_rng(span.seed)
        angle = rng.uniform(-0.35, 0.35) + (np.pi if x > 0 else 0.0)  # people shift sideways, to and fro
        x = float(np.clip(x + span.size * np.cos(angle), -_FARTHEST_PX, _FARTHEST_PX))
        y = float(np.clip(y + 0.6 * span.size * np.sin(angle), -6.0, 6.0))
        found.append((span, (x, y, float(rng.uniform(0.96, 1.05)))))
    return found


def _restless(resting: Posture, span: RestlessSpan, at_s: float) -> Posture:
    """The posture within a restless span."""
    since, left = at_s - span.start_s, span.end_s - at_s
    rng = np.random.default_rng(span.seed)
    if span.kind == "head turn":
        way = min(float(rng.uniform(0.4, 0.8)), 0.5 * (since + left))
        return replace(resting, turn_rad=np.radians(span.size) * _ease(since / way) * _ease(left / way))
    if span.kind == "nod":
        n = max(1, round((since + left) * float(rng.uniform(1.0, 1.8))))
        swing = np.sin(2 * np.pi * n * since / (since + left)) * _ease(4 * since) * _ease(4 * left)
        return replace(resting, nod_rad=np.radians(span.size) * float(swing))
    if span.kind == "fidgeting":
        return replace(resting, head_px=_fidget(rng, span, since))
    return resting


def _fidget(rng: np.random.Generator, span: RestlessSpan, since_s: float) -> tuple[float, float]:
    """Small jerks of the head from place to place, in the end back to where it was."""
    x = y = time = 0.0
    length = span.end_s - span.start_s
    while True:
        takes, rests = float(rng.uniform(0.25, 0.45)), float(rng.uniform(0.1, 0.6))
        angle = float(rng.uniform(0, 2 * np.pi))
        last = time + takes + rests + 0.45 > length
        if last:
            takes = length - time
        to_x, to_y = (0.0, 0.0) if last else (span.size * np.cos(angle), 0.6 * span.size * np.sin(angle))
        if last or since_s < time + takes + rests:
            share = _ease((since_s - time) / takes)
            return float(x + share * (to_x - x)), float(y + share * (to_y - y))
        x, y, time = to_x, to_y, time + takes + rests
