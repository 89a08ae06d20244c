"""The `mien` program: its commands, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from mien.core.errors import MienError, OptionError

_debug = False


def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Multimodal micro-expression analysis: from a recording session to a number that holds."""
    global _debug
    _debug = debug
    if version:
        from mien import __version__

        typer.echo(f"mien {__version__}")
        raise typer.Exit


def program() -> typer.Typer:
    """The program with all its commands."""
    from mien.cli import (
        agreement,
        check_method,
        clean,
        cluster,
        code,
        concordance,
        demo,
        describe,
        export,
        fuse,
        import_,
        inspect,
        predict,
        present,
        recognise,
        report,
        reproduce,
        score,
        simulate,
        speed,
        spot,
        stimuli,
        sync,
        validate,
        withdraw,
    )

    app = typer.Typer(
        name="mien",
        help=root.__doc__,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(root)
    modules = (
        *(
            demo,
            simulate,
            import_,
            inspect,
            validate,
            sync,
            describe,
            recognise,
            check_method,
            fuse,
            predict,
            spot,
        ),
        *(
            score,
            report,
            reproduce,
            cluster,
            clean,
            concordance,
            stimuli,
            present,
            code,
            agreement,
            export,
            withdraw,
        ),
        speed,
    )
    for module in modules:
        module.register(app)
    return app


def main() -> None:
    """Run the program and leave with its exit status."""
    try:
        program()()
    except OptionError as error:
        _fail(str(error), status=2)  # wrong use
    except MienError as error:
        _fail(str(error))
    except BrokenPipeError:  # the reader of a pipe left, as `mien ... | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(
            f"{error.filename or 'a file'}: wanted to read or write it, got {error.strerror or error}; "
            "check the path, its permissions and the free disk space."
        )
    except ModuleNotFoundError as error:
        _fail(
            f"{error.name}: wanted an installed package, got none; install mien with all its parts, "
            "as in pip install 'mien[all]'."
        )


def _fail(sentence: str, *, status: int = 1) -> None:
    if _debug:
        raise
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(status)
