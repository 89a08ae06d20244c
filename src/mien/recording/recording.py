"""What a recorder left in one file: its channels, each at its own rate, and its events, on one clock.

Time 0 is the file's first sample unless a reader says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mien.core.signal import Signal


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A mark in a recording: its time in seconds on the recording's clock, and its text."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Channels in the file's order, each with its own rate and length, and events in the file's order."""

    signals: tuple[Signal, ...]
    events: tuple[Event, ...] = ()

    @property
    def duration_s(self) -> float:
        """From time 0 to the end of the channel that lasts longest, seconds; 0 without a channel."""
        return max((signal.start_s + signal.duration_s for signal in self.signals), default=0.0)

    def __getitem__(self, name: str) -> Signal:
        """The channel of that name; raises KeyError where there is none."""
        for signal in self.signals:
            if signal.name == name:
                return signal
        raise KeyError(name)


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names in their order; the second `x` becomes `x (2)`, the third `x (3)`, and so on.

    Where such a name is taken by another channel, the next free number is used.

    Examples
    --------
    >>> distinct_names(["EDA", "ECG", "EDA", "EDA (2)"])
    ['EDA', 'ECG', 'EDA (3)', 'EDA (2)']
    """
    given = list(names)
    taken, found = set(given), []
    for index, name in enumerate(given):
        if name in given[:index]:
            name = _free(name, taken, first=given[:index].count(name) + 1)
            taken.add(name)
        found.append(name)
    return found


def _free(name: str, taken: set[str], *, first: int) -> str:
    number = first
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
