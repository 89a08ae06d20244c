"""Jobs on the workers of a Dask cluster that share the store's folder with the coordinator.

Workers commit to the store themselves, as those of the process pool do: what comes back is only what became
of a job. A worker that dies takes its claim with it; its job is reported as failed and tried again by the
plan, not by Dask, so that a job that kills its workers is set aside after as many tries here as elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.core.errors import JobError, OptionError
from mien.jobs.execute import MAX_TRIES, Event, Report, attempt
from mien.jobs.plan import Job, Plan
from mien.jobs.store import Store

_CONNECT_S = 20
_WORKERS_S = 60
_ADDRESS = re.compile(r"[a-z]+://(\[[^\s\[\]/]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
"""Scheme, host and port."""


@dataclass(frozen=True, slots=True)
class DaskCluster:
    """Runs jobs on the cluster whose scheduler answers at `address`, as in "tcp://10.0.0.1:8786".

    Raises
    ------
    OptionError
        From `run`, if nobody answers there within 20 s.
    JobError
        From `run`, if the scheduler is lost, no worker joins within 60 s, or all die at once.
    """

    address: str

    def run(self, plan: Plan, jobs: list[Job], store: Store, report: Report) -> None:
        """Try every job once; a job whose worker dies is reported as failed."""
        with _connected(self.address) as client, client.as_current():
            try:
                self._run(client, plan, jobs, store, report)
            except BrokenPipeError:  # whoever read what is printed has left: nothing of the cluster
                raise
            except (OSError, TimeoutError) as error:
                raise JobError(
                    f"--dask {self.address}",
                    wanted="a scheduler that stays until the last job",
                    got=(str(error).splitlines() or [type(error).__name__])[0],
                    remedy="start it again, then run the same command again to go on",
                ) from error

    def _run(self, client: Any, plan: Plan, jobs: list[Job], store: Store, report: Report) -> None:
        import distributed

        completed: Any = distributed.as_completed
        sent, waiting = _sent(client, plan), list(reversed(jobs))
        running: dict[Any, Job] = {}
        ended = completed()
        while waiting or running:
            # One job a thread: when a worker dies, nobody else's job is blamed for it.
            while waiting and len(running) < max(1, sum(client.nthreads().values())):
                if sent.status != "finished":  # a worker died while the plan was made anew there
                    sent = _sent(client, plan)
                job = waiting.pop()
                key = f"{job.name}-{job.key[:16]}-{uuid.uuid4().hex[:8]}"
                root = str(store.root.resolve())
                future = client.submit(_work, sent, job, root, key=key, pure=False, retries=0)
                running[future] = job
                ended.add(future)
            future = next(ended)
            event = _event(future, running.pop(future))
            report(event)
            if event.status == "refused":  # the other jobs would be refused as well
                client.cancel(list(running))
                return


def _sent(client: Any, plan: Plan) -> Any:
    """The plan as a task's result: workers pass it on, and Dask makes it anew where one takes it along.

    Not `scatter(broadcast=True)`: where a worker dies between that call's two steps, the scheduler asks for
    it without end.
    """
    import dask
    import distributed

    wait: Any = distributed.wait
    for _ in range(MAX_TRIES):
        try:
            client.wait_for_workers(1, timeout=_WORKERS_S)
        except TimeoutError as error:
            raise JobError(
                "cluster",
                wanted="at least one worker",
                got=f"none within {_WORKERS_S} s",
                remedy="wait until workers have joined, then run the same command again to go on",
            ) from error
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            sent = client.submit(_itself, plan, key=f"plan-{uuid.uuid4().hex}", pure=False)
        wait(sent)
        if sent.status == "finished":
            return sent
    raise JobError(
        "cluster", wanted="workers that stay", got="workers that die at once", remedy="look at their logs"
    )


def _itself(plan: Plan) -> Plan:
    return plan


def _work(plan: Plan, job: Job, root: str) -> Event:
    """On a worker: one job, into the store that it shares with the coordinator."""
    return attempt(plan, job, Store(Path(root)))


def _event(future: Any, job: Job) -> Event:
    """What became of a job: what its worker says, or that there is none any more."""
    try:
        found: Event = future.result()
    except Exception as error:  # KilledWorker, a lost connection, what cannot be read back
        return Event(job, "failed", f"its worker did not answer: {type(error).__name__}: {error}")
    return found


def check_scheduler(address: str) -> None:
    """Raise OptionError if no scheduler answers at the address within 20 s."""
    with _connected(address):
        pass


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Any]:
    import distributed

    client_of: Any = distributed.Client
    if not _ADDRESS.fullmatch(address):
        raise _no_scheduler(address, "no such address")
    try:
        # A client that finds nobody complains when it is thrown away: it is made where somebody has answered.
        with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has a loop already
            thread.submit(asyncio.run, _answer(address)).result()
        client = client_of(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise _no_scheduler(address, said) from error
    try:
        yield client
    finally:
        client.close()


async def _answer(address: str) -> None:
    """Ask who is there; raises OSError, TimeoutError or ValueError if it is no scheduler."""
    import distributed

    remote: Any = distributed.rpc
    security: Any = distributed.Security
    arguments = security().get_connection_args("client")
    asked = remote(address, timeout=_CONNECT_S, connection_args=arguments, deserialize=False)
    try:
        told = await asyncio.wait_for(asked.identity(), _CONNECT_S)
    finally:
        await asked.close_rpc()
    if told.get("type") != "Scheduler":
        raise ValueError(f"a {str(told.get('type')).lower()} at this address")


def _no_scheduler(address: str, got: str) -> OptionError:
    return OptionError(
        f"--dask {address}",
        wanted="the address of a running scheduler, as in tcp://10.0.0.1:8786",
        got=got,
        remedy="start dask scheduler and its workers, on folders that all of them see",
    )
