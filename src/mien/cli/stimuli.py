"""mien stimuli RATINGS: how reliable ratings of clips are, and which clips they select."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.collecting import collect_ratings
from mien.cli.output import print_json
from mien.cli.rated_clips import clips_result, print_clips
from mien.core.errors import DataError, OptionError

if TYPE_CHECKING:
    from mien.elicitation.new_study import ListedClip
    from mien.elicitation.ratings import Ratings
    from mien.elicitation.selection import Selection


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("stimuli")(stimuli)


def stimuli(
    ratings: Annotated[
        Path,
        typer.Argument(help="CSV, TSV or xlsx, long or wide; with --collect, where ratings are written."),
    ],
    clips: Annotated[
        Path | None,
        typer.Option(help="Table of the clips: stimulus, file, emotion; gives targets and lengths."),
    ] = None,
    per_emotion: Annotated[int, typer.Option(min=1, help="Clips of each emotion.")] = 6,
    least_hit_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of raters who must name a clip's emotion.")
    ] = 0.5,
    longest: Annotated[float, typer.Option(help="Longest clip, s.")] = 60.0,
    any_valence: Annotated[
        bool, typer.Option("--any-valence", help="Do not ask pleasant clips to be rated pleasant, and so on.")
    ] = False,
    score: Annotated[
        str, typer.Option(help="Best by success (arousal and hit rate), hit-rate, arousal or discreteness.")
    ] = "success",
    fewer: Annotated[
        bool, typer.Option("--fewer", help="Allow emotions with fewer clips than wanted.")
    ] = False,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Keep raters who always answer the same.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option(help="Begin a study with the selected clips; needs --clips.")
    ] = None,
    title: Annotated[
        str, typer.Option(help="With --to: the study's title.")
    ] = "A study of micro-expressions",
    out: Annotated[
        Path | None, typer.Option(help="Write table, plot and page into this folder.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    simulate: Annotated[
        int | None,
        typer.Option(
            metavar="SEED", min=0, help="First write ratings of 320 clips by 20 simulated raters, to try it."
        ),
    ] = None,
    collect: Annotated[
        Path | None,
        typer.Option(
            metavar="CLIPS", help="Collect ratings of these clips (file, emotion) in raters' browsers."
        ),
    ] = None,
    raters: Annotated[
        str | None, typer.Option(help="With --collect: how many, or names with commas.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="With --collect: seed of each rater's order.")] = 0,
    host: Annotated[
        str,
        typer.Option(
            help="With --collect: address to listen on; others than this machine's need a proxy with TLS."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --collect: port; 0 takes a free one.")
    ] = 8440,
) -> None:
    """Check ratings of clips (alpha, all ICCs, hit rates) and select the best clips of each emotion.

    Exit 1 where an emotion has too few clips that fulfil the rules, unless fewer are allowed.
    """
    if collect is not None:
        others = {
            "--clips": clips,
            "--to": to,
            "--out": out,
            "--json": as_json or None,
            "--simulate": simulate,
        }
        collect_ratings(
            ratings, collect, raters, [name for name, value in others.items() if value is not None],
            seed=seed, host=host, port=port,
        )  # fmt: skip
        return
    if raters is not None:
        raise OptionError(
            "--raters",
            wanted="--collect, a table of the clips",
            got="none",
            remedy="name it, or drop --raters",
        )
    from mien.elicitation.ratings import doubtful_raters, read_ratings
    from mien.elicitation.selection import Rules, rate_clips, reliability, select_clips

    if to is not None and clips is None:
        raise OptionError("--to", wanted="--clips, a table of the clips' files", got="none", remedy="name it")
    rules = Rules(per_emotion, least_hit_rate, longest, not any_valence, score, fewer)  # type: ignore[arg-type]
    if simulate is not None:
        _simulate(ratings, simulate)
    found = read_ratings(ratings)
    listed = _listed(clips)
    found = _with_targets(found, listed)
    doubtful = doubtful_raters(found)
    kept = found if keep_all else found.without(doubtful)
    if not kept.raters:
        raise DataError(
            ratings,
            wanted="a rater who does not always answer the same",
            got=f"{len(doubtful)} who always answer the same",
            remedy="look at the table, or keep them with --keep-all",
        )
    seconds = _seconds(listed, found.stimuli)
    rated = rate_clips(kept, seconds=seconds)
    agreed = [reliability(kept, "valence"), reliability(kept, "arousal")]
    selection = select_clips(rated, rules)
    files: dict[str, str] = {}
    if out is not None:
        from mien.report.stimuli_page import write_stimuli

        made = write_stimuli(
            rated, agreed, selection, rules, doubtful, out,
            title=f"Ratings in {ratings.name}", keep_all=keep_all,
        )  # fmt: skip
        files = {name: str(path) for name, path in made.items()}
    if to is not None:
        _begin(to, listed, selection, title, ratings)
    if as_json:
        print_json(clips_result(ratings, kept, rated, agreed, selection, rules, doubtful, keep_all, files))
        return
    print_clips(str(ratings), kept, rated, agreed, selection, doubtful, keep_all)
    for path in files.values():
        typer.echo(f"written: {path}")
    if to is not None:
        typer.echo(f"{to}: begun with {len(selection.names)} clips; edit {to / 'protocol.yaml'}")


def _simulate(path: Path, seed: int) -> None:
    from mien.simulate.raters import simulate_ratings, write_ratings

    if path.exists():
        raise DataError(path, wanted="a new file for simulated ratings", got="one", remedy="name another")
    write_ratings(path, simulate_ratings(seed).ratings)


def _listed(clips: Path | None) -> dict[str, ListedClip]:
    """The clips of the table by name, targets as far as it has them."""
    from mien.elicitation.new_study import by_name, read_clip_list

    return {} if clips is None else by_name(clips, read_clip_list(clips, aims_known=False))


def _with_targets(ratings: Ratings, listed: dict[str, ListedClip]) -> Ratings:
    """Targets of the clips' table where the ratings state none."""
    from dataclasses import replace

    aims = {name: clip.emotion for name, clip in listed.items()}
    targets = tuple(t or aims.get(name) for name, t in zip(ratings.stimuli, ratings.target, strict=True))
    return replace(ratings, target=targets)


def _seconds(listed: dict[str, ListedClip], rated: Collection[str]) -> dict[str, float]:
    """Lengths of the clips that were rated."""
    from mien.elicitation.clips import check_playable

    return {name: check_playable(clip.file) for name, clip in listed.items() if name in rated}


def _begin(
    study: Path, listed: dict[str, ListedClip], selection: Selection, title: str, ratings: Path
) -> None:
    """A study with the selected clips, and those of the table that are for practice or neutral."""
    from dataclasses import replace

    from mien.elicitation.new_study import new_study

    missing = [name for name in selection.names if name not in listed]
    if missing:
        raise DataError(
            "--clips",
            wanted=f"the file of {missing[0]}",
            got=f"none ({len(missing)} such)",
            remedy="add a row",
        )
    aims = {clip.name: clip.target for clips in selection.selected.values() for clip in clips}
    chosen = [replace(listed[name], name=name, emotion=aims[name], role="trial") for name in selection.names]
    others = [clip for clip in listed.values() if clip.role != "trial"]
    new_study(study, [*chosen, *others], title=title, sources={"ratings": ratings})
