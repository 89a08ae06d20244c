"""Progress on standard error: a bar for people, silence for programs and pipes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, name: str) -> None:
    """Show nothing."""


@contextlib.contextmanager
def bar(title: str) -> Iterator[Progress]:
    """A progress bar with the time left, on standard error; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[latest]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task(title, total=None, latest="")

        def show(done: int, total: int, name: str) -> None:
            display.update(task, completed=done, total=total, latest=name)

        yield show
