"""mien sync: every recorder's clock against the EEG's, with residuals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import number, print_json, print_table

if TYPE_CHECKING:
    from mien.dataset.synchronise import SessionSync, StreamSync


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sync")(sync)


def sync(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    camera_latency: Annotated[
        float, typer.Option(help="Exposure to earliest stamp, s: a constant that stamps cannot show.")
    ] = 0.0,
    plot: Annotated[
        Path | None, typer.Option(help="Write a picture of each participant's residuals into this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the clocks as JSON.")] = False,
) -> None:
    """Fit the clocks of a study's recorders; write them to derivatives/sync; exit 1 if a fit failed."""
    from mien.dataset import open_study, synchronise
    from mien.dataset.synchronise import write_sync

    opened = open_study(study)
    found = []
    for name in opened.participants:
        fitted = synchronise(opened.session(name), camera_latency_s=camera_latency)
        write_sync(opened, fitted)
        found.append(fitted)
        if plot is not None:
            from mien.core.records import write_atomically
            from mien.report.study_figures import sync_figure

            write_atomically(plot / f"{name}_sync.svg", sync_figure(fitted).encode())
    failed = [s.participant_id for s in found if not _usable(s)]
    if as_json:
        print_json({"study": str(study), "failed": failed, "participants": [s.as_json() for s in found]})
    else:
        columns = ["participant", "stream", "verdict", "matched", "missing", "unknown", "drift, ppm",
                   "residual SD, ms", "max, ms"]  # fmt: skip
        print_table(str(study), columns, [row for s in found for row in _rows(s)])
    if failed:
        raise typer.Exit(1)


def _usable(fitted: SessionSync) -> bool:
    streams = [stream for stream in (fitted.polygraph, fitted.camera) if stream is not None]
    return all(stream.fit.verdict != "failed" for stream in streams) and all(
        clip.accepted for clip in fitted.clips.values()
    )


def _rows(fitted: SessionSync) -> list[list[str]]:
    rows = []
    for name, stream in (("polygraph", fitted.polygraph), ("camera's computer", fitted.camera)):
        if stream is not None:
            rows.append([fitted.participant_id, name, *_cells(stream)])
    if fitted.clips:
        clips = fitted.clips.values()
        accepted = sum(clip.accepted for clip in clips)
        spread, late = max(clip.residual_ms for clip in clips), max(clip.late_ms.max() for clip in clips)
        words = f"{accepted} of {len(fitted.clips)} clips"
        empty = ["-"] * 4
        rows.append(
            [fitted.participant_id, "frame stamps", words, *empty, number(spread, 2), number(float(late), 1)]
        )
    return rows


def _cells(stream: StreamSync) -> list[str]:
    told = stream.as_json()
    drifts = ", ".join(number(float(piece["drift_ppm"]), 1) for piece in told["pieces"]) or "-"
    verdict = told["verdict"] if told["reason"] is None else f"{told['verdict']}: {told['reason']}"
    return [
        verdict,
        str(told["n_matched"]),
        str(told["n_missing"]),
        str(told["n_unknown_codes"]),
        drifts,
        number(told["residual_sd_ms"], 2),
        number(told["residual_max_ms"], 2),
    ]
