"""mien recognise SOURCE --method M: leave-one-subject-out recognition."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.output import number, print_json, print_table, with_interval

Source = Annotated[
    Path | None, typer.Argument(help="A dataset, for example a folder of motion maps.", show_default=False)
]
Methods = Annotated[
    list[str] | None, typer.Option("--method", "-m", help="A method by name; repeat for several.")
]
Protocols = Annotated[
    list[str] | None,
    typer.Option("--protocol", "-p", help="fixed (default), nested or test-selected; repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("recognise")(recognise)


def recognise(
    source: Source = None,
    method: Methods = None,
    protocol: Protocols = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="The dataset's format; default: found out.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="leave-one-subject-out, grouped-k-fold or leave-one-dataset-out.")
    ] = "leave-one-subject-out",
    folds: Annotated[int, typer.Option(help="Number of folds of grouped-k-fold.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="Epochs of methods that learn in epochs.")] = None,
    workers: Annotated[int, typer.Option(help="Processes of one thread each.")] = 1,
    out: Annotated[Path, typer.Option(help="Where records and finished folds go.")] = Path("mien-results"),
    list_methods: Annotated[bool, typer.Option("--list-methods", help="Name the methods and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Evaluate recognition methods; no subject is ever in training and test at once.

    Finished folds are kept: run the same command again to go on where it stopped.
    """
    from mien.experiments import RecogniseRequest, method_names
    from mien.experiments import recognise as run
    from mien.jobs import bar

    if list_methods:
        print_json({"methods": method_names()}) if as_json else typer.echo("\n".join(method_names()))
        return
    if source is None or not method:
        raise typer.BadParameter(
            "name a SOURCE and at least one --method, as in: mien recognise DATA --method ststnet"
        )
    request = RecogniseRequest(
        source=source,
        methods=tuple(method),
        out=out,
        format_name=format_name,
        protocols=tuple(protocol or ("fixed",)),
        split=split,
        n_folds=folds,
        seed=seed,
        epochs=epochs,
        n_workers=workers,
    )
    result = run(request, progress=bar).as_json()
    print_json(result) if as_json else _print(result)


def _print(result: Any) -> None:
    runs = result.get("results", [result])
    first = runs[0]
    rows = [
        [
            f"{r['method']} ({r['protocol']}{', LEAK' if r['leaks'] else ''})",
            *map(with_interval, r["scores"].values()),
        ]
        for r in runs
    ]
    rows += [
        [f"[{name}]", *map(with_interval, values.values())] for name, values in first["baselines"].items()
    ]
    size = f"{first['n_samples']} samples, {first['n_subjects']} subjects"
    title = f"{first['dataset']['name']}: {size}, {first['split']}"
    print_table(title, ["method", "accuracy", "weighted F1", "UF1", "UAR"], rows)
    _print_datasets(runs)
    _print_comparisons(result.get("comparisons", []))
    for warning in first["warnings"]:
        typer.echo(f"note: {warning}", err=True)
    for run in runs:
        typer.echo(f"record: {run['record']}")


def _print_datasets(runs: list[Any]) -> None:
    if len(runs[0]["per_dataset"]) < 2:
        return
    rows = [
        [f"{r['method']} ({r['protocol']})", name, with_interval(scores["uf1"]), with_interval(scores["uar"])]
        for r in runs
        for name, scores in r["per_dataset"].items()
    ]
    print_table("per dataset", ["method", "dataset", "UF1", "UAR"], rows)


def _print_comparisons(comparisons: list[Any]) -> None:
    if not comparisons:
        return
    rows = [[f"{c['first']} - {c['second']}", *(_tested(c, key) for key in _TESTED)] for c in comparisons]
    columns = ["paired, by subject", "UF1 diff", "p", "q", "UAR diff", "p", "q", "McNemar p"]
    print_table("differences (permutation by subject; q: Benjamini-Hochberg)", columns, rows)


def _tested(comparison: Any, key: str) -> str:
    value = comparison[key]
    return "<0.0001" if value is not None and key[0] in "pq" and value < 1e-4 else number(value)


_TESTED = ("difference_uf1", "p_uf1", "q_uf1", "difference_uar", "p_uar", "q_uar", "p_mcnemar")
