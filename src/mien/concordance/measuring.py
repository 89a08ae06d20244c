"""One person measured: features before and after every expression, and after moved apexes.

The signals are cleaned, and beats, breaths and responses found, once in the continuous recording; all
windows at all positions are then cut from it in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.concordance.people import ParticipantData
from mien.concordance.settings import Settings
from mien.concordance.slope import Verdicts, slope_verdicts
from mien.concordance.windows import Anchors, Windows, anchors_of, plan_windows
from mien.core.time import FloatArray, IntArray
from mien.signals.physio import measure

if TYPE_CHECKING:
    import pandas as pd

SLOPE_INSTANTS = 20  # random instants of the trial beside each apex
SIDES = ("before", "after")


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One participant's features; n expressions, w windows, f features, k moved positions.

    Parameters
    ----------
    participant_id, trials, kinds, times_s
        Whose they are; of each expression its trial, kind ("micro" or "macro") and anchor, shape (n,).
    values, reasons
        Shape (n, w, 2 sides, f): a value, or NaN and why: a code of `concordance.windows` or of
        `signals.physio`.
    shifted
        Shape (n_micro, k, w, f): after minus before with the micro-expressions' trials moved.
    slopes, random_slopes
        Verdicts on the heart-rate slope, shapes (n_micro, n_tests) and (n_micro, 20, n_tests).
    unused
        Expressions that could not be compared at all: reason -> number.
    """

    participant_id: str
    trials: IntArray
    kinds: NDArray[np.str_]
    times_s: FloatArray
    values: FloatArray
    reasons: NDArray[np.str_]
    shifted: FloatArray
    slopes: Verdicts
    random_slopes: Verdicts
    unused: Mapping[str, int]

    @property
    def micro(self) -> NDArray[np.bool_]:
        """Which expressions are micro-expressions, shape (n,)."""
        return np.asarray(self.kinds == "micro")

    def differences(self) -> FloatArray:
        """After minus before, NaN where either is missing, shape (n, w, f)."""
        return np.asarray(self.values[:, :, 1] - self.values[:, :, 0])

    def pair_reasons(self) -> NDArray[np.str_]:
        """Why a difference is missing, shape (n, w, f): the reason of the first side that lacks a value."""
        before, after = self.reasons[:, :, 0], self.reasons[:, :, 1]
        return np.where(before != "", before, after)

    def frame(self, settings: Settings) -> pd.DataFrame:
        """Participant, trial, apex_s, kind, window_s, side, feature, value, reason: one row per value."""
        import pandas as pd

        index = pd.MultiIndex.from_product(
            [range(len(self.times_s)), settings.windows_s, SIDES, settings.features],
            names=["expression", "window_s", "side", "feature"],
        )
        table = index.to_frame(index=False)
        which = table.pop("expression").to_numpy(dtype=np.int64)
        table.insert(0, "participant", self.participant_id)
        table.insert(1, "trial", self.trials[which])
        table.insert(2, f"{settings.anchor}_s", self.times_s[which])
        table.insert(3, "kind", self.kinds[which].astype(object))
        table["value"] = self.values.reshape(-1)
        table["reason"] = self.reasons.reshape(-1).astype(object)
        return table


def measure_person(person: ParticipantData, settings: Settings) -> Measured:
    """Every feature before and after every expression of one person, where it was coded and moved.

    Parameters
    ----------
    person
        Signals, trials and expressions, each on its clock.
    settings
        Windows, exclusions, recipe, number of positions and seed.

    Raises
    ------
    DataError
        If a signal has a wrong unit.
    OptionError
        For an unknown feature.
    """
    anchors, unused = anchors_of(person, settings)
    rng = np.random.default_rng([settings.seed, *person.participant_id.encode()])
    lengths = {number: person.trials[number].duration_s for number in sorted(person.trials)}
    # Drawn for every trial, so that no expression changes what another trial gets.
    shifts = {number: rng.uniform(0.0, length, settings.positions) for number, length in lengths.items()}
    instants = {number: rng.random(SLOPE_INSTANTS) for number in lengths}
    windows = plan_windows(person, anchors, shifts if settings.shifts else {}, settings)
    values, reasons = _features(person, anchors, windows, settings)
    micro = anchors.kinds == "micro"
    trials = anchors.trials[micro]
    beginnings = [person.trials[n].start_s if n in person.trials else 0.0 for n in trials.tolist()]
    at_random = [
        start + lengths.get(n, 0.0) * instants.get(n, np.zeros(SLOPE_INSTANTS))
        for n, start in zip(trials.tolist(), beginnings, strict=True)
    ]
    times = np.array(at_random, dtype=np.float64).reshape(len(trials), SLOPE_INSTANTS)
    verdicts = slope_verdicts(person, trials, np.hstack([anchors.times_s[micro][:, None], times]))
    return Measured(
        participant_id=person.participant_id,
        trials=anchors.trials,
        kinds=anchors.kinds,
        times_s=anchors.times_s,
        values=values[:, 0],
        reasons=reasons[:, 0],
        shifted=(values[:, 1:, :, 1] - values[:, 1:, :, 0])[micro],
        slopes=verdicts[:, 0],
        random_slopes=verdicts[:, 1:],
        unused=unused,
    )


def _features(
    person: ParticipantData, anchors: Anchors, windows: Windows, settings: Settings
) -> tuple[FloatArray, NDArray[np.str_]]:
    """Values and reasons, (n, positions, w, 2, f); moved positions of micro-expressions only."""
    shape = (*windows.bounds_s.shape[:-1], len(settings.features))
    values = np.full(shape, np.nan)
    reasons = np.broadcast_to(windows.reasons[..., None, None], shape).copy()
    wanted = windows.reasons == ""
    wanted[:, 1:] &= (anchors.kinds == "micro")[:, None, None]
    pairs, holds = person.on_recorder(windows.bounds_s[wanted].reshape(-1, 2))
    both = holds.reshape(-1, 2).all(axis=1)
    stepped = wanted.copy()
    stepped[wanted] = ~both
    reasons[stepped] = "clock-step"
    wanted &= ~stepped
    table = measure(person.signals, pairs[np.repeat(both, 2)], recipe=settings.recipe)
    chosen = table.select(settings.features)
    values[wanted] = chosen.values.reshape(-1, 2, len(settings.features))
    reasons[wanted] = chosen.reasons.reshape(-1, 2, len(settings.features))
    return values, reasons
