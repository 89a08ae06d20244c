"""Clusters: Slurm's script, a pretended sbatch that starts workers here, and what is refused."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from working import square

from mien.core import OptionError
from mien.jobs import Job, Plan, Store, run_plan
from mien.jobs.cluster import SlurmNodes, local_cluster, slurm_cluster, slurm_script
from mien.jobs.dask_cluster import DaskCluster

pytest.importorskip("dask_jobqueue", reason="dask-jobqueue not installed, skipped")

_SBATCH = """#!/bin/bash
[ "$1" = --test-only ] && exit 0
echo "$@" >> "$(dirname "$0")/asked"
cp "${@: -1}" "$(dirname "$0")/job.$$"  # as Slurm does: the file may go when sbatch has answered
setsid bash "$(dirname "$0")/job.$$" >> "$(dirname "$0")/output" 2>&1 &
echo $! >> "$(dirname "$0")/started"
echo "Submitted batch job $!"
"""


def test_the_script_asks_for_what_was_asked(tmp_path: Path) -> None:
    asked = SlurmNodes(
        3, 4, "16GB", "01:30:00", "cpu", "lab", ("--constraint=x",), ("module load python",), "lo", tmp_path
    )
    script = slurm_script(asked)
    lines = script.splitlines()
    for directive in ("-p cpu", "-A lab", "--cpus-per-task=4", "-t 01:30:00", "--constraint=x"):
        assert f"#SBATCH {directive}" in lines
    assert lines.index("module load python") > lines.index("export OMP_NUM_THREADS=1")
    assert "--nworkers 4" in script
    assert "--nthreads 1" in script
    with pytest.raises(OptionError, match=r"--nodes: wanted 1 or more, got 0"):
        SlurmNodes(0)


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with an sbatch that runs the job script on this machine."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", _SBATCH), ("scancel", "#!/bin/bash\nexit 0\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    yield folder
    for line in (folder / "started").read_text().split() if (folder / "started").exists() else ():
        try:
            os.killpg(int(line), signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_jobs_run_on_the_nodes_that_slurm_lends(tmp_path: Path, pretended: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    def plan(folder: Path) -> Plan:
        jobs = [Job(f"number {k}", {"function": "square", "n": k}, {"n": k}) for k in range(6)]
        return Plan(square, str(folder), jobs)

    here = run_plan(plan(tmp_path / "a"), Store(tmp_path / "here"))
    asked = SlurmNodes(2, 1, "1GB", interface="lo", logs=tmp_path / "logs")
    with slurm_cluster(asked) as cluster:
        executor = DaskCluster(cluster.scheduler_address)
        there = run_plan(plan(tmp_path / "b"), Store(tmp_path / "there"), executor=executor)
    assert [o["square"].tobytes() for o in here] == [o["square"].tobytes() for o in there]  # type: ignore[union-attr]
    assert len((pretended / "asked").read_text().splitlines()) == 2


def test_what_slurm_refuses_is_one_sentence(tmp_path: Path, pretended: Path) -> None:
    (pretended / "sbatch").write_text(
        "#!/bin/bash\necho 'error: invalid partition specified: x' >&2\nexit 1\n"
    )
    with (
        pytest.raises(OptionError, match=r"--slurm: wanted a job that Slurm takes, got .*invalid partition"),
        slurm_cluster(SlurmNodes(1, 1, "1GB", partition="x", interface="lo", logs=tmp_path / "logs")),
    ):
        pass


def test_no_slurm_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OptionError, match="wanted Slurm's sbatch on the path"), slurm_cluster(SlurmNodes(1)):
        pass
    with pytest.raises(OptionError, match="--local: wanted 1 or more"), local_cluster(0):
        pass


def test_the_command_tells_its_address_and_ends_with_ctrl_c() -> None:
    """Twice on one machine, and as a terminal does it: the workers are interrupted as well."""
    command = [sys.executable, "-m", "mien", "cluster", "--local", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, text=True, start_new_session=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    try:
        for process in both:
            assert process.stdout.readline().startswith("tcp://127.0.0.1:")
            assert process.stderr.readline().endswith(" workers\n")
        for process in both:
            os.killpg(process.pid, signal.SIGINT)
            out, told = process.communicate(timeout=60)
            assert (process.returncode, out) == (0, "")
            assert [line for line in told.splitlines() if not line.endswith(" workers")] == ["closed"]
    finally:
        for process in both:
            process.kill()


def test_a_worker_that_does_not_end_in_time_is_ended_without_a_word() -> None:
    import psutil

    command = [sys.executable, "-m", "mien", "cluster", "--local", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)  # type: ignore[call-overload]
    try:
        process.stdout.readline()
        assert process.stderr.readline() == "1 workers\n"
        for child in psutil.Process(process.pid).children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "closed\n")
    finally:
        process.kill()
