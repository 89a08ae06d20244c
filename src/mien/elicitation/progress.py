"""How far a session is: folded from its journal, so that a killed session goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mien.elicitation.journal import Row

Phase = Literal["room", "consent", "practice", "trials", "done", "stopped"]
Choice = Literal["keep", "discard"]
STEPS = (
    "ready",
    "requested",
    "clip-shown",
    "clip-ended",
    "report-shown",
    "reported",
    "neutral-shown",
    "neutral-ended",
)
"""The steps of a trial in order; with `reported` it is done, and what follows is rest."""
ASIDE = ("break-begun", "break-ended", "page-hidden", "page-visible", "left-fullscreen", "trouble")
"""What a participant's page tells at any time."""
Key = tuple[bool, int]
"""Practice or not, and the trial's number."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run through a trial: the row of each step that was reached."""

    steps: Mapping[str, Row] = field(default_factory=dict)

    def at_s(self, step: str) -> float | None:
        """When a step was reached, seconds of the session's clock."""
        row = self.steps.get(step)
        return None if row is None else float(row["at_s"])

    @property
    def done(self) -> bool:
        """Whether the participant has reported."""
        return "reported" in self.steps

    def takes(self, what: str) -> bool:
        """Whether a step may come now: up to the clip's end one after the other, then some may be left out.

        Of two pages that are open at once, one then finds that the other has begun the trial anew.
        """
        place, last = STEPS.index(what), STEPS.index(self.last)
        return place == last + 1 if last < STEPS.index("clip-ended") else place > last

    @property
    def last(self) -> str:
        """The latest step."""
        return max(self.steps, key=STEPS.index)


@dataclass(frozen=True, slots=True)
class Progress:
    """What the journal says: the phase, consent, and every attempt at every trial, in order.

    A trial that was begun again has several attempts; only its last one counts. One that runs while the
    runner is started again is void, since nothing was recorded in between.
    """

    begun: bool = False
    consent: int | None = None
    attempts: Mapping[Key, tuple[Attempt, ...]] = field(default_factory=dict)
    current: Key | None = None
    paused: bool = False
    stopped: bool = False
    choice: Choice | None = None
    seen: frozenset[str] = frozenset()

    def attempt(self, key: Key) -> Attempt | None:
        """The attempt that counts."""
        tries = self.attempts.get(key)
        return tries[-1] if tries else None

    def done(self, key: Key) -> bool:
        """Whether a trial needs not be shown (again)."""
        attempt = self.attempt(key)
        return attempt is not None and attempt.done

    def next(self, keys: Iterable[Key]) -> Key | None:
        """The first trial of a schedule that is not done."""
        return next((key for key in keys if not self.done(key)), None)

    def phase(self, keys: Iterable[Key]) -> Phase:
        """Where the session is."""
        if self.stopped:
            return "stopped"
        if not self.begun:
            return "room"
        if self.consent is None:
            return "consent"
        key = self.next(keys)
        return "done" if key is None else "practice" if key[0] else "trials"

    def after(self, row: Row) -> Progress:
        """The state after one more row of the journal; rows of other kinds change nothing."""
        found = self._after(row)
        posted = row.get("id")
        return found if posted is None else replace(found, seen=self.seen | {str(posted)})

    def _after(self, row: Row) -> Progress:
        what = row["what"]
        if what == "opened" and self.current is not None and not self.done(self.current):
            return replace(self, current=None)  # nobody recorded meanwhile: the trial begins again
        if what == "begun":
            return replace(self, begun=True)
        if what == "consent":
            return replace(self, consent=int(row["level"]))
        if what in ("paused", "continued"):
            return replace(self, paused=what == "paused")
        if what == "stopped":
            return replace(self, stopped=True, choice=row.get("choice") or self.choice)
        if what in STEPS:
            return self._stepped(row)
        return self

    def _stepped(self, row: Row) -> Progress:
        key: Key = (bool(row["practice"]), int(row["trial"]))
        tries = self.attempts.get(key, ())
        if row["what"] == "ready" or not tries:
            tries = (*tries, Attempt({row["what"]: row}))
        else:
            tries = (*tries[:-1], Attempt({**tries[-1].steps, row["what"]: row}))
        return replace(self, attempts={**self.attempts, key: tries}, current=key)


def progress_of(rows: Iterable[Row]) -> Progress:
    """Fold a journal."""
    state = Progress()
    for row in rows:
        state = state.after(row)
    return state
