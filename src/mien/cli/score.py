"""mien score recognition|spotting: scores of anybody's predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.output import number, print_json, print_table

commands = typer.Typer(
    help="Score anybody's predictions: recognition or spotting.", no_args_is_help=True, rich_markup_mode=None
)
AsJson = Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(commands, name="score")


@commands.command("recognition")
def score_recognition(
    file: Annotated[Path, typer.Argument(help="CSV: sample_id, subject_id, reference, estimate[, dataset].")],
    classes: Annotated[
        str | None,
        typer.Option(help="The classes, separated by commas; default: those among the references."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy, F1, UF1, UAR and the confusion matrix of pooled predictions."""
    from mien.experiments import score_recognition_file

    names = [name.strip() for name in classes.split(",")] if classes else None
    scores: Any = score_recognition_file(file, classes=names)
    if as_json:
        print_json(scores)
        return
    metrics = ("accuracy", "weighted_f1", "uf1", "uar", "macro_precision")
    rows = [["all", scores["n_samples"], *(number(scores[m]) for m in metrics)]]
    rows += [
        [name, p["n_samples"], *(number(p[m]) for m in metrics)] for name, p in scores["per_dataset"].items()
    ]
    print_table(str(file), ["dataset", "n", "accuracy", "weighted F1", "UF1", "UAR", "mean precision"], rows)
    per_class = [
        [
            name,
            c["n_reference"],
            c["n_estimate"],
            number(c["precision"]),
            number(c["recall"]),
            number(c["f1"]),
        ]
        for name, c in scores["per_class"].items()
    ]
    print_table("per class", ["class", "references", "estimates", "precision", "recall", "F1"], per_class)


@commands.command("spotting")
def score_spotting(
    reference: Annotated[Path, typer.Argument(help="CSV: recording_id, kind, onset, offset[, apex].")],
    estimate: Annotated[Path, typer.Argument(help="The same columns[, score].")],
    unit: Annotated[str, typer.Option(help="frame (both ends included) or s.")],
    matching: Annotated[
        str, typer.Option(help="one-to-one, label-hit (MEGC-2020), greedy-best or reference-argmax.")
    ] = "one-to-one",
    threshold: Annotated[float, typer.Option(help="Least intersection over union of a match.")] = 0.5,
    strict: Annotated[bool, typer.Option("--strict", help="Exclude equality with the threshold.")] = False,
    total_duration_s: Annotated[
        float | None,
        typer.Option(help="Length of all recordings in seconds, for false positives per minute."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Precision, recall and F1 of found expressions, pooled over all recordings."""
    from mien.experiments import score_spotting_files

    scores: Any = score_spotting_files(
        reference,
        estimate,
        unit=unit,
        matching=matching,
        threshold=threshold,
        strict=strict,
        total_duration_s=total_duration_s,
    )
    if as_json:
        print_json(scores)
        return
    columns = ("n_reference", "tp", "fp", "fn", "precision", "recall", "f1")
    rows = [[kind, *(number(scores[kind][c]) for c in columns)] for kind in ("micro", "macro", "overall")]
    title = f"{scores['n_recordings']} recordings, {matching}, IoU {'>' if strict else '>='} {threshold}"
    print_table(title, ["kind", "references", "TP", "FP", "FN", "precision", "recall", "F1"], rows)
    apex = scores["apex_error"]
    if apex["n"]:
        mean, median = (number(apex[key], 1) for key in ("mean_absolute", "median_absolute"))
        typer.echo(f"apex error: mean {mean} {apex['unit']}, median {median}, n {apex['n']}")
    if scores["fp_per_minute"] is not None:
        typer.echo(f"false positives per minute: {number(scores['fp_per_minute'])}")
