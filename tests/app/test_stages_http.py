"""A clip's whole way over HTTP: coded, returned, adjudicated, final, reopened; what the study then holds."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from bench_world import CLIP, Person, open_bench, sign_in

from mien.app.bench import Bench
from mien.dataset import layout, open_study
from mien.dataset.coded_runs import read_coded_runs
from mien.dataset.expressions import read_expressions

ROLES = {
    "A": "coder", "B": "coder", "C": "coder", "expert1": "expert", "expert2": "expert", "lead1": "lead",
}  # fmt: skip
CODED = {
    "onset": 10,
    "apex": 15,
    "offset": 19,
    "action_units": ["AU4"],
    "emotion": "disgust",
    "basis": ["aus"],
}
NAME = "sub-001"


@pytest.fixture
def crowd(bench: Bench) -> dict[str, Person]:
    """Coders A and B and expert2 code the clip; expert1 and the lead do not."""
    found = {}
    for label, role in ROLES.items():
        found[label] = sign_in(bench, label, bench.store.add_coder(label, label, role, by="lead"))  # type: ignore[arg-type]
    bench.store.assign(NAME, 1, ["A", "B", "expert2"], by="lead")
    return found


def send(person: Person, to: str, reason: str = "", coders: list[str] | None = None) -> Any:
    body = {"to": to, "reason": reason, "coders": coders or []}
    return person.http.post(f"/api/clips/{CLIP}/stage", json=body)


def done(person: Person) -> Any:
    return person.http.post(f"/api/clips/{CLIP}/done")


def refused(crowd: dict[str, Person], bench: Bench, but: set[tuple[str, str]]) -> None:
    """Everybody tries every move; only those named may, and they are not tried here."""
    before = bench.store.clip(NAME, 1)
    for label, person in crowd.items():
        for to in ("code", "verify", "adjudicate", "final"):
            if (label, to) not in but:
                answer = send(person, to, "a reason", ["A"])
                least = 404 if label == "C" else 403
                assert answer.status_code in (403, least), (label, to, before.stage, answer.text)
        if label not in ("A", "B", "expert2") or before.stage != "code":
            assert done(person).status_code in (403, 404), label
            assert person.http.post(f"/api/clips/{CLIP}/open").status_code in (403, 404), label
    assert bench.store.clip(NAME, 1) == before


def refused_edits(crowd: dict[str, Person], but: set[tuple[str, str]]) -> None:
    for label, person in crowd.items():
        for sheet in ("A", "B", "expert2", "final"):
            if (label, sheet) not in but:
                assert person.edit(sheet=sheet).status_code == (404 if label == "C" else 403), (label, sheet)


def rows_on_disk(study: Path, coder: str) -> list[tuple[Any, ...]]:
    path = layout.coding(study, NAME, coder)
    lines = path.read_text(encoding="utf-8").splitlines()
    names = lines[0].split("\t")
    return [tuple(dict(zip(names, line.split("\t"), strict=True)).items()) for line in lines[1:]]


def test_the_whole_way_of_a_clip(bench: Bench, study: Path, crowd: dict[str, Person]) -> None:
    ann, bob, eve2, eve, lea = (crowd[name] for name in ("A", "B", "expert2", "expert1", "lead1"))
    # --- code: everybody on their own sheet, nobody moves it by hand
    refused(crowd, bench, set())
    refused_edits(crowd, {("A", "A"), ("B", "B"), ("expert2", "expert2")})
    names = {}
    for person in (ann, bob, eve2):
        names[person.label] = str(uuid.uuid4())
        body = {**CODED, "comment": f'by {person.label}\n"quoted"\tand tabbed'}
        assert person.edit(expression=names[person.label], body=body).status_code == 200
    assert done(ann).json() == {"id": CLIP, "stage": "code", "mine": "done"}
    assert ann.edit().status_code == 403
    assert read_coded_runs(study, NAME, "A") == {1}
    assert ann.http.post(f"/api/clips/{CLIP}/open").json()["mine"] == "open"
    assert read_coded_runs(study, NAME, "A") == set()
    assert [done(person).json()["stage"] for person in (bob, eve2, ann)] == ["code", "code", "verify"]
    # --- verify: an expert or lead who did not code it
    refused(
        crowd,
        bench,
        {("expert1", "code"), ("expert1", "adjudicate"), ("lead1", "code"), ("lead1", "adjudicate")},
    )
    refused_edits(crowd, set())
    for coders, reason in (
        (["A"], ""),
        (["A"], "   "),
        ([], "why"),
        (["A", "A"], "why"),
        (["C"], "why"),
        (["A", "nobody"], "why"),
    ):
        assert send(eve, "code", reason, coders).status_code == 400
    assert send(eve, "code", "r" * 2001, ["A"]).status_code == 400
    told = "look at <b>frame 12</b> again\nplease"
    assert send(eve, "code", told, ["A", "expert2"]).json()["stage"] == "code"
    assert read_coded_runs(study, NAME, "A") == set()
    assert read_coded_runs(study, NAME, "B") == {1}
    assert ann.get(f"/api/clips/{CLIP}")["sheet"]["returned"] == told
    assert bob.get(f"/api/clips/{CLIP}")["sheet"]["returned"] is None
    assert ann.get("/api/clips")[0]["returned"] == told
    # --- code again
    refused_edits(crowd, {("A", "A"), ("expert2", "expert2")})  # B is done
    changed = {**CODED, "apex": 14}
    assert ann.edit(expression=names["A"], base=1, body=changed).json()["version"] == 2
    assert done(ann).json()["stage"] == "code"
    assert ann.get(f"/api/clips/{CLIP}")["sheet"]["returned"] is None
    assert done(eve2).json()["stage"] == "verify"
    assert dict(rows_on_disk(study, "A")[0])["apex_frame"] == "14"
    # --- adjudicate: experts and the lead, who coded it too
    assert send(eve, "adjudicate").json()["stage"] == "adjudicate"
    refused(crowd, bench, {(who, "final") for who in ("expert1", "expert2", "lead1")})
    refused_edits(crowd, {(who, "final") for who in ("expert1", "expert2", "lead1")})
    for label, status in {"A": 403, "C": 403, "expert2": 200, "expert1": 200, "lead1": 200}.items():
        assert crowd[label].http.get(f"/api/clips/{CLIP}/adjudication").status_code == status, label
    beside = eve2.get(f"/api/clips/{CLIP}/adjudication")
    assert beside["coders"] == ["A", "B", "expert2"]
    (first,) = beside["groups"]
    assert [m["coder"] for m in first["members"]] == ["A", "B", "expert2"]
    assert (first["final"], first["agree"]) == (None, True)
    agreed = str(uuid.uuid4())
    final = {**CODED, "apex": 16, "basis": ["aus", "clip"], "comment": "together"}
    assert eve2.edit(sheet="final", expression=agreed, body=final).status_code == 200
    # two change the same version: the second gets both
    assert (
        eve.edit(sheet="final", expression=agreed, base=1, body={**final, "apex": 17}).json()["version"] == 2
    )
    conflict = lea.edit(sheet="final", expression=agreed, base=1, body={**final, "apex": 18})
    assert conflict.status_code == 409
    both = conflict.json()
    assert both["kind"] == "conflict"
    assert both["yours"]["body"]["apex"] == 18
    assert {k: both["theirs"][k] for k in ("version", "by")} == {"version": 2, "by": "expert1"}
    assert both["theirs"]["body"]["apex"] == 17
    gone = eve.edit(sheet="final", expression=agreed, base=2, action="delete", body=None)
    assert gone.json()["version"] == 3
    both = lea.edit(sheet="final", expression=agreed, base=2, body=final).json()
    assert (both["theirs"]["version"], both["theirs"]["body"], both["theirs"]["by"]) == (3, None, "expert1")
    assert lea.edit(sheet="final", expression=agreed, base=3, body=final).json()["version"] == 4
    beside = eve2.get(f"/api/clips/{CLIP}/adjudication")
    assert [group["final"] for group in beside["groups"]] == [agreed]
    # before it is final, every coder's rows hold; then those of the table final alone
    session = open_study(study).session(NAME)
    assert {row.coder for row in read_expressions(session)} == {"A", "B", "expert2"}
    assert read_coded_runs(study, NAME, "final") is None
    assert send(eve2, "final").json()["stage"] == "final"
    assert read_coded_runs(study, NAME, "final") == {1}
    (row,) = read_expressions(session)
    assert (row.coder, row.frames, row.emotion) == ("final", (10, 16, 19), "disgust")
    assert {row.coder for row in read_expressions(session, every_coder=True)} == {"A", "B", "expert2"}
    # --- final: locked, but for the lead
    refused(crowd, bench, {("lead1", "adjudicate")})
    refused_edits(crowd, set())
    assert send(lea, "adjudicate", "").status_code == 400
    assert send(lea, "adjudicate", "the offset is wrong").json()["stage"] == "adjudicate"
    assert read_coded_runs(study, NAME, "final") == set()
    assert {row.coder for row in read_expressions(session)} == {"A", "B", "expert2"}
    assert lea.edit(sheet="final", expression=agreed, base=4, body={**final, "offset": 25}).status_code == 200
    assert send(lea, "final").status_code == 200
    (row,) = read_expressions(session)
    assert row.frames == (10, 16, 25)
    log = lea.get(f"/api/log?clip={CLIP}")
    moves = [(r["before"]["stage"], r["after"]["stage"], r["by"]) for r in log if r["what"] == "stage"]
    assert moves == [
        ("code", "verify", "A"), ("verify", "code", "expert1"), ("code", "verify", "expert2"),
        ("verify", "adjudicate", "expert1"), ("adjudicate", "final", "expert2"),
        ("final", "adjudicate", "lead1"), ("adjudicate", "final", "lead1"),
    ]  # fmt: skip


def test_what_a_clip_can_is_what_is_then_allowed(bench: Bench, crowd: dict[str, Person]) -> None:
    def can() -> dict[str, list[str]]:
        return {k: (line[0]["can"] if (line := p.get("/api/clips")) else []) for k, p in crowd.items()}

    code = {"A": ["code"], "B": ["code"], "C": [], "expert1": [], "expert2": ["code"], "lead1": []}
    assert can() == code
    for label in ("A", "B", "expert2"):
        done(crowd[label])
    nobody: dict[str, list[str]] = {label: [] for label in ROLES}
    assert can() == {**nobody, "expert1": ["verify"], "lead1": ["verify"]}
    send(crowd["lead1"], "adjudicate")
    assert can() == {**nobody, **{who: ["adjudicate"] for who in ("expert1", "expert2", "lead1")}}
    send(crowd["expert1"], "final")
    assert can() == {**nobody, "lead1": ["reopen"]}


def test_a_run_in_which_nobody_found_anything_is_final_and_empty(
    bench: Bench, study: Path, crowd: dict[str, Person]
) -> None:
    for label in ("A", "B", "expert2"):
        done(crowd[label])
    send(crowd["expert1"], "adjudicate")
    send(crowd["expert1"], "final")
    said = json.loads(layout.coded_runs(study, NAME, "final").read_text())
    assert said["runs"] == [1]
    assert rows_on_disk(study, "final") == []
    assert read_expressions(open_study(study).session(NAME)) == []


def test_what_was_sent_twice_is_kept_once_also_after_the_bench_was_started_again(
    bench: Bench, study: Path, crowd: dict[str, Person]
) -> None:
    ann = crowd["A"]
    key, name = str(uuid.uuid4()), str(uuid.uuid4())
    first = ann.edit(key=key, expression=name, body=CODED).json()
    assert first["repeated"] is False
    assert ann.edit(expression=name, base=1, body={**CODED, "apex": 12}).json()["version"] == 2
    again = ann.edit(key=key, expression=name, body=CODED).json()
    assert again == {**first, "repeated": True, "doubts": again["doubts"]}
    for other in ({"body": {**CODED, "apex": 11}}, {"base": 1}, {"expression": str(uuid.uuid4())}):
        answer = ann.edit(**({"key": key, "expression": name, "body": CODED} | other))
        assert (answer.status_code, answer.json()["kind"]) == (400, "data")
    assert crowd["B"].edit(key=key, expression=name, body=CODED).status_code == 400
    cookies, headers = dict(ann.http.cookies), dict(ann.http.headers)
    second = open_bench(study)
    try:
        from bench_world import client

        http = client(second)
        http.cookies.update(cookies)
        http.headers["X-Mien-CSRF"] = headers["x-mien-csrf"]
        back = Person("A", http)
        assert back.get("/api/me")["label"] == "A"  # who was signed in still is
        again = back.edit(key=key, expression=name, body=CODED).json()
        assert (again["seq"], again["version"], again["at"], again["repeated"]) == (
            first["seq"], 1, first["at"], True,
        )  # fmt: skip
        (kept,) = back.get(f"/api/clips/{CLIP}")["expressions"]
        assert (kept["version"], kept["body"]["apex"]) == (2, 12)
    finally:
        second.close()


def test_an_acknowledged_key_is_answered_also_when_the_sheet_is_closed(crowd: dict[str, Person]) -> None:
    ann = crowd["A"]
    key, name = str(uuid.uuid4()), str(uuid.uuid4())
    first = ann.edit(key=key, expression=name, body=CODED).json()
    done(ann)
    assert ann.edit(key=key, expression=name, body=CODED).json()["seq"] == first["seq"]
    assert ann.edit(expression=name, base=1, body=CODED).status_code == 403
