"""What the heart-rate filter knows of a trial: its span, and the slope of the heart rate around it.

Times are seconds on the recorder's clock, the rate is bpm, its slope bpm per second at 4 Hz. The heart rate
of a whole recording serves all of its trials, so that no trial has an edge of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.signals import physio

Source = Literal["ecg", "ppg", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class Heart:
    """The slope of one recording's heart rate (bpm/s, 4 Hz), and where it comes from.

    `source` "ppg" means pulse rate standing in for heart rate. `slope` is None where no rate can be told;
    `reason` says why, or why the pulse stands in. `rate` (bpm, 4 Hz) is there to be shown; nothing is judged
    by it.
    """

    slope: Signal | None
    source: Source
    reason: str = ""
    rate: Signal | None = None


def heart_from_beats(beats_s: ArrayLike, *, source: Source = "ecg") -> Heart:
    """The heart of beat times, shape (n_beats,), seconds, increasing; without a slope where they are too few.

    Raises DataError for times that are not finite and increasing.
    """
    beats = np.asarray(beats_s, dtype=np.float64)
    if beats.ndim == 1 and beats.size < 3:
        return Heart(None, source, f"{beats.size} beats, wanted 3 or more")
    physio.clean_intervals(beats)  # refuses what are no beats, before too few valid ones are forgiven
    try:
        rate = physio.heart_rate(beats)
        return Heart(physio.heart_rate_slope(rate), source, rate=rate)
    except DataError as error:
        return Heart(None, source, f"no heart rate from {beats.size} beats, got {error.got}")


def heart_from_signals(*, ecg: Signal | None = None, ppg: Signal | None = None) -> Heart:
    """The heart of a recording from its ECG, or from its pulse where the ECG is absent or gives no rate.

    Each is cleaned by its recommended recipe. Raises DataError for a channel in a unit that is none of its
    kind.
    """
    why = []
    for source, channel, room in (("ecg", ecg, physio.ecg), ("ppg", ppg, physio.ppg)):
        if channel is None:
            why.append(f"no {source}")
            continue
        found = heart_from_beats(room.peaks(room.clean(channel)), source=source)  # type: ignore[arg-type]
        if found.slope is not None:
            return Heart(found.slope, found.source, "; ".join(why), found.rate)
        why.append(f"{source}: {found.reason}")
    return Heart(None, "none", "; ".join(why))


@dataclass(frozen=True, slots=True, eq=False)
class HeartTrial:
    """One trial: its span in seconds on the heart's clock, and the heart of its recording."""

    span: Interval
    heart: Heart
