"""People who judge: two coders of the same videos with known disagreement, and raters of the stimuli.

A coder sees frames, not time: marks are frame numbers, off by a few frames, with units overlooked or added.
How often is set here, so that agreement measured from their tables can be checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import ActionUnit, is_micro
from mien.core.labels import ACTION_UNITS
from mien.dataset.tables import spell_action_units
from mien.simulate.script import FEELING, Movement, Participant, Trial, clip_table
from mien.simulate.settings import StudySettings

CODERS = ("A", "B")


@dataclass(frozen=True, slots=True)
class Habits:
    """How a coder errs: what is overlooked (probabilities), how far marks are off (standard deviations, s).

    The defaults let two coders agree on action units to about .84 (MMME section 3.5, Dice).
    """

    sees_micro: float = 0.92
    sees_macro: float = 0.98
    onset_s: float = 0.012
    apex_s: float = 0.012
    offset_s: float = 0.020
    keeps_unit: float = 0.88
    adds_unit: float = 0.08
    other_emotion: float = 0.05
    no_offset: float = 0.08  # the return to neutral was not seen: offset = apex in the table
    false_alarms_per_trial: float = 0.04


@dataclass(frozen=True, slots=True)
class Coded:
    """One row of a coder's table; frames count from 0 in the clip's video. `movement` is the true one."""

    trial: int
    onset_frame: int
    apex_frame: int
    offset_frame: int
    kind: str
    action_units: tuple[ActionUnit, ...]
    emotion: str
    movement: int | None


def code_trial(
    trial: Trial,
    frames_s: NDArray[np.float64],
    emotions: tuple[str, ...],
    rng: np.random.Generator,
    habits: Habits,
) -> list[Coded]:
    """What one coder writes down about one clip, whose frames were exposed at `frames_s` (n_frames,)."""
    rows = []
    for number, movement in enumerate(trial.movements):
        seen = habits.sees_micro if movement.kind == "micro" else habits.sees_macro
        if rng.random() < seen:
            rows.append(_code(trial, movement, number, frames_s, emotions, rng, habits))
    for _ in range(int(rng.poisson(habits.false_alarms_per_trial))):
        rows.append(_false_alarm(trial, frames_s, rng))
    return sorted(rows, key=lambda row: row.onset_frame)


def _code(
    trial: Trial,
    movement: Movement,
    number: int,
    frames_s: NDArray[np.float64],
    emotions: tuple[str, ...],
    rng: np.random.Generator,
    habits: Habits,
) -> Coded:
    marks = np.array([movement.onset_s, movement.apex_s, movement.offset_s])
    marks += rng.normal(0.0, [habits.onset_s, habits.apex_s, habits.offset_s])
    onset, apex, offset = (int(np.abs(frames_s - mark).argmin()) for mark in marks)
    last = frames_s.size - 1
    apex = min(max(apex, onset + 1), last)
    offset = apex if rng.random() < habits.no_offset else min(max(offset, apex + 1), last)
    micro = is_micro(float(frames_s[onset]), float(frames_s[apex]), float(frames_s[offset]))
    units = [ActionUnit(move.unit, move.side) for move in movement.units if rng.random() < habits.keeps_unit]
    if rng.random() < habits.adds_unit or not units:
        have = {unit.number for unit in units}
        units.append(ActionUnit(int(rng.choice([u for u in ACTION_UNITS if u not in have]))))
    other = rng.random() < habits.other_emotion
    return Coded(
        trial=trial.number,
        onset_frame=onset,
        apex_frame=apex,
        offset_frame=offset,
        kind="micro" if micro else "macro",
        action_units=tuple(sorted(units)),
        emotion=str(rng.choice(emotions)) if other else trial.emotion,
        movement=number,
    )


def _false_alarm(trial: Trial, frames_s: NDArray[np.float64], rng: np.random.Generator) -> Coded:
    length = max(2, int(rng.uniform(0.08, 0.4) * frames_s.size / (frames_s[-1] - frames_s[0])))
    onset = int(rng.integers(0, max(1, frames_s.size - length - 1)))
    apex, offset = onset + length // 2, min(onset + length, frames_s.size - 1)
    micro = is_micro(float(frames_s[onset]), float(frames_s[apex]), float(frames_s[offset]))
    unit = ActionUnit(int(rng.choice(list(ACTION_UNITS))))
    kind = "micro" if micro else "macro"
    return Coded(trial.number, onset, apex, offset, kind, (unit,), trial.emotion, None)


def code_session(
    participant: Participant,
    frames_s: dict[int, NDArray[np.float64]],
    settings: StudySettings,
    *,
    habits: Habits | None = None,
) -> dict[str, list[Coded]]:
    """Every coder's rows over a session; `frames_s` holds the true frame times of each trial's video."""
    habits = habits or Habits()
    elsewhere = _coded_elsewhere(participant, settings)
    tables: dict[str, list[Coded]] = {}
    for index, coder in enumerate(CODERS):
        rng = participant.stream(4, index)
        tables[coder] = [
            replace(row, movement=None) if trial.number in elsewhere else row
            for trial in participant.trials
            for row in code_trial(
                elsewhere.get(trial.number, trial), frames_s[trial.number], settings.emotions, rng, habits
            )
        ]
    return tables


def _coded_elsewhere(participant: Participant, settings: StudySettings) -> dict[int, Trial]:
    """Trials, by number, that are coded as if all had happened at another time of the clip."""
    if settings.effects.coding == 1:
        return {}
    rng = participant.stream(4, len(CODERS))
    moved = [trial for trial in participant.trials if rng.random() >= settings.effects.coding]
    return {trial.number: _at_another_time(trial, rng) for trial in moved}


def _at_another_time(trial: Trial, rng: np.random.Generator) -> Trial:
    """The trial with all movements turned round the clip by one time; those at its end begin it again."""
    start_s, length_s = trial.clip_start_s, trial.clip_end_s - trial.clip_start_s
    for _ in range(100):  # an expression that crosses the end would be cut: another time is drawn
        turn_s = rng.uniform(0.0, 1.0) * length_s
        shifts = [(m.onset_s - start_s + turn_s) % length_s - (m.onset_s - start_s) for m in trial.movements]
        moved = tuple(
            replace(m, onset_s=m.onset_s + s, apex_s=m.apex_s + s, offset_s=m.offset_s + s)
            for m, s in zip(trial.movements, shifts, strict=True)
        )
        if all(m.offset_s < trial.clip_end_s for m in moved):
            return replace(trial, movements=moved)
    return replace(trial, movements=())  # so full a clip that every time cuts one: nothing is coded


def coding_row(row: Coded) -> dict[str, object]:
    """A row of a coding table, by the columns of `layout.CODING_COLUMNS`; the trial is the run."""
    return {
        "trial": row.trial,
        "run": row.trial,
        "onset_frame": row.onset_frame,
        "apex_frame": row.apex_frame,
        "offset_frame": row.offset_frame,
        "kind": row.kind,
        "action_units": spell_action_units(row.action_units),
        "emotion": row.emotion,
    }


@dataclass(frozen=True, slots=True)
class Rating:
    """One rater's judgement of one clip on nine-point scales, and the emotion the rater named."""

    clip: str
    target: str
    rater: str
    valence: int
    arousal: int
    category: str


