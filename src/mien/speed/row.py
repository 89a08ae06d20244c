"""A work of the table, what is asked of it, and the rows that measuring gives."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mien.speed.timing import Setting, Times


@dataclass(frozen=True, slots=True)
class Demand:
    """One asked figure.

    Attributes
    ----------
    of
        What it is asked of: "rate", "ratio", "seconds", or one of the row's `values`.
    limit
        At least that much; with `at_most`, at most.
    words
        The figure as it is read, as in "200 clips/s a core".
    """

    of: str
    limit: float
    words: str
    at_most: bool = False

    def met_by(self, got: float) -> bool:
        """Whether the figure is reached."""
        return got <= self.limit if self.at_most else got >= self.limit


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was compared in the same run, within which tolerance, what came out, and whether that is equal."""

    equal: bool
    tolerance: str
    found: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    what
        The work and its size.
    n, unit
        What one run of mien gets through, as in 500 epochs.
    seconds
        Of mien's runs.
    agreement
        With the peer, or with what it says.
    peer, peer_seconds
        Name and version, and its runs, by turns with mien's; None where nothing is beside.
    asked
        Figures of the design; a row without any is stated only.
    values
        Further figures that were measured, by name.
    clock
        "processor" or "wall".
    note
        What a reader must know of this row.
    """

    what: str
    n: int
    unit: str
    seconds: Times
    agreement: Agreement
    peer: str | None = None
    peer_seconds: Times | None = None
    asked: tuple[Demand, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    clock: str = "processor"
    note: str = ""

    @property
    def rate(self) -> float:
        """Units a second, of the median run; a work that measures it otherwise gives a value "rate"."""
        return self.values.get("rate", self.n / self.seconds.median)

    @property
    def ratio(self) -> float | None:
        """How many times as long the peer takes: the median of the rounds, each side once in every one."""
        if self.peer_seconds is None:
            return None
        rounds = zip(self.peer_seconds.runs, self.seconds.runs, strict=True)
        return statistics.median(theirs / own for theirs, own in rounds)

    def got(self, demand: Demand) -> float:
        """The measured figure that a demand asks for."""
        own = {"rate": self.rate, "ratio": self.ratio, "seconds": self.seconds.median}
        found = own.get(demand.of, self.values.get(demand.of))
        return float("nan") if found is None else found

    @property
    def verdict(self) -> str:
        """ "met", "not met", "stated" where nothing is asked, or "differs" where the answers do."""
        if not self.agreement.equal:
            return "differs"
        if not self.asked:
            return "stated"
        return "met" if all(one.met_by(self.got(one)) for one in self.asked) else "not met"

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `row_of` reads it."""
        told = {"rate": self.rate, "ratio": self.ratio, "verdict": self.verdict}
        return asdict(self) | {
            "seconds": _spread(self.seconds),
            "peer_seconds": None if self.peer_seconds is None else _spread(self.peer_seconds),
            "values": dict(self.values),
            **told,
        }


def _spread(times: Times) -> dict[str, Any]:
    return {
        "median": times.median,
        "lowest": times.lowest,
        "highest": times.highest,
        "runs": list(times.runs),
    }


def row_of(stored: Mapping[str, Any]) -> Row:
    """The row that `Row.as_dict` wrote; raises KeyError or TypeError if it is none."""
    beside = stored["peer_seconds"]
    return Row(
        **{name: stored[name] for name in ("what", "n", "unit", "peer", "values", "clock", "note")},
        seconds=Times(tuple(stored["seconds"]["runs"])),
        agreement=Agreement(**stored["agreement"]),
        peer_seconds=None if beside is None else Times(tuple(beside["runs"])),
        asked=tuple(Demand(**one) for one in stored["asked"]),
    )


@dataclass(frozen=True, slots=True)
class Work:
    """What the design asks to be measured.

    Attributes
    ----------
    name, title
        For the command line and for people.
    asked
        The design's figure in its words.
    measure
        Checks, measures and gives the rows.
    needs
        Modules that must be installed, and the extra of mien that brings each.
    of
        Modules whose code decides on the time: kept rows are measured anew when one changes.
    processes
        That compute at once; 1 where everything happens in this one.
    """

    name: str
    title: str
    asked: str
    measure: Callable[[Setting], tuple[Row, ...]]
    needs: Mapping[str, str]
    of: tuple[str, ...]
    processes: int = 1
