"""Going through the items: what can be made is made, what cannot is listed with the reason."""

from __future__ import annotations

import contextlib
import json
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from mien import __version__
from mien.core.errors import JobError, MienError
from mien.core.records import digest, write_atomically
from mien.reproduce.item import Cost, Item, ItemResult, Progress, Setting, missing
from mien.reproduce.study_identity import study_digest

LEDGER = "items.json"
"""Below `out`: which items are finished, and how long they took."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of every item, in the papers' order.

    Parameters
    ----------
    seconds
        That each item took this time.
    n_computed, n_kept
        Jobs that were computed this time, and those that had been finished before.
    """

    setting: Setting
    results: tuple[ItemResult, ...]
    seconds: dict[str, float]
    n_computed: int = 0
    n_kept: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of the plan: what an item will take, or why it cannot be made."""

    item: Item
    cost: Cost | None
    reason: str = ""
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """The item that comes next: its number from 1, of how many, and seconds left by plan and clock."""

    number: int
    n: int
    item: Item
    left_s: float


def plan(setting: Setting, items: Sequence[Item]) -> list[Planned]:
    """What every item will take; computes nothing. Raises DataError if the folder is no study."""
    study = setting.opened()
    done = _Ledger(setting).seconds
    planned = []
    for item in items:
        reason = "; ".join(missing(study, item.needs)) or _without_others(setting, item)
        if reason:
            planned.append(Planned(item, None, reason))
            continue
        try:
            cost = item.cost(setting)
        except MienError as error:
            planned.append(Planned(item, None, str(error)))
            continue
        if item.work and any(one.item.work == item.work and one.cost for one in planned):
            cost = replace(cost, seconds=min(cost.seconds, cost.again_s), disk_bytes=0.0, n_jobs=0)
        finished = item.name in done
        if finished:  # what is read again, and not what was computed
            cost = replace(cost, seconds=min(cost.seconds, done[item.name] * setting.n_workers), n_jobs=0)
        planned.append(Planned(item, cost, finished=finished))
    return planned


def reproduce(
    setting: Setting, items: Sequence[Item], *, tell: Callable[[Step], None] = lambda _: None
) -> Reproduction:
    """Make every item that the study allows; finished work is kept below `setting.out` and not done again.

    Parameters
    ----------
    tell
        Called before each item.

    Raises
    ------
    DataError
        If the folder is no study, or results cannot be written.
    """
    study = setting.opened()
    count = _Count(setting.progress)
    setting = replace(setting, progress=count, made={})
    clock = _Clock({one.item.name: _seconds(one, setting) for one in plan(setting, items)})
    ledger = _Ledger(setting)
    results: list[ItemResult] = []
    seconds: dict[str, float] = {}
    for number, item in enumerate(items, start=1):
        tell(Step(number, len(items), item, clock.left(items[number - 1 :])))
        begun, before = time.perf_counter(), count.computed
        reason = "; ".join(missing(study, item.needs)) or _without_others(setting, item)
        results.append(item.lacking(reason) if reason else _made(item, setting))
        took = seconds[item.name] = time.perf_counter() - begun
        clock.passed(item.name, took)
        if results[-1].status == "done":
            ledger.note(item.name, took, again=count.computed == before)
    return Reproduction(setting, tuple(results), seconds, count.computed, count.kept)


def _without_others(setting: Setting, item: Item) -> str:
    if "others" in item.needs and not setting.others:
        return "it sets several studies side by side: give others with --with"
    return ""


def _made(item: Item, setting: Setting) -> ItemResult:
    """An item's result; what a study does not allow is a reason, and a failure not the others' end."""
    try:
        return item.make(setting)
    except JobError as error:
        return item.failed(str(error))
    except MienError as error:
        return item.lacking(str(error))
    except OSError as error:
        return item.failed(f"{error.filename or setting.out}: {error.strerror or error}; free disk space or "
                           "mend the path, then give the same command again")  # fmt: skip
    except Exception as error:
        log = setting.out / "failures" / f"{item.name}.log"
        write_atomically(log, traceback.format_exc().encode())
        return item.failed(
            f"an error of mien itself ({type(error).__name__}: {error}); please report {log.name} in "
            f"{log.parent}"
        )


@dataclass(slots=True)
class _Count:
    """A progress bar that counts jobs: those finished before come first and have no name."""

    shown: Progress
    computed: int = 0
    kept: int = 0

    def __call__(self, title: str) -> AbstractContextManager[Callable[[int, int, str], None]]:
        return self._counting(title)

    @contextmanager
    def _counting(self, title: str) -> Iterator[Callable[[int, int, str], None]]:
        with self.shown(title) as show:

            def note(done: int, total: int, name: str) -> None:
                if name:
                    self.computed += 1
                else:
                    self.kept += done
                show(done, total, name)

            yield note


_SURE_AFTER_S = 20.0


@dataclass(slots=True)
class _Clock:
    """Time left: the plan's, corrected by how long finished items took beside what they were planned for."""

    planned: dict[str, float]
    took: dict[str, float] = field(default_factory=dict)

    def passed(self, name: str, seconds: float) -> None:
        self.took[name] = seconds

    def left(self, items: Sequence[Item]) -> float:
        expected = sum(self.planned[name] for name in self.took)
        speed = sum(self.took.values()) / expected if expected > _SURE_AFTER_S else 1.0
        return speed * sum(self.planned[item.name] for item in items)


def _seconds(one: Planned, setting: Setting) -> float:
    return 0.0 if one.cost is None else one.cost.seconds / setting.n_workers


def _identity(setting: Setting) -> str:
    """Whatever decides what items come to."""
    studies = [study_digest(path) for path in (setting.study, *setting.others)]
    return digest([__version__, studies, setting.quick, setting.epochs, setting.seed])


class _Ledger:
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
        """Keep that an item is finished; what it took with nothing to compute counts most."""
        if again or name not in self.seconds:
            self.seconds[name] = took
            told = {"identity": self.identity, "seconds": self.seconds}
            write_atomically(self.path, json.dumps(told, indent=1).encode())
