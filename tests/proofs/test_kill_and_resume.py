"""Long proof: a run killed ten times, workers and coordinators, ends in the same bytes as one left alone."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mien.dataset.motion_maps import write_motion_maps
from mien.simulate import MapSettings, simulate_maps

KILLS = 10
METHODS = ["-m", "majority", "-m", "linear-svm", "-m", "ststnet", "--epochs", "12"]


def start(source, out):
    program = [sys.executable, "-c", "from mien.cli import main; main()", "recognise", str(source), *METHODS]
    return subprocess.Popen(
        [*program, "--workers", "2", "--json", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def table(process):
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err.decode()
    results = json.loads(out)["results"]
    volatile = ("wall_s", "fold_wall_s_total", "record")
    names = [Path(r["record"]).name for r in results]
    return names, [{key: value for key, value in r.items() if key not in volatile} for r in results]


def finished(out):
    return len(list((out / "store").glob("*/*/done.json")))


@pytest.mark.slow
def test_bit_equal_after_ten_kills(tmp_path, request, workers_of):
    try:
        source = request.getfixturevalue("shared_data") / "me_flow_megc2019"
    except pytest.skip.Exception:
        source = tmp_path / "maps"
        write_motion_maps(simulate_maps(MapSettings(participants=40, seed=9)), source)
    expected = table(start(source, tmp_path / "calm"))
    total = finished(tmp_path / "calm")
    out, rng, kills = tmp_path / "killed", random.Random(0), []
    process = start(source, out)
    while len(kills) < KILLS:
        goal = finished(out) + rng.randint(1, 8)
        while finished(out) < min(goal, total - 2) and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, "the run ended before it was killed often enough"
        living = workers_of(process.pid)
        if len(kills) % 2 and living:
            os.kill(rng.choice(living), signal.SIGKILL)
            kills.append("worker")
        else:
            process.kill()
            process.wait()
            kills.append("coordinator")
            process = start(source, out)
            while not (living := workers_of(process.pid)) and process.poll() is None:
                time.sleep(0.02)
    found = table(process)
    print(
        f"{kills.count('worker')} workers and {kills.count('coordinator')} coordinators killed, {total} folds"
    )
    assert found == expected
