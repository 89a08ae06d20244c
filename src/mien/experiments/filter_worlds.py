"""Worlds in which the heart-rate filter is judged where the truth is known: signals and proposals, no video.

People watch clips and express something once or twice in each; a spotter finds an expression with a fixed
chance, and its false alarms fall anywhere. Whether the heart answers expressions is a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.core.time import FloatArray, IntArray, Interval
from mien.simulate.bodies import EMOTION_EFFECTS, Baselines, BodyPlan, Coupling, EmotionSpan, simulate_body
from mien.spotting.filter_controls import Candidates, Instants
from mien.spotting.filter_report import FilterReport, report_filter
from mien.spotting.heart_rate_filter import (
    FilterSettings,
    filter_candidates,
    random_instants,
    shifted_verdicts,
)
from mien.spotting.trial_heart import HeartTrial, heart_from_beats

NO_COUPLING = Coupling(0.0, 0.0, 0.0)
Apexes = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class FilterWorld:
    """A study in numbers: people, trials of each, their length and the rest between, in seconds; the spotter.

    `found` is the chance that an expression is found, `false_per_trial` the number of false alarms.
    """

    people: int = 16
    trials: int = 6
    trial_s: float = 28.0
    rest_s: float = 4.0
    found: float = 0.6
    false_per_trial: int = 3
    coupling: Coupling = NO_COUPLING


def simulate_filter_study(
    world: FilterWorld, rng: np.random.Generator, *, seed: int, n_shifts: int = 0
) -> FilterReport:
    """One study of a world, filtered and reported.

    Parameters
    ----------
    seed
        Of the report's resampling.
    n_shifts
        Of the control with shifted hearts; 0: without it.
    """
    trials, apexes = simulate_hearts(world, rng)
    names, times, reference = simulate_proposals(world, trials, apexes, rng)
    settings = FilterSettings()
    code = filter_candidates(names, times, trials, settings).code
    coded = [name for name, _ in apexes]
    known = filter_candidates(coded, np.array([at for _, at in apexes]), trials, settings).code
    instants, at = random_instants(trials, per_trial=5, seed=seed)
    random = filter_candidates(instants, at, trials, settings).code
    return report_filter(
        Candidates(people_of(names), reference=reference, code=code, score=rng.random(len(names))),
        Instants(people_of(coded), known),
        settings,
        random=Instants(people_of(instants), random),
        shifted=shifted_verdicts(names, times, trials, settings, n_shifts=n_shifts, seed=seed)
        if n_shifts
        else None,
        seed=seed,
    )


def simulate_hearts(world: FilterWorld, rng: np.random.Generator) -> tuple[dict[str, HeartTrial], Apexes]:
    """Trials with heart rates from true beats, and the apex of every expression in them."""
    trials: dict[str, HeartTrial] = {}
    apexes: Apexes = []
    for person in range(world.people):
        starts = world.rest_s + np.arange(world.trials) * (world.trial_s + world.rest_s)
        at = [trial_apexes(rng, float(start), world.trial_s) for start in starts]
        spans = [EmotionSpan(s, s + world.trial_s, str(rng.choice(list(EMOTION_EFFECTS)))) for s in starts]
        plan = BodyPlan(
            starts[-1] + world.trial_s + world.rest_s,
            tuple(np.concatenate(at).tolist()),
            tuple(spans),
            rate_hz=50.0,
            baselines=Baselines.draw(rng),
            coupling=world.coupling,
        )
        heart = heart_from_beats(simulate_body(plan, rng).beats_s)
        for number, (start, times) in enumerate(zip(starts, at, strict=True)):
            name = f"{person:03}-{number}"
            trials[name] = HeartTrial(Interval(float(start), float(start + world.trial_s)), heart)
            apexes += [(name, time) for time in times]
    return trials, apexes


def trial_apexes(rng: np.random.Generator, start_s: float, length_s: float) -> list[float]:
    """One or two apexes, 2 s or more apart, half a second or more from the ends."""
    room = length_s - 1.0
    if rng.random() < 0.5:
        return [start_s + 0.5 + room * rng.random()]
    first, second = np.sort(rng.random(2)) * (room - 2.0)
    return [start_s + 0.5 + float(first), start_s + 2.5 + float(second)]


def simulate_proposals(
    world: FilterWorld, trials: dict[str, HeartTrial], apexes: Apexes, rng: np.random.Generator
) -> tuple[list[str], FloatArray, IntArray]:
    """Trial and apex of every candidate, and the expression it hits, -1 for none."""
    found = np.flatnonzero(rng.random(len(apexes)) < world.found)
    rows = [(*apexes[row], int(row)) for row in found]
    for name, trial in trials.items():
        for _ in range(world.false_per_trial):
            rows.append((name, trial.span.start_s + 0.5 + (trial.span.duration_s - 1) * rng.random(), -1))
    names, times, reference = zip(*rows, strict=True)
    return list(names), np.array(times, dtype=np.float64), np.array(reference, dtype=np.int64)


def people_of(names: Sequence[str]) -> list[str]:
    """Whose trials these are."""
    return [name[:3] for name in names]