def rate_clips(
    rng: np.random.Generator, *, n_raters: int = 20, icc_valence: float = 0.768, icc_arousal: float = 0.697
) -> list[Rating]:
    """Ratings of the 42 clips by independent raters, single-rater consistency as asked.

    ICC(3,1) is the variance between clips over itself plus the residual: the residual follows from the
    clips' spread. Raters differ in leniency too, which consistency does not see. Rounding to the
    nine points costs a few hundredths.
    """
    clips = [(f"clip-{code}", emotion) for code, emotion in sorted(clip_table().items())]
    lenient = rng.normal(0.0, 0.4, size=(n_raters, 2))
    means = np.array([FEELING[emotion] for _, emotion in clips]) + rng.normal(0.0, 0.5, size=(len(clips), 2))
    spread = means.var(axis=0, ddof=1)
    # Rounding to whole points adds 1/12 of variance to the residual.
    residual = np.array(
        [spread[i] * (1 / icc - 1) - 1 / 12 for i, icc in enumerate((icc_valence, icc_arousal))]
    )
    found = []
    for rater in range(n_raters):
        noise = rng.normal(0.0, np.sqrt(np.maximum(residual, 0.01)), size=means.shape)
        scores = np.clip(np.rint(means + lenient[rater] + noise), 1, 9).astype(int)
        for (clip, target), (valence, arousal) in zip(clips, scores, strict=True):
            named = target if rng.random() < 0.75 else str(rng.choice(list(FEELING)))
            found.append(Rating(clip, target, f"rater-{rater + 1:02d}", int(valence), int(arousal), named))
    return found
