"""mien reproduce STUDY: every table and figure of the papers, beside the published ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Dask
from mien.cli.output import duration, print_json
from mien.cli.reproduction_plan import print_plan

if TYPE_CHECKING:
    from mien.reproduce import Reproduction
    from mien.reproduce.run import Step


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("reproduce")(reproduce_study)


def reproduce_study(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    others: Annotated[
        list[Path] | None, typer.Option("--with", help="Another study, for the tables that compare studies.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="An item, as in table-10; again for more.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what it will take, and leave.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Light methods in full, networks at a small stated budget.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of every network.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 1,
    dask: Dask = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    out: Annotated[Path, typer.Option(help="Where report, tables and finished work go.")] = Path(
        "mien-reproduction"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run the papers' whole evaluation on a study and write one report; the same command goes on.

    What a study does not allow is listed with the reason. Finished work is kept, and not done again.
    """
    from mien.jobs import bar
    from mien.reproduce import ITEMS, Setting, find_items, reproduce
    from mien.reproduce.page import items_as_json, write_reproduction
    from mien.reproduce.plan import plan as planned
    from mien.reproduce.verdicts import verdicts

    items = find_items(only or [])
    setting = Setting(
        study, out, tuple(others or ()), quick, epochs, workers, dask=dask, seed=seed,
        only=len(items) < len(ITEMS), progress=bar,
    )  # fmt: skip
    if plan:
        print_plan(planned(setting, items), setting, as_json=as_json)
        return
    try:
        made = reproduce(setting, items, tell=tell)
    except KeyboardInterrupt:
        typer.echo("stopped; finished work is kept, the same command goes on", err=True)
        raise typer.Exit(130) from None
    files = {name: str(path) for name, path in write_reproduction(made).items()}
    if as_json:
        print_json(
            {
                "study": str(study),
                "verdicts": [asdict(one) for one in verdicts(made.results)],
                "items": items_as_json(made),
                "jobs": {"computed": made.n_computed, "kept": made.n_kept},
                "files": files,
            }
        )
    else:
        _print(str(study), made, files)
    if any(one.status == "failed" for one in made.results):
        raise typer.Exit(1)


def tell(step: Step) -> None:
    """Which item is next, on standard error."""
    left = f", about {duration(step.left_s)} left" if step.left_s >= 1 else ""
    typer.echo(f"[{step.number:2d} of {step.n}{left}] {step.item.paper}: {step.item.title}", err=True)


def _print(study: str, made: Reproduction, files: dict[str, str]) -> None:
    for one in made.results:
        if one.status == "done":
            typer.echo(f"{one.key}: {one.sentences[0] if one.sentences else 'made'}")
        else:
            typer.echo(f"{one.key}: {one.status}, {one.reason}")
    typer.echo("")
    print_verdicts(made)
    done = sum(one.status == "done" for one in made.results)
    jobs = f"{made.n_computed} jobs computed, {made.n_kept} kept from before"
    took = duration(sum(made.seconds.values()))
    typer.echo(f"{study}: {done} of {len(made.results)} items in {took}; {jobs}")
    for name, path in files.items():
        typer.echo(f"{name}: {path}")
    if made.setting.only:
        typer.echo("the report of all items: the same command without --only; finished work is kept")


def print_verdicts(made: Reproduction) -> None:
    """The study's questions, each with its answer in words and numbers."""
    from mien.reproduce.verdicts import verdicts

    for one in verdicts(made.results):
        tested = "" if one.q is None else f" (p = {one.p:.4f}, {one.q:.3f} corrected)"
        typer.echo(f"{one.question} {one.status}: {one.words}{tested}")
