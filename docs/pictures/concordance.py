"""Figures of `mien concordance` on a simulated study, for docs/concordance.md.

`python docs/pictures/concordance.py`, part of `make docs`: the two commands that stand in the page.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent / "images"
COMMANDS = (
    "simulate study --participants 8 --trials 6 --clip 45 --only signals",
    "concordance study --out results",
)
FIGURES = ("forest", "null", "figure-7", "figure-13")


def main() -> None:
    """Run the commands in a scratch folder and keep the figures."""
    mien = Path(sys.executable).parent / "mien"
    with tempfile.TemporaryDirectory() as scratch:
        for command in COMMANDS:
            subprocess.run([str(mien), *command.split()], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        for name in FIGURES:
            made = Path(scratch) / "results" / "concordance" / f"{name}.svg"
            shutil.copyfile(made, IMAGES / f"concordance-{name}.svg")


if __name__ == "__main__":
    main()
