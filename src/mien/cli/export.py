"""mien export: a copy of a study that others may have."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.output import print_json, print_table


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("export")(export)


def export(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    destination: Annotated[Path, typer.Argument(help="The copy's folder; absent or empty.")],
    audience: Annotated[
        str, typer.Option(help="Who receives it: analysis (a research group) or publication (anybody).")
    ] = "publication",
    keep_column: Annotated[
        list[str] | None, typer.Option(help="A further column of participants.tsv that may leave.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what left and what stayed as JSON.")] = False,
) -> None:
    """Copy what consent allows, without headers, paths, metadata and days that tell who and when."""
    from mien.dataset import export_study, open_study
    from mien.dataset.export import describe_withheld

    done = export_study(
        open_study(study),
        destination,
        audience=audience,  # type: ignore[arg-type]  # checked there, with one sentence
        keep_columns=keep_column or (),
    )
    if as_json:
        print_json({**asdict(done), "folder": str(done.folder)})
        return
    if done.withheld:
        rows = [[reason, n] for reason, n in describe_withheld(done.withheld).items()]
        print_table("stayed at home", ["why", "files or columns"], rows)
    typer.echo(
        f"{done.folder}: {done.n_files} files for {done.audience}, {len(done.withheld)} stayed at home."
    )
