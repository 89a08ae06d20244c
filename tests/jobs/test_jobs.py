"""Plans, the store, and executors that survive what kills them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
import pytest

from mien.core import DataError, JobError, OptionError
from mien.jobs import Job, Plan, ProcessPool, Sequential, Store, run_plan

sys.path.insert(0, str(Path(__file__).parent))
import working

EXECUTORS = [Sequential(), ProcessPool(2)]


def plan(function, folder, numbers=range(5)):
    jobs = [Job(f"job {n}", {"function": function.__name__, "n": n}, {"n": n}) for n in numbers]
    return Plan(function, str(folder), jobs)


def computed(folder):
    return {int(f.name.split("-")[1]): len(f.read_text()) for f in Path(folder).glob("computed-*")}


def squares(outputs):
    return [float(o["square"][0]) for o in outputs]


@pytest.mark.parametrize("executor", EXECUTORS, ids=["sequential", "pool"])
def test_outputs_in_order_and_nothing_twice(tmp_path, executor):
    store = Store(tmp_path / "store")
    for _ in range(2):
        outputs = run_plan(plan(working.square, tmp_path), store, executor=executor)
        assert squares(outputs) == [0, 1, 4, 9, 16]
    assert computed(tmp_path) == dict.fromkeys(range(5), 1)


def test_equal_addresses_are_refused():
    jobs = [Job("one", {"a": 1}), Job("two", {"a": 1})]
    with pytest.raises(OptionError, match="'two': wanted an address of its own, got the address of 'one'"):
        Plan(working.square, None, jobs)


def test_key_depends_on_the_address_alone():
    assert Job("x", {"a": 1, "b": 2}).key == Job("y", {"b": 2, "a": 1}, {"n": 1}).key
    assert Job("x", {"a": 1}).key != Job("x", {"a": 2}).key


def test_progress_counts_what_was_there(tmp_path):
    store, seen = Store(tmp_path / "store"), []
    run_plan(plan(working.square, tmp_path, range(2)), store)
    run_plan(plan(working.square, tmp_path, range(4)), store, progress=lambda *a: seen.append(a[:2]))
    assert seen == [(2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("file", ["result.json", "arrays.npz", "done.json", "address.json"])
@pytest.mark.parametrize("damage", [b"", b"junk"])
def test_damaged_entry_is_computed_again(tmp_path, file, damage):
    store, one = Store(tmp_path / "store"), plan(working.square, tmp_path, [3])
    run_plan(one, store)
    (store.folder(one.jobs[0].key) / file).write_bytes(damage)
    assert squares(run_plan(one, store)) == [9]
    assert computed(tmp_path) == {3: 2}


def test_arrays_and_values_come_back_exactly(tmp_path):
    store, job = Store(tmp_path), Job("x", {"x": 1})
    values = np.random.default_rng(0).normal(size=(3, 4))
    store.commit(job, {"array": values, "number": 0.1 + 0.2, "text": "é", "none": None}, wall_s=1.0)
    back = store.read(job.key)
    assert (back["array"] == values).all()
    assert (back["number"], back["text"], back["none"]) == (0.1 + 0.2, "é", None)


@pytest.mark.parametrize("executor", EXECUTORS, ids=["sequential", "pool"])
def test_refusal_stops_the_plan_with_its_own_words(tmp_path, executor):
    with pytest.raises(DataError, match="wanted an even one"):
        run_plan(plan(working.refuses, tmp_path), Store(tmp_path / "store"), executor=executor)


def test_poison_is_quarantined_and_the_rest_goes_on(tmp_path):
    store = Store(tmp_path / "store")
    with pytest.raises(JobError, match="2 of 5 jobs, first 'job 2'"):
        run_plan(plan(working.poison, tmp_path), store, executor=ProcessPool(2))
    assert computed(tmp_path) == {0: 1, 1: 1, 4: 1}
    logs = "".join(log.read_text() for log in (store.root / "quarantine").iterdir())
    assert logs.count("exit code -9") == 3
    assert logs.count("three is not to be had") >= 3


def test_worker_that_dies_is_replaced_and_its_job_tried_again(tmp_path):
    outputs = run_plan(plan(working.dies_once, tmp_path), Store(tmp_path / "store"), executor=ProcessPool(2))
    assert squares(outputs) == [0, 1, 4, 9, 16]
    assert computed(tmp_path) == dict.fromkeys(range(5), 1)


@pytest.mark.parametrize("n_deaths", [1, 2, 99])
def test_a_worker_that_dies_while_it_is_started_is_started_again(tmp_path, monkeypatch, n_deaths) -> None:
    start, died = ForkServerProcess.start, []

    def dies_at_first(process: ForkServerProcess) -> None:
        if len(died) < n_deaths:
            died.append(process)
            raise BrokenPipeError(32, "Broken pipe")
        start(process)

    monkeypatch.setattr(ForkServerProcess, "start", dies_at_first)
    run = partial(
        run_plan, plan(working.square, tmp_path, range(3)), Store(tmp_path / "store"), executor=ProcessPool(2)
    )
    if n_deaths < 3:
        assert [output["n"] for output in run()] == [0, 1, 2]
    else:
        with pytest.raises(JobError, match="wanted one that starts, got 3 that ended"):
            run()
    assert len(died) == min(n_deaths, 3)


def test_workers_have_one_thread(tmp_path):
    outputs = run_plan(
        plan(working.threads, tmp_path, [1]), Store(tmp_path / "store"), executor=ProcessPool(1)
    )
    assert outputs[0]["most"] == 1


def test_no_workers():
    with pytest.raises(OptionError, match="1 or more"):
        ProcessPool(0)


def test_store_in_a_file_is_refused(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(DataError, match="a folder that can be written"):
        Store(tmp_path / "f")


def coordinator(folder, store):
    """The code of a coordinator in a process of its own."""
    return textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import working
        from mien.jobs import Job, Plan, ProcessPool, Store, run_plan
        if __name__ == "__main__":
            jobs = [Job(f"job {{n}}", {{"function": "slow_square", "n": n}}, {{"n": n}}) for n in range(12)]
            plan = Plan(working.slow_square, {str(folder)!r}, jobs)
            run_plan(plan, Store({str(store)!r}), executor=ProcessPool(2))
    """)


