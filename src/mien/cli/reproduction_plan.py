"""What `mien reproduce --plan` prints: items, totals, and whether disk and memory are enough for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mien.cli.output import duration, print_json, print_table
from mien.core.records import Json

if TYPE_CHECKING:
    from mien.reproduce import Setting
    from mien.reproduce.plan import Planned


@dataclass(frozen=True, slots=True)
class Total:
    """All items together: seconds of the clock, bytes of disk, memory of all processes at once, jobs."""

    seconds: float
    disk_bytes: float
    memory_bytes: float
    jobs: int
    workers: int


def total_of(planned: list[Planned], workers: int) -> Total:
    """The sum of what has a cost; of memory the largest item's, times the processes."""
    costs = [one.cost for one in planned if one.cost is not None]
    new = [one.cost.disk_bytes for one in planned if one.cost is not None and not one.finished]
    return Total(
        sum(cost.seconds for cost in costs) / workers,
        sum(new),
        max((cost.memory_bytes for cost in costs), default=0.0) * workers,
        sum(cost.n_jobs for cost in costs),
        workers,
    )


def lacking(total: Total, out: Path, *, elsewhere: bool = False) -> Iterator[str]:
    """Where disk or memory is less than that, a sentence each; memory only if the work is done here."""
    folder = next((one for one in out.absolute().parents if one.is_dir()), Path("/"))
    free = shutil.disk_usage(out if out.is_dir() else folder).free
    if total.disk_bytes > free:
        yield (
            f"{total.disk_bytes / 1e9:.1f} GB of disk are needed, {free / 1e9:.1f} GB are free where {out} "
            "lies: name a folder on a larger disk with --out."
        )
    memory = _memory()
    if not elsewhere and memory is not None and total.memory_bytes > memory:
        fit = max(1, int(memory / (total.memory_bytes / total.workers)))
        yield (
            f"{total.memory_bytes / 1e9:.1f} GB of memory are needed by {_processes(total.workers)}, this "
            f"machine has {memory / 1e9:.1f} GB: take --workers {fit}"
            + (", or a machine with more." if total.workers == 1 else ".")
        )


def print_plan(planned: list[Planned], setting: Setting, *, as_json: bool) -> None:
    """The plan as a table and a total for people, or as one object for programs."""
    workers = setting.n_workers
    total = total_of(planned, workers)
    short = list(lacking(total, setting.out, elsewhere=setting.dask is not None))
    if as_json:
        told: dict[str, Json] = {**asdict(total), "lacking": list(short)}
        print_json({"plan": [_row(one, workers) for one in planned], "total": told})
        return
    table = [
        [
            one.item.name, one.item.title,
            *(["-"] * 4 if one.cost is None else [
                duration(one.cost.seconds / workers), f"{one.cost.disk_bytes / 1e6:.0f} MB",
                f"{one.cost.memory_bytes / 1e9:.1f} GB", one.cost.n_jobs,
            ]),
            one.reason or ("finished" if one.finished else "-"),
        ]
        for one in planned
    ]  # fmt: skip
    columns = ["item", "what", "about", "disk", "memory", "jobs", "state"]
    print_table(f"plan for {_processes(workers)}", columns, table)
    typer.echo(
        f"in all about {duration(total.seconds)} with {_processes(workers)}, {total.disk_bytes / 1e9:.1f} GB "
        f"of disk, {total.memory_bytes / 1e9:.1f} GB of memory at most, {total.jobs} jobs; finished work is "
        "kept, and not done again"
    )
    for sentence in short:
        typer.echo(sentence)


def _row(one: Planned, workers: int) -> dict[str, Json]:
    cost = one.cost
    return {
        "item": one.item.name,
        "seconds": None if cost is None else cost.seconds / workers,
        "disk_bytes": None if cost is None else cost.disk_bytes,
        "memory_bytes": None if cost is None else cost.memory_bytes,
        "jobs": None if cost is None else cost.n_jobs,
        "finished": one.finished,
        "reason": one.reason,
    }


def _processes(n: int) -> str:
    return f"{n} process" + ("" if n == 1 else "es")


def _memory() -> float | None:
    """Bytes that the machine has; None where the system does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return None
