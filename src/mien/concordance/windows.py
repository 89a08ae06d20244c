"""The windows before and after expressions, why some are left out, and where moved apexes would lie.

Conventions: position 0 is where the expression was coded. At the others all expressions of its trial are
moved together by one random amount, round the end of the trial to its beginning (a circular shift).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.concordance.people import ParticipantData
from mien.concordance.settings import Settings
from mien.core.expression import Expression
from mien.core.time import FloatArray, IntArray, Interval

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-trial": "the beginning or the end of the trial is not known",
        "outside-trial": "a window reaches out of the trial",
        "other-expression": "another expression lies in the windows",
        "clock-step": "the recorder's clock steps inside a window",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """The expressions whose anchor is known, in order of time: shapes (n,), master seconds."""

    trials: IntArray
    kinds: NDArray[np.str_]
    times_s: FloatArray
    spans_s: FloatArray  # (n, 2), onset to the latest time that was observed

    def __len__(self) -> int:
        return len(self.times_s)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Pairs of windows of n anchors at several positions.

    `centres_s` has shape (n, positions); `bounds_s` (n, positions, n_windows, 2 sides, 2) holds start and
    end, side 0 before and 1 after; `reasons` (n, positions, n_windows) is "" where both are to be measured.
    """

    centres_s: FloatArray
    bounds_s: FloatArray
    reasons: NDArray[np.str_]


def anchors_of(person: ParticipantData, settings: Settings) -> tuple[Anchors, dict[str, int]]:
    """Every expression that can be compared, and how many cannot: no anchor was observed, kind undecided."""
    rows, left_out = [], dict(person.unused)
    for trial, expression in person.expressions:
        at = expression.apex_s if settings.anchor == "apex" else expression.onset_s
        why = "no-apex" if at is None else "undecided-kind" if expression.kind is None else None
        if at is not None and why is None and _reminded(person, at, settings):
            why = "reminder"
        if why is not None:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            rows.append((at, trial, expression.kind, *_span(expression)))
    rows.sort(key=lambda row: row[:2])
    return Anchors(
        trials=np.array([row[1] for row in rows], dtype=np.int64),
        kinds=np.array([row[2] for row in rows], dtype="U5"),
        times_s=np.array([row[0] for row in rows], dtype=np.float64),
        spans_s=np.array([row[3:] for row in rows], dtype=np.float64).reshape(-1, 2),
    ), left_out


def _reminded(person: ParticipantData, at_s: float, settings: Settings) -> bool:
    """Whether somebody reminded the participant around this moment."""
    distance = settings.from_reminder_s
    return distance is not None and any(abs(at_s - sent) < distance for sent in person.reminders_s)


def _span(expression: Expression) -> tuple[float, float]:
    known = (expression.offset_s, expression.apex_s, expression.onset_s)
    return expression.onset_s, next(time for time in known if time is not None)


def plan_windows(
    person: ParticipantData, anchors: Anchors, shifts_s: Mapping[int, FloatArray], settings: Settings
) -> Windows:
    """The windows of every anchor where it was coded and after each shift of its trial.

    Parameters
    ----------
    shifts_s
        Trial number -> amounts in seconds, the same number for every trial; position 0 is added.
    """
    steps = _steps(anchors, shifts_s)
    trials = [person.trials.get(int(trial)) for trial in anchors.trials]
    centres = _moved(anchors.times_s, trials, steps)
    arms = np.asarray(settings.arms_s)
    first, last = centres[..., None] - arms, centres[..., None] + arms
    middle = np.broadcast_to(centres[..., None], first.shape)
    bounds = np.stack([np.stack([first, middle], axis=-1), np.stack([middle, last], axis=-1)], axis=-2)
    reasons = np.full(first.shape, "", dtype="U20")
    reasons[_others_inside(person, anchors, trials, steps, first, last, settings)] = "other-expression"
    if settings.within_trial:
        start, end = _edges(trials)
        reasons[(first < start[:, None, None]) | (last > end[:, None, None])] = "outside-trial"
    unknown = np.array([trial is None for trial in trials], dtype=np.bool_)
    # Without a trial, the place where the expression was coded is still known, the others are not.
    reasons[unknown, 0 if settings.within_trial else 1 :] = "no-trial"
    return Windows(centres, bounds, reasons)


def _steps(anchors: Anchors, shifts_s: Mapping[int, FloatArray]) -> FloatArray:
    """Shifts of every anchor, position 0 first, shape (n, positions)."""
    amounts = {trial: np.concatenate([[0.0], by]) for trial, by in shifts_s.items()}
    length = max((len(by) for by in amounts.values()), default=1)
    rows = [amounts.get(int(trial), np.zeros(length)) for trial in anchors.trials]
    return np.array(rows, dtype=np.float64).reshape(len(anchors), length)


def _edges(trials: list[Interval | None]) -> tuple[FloatArray, FloatArray]:
    start = [np.nan if trial is None else trial.start_s for trial in trials]
    end = [np.nan if trial is None else trial.end_s for trial in trials]
    return np.array(start, dtype=np.float64), np.array(end, dtype=np.float64)


def _moved(times_s: FloatArray, trials: list[Interval | None], steps: FloatArray) -> FloatArray:
    """Times after each shift, round the end of their trial; a step of 0 leaves them. Shape of `steps`."""
    start, end = (edge[:, None] for edge in _edges(trials))
    with np.errstate(invalid="ignore"):
        round_ = start + np.mod(times_s[:, None] + steps - start, end - start)
    return np.where((steps == 0) | ~np.isfinite(round_), times_s[:, None], round_)


def _others_inside(
    person: ParticipantData,
    anchors: Anchors,
    trials: list[Interval | None],
    steps: FloatArray,
    first: FloatArray,
    last: FloatArray,
    settings: Settings,
) -> NDArray[np.bool_]:
    """Whether another expression that counts overlaps [first, last), shape of `first`.

    Expressions of the anchor's own trial move with it, those of other trials stay.
    """
    found = np.zeros(first.shape, dtype=np.bool_)
    for trial, expression in person.expressions:
        if settings.others == "micro" and expression.kind == "macro":
            continue
        onset, end = _span(expression)
        itself = (anchors.spans_s == (onset, end)).all(axis=1) & (anchors.trials == trial)
        together = anchors.trials == trial
        begun = _moved(np.full(len(anchors), onset), trials, np.where(together[:, None], steps, 0.0))
        length = end - onset
        inside = (begun[..., None] < last) & (begun[..., None] + length >= first)
        # What runs over the end of the trial goes on at its beginning.
        start, stop = (edge[:, None, None] for edge in _edges(trials))
        wrapped = begun[..., None] - (stop - start)
        moved = (steps != 0)[..., None] & together[:, None, None]
        with np.errstate(invalid="ignore"):
            inside |= moved & (wrapped < last) & (wrapped + length >= first)
        found |= inside & ~itself[:, None, None]
    return found
