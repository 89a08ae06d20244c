"""What `mien stimuli` says of ratings and clips: for programs as JSON, for people as tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from mien.cli.output import number, print_table
from mien.elicitation.reliability_words import EQUATIONS, koo_and_li

if TYPE_CHECKING:
    from pathlib import Path

    from mien.elicitation.ratings import Ratings
    from mien.elicitation.selection import RatedClip, Reliability, Rules, Selection
    from mien.stats.reliability import CronbachAlpha, IntraclassCorrelation

_SCREEN = 60
"""More clips than this are not printed one by one, only the selected ones."""


def clips_result(
    path: Path,
    kept: Ratings,
    rated: tuple[RatedClip, ...],
    agreed: list[Reliability],
    selection: Selection,
    rules: Rules,
    doubtful: dict[str, str],
    keep_all: bool,
    files: dict[str, str],
) -> dict[str, Any]:
    """Everything that was found, for programs."""
    return {
        "ratings": str(path),
        "n_clips": len(kept.stimuli),
        "n_raters": len(kept.raters),
        "always_the_same": {"raters": doubtful, "kept": keep_all},
        "reliability": {one.scale: _reliability(one) for one in agreed},
        "note": EQUATIONS,
        "rules": asdict(rules),
        "clips": [{**asdict(clip), "selected": clip.name in selection.names} for clip in rated],
        "selected": {emotion: [c.name for c in clips] for emotion, clips in selection.selected.items()},
        "left_out": dict(selection.left_out),
        "lacking": dict(selection.lacking),
        "files": files,
    }


def _reliability(one: Reliability) -> dict[str, Any]:
    icc = {} if one.icc is None else {form: asdict(one.icc[form]) for form in one.icc}
    return {
        "n_clips": one.n_clips,
        "n_dropped": one.n_dropped,
        "n_raters": one.n_raters,
        "alpha": None if one.alpha is None else asdict(one.alpha),
        "icc": icc,
        "reason": one.reason,
    }


def print_clips(
    title: str,
    kept: Ratings,
    rated: tuple[RatedClip, ...],
    agreed: list[Reliability],
    selection: Selection,
    doubtful: dict[str, str],
    keep_all: bool,
) -> None:
    """Reliability, clips, and what is lacking, for people."""
    typer.echo(f"{title}: {len(kept.stimuli)} clips, {len(kept.raters)} raters")
    for rater, why in doubtful.items():
        typer.echo(f"rater {rater} answers {why}: {'kept' if keep_all else 'left out'}")
    rows: list[list[object]] = []
    for one in agreed:
        if one.alpha is None or one.icc is None:
            typer.echo(f"{one.scale}: no reliability, {one.reason}")
            continue
        figures: list[tuple[str, CronbachAlpha | IntraclassCorrelation]] = [("Cronbach's alpha", one.alpha)]
        figures += [(form, one.icc[form]) for form in one.icc]
        for name, f in figures:
            span = f"[{number(f.low, 3)}, {number(f.high, 3)}]"
            rows.append([one.scale, name, number(f.value, 3), span, koo_and_li(f.value), one.n_clips])
    print_table("reliability", ["scale", "figure", "value", "95 %", "Koo & Li", "clips"], rows)
    typer.echo(EQUATIONS)
    shown = _shown(rated, selection)
    best = {
        name: place
        for clips in selection.selected.values()
        for place, name in enumerate(c.name for c in clips)
    }
    shown.sort(key=lambda c: (c.target or "~", best.get(c.name, 10**6), -c.success, c.name))
    table = [
        [
            c.target or "-", c.name, "yes" if c.name in best else selection.left_out.get(c.name, "-"),
            number(c.hit_rate, 2), number(c.discreteness, 2), number(c.valence, 2), number(c.arousal, 2),
            "-" if c.valence_holds is None else "yes" if c.valence_holds else "no", number(c.success, 2),
        ]
        for c in shown
    ]  # fmt: skip
    columns = ["emotion", "clip", "selected", "hit rate", "discreteness", "valence", "arousal",
               "valence holds", "success index"]  # fmt: skip
    print_table("clips", columns, table)
    if len(shown) < len(rated):
        said = f"{len(rated) - len(shown)} clips were not selected: {_reasons(selection)}"
        typer.echo(f"{said}; --out and --json have them all")
    for emotion, why in selection.lacking.items():
        typer.echo(f"{emotion}: too few, {why}")


def _shown(rated: tuple[RatedClip, ...], selection: Selection) -> list[RatedClip]:
    """All clips where a screen holds them, else the selected ones."""
    return list(rated) if len(rated) <= _SCREEN else [clip for clip in rated if clip.name in selection.names]


def _reasons(selection: Selection) -> str:
    beaten = sum(why.startswith("place ") for why in selection.left_out.values())
    whys = Counter(why.split(",")[0] for why in selection.left_out.values() if not why.startswith("place "))
    said = [f"{n} with {why}" for why, n in whys.most_common()]
    return "; ".join([*said, f"{beaten} that others of their emotion beat"] if beaten else said)
