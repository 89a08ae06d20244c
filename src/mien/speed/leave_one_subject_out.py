"""Leave-one-subject-out training in two processes of one thread each beside one fold after another.

STSTNet on simulated maps, a few epochs a fold; both ways write the same record. Starting the workers is part
of the measured time, which is the wall's; the server that they are forked from, which imports PyTorch, starts
with the first run.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mien.evaluation import Settings, Task, evaluate_method
from mien.experiments import find_method, task_of
from mien.jobs import Executor, ProcessPool, Sequential, Store
from mien.simulate import MapSettings, simulate_maps
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, by_turns

PARTICIPANTS = 24
EPOCHS, QUICK_EPOCHS = 25, 10
RUNS, QUICK_RUNS = 5, 3
PROCESSES = 2


def evaluated(task: Task, executor: Executor, epochs: int) -> str:
    """Trains every fold in an empty store; the identity of the record."""
    folder = Path(tempfile.mkdtemp())
    try:
        method = find_method("ststnet", epochs=epochs)
        return evaluate_method(task, method, Settings(), store=Store(folder), executor=executor).identity
    finally:
        shutil.rmtree(folder)


def measure(
    setting: Setting, *, participants: int = PARTICIPANTS, epochs: int | None = None, runs: int | None = None
) -> tuple[Row, ...]:
    """One row: two processes beside one."""
    import torch

    task = task_of(simulate_maps(MapSettings(participants=participants)))
    n_epochs = epochs or (QUICK_EPOCHS if setting.quick else EPOCHS)
    setting.told("imports")
    evaluated(task, Sequential(), 1)
    identities: dict[str, set[str]] = {"two": set(), "one": set()}

    def noted(name: str, executor: Executor) -> Callable[[], None]:
        return lambda: identities[name].add(evaluated(task, executor, n_epochs))

    n_runs = runs or (QUICK_RUNS if setting.quick else RUNS)
    taken = by_turns(
        {"two": noted("two", ProcessPool(PROCESSES)), "one": noted("one", Sequential())},
        setting,
        runs=n_runs,
        clock=time.perf_counter,
        warm=False,
    )
    equal = len(identities["one"] | identities["two"]) == 1
    folds = len(task.subject_names)
    row = Row(
        what=f"leave-one-subject-out, STSTNet, {folds} folds x {n_epochs} epochs, {PROCESSES} processes",
        n=folds,
        unit="folds",
        seconds=taken["two"],
        agreement=Agreement(
            equal,
            "the whole record, bit by bit (its identity)",
            "equal in every run" if equal else "different records",
        ),
        peer=f"one after another, PyTorch {torch.__version__}",
        peer_seconds=taken["one"],
        asked=(Demand("ratio", 1.5, "1.5x"),),
        clock="wall",
        note="two processes by nature; their start is part of the time",
    )
    return (row,)


WORK = Work(
    name="leave-one-subject-out",
    title="leave-one-subject-out on 2 cores",
    asked="processes over folds, one thread each: 1.5x one after another",
    measure=measure,
    needs={"torch": "deep"},
    of=(
        "mien.speed.leave_one_subject_out",
        "mien.evaluation.run",
        "mien.jobs.pool",
        "mien.jobs.execute",
        "mien.learning.train",
        "mien.recognition.ststnet",
    ),
    processes=PROCESSES,
)
