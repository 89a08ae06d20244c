"""The command reference, read from the program itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click
import typer

from mien.cli.main import program


def command_page() -> str:
    """One page with every command of `mien`: help, usage, arguments and options with their defaults."""
    group = typer.main.get_command(program())
    head = [
        "# Commands",
        "",
        "What `mien COMMAND --help` prints, for every command. `--json`, where a command has it, prints the same result for",
        "programs, alone on standard output; progress goes to standard error. Exit status: 0 done, 1 the work failed or found",
        "problems, 2 wrong use.",
        "",
    ]
    return (
        "\n".join([*head, *(line for name, one in _commands(group, "mien") for line in _section(name, one))])
        + "\n"
    )


def _commands(group: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if getattr(command, "hidden", False):
            continue
        yield f"{path} {name}", command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")


def _section(name: str, command: click.Command) -> Iterator[str]:
    depth = "#" * name.count(" ")
    yield from (f"#{depth} {name}", "", *_text(command.help), "")
    if hasattr(command, "commands"):
        return
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("```text", f"{name} {usage}", "```", "")
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            yield from _parameter(parameter, context)


def _parameter(parameter: click.Parameter, context: click.Context) -> Iterator[str]:
    record = parameter.get_help_record(context)
    if record is None:
        return
    words, meaning = record
    yield from (f"`{' '.join(words.split())}`", f": {_plain(meaning) or 'Needed.'}", "")


def _text(words: str | None) -> list[str]:
    """Help as Markdown: paragraphs, with what would be read as markup kept as it is."""
    return [_plain(line) for line in inspect.cleandoc(words or "").replace("\b", "").splitlines()]


def _plain(words: str | None) -> str:
    """One line of help with markup escaped outside `code`."""
    pieces = re.split(r"(`[^`]+`)", " ".join((words or "").split()))
    return "".join(
        one if one.startswith("`") else re.sub(r"([\\*_<>|#$\[\]])", r"\\\1", one) for one in pieces
    )
