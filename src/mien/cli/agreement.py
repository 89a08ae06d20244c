"""mien agreement STUDY: how far the coders agree on what they found, named and timed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import print_json, print_table

if TYPE_CHECKING:
    from mien.coding.agreement_result import Agreement


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("agreement")(agreement)


def agreement(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    min_iou: Annotated[float, typer.Option(help="Least overlap in time of one expression.")] = 0.3,
    kind: Annotated[str, typer.Option(help="Which expressions: micro, macro or all.")] = "all",
    final: Annotated[
        bool, typer.Option("--final", help="Take the adjudicated table as a coder beside the others.")
    ] = False,
    resamples: Annotated[int, typer.Option(help="Draws of participants for intervals; 0: none.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write page, numbers and pairs into this folder.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare coders: matched and missed expressions, action units, emotions, times, and drift.

    Exit 1 where no two coders coded the same clip. To have found nothing in common is a result.
    """
    from mien.coding.agreement_result import AgreementSettings
    from mien.dataset import open_study
    from mien.experiments.coder_agreement import agreement_of_study
    from mien.report.agreement_page import write_agreement

    settings = AgreementSettings(
        min_iou=min_iou,
        kind=kind,  # type: ignore[arg-type]
        n_resamples=resamples,
        seed=seed,
    )
    found = agreement_of_study(open_study(study), settings, final=final)
    title = f"Agreement between coders: {study.resolve().name}"
    files = {} if out is None else write_agreement(found, out, title=title)
    told = {name: str(path) for name, path in files.items()}
    if as_json:
        print_json({"study": str(study), **found.as_json(), "files": told})
        return
    _print(str(study), found)
    for path in told.values():
        typer.echo(f"written: {path}")


def _print(study: str, found: Agreement) -> None:
    from mien.report.agreement_page import left_out_words, scope_words
    from mien.report.agreement_tables import agreement_grids

    typer.echo(f"{study}: {scope_words(found)}")
    for grid in agreement_grids(found):
        print_table(grid.name, grid.columns, grid.rows)
        for note in grid.notes:
            typer.echo(note)
    for words in left_out_words(found):
        typer.echo(words)
