"""What is right with a camera's pictures of a room, and what is to be done where it is not.

Every limit stands below with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.room_pictures import (
    FacesFound,
    Small,
    background_mask,
    find_faces,
    light_of_face,
    measure_flicker,
    moving_share,
)
from mien.signals.face.finding import FaceFinder

LUMA_RANGE = (40.0, 215.0)
"""Mean luma of a face: dark skin in good light lies above, and neither end is near a limit of the sensor."""
MOST_CLIPPED = 0.02
"""Of a face's pixels at 252 and more, where no movement can be seen; pupils and hair may be black: 0.2."""
_MOST_DARK = 0.2
MOST_FLICKER = 1.0
"""Amplitude in % of the light: 1 % of a luma of 128 is 1.3 levels, which at a face's usual gradients (10
levels a pixel) look like a movement of 0.13 px, a tenth of a micro-expression's."""
LEAST_FACE_PX = 128.0
"""Width of a face: methods work on faces of 128 x 128 pixels, and a smaller one would have to be enlarged."""
_LEAST_FOUND, _MOST_SEVERAL = 0.9, 0.2  # of the pictures that are searched
MOVING_LEVELS, MOST_MOVING = 12.0, 0.02
"""Luma by which a still background does not range (noise: 2 to 6 after averaging), and the share that may."""
LEAST_RATE_HZ = 24.0
"""Frames per second: at fewer, a micro-expression of 1/5 s has an onset of one or two frames."""
MOST_RATE_ERROR = 0.03
"""Measured against stated rate: one frame more or less in 3 s of 30 a second is 1 %."""
_MOST_JITTER = 1.0  # frame periods, standard deviation


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was checked: its name, whether it passed, a sentence, and the number with its unit."""

    name: str
    passed: bool
    sentence: str
    value: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class SeenRoom:
    """Stamps and counters of all frames, small pictures of them, some whole ones; what the camera lost."""

    stamps_s: NDArray[np.float64]
    counters: NDArray[np.int64]
    small: Small
    whole: list[CameraFrame]
    n_lost: int

    def even_s(self) -> NDArray[np.float64]:
        """When frames were taken, by the line through their arrival over the camera's counter."""
        numbers = (self.counters - self.counters[0]).astype(np.float64)
        line = np.polyfit(numbers, self.stamps_s - self.stamps_s[0], 1)
        return np.asarray(np.polyval(line, numbers) + self.stamps_s[0], dtype=np.float64)


