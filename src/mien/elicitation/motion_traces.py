"""What a monitor sees of a participant, and how that compares with the participant's own quiet watching.

Conventions: times in seconds of the session's clock. Head, body and face are speeds in face widths per
second, 0 or more; NaN where they could not be measured, never 0. A face width is the distance of the eyes'
centres divided by 0.38, what a face detector's box is wide on average: about 16 cm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mien.core.errors import DataError

Trace = Literal["head", "body", "face"]
TRACES: tuple[Trace, ...] = get_args(Trace)

# No spread is taken to be smaller than this (face widths per second): somebody who sits like a statue, or a
# picture that stands still, would make every tremor a great movement.
LEAST_SPREAD: Mapping[Trace, float] = {"head": 0.003, "body": 0.004, "face": 0.0005}
LEAST_SAMPLES, LEAST_SECONDS, LEAST_SHARE = 30, 3.0, 0.5
_MOST_STEP_S = 0.5


@dataclass(frozen=True, slots=True)
class MotionSample:
    """Speeds at one time; `found` whether a face was followed there. Body may be NaN beside a found face."""

    time_s: float
    head: float
    body: float
    face: float
    found: bool


@dataclass(frozen=True, slots=True)
class RelativeMotion:
    """The same in spreads above the baseline's median; below it is negative, NaN where not measured."""

    time_s: float
    head: float
    body: float
    face: float
    found: bool


@dataclass(frozen=True, slots=True)
class Level:
    """Median and spread (1.4826 times the median absolute deviation, floored) of one trace."""

    median: float
    spread: float


@dataclass(frozen=True, slots=True)
class MotionBaseline:
    """How a participant moves while watching something neutral; `seconds` is how long it was measured."""

    head: Level
    body: Level
    face: Level
    n_samples: int
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The same as JSON types; a level that was never measured is null."""
        levels: dict[str, object] = {name: _level_json(getattr(self, name)) for name in TRACES}
        return {**levels, "n_samples": self.n_samples, "seconds": self.seconds}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> MotionBaseline:
        """A baseline of what `as_json` wrote; raises DataError for anything else."""
        try:
            levels = {name: _level(value[name]) for name in TRACES}
            n_samples, seconds = int(value["n_samples"]), float(value["seconds"])  # type: ignore[call-overload,arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                "baseline",
                wanted="median and spread of head, body and face",
                got=str(value)[:120],
                remedy="measure it again",
            ) from error
        return cls(levels["head"], levels["body"], levels["face"], n_samples, seconds)


def _level_json(level: Level) -> dict[str, float] | None:
    return None if math.isnan(level.median) else {"median": level.median, "spread": level.spread}


def _level(value: object) -> Level:
    if value is None:
        return Level(math.nan, math.nan)
    if not isinstance(value, Mapping):
        raise TypeError("no level")
    median, spread = float(value["median"]), float(value["spread"])
    if not (math.isfinite(median) and 0 < spread < math.inf):
        raise ValueError("no spread")
    return Level(median, spread)


def measure_baseline(samples: Iterable[MotionSample]) -> MotionBaseline:
    """The baseline of some seconds of neutral watching, best 15 s or more.

    Medians: blinks and a single movement in between change little. A trace that could not be measured at
    all, as the body below the picture's edge, has NaN and never leads to a reminder.

    Raises
    ------
    DataError
        If there are fewer than 30 samples or 3 seconds, or the face was found in less than half of them.
    """
    taken = list(samples)
    found = [sample for sample in taken if sample.found]
    times = [sample.time_s for sample in taken]
    seconds = float(np.minimum(np.diff(times), _MOST_STEP_S).sum()) if len(times) > 1 else 0.0
    if len(taken) < LEAST_SAMPLES or seconds < LEAST_SECONDS:
        raise DataError(
            "baseline",
            wanted=f"{LEAST_SECONDS:g} s and {LEAST_SAMPLES} samples of quiet watching, or more",
            got=f"{len(taken)} samples in {seconds:.1f} s",
            remedy="measure longer, or see whether the camera runs",
        )
    if len(found) < LEAST_SHARE * len(taken):
        raise DataError(
            "baseline",
            wanted="a face in half of the samples, or more",
            got=f"one in {len(found)} of {len(taken)}",
            remedy="see that the face is lit, upright and wholly in the picture, then measure again",
        )
    head, body, face = (_measured(name, found) for name in TRACES)
    return MotionBaseline(head, body, face, len(found), seconds)


def _measured(name: Trace, samples: list[MotionSample]) -> Level:
    values = np.array([getattr(sample, name) for sample in samples])
    values = values[np.isfinite(values)]
    if values.size < LEAST_SAMPLES / 2:
        return Level(math.nan, math.nan)
    median = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - median)))
    return Level(median, max(spread, LEAST_SPREAD[name]))


def relative(sample: MotionSample, baseline: MotionBaseline) -> RelativeMotion:
    """A sample in spreads above the baseline's median: (value - median) / spread, trace by trace."""
    head, body, face = (
        (getattr(sample, name) - getattr(baseline, name).median) / getattr(baseline, name).spread
        for name in TRACES
    )
    return RelativeMotion(sample.time_s, head, body, face, sample.found)
