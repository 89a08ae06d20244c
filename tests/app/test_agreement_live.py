"""Agreement over HTTP: the numbers of `mien agreement`, over clips that the reader may see side by side."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_world import Person, open_bench, sign_in, write_study

from mien.app.bench import Bench
from mien.coding.agreement_result import AgreementSettings
from mien.dataset import open_study
from mien.experiments.coder_agreement import agreement_of_study

CLIPS = ("sub-001_run-01", "sub-001_run-02", "sub-002_run-01", "sub-002_run-02")


@pytest.fixture(scope="module")
def four_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("four") / "study", runs=2)


@pytest.fixture
def team(four_clips: Path, tmp_path: Path) -> Iterator[tuple[Bench, dict[str, Person]]]:
    import shutil

    bench = open_bench(shutil.copytree(four_clips, tmp_path / "study"))
    people = {}
    for label, role in {"A": "coder", "B": "coder", "E": "expert", "F": "expert", "L": "lead"}.items():
        people[label] = sign_in(bench, label, bench.store.add_coder(label, label, role, by="lead"))  # type: ignore[arg-type]
    yield bench, people
    bench.close()


def mark(person: Person, clip: str, at: int, **more: Any) -> None:
    body = {"onset": at, "apex": at + 3, "offset": at + 7, "action_units": ["AU4"], "emotion": "fear"}
    answer = person.edit(clip=clip, expression=str(uuid.uuid4()), body=body | more)
    assert answer.status_code == 200, answer.text


def done(person: Person, clip: str) -> None:
    assert person.http.post(f"/api/clips/{clip}/done").status_code == 200


def test_only_clips_count_that_the_reader_may_see_side_by_side(team: tuple[Bench, dict[str, Person]]) -> None:
    bench, people = team
    for clip, coders in zip(CLIPS, (["A", "B"], ["A", "B"], ["A", "E"], ["A", "B"]), strict=True):
        bench.store.assign(clip[:7], int(clip[-2:]), coders, by="lead")
    for clip in CLIPS[:2]:
        mark(people["A"], clip, 5)
        mark(people["B"], clip, 6)
    mark(people["A"], CLIPS[2], 5)
    mark(people["E"], CLIPS[2], 5)
    assert people["L"].get("/api/agreement")["n_pairs"] == 0  # everybody still codes
    done(people["A"], CLIPS[0])
    done(people["B"], CLIPS[0])
    done(people["A"], CLIPS[2])
    done(people["E"], CLIPS[2])
    assert people["A"].http.get("/api/agreement").status_code == 403
    seen = {who: people[who].get("/api/agreement") for who in ("E", "F", "L")}
    assert {who: found["n_clips"] for who, found in seen.items()} == {"E": 1, "F": 2, "L": 2}
    assert "E" not in json.dumps([pair.get("coders", pair) for pair in seen["E"]["pairs"]])
    send = {"to": "adjudicate"}
    assert people["F"].http.post(f"/api/clips/{CLIPS[2]}/stage", json=send).status_code == 200
    assert people["E"].get("/api/agreement")["n_clips"] == 2


def test_it_is_what_the_study_s_tables_give(team: tuple[Bench, dict[str, Person]]) -> None:
    """Two ways to the same numbers: the store, and the tables on disk that other commands read."""
    bench, people = team
    for number, clip in enumerate(CLIPS):
        bench.store.assign(clip[:7], int(clip[-2:]), ["A", "B"], by="lead")
        for onset in (4, 30, 60)[: number or 3]:
            mark(people["A"], clip, onset)
            mark(
                people["B"],
                clip,
                onset + number % 2,
                action_units=["AU4", "LAU12"] if onset == 30 else ["AU4"],
            )
        if number == 2:
            mark(people["B"], clip, 75, emotion="surprise", action_units=["AU1"])
        done(people["A"], clip)
        done(people["B"], clip)
    live = people["L"].get("/api/agreement")
    settings = AgreementSettings(n_resamples=500)
    told = json.dumps(agreement_of_study(open_study(bench.folder), settings).as_json())
    told = json.loads(re.sub(r"(sub-\d+) run (\d)", r"\1_run-0\2", told))
    assert rounded(live) == rounded(told)
    assert live["n_pairs"] == 9


def rounded(value: Any) -> Any:
    """JSON with numbers to six places; rows are counted from elsewhere in a table."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items() if name != "row"}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value


DEGENERATE: dict[str, list[tuple[str, int, dict[str, Any]]]] = {
    "nobody found anything": [],
    "only an onset": [("A", 5, {"apex": None, "offset": None}), ("B", 5, {"apex": None, "offset": None})],
    "nothing but labels": [("A", 5, {"onset": None, "apex": None, "offset": None}), ("B", 9, {})],
    "out of order": [("A", 5, {"onset": 50}), ("B", 5, {"onset": 50})],
    "no units": [
        ("A", 5, {"action_units": [], "emotion": None}),
        ("B", 5, {"action_units": [], "emotion": None}),
    ],
    "no units seen": [("A", 5, {"action_units": [], "no_action_unit": True}), ("B", 5, {})],
    "the same in everything": [("A", 5, {}), ("B", 5, {})],
    "never the same": [("A", 5, {}), ("B", 60, {"emotion": "surprise", "action_units": ["AU12"]})],
    "twice at one place": [("A", 5, {}), ("A", 5, {}), ("B", 5, {})],
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_little_to_compare_is_answered_with_numbers_or_nothing_never_an_error(
    team: tuple[Bench, dict[str, Person]], name: str
) -> None:
    bench, people = team
    for clip in CLIPS[:2]:
        bench.store.assign(clip[:7], int(clip[-2:]), ["A", "B"], by="lead")
        for who, onset, fields in DEGENERATE[name]:
            mark(people[who], clip, onset, **fields)
        done(people["A"], clip)
        done(people["B"], clip)
    answer = people["L"].http.get("/api/agreement")
    assert answer.status_code == 200, answer.text
    assert "NaN" not in answer.text
    assert isinstance(answer.json()["n_pairs"], int)
    assert people["L"].http.get("/api/clips").status_code == 200
    assert people["E"].http.post(f"/api/clips/{CLIPS[0]}/stage", json={"to": "adjudicate"}).status_code == 200
    beside = people["E"].get(f"/api/clips/{CLIPS[0]}/adjudication")
    assert sum(len(group["members"]) for group in beside["groups"]) == len(DEGENERATE[name])
