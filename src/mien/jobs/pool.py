"""A pool of worker processes that survives the death of any of them.

`concurrent.futures` breaks and `multiprocessing.Pool` hangs when a worker is killed; this pool starts
another worker and reports the job as failed, so that it is tried again. Workers write results into the
store themselves, compute with one thread each, and leave when the coordinator is gone. They are forked
from one server process that has imported what the plan needs: heavy libraries are imported once, not once
per worker, and a dead worker is replaced at once.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from mien.core.errors import JobError, OptionError
from mien.jobs.execute import MAX_TRIES, Event, Report, attempt
from mien.jobs.plan import Job, Plan
from mien.jobs.store import Store

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(slots=True)
class _Worker:
    process: ForkServerProcess
    connection: Connection
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class ProcessPool:
    """Runs jobs in `n_workers` processes of one thread each; raises OptionError below one worker."""

    n_workers: int
    _context: ForkServerContext = field(
        default_factory=lambda: multiprocessing.get_context("forkserver"), init=False, repr=False
    )

    def __post_init__(self) -> None:
        if self.n_workers < 1:
            raise OptionError(
                "number of workers",
                wanted="1 or more",
                got=self.n_workers,
                remedy="leave the option out to use all processors",
            )

    def run(self, plan: Plan, jobs: list[Job], store: Store, report: Report) -> None:
        """Try every job once; a job whose worker dies is reported as failed."""
        # Only the first plan of a process decides: the server is started once.
        self._context.set_forkserver_preload([plan.function.__module__, *plan.preload])
        waiting = list(reversed(jobs))
        workers = [self._start(plan, store) for _ in range(min(self.n_workers, len(jobs)))]
        try:
            while waiting or any(worker.job for worker in workers):
                for index, worker in enumerate(workers):
                    if worker.job is None and waiting:
                        self._hand_out(workers, index, waiting, plan, store)
                for index in self._ready(workers):
                    if self._collect(workers[index], report):
                        waiting.clear()  # refused: the other jobs would be refused as well
                    elif not workers[index].process.is_alive() and waiting:
                        workers[index] = self._start(plan, store)
        finally:
            _dismiss(workers)

    def _start(self, plan: Plan, store: Store) -> _Worker:
        for left in reversed(range(MAX_TRIES)):
            here, there = self._context.Pipe()
            process = self._context.Process(target=_work, args=(there, plan, store.root), daemon=True)
            try:
                with _one_thread_each():
                    process.start()
            except (BrokenPipeError, EOFError) as error:  # it, or the server of processes, died meanwhile
                here.close()
                if not left:
                    raise JobError(
                        "worker processes",
                        wanted="one that starts",
                        got=f"{MAX_TRIES} that ended while they were started",
                        remedy="see what they said, and give the same command again: finished work is kept",
                    ) from error
            else:
                break
            finally:
                there.close()
        return _Worker(process, here)

    def _hand_out(
        self, workers: list[_Worker], index: int, waiting: list[Job], plan: Plan, store: Store
    ) -> None:
        worker = workers[index]
        try:
            worker.connection.send(waiting[-1])
        except (BrokenPipeError, OSError):  # it died while idle: nothing is lost
            workers[index] = self._start(plan, store)
            return
        worker.job = waiting.pop()

    @staticmethod
    def _ready(workers: list[_Worker]) -> list[int]:
        connections = {id(w.connection): i for i, w in enumerate(workers) if w.job is not None}
        ready = wait([w.connection for w in workers if w.job is not None])
        return [connections[id(connection)] for connection in ready]

    @staticmethod
    def _collect(worker: _Worker, report: Report) -> bool:
        """Take the outcome of the worker's job; True if the job was refused."""
        job, worker.job = worker.job, None
        assert job is not None
        try:
            event: Event = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            report(Event(job, "failed", f"the worker process died with exit code {worker.process.exitcode}"))
            return False
        report(event)
        return event.status == "refused"


def _work(connection: Connection, plan: Plan, root: Path) -> None:
    """A worker's life: take a job, do it, say so; end when the coordinator closes or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    store = Store(root)
    with contextlib.suppress(EOFError, OSError):
        while (job := connection.recv()) is not None:
            connection.send(_attempt(plan, job, store))


def _attempt(plan: Plan, job: Job, store: Store) -> Event:
    """As `attempt`; a pipe of the job's own that breaks is not the coordinator's, which a worker survives."""
    try:
        return attempt(plan, job, store)
    except BrokenPipeError:
        return Event(job, "failed", traceback.format_exc())


def _dismiss(workers: list[_Worker]) -> None:
    for worker in workers:
        with contextlib.suppress(OSError):
            worker.connection.send(None)
    for worker in workers:
        if worker.job is not None:  # interrupted: its claim dies with it
            worker.process.terminate()
        worker.process.join()
        worker.connection.close()


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    # Numeric libraries read these once, while the child imports them.
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
