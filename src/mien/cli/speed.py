"""mien speed: every figure of speed that the design asks for, beside what people use today."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import print_json, print_table

if TYPE_CHECKING:
    from mien.speed import Measured


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("speed")(speed)


def speed(
    only: Annotated[list[str] | None, typer.Option(help="A work, as in lbp-top; again for more.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer runs and shorter work; the table says so.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="The page (.md); finished rows are kept beside it (.json).")
    ] = Path("speed.md"),
    again: Annotated[bool, typer.Option("--again", help="Measure anew what is finished.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure mien beside its peers in one process, by turns, and write the table; the same command goes on.

    Both must give the same answer first. A full run takes a quarter to half an hour: keep the machine quiet.
    """
    from mien.core.errors import JobError, OptionError
    from mien.jobs import bar
    from mien.speed import find_works, measure_speed, write_page
    from mien.speed.machine import describe_machine
    from mien.speed.run import as_json as rows_of
    from mien.speed.run import differing

    if out.suffix != ".md":
        raise OptionError(
            "--out", wanted="a page's name, as in speed.md", got=out, remedy="let it end in .md"
        )
    works = find_works(only or [])
    measured = measure_speed(works, out.with_suffix(".json"), quick=quick, again=again, progress=bar)
    machine = describe_machine()
    write_page(out, measured, machine, quick=quick)
    if as_json:
        print_json({"machine": machine, "quick": quick, "works": rows_of(measured), "page": str(out)})
    else:
        _print(measured, quick)
        typer.echo(f"written: {out}")
    apart = differing(measured)
    if apart:
        raise JobError(
            "mien speed",
            wanted="the peer's answer in every row",
            got=f"another one in {'; '.join(row.what for row in apart)}",
            remedy="do not quote these rows, and report them",
        )


def _print(measured: list[Measured], quick: bool) -> None:
    from mien.speed.page import asked, rate, ratio, seconds

    rows: list[list[object]] = []
    for one in measured:
        for row in one.rows:
            beside = "-" if row.peer_seconds is None else seconds(row.peer_seconds)
            rows.append([
                row.what, seconds(row.seconds), rate(row), beside, ratio(row), asked(row), row.verdict,
            ])  # fmt: skip
        if not one.rows:
            rows.append([one.work.title, "-", "-", "-", "-", one.work.asked, "not measured"])
    title = "speed, quick: not for quoting" if quick else "speed"
    print_table(title, ["work", "mien, s", "a second", "peer, s", "ratio", "asked", ""], rows)
    for one in measured:
        if one.reason:
            typer.echo(f"{one.work.name}: {one.reason}")
    busy = [one.work.name for one in measured if one.busy]
    if busy:
        typer.echo(f"the machine was busy with other work during {', '.join(busy)}")
