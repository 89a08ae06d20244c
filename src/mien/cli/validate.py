"""mien validate: whether a study on disk is whole and fits together."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.output import print_json, print_table


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("validate")(validate_study)


def validate_study(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check a study's files, tables, manifest and recordings; exit 1 if something is wrong."""
    from mien.dataset.validate import validate

    findings = validate(study)
    n_errors = sum(finding.severity == "error" for finding in findings)
    n_warnings = len(findings) - n_errors
    if as_json:
        rows = [asdict(finding) for finding in findings]
        print_json({"study": str(study), "n_errors": n_errors, "n_warnings": n_warnings, "findings": rows})
    else:
        if findings:
            cells = [[f.code, f.severity, f.place, f.message, f.remedy] for f in findings]
            print_table(str(study), ["code", "severity", "place", "found", "remedy"], cells)
        typer.echo(f"{study}: {n_errors} errors, {n_warnings} warnings")
    if n_errors:
        raise typer.Exit(1)
