"""mien demo: a simulated study, the papers' evaluation of it, what was found beside what was put in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mien.reproduce import Reproduction
    from mien.simulate import StudySettings

QUICK = ("table-1", "consent", "equation-1-2", "equation-3", "table-2", "figure-4", "figure-5", "figure-7-13",
         "table-3", "table-4", "table-10", "figure-12")  # fmt: skip
"""Items of the quick demo: those of signals and faces that take seconds."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("demo")(demo)


def demo(
    quick: Annotated[bool, typer.Option("--quick", help="A smaller study and fewer items.")] = False,
    null: Annotated[
        bool, typer.Option("--null", help="A world in which nothing has to do with anything.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("mien-demo"),
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 2,
) -> None:
    """Simulate a study with known truth, run the papers' evaluation on it, and write one report.

    Light methods run in full, networks at a small stated budget, the heaviest are named as not run. Run it
    again to go on where it stopped; a second run computes nothing.
    """
    from mien.cli.output import duration
    from mien.cli.reproduce import print_verdicts, tell
    from mien.dataset import validate
    from mien.jobs import bar
    from mien.reproduce import Setting, find_items, reproduce
    from mien.reproduce.page import write_reproduction
    from mien.simulate import estimate_study, simulate_study

    settings = _settings(quick=quick, null=null)
    name = "".join(("study", "-quick" if quick else "", "-null" if null else ""))
    study = out / name
    if not study.is_dir():
        seconds = estimate_study(settings, n_workers=workers).seconds
        typer.echo(f"simulating {settings.participants} people, about {duration(seconds)}", err=True)
        with bar("simulated participants") as progress:
            simulate_study(settings, study, n_workers=workers, progress=progress)
    findings = validate(study)
    typer.echo(f"simulated study: {study}, {len(findings) or 'no'} findings by mien validate")
    setting = Setting(study, out / f"report-{name}", quick=True, n_workers=workers, progress=bar)
    made = reproduce(setting, find_items(QUICK if quick else ()), tell=tell)
    files = write_reproduction(made)
    typer.echo("")
    print_verdicts(made)
    typer.echo(_put_in(settings))
    took = duration(sum(made.seconds.values()))
    jobs = f"{made.n_computed} jobs computed, {made.n_kept} kept from before"
    typer.echo(f"{_counted(made)} in {took}; {jobs}")
    typer.echo(f"report: {files['page'].resolve()}")
    if any(one.status == "failed" for one in made.results):
        raise typer.Exit(1)


def _settings(*, quick: bool, null: bool) -> StudySettings:
    from mien.simulate import Effects, StudySettings

    effects = Effects.none() if null else Effects()
    if quick:
        return StudySettings(participants=4, trials=3, clip_s=12.0, effects=effects)
    return StudySettings(participants=12, trials=4, effects=effects)


def _put_in(settings: StudySettings) -> str:
    """What the simulation made true, to be held against what was found."""
    effects = settings.effects
    if not (effects.face or effects.heart_rate_slope or effects.body or effects.brain):
        return "Put in: nothing. Faces move, but no emotion, body or brain goes with it, nor what is coded."
    return (
        f"Put in: {100 * effects.face:.0f} % of expressions show the clip's emotion; the heart follows "
        f"{100 * effects.heart_rate_slope:.0f} % of micro-expressions, the skin "
        f"{100 * effects.skin_conductance:.0f} %; emotion moves body and brain by about "
        f"{effects.body:g} standard deviations."
    )


def _counted(made: Reproduction) -> str:
    done = sum(one.status == "done" for one in made.results)
    others = [one.key for one in made.results if one.status != "done"]
    return f"{done} of {len(made.results)} items" + (f" (not: {', '.join(others)})" if others else "")
