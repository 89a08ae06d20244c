"""mien demo: simulate, evaluate, report, in a few minutes and with no data of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("demo")(demo)


def demo(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer participants and epochs.")] = False,
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("mien-demo"),
    workers: Annotated[int, typer.Option(help="Processes of one thread each.")] = 2,
) -> None:
    """Simulate a study and motion maps with known truth, evaluate three methods and write the report.

    Run it again to go on where it stopped; a second run computes nothing.
    """
    from mien.dataset import validate
    from mien.dataset.motion_maps import write_motion_maps
    from mien.evaluation import score_record
    from mien.experiments import RecogniseRequest, recognise
    from mien.jobs import bar
    from mien.report import write_report
    from mien.simulate import MapSettings, StudySettings, simulate_maps, simulate_study

    whole = out / ("study-quick" if quick else "study")
    if not whole.is_dir():
        people = StudySettings(participants=2, trials=1, clip_s=10.0) if quick else StudySettings()
        with bar("simulated participants") as progress:
            simulate_study(people, whole, n_workers=workers, progress=progress)
    findings = validate(whole)
    typer.echo(f"simulated study: {whole}, {len(findings) or 'no'} findings by mien validate")
    settings = MapSettings(participants=10 if quick else 24, seed=1)
    study = out / ("maps-quick" if quick else "maps")
    if not (study / "labels.csv").is_file():
        write_motion_maps(simulate_maps(settings), study)
    typer.echo(f"simulated motion maps: {study}")
    request = RecogniseRequest(
        source=study,
        methods=("majority", "linear-svm", "ststnet"),
        out=out,
        epochs=150 if quick else None,
        n_workers=workers,
    )
    result = recognise(request, progress=bar)
    report = write_report(result.paths, out / "report.html")
    for record in result.records:
        scores = score_record(record).scores
        uf1, uar = (f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in (scores["uf1"], scores["uar"]))
        typer.echo(f"{record.method['name']:>12}: UF1 {uf1}, UAR {uar}")
    typer.echo(f"report: {report.resolve()}")
