"""Going through the items: what can be made is made, what cannot is listed with the reason."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mien.core.errors import JobError, MienError, OptionError
from mien.core.records import write_atomically
from mien.dataset import Study
from mien.jobs.dask_scheduler import check_scheduler
from mien.reproduce.item import Item, ItemResult
from mien.reproduce.ledger import Clock, Ledger
from mien.reproduce.plan import lacking, opened, plan
from mien.reproduce.setting import Progress, Setting


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
class Step:
    """The item that comes next: its number from 1, of how many, and seconds left by plan and clock."""

    number: int
    n: int
    item: Item
    left_s: float


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
        If a folder is no study, or results cannot be written.
    OptionError
        If a study is given twice, results would lie among the study's own files, or no scheduler answers at
        `setting.dask`.
    """
    study = opened(setting)
    _check_out(setting)
    if setting.dask is not None:
        check_scheduler(setting.dask)
    count = _Count(setting.progress)
    setting = replace(setting, progress=count, made={})
    clock = Clock({one.item.name: one.seconds_on(setting.n_workers) for one in plan(setting, items)})
    ledger = Ledger(setting)
    results: list[ItemResult] = []
    seconds: dict[str, float] = {}
    for number, item in enumerate(items, start=1):
        tell(Step(number, len(items), item, clock.left(items[number - 1 :])))
        begun, before = time.perf_counter(), count.computed
        results.append(_made(item, setting, study))
        took = seconds[item.name] = time.perf_counter() - begun
        clock.passed(item.name, took)
        if results[-1].status == "done":
            ledger.note(item.name, took, again=count.computed == before)
    return Reproduction(setting, tuple(results), seconds, count.computed, count.kept)


def _check_out(setting: Setting) -> None:
    """Results may lie in a folder of their own below a study's derivatives/, and else outside it."""
    out = setting.out.resolve()
    for study in (one.resolve() for one in (setting.study, *setting.others)):
        if not out.is_relative_to(study):
            continue
        place = out.relative_to(study).parts
        if len(place) < 2 or place[0] != "derivatives" or not _is_own(study / "derivatives" / place[1]):
            raise OptionError(
                "--out",
                wanted="a folder outside the study, or one of its own below the study's derivatives/",
                got=setting.out,
                remedy="name another",
            )


def _is_own(folder: Path) -> bool:
    """Whether a folder is new, empty, or holds an earlier reproduction."""
    return not folder.exists() or (folder / "store").is_dir() or not any(folder.iterdir())


def _made(item: Item, setting: Setting, study: Study) -> ItemResult:
    """An item's result; what a study does not allow is a reason, and a failure not the others' end."""
    try:
        reason = lacking(study, item, setting)
    except MienError as error:  # nothing is missing, something is damaged
        return item.failed(str(error))
    if reason:
        return item.lacking(reason)
    try:
        return item.make(setting)
    except (JobError, OptionError) as error:
        return item.failed(str(error))
    except MienError as error:
        return item.lacking(str(error))
    except BrokenPipeError:  # whoever read what is printed has left: nothing of the item
        raise
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
