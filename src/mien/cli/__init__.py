"""The command line: parse, call, print. Tables for people, `--json` for programs, progress on stderr.

Exit status: 0 done, 1 the work failed or found problems, 2 wrong use. An error is one sentence on stderr;
`--debug` shows where it came from. Each command imports what it needs when it runs.
"""

from mien.cli.main import main

__all__ = ["main"]
