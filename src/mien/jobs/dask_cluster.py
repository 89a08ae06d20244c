"""Jobs on the workers of a Dask cluster that share the store's folder with the coordinator.

Workers commit to the store themselves, as those of the process pool do: what comes back is only what became
of a job. A worker that dies takes its claim with it; its job is reported as failed and tried again by the
plan, not by Dask, so that a job that kills its workers is set aside after as many tries here as elsewhere.
"""

from __future__ import annotations

import pickle
import uuid
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.core.errors import JobError
from mien.jobs.dask_scheduler import connected
from mien.jobs.execute import MAX_TRIES, Event, Report, attempt
from mien.jobs.plan import Job, Plan
from mien.jobs.store import Store

_WORKERS_S = 60
"""For a first worker; who has asked for a cluster may not have one yet."""
_GONE_S = 3600
"""For another one once there was one: a scheduler of nodes takes them away and gives them back."""


@dataclass(frozen=True, slots=True)
class DaskCluster:
    """Runs jobs on the cluster whose scheduler answers at `address`, as in "tcp://10.0.0.1:8786".

    Raises
    ------
    OptionError
        From `run`, if nobody answers there within 20 s.
    JobError
        From `run`, if the scheduler is lost, no worker joins within 60 s, or again within an hour, all die at
        once, or they cannot read the plan.
    """

    address: str

    def run(self, plan: Plan, jobs: list[Job], store: Store, report: Report) -> None:
        """Try every job once; a job whose worker dies is reported as failed."""
        with connected(self.address) as client, client.as_current():
            try:
                self._run(client, plan, jobs, store, report)
            except BrokenPipeError:  # whoever read what is printed has left: nothing of the cluster
                raise
            except (OSError, TimeoutError, CancelledError) as error:
                raise JobError(
                    f"--dask {self.address}",
                    wanted="a scheduler that stays until the last job",
                    got="one that went" if isinstance(error, CancelledError) else _first_line(error),
                    remedy="start it again, then run the same command again to go on",
                ) from error

    def _run(self, client: Any, plan: Plan, jobs: list[Job], store: Store, report: Report) -> None:
        sent, waiting = _sent(client, plan, _WORKERS_S), list(reversed(jobs))
        running: dict[Any, Job] = {}
        while waiting or running:
            # One job a thread: when a worker dies, nobody else's job is blamed for it.
            while waiting and len(running) < max(1, sum(client.nthreads().values())):
                if sent.status != "finished":  # a worker died while the plan was made anew there
                    sent = _sent(client, plan, _GONE_S)
                job = waiting.pop()
                key = f"{job.name}-{job.key[:16]}-{uuid.uuid4().hex[:8]}"
                root = str(store.root.resolve())
                future = client.submit(_work, sent, _packed(job), root, key=key, pure=False, retries=0)
                running[future] = job
            for future in _ended(client, list(running)):
                event = _event(future, running.pop(future))
                report(event)
                if event.status == "refused":  # the other jobs would be refused as well
                    client.cancel(list(running))
                    return


def _sent(client: Any, plan: Plan, patience_s: float) -> Any:
    """The plan as a task's result: workers pass it on, and Dask makes it anew where one takes it along.

    Not `scatter(broadcast=True)`: where a worker dies between that call's two steps, the scheduler asks for
    it without end. Packed, since a scheduler reads what is in a task, and need not have a user's modules.
    """
    import dask
    import distributed

    wait: Any = distributed.wait
    for _ in range(MAX_TRIES):
        _await_workers(client, patience_s)
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            sent = client.submit(pickle.loads, _packed(plan), key=f"plan-{uuid.uuid4().hex}", pure=False)
        wait(sent)
        if sent.status == "finished":
            return sent
        error = sent.exception()
        if not isinstance(error, distributed.KilledWorker):
            raise JobError(
                "workers of the cluster",
                wanted="to read the plan of the jobs",
                got=f"{type(error).__name__}: {_first_line(error)}",
                remedy="install there what is installed here, the module of a method of your own as well",
            )
    raise JobError(
        "cluster", wanted="workers that stay", got="workers that die at once", remedy="look at their logs"
    )


def _await_workers(client: Any, patience_s: float) -> None:
    """Return once a worker is there; JobError if none is in time."""
    try:
        client.wait_for_workers(1, timeout=patience_s)
    except TimeoutError as error:
        raise JobError(
            "cluster",
            wanted="at least one worker",
            got=f"none within {patience_s} s",
            remedy="wait until workers have joined, then run the same command again to go on",
        ) from error


def _ended(client: Any, running: list[Any]) -> list[Any]:
    """Those of the running jobs that have ended, once there is one."""
    import distributed

    wait: Any = distributed.wait
    while True:
        try:
            return list(wait(running, timeout=_WORKERS_S, return_when="FIRST_COMPLETED").done)
        except TimeoutError:  # long jobs, or nobody left to do them
            _await_workers(client, _GONE_S)


def _packed(anything: Any) -> bytes:
    """For a worker alone to read, with `pickle.loads`; what a script itself defines goes along whole."""
    import cloudpickle

    packed: bytes = cloudpickle.dumps(anything)
    return packed


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def _work(plan: Plan, job: bytes, root: str) -> Event:
    """On a worker: one job, into the store that it shares with the coordinator."""
    return attempt(plan, pickle.loads(job), Store(Path(root)))  # noqa: S301 - packed by our coordinator


def _event(future: Any, job: Job) -> Event:
    """What became of a job: what its worker says, or that there is none any more."""
    try:
        found: Event = future.result()
    except Exception as error:  # KilledWorker, a lost connection, what cannot be read back
        return Event(job, "failed", f"its worker did not answer: {type(error).__name__}: {error}")
    return found
