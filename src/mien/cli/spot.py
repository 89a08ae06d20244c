"""mien spot VIDEO: where in a video there are micro- and macro-expressions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import number, print_json, print_table

if TYPE_CHECKING:
    from mien.experiments.spot import SpotResult

TIMELINE = "timeline.svg"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("spot")(spot)


def spot(
    source: Annotated[Path | None, typer.Argument(help="A video file.", show_default=False)] = None,
    method: Annotated[str, typer.Option("--method", "-m", help="A method by name.")] = "optical-flow",
    out: Annotated[
        Path, typer.Option(help="Folder of expressions.csv, timeline.svg and measured parts.")
    ] = Path("mien-results"),
    finder: Annotated[str, typer.Option(help="haar, yunet or mediapipe.")] = "haar",
    finder_model: Annotated[
        Path | None, typer.Option(help="Model of yunet or mediapipe.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 2,
    list_methods: Annotated[bool, typer.Option("--list-methods", help="Name the methods and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Spot micro- and macro-expressions in a video: no labels, no training.

    Spans that could not be judged are named with their reason. A run that was stopped goes on when the same
    command is given again.
    """
    from mien.core.records import write_atomically
    from mien.experiments.spot import SPOTTERS, SpotRequest
    from mien.experiments.spot import spot as run
    from mien.jobs import bar
    from mien.report.spotting_figures import timeline

    if list_methods:
        print_json({"methods": list(SPOTTERS)}) if as_json else typer.echo("\n".join(SPOTTERS))
        return
    if source is None:
        raise typer.BadParameter("name a SOURCE, as in: mien spot VIDEO")
    request = SpotRequest(source, method, out, finder, finder_model, workers)
    result = run(request, progress=bar)
    figure = out / TIMELINE
    write_atomically(figure, timeline(result.spotted, title=source.name).encode())
    if as_json:
        print_json({**result.as_json(), "timeline": str(figure)})
    else:
        _print(result, figure)


def _print(result: SpotResult, figure: Path) -> None:
    spotted = result.spotted
    rows = [
        [
            one.kind,
            *(number(at, 3) for at in (one.onset_s, one.apex_s, one.offset_s)),
            number(one.score, 2),
            " ".join(one.regions),
        ]
        for one in spotted.proposals
    ]
    columns = ["expression", "onset, s", "apex, s", "offset, s", "score", "where"]
    print_table(f"{result.request.source.name}, {result.request.method}", columns, rows)
    for one in spotted.not_judged:
        typer.echo(f"not judged: {one.span.start_s:.2f} to {one.span.end_s:.2f} s, {one.reason}")
    for note in spotted.notes:
        typer.echo(note)
    typer.echo(f"{result.table}, {figure}")
