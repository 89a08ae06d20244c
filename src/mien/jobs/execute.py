"""Running a plan: skip what is done, compute the rest, retry, quarantine, and read everything back."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from threadpoolctl import threadpool_limits

from mien.core.errors import JobError, MienError
from mien.jobs.plan import Job, Output, Plan
from mien.jobs.progress import silent
from mien.jobs.store import Store

MAX_TRIES = 3
_POLL_S = 0.2

Status = Literal["computed", "cached", "busy", "failed", "refused"]


@dataclass(frozen=True, slots=True)
class Event:
    """What an executor says when a job changes state; `error` is set for failed and refused jobs."""

    job: Job
    status: Status
    error: str | MienError | None = None


Report = Callable[[Event], None]


class Executor(Protocol):
    """Anything that can bring jobs of a plan into a store, telling each outcome through `report`."""

    def run(self, plan: Plan, jobs: list[Job], store: Store, report: Report) -> None:
        """Try every job in `jobs` once; a job that kills its worker is reported as failed."""


def attempt(plan: Plan, job: Job, store: Store) -> Event:
    """Compute one job in this process and commit it, unless it is done or computed elsewhere."""
    with store.claim(job.key) as mine:
        if not mine:
            return Event(job, "busy")
        if store.read(job.key) is not None:
            return Event(job, "cached")
        start = time.perf_counter()
        try:
            # One thread everywhere: sums in another order would be other bits.
            with threadpool_limits(limits=1):
                output = plan.function(plan.context, **job.arguments)
            store.commit(job, output, wall_s=time.perf_counter() - start)
        except MienError as error:
            return Event(job, "refused", error)
        except BrokenPipeError:  # whoever read what is printed has left: nothing of the storage
            raise
        except OSError as error:
            return Event(job, "refused", _storage_error(store.root, error))
        except Exception:
            return Event(job, "failed", traceback.format_exc())
    return Event(job, "computed")


def _storage_error(root: Path, error: OSError) -> JobError:
    return JobError(
        error.filename or root,
        wanted="to read and write files",
        got=error.strerror or repr(error),
        remedy="free disk space or mend the path, then run the same command again to go on",
    )


@dataclass(frozen=True, slots=True)
class Sequential:
    """Runs the jobs one after another in this process."""

    def run(self, plan: Plan, jobs: list[Job], store: Store, report: Report) -> None:
        """Try every job once, in order."""
        for job in jobs:
            report(attempt(plan, job, store))


def run_plan(
    plan: Plan,
    store: Store,
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
    keep: bool = True,
) -> list[Output]:
    """The outputs of all jobs of the plan, in the plan's order, computing only what the store lacks.

    Parameters
    ----------
    plan, store
        What to compute, and where finished jobs are and will be.
    executor
        Where to compute; default in this process.
    progress
        Called with (jobs done, jobs in all, name of the latest).
    keep
        Whether outputs are returned; where they are too large to be held together they stay in the store.

    Raises
    ------
    MienError
        The first error that a job explains (bad data, impossible option); what was finished stays.
    JobError
        If jobs failed `MAX_TRIES` times; all others are finished, the logs are in `quarantine/`.
    """
    ledger = _Ledger(plan, store, progress)
    waiting = ledger.missing()
    while waiting:
        (executor or Sequential()).run(plan, waiting, store, ledger.note)
        ledger.raise_refused()
        waiting = ledger.await_others()
    ledger.raise_quarantined()
    return ledger.outputs() if keep else []


class _Ledger:
    """Keeps count of what became of every job of one plan."""

    def __init__(self, plan: Plan, store: Store, progress: Callable[[int, int, str], None]) -> None:
        self.plan, self.store, self.progress = plan, store, progress
        self.done: set[str] = set()
        self.busy: set[str] = set()
        self.failures: dict[str, list[str]] = {}
        self.refusal: MienError | None = None

    def missing(self) -> list[Job]:
        """The jobs whose result the store lacks; the others are counted as done."""
        jobs = [job for job in self.plan.jobs if self.store.read(job.key) is None]
        lacking = {job.key for job in jobs}
        self.done = {job.key for job in self.plan.jobs} - lacking
        self.progress(len(self.done), len(self.plan), "")
        return jobs

    def note(self, event: Event) -> None:
        key = event.job.key
        self.busy.discard(key)
        if event.status in ("computed", "cached"):
            self.done.add(key)
            self.progress(len(self.done), len(self.plan), event.job.name)
        elif event.status == "busy":
            self.busy.add(key)
        elif isinstance(event.error, MienError):
            self.refusal = self.refusal or event.error
        else:
            self.failures.setdefault(key, []).append(str(event.error))

    def open_jobs(self) -> list[Job]:
        return [
            job
            for job in self.plan.jobs
            if job.key not in self.done and len(self.failures.get(job.key, ())) < MAX_TRIES
        ]

    def await_others(self) -> list[Job]:
        """The jobs that can be tried now, once at least one can; jobs that others compute are waited for."""
        while open_jobs := self.open_jobs():
            for job in [job for job in open_jobs if job.key in self.busy]:
                with self.store.claim(job.key) as mine:
                    if mine:  # whoever had it has finished or died
                        self.busy.discard(job.key)
                        if self.store.read(job.key) is not None:
                            self.note(Event(job, "cached"))
            if free := [job for job in self.open_jobs() if job.key not in self.busy]:
                return free
            time.sleep(_POLL_S)
        return []

    def raise_refused(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def raise_quarantined(self) -> None:
        lost = [job for job in self.plan.jobs if job.key not in self.done]
        if not lost:
            return
        logs = [self.store.quarantine(job, "\n".join(self.failures[job.key])) for job in lost]
        reason = self.failures[lost[0].key][-1].strip().splitlines()[-1]
        raise JobError(
            f"{len(lost)} of {len(self.plan)} jobs, first '{lost[0].name}'",
            wanted=f"a result within {MAX_TRIES} tries",
            got=reason,
            remedy=f"see {os.path.relpath(logs[0])}, mend the cause and run again to go on",
        )

    def outputs(self) -> list[Output]:
        found = [self.store.read(job.key) for job in self.plan.jobs]
        for job, output in zip(self.plan.jobs, found, strict=True):
            if output is None:
                raise JobError(
                    f"job '{job.name}'",
                    wanted="its result in the store",
                    got="nothing readable",
                    remedy="run the same command again",
                )
        return [output for output in found if output is not None]
