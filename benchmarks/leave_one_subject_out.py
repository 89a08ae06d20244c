"""Leave-one-subject-out training in two processes of one thread each beside one after another.

The work is STSTNet on simulated maps, a few epochs per fold; both ways write the same record. Starting the
processes and importing torch in them is part of the measured time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from mien.evaluation import Settings, Task, evaluate_method
from mien.experiments import find_method, task_of
from mien.jobs import Executor, ProcessPool, Sequential, Store
from mien.simulate import MapSettings, simulate_maps

REPEATS = 5
EPOCHS = 25


def measure(task: Task, executor: Executor) -> tuple[float, str]:
    """Seconds of one whole run in an empty store, and the identity of its record."""
    folder = Path(tempfile.mkdtemp())
    try:
        start = time.perf_counter()
        method = find_method("ststnet", epochs=EPOCHS)
        record = evaluate_method(task, method, Settings(), store=Store(folder), executor=executor)
        return time.perf_counter() - start, record.identity
    finally:
        shutil.rmtree(folder)


def main() -> list[dict[str, str | int | float | None]]:
    """Print and return the median times of both ways."""
    task = task_of(simulate_maps(MapSettings(participants=24)))
    measure(task, Sequential())  # imports, first calls
    runs = [(measure(task, Sequential()), measure(task, ProcessPool(2))) for _ in range(REPEATS)]
    assert len({identity for pair in runs for _, identity in pair}) == 1, "the two ways differ"
    one = statistics.median(pair[0][0] for pair in runs)
    two = statistics.median(pair[1][0] for pair in runs)
    spread = [round(a[0] / b[0], 2) for a, b in runs]
    name = f"leave-one-subject-out, STSTNet, {len(task.subject_names)} folds x {EPOCHS} epochs, 2 processes"
    print(f"{name}: sequential {one:.1f} s, two processes {two:.1f} s, {one / two:.2f}x (runs: {spread})")
    return [
        {
            "name": name,
            "n": len(task),
            "median_s": two,
            "peer": "one after another",
            "peer_median_s": one,
            "ratio": one / two,
        }
    ]


if __name__ == "__main__":
    main()
