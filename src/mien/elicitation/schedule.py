"""Which clip comes when for one participant: orders drawn, balanced or fixed, and how long it takes."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.elicitation.clips import Clip, Role
from mien.elicitation.protocol import ALL, Protocol

# Typical times that the protocol does not fix, seconds.
_READY_S, _REPORT_S = 3.0, 12.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: a number from 1 (practice counts apart), its clip, the neutral clip after it, and the block.

    `break_after`: the participant rests before the next one.
    """

    number: int
    practice: bool
    block: int
    clip: Clip
    neutral: Clip | None
    break_after: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """The trials of one participant, practice first; times in seconds, typical and at most."""

    trials: tuple[Trial, ...]
    typical_s: float
    at_most_s: float

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Every clip that is shown, each once, in order."""
        found = [c for t in self.trials for c in (t.clip, t.neutral) if c is not None]
        return tuple(dict.fromkeys(found))


def make_schedule(protocol: Protocol, clips: Sequence[Clip], participant: int) -> Schedule:
    """The schedule of the participant with a number from 1; the same arguments give the same schedule.

    Parameters
    ----------
    participant
        Number of the participant: it chooses the row of a balanced order, or what is drawn.

    Raises
    ------
    DataError
        If a clip is not in the study, is of another role, used in practice and trials, or missing.
    """
    if participant < 1:
        raise OptionError(
            "participant", wanted="a number from 1", got=participant, remedy="number participants from 1"
        )
    practice = _named(protocol.practice, clips, "practice")
    shown = _named(protocol.trials, clips, "trial")
    neutral = _named(protocol.neutral, clips, "neutral")
    if not shown:
        raise DataError(
            "protocol",
            wanted="clips for the trials",
            got="none",
            remedy="give clips the role trial in stimuli.tsv",
        )
    if not neutral and protocol.steps.neutral_s > 0:
        raise DataError(
            "protocol",
            wanted=f"a neutral clip of {protocol.steps.neutral_s:g} s after each report",
            got="none in stimuli.tsv",
            remedy="add a clip of the role neutral, or set steps.neutral_s to 0",
        )
    ordered = _order(protocol, shown, participant)
    trials = [*_trials(practice, neutral, protocol, practice=True), *_trials(ordered, neutral, protocol)]
    return Schedule(tuple(trials), *_seconds(protocol, trials))


def _named(names: Sequence[str] | str, clips: Sequence[Clip], role: Role) -> list[Clip]:
    if names == ALL:
        return [clip for clip in clips if clip.role == role]
    known = {clip.name: clip for clip in clips}
    found = []
    for name in names:
        clip = known.get(name)
        if clip is None or clip.role != role:
            got = "no such clip" if clip is None else f"a clip of the role {clip.role}"
            raise DataError(
                f"protocol, clip {name}",
                wanted=f"a clip of the role {role} in stimuli.tsv",
                got=got,
                remedy="correct the protocol or the table",
            )
        found.append(clip)
    return found


def _trials(
    clips: Sequence[Clip], neutral: Sequence[Clip], protocol: Protocol, *, practice: bool = False
) -> list[Trial]:
    every = 0 if practice else protocol.breaks.after_every
    calm = neutral if protocol.steps.neutral_s > 0 else ()
    found = [
        Trial(
            number=i + 1,
            practice=practice,
            block=0 if practice else 1 + (i // every if every else 0),
            clip=clip,
            neutral=calm[i % len(calm)] if calm else None,
            break_after=bool(every) and (i + 1) % every == 0,
        )
        for i, clip in enumerate(clips)
    ]
    return [*found[:-1], replace(found[-1], break_after=False)] if found else []


def _order(protocol: Protocol, clips: Sequence[Clip], participant: int) -> list[Clip]:
    if protocol.order.kind == "fixed":
        return list(clips)
    if protocol.order.kind == "counterbalanced":
        return [clips[i] for i in balanced_row(len(clips), participant)]
    seed = hashlib.sha256(f"mien order {protocol.order.seed} {participant}".encode()).digest()
    rng = np.random.default_rng(list(seed))
    return _apart(rng, clips) if protocol.order.apart else [clips[i] for i in rng.permutation(len(clips))]


def _apart(rng: np.random.Generator, clips: Sequence[Clip]) -> list[Clip]:
    """A random order in which no emotion follows itself, as far as the counts allow.

    Emotions are drawn one by one with weights of how many clips of each are left; one of which more than
    half of the rest is left must come now.
    """
    left: dict[str | None, list[Clip]] = {}
    for emotion in dict.fromkeys(clip.emotion for clip in clips):
        own = [clip for clip in clips if clip.emotion == emotion]
        left[emotion] = [own[i] for i in rng.permutation(len(own))]
    ordered: list[Clip] = []
    while any(left.values()):
        counts = Counter({emotion: len(own) for emotion, own in left.items() if own})
        before = ordered[-1].emotion if ordered else ...
        rest = sum(counts.values())
        pressing = [e for e, n in counts.items() if e != before and 2 * n > rest]
        free = pressing or [e for e in counts if e != before] or list(counts)
        weights = np.array([counts[e] for e in free], dtype=float)
        ordered.append(left[free[int(rng.choice(len(free), p=weights / weights.sum()))]].pop())
    return ordered


def balanced_row(n: int, row: int) -> list[int]:
    """Row (from 1) of a balanced Latin square of n things, 0 to n - 1.

    Over n rows (2 n where n is odd) every thing stands once in every place and follows every other equally
    often (Williams 1949, doi:10.1071/CH9490149).

    Examples
    --------
    >>> [balanced_row(4, k) for k in (1, 2, 3, 4)]
    [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]
    """
    first = [(k + 1) // 2 if k % 2 else (n - k // 2) % n for k in range(n)]
    at = (row - 1) % (2 * n if n % 2 else n)
    shifted = [(value + at) % n for value in first]
    return shifted[::-1] if at >= n else shifted


def _seconds(protocol: Protocol, trials: Sequence[Trial]) -> tuple[float, float]:
    steps = protocol.steps
    typical = longest = 0.0
    for trial in trials:
        clip = min(trial.clip.seconds, steps.clip_limit_s)
        calm = 0.0 if trial.neutral is None else min(trial.neutral.seconds, steps.neutral_s)
        rest = protocol.breaks.least_s if trial.break_after else 0.0
        typical += _READY_S + clip + min(_REPORT_S, steps.report_limit_s) + calm + rest
        longest += _READY_S + clip + steps.report_limit_s + calm + rest
    return math.ceil(typical), math.ceil(longest)
