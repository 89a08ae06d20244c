"""mien simulate STUDY: data with known truth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.output import print_json


class Part(StrEnum):
    """What can be simulated so far."""

    MAPS = "maps"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("simulate")(simulate)


def simulate(
    study: Annotated[Path, typer.Argument(help="The folder to write; it must be empty or absent.")],
    only: Annotated[Part, typer.Option(help="The part of a study to simulate.")] = Part.MAPS,
    participants: Annotated[int, typer.Option(help="Number of simulated people.")] = 24,
    maps: Annotated[float, typer.Option(help="Mean number of expressions per person.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal studies.")] = 0,
    null: Annotated[bool, typer.Option("--null", help="Classes that differ in nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Simulate motion maps of expressions with known classes."""
    from mien.dataset import write_motion_maps
    from mien.simulate import MapSettings, simulate_maps

    settings = MapSettings(participants, maps, effect=0.0 if null else 1.0, seed=seed)
    made = simulate_maps(settings)
    write_motion_maps(made, study)
    counts = {name: int((made.labels == code).sum()) for code, name in enumerate(made.classes)}
    if as_json:
        print_json(
            {"path": str(study), "n_samples": len(made), "n_subjects": participants, "class_counts": counts}
        )
    else:
        words = ", ".join(f"{name} {n}" for name, n in counts.items())
        typer.echo(f"{study}: {len(made)} motion maps of {participants} simulated participants ({words})")
