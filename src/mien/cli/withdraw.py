"""mien withdraw: remove a participant from a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.output import print_json


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("withdraw")(withdraw_participant)


def withdraw_participant(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    participant: Annotated[str, typer.Argument(help="Whom to remove, as in sub-001.")],
    results: Annotated[
        list[Path] | None, typer.Option(help="A folder of results outside the study; may be repeated.")
    ] = None,
    pseudonyms: Annotated[
        Path | None, typer.Option(help="Table of who is who; default STUDY-pseudonyms.tsv, if it exists.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="The coding bench's database, where it is not the study's own file.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name what would go; remove nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was removed as JSON.")] = False,
) -> None:
    """Remove recordings, everything computed from them and every mention of a participant, for good."""
    from mien.dataset import withdraw

    done = withdraw(study, participant, results=results or (), pseudonyms=pseudonyms, dry_run=dry_run)
    if store is not None and not dry_run:
        _forget(study, store, done.participant_id)
    if as_json:
        print_json({**asdict(done), "dry_run": dry_run})
        return
    for path in done.removed:
        typer.echo(f"{'would remove' if dry_run else 'removed'} {path}")
    for path in done.edited:
        typer.echo(f"{'would take rows out of' if dry_run else 'took rows out of'} {path}")
    typer.echo(
        f"{done.participant_id}: {len(done.removed)} files {'would be ' if dry_run else ''}removed, "
        f"{len(done.edited)} tables {'would lose' if dry_run else 'lost'} rows. Copies made before (exports, "
        "backups) are not known here"
        + (
            "."
            if results
            else ", nor results, models and pictures outside the study: name them with --results."
        )
    )


def _forget(study: Path, store: str, name: str) -> None:
    from mien.app.serve import install_secret
    from mien.coding.store import CodingStore

    kept = CodingStore.open(store, secret=install_secret(study))
    try:
        typer.echo(f"{kept.forget(name)} rows removed from the coding bench's database", err=True)
    finally:
        kept.close()
