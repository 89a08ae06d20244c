"""The default simulated study as a user makes it: the command, two processes, start to finish.

Runs `mien simulate` in a process of its own, so that every import and the writing to disk count; peak
memory is that of all its processes together, sampled every 50 ms. There is no peer to compare with.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

COMMANDS = {
    "simulated study, 8 people x 7 trials, 15 s of video each, all signals": [],
    "the same, signals alone (EEG and peripheral)": ["--only", "signals"],
}


def measure(options: list[str]) -> tuple[float, float]:
    """Seconds of one run, and the peak resident memory of its processes in GiB."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-c", "from mien.cli import main; main()"]
        start = time.perf_counter()
        running = subprocess.Popen(
            [*program, "simulate", str(Path(folder) / "study"), "--workers", "2", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(running, peak))
        watcher.start()
        status = running.wait()
        seconds = time.perf_counter() - start
        watcher.join()
        if status:
            raise RuntimeError(f"mien simulate {' '.join(options)} exited with {status}")
        return seconds, peak[0] / 2**30


def _watch(running: subprocess.Popen[bytes], peak: list[float]) -> None:
    """Keep the largest sum of proportional memory: pages shared by forked workers count once."""
    root = psutil.Process(running.pid)
    while running.poll() is None:
        total = 0.0
        try:
            for process in (root, *root.children(recursive=True)):
                total += process.memory_full_info().pss
        except psutil.Error:
            continue
        peak[0] = max(peak[0], total)
        time.sleep(0.05)


def main() -> list[dict[str, str | int | float | None]]:
    """Print and return the time of each command; one run each, since they are long."""
    rows: list[dict[str, str | int | float | None]] = []
    for name, options in COMMANDS.items():
        seconds, memory = measure(options)
        print(f"{name}: {seconds:.1f} s, peak memory {memory:.2f} GiB")
        words = f"{name} (one run, 2 processes, peak memory {memory:.2f} GiB)"
        rows.append({"name": words, "n": 56, "median_s": seconds})
    return rows
