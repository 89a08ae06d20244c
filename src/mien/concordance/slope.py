"""Heart-rate slope at apexes and at random instants of the same trials: MMME's Eq. 12 and Figure 13.

A pass rate says nothing alone: in a world without any coupling 42 to 47 % of all instants exceed the mean
absolute slope of their trial, and half of them the mean signed one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.concordance.people import ParticipantData
from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import FloatArray, IntArray, Interval
from mien.signals.physio import ecg, heart_rate, heart_rate_slope, slope_exceeds_mean
from mien.signals.physio.heart_rate import Mode
from mien.stats import subject_bootstrap

# Against what: mode of the slope and factor on its mean. MMME: 73.2 % above 1, 54.4 % above 1.5 times.
TESTS: tuple[tuple[Mode, float], ...] = (
    ("absolute", 1.0),
    ("absolute", 1.5),
    ("signed", 1.0),
    ("signed", 1.5),
)
Verdicts = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class SlopeRate:
    """Share of apexes whose slope exceeds eta times its trial's mean, beside that of random instants.

    Intervals are 95 % over resampled participants; `n_unknown` apexes have no slope or no trial.
    """

    mode: str
    eta: float
    n_apexes: int
    n_unknown: int
    n_random: int
    apexes: float
    apexes_low: float
    apexes_high: float
    random: float
    random_low: float
    random_high: float
    difference: float
    low: float
    high: float
    reason: str


def rate_and_slope(recording: Signal) -> tuple[Signal, Signal] | None:
    """Heart rate (bpm) and its slope (bpm/s) over a whole ECG, on a 4 Hz grid; None where beats are too few.

    R peaks -> corrected RR -> heart rate at interval midpoints -> PCHIP at 4 Hz -> central difference; the
    ECG is always cleaned by the recommended recipe.
    """
    try:
        rate = heart_rate(ecg.peaks(ecg.clean(recording)))
        return rate, heart_rate_slope(rate)
    except DataError:
        return None


def slope_verdicts(person: ParticipantData, trials: IntArray, times_s: FloatArray) -> Verdicts:
    """For every instant and each of `TESTS` 1 (exceeds), 0 (does not) or -1 (unknown).

    Parameters
    ----------
    trials, times_s
        Shapes (n,) and (n, m): instants in master seconds, m for each trial named.

    Returns
    -------
    Shape (n, m, n_tests).
    """
    found = np.full((*times_s.shape, len(TESTS)), -1, dtype=np.int8)
    heart = rate_and_slope(person.signals["ecg"]) if "ecg" in person.signals else None
    if heart is None:
        return found
    slope = heart[1]
    for row, trial in enumerate(trials):
        span = person.trials.get(int(trial))
        if span is None:
            continue
        bounds, holds = person.on_recorder(np.array([[span.start_s, span.end_s]]))
        if not holds[0] or bounds[0, 1] <= bounds[0, 0]:
            continue
        instants, known = person.on_recorder(np.stack([times_s[row]] * 2, axis=1))
        for column, (mode, eta) in enumerate(TESTS):
            verdicts = slope_exceeds_mean(slope, instants[:, 0], Interval(*bounds[0]), mode=mode, eta=eta)
            found[row, :, column] = [-1 if v is None else int(v) for v in verdicts]
        found[row, ~known] = -1
    return found


def slope_rates(
    verdicts: Iterable[tuple[Verdicts, Verdicts]], *, n_resamples: int, seed: int
) -> tuple[SlopeRate, ...]:
    """Pass rates from each participant's verdicts: apexes (n, n_tests), random instants (n, m, n_tests)."""
    people = [(at, random.reshape(-1, len(TESTS))) for at, random in verdicts]
    return tuple(
        _rate(mode, eta, [(at[:, i], random[:, i]) for at, random in people], n_resamples, seed)
        for i, (mode, eta) in enumerate(TESTS)
    )


def _rate(
    mode: str, eta: float, people: Sequence[tuple[Verdicts, Verdicts]], n_resamples: int, seed: int
) -> SlopeRate:
    counts = np.array(
        [
            [np.sum(at == 1), np.sum(at >= 0), np.sum(random == 1), np.sum(random >= 0)]
            for at, random in people
            if np.any(at >= 0) and np.any(random >= 0)
        ],
        dtype=np.float64,
    ).reshape(-1, 4)
    n_unknown = sum(int(np.sum(at < 0)) for at, _ in people)
    if not len(counts):
        nan = float("nan")
        return SlopeRate(mode, eta, 0, n_unknown, 0, *(nan,) * 9, reason="no-slope")
    found = [
        subject_bootstrap(counts, statistic=statistic, n_resamples=n_resamples, seed=seed)
        for statistic in (_share_of_apexes, _share_of_random, _difference)
    ]
    at, random, difference = ((b.value, b.low, b.high) for b in found)
    totals = counts.sum(axis=0)
    why = "" if len(counts) > 1 else "few-subjects"
    return SlopeRate(
        mode, eta, int(totals[1]), n_unknown, int(totals[3]), *at, *random, *difference, reason=why
    )


def _share_of_apexes(pooled: FloatArray) -> FloatArray:
    return pooled[:, 0] / pooled[:, 1]


def _share_of_random(pooled: FloatArray) -> FloatArray:
    return pooled[:, 2] / pooled[:, 3]


def _difference(pooled: FloatArray) -> FloatArray:
    return _share_of_apexes(pooled) - _share_of_random(pooled)
