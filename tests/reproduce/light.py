"""`mien reproduce` with few and light methods, in this process or as a program, and what it leaves behind."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mien.evaluation.spotting_score import p_of_random_times
from mien.jobs import Store
from mien.reproduce import Setting
from mien.reproduce.items import table_4, table_7, table_10
from mien.reproduce.needs import missing

ITEMS = ("table-3", "table-4", "table-8", "table-10")
"""One of each kind of plan: concordance, recognition, fusion, spotting."""

BODY = ("table-3", "table-8")
"""Those that a study without videos allows."""


def modalities(setting: Setting) -> tuple[str, ...]:
    """The face, where there is a video, and two signals of the body."""
    face = () if list(missing(setting.opened(), ("videos",))) else ("me",)
    return (*face, "ecg", "eda")


def lighten(put: Callable[[Any, str, Any], None]) -> None:
    """Set two recognisers, one spotter, three modalities and few draws, by `put(module, name, value)`."""
    put(table_4, "methods_of", lambda _: ("majority", "bi-woof"))
    put(table_7, "modalities_of", modalities)
    put(table_10, "methods_of", lambda _: ("optical-flow",))
    put(table_10, "p_of_random_times", functools.partial(p_of_random_times, n_draws=200))


class Told:
    """A progress that remembers the names of the jobs that were computed."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @contextmanager
    def __call__(self, title: str) -> Iterator[Callable[[int, int, str], None]]:
        def note(_done: int, _total: int, name: str) -> None:
            if name:
                self.names.append(f"{title}: {name}")

        yield note


def report_of(out: Path) -> dict[str, bytes]:
    """Everything that a run says: numbers, tables, and records without their `run` block.

    The same of picked items, which have no table of all, as of the whole.
    """
    (numbers,) = (*out.glob("reproduction.json"), *out.glob("only-*.json"))
    found = {"numbers": numbers.read_bytes()}
    found |= {path.name: path.read_bytes() for path in (out / "tables").iterdir() if path.name != "all.md"}
    for path in (out / "records").glob("*.json"):
        whole = json.loads(path.read_bytes())
        assert whole.pop("run")
        found[path.name] = json.dumps(whole, sort_keys=True).encode()
    return found


def snapshot(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Of every file and folder: size, time of change in ns, and digest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        told = path.stat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found[path.relative_to(folder).as_posix()] = (told.st_size, told.st_mtime_ns, content)
    return found


def leftovers(out: Path) -> list[Path]:
    """Files that were begun and never got their names."""
    return list(out.rglob("*.part"))


if "MIEN_TEST_COMMITS" in os.environ:  # workers of the pool import the program's file, too
    _commit = Store.commit

    def _noted(self: Store, job: Any, output: Any, *, wall_s: float) -> None:
        with open(os.environ["MIEN_TEST_COMMITS"], "a") as log:
            log.write(f"{job.key}\n")
        _commit(self, job, output, wall_s=wall_s)

    Store.commit = _noted  # type: ignore[method-assign]


if __name__ == "__main__":
    from mien.cli import main

    lighten(setattr)
    main()
