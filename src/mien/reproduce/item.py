"""What an item of the papers is: its name, what it needs and costs, how it is made, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mien.core.errors import MienError
from mien.core.records import Json
from mien.reproduce.needs import Need
from mien.reproduce.setting import Setting


class LackingError(MienError):
    """Something that an item needs is not in the study: it is listed with this reason."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of ours with its 95 % interval, or a published one (marked so), or words.

    `theirs` is the published number beside ours, where there is one.
    """

    value: float | str | None
    low: float | None = None
    high: float | None = None
    published: bool = False
    theirs: float | None = None


@dataclass(frozen=True, slots=True)
class ItemTable:
    """One table: columns, and rows of cells; `unit` or `note` where a column needs one."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ItemFigure:
    """One figure as SVG without scripts; `participants` and `shows` decide where it may appear."""

    title: str
    svg: str
    caption: str = ""
    shows: Literal["trace", "face", "voice"] = "trace"
    participants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an item answers to a question that can come out as nothing.

    Parameters
    ----------
    p
        Of the data if there is nothing to find, corrected for whatever was tried within the item; None: not
        tested.
    found, nothing
        The answer in words with numbers, where there is something and where nothing is shown.
    untested
        Why there is no test.
    """

    question: str
    p: float | None
    found: str
    nothing: str
    untested: str = ""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What came of an item.

    Parameters
    ----------
    status
        "done"; "not possible" on this study or "failed", with the reason why.
    sentences
        What came out in words with numbers; the first one stands in the report's summary.
    answers
        To the questions that the item tests; they stand on the report's first page.
    left_out
        What of the study is not behind the numbers, and why.
    differs
        What was done otherwise than in the paper, and why.
    records
        Files of result records behind the numbers.
    values
        The numbers by name, for programs.
    """

    key: str
    title: str
    status: Literal["done", "not possible", "failed"]
    reason: str = ""
    sentences: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    tables: tuple[ItemTable, ...] = ()
    figures: tuple[ItemFigure, ...] = ()
    left_out: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    records: tuple[Path, ...] = ()
    values: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an item will take, as far as it is known before: seconds on one core, bytes of disk and memory.

    `again_s`, `again_jobs` and `again_disk_bytes` are what is left where another item has done the
    work that both share.
    """

    seconds: float
    disk_bytes: float = 1e6
    memory_bytes: float = 5e8
    n_jobs: int = 1
    again_s: float = 5.0
    again_jobs: int = 0
    again_disk_bytes: float = 0.0

    def again(self) -> Cost:
        """What is left where another item has done the shared work."""
        return replace(
            self,
            seconds=min(self.seconds, self.again_s),
            disk_bytes=min(self.disk_bytes, self.again_disk_bytes),
            n_jobs=min(self.n_jobs, self.again_jobs),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One table, figure or equation of the papers.

    `make` returns the result and raises LackingError for what the study does not hold; `cost` may raise it
    too. `name` is what `--only` takes, as in table-10; items of one `work` share most of it.
    """

    name: str
    title: str
    paper: str
    needs: tuple[Need, ...]
    make: Callable[[Setting], ItemResult]
    cost: Callable[[Setting], Cost]
    work: str = ""

    def done(self, **more: Any) -> ItemResult:
        """A result that is done."""
        return ItemResult(self.name, self.title, "done", **more)

    def lacking(self, reason: str) -> ItemResult:
        """A result that there cannot be, and why."""
        return ItemResult(self.name, self.title, "not possible", reason.removesuffix("."))

    def failed(self, reason: str) -> ItemResult:
        """A result that could not be made this time, and why."""
        return ItemResult(self.name, self.title, "failed", reason.removesuffix("."))


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun, as in "1 participant", "12 participants"."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def smallest_p(p_values: Iterable[float]) -> float | None:
    """The smallest of several p values times their number (Bonferroni), at most 1; None without any."""
    known = [p for p in p_values if p == p]
    return min(1.0, len(known) * min(known)) if known else None


def cells(*values: float | str | None, published: bool = False) -> tuple[Cell, ...]:
    """Cells without intervals."""
    return tuple(Cell(value, published=published) for value in values)
