"""mien check-method NAME: whether a method, ours or your own, keeps the rules that evaluation relies on."""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import print_json, print_table
from mien.cli.recognise import read_changes

if TYPE_CHECKING:
    from mien.core.errors import OptionError
    from mien.core.records import Json
    from mien.evaluation.conformance import Outcome


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("check-method")(check_method)


def check_method(
    name: Annotated[
        str,
        typer.Argument(help="A method by name, as --list-methods of mien recognise and mien spot tells."),
    ],
    epochs: Annotated[
        int,
        typer.Option(
            min=1, help="Epochs of methods that learn in epochs: enough to see its manners, not its skill."
        ),
    ] = 2,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter's value: C=0.1; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the method and of the samples.")] = 0,
    spotting: Annotated[
        bool,
        typer.Option("--spotting", help="A spotting method, if a method of recognition has the name too."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Check a method on simulated samples or recordings; exit 1 if it breaks a rule.

    Every finding is one sentence: what was wanted, what came, what to do. Nothing is said about how well the
    method recognises or spots expressions: that is mien recognise, and mien spot.
    """
    from mien.experiments.methods import OTHER_METHODS, method_names
    from mien.experiments.spotting_methods import spotting_names

    recognising = [] if spotting else [*method_names(), *OTHER_METHODS]
    known = [*recognising, *spotting_names()]
    if name not in known:
        raise _unknown(name, known, spotting)
    if name not in recognising:
        outcomes = _spotting_outcomes(name, epochs, settings or [], seed)
    else:
        outcomes = _outcomes(name, epochs, settings or [], seed)
    _tell(name, outcomes, as_json)


def _outcomes(name: str, epochs: int, settings: list[str], seed: int) -> list[Outcome]:
    from mien.evaluation.conformance import run_checks
    from mien.experiments import find_method

    method = find_method(name, epochs=epochs, changes=_changes(name, settings))
    # A few epochs teach a network nothing, which is no fault of it.
    return run_checks(method, seed=seed, skip=("learns",) if method.stage_parameter else ())


def _spotting_outcomes(name: str, epochs: int, settings: list[str], seed: int) -> list[Outcome]:
    from mien.evaluation.conformance_spotting import run_spotting_checks
    from mien.experiments.spotting_methods import find_spotter

    method = find_spotter(name, epochs=epochs, changes=_changes(name, settings))
    return run_spotting_checks(method, seed=seed, skip=("finds",) if method.learns == "network" else ())


def _changes(name: str, settings: list[str]) -> dict[str, Json]:
    """Parameters as mien spot takes them, softnet.max_samples=200, or without the method's name."""
    return {key.removeprefix(f"{name}."): value for key, value in read_changes(settings).items()}


def _unknown(name: str, known: list[str], spotting: bool) -> OptionError:
    from mien.core.errors import OptionError

    near = get_close_matches(name, known)
    return OptionError(
        "spotting method" if spotting else "method",
        wanted=f"one of {', '.join(dict.fromkeys(near or known))}",
        got=name,
        remedy="--list-methods of mien recognise and mien spot names all" if near else "choose one of them",
    )


def _tell(name: str, outcomes: list[Outcome], as_json: bool) -> None:
    """Print what became of the checks; exit 1 if there is an error among the findings."""
    findings = [one.finding for one in outcomes if one.finding is not None]
    n_errors = sum(one.severity == "error" for one in findings)
    n_warnings = len(findings) - n_errors
    if as_json:
        told = [{**asdict(one), "sentence": one.sentence} for one in findings]
        checks = [
            {"check": one.check, "words": one.words, "state": one.state, "reason": one.reason}
            for one in outcomes
        ]
        print_json(
            {
                "method": name,
                "n_errors": n_errors,
                "n_warnings": n_warnings,
                "findings": told,
                "checks": checks,
            }
        )
    else:
        rows = [[one.check, _state(one.state, one.reason), one.words] for one in outcomes]
        print_table(f"{name}: what evaluation relies on", ["check", "outcome", "what it makes sure of"], rows)
        for finding in findings:
            typer.echo(f"{finding.severity}: {finding.sentence}")
        typer.echo(f"{name}: {n_errors} errors, {n_warnings} warnings")
    if n_errors:
        raise typer.Exit(1)


def _state(state: str, reason: str) -> str:
    return f"{state} ({reason})" if reason else state
