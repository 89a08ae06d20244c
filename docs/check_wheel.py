"""Build the wheel, install it into an empty environment, and run the quick demo from it with the network off.

`make web` first: the wheel carries the pages. Run as `python docs/check_wheel.py`, or `make wheel`; Linux, since the
network is taken away by a network namespace of its own. Installing needs the package registry, the rest nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("mien/app/static/index.html", "mien/reproduce/templates/reproduction.html", "mien/py.typed")


def main() -> None:
    """Say what was done, a line each; leave with an error at the first thing that is not right."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        wheel = build(scratch)
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
        python = install(wheel, scratch / "environment")
        mien = [str(python.parent / "mien")]
        print(f"mien --help: {at_best([*mien, '--help']):.2f} s; import mien: {import_s(python):.2f} s")
        begun = time.perf_counter()
        told = without_network([*mien, "demo", "--quick", "--out", str(scratch / "demo")], scratch)
        print(told.strip())
        report = Path(told.strip().splitlines()[-1].removeprefix("report: "))
        if not report.is_file():
            sys.exit(f"{report}: wanted the demo's report, got nothing")
        print(f"the demo took {time.perf_counter() - begun:.0f} s without a network")


def build(scratch: Path) -> Path:
    """The wheel, whose pages and templates are there."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(scratch), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = scratch.glob("mien-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    if lost := [name for name in NEEDED if name not in inside]:
        sys.exit(f"{wheel.name}: wanted {', '.join(lost)} in it, got none; run make web")
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """An empty environment's interpreter, with the wheel and what it needs."""
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "-c", str(ROOT / "constraints.txt"), f"{wheel}[all]"], check=True)
    return python


def at_best(command: list[str], *, of: int = 7) -> float:
    """Seconds of the fastest of several calls: what the machine can do when nothing else disturbs."""
    seconds = []
    for _ in range(of):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def import_s(python: Path) -> float:
    """Of `import mien`, the interpreter's own start taken off."""
    return at_best([str(python), "-c", "import mien"]) - at_best([str(python), "-c", ""])


def without_network(command: list[str], scratch: Path) -> str:
    """Standard output of a command that sees no network but its own loopback."""
    unshare = shutil.which("unshare")
    if unshare is None:
        sys.exit("unshare: wanted it on the path to take the network away, got none")
    alone = [unshare, "--net", "--map-root-user"]
    probe = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    if subprocess.run([*alone, sys.executable, "-c", probe], capture_output=True).returncode == 0:
        sys.exit("the network is still there")
    there = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    made = subprocess.run([*alone, *command], cwd=scratch, env=there, stdout=subprocess.PIPE, text=True)
    if made.returncode:
        sys.exit(f"{' '.join(command)}: exit status {made.returncode}")
    return made.stdout


if __name__ == "__main__":
    main()
