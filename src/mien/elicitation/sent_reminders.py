"""Reminders as the journal keeps them and pages get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mien.elicitation.journal import Row


@dataclass(frozen=True, slots=True)
class SentReminder:
    """One reminder: when it was asked for, why, and who or what asked; `pressed_s` is the key's own time."""

    id: str
    n: int
    at_s: float
    pressed_s: float
    trial: int | None
    reason: str
    by: str
    operator: str | None

    @classmethod
    def of(cls, n: int, row: Row) -> SentReminder:
        """The n-th reminder of a journal, of its row."""
        kept = (row[name] for name in ("at_s", "pressed_s", "trial", "reason", "by", "operator"))
        return cls(row["reminder"], n, *kept)

    def as_json(self, shown_s: float | None) -> dict[str, Any]:
        """The reminder with the time from the key to the display in ms, where it was shown."""
        return {
            "id": self.id,
            "n": self.n,
            "trial": self.trial,
            "at_s": self.at_s,
            "reason": self.reason,
            "by": self.by,
            "operator": self.operator,
            "shown_ms": None if shown_s is None else 1e3 * (shown_s - self.pressed_s),
        }


def reminders_json(sent: Sequence[Row], shown: Sequence[Row]) -> list[dict[str, Any]]:
    """Every reminder in order; one that was painted twice counts when it was painted first."""
    first = {row["reminder"]: float(row["at_s"]) for row in reversed(shown)}
    made = (SentReminder.of(n, row) for n, row in enumerate(sent, start=1))
    return [one.as_json(first.get(one.id)) for one in made]
