"""mien check-method NAME: whether a method, ours or your own, keeps the rules that evaluation relies on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from mien.cli.output import print_json, print_table
from mien.cli.recognise import read_changes


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("check-method")(check_method)


def check_method(
    name: Annotated[str, typer.Argument(help="A method by name, as mien recognise --list-methods tells.")],
    epochs: Annotated[
        int,
        typer.Option(
            help="Epochs of methods that learn in epochs: enough to see its manners, not its skill."
        ),
    ] = 2,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter's value: C=0.1; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the method and of the samples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Check a method on simulated samples; exit 1 if it breaks a rule.

    Every finding is one sentence: what was wanted, what came, what to do. Nothing is said about how well the
    method recognises expressions: that is mien recognise.
    """
    from mien.evaluation.conformance import run_checks
    from mien.experiments import find_method

    method = find_method(name, epochs=epochs, changes=read_changes(settings or []))
    # A few epochs teach a network nothing, which is no fault of it.
    outcomes = run_checks(method, seed=seed, skip=("learns",) if method.stage_parameter else ())
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
