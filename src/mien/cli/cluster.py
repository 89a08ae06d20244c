"""mien cluster: workers for --dask, from Slurm or on this machine."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

_LOOK_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("cluster")(cluster)


def cluster(
    slurm: Annotated[bool, typer.Option("--slurm", help="Ask Slurm for the nodes.")] = False,
    local: Annotated[int | None, typer.Option(min=1, help="Processes of this machine instead.")] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Slurm jobs, one a node.")] = 1,
    cores: Annotated[int, typer.Option(min=1, help="Processes of one thread in each.")] = 8,
    memory: Annotated[str, typer.Option(help="Memory of each job, as in 64GB.")] = "32GB",
    walltime: Annotated[str, typer.Option(help="Time of each job, as in 12:00:00.")] = "12:00:00",
    partition: Annotated[str | None, typer.Option(help="Slurm's partition.")] = None,
    account: Annotated[str | None, typer.Option(help="Slurm's account.")] = None,
    directive: Annotated[
        list[str] | None, typer.Option(help="A further #SBATCH line, as in --constraint=cpu; again for more.")
    ] = None,
    prologue: Annotated[
        list[str] | None, typer.Option(help="A shell line before workers start; again for more.")
    ] = None,
    interface: Annotated[str | None, typer.Option(help="Network interface of the nodes, as in ib0.")] = None,
    logs: Annotated[Path, typer.Option(help="Where workers' logs go.")] = Path("mien-cluster"),
    script: Annotated[bool, typer.Option("--script", help="Print Slurm's job script, and leave.")] = False,
) -> None:
    """Start a scheduler and workers, print the address for --dask, and stay until Ctrl-C.

    Study and results must lie under the same paths on every node. When nodes are taken away, the command that
    uses them waits for others; finished work is kept.
    """
    from mien.jobs.cluster import SlurmNodes, local_cluster, slurm_cluster, slurm_script

    if (slurm or script) == (local is not None):
        raise typer.BadParameter("name one of --slurm and --local N")
    if local is not None:
        with local_cluster(local) as made:
            _stay(made)
        return
    asked = SlurmNodes(
        nodes, cores, memory, walltime, partition, account, tuple(directive or ()), tuple(prologue or ()),
        interface, logs,
    )  # fmt: skip
    if script:
        typer.echo(slurm_script(asked))
        return
    with slurm_cluster(asked) as made:
        _stay(made)


def _stay(made: Any) -> None:
    """Say the address on standard output, and how many workers there are on standard error, until Ctrl-C."""
    typer.echo(made.scheduler_address)
    sys.stdout.flush()
    known = -1
    try:
        while True:
            n = len(made.scheduler_info["workers"])
            if n != known:
                typer.echo(f"{n} workers", err=True)
                known = n
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        # A worker that is slow to end is ended: nothing that anybody has to know.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        typer.echo("closed", err=True)
