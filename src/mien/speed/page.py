"""The table in Markdown: command, machine, load, rows, what was compared, and which rows were not met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mien import __version__
from mien.core.records import write_atomically
from mien.speed.machine import as_sentence
from mien.speed.row import Row
from mien.speed.run import Measured
from mien.speed.timing import Times

HEAD = """# Speed, beside what people use today

Written by `{command}` (mien {version}; one work: `--only NAME`).

{machine}.

Each work is measured in one process with one thread for BLAS, OpenMP, OpenCV and PyTorch, mien and the
peer by turns after a call to warm up, so that what else the machine does hits both. Before, both answer the
same question and the answers are compared. Times are medians of {runs},
with the shortest and the longest; seconds are the processor's, or the wall clock's where a cell says "wall".
A ratio is the median over the rounds of the peer's time by mien's. "Asked" is what mien's design demands; a
row without it is stated only. By nature two kinds of work take more than this process: an hour's memory is
that of a fresh one, and two cores are two processes.
"""
QUICK = """
**Quick**: fewer runs, shorter work (5 minutes of video instead of 60). For figures to be quoted, leave
`--quick` out.
"""
COLUMNS = ("work", "mien, s", "a second", "beside", "its s", "ratio", "asked", "")


def write_page(path: Path, measured: Sequence[Measured], machine: Mapping[str, str], *, quick: bool) -> None:
    """Write the page whole or not at all."""
    write_atomically(path, page(measured, machine, path, quick=quick).encode())


def page(measured: Sequence[Measured], machine: Mapping[str, str], path: Path, *, quick: bool) -> str:
    """The page's text."""
    command = (
        f"mien speed{' --quick' * quick} --out {path.as_posix() if not path.is_absolute() else path.name}"
    )
    text = HEAD.format(command=command, version=__version__, machine=as_sentence(machine), runs=_runs(quick))
    lines = [text + QUICK * quick, _load(measured), "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
    for one in measured:
        lines += [_row(row) for row in one.rows]
        if not one.rows:
            lines.append(_line([one.work.title, "-", "-", "-", "-", "-", one.work.asked, "not measured"]))
    lines += ["", "## Below what was asked, or not measured", "", *_lacking(measured)]
    lines += ["", "## What was compared", "", _line(("work", "same answer within", "found", "note"))]
    lines.append(_line(["---"] * 4))
    for one in measured:
        for row in one.rows:
            same = row.agreement
            lines.append(_line([row.what, same.tolerance, same.found, row.note or "-"]))
    return "\n".join(lines) + "\n"


def _runs(quick: bool) -> str:
    return "3 runs" if quick else "7 runs (leave-one-subject-out: 5; an hour of video: 1)"


def asked(row: Row) -> str:
    """The figures that are asked of a row."""
    return "; ".join(f"{'<=' if one.at_most else '>='} {one.words}" for one in row.asked) or "-"


def seconds(times: Times) -> str:
    """The median, with the shortest and the longest where there are several runs."""
    if len(times.runs) == 1:
        return f"{times.median:.3g}"
    return f"{times.median:.3g} ({times.lowest:.3g}-{times.highest:.3g})"


def rate(row: Row) -> str:
    """Units a second."""
    got = row.rate
    return f"{f'{got:,.0f}' if got >= 100 else f'{got:.3g}'} {row.unit}"


def ratio(row: Row) -> str:
    """The ratio, or a dash."""
    if row.ratio is None:
        return "-"
    return f"{row.ratio:,.0f}x" if row.ratio >= 100 else f"{row.ratio:.3g}x"


def verdict(row: Row) -> str:
    """For people: what is not as asked stands out."""
    return {"met": "met", "stated": "stated", "not met": "**not met**", "differs": "**answers differ**"}[
        row.verdict
    ]


def _row(row: Row) -> str:
    theirs = "-" if row.peer_seconds is None else seconds(row.peer_seconds)
    wall = " wall" if row.clock == "wall" else ""
    return _line(
        [
            row.what, seconds(row.seconds) + wall, rate(row), row.peer or "-", theirs, ratio(row), asked(row),
            verdict(row),
        ]
    )  # fmt: skip


def _load(measured: Sequence[Measured]) -> str:
    loads = [value for one in measured for value in one.loads if value is not None]
    if not loads:
        return "The system does not tell its load."
    words = (
        f"Load of the machine while measured (processes that wanted to run, mean of a minute, this one "
        f"included): {min(loads):.1f} to {max(loads):.1f}."
    )
    busy = [
        f"{one.work.name} ({one.loads[1]:.1f})" for one in measured if one.busy and one.loads[1] is not None
    ]
    if busy:
        words += (
            f" **The machine was busy with other work** during {', '.join(busy)}: trust their ratios more "
        )
        words += "than their times."
    return words


def _lacking(measured: Sequence[Measured]) -> list[str]:
    lines = []
    for one in measured:
        if not one.rows:
            lines.append(f"* {one.work.title}: not measured ({one.reason})")
        for row in one.rows:
            if not row.agreement.equal:
                lines.append(f"* {row.what}: the answers differ: {row.agreement.found}")
            for demand in row.asked:
                if not demand.met_by(row.got(demand)):
                    lines.append(f"* {row.what}: asked {demand.words}, got {row.got(demand):.4g}")
    return lines or ["Nothing: every asked figure was reached."]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
