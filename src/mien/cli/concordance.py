"""mien concordance STUDY: peripheral physiology before and after the apexes of micro-expressions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Dask
from mien.cli.output import number, print_json, print_table
from mien.core.errors import OptionError

if TYPE_CHECKING:
    from mien.concordance import Concordance, Row, Settings
    from mien.dataset import Study


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("concordance")(concordance)


def concordance(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    windows: Annotated[str, typer.Option(help="Lengths of the windows, s, with commas.")] = "3,5,10,15",
    layout: Annotated[
        str, typer.Option(help="each-side: a whole window before and after; centred: half on either side.")
    ] = "each-side",
    anchor: Annotated[str, typer.Option(help="What is in the middle: apex or onset.")] = "apex",
    others: Annotated[
        str, typer.Option(help="Leave out windows with another micro-expression, or any expression.")
    ] = "micro",
    beyond_trial: Annotated[
        bool, typer.Option("--beyond-trial", help="Windows may reach out of the trial.")
    ] = False,
    from_reminder: Annotated[
        float | None, typer.Option(help="Leave out expressions closer than this to a reminder, s.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="Preprocessing: recommended or paper.")] = "recommended",
    positions: Annotated[int, typer.Option(help="Random places to which each trial's apexes move.")] = 20,
    shifts: Annotated[int, typer.Option(help="Null studies made of these places; 0: no null.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 1,
    dask: Dask = None,
    out: Annotated[Path, typer.Option(help="Where tables, figures and finished participants go.")] = Path(
        "mien-results"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare peripheral signals before and after micro-expressions, as MMME's Table 3, with what it lacks.

    Effect sizes with intervals, corrected p values, tests over participants, and the same tests with apexes
    moved at random within their trials. Finished participants are kept: the same command goes on.
    """
    from mien.concordance import Settings, analyse_study
    from mien.dataset import open_study
    from mien.jobs import Store, bar, executor_for

    settings = Settings(
        windows_s=_lengths(windows),
        layout=layout,  # type: ignore[arg-type]
        anchor=anchor,  # type: ignore[arg-type]
        others=others,  # type: ignore[arg-type]
        within_trial=not beyond_trial,
        from_reminder_s=from_reminder,
        recipe=recipe,  # type: ignore[arg-type]
        positions=positions,
        shifts=shifts,
        seed=seed,
    )
    opened = open_study(study)
    store = Store(out / "store")
    store.sweep()
    executor = executor_for(workers, dask=dask)
    with bar("participants") as progress:
        found = analyse_study(opened, settings, store=store, executor=executor, progress=progress)
    files = _write(opened, found, settings, out / "concordance")
    if as_json:
        print_json(_result(study, found, files))
    else:
        _print(study, found, files)


def _lengths(words: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in words.split(","))
    except ValueError:
        raise OptionError(
            "--windows", wanted="seconds with commas, as in 3,5,10,15", got=repr(words), remedy="correct it"
        ) from None


def _result(study: Path, found: Concordance, files: list[Path]) -> dict[str, object]:
    from mien.concordance.study import versions

    return {
        "study": str(study),
        "versions": versions(),
        **found.as_json(),
        "files": [str(path) for path in files],
    }


def _write(opened: Study, found: Concordance, settings: Settings, folder: Path) -> list[Path]:
    """Rows as JSON, features as a table, and the figures."""
    import io
    import json

    import pandas as pd

    from mien.core.records import to_json, write_atomically

    table = pd.concat([person.frame(settings) for person in found.people], ignore_index=True)
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    content = {
        "features.parquet": buffer.getvalue(),
        "concordance.json": json.dumps(to_json(_result(opened.folder, found, [])), indent=1).encode(),
        **_figures(opened, found, settings),
    }
    for name in ("figure-7.svg", "figure-13.svg"):
        if name not in content:  # one of an earlier run would be taken for this one's
            (folder / name).unlink(missing_ok=True)
    paths = []
    for name, data in content.items():
        write_atomically(folder / name, data)
        paths.append(folder / name)
    return paths


def _figures(opened: Study, found: Concordance, settings: Settings) -> dict[str, bytes]:
    from mien.concordance import read_person
    from mien.dataset import may_leave
    from mien.dataset.recorders import says_shared_clock
    from mien.report.concordance_figures import (
        clearest_trial,
        forest_figure,
        heart_rate_figure,
        null_figure,
        trial_figure,
    )

    made = {"forest.svg": forest_figure(found), "null.svg": null_figure(found)}
    who, trial = clearest_trial(found)
    person = read_person(opened.session(who), shared_clock=says_shared_clock(opened))
    level = opened.participants[who].consent_level
    if not isinstance(person, str) and trial in person.trials and may_leave("trace", level):
        made["figure-7.svg"] = trial_figure(person, trial, settings)
        try:
            made["figure-13.svg"] = heart_rate_figure(person, trial, settings)
        except OptionError:
            typer.echo(f"note: no ECG with beats in {who}: Figure 13 is not drawn", err=True)
    return {name: text.encode() for name, text in made.items()}


