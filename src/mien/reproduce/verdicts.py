"""What a study answers: every tested question of a report, corrected over all of them.

A report that asks many questions finds something in noise if each is tested alone. p values are corrected
over the report's questions (Benjamini-Hochberg), after each item corrected for what it tried; where nothing
is true, "found" comes in at most 5 % of reports, as far as the items' own tests hold their level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mien.reproduce.item import Answer, ItemResult, smallest_p
from mien.stats.multiplicity import benjamini_hochberg

LEVEL = 0.05


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
    question: str, p_values: Mapping[str, float], *, found: str, nothing: str, untested: str
) -> Answer:
    """The answer of several methods to one question: the smallest p, times their number.

    Parameters
    ----------
    p_values
        By the methods' names; NaN: not tested.
    found, nothing
        Words, with {better} for the methods that stand after correction, {n} for how many there are, {best}
        for the one with the smallest p.
    untested
        Why, where no method has a p.
    """
    smallest = smallest_p(p_values.values())
    if smallest is None:
        return Answer(question, None, "", "", untested)
    known = {name: p for name, p in p_values.items() if p == p}
    best = min(known, key=lambda name: known[name])
    better = [name for name, p in known.items() if p * len(known) < LEVEL] or [best]
    words = {"better": ", ".join(better), "n": len(known), "best": best}
    return Answer(question, smallest, found.format(**words), nothing.format(**words))


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
