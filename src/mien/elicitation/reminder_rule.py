"""When a participant is to be reminded automatically: motion far above their own, for longer than a blink.

A trace calls for a reminder once it was above the threshold for its `lasting_s`, all in all, within the last
twice that long: the pauses of a movement to and fro do not save it, and one wild sample does not matter. A
sample stands for the time since the one before it, 0.2 s at most. NaN is never above.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mien.core.errors import OptionError
from mien.elicitation.motion_traces import TRACES, RelativeMotion, Trace

REASONS: Mapping[Trace, str] = MappingProxyType(
    {"head": "head movement", "body": "body movement", "face": "facial activity"}
)
"""What a reminder says of the trace that called for it; the first of them where several do."""

_WITHIN = 2.0  # of the lasting time
_MOST_STEP_S = 0.2
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class ReminderRule:
    """A threshold for all traces and how long each must last; raises OptionError for values that cannot be.

    The defaults were chosen on six simulated people (`python -m benchmarks.reminding choose`), 3 minutes
    each at 15 to 30 Hz: 44 of 52 restless spans are noticed, half of them within 0.38 s of their first
    motion, with 0.07 false reminders a minute, at a short macro-expression. Thresholds of 4 to 8 differ
    little. Smiles that stay are mostly missed (1 of 8): they move as slowly as short macro-expressions.
    Threshold 3 notices 7 of 8, with 0.6 false reminders a minute, a third of them at micro-expressions.
    On ten others the same rule notices 83 of 101, no smile among them, with 0.42 false reminders a minute,
    13 of 18 at short macro-expressions (docs/results/benchmarks.md). No real face had a part in this: the
    operator sees the traces and can change the threshold.

    Parameters
    ----------
    threshold
        Spreads above the baseline's median, above 0, 1000 at most.
    head_s, body_s, face_s
        How long a trace must be above it, 0.1 to 10 s. A micro-expression lasts up to 0.5 s, and the face's
        trace, averaged over 0.2 s, a little longer.
    refractory_s
        From one reminder to the next, 0 to 3600 s.
    """

    threshold: float = 6.0
    head_s: float = 0.3
    body_s: float = 0.3
    face_s: float = 0.6
    refractory_s: float = 10.0

    def __post_init__(self) -> None:
        for what, value, low, high in (
            ("threshold of reminders in spreads", self.threshold, 0.1, 1000.0),
            ("lasting time of head movement in s", self.head_s, 0.1, 10.0),
            ("lasting time of body movement in s", self.body_s, 0.1, 10.0),
            ("lasting time of facial activity in s", self.face_s, 0.1, 10.0),
            ("time between reminders in s", self.refractory_s, 0.0, 3600.0),
        ):
            if not low <= value <= high:
                raise OptionError(
                    what, wanted=f"{low:g} to {high:g}", got=value, remedy="give a number in that range"
                )

    def lasting_s(self, trace: Trace) -> float:
        """How long one trace must be above the threshold."""
        return {"head": self.head_s, "body": self.body_s, "face": self.face_s}[trace]


class AutomaticReminder:
    """A rule at work on one participant's relative motion, in order of time.

    Examples
    --------
    >>> still, moving = 0.0, 9.0
    >>> reminder = AutomaticReminder(ReminderRule(threshold=5.0, head_s=0.3))
    >>> heads = [still] * 10 + [moving] * 10
    >>> told = [reminder.update(RelativeMotion(k / 20, x, 0.0, 0.0, True)) for k, x in enumerate(heads)]
    >>> told.index("head movement")
    15
    """

    def __init__(self, rule: ReminderRule | None = None) -> None:
        self.rule = rule or ReminderRule()
        self._above: dict[Trace, deque[tuple[float, float]]] = {name: deque() for name in TRACES}
        self._last_s: float | None = None
        self._reminded_s = -math.inf

    def update(self, motion: RelativeMotion) -> str | None:
        """The reason of `REASONS` for which to remind now, or None; a sample of the past is left out."""
        at_s = motion.time_s
        if self._last_s is not None and at_s <= self._last_s:
            return None
        took_s = 0.0 if self._last_s is None else min(at_s - self._last_s, _MOST_STEP_S)
        self._last_s = at_s
        reasons = [REASONS[name] for name in TRACES if self._calls(name, motion, took_s)]
        if not reasons or at_s - self._reminded_s < self.rule.refractory_s:
            return None
        self._reminded_s = at_s
        return reasons[0]

    def _calls(self, name: Trace, motion: RelativeMotion, took_s: float) -> bool:
        above, lasting_s = self._above[name], self.rule.lasting_s(name)
        if getattr(motion, name) > self.rule.threshold:  # NaN is not
            above.append((motion.time_s, took_s))
        while above and above[0][0] <= motion.time_s - _WITHIN * lasting_s:
            above.popleft()
        return sum(took for _, took in above) >= lasting_s - _ROUNDING_S
