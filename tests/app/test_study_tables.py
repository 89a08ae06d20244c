"""The study's tables follow what is done on the bench: in time, once, and beside what was there before."""

from __future__ import annotations

import errno
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_world import CLIP, Person, open_bench, sign_in

from mien.app import study_tables
from mien.app.bench import Bench
from mien.dataset import layout, open_study, withdraw
from mien.dataset.coded_runs import read_coded_runs
from mien.dataset.expressions import read_expressions

NAME = "sub-001"
ROLES = {"A": "coder", "B": "coder", "expert1": "expert", "lead1": "lead"}
CODED = {
    "onset": 10,
    "apex": 15,
    "offset": 19,
    "action_units": ["AU4"],
    "emotion": "disgust",
    "basis": ["aus"],
}


@pytest.fixture
def crowd(bench: Bench) -> dict[str, Person]:
    """Coders A and B code the clip."""
    found = {}
    for label, role in ROLES.items():
        found[label] = sign_in(bench, label, bench.store.add_coder(label, label, role, by="lead"))  # type: ignore[arg-type]
    bench.store.assign(NAME, 1, ["A", "B"], by="lead")
    return found


def done(person: Person) -> Any:
    return person.http.post(f"/api/clips/{CLIP}/done")


def send(person: Person, to: str) -> Any:
    return person.http.post(f"/api/clips/{CLIP}/stage", json={"to": to})


def write_missing(bench: Bench) -> None:
    study_tables.write_missing_tables(bench.study, bench.store, bench.clips)


def to_final(crowd: dict[str, Person]) -> Iterator[Any]:
    for label in ("A", "B"):
        yield done(crowd[label])
    yield send(crowd["expert1"], "adjudicate")
    name = str(uuid.uuid4())
    yield crowd["expert1"].edit(sheet="final", expression=name, body=CODED)
    yield send(crowd["expert1"], "final")


def test_tables_that_could_not_be_written_are_told_and_written_at_the_next_start(
    bench: Bench, study: Path, crowd: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage is kept before its tables: a disk that is full in between must not leave the old ones."""
    steps = to_final(crowd)
    for _ in range(4):
        assert next(steps).status_code == 200

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(study_tables, "write_tables", full)
        answer = next(steps)
    assert answer.status_code == 507
    assert "nothing was kept" not in answer.json()["error"]  # it was
    assert bench.store.clip(NAME, 1).stage == "final"
    assert read_coded_runs(study, NAME, "final") is None
    write_missing(bench)
    (row,) = read_expressions(open_study(study).session(NAME))
    assert (row.coder, row.frames) == ("final", (10, 15, 19))


def test_tables_from_elsewhere_are_left_as_they_are_at_the_start(bench: Bench, study: Path) -> None:
    path = layout.coding(study, NAME, "A")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = "\t".join(layout.CODING_COLUMNS)
    path.write_text(f"{columns}\n" + "\t".join(["1", "1", "3", "4", "5", "micro", "AU4", "fear"]) + "\n")
    before = path.read_bytes()
    bench.store.add_coder("A", "A", "coder", by="lead")
    bench.store.assign(NAME, 1, ["A"], by="lead")
    (ann,) = bench.store.coders()
    bench.store.set_done(NAME, 1, by=ann)
    write_missing(bench)
    assert path.read_bytes() == before
    assert read_coded_runs(study, NAME, "A") is None


def test_rows_of_runs_that_the_bench_does_not_hold_stay_in_the_table(
    bench: Bench, study: Path, crowd: dict[str, Person]
) -> None:
    path = layout.coding(study, NAME, "A")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [*layout.CODING_COLUMNS, "note"]
    row = ["7", "7", "3", "4", "n/a", "micro", "AU4", "fear", "of then"]
    path.write_text("\t".join(columns) + "\n" + "\t".join(row) + "\n")
    crowd["A"].edit(body=CODED)
    done(crowd["A"])
    table = open_study(study).session(NAME).coding()["A"]
    assert list(table["run"]) == [1, 7]
    assert list(table["note"]) == [None, "of then"]
    assert read_coded_runs(study, NAME, "A") == {1, 7}, "what was coded elsewhere still counts as coded"
    crowd["A"].http.post(f"/api/clips/{CLIP}/open")
    crowd["B"].edit(body=CODED)
    done(crowd["B"])
    assert read_coded_runs(study, NAME, "A") == {7}
    write_missing(bench)
    assert read_coded_runs(study, NAME, "A") == {7}
    assert list(open_study(study).session(NAME).coding()["A"]["run"]) == [7]


def test_who_is_taken_off_a_clip_takes_the_rows_along_and_brings_them_back(
    bench: Bench, study: Path, crowd: dict[str, Person]
) -> None:
    crowd["A"].edit(body=CODED)
    done(crowd["A"])
    session = open_study(study).session(NAME)
    path = f"/api/clips/{CLIP}/assignment"
    assert [row.coder for row in read_expressions(session)] == ["A"]
    assert crowd["lead1"].http.put(path, json={"coders": ["B", "expert1"]}).status_code == 200
    assert (read_expressions(session), read_coded_runs(study, NAME, "A")) == ([], set())
    assert bench.store.counts()[NAME, 1, "A"] == 1  # the sheet is kept
    everywhere = {"clips": [CLIP], "coders": ["A", "B"]}
    assert crowd["lead1"].http.post("/api/assignments", json=everywhere).status_code == 200
    assert [row.coder for row in read_expressions(session)] == ["A"]
    assert read_coded_runs(study, NAME, "A") == {1}


def test_what_is_in_order_is_not_written_again_at_the_start(
    bench: Bench, study: Path, crowd: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(answer.status_code == 200 for answer in to_final(crowd))
    monkeypatch.setattr(study_tables, "write_tables", lambda *_: pytest.fail("written again"))
    write_missing(bench)


def test_tables_of_somebody_who_withdrew_do_not_come_back_from_a_store_elsewhere(
    study: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.sqlite"
    bench = open_bench(study, url)
    ann = sign_in(bench, "A", bench.store.add_coder("A", "A", "coder", by="lead"))
    bench.store.assign(NAME, 1, ["A"], by="lead")
    ann.edit(body=CODED)
    done(ann)
    assert layout.coding(study, NAME, "A").is_file()
    bench.close()
    withdraw(study, NAME)  # nobody named the store
    bench = open_bench(study, url)
    write_missing(bench)
    bench.close()
    assert [path for path in study.rglob("*") if NAME in path.name] == []


def test_the_json_says_who_went_through_which_run(study: Path, crowd: dict[str, Person]) -> None:
    done(crowd["B"])
    said = json.loads(layout.coded_runs(study, NAME, "B").read_text())
    assert said == {"participant_id": NAME, "coder": "B", "runs": [1]}
