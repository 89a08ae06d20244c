"""The plan: it computes and writes nothing, grows with the work, and counts the jobs that a run then has."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.cli.reproduction_plan import Total, lacking, total_of
from mien.dataset import open_study
from mien.reproduce import Setting, find_items, reproduce
from mien.reproduce.costs import Work, face_pass, searching, training
from mien.reproduce.counts import Counts, count
from mien.reproduce.items import table_7
from mien.reproduce.items.table_4 import HEAVY
from mien.reproduce.items.table_10 import NETWORKS
from mien.reproduce.plan import plan
from mien.simulate import StudySettings, simulate_study, study_parts

BODY = ("table-3", "table-6", "table-7")
HELD = Counts(
    participants=6, videos=12, parts=24, video_s=480.0, frames=72000, searched=6,
    body=dict.fromkeys("abcdef", 3.0), samples=Counter({3: 40, 7: 40}), runs=Counter({3: 12, 7: 12}),
    subjects=Counter({3: 6, 7: 6}), lags=2, expressions=60,
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan") / "study"
    settings = StudySettings(participants=3, trials=4, clip_s=15.0, sampling_hz=250.0, seed=4)
    simulate_study(settings, folder, parts=study_parts("signals"))
    return folder


def setting_of(held: Counts, **more: object) -> Setting:
    """As if a study with these counts lay at `study`."""
    others: tuple[Path, ...] = more.get("others", ())  # type: ignore[assignment]
    made = {f"counts of {path}": held for path in (Path("study"), *others)}
    return Setting(Path("study"), Path("out"), made=made, **more)  # type: ignore[arg-type]


def seconds(name: str, held: Counts = HELD, **more: object) -> float:
    """What an item costs on a study with these counts."""
    return find_items([name])[0].cost(setting_of(held, **more)).seconds


def test_a_plan_computes_and_writes_nothing(study: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    planned = plan(Setting(study, tmp_path / "out"), find_items())
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == before
    assert not (tmp_path / "out").exists()
    reasons = {one.item.name: one.reason for one in planned if one.cost is None}
    assert reasons["table-4"] == "no video of anybody is there"
    assert "table-3" not in reasons


@pytest.mark.parametrize("name", ["figure-4", "table-4", "table-10", "figure-12"])
def test_costs_grow_with_people_and_trials(name: str) -> None:
    more_people = replace(
        HELD, participants=9, searched=9, subjects=Counter({3: 9, 7: 9}), samples=Counter({3: 60, 7: 60}),
        videos=18, parts=36, video_s=720.0, frames=108000, expressions=90,
    )  # fmt: skip
    longer = replace(HELD, videos=24, parts=48, video_s=960.0, frames=144000, expressions=120,
                     samples=Counter({3: 80, 7: 80}))  # fmt: skip
    assert seconds(name, HELD) < seconds(name, more_people)
    assert seconds(name, HELD) < seconds(name, longer)


def test_larger_pictures_cost_more() -> None:
    assert face_pass(HELD).seconds < face_pass(replace(HELD, megapixels=2.2)).seconds
    assert seconds("figure-4") < seconds("figure-4", replace(HELD, megapixels=2.2))


@pytest.mark.parametrize("name", ["table-4", "table-10"])
def test_quick_is_cheaper_and_epochs_count(name: str) -> None:
    assert seconds(name, quick=True) < seconds(name, epochs=3) < seconds(name, epochs=30)
    few, many = (setting_of(HELD, quick=quick) for quick in (True, False))
    item = find_items([name])[0]
    assert item.cost(few).n_jobs < item.cost(many).n_jobs


def test_networks_cost_their_cards_epochs_where_none_are_asked_for() -> None:
    assert training(HELD, 3, HEAVY[0], None).seconds > training(HELD, 3, HEAVY[0], 1).seconds
    assert training(HELD, 3, "lbp-top", None) == training(HELD, 3, "lbp-top", 1)
    once, ten, card = (searching(HELD, NETWORKS[0], epochs).seconds for epochs in (1, 10, None))
    assert once < ten < card


@pytest.mark.parametrize("name", ["table-5", "table-9"])
def test_other_studies_cost_as_much_again(name: str) -> None:
    one, two = ((Path("a"),), (Path("a"), Path("b")))
    assert seconds(name, others=two) == pytest.approx(1.5 * seconds(name, others=one), rel=0.1)


def test_work_that_another_item_does_is_counted_once(study: Path, tmp_path: Path) -> None:
    setting = Setting(study, tmp_path / "out", quick=True)
    drawn, tested = plan(setting, find_items(["figure-7-13", "table-3"]))
    (alone,) = plan(setting, find_items(["table-3"]))
    assert drawn.cost is not None
    assert tested.cost is not None
    assert alone.cost is not None
    assert drawn.cost.n_jobs == alone.cost.n_jobs == 3
    assert tested.cost.n_jobs == 0
    assert tested.cost.seconds == min(alone.cost.seconds, alone.cost.again_s)


def test_what_an_item_does_alone_is_counted_beside_what_is_shared(study: Path, tmp_path: Path) -> None:
    setting = Setting(study, tmp_path / "out", quick=True)
    shared = Work(100.0, 5e6, 4) + Work(20.0, 1e6, 3)
    items = [
        replace(
            find_items([name])[0], cost=lambda _: shared.cost(again_s=20.0, own=Work(20.0, 1e6, 3)), work="w"
        )
        for name in ("table-1", "consent")
    ]
    first, second = (one.cost for one in plan(setting, items))
    assert first is not None
    assert second is not None
    assert (first.n_jobs, first.disk_bytes) == (7, 7e6)
    assert (second.seconds, second.n_jobs, second.disk_bytes) == (20.0, 3, 1e6)


def test_both_fusions_together_compute_the_jobs_of_the_plan(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_7, "modalities_of", lambda _: ("ecg", "eda", "skt"))
    setting, items = Setting(study, tmp_path, quick=True), find_items(["table-7", "table-8"])
    costs = [one.cost for one in plan(setting, items)]
    made = reproduce(setting, items)
    assert [one.status for one in made.results] == ["done", "done"], made.results
    assert sum(cost.n_jobs for cost in costs if cost) == made.n_computed


def test_the_plan_counts_the_jobs_that_a_run_computes(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_7, "modalities_of", lambda _: ("ecg", "eda", "skt"))  # cleaning EEG takes long
    for name in BODY:
        setting = Setting(study, tmp_path / name, quick=True)
        items = find_items([name])
        (planned,) = plan(setting, items)
        made = reproduce(setting, items)
        assert made.results[0].status == "done", made.results[0].reason
        assert planned.cost is not None
        assert planned.cost.n_jobs == made.n_computed, name
        (again,) = plan(setting, items)
        assert again.finished
        assert again.cost is not None
        assert again.cost.n_jobs == 0
        assert total_of([again], 1).disk_bytes == 0


def test_counts_are_those_of_the_tables(study: Path, tmp_path: Path) -> None:
    held = count(open_study(study))
    assert (held.participants, held.videos, held.searched, len(held.body), len(held.brain)) == (3, 0, 0, 3, 3)
    assert held.samples[7] <= held.expressions
    bare = tmp_path / "bare"
    shutil.copytree(study, bare)
    (bare / "manifest.tsv").unlink()
    shutil.rmtree(bare / "derivatives" / "coding")
    without = count(open_study(bare))
    assert (without.expressions, without.samples[3], without.lags) == (0, 0, 1)
    assert set(without.body) == set(held.body)


def test_the_command_adds_up_and_says_what_is_lacking(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = CliRunner()
    words = ["reproduce", str(study), "--quick", "--plan", "--workers", "2", "--out", str(tmp_path / "out")]
    found = json.loads(runner.invoke(program(), [*words, "--json"]).stdout)
    assert set(found) == {"plan", "total"}
    keys = {"item", "seconds", "disk_bytes", "memory_bytes", "jobs", "finished", "reason"}
    assert all(set(row) == keys for row in found["plan"])
    costed = [row for row in found["plan"] if row["seconds"] is not None]
    total = found["total"]
    assert total["seconds"] == pytest.approx(sum(row["seconds"] for row in costed))
    assert total["disk_bytes"] == pytest.approx(sum(row["disk_bytes"] for row in costed))
    assert total["memory_bytes"] == 2 * max(row["memory_bytes"] for row in costed)
    assert total["jobs"] == sum(row["jobs"] for row in costed)
    said = runner.invoke(program(), words).stdout
    assert f"{total['jobs']} jobs" in said
    monkeypatch.setattr(shutil, "disk_usage", _nothing_free)
    monkeypatch.setattr("mien.cli.reproduction_plan._memory", lambda: 1e6)
    assert len(json.loads(runner.invoke(program(), [*words, "--json"]).stdout)["total"]["lacking"]) == 2
    assert "name a folder on a larger disk with --out" in runner.invoke(program(), words).stdout


def test_memory_counts_only_where_the_work_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.cli.reproduction_plan._memory", lambda: 5e9)
    total = Total(1.0, 1.0, 8e9, 1, 4)
    assert [line.endswith("take --workers 2.") for line in lacking(total, tmp_path)] == [True]
    assert list(lacking(total, tmp_path, elsewhere=True)) == []


class _Free:
    free = 0


_nothing_free: Callable[[object], _Free] = lambda _: _Free()  # noqa: E731