def start(tmp_path, code):
    script = tmp_path / "coordinator.py"
    script.write_text(code)
    return subprocess.Popen([sys.executable, str(script)])


def test_two_coordinators_never_commit_a_job_twice(tmp_path):
    code = coordinator(tmp_path, tmp_path / "store")
    both = [start(tmp_path, code) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert computed(tmp_path) == dict.fromkeys(range(12), 1)


def test_killed_coordinator_and_worker_then_resume(tmp_path, workers_of):
    code = coordinator(tmp_path, tmp_path / "store")
    for victim in ("coordinator", "worker", "coordinator"):
        before = sum(computed(tmp_path).values())
        process = start(tmp_path, code)
        deadline = time.monotonic() + 60
        while sum(computed(tmp_path).values()) < before + 2 and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if process.poll() is not None:
            break
        if victim == "coordinator":
            process.kill()
            process.wait()
            continue
        for worker in workers_of(process.pid)[:1]:
            os.kill(worker, signal.SIGKILL)
        assert process.wait(timeout=120) == 0
    process = start(tmp_path, code)
    assert process.wait(timeout=120) == 0
    again = computed(tmp_path)
    # A kill repeats at most the job that each of two workers had in hand.
    assert set(again) == set(range(12))
    assert sum(again.values()) <= 12 + 3 * 2


def test_claim_is_given_up_by_death(tmp_path):
    store = Store(tmp_path)
    context = multiprocessing.get_context("fork")
    ready = context.Event()

    def hold():
        with store.claim("k"):
            ready.set()
            time.sleep(60)

    holder = context.Process(target=hold)
    holder.start()
    assert ready.wait(10)
    with store.claim("k") as mine:
        assert not mine
    holder.kill()
    holder.join()
    with store.claim("k") as mine:
        assert mine


def test_a_reader_that_left_ends_this_process_s_plan_and_not_the_storage(tmp_path):
    store = Store(tmp_path / "store")
    with pytest.raises(BrokenPipeError):
        run_plan(plan(working.prints, tmp_path), store, executor=Sequential())
    assert not (tmp_path / "store" / "quarantine").exists()
    with pytest.raises(JobError, match="wanted a result within 3 tries") as told:
        run_plan(plan(working.prints, tmp_path), store, executor=ProcessPool(2))
    assert "disk" not in str(told.value)
    assert all("Broken pipe" in p.read_text() for p in (tmp_path / "store" / "quarantine").iterdir())
