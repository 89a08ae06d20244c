"""Which items are finished below `out`, how long they take again, and how much time is left."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from mien import __version__
from mien.core.records import digest, write_atomically
from mien.reproduce.item import Item
from mien.reproduce.setting import Setting
from mien.reproduce.study_identity import study_digest

LEDGER = "items.json"
"""Below `out`: which items are finished, and how long they took."""

_SURE_AFTER_S = 20.0


@dataclass(slots=True)
class Clock:
    """Time left: the plan's, corrected by how long finished items took beside what they were planned for."""

    planned: dict[str, float]
    took: dict[str, float] = field(default_factory=dict)

    def passed(self, name: str, seconds: float) -> None:
        """Note what an item took."""
        self.took[name] = seconds

    def left(self, items: Sequence[Item]) -> float:
        """Seconds that these items will take."""
        expected = sum(self.planned[name] for name in self.took)
        speed = sum(self.took.values()) / expected if expected > _SURE_AFTER_S else 1.0
        return speed * sum(self.planned[item.name] for item in items)


class Ledger:
    """Which items are finished with these studies and settings, and seconds that each of them takes again."""

    def __init__(self, setting: Setting) -> None:
        self.path = setting.out / LEDGER
        self.identity = _identity(setting)
        self.seconds: dict[str, float] = {}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(self.path.read_bytes())
            if told["identity"] == self.identity:
                self.seconds = {str(name): float(took) for name, took in told["seconds"].items()}

    def note(self, name: str, took: float, *, again: bool) -> None:
        """Keep that an item is finished; what it took with nothing to compute counts most.

        Where it cannot be written nothing is lost but an estimate.
        """
        if again or name not in self.seconds:
            self.seconds[name] = took
            told = {"identity": self.identity, "seconds": self.seconds}
            with contextlib.suppress(OSError):
                write_atomically(self.path, json.dumps(told, indent=1).encode())


def _identity(setting: Setting) -> str:
    """Whatever decides what items come to."""
    studies = [study_digest(path) for path in (setting.study, *setting.others)]
    return digest([__version__, studies, setting.quick, setting.epochs, setting.seed])
