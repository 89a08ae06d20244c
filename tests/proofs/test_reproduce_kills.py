"""Long proof: with videos, twenty kills of workers and coordinators, ten of Dask: the same report."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reproduce"))
import light

from mien.simulate import StudySettings, simulate_study

KILLS = 20
ONLY = [word for name in (*light.ITEMS, "figure-4") for word in ("--only", name)]


def start(study: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    """Concordance, recognition, fusion, spotting and faces, each with few methods."""
    program = [sys.executable, light.__file__, "reproduce", str(study), "--quick"]
    return subprocess.Popen(
        [*program, "--out", str(out), *ONLY, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finished(out: Path) -> int:
    return len(list((out / "store").glob("*/*/done.json")))


def end(process: subprocess.Popen[bytes]) -> bytes:
    said, _ = process.communicate(timeout=1200)
    assert process.returncode == 0, said.decode()
    return said


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "study"
    simulate_study(
        StudySettings(
            participants=4, trials=3, clip_s=9.0, rate_hz=60.0, report_s=1.0, rest_s=2.0, sampling_hz=250.0,
            frame_px=160, face_px=112, emotions=("happiness", "disgust", "surprise"), seed=7,
        ),
        folder,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def calm(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("calm") / "out"
    end(start(study, out))
    return out


@pytest.mark.slow
def test_twenty_kills_of_workers_and_coordinators_change_no_byte(
    study: Path, calm: Path, tmp_path: Path, workers_of: Callable[[int], list[int]]
) -> None:
    before, total = light.snapshot(study), finished(calm)
    out, rng, kills = tmp_path / "out", random.Random(0), []
    process = start(study, out, "--workers", "2")
    while len(kills) < KILLS:
        # Spread over the whole run: the next one falls when its share of the jobs is done.
        goal = min(total - 2, total * len(kills) // KILLS + rng.randint(0, 2))
        living: list[int] = []
        while process.poll() is None and (finished(out) < goal or not living):
            time.sleep(0.02)
            living = workers_of(process.pid)
        if process.poll() is not None:  # a job was set aside that met three deaths: the same command goes on
            said, _ = process.communicate()
            assert process.returncode == 1, "the run ended before it was killed often enough"
            assert b"within 3 tries, got the worker process died" in said, said.decode()
            process = start(study, out, "--workers", "2")
        elif len(kills) % 4:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(living), signal.SIGKILL)
                kills.append("worker")
            time.sleep(0.3)
        else:
            process.kill()
            process.communicate()
            kills.append("coordinator")
            process = start(study, out, "--workers", "2")
    process.communicate(timeout=1200)
    end(start(study, out, "--workers", "2"))  # whatever was set aside
    print(f"{kills.count('worker')} workers, {kills.count('coordinator')} coordinators killed; {total} jobs")
    assert finished(out) == total
    assert light.report_of(out) == light.report_of(calm)
    assert light.snapshot(study) == before


@pytest.mark.slow
def test_ten_kills_of_dask_workers_change_no_byte(study: Path, calm: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="distributed not installed, skipped")
    import dask

    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": False}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
    ):
        over, killed, rng = threading.Event(), [], random.Random(5)

        def kill() -> None:
            while len(killed) < 10 and not over.wait(2.5):
                nannies: list[Any] = list(cluster.workers.values())
                living = [n.process.pid for n in nannies if n.process is not None and n.process.pid]
                if living:
                    killed.append(rng.choice(living))
                    os.kill(killed[-1], signal.SIGKILL)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        while True:
            process = start(study, tmp_path, "--dask", cluster.scheduler_address)
            said, _ = process.communicate(timeout=1200)
            if process.returncode == 0:
                break
            assert b"within 3 tries" in said, said.decode()
        over.set()
        killer.join()
    print(f"{len(killed)} workers of the cluster killed")
    assert len(killed) >= 5
    assert light.report_of(tmp_path) == light.report_of(calm)
