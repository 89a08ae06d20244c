"""Measuring work after work; what is finished is kept in a file, so that the same command goes on.

A finished work is kept by its name, whether it was quick, the machine, mien's version and the source that it
measures: whatever of these changes is measured anew.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien import __version__
from mien.core.errors import DataError
from mien.core.records import digest, write_atomically
from mien.jobs import silent
from mien.jobs.progress import Progress
from mien.speed.catalogue import WORKS
from mien.speed.machine import describe_machine, load, state_of
from mien.speed.row import Row, Work, row_of
from mien.speed.timing import Setting, one_thread


@dataclass(frozen=True, slots=True)
class Measured:
    """A work's rows and the load of the machine before and after; or why it was not measured."""

    work: Work
    rows: tuple[Row, ...] = ()
    loads: tuple[float | None, float | None] = (None, None)
    reason: str = ""

    @property
    def busy(self) -> bool:
        """Whether more wanted to run in the last minute than this work's own processes."""
        return self.loads[1] is not None and self.loads[1] > self.work.processes + 0.5


def measure_speed(
    works: Sequence[Work],
    kept: Path,
    *,
    quick: bool = False,
    again: bool = False,
    progress: Callable[[str], AbstractContextManager[Progress]] | None = None,
) -> list[Measured]:
    """Measures these works where `kept` does not hold them, and gives every work that the design names.

    Parameters
    ----------
    kept
        The file of finished works; made, and replaced whole after each work.
    quick
        Fewer runs, shorter work; kept apart from full ones.
    again
        Measure these works anew.
    progress
        Makes a progress bar of a title.

    Returns
    -------
    One for each of `WORKS`, in the table's order: those that were not chosen are given as far as they are
    kept.

    Raises
    ------
    DataError
        If the file is damaged.
    JobError
        If a process of a work dies.
    """
    finished = read_kept(kept)
    machine = describe_machine()
    with progress("speed") if progress else nullcontext(silent) as show:
        for k, work in enumerate(works):
            key = key_of(work, machine, quick)
            if lacking(work) or (key in finished and not again):
                continue
            told = _telling(show, k, len(works), work.name)
            one = _measured(work, Setting(quick=quick, told=told))
            _forget_older(finished, work.name, quick, machine)
            finished[key] = {
                "work": work.name,
                "quick": quick,
                "version": __version__,
                "machine": machine,
                "loads": list(one.loads),
                "rows": [row.as_dict() for row in one.rows],
            }
            write_atomically(kept, (json.dumps(finished, indent=1) + "\n").encode())
            show(k + 1, len(works), work.name)
    return [_given(work, finished.get(key_of(work, machine, quick))) for work in _table(works)]


def _forget_older(
    finished: dict[str, dict[str, Any]], name: str, quick: bool, machine: dict[str, str]
) -> None:
    """Drops the work as it was measured in other states of the code."""
    older = [
        key
        for key, one in finished.items()
        if (one["work"], one["quick"], one["machine"]) == (name, quick, machine)
    ]
    for key in older:
        del finished[key]


def _table(works: Sequence[Work]) -> list[Work]:
    chosen = {work.name: work for work in works}
    return [chosen.pop(work.name, work) for work in WORKS] + list(chosen.values())


def _telling(show: Progress, done: int, total: int, name: str) -> Callable[[str], None]:
    return lambda words: show(done, total, f"{name}: {words}")


def _measured(work: Work, setting: Setting) -> Measured:
    setting.told("checking that both answer the same")
    before = load()
    with one_thread():
        rows = work.measure(setting)
    return Measured(work, rows, (before, load()))


def lacking(work: Work) -> str:
    """Why a work cannot be measured here; empty if it can."""
    for module, extra in work.needs.items():
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: pip install 'mien[{extra}]'"
    return ""


def key_of(work: Work, machine: dict[str, str], quick: bool) -> str:
    """What a finished work is kept by."""
    return f"{work.name}-{digest([__version__, state_of(work.of), machine, quick])[:16]}"


def read_kept(path: Path) -> dict[str, dict[str, Any]]:
    """What is finished by key; raises DataError if the file is damaged."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
        for one in found.values():
            [row_of(row) for row in one["rows"]]
            _before, _after = one["loads"]
            _ = one["work"], one["quick"], one["machine"]
    except (ValueError, TypeError, KeyError, AttributeError, UnicodeDecodeError) as error:
        raise DataError(
            path,
            wanted="the finished rows of mien speed",
            got="something else",
            remedy="remove the file, or choose another --out",
        ) from error
    return dict(found)


def _given(work: Work, stored: dict[str, Any] | None) -> Measured:
    if stored is None:
        return Measured(work, reason=lacking(work) or f"not measured yet: mien speed --only {work.name}")
    before, after = stored["loads"]
    return Measured(work, tuple(row_of(row) for row in stored["rows"]), (before, after))


def as_json(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Works with their rows, for programs."""
    return [
        {
            "work": one.work.name,
            "title": one.work.title,
            "asked": one.work.asked,
            "measured": bool(one.rows),
            "reason": one.reason or None,
            "loads": list(one.loads),
            "busy": one.busy,
            "rows": [row.as_dict() for row in one.rows],
        }
        for one in measured
    ]


def differing(measured: Sequence[Measured]) -> list[Row]:
    """Rows whose answers are not the same."""
    return [row for one in measured for row in one.rows if not row.agreement.equal]
