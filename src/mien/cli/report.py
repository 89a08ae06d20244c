"""mien report RECORD...: one HTML file from result records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("report")(report)


def report(
    records: Annotated[list[Path], typer.Argument(help="Result records, or folders of them.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
) -> None:
    """Write one self-contained HTML report; faces appear only where consent allows publication."""
    from mien.report import write_report

    typer.echo(f"report: {write_report(records, out)}")
