"""Films that stand in for clips: moving patterns, so that a session can be rehearsed before there are any."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from mien.core.labels import SEVEN_EMOTIONS
from mien.elicitation.new_study import ListedClip
from mien.recording.formats import VideoWriter

_WIDTH, _HEIGHT, _RATE_HZ = 640, 360, 25
_HUES = {
    "happiness": (250, 200, 60), "surprise": (240, 120, 200), "sadness": (70, 100, 170),
    "anger": (190, 40, 40), "disgust": (110, 130, 50), "fear": (80, 60, 110), "contempt": (140, 140, 120),
}  # fmt: skip
_CALM = (128, 128, 128)


def simulate_clips(
    folder: Path,
    *,
    per_emotion: int = 1,
    emotions: tuple[str, ...] = SEVEN_EMOTIONS[:6],
    seconds: float = 8.0,
    neutral_s: float = 4.0,
) -> list[ListedClip]:
    """Write clips for trials, one for practice and a calm one; the same arguments give the same films."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, word in enumerate(word for word in emotions for _ in range(per_emotion)):
        path = folder / f"{word}_{number % per_emotion + 1}.mp4"
        _film(path, seconds, _HUES.get(word, _CALM), speed=0.6 + 0.2 * number)
        found.append(ListedClip(path, word, "trial"))
    for role, length in (("practice", seconds), ("neutral", neutral_s)):
        path = folder / f"{role}.mp4"
        _film(path, length, _CALM, speed=0.2)
        found.append(ListedClip(path, None, role, name=f"{role}-1"))  # type: ignore[arg-type]
    return found


def _film(path: Path, seconds: float, hue: tuple[int, int, int], *, speed: float) -> None:
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    with VideoWriter(path, width=_WIDTH, height=_HEIGHT, rate_hz=Fraction(_RATE_HZ), quality=26) as film:
        for n in range(round(seconds * _RATE_HZ)):
            at = 2 * np.pi * n / _RATE_HZ
            wave = np.sin(x / 60 + speed * at) + np.sin(y / 45 - 0.7 * speed * at)
            share = (0.75 + 0.12 * wave)[..., None]
            film.write(np.clip(share * np.array(hue, dtype=np.float32), 0, 255).astype(np.uint8))
