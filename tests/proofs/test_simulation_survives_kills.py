"""A simulation killed again and again: nothing under the final name, and in the end the same bytes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

OPTIONS = (
    "--participants",
    "5",
    "--trials",
    "2",
    "--clip",
    "10",
    "--rate",
    "60",
    "--seed",
    "3",
    "--workers",
    "2",
)


def _command(study: Path) -> list[str]:
    return [sys.executable, "-c", "from mien.cli import main; main()", "simulate", str(study), *OPTIONS]


def _bytes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.slow
def test_killed_simulations_go_on_to_the_same_bytes(tmp_path) -> None:
    subprocess.run(_command(tmp_path / "undisturbed"), check=True, stderr=subprocess.DEVNULL)
    target, kills = tmp_path / "killed", 0
    while not target.exists():
        running = subprocess.Popen(_command(target), stderr=subprocess.DEVNULL, start_new_session=True)
        # Later at every try, so that each gets a little further.
        end = time.monotonic() + 8.0 + 3.0 * kills
        while running.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if running.poll() is None:
            assert not target.exists()
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            kills += 1
        assert kills < 20
    print(f"{kills} kills")
    assert kills >= 2
    assert _bytes(target) == _bytes(tmp_path / "undisturbed")
