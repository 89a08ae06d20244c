"""Clusters that `--dask ADDRESS` speaks to: nodes that Slurm lends, or processes of this machine.

One thread a worker process, as everywhere: sums in another order would be other bits. A worker that dies
is told to the plan at once and not tried again by the scheduler, so that a job that kills its workers is set
aside after as many tries as on one machine.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.core.errors import OptionError

_SCHEDULER = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": False}
_NO_PAGE = {"dashboard": False, "dashboard_address": ":0"}
"""Dask serves a page of its own even so: at any free port, and not at one that may be taken."""
_LEAVE_INTERRUPTS = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
"""A terminal sends Ctrl-C to workers as well: it is their cluster's to handle, which ends them."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class SlurmNodes:
    """What Slurm is asked for: so many jobs, each of so many processes of one thread.

    Parameters
    ----------
    nodes
        Jobs, one a node.
    cores
        Processes in each.
    memory
        Of each job together, as in "64GB".
    walltime
        Of each job, as in "12:00:00"; the work goes on where it stopped when it is over.
    directives
        Further lines of #SBATCH, as in "--constraint=cpu".
    interface
        Network interface of scheduler and workers, as in "ib0"; None: the machines' usual one.
    prologue
        Shell lines before the workers start, as in "module load python".
    """

    nodes: int
    cores: int = 8
    memory: str = "32GB"
    walltime: str = "12:00:00"
    partition: str | None = None
    account: str | None = None
    directives: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    interface: str | None = None
    logs: Path = Path("mien-cluster")

    def __post_init__(self) -> None:
        for name, value in (("--nodes", self.nodes), ("--cores", self.cores)):
            if value < 1:
                raise OptionError(name, wanted="1 or more", got=value, remedy="give another number")


def slurm_script(asked: SlurmNodes) -> str:
    """The job script that Slurm would get; needs no Slurm."""
    with _slurm(asked) as cluster:
        return str(cluster.job_script())


@contextlib.contextmanager
def slurm_cluster(asked: SlurmNodes) -> Iterator[Any]:
    """A scheduler here with workers that Slurm starts; both end with the block.

    Raises
    ------
    OptionError
        If Slurm's `sbatch` is not to be found or refuses.
    """
    import shutil

    if shutil.which("sbatch") is None:
        raise OptionError(
            "--slurm",
            wanted="Slurm's sbatch on the path",
            got="none",
            remedy="call it on a login node, or see the job script with --script",
        )
    asked.logs.mkdir(parents=True, exist_ok=True)
    _ask_slurm(slurm_script(asked))
    with _slurm(asked, n_workers=asked.nodes * asked.cores) as cluster:
        yield cluster


def _ask_slurm(script: str) -> None:
    """Whether Slurm would take the job; errors of the real one are lost between threads."""
    import subprocess
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        answer = subprocess.run(["sbatch", "--test-only", file.name], capture_output=True, text=True)
    if answer.returncode:
        raise OptionError(
            "--slurm",
            wanted="a job that Slurm takes",
            got=(answer.stderr.strip().splitlines() or ["an error"])[-1][:200],
            remedy="correct partition, account, memory or walltime",
        )


@contextlib.contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """A scheduler with processes of this machine, as a trial of what a cluster would do."""
    import dask
    import distributed

    if workers < 1:
        raise OptionError("--local", wanted="1 or more", got=workers, remedy="give another number")
    made: Any = distributed.LocalCluster
    with (
        dask.config.set(_SCHEDULER),
        made(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            scheduler_kwargs={**_NO_PAGE, "dashboard_address": "127.0.0.1:0"},
            preload=_LEAVE_INTERRUPTS,
        ) as cluster,
    ):
        yield cluster


@contextlib.contextmanager
def _slurm(asked: SlurmNodes, *, n_workers: int = 0) -> Iterator[Any]:
    import dask
    from dask_jobqueue import SLURMCluster

    logs = asked.logs.absolute()
    made: Any = SLURMCluster
    with (
        dask.config.set(_SCHEDULER),
        made(
            n_workers=n_workers,
            queue=asked.partition,
            account=asked.account,
            cores=asked.cores,
            processes=asked.cores,
            memory=asked.memory,
            walltime=asked.walltime,
            job_name="mien",
            python=sys.executable,
            interface=asked.interface,
            log_directory=str(logs),
            local_directory=str(logs),
            job_extra_directives=list(asked.directives),
            job_script_prologue=[*(f"export {name}=1" for name in _THREADS), *asked.prologue],
            scheduler_options=dict(_NO_PAGE),
        ) as cluster,
    ):
        yield cluster
