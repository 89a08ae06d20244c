"""One report from one process, two, a Dask cluster, and runs that were killed; no job is committed twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import light

from mien.jobs import Job, Plan, Store, run_plan
from mien.reproduce import ITEMS, Setting, find_items, reproduce
from mien.reproduce.item import Cost, Item, ItemResult
from mien.reproduce.page import write_reproduction

JOBS = Path(__file__).parents[1] / "jobs"


def make(setting: Setting, items: tuple[str, ...]) -> None:
    for _ in range(20):  # a job that met three deaths by chance is set aside: the same command goes on
        made = reproduce(setting, find_items(items))
        failed = [one.reason for one in made.results if one.status != "done"]
        if not failed:
            write_reproduction(made)
            return
        deaths = ("did not answer", "worker process died", "workers that die at once")
        assert all(any(words in why for words in deaths) for why in failed), failed
    raise AssertionError("never done")


class Killer(threading.Thread):
    """Kills random workers with signal 9 until it has killed `n` or is told to stop."""

    def __init__(
        self,
        workers: Callable[[], list[int]],
        n: int,
        every_s: float,
        replace: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(daemon=True)
        self.replace = replace
        self.workers, self.n, self.every_s = workers, n, every_s
        self.over, self.killed, self.random = threading.Event(), 0, random.Random(3)

    def run(self) -> None:
        while self.killed < self.n and not self.over.wait(self.every_s):
            living = self.workers()
            with contextlib.suppress(IndexError, ProcessLookupError):  # nobody there, or just gone
                os.kill(self.random.choice(living), signal.SIGKILL)
                self.killed += 1
                self.replace()

    def __enter__(self) -> Killer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()


@pytest.mark.usefixtures("lightened")
def test_two_processes_of_which_three_are_killed(
    filmed: Path, calm: Path, tmp_path: Path, workers_of: Callable[[int], list[int]]
) -> None:
    with Killer(lambda: workers_of(os.getpid()), 3, 1.5) as killer:
        make(Setting(filmed, tmp_path, quick=True, epochs=1, n_workers=2), light.ITEMS)
    assert killer.killed == 3
    assert light.report_of(tmp_path) == light.report_of(calm)


@pytest.mark.usefixtures("lightened")
def test_a_dask_cluster_of_which_twenty_workers_are_killed(
    bodies: Path, calm_bodies: Path, tmp_path: Path
) -> None:
    """Without videos; all kinds of plans are in tests/proofs/test_reproduce_kills.py."""
    distributed = pytest.importorskip("distributed", reason="distributed not installed, skipped")
    import dask

    settings = {"distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=0, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
    ):
        address, started = cluster.scheduler_address, list[subprocess.Popen[bytes]]()

        def start_worker() -> None:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1",
                     "--no-nanny", "--no-dashboard"],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                    cwd=tmp_path,
                )
            )  # fmt: skip

        def at_work() -> list[int]:
            """Its own processes: a nanny gives up where a worker dies while it starts."""
            return [int(one.pid) for one in list(cluster.scheduler.workers.values()) if one.processing]

        try:
            start_worker()
            start_worker()
            with Killer(at_work, 20, 1.5, start_worker) as killer:
                make(Setting(bodies, tmp_path, quick=True, dask=address), light.BODY)
                while killer.is_alive():  # done too soon: half of it again, while workers still die
                    for marker in sorted((tmp_path / "store").glob("*/*/done.json"))[::2]:
                        marker.unlink()
                    make(Setting(bodies, tmp_path, quick=True, dask=address), light.BODY)
        finally:
            for one in started:
                one.kill()
                one.wait()
    assert killer.killed == 20
    assert light.report_of(tmp_path) == light.report_of(calm_bodies)


def start(study: Path, out: Path, *more: str, commits: Path | None = None) -> subprocess.Popen[bytes]:
    only = [word for name in light.BODY for word in ("--only", name)]
    environment = {**os.environ, **({} if commits is None else {"MIEN_TEST_COMMITS": str(commits)})}
    return subprocess.Popen(
        [sys.executable, light.__file__, "reproduce", str(study), "--quick", "--out", str(out), *only, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def finished(out: Path) -> int:
    return len(list((out / "store").glob("*/*/done.json")))


def test_a_coordinator_is_killed_again_and_again(bodies: Path, calm_bodies: Path, tmp_path: Path) -> None:
    total, killed = finished(calm_bodies), tmp_path / "killed"
    for goal in (1, total // 2, total - 1):
        process = start(bodies, killed, "--workers", "2")
        while finished(killed) < goal and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None, "the run ended before it was killed"
        process.kill()
        process.communicate()
    process = start(bodies, killed)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told.decode()
    assert finished(killed) == total
    assert light.report_of(killed) == light.report_of(calm_bodies)


def test_two_coordinators_on_one_folder_commit_nothing_twice(
    bodies: Path, calm_bodies: Path, tmp_path: Path
) -> None:
    commits = tmp_path / "commits"
    both = [start(bodies, tmp_path / "out", "--workers", "2", commits=commits) for _ in range(2)]
    ended = [one.communicate(timeout=300) for one in both]
    assert [one.returncode for one in both] == [0, 0], ended
    counted = Counter(commits.read_text().split())
    assert set(counted.values()) == {1}
    assert len(counted) == finished(tmp_path / "out") == finished(calm_bodies)
    assert light.report_of(tmp_path / "out") == light.report_of(calm_bodies)
    sentences = [
        [line for line in out.decode().splitlines() if line.startswith("table-")] for out, _ in ended
    ]
    assert sentences[0] == sentences[1]
    assert len(sentences[0]) == 2


def _poisoned(context: Path) -> Item:
    sys.path.insert(0, str(JOBS))
    from working import poison

    def made(setting: Setting) -> ItemResult:
        jobs = [Job(f"number {k}", {"function": "poison", "n": k}, {"n": k}) for k in range(5)]
        run_plan(Plan(poison, str(context), jobs), Store(setting.out / "store"), executor=setting.executor())
        raise AssertionError("poison is not survived")

    return Item("poison", "A job that kills its workers", "None", (), made, lambda _: Cost(1.0))


def test_a_poison_job_is_set_aside_with_its_log_and_other_items_go_on(bodies: Path, tmp_path: Path) -> None:
    items: list[Any] = [_poisoned(tmp_path), next(one for one in ITEMS if one.name == "table-2")]
    out = tmp_path / "out"
    made = reproduce(Setting(bodies, out, n_workers=2), items)
    poisoned, counted = made.results
    assert (poisoned.status, counted.status) == ("failed", "done")
    assert poisoned.reason.startswith("2 of 5 jobs, first 'number 2': wanted a result within 3 tries")
    logs = {path.name: path.read_text() for path in (out / "store" / "quarantine").iterdir()}
    assert len(logs) == 2
    assert sum(log.count("died with exit code -9") for log in logs.values()) == 3
    assert sum(log.count("three is not to be had") for log in logs.values()) >= 3
    assert {path.name for path in tmp_path.glob("computed-*")} == {"computed-0", "computed-1", "computed-4"}
    assert poisoned.reason in write_reproduction(made)["page"].read_text().replace("&#39;", "'")
