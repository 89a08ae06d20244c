"""mien predict MODEL VIDEO: a trained recogniser on one clip, or on the expressions of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.output import number, print_json, print_table

if TYPE_CHECKING:
    from mien.report.attribution_figures import Drawn

CONTACT_SHEET = "contact-sheet.png"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("predict")(predict)


def predict(
    model: Annotated[Path, typer.Argument(help="Written by mien recognise --save.", show_default=False)],
    source: Annotated[Path, typer.Argument(help="A video of one expression, or a study.")],
    onset: Annotated[float | None, typer.Option(help="Seconds; default: the first frame.")] = None,
    apex: Annotated[float | None, typer.Option(help="Seconds; default: farthest from the onset.")] = None,
    offset: Annotated[float | None, typer.Option(help="Seconds; default: the last frame.")] = None,
    explain: Annotated[
        Path | None, typer.Option(help="Folder for pictures of what the answer rests on.", show_default=False)
    ] = None,
    consent: Annotated[
        int | None,
        typer.Option(help="Consent level of the person in the video; without 1 no picture shows the face."),
    ] = None,
    finder_model: Annotated[
        Path | None, typer.Option(help="The face finder's own file, or folder of tables.", show_default=False)
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Of a study: micro (default) or macro.")] = None,
    out: Annotated[Path, typer.Option(help="Where measured clips are kept.")] = Path("mien-results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Ask a trained model which class an expression has.

    Probabilities are the model's own and not calibrated. An expression of a participant whom the model was
    trained on says nothing about its worth: it is marked.
    """
    from mien.core.errors import OptionError
    from mien.experiments.explain import explain_answers
    from mien.experiments.predict import Moments
    from mien.experiments.predict import predict as run
    from mien.experiments.sources import is_study
    from mien.jobs import bar
    from mien.report.attribution_figures import write_contact_sheet, write_explanations

    if consent is not None and is_study(source):
        raise OptionError(
            "--consent", wanted="a video", got="a study", remedy="leave it out: the study's own levels decide"
        )
    trained, answers = run(
        model,
        source,
        moments=Moments(onset, apex, offset),
        finder_model=finder_model,
        kinds=tuple(kind or ("micro",)),
        out=out,
        progress=bar,
    )
    explained: list[Drawn] = []
    if explain is not None:
        explanations = explain_answers(trained, answers, consent_level=consent)
        explained = write_explanations(explanations, explain)
        write_contact_sheet(explanations, explain / CONTACT_SHEET)
    whole = {
        "model": {"method": trained.method, "classes": list(trained.classes), "path": str(model)},
        "answers": [answer.as_json() for answer in answers],
        "explained": [one.as_json() for one in explained],
    }
    print_json(whole) if as_json else _print(whole)


def _print(whole: Any) -> None:
    classes = whole["model"]["classes"]
    rows = [
        [
            one["name"] + (" (in training)" if one["seen"] else ""),
            one["estimate"] or "-",
            *(number(one["probabilities"].get(name)) for name in classes),
            one["coded"] or "",
            one["refused"] or " ".join(one["notes"]),
        ]
        for one in whole["answers"]
    ]
    print_table(whole["model"]["method"], ["expression", "answer", *classes, "coded", "notes"], rows)
    for one in whole["explained"]:
        more = [part for part in one["regions"] if part["share"] > part["even"]][:5]
        parts = ", ".join(f"{part['name']} {part['share']:.0%}" for part in more)
        typer.echo(f"{one['picture']} ({one['shows']}): {parts or 'nowhere more than evenly'}")
