"""mien simulate STUDY: data with known truth."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import print_json
from mien.core.errors import OptionError

if TYPE_CHECKING:
    from mien.simulate import Estimate, StudySettings


class Part(StrEnum):
    """The part of a study to simulate alone."""

    PHYSIO = "physio"
    EEG = "eeg"
    SIGNALS = "signals"
    MAPS = "maps"
    SPEECH = "speech"
    AUDIOVISUAL = "audiovisual"


class Layout(StrEnum):
    """How the study lies on disk."""

    BIDS = "bids"
    MMME = "mmme"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("simulate")(simulate)


def simulate(
    study: Annotated[Path, typer.Argument(help="The folder to write; it must be empty or absent.")],
    participants: Annotated[int | None, typer.Option(help="Number of people.  [8; maps: 24]")] = None,
    trials: Annotated[int, typer.Option(help="Clips that each of them watches.")] = 7,
    emotions: Annotated[
        str, typer.Option(help="How many of the seven emotions, or their names with commas.")
    ] = "7",
    rate: Annotated[float, typer.Option(help="The camera's nominal rate, Hz.")] = 150.0,
    clip: Annotated[float, typer.Option(help="Length of a clip, s.")] = 15.0,
    duration: Annotated[float, typer.Option(help="Mean duration of micro-expressions, s.")] = 0.382,
    only: Annotated[Part | None, typer.Option(help="One part of a study alone.")] = None,
    layout: Annotated[Layout, typer.Option(help="Folder layout.")] = Layout.BIDS,
    speech: Annotated[bool, typer.Option("--speech", help="People talk; add their voices.")] = False,
    coupling: Annotated[
        float, typer.Option(help="How strongly the body follows the face: 0, or 1 as calibrated.")
    ] = 1.0,
    effect: Annotated[
        list[str] | None,
        typer.Option(
            help="Of emotion on face, body, brain, voice or report, as brain=1; or of the face on coding, 0 "
            "to 1; repeatable."
        ),
    ] = None,
    null: Annotated[
        bool, typer.Option("--null", help="No effect of anything on anything, but of what --effect names.")
    ] = False,
    maps: Annotated[float, typer.Option(help="With --only maps: mean number per person.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Simulate a study whose truth is known: faces, bodies, brains and voices on drifting clocks.

    A simulation that was stopped goes on when the same command is given again. The truth is in
    derivatives/truth, where no analysis looks.
    """
    if only is Part.MAPS:
        if speech or layout is not Layout.BIDS or coupling != 1.0 or effect:
            raise OptionError(
                "--only maps",
                wanted="maps alone",
                got="an option that means whole studies",
                remedy="leave out --speech, --layout, --coupling and --effect",
            )
        _simulate_maps(study, 24 if participants is None else participants, maps, seed, null, as_json)
        return
    from mien.jobs import bar
    from mien.simulate import (
        Effects,
        Expressiveness,
        StudySettings,
        estimate_study,
        simulate_study,
        study_parts,
    )

    effects = replace(Effects.none() if null else Effects(), **_effects(effect or [])).scaled(coupling)
    settings = StudySettings(
        participants=8 if participants is None else participants,
        trials=trials,
        emotions=_emotions(emotions),
        rate_hz=rate,
        clip_s=clip,
        speech=speech or only in (Part.SPEECH, Part.AUDIOVISUAL),
        seed=seed,
        effects=effects,
        expressiveness=Expressiveness(micro_duration_s=(duration, duration * 100 / 382)),
    )
    parts = study_parts(only.value if only else None, speech=speech)
    estimate = estimate_study(settings, parts=parts, layout=layout.value, n_workers=workers)
    typer.echo(_announce(settings, estimate), err=True)
    try:
        with bar("participants") as progress:
            made = simulate_study(
                settings, study, parts=parts, layout=layout.value, n_workers=workers, progress=progress
            )
    except KeyboardInterrupt:
        typer.echo("stopped; finished participants are kept, the same command goes on", err=True)
        raise typer.Exit(130) from None
    if as_json:
        print_json(made.as_json())
    else:
        typer.echo(
            f"{study}: {made.n_participants} simulated participants, {made.n_trials} trials, "
            f"{made.n_micro} micro- and {made.n_macro} macro-expressions, {made.size_bytes / 1e6:.0f} MB"
        )


def _effects(pairs: list[str]) -> dict[str, float]:
    """Effect sizes by what they act on, from "name=value"."""
    known = ("face", "body", "brain", "voice", "report", "coding")
    found = {}
    for one in pairs:
        name, _, text = one.partition("=")
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = float("nan")
        if name not in known or found[name] != found[name]:
            raise OptionError(
                "--effect",
                wanted=f"name=number with a name of {', '.join(known)}",
                got=one,
                remedy="write it as brain=1",
            )
    return found


def _announce(settings: StudySettings, estimate: Estimate) -> str:
    from mien.simulate.study import in_bytes

    minutes = estimate.seconds / 60
    time = f"{minutes / 60:.1f} h" if minutes > 90 else f"{max(minutes, 0.1):.1f} min"
    return (
        f"{settings.participants} participants x {settings.trials} trials: about {time}, "
        f"{in_bytes(estimate.size_bytes)}"
    )


def _emotions(words: str) -> tuple[str, ...]:
    """The emotions meant by a number or by names."""
    from mien.core.labels import SEVEN_EMOTIONS

    if not words.strip().isdecimal():
        return tuple(word.strip() for word in words.split(",") if word.strip())
    count = int(words)
    if not 1 <= count <= len(SEVEN_EMOTIONS):
        raise OptionError(
            "emotions", wanted="1 to 7, or names with commas", got=words, remedy="give another number"
        )
    return SEVEN_EMOTIONS[:count]


def _simulate_maps(
    folder: Path, participants: int, maps: float, seed: int, null: bool, as_json: bool
) -> None:
    from mien.dataset.motion_maps import write_motion_maps
    from mien.simulate import MapSettings, simulate_maps

    settings = MapSettings(participants, maps, effect=0.0 if null else 1.0, seed=seed)
    made = simulate_maps(settings)
    write_motion_maps(made, folder)
    counts = {name: int((made.labels == code).sum()) for code, name in enumerate(made.classes)}
    if as_json:
        print_json(
            {"path": str(folder), "n_samples": len(made), "n_subjects": participants, "class_counts": counts}
        )
    else:
        words = ", ".join(f"{name} {n}" for name, n in counts.items())
        typer.echo(f"{folder}: {len(made)} motion maps of {participants} simulated participants ({words})")