def judge_pictures(seen: SeenRoom, stated_hz: float | None, finder: FaceFinder) -> list[CheckResult]:
    """Exposure, flicker, face, background, frame-rate and dropped-frames, in this order."""
    faces = find_faces(seen.whole, finder)
    scale = seen.small.shape[2] / seen.whole[0].image.shape[1]
    still = background_mask((seen.small.shape[1], seen.small.shape[2]), faces.box, scale)
    return [
        _exposure(seen.whole[len(seen.whole) // 2], faces),
        _flicker(seen, still),
        _face(faces),
        _background(seen, still),
        _rate(stated_hz, seen),
        _dropped(seen),
    ]


def _exposure(frame: CameraFrame, faces: FacesFound) -> CheckResult:
    light = light_of_face(frame, faces.box)
    where = "the face" if faces.box else "the picture's middle"
    low, high = LUMA_RANGE
    if light.mean < low or light.dark > _MOST_DARK:
        told = f"{where} is too dark ({light.mean:.0f} of 255): add light, or open the camera's aperture"
    elif light.mean > high or light.bright > MOST_CLIPPED:
        told = (
            f"{where} is too bright ({light.mean:.0f} of 255, {light.bright:.0%} of its pixels at the "
            "limit): take light away, or shorten the camera's exposure"
        )
    else:
        return CheckResult("exposure", True, f"{first_up(where)} is well lit.", light.mean, "of 255")
    return CheckResult("exposure", False, f"{first_up(told)}.", light.mean, "of 255")


def _flicker(seen: SeenRoom, still: NDArray[np.bool_]) -> CheckResult:
    usable = still if still.mean() > 0.05 else np.ones_like(still)
    flicker = measure_flicker(seen.small, seen.even_s(), usable)
    if flicker.percent <= MOST_FLICKER:
        sentence = f"The light is even (within {flicker.percent:.1f} %)."
        return CheckResult("flicker", True, sentence, flicker.percent, "%")
    sentence = (
        f"The light flickers by {flicker.percent:.1f} % at {flicker.hz:.1f} Hz as the camera sees it: use "
        "lamps on direct current, or an exposure of whole half-periods of the mains (10 ms at 50 Hz)."
    )
    return CheckResult("flicker", False, sentence, flicker.percent, "%")


def _face(faces: FacesFound) -> CheckResult:
    if faces.share < _LEAST_FOUND:
        told = f"A face was found in {faces.share:.0%} of the pictures only: seat the participant frontally, \
lit from the front"
    elif faces.several > _MOST_SEVERAL:
        told = "More than one face is in the picture: only the participant may be seen"
    elif faces.width_px < LEAST_FACE_PX:
        told = (
            f"The face is {faces.width_px:.0f} px wide, less than {LEAST_FACE_PX:.0f}: bring the camera "
            "nearer, zoom in, or choose more pixels"
        )
    else:
        sentence = f"One face, {faces.width_px:.0f} px wide."
        return CheckResult("face", True, sentence, faces.width_px, "px")
    return CheckResult("face", False, f"{told}.", faces.width_px, "px")


def _background(seen: SeenRoom, still: NDArray[np.bool_]) -> CheckResult:
    share = 100 * moving_share(seen.small, still, least=MOVING_LEVELS)
    if np.isnan(share):
        return CheckResult("background", True, "The face fills the picture.", None, "%")
    if share <= 100 * MOST_MOVING:
        return CheckResult("background", True, "The background is still.", share, "%")
    sentence = (
        f"{share:.0f} % of the background moves: nobody may pass behind the participant, and curtains and "
        "screens there should be taken away."
    )
    return CheckResult("background", False, sentence, share, "%")


def _rate(stated_hz: float | None, seen: SeenRoom) -> CheckResult:
    """By the camera's counter, so that lost frames do not count twice."""
    even_s = seen.even_s()
    period_s = (even_s[-1] - even_s[0]) / max(1, seen.counters[-1] - seen.counters[0])
    rate_hz = 1 / period_s if period_s > 0 else float("nan")
    jitter_ms = 1000 * float(np.std(seen.stamps_s - even_s))
    told = f"{rate_hz:.1f} frames/s, jitter of arrival {jitter_ms:.1f} ms"
    if stated_hz is not None and not abs(rate_hz / stated_hz - 1) <= MOST_RATE_ERROR:
        told = (
            f"The camera gives {rate_hz:.1f} frames/s instead of {stated_hz:g}: add light (webcams slow "
            "down in the dark), use its own USB port, or choose a rate that it keeps"
        )
    elif not rate_hz >= LEAST_RATE_HZ:
        told = f"The camera gives {rate_hz:.1f} frames/s, fewer than {LEAST_RATE_HZ:g}: choose a faster rate"
    elif jitter_ms > _MOST_JITTER * 1000 * period_s:
        told = f"Frames arrive unevenly ({jitter_ms:.0f} ms): close other programs, or use another USB port"
    else:
        return CheckResult("frame-rate", True, f"{first_up(told)}.", rate_hz, "Hz")
    return CheckResult("frame-rate", False, f"{told}.", rate_hz, "Hz")


def _dropped(seen: SeenRoom) -> CheckResult:
    """By the camera's counter; what a webcam, which has none, loses shows in its rate."""
    n_lost = seen.n_lost
    if not n_lost:
        return CheckResult("dropped-frames", True, "No frame was lost.", 0.0, "frames")
    sentence = (
        f"{n_lost} of {n_lost + len(seen.stamps_s)} frames were lost: use a USB port of its own, a shorter "
        "cable, a lower rate or fewer pixels."
    )
    return CheckResult("dropped-frames", False, sentence, float(n_lost), "frames")


def first_up(text: str) -> str:
    """A sentence's beginning."""
    return text[:1].upper() + text[1:]
