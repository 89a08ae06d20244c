"""What a study answers: every tested question of a report, corrected over all of them.

A report that asks many questions finds something in noise if each is tested alone. p values are corrected
over the report's questions (Benjamini-Hochberg), after each item corrected for what it tried; where nothing
is true, "found" comes in at most 5 % of reports if every item's p holds its level. That of trials exchanged
within people does not quite: it is multiplied by `CHANCE_FACTOR`, calibrated for one question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mien.core.records import Json
from mien.evaluation.chance import N_PERMUTATIONS, chance_test
from mien.experiments.study_source import trial_of
from mien.reproduce.item import Answer, ItemResult, smallest_p
from mien.stats.multiplicity import benjamini_hochberg

LEVEL = 0.05
CHANCE_FACTOR = 5.0
"""What p of trials exchanged within people is multiplied by, for that test finds too often in noise.

By `docs/calibrate_chance.py`: 2,773 reports of noise, 6 to 20 people, six methods, p times six. It fell
below .05 in 5.6 %, since folds learn from each other's labels; most often, in 11 of 81, with 8 people, 7
classes and features that are shared within trials. Multiplied by 5: below .05 in 1.2 % [0.9, 1.7], and in no
setting in more than 4.4 % (2 of 45). 4,722 reports before those who show one class kept their order: 7.6 %,
times 5 1.7 % [1.4, 2.2], at most 4.0 % [2.1, 6.9] (12 of 298); below .005, as several questions ask for,
0.2 %. With single expressions exchanged instead of trials (`--single`) p fell below .05 in 17.5 % of 1,261.
"""
CHANCE_BLOCKS = 20
"""How many times 5,000 exchanges are drawn where p is small: p can then be 1e-5, which nine methods, the
factor and ten questions still leave below .05."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question; `q` is p corrected over the report's questions."""

    item: str
    question: str
    status: Literal["found", "nothing found", "not tested"]
    words: str
    p: float | None = None
    q: float | None = None


def answer_by_several(
    question: str,
    p_values: Mapping[str, float],
    *,
    found: str,
    nothing: str,
    untested: str,
    factor: float = 1.0,
) -> Answer:
    """The answer of several methods to one question: the smallest p, times their number, at most 1.

    Parameters
    ----------
    p_values
        By the methods' names; NaN: not tested.
    found, nothing
        Words, with {better} for the methods that stand after correction, {n} for how many there are, {best}
        for the one with the smallest p.
    untested
        Why, where no method has a p.
    factor
        What every p is multiplied by besides, where their test finds too often: `CHANCE_FACTOR`.
    """
    known = {name: factor * p for name, p in p_values.items() if p == p}
    smallest = smallest_p(known.values())
    if smallest is None:
        return Answer(question, None, "", "", untested)
    best = min(known, key=lambda name: known[name])
    better = [name for name, p in known.items() if p * len(known) < LEVEL] or [best]
    words = {"better": ", ".join(better), "n": len(known), "best": best}
    return Answer(question, smallest, found.format(**words), nothing.format(**words))


def chance_p(samples: Mapping[str, Sequence[Json]], *, classes: Sequence[str]) -> float:
    """p of UF1 against trials exchanged within people, from 100,000 exchanges where 5,000 leave it small.

    It is to be multiplied by `CHANCE_FACTOR`; a p that is nothing then anyway needs no more exchanges. NaN
    where nobody has labels to exchange. Parameters are those of `chance_test`; names of samples (`sample_id`)
    say what was shown in one trial.
    """
    trials = [trial_of(str(name)) for name in samples["sample_id"]]
    first = chance_test(samples, classes=classes, trials=trials)["uf1"]
    if not first * CHANCE_FACTOR < 10 * LEVEL:
        return first
    p_values = [first]
    for seed in range(1, CHANCE_BLOCKS):  # in blocks, since each holds all its exchanges in memory
        p_values.append(chance_test(samples, classes=classes, trials=trials, seed=seed)["uf1"])
    n_as_good = sum(round(p * (1 + N_PERMUTATIONS)) - 1 for p in p_values)
    return (1 + n_as_good) / (1 + CHANCE_BLOCKS * N_PERMUTATIONS)


def verdicts(results: Sequence[ItemResult]) -> tuple[Verdict, ...]:
    """Every question of the results in their order."""
    asked = [(one.key, answer) for one in results for answer in one.answers]
    tested = [(key, answer) for key, answer in asked if answer.p is not None]
    q = benjamini_hochberg([float(answer.p or 0) for _, answer in tested])
    corrected = {(key, answer.question): float(value) for (key, answer), value in zip(tested, q, strict=True)}
    found: list[Verdict] = []
    for key, answer in asked:
        value = corrected.get((key, answer.question))
        if value is None:
            found.append(Verdict(key, answer.question, "not tested", answer.untested))
        elif value < LEVEL:
            found.append(Verdict(key, answer.question, "found", answer.found, answer.p, value))
        else:
            found.append(Verdict(key, answer.question, "nothing found", answer.nothing, answer.p, value))
    return tuple(found)
