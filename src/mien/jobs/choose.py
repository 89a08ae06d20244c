"""Where jobs run, as a command was asked: in this process, in several, or on a cluster."""

from __future__ import annotations

from mien.core.errors import OptionError
from mien.jobs.dask_cluster import DaskCluster
from mien.jobs.execute import Executor, Sequential
from mien.jobs.pool import ProcessPool


def executor_for(workers: int, *, dask: str | None = None) -> Executor:
    """The executor for so many processes of this machine, or for the Dask scheduler at an address.

    Parameters
    ----------
    workers
        Processes of one thread each; without meaning where `dask` is given.
    dask
        As in "tcp://10.0.0.1:8786".

    Raises
    ------
    OptionError
        Below one worker. An address at which nobody answers is told when jobs run.
    """
    if workers < 1:
        raise OptionError("--workers", wanted="1 or more", got=workers, remedy="give another number")
    if dask is not None:
        return DaskCluster(dask)
    return ProcessPool(workers) if workers > 1 else Sequential()
