"""A Dask cluster as executor: the same bytes, whatever dies; a poison job is set aside, the rest goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from working import (
    KillsItsReader,
    NoModuleElsewhere,
    SlowToRead,
    dies_once,
    leaves_mark,
    poison,
    refuses,
    slow_square,
    square,
)

from mien.core import DataError, JobError, OptionError
from mien.jobs import Job, Plan, Sequential, Store, run_plan
from mien.jobs.dask_cluster import DaskCluster
from mien.jobs.dask_scheduler import check_scheduler

distributed = pytest.importorskip("distributed", reason="distributed not installed, skipped")


@pytest.fixture
def cluster() -> Iterator[Any]:
    import dask

    workers = str(Path(__file__).parent)
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{workers}{os.pathsep}{before}" if before else workers
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": False}
    try:
        with (
            dask.config.set(settings),
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as made,
        ):
            yield made
    finally:
        os.environ["PYTHONPATH"] = before


def _plan(function: Any, context: Path, n: int) -> Plan:
    jobs = [Job(f"number {k}", {"function": function.__name__, "n": k}, {"n": k}) for k in range(n)]
    return Plan(function, str(context), jobs)


def _same(one: list[Any], other: list[Any]) -> bool:
    return [(o["n"], o["square"].tobytes()) for o in one] == [(o["n"], o["square"].tobytes()) for o in other]


def test_the_same_outputs_as_in_this_process(tmp_path: Path, cluster: Any) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here = run_plan(_plan(square, tmp_path / "a", 12), Store(tmp_path / "here"), executor=Sequential())
    plan = _plan(square, tmp_path / "b", 12)
    there = run_plan(plan, Store(tmp_path / "there"), executor=DaskCluster(cluster.scheduler_address))
    assert _same(here, there)
    assert {p.read_text() for p in (tmp_path / "b").glob("computed-*")} == {"x"}
    again = run_plan(plan, Store(tmp_path / "there"), executor=DaskCluster(cluster.scheduler_address))
    assert _same(again, here)
    assert {p.read_text() for p in (tmp_path / "b").glob("computed-*")} == {"x"}


def test_twenty_killed_workers_change_no_bit(tmp_path: Path, cluster: Any) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here = run_plan(_plan(slow_square, tmp_path / "a", 40), Store(tmp_path / "here"))
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        rng = random.Random(3)
        while len(killed) < 20 and not over.wait(0.3):
            alive = [w["pid"] for w in _workers(cluster)]
            if alive:
                killed.append(rng.choice(alive))
                os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    there: list[Any] = []
    for _ in range(20):  # a job that met three deaths by chance is set aside: the same command goes on
        try:
            there = run_plan(
                _plan(slow_square, tmp_path / "b", 40),
                Store(tmp_path / "there"),
                executor=DaskCluster(cluster.scheduler_address),
            )
        except JobError:
            continue
        if len(killed) >= 20:
            break
        for marker in (tmp_path / "there").glob("*/*/done.json"):
            if len(killed) < 20 and random.Random(len(killed)).random() < 0.5:
                marker.unlink()  # more to do while workers still die
    over.set()
    killer.join()
    assert len(killed) == 20
    assert _same(here, there)


def _workers(cluster: Any) -> list[dict[str, int]]:
    found = []
    for nanny in cluster.workers.values():
        process = getattr(getattr(nanny, "process", None), "pid", None)
        if process:
            found.append({"pid": int(process)})
    return found


def test_a_poison_job_is_set_aside_and_the_rest_goes_on(tmp_path: Path, cluster: Any) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(JobError, match="2 of 6 jobs"):
        run_plan(_plan(poison, tmp_path, 6), store, executor=DaskCluster(cluster.scheduler_address))
    assert sorted(p.name for p in tmp_path.glob("computed-*")) == [f"computed-{n}" for n in (0, 1, 4, 5)]
    logs = "".join(p.read_text() for p in (tmp_path / "store" / "quarantine").rglob("*") if p.is_file())
    assert "three is not to be had" in logs


def test_a_worker_that_dies_is_replaced_and_its_job_tried_again(tmp_path: Path, cluster: Any) -> None:
    found = run_plan(
        _plan(dies_once, tmp_path, 3),
        Store(tmp_path / "store"),
        executor=DaskCluster(cluster.scheduler_address),
    )
    assert [output["n"] for output in found] == [0, 1, 2]


def test_a_refusal_comes_back_in_its_own_words(tmp_path: Path, cluster: Any) -> None:
    with pytest.raises(DataError, match="wanted an even one"):
        run_plan(
            _plan(refuses, tmp_path, 3),
            Store(tmp_path / "s"),
            executor=DaskCluster(cluster.scheduler_address),
        )


def test_two_coordinators_never_commit_a_job_twice(tmp_path: Path, cluster: Any) -> None:
    found: list[list[Any]] = []

    def coordinate() -> None:
        plan = _plan(slow_square, tmp_path, 12)
        found.append(
            run_plan(plan, Store(tmp_path / "store"), executor=DaskCluster(cluster.scheduler_address))
        )

    threads = [threading.Thread(target=coordinate) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join(timeout=120)
    assert len(found) == 2
    assert _same(found[0], found[1])
    assert {p.read_text() for p in tmp_path.glob("computed-*")} == {"x"}
    assert json.dumps([o["n"] for o in found[0]]) == json.dumps(list(range(12)))


@pytest.mark.parametrize("address", ["nonsense", "10.0.0.1:8786", "tcp://127.0.0.1", "tcp://127.0.0.1:9"])
def test_nobody_at_the_address_is_said_once_and_quietly(address: str) -> None:
    code = (
        "import sys, mien.jobs.dask_scheduler as cluster\n"
        "cluster._CONNECT_S = 1\n"
        "try: cluster.check_scheduler(sys.argv[1])\n"
        "except cluster.OptionError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code, address], capture_output=True, text=True)
    assert told.stdout.startswith(f"--dask {address}: wanted the address of a running scheduler")
    assert told.stderr == ""


def test_a_worker_is_no_scheduler(cluster: Any) -> None:
    worker = next(iter(cluster.scheduler_info["workers"]))
    with pytest.raises(OptionError, match="got a worker at this address"):
        check_scheduler(worker)
    check_scheduler(cluster.scheduler_address)


def test_a_loop_that_runs_already_is_no_hindrance(cluster: Any) -> None:
    async def notebook() -> None:
        check_scheduler(cluster.scheduler_address)

    asyncio.run(notebook())


def test_nobody_at_the_address_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.jobs.dask_scheduler._CONNECT_S", 1)
    (tmp_path / "c").mkdir()
    with pytest.raises(OptionError, match="wanted the address of a running scheduler"):
        run_plan(
            _plan(square, tmp_path / "c", 1), Store(tmp_path / "s"), executor=DaskCluster("tcp://127.0.0.1:9")
        )


@pytest.mark.parametrize("n", [1, 2])
def test_workers_that_die_while_they_read_the_plan(tmp_path: Path, cluster: Any, n: int) -> None:
    """The first to whom the plan comes, and the next; another has it at last."""
    killed: set[int] = set()

    def kill() -> None:
        while len(killed) < n:
            time.sleep(0.01)
            alive = {worker["pid"] for worker in _workers(cluster)}
            reading = {int(mark.name[6:]) for mark in tmp_path.glob("reads-*")} & alive - killed
            for pid in sorted(reading)[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    plan = Plan(leaves_mark, SlowToRead(str(tmp_path)), _plan(square, tmp_path, 6).jobs)
    found = run_plan(plan, Store(tmp_path / "s"), executor=DaskCluster(cluster.scheduler_address))
    assert len(killed) == n
    assert [output["n"] for output in found] == list(range(6))
    assert len(list(tmp_path.glob("reads-*"))) > n


def test_workers_that_die_at_once_are_said(tmp_path: Path, cluster: Any) -> None:
    plan = Plan(square, KillsItsReader(), _plan(square, tmp_path, 2).jobs)
    with pytest.raises(JobError, match="wanted workers that stay, got workers that die at once"):
        run_plan(plan, Store(tmp_path / "s"), executor=DaskCluster(cluster.scheduler_address))


def test_a_cluster_without_workers_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.jobs.dask_cluster._WORKERS_S", 1)
    with distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=None) as empty:
        executor = DaskCluster(empty.scheduler_address)
        with pytest.raises(JobError, match="wanted at least one worker, got none within 1 s"):
            run_plan(_plan(square, tmp_path, 1), Store(tmp_path / "s"), executor=executor)


def test_a_scheduler_that_goes_is_one_sentence_and_what_is_done_stays(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.jobs.dask_scheduler._CONNECT_S", 2)
    store = Store(tmp_path / "store")
    plan = _plan(slow_square, tmp_path, 40)

    def close() -> None:
        while len(list(tmp_path.glob("computed-*"))) < 3:
            time.sleep(0.01)
        cluster.close()

    thread = threading.Thread(target=close, daemon=True)
    thread.start()
    with pytest.raises(JobError, match="wanted a scheduler that stays until the last job"):
        run_plan(plan, store, executor=DaskCluster(cluster.scheduler_address))
    thread.join(timeout=60)
    n_kept = sum(store.read(job.key) is not None for job in plan.jobs)
    assert 3 <= n_kept < 40
    assert len(run_plan(plan, store)) == 40
    assert {path.read_text() for path in tmp_path.glob("computed-*")} <= {"x", "xx"}


def test_a_scheduler_that_goes_says_nothing_by_itself(tmp_path: Path) -> None:
    """A scheduler and a worker of their own, started where the plan's module is not known; killed at work."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom working import slow_square\n"
        "import mien.jobs.dask_scheduler as scheduler\n"
        "from mien.jobs import Job, Plan, Store, run_plan\nfrom mien.jobs.dask_cluster import DaskCluster\n"
        "from mien.core import JobError\nscheduler._CONNECT_S = 3\n"
        "jobs = [Job(str(n), {'n': n}, {'n': n}) for n in range(400)]\n"
        "plan = Plan(slow_square, sys.argv[2], jobs)\n"
        "try: run_plan(plan, Store(Path(sys.argv[2]) / 'store'), executor=DaskCluster(sys.argv[3]))\n"
        "except JobError as error: print(error)\n"
    )
    port, folder = tmp_path / "scheduler.json", str(Path(__file__).parent)
    started = [_start("scheduler", "--port", "0", "--scheduler-file", str(port))]
    try:
        address = ""
        while not address:
            time.sleep(0.05)
            with contextlib.suppress(OSError, ValueError):  # not there yet, or not whole
                address = json.loads(port.read_text())["address"]
        started.append(_start("worker", address, "--nthreads", "1", "--no-nanny", PYTHONPATH=folder))
        asked = subprocess.Popen(
            [sys.executable, "-c", code, folder, str(tmp_path), address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while len(list(tmp_path.glob("computed-*"))) < 3:
            assert asked.poll() is None, asked.communicate()
            time.sleep(0.05)
        started[0].kill()
        told, complained = asked.communicate(timeout=120)
    finally:
        for one in started:
            one.kill()
            one.wait()
    assert told.count("wanted a scheduler that stays until the last job") == 1
    assert complained == ""


def _start(what: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
    """A part of a cluster as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def test_a_plan_that_workers_cannot_read_is_told_with_the_reason(tmp_path: Path, cluster: Any) -> None:
    plan = Plan(square, NoModuleElsewhere(), _plan(square, tmp_path, 2).jobs)
    wanted = "wanted to read the plan of the jobs, got ModuleNotFoundError: No module named 'not_there'"
    with pytest.raises(JobError, match=wanted):
        run_plan(plan, Store(tmp_path / "s"), executor=DaskCluster(cluster.scheduler_address))


def test_the_last_worker_that_goes_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.jobs.dask_cluster._WORKERS_S", 4)
    monkeypatch.setattr("mien.jobs.dask_cluster._GONE_S", 2)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as lonely:

        def leave() -> None:
            while not list(tmp_path.glob("computed-*")):
                time.sleep(0.01)
            lonely.scale(0)

        thread = threading.Thread(target=leave, daemon=True)
        thread.start()
        plan = _plan(slow_square, tmp_path, 60)
        with pytest.raises(JobError, match="wanted at least one worker, got none within 2 s"):
            run_plan(plan, Store(tmp_path / "s"), executor=DaskCluster(lonely.scheduler_address))
        thread.join(timeout=60)