def _print(study: Path, found: Concordance, files: list[Path]) -> None:
    counts = found.expressions()
    typer.echo(
        f"{study}: {counts['micro']} micro- and {counts['macro']} macro-expressions of "
        f"{len(found.people)} participants"
    )
    for name, reason in found.excluded_participants.items():
        from mien.concordance.study import EXCLUSIONS

        typer.echo(f"left out: {name}: {EXCLUSIONS.get(reason, reason)}")
    unused = counts["unused"]
    assert isinstance(unused, dict)
    if unused:
        typer.echo("expressions that cannot be compared: " + _told(unused))
    for window in found.settings.windows_s:
        _print_window(window, [row for row in found.rows if row.window_s == window], found)
    _print_null(found)
    _print_slope(found)
    _print_contrast(found)
    for path in files:
        typer.echo(f"written: {path}")


_COLUMNS = ["Table 3", "n", "before", "after", "t", "p", "q", "d_z [95 %]", "null p", "p participants",
            "q", "p mixed"]  # fmt: skip


def _print_window(window: float, rows: list[Row], found: Concordance) -> None:
    sides = "around the" if found.settings.layout == "centred" else "before and after the"
    title = f"{window:g} s {sides} {found.settings.anchor}; q: Benjamini-Hochberg over all windows"
    fewest = max((row.n_excluded for row in rows), default=0)
    if all(row.reason for row in rows):
        worst = max(rows, key=lambda row: row.n_excluded)
        typer.echo(f"{window:g} s: no test is possible; pairs left out: {_told(worst.excluded) or 'none'}")
        return
    print_table(title, _COLUMNS, [_cells(row) for row in rows])
    fullest = max(rows, key=lambda row: row.n)
    typer.echo(f"left out of every row: {_told(fullest.excluded) or 'none'}; of some rows up to {fewest}")


def _cells(row: Row) -> list[str]:
    return [
        row.printed,
        str(row.n),
        _level(row.before, row.before_sd),
        _level(row.after, row.after_sd),
        number(row.t, 2),
        _p(row.p),
        _p(row.q),
        number(row.d_z, 2) if row.low != row.low else f"{row.d_z:.2f} [{row.low:.2f}, {row.high:.2f}]",
        _p(row.null_p),
        _p(row.subject_p),
        _p(row.subject_q),
        _p(row.mixed_p),
    ]


def _level(mean: float, sd: float) -> str:
    return "-" if mean != mean else f"{mean:.3f} ({number(sd, 3)})"


def _p(value: float) -> str:
    return "-" if value != value else "<.001" if value < 0.001 else f"{value:.3f}"


def _told(counts: object) -> str:
    assert isinstance(counts, dict)
    return ", ".join(f"{word} {n}" for word, n in counts.items())


def _print_null(found: Concordance) -> None:
    kept = found.discoveries()
    names = {"apex": ("paired t over apexes", "q"), "subject": ("t over participants (primary)", "subject_q")}
    rows = [
        [
            names[part.level][0],
            part.n_tests,
            part.observed,
            number(0.05 * part.n_tests, 1),
            "-" if not part.n_shifts else f"{part.mean:.1f} [{part.low:.0f}, {part.high:.0f}]",
            _p(part.p),
            kept[names[part.level][1]],
        ]
        for part in found.null
    ]
    columns = ["tests", "possible", "p < .05", "5 % of them", "apexes moved [95 %]", "p", "q < .05"]
    print_table("how many tests are 'significant', and how many would be anyway", columns, rows)


def _print_slope(found: Concordance) -> None:
    rows = [
        [
            f"{rate.mode}, > {rate.eta:g} x the trial's mean",
            rate.n_apexes,
            rate.n_unknown,
            _share(rate.apexes, rate.apexes_low, rate.apexes_high),
            _share(rate.random, rate.random_low, rate.random_high),
            _share(rate.difference, rate.low, rate.high),
        ]
        for rate in found.slope
    ]
    columns = ["heart-rate slope", "apexes", "unknown", "% pass", "% of random instants", "difference, %"]
    print_table("the heart-rate filter; intervals 95 % over participants", columns, rows)


def _share(value: float, low: float, high: float) -> str:
    if value != value:
        return "-"
    shown = f"{100 * value:.1f}"
    return shown if low != low else f"{shown} [{100 * low:.1f}, {100 * high:.1f}]"


def _print_contrast(found: Concordance) -> None:
    tested = [row for row in found.contrast if row.p == row.p]
    if not tested:
        typer.echo("micro against macro: fewer than 3 participants have both in the same window")
        return
    first = sorted(tested, key=lambda row: (row.p, row.window_s, row.feature))[:5]
    rows = [
        [f"{row.feature}, {row.window_s:g} s", row.n_participants, number(row.micro, 3), number(row.macro, 3),
         number(row.t, 2), _p(row.p), _p(row.q)]
        for row in first
    ]  # fmt: skip
    columns = ["after - before", "participants", "micro", "macro", "t", "p", "q"]
    n = sum(row.q < 0.05 for row in tested)
    title = f"micro against macro, {n} of {len(tested)} below q .05; the five smallest p"
    print_table(title, columns, rows)
