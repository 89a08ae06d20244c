"""mien import: a published dataset, its table of labels, or clips of recordings, as a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import print_json, print_table

if TYPE_CHECKING:
    from mien.dataset.importing import ImportedStudy

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("import")(import_dataset)


def import_dataset(
    format: Annotated[
        str, typer.Argument(help="Which dataset, as in mmme or casme2, or recordings; see --list.")
    ] = "",
    source: Annotated[Path | None, typer.Argument(help="Its folder, or its coding table.")] = None,
    study: Annotated[Path | None, typer.Argument(help="The study to write; absent or empty.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="A coding table of your own instead of the published one.")
    ] = None,
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="Leave pictures, videos and signals where they are.")
    ] = False,
    pseudonyms: Annotated[
        Path | None, typer.Option(help="Table of who is who, outside STUDY; default STUDY-pseudonyms.tsv.")
    ] = None,
    list_formats: Annotated[bool, typer.Option("--list", help="Name the datasets and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was imported as JSON.")] = False,
) -> None:
    """Write a study from a published dataset; rows that contradict themselves are listed and kept.

    `recordings` cuts clips out of films of your own (games, talk shows) by a table of theirs.
    """
    from mien.core.errors import OptionError
    from mien.dataset.catalog import DATASETS

    if list_formats:
        rows = [[d.name, d.title, f"{d.rate_hz:g}", d.reference] for d in DATASETS.values()]
        rows.append(
            ["recordings", "clips of your own films", "as filmed", "a table of clips and their origin"]
        )
        if as_json:
            keys = ("format", "title", "rate_hz", "reference")
            print_json({"formats": [dict(zip(keys, row, strict=True)) for row in rows]})
        else:
            print_table("datasets", ["format", "dataset", "rate, Hz", "reference"], rows)
        return
    if not format or source is None or study is None:
        raise OptionError(
            "mien import",
            wanted="FORMAT, SOURCE and STUDY",
            got="fewer",
            remedy="see mien import --help, or mien import --list for the formats",
        )
    if format.strip().lower() == "recordings":
        done = _import_recordings(source, study, labels, labels_only, pseudonyms)
    else:
        done = _import_dataset(format, source, study, labels, labels_only, pseudonyms)
    if as_json:
        print_json({**asdict(done), "folder": str(done.folder), "pseudonyms": str(done.pseudonyms)})
    else:
        _print(done)


def _import_dataset(
    format: str, source: Path, study: Path, labels: Path | None, labels_only: bool, pseudonyms: Path | None
) -> ImportedStudy:
    from mien.dataset.catalog import dataset_format
    from mien.dataset.importing import import_study
    from mien.jobs.progress import bar

    dataset = dataset_format(format)
    with bar("participants") as progress:
        return import_study(
            dataset,
            source,
            study,
            labels=labels,
            recordings=not labels_only,
            pseudonyms=pseudonyms,
            progress=progress,
        )


def _import_recordings(
    source: Path, study: Path, labels: Path | None, labels_only: bool, pseudonyms: Path | None
) -> ImportedStudy:
    from mien.core.errors import OptionError
    from mien.dataset.recordings import import_recordings
    from mien.jobs.progress import bar

    if labels_only:
        raise OptionError(
            "mien import recordings",
            wanted="the recordings themselves",
            got="--labels-only",
            remedy="leave it out: a clip without its recording is nothing",
        )
    with bar("seconds of film") as progress:
        return import_recordings(source, study, table=labels, pseudonyms=pseudonyms, progress=progress)


def _print(done: ImportedStudy) -> None:
    from mien.dataset.catalog.adapter import FLAGS

    if done.flagged:
        rows = [
            [row.participant_id, row.run, row.source_row, row.marks, ", ".join(row.flags)]
            for row in done.flagged[:_SHOWN]
        ]
        columns = ["participant", "run", "row of the table", "onset/apex/offset", "flags"]
        print_table("rows that need a look", columns, rows)
        if len(done.flagged) > _SHOWN:
            typer.echo(f"... and {len(done.flagged) - _SHOWN} more: --json lists them all.")
        counts = sorted(done.n_flags.items(), key=lambda item: -item[1])
        print_table("flags", ["flag", "rows", "meaning"], [[f, n, FLAGS[f]] for f, n in counts])
    for remark in done.remarks:
        typer.echo(remark)
    typer.echo(
        f"{done.folder}: {done.n_participants} participants, {done.n_recordings} recordings, "
        f"{done.n_rows} coded rows, {len(done.flagged)} of them flagged. Who is who: {done.pseudonyms}"
    )
