"""mien inspect: what a recording holds."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import number, print_json, print_table

if TYPE_CHECKING:
    from mien.recording.inspect import Inspection


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("inspect")(inspect)


def inspect(
    file: Annotated[Path, typer.Argument(help="A recording, or a folder of stamped images.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what it holds as JSON.")] = False,
) -> None:
    """Say what a recording holds: channels, rates, units, length, events, pictures."""
    from mien.recording.inspect import inspect_file

    found = inspect_file(file)
    if as_json:
        print_json(asdict(found))
        return
    if found.channels:
        rows = [[c.name, number(c.rate_hz), c.unit, c.n_samples] for c in found.channels]
        print_table(str(file), ["channel", "rate (Hz)", "unit", "samples"], rows)
    typer.echo(f"{file}: {_summary(found)}")


def _summary(found: Inspection) -> str:
    lasts = "no times" if math.isnan(found.duration_s) else f"{found.duration_s:.3f} s"
    parts = [found.format, lasts, f"{len(found.channels)} channels"]
    parts.append(f"{found.events} events")
    if found.video is not None:
        size = f"{found.video.width} x {found.video.height} pixels"
        parts.append(f"{found.video.n_frames} frames of {size} at {number(found.video.rate_hz)} Hz")
    return ", ".join(parts)
