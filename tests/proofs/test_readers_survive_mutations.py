"""Thousands of damaged files: each is refused by name or read as something that does not contradict itself.

Every reader is given `FILES` mutations of a small valid file, of eight kinds, in a process of its own that
may crash or hang without ending the proof. A file may be read although it was changed where nothing in it
says so (a bit of a sample): that is what a study's manifest is for. A cut file may so only where the format
states no length.
"""

from __future__ import annotations

import gzip
import json
import os
import select
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "recording"))
from every_reader import READERS
from mutations import KINDS

FOLDER = Path(__file__).parent.parent / "recording"
FILES = int(os.environ.get("MIEN_MUTATIONS", "208"))  # per reader
SECONDS = 10.0
MIB = 2048
# Texts of one line per row, and a packet stream, state no length: a cut between two lines is no damage.
MAY_BE_CUT = (
    *("curry events", "brainvision markers", "openface", "delimited", "table", "text sheet"),
    *("mpg", "sound of mpg"),
)


def _repacked(change: Callable[..., bytes]) -> Callable[..., bytes]:
    """The change done to what is inside a gzip file."""
    return lambda old, rng: gzip.compress(change(gzip.decompress(old), rng), compresslevel=1, mtime=0)


class Child:
    """A reading process, started again when it has died or was too slow."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, name: str, path: Path) -> dict[str, Any]:
        """What came of reading a file, or how the process ended."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(FOLDER / "reading_child.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self._answer(120.0)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\t{path}\n")
        self._process.stdin.flush()
        return self._answer(SECONDS)

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        out: IO[str] = self._process.stdout
        if not select.select([out], [], [], seconds)[0]:
            self.end()
            return {"outcome": "failed", "told": f"not done after {seconds:g} s"}
        line = out.readline()
        if not line:
            self._process.wait()
            told = f"ended with {self._process.returncode}"
            self.end()
            return {"outcome": "failed", "told": told}
        return dict(json.loads(line))

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _damaged_part(folder: Path, path: Path, part: str) -> Path:
    if part == "first":
        return sorted(path.iterdir())[0]
    return folder / part if part else path


def _mutate(child: Child, name: str, repacked: bool, folder: Path) -> tuple[Counter[str], list[str]]:
    """Outcomes by their number, and what went wrong."""
    make, _, part = READERS[name]
    (folder / "original").mkdir()
    path = make(folder / "original")
    valid = child.ask(name, path)
    assert valid["outcome"] == "read", valid
    counts: Counter[str] = Counter()
    wrong = []
    target = folder / "damaged"
    for i in range(FILES):
        kind = list(KINDS)[i % len(KINDS)]
        change = _repacked(KINDS[kind]) if repacked else KINDS[kind]
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder / "original", target)
        read = target / path.relative_to(folder / "original")
        file = _damaged_part(target, read, part)
        file.write_bytes(change(file.read_bytes(), np.random.default_rng([i, len(name)])))
        found = child.ask(name, read)
        if found["outcome"] == "read":
            found["outcome"] = "equal" if found["digest"] == valid["digest"] else "changed"
            may_be_cut = repacked or name in MAY_BE_CUT
            if found["outcome"] == "changed" and kind == "cut" and not may_be_cut:
                found |= {"outcome": "failed", "told": "a cut file was read"}
        if found.get("mib", 0) > MIB:
            found |= {"outcome": "failed", "told": f"{found['mib']:.0f} MiB"}
        counts[found["outcome"]] += 1
        counts[f"{found['outcome']} {kind}"] += 1
        if found["outcome"] == "failed":
            wrong.append(f"{name}, file {i} ({kind}): {found['told']}")
    return counts, wrong


@pytest.mark.slow
def test_no_damaged_file_crashes_a_reader_or_contradicts_itself(tmp_path: Path) -> None:
    child, wrong = Child(), []
    tries = [(name, False) for name in READERS] + [("physio", True)]
    print(f"\n{'reader':<24}{'files':>6}{'refused':>9}{'equal':>7}{'changed':>9}{'failed':>8}")
    try:
        for name, repacked in tries:
            title = f"{name}, inside" if repacked else name
            folder = tmp_path / title.replace(" ", "_").replace(",", "")
            folder.mkdir()
            counts, found = _mutate(child, name, repacked, folder)
            shutil.rmtree(folder)
            wrong += found
            numbers = [counts[key] for key in ("refused", "equal", "changed", "failed")]
            changed = {k.removeprefix("changed "): n for k, n in counts.items() if k.startswith("changed ")}
            print(f"{title:<24}{FILES:>6}", *(f"{n:>7}" for n in numbers), changed or "", flush=True)
    finally:
        child.end()
    assert not wrong, "\n".join(wrong)
