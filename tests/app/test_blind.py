"""Blind double coding: what others mark never reaches the browser of who codes, by any route."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bench_world import CLIP, Person, open_bench, sign_in

from mien.app.bench import Bench
from mien.app.routes import ROUTES
from mien.app.suggested import Suggestion
from mien.dataset import layout

ROLES = {
    "A": "coder", "B": "coder", "C": "coder", "expert1": "expert", "expert2": "expert", "lead1": "lead",
    "lead2": "lead",
}  # fmt: skip
CODING = ("A", "B", "expert2", "lead2")
FORMS = ("eaf", "boris", "csv", "xlsx", "tsv")
SHOWN, REPORTED = "schadenfreude", "nostalgia"
CODED = {"no_action_unit": True, "emotion": "others"}


@dataclass
class Marks:
    """What somebody marked, in words and numbers that nobody else uses."""

    label: str
    frames: tuple[int, int, int]
    ids: list[str] = field(default_factory=lambda: [str(uuid.uuid4()) for _ in range(3)])
    keys: list[str] = field(default_factory=lambda: [str(uuid.uuid4()) for _ in range(4)])

    @property
    def comment(self) -> str:
        return f"remark-of-{self.label}-alone"


@pytest.fixture
def hidden(study: Path) -> Iterator[Bench]:
    """A bench on a study whose trials say what no page's own words do."""
    path = layout.trials(study, "sub-001")
    text = path.read_text().replace("disgust", SHOWN).replace("fear", REPORTED)
    path.write_text(text.replace("3.0", "3.125").replace("7.0", "7.375"))
    ghosts = tuple(Suggestion(f"m:{n}", n, n + 1, n + 2, "micro", 1.5, (), "m") for n in (20, 30))
    bench = open_bench(study, suggestions={CLIP: ghosts}, method="m")
    bench.frames.make(bench.clips.get(CLIP))  # type: ignore[arg-type]
    yield bench
    bench.close()


@pytest.fixture
def all_people(hidden: Bench) -> dict[str, Person]:
    found = {}
    for label, role in ROLES.items():
        token = hidden.store.add_coder(label, label, role, by="lead")  # type: ignore[arg-type]
        found[label] = sign_in(hidden, label, token)
    hidden.store.assign("sub-001", 1, CODING, by="lead")
    return found


def mark(person: Person, marks: Marks) -> None:
    """Three expressions, one of them changed and one deleted, and a suggestion rejected."""
    onset, apex, offset = marks.frames
    body = {"onset": onset, "apex": apex, "offset": offset, "comment": marks.comment, **CODED}
    for number, name in enumerate(marks.ids):
        answer = person.edit(key=marks.keys[number], expression=name, body={**body, "certainty": number + 1})
        assert answer.status_code == 200, answer.text
    assert person.edit(expression=marks.ids[0], base=1, body={**body, "certainty": 5}).status_code == 200
    assert person.edit(expression=marks.ids[1], base=1, action="delete", body=None).status_code == 200
    reject = {"expression": None, "base": None, "body": None, "action": "reject", "suggestion": "m:20"}
    assert person.edit(key=marks.keys[3], **reject).status_code == 200


def paths(forms: tuple[str, ...]) -> list[str]:
    """Every GET route with everything that can be asked of it."""
    found = []
    for route in ROUTES:
        if route.method == "GET":
            for form in forms if "{form}" in route.path else ("",):
                path = route.path.format(name=CLIP, number=10, form=form, label="B")
                named = ("A", "B", "final") if form else (*ROLES, "final", "unmerged", "nobody")
                sheets = [f"?sheet={name}" for name in named]
                queries = {
                    "/api/log": ["", "?after=1", "?after=-5", f"?clip={CLIP}", f"?after=3&clip={CLIP}"],
                    f"/api/clips/{CLIP}": ["", *sheets],
                    f"/api/clips/{CLIP}/flow": ["?from=0&to=5"],
                }.get(path, ["", *sheets] if form else [""])
                found += [path + query for query in queries]
    return found


def text_of(answer: Any) -> str:
    """What is in an answer, also in the members of an archive (a spreadsheet is one)."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            inside = [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
        return "\n".join(inside)
    return str(answer.content.decode("utf-8", "replace"))


def frames_in(value: object) -> Iterator[int]:
    """Every frame that stands in a JSON value as onset, apex or offset."""
    if isinstance(value, dict):
        yield from (value[n] for n in ("onset", "apex", "offset") if isinstance(value.get(n), int))
        for inner in value.values():
            yield from frames_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from frames_in(inner)


def everything(person: Person, forms: tuple[str, ...] = ("csv",)) -> dict[str, tuple[int, str]]:
    """Status and text of every answer that somebody can get."""
    answers = {path: person.http.get(path) for path in paths(forms)}
    assert all(answer.status_code < 500 for answer in answers.values())
    return {path: (answer.status_code, text_of(answer)) for path, answer in answers.items()}


def assert_nothing_of(others: list[Marks], answers: dict[str, tuple[int, str]], who: str) -> None:
    for path, (_, text) in answers.items():
        for marks in others:
            for secret in (marks.comment, *marks.ids, *marks.keys):
                assert secret not in text, (who, path, secret)
        if text[:1] in ("{", "[") and "/frames/" not in path:
            seen = set(frames_in(json.loads(text)))
            assert not seen & {frame for marks in others for frame in marks.frames}, (who, path)
        elif "/export/" in path:
            for frame in {frame for marks in others for frame in marks.frames}:
                assert not re.search(rf"(?<![^,\t\n>]){frame}(?![^,\t\r\n<])", text), (who, path, frame)


def own_marks() -> dict[str, Marks]:
    return {label: Marks(label, (n, n + 3, n + 7)) for label, n in zip(CODING, (41, 55, 67, 79), strict=True)}


def test_nothing_changes_for_anybody_who_may_not_see_while_another_codes(
    all_people: dict[str, Person],
) -> None:
    """The strongest form: answers are the same to the byte whether the other has worked or not."""
    marks = own_marks()
    mark(all_people["A"], marks["A"])
    blind = ("A", "C", "expert1", "expert2", "lead2")
    before = {label: everything(all_people[label], FORMS) for label in blind}
    mark(all_people["B"], marks["B"])
    assert all_people["B"].http.post(f"/api/clips/{CLIP}/reveal").status_code == 200
    assert all_people["B"].http.post(f"/api/clips/{CLIP}/done").status_code == 200
    for label in blind:
        after = everything(all_people[label], FORMS)
        assert_nothing_of([marks["B"]], after, label)
        for path, answer in after.items():
            if ".xlsx" not in path and "/export/" not in path:
                assert answer == before[label][path], (label, path)
    seen = everything(all_people["lead1"])  # who codes nothing here, and leads: the walk does find marks
    assert marks["B"].comment in seen[f"/api/clips/{CLIP}?sheet=B"][1]
    assert marks["B"].comment in seen[f"/api/log?clip={CLIP}"][1]


def test_who_codes_sees_the_others_marks_from_adjudication_or_the_end_on_only(
    hidden: Bench, all_people: dict[str, Person]
) -> None:
    marks = own_marks()
    for label in CODING:
        mark(all_people[label], marks[label])
        assert all_people[label].http.post(f"/api/clips/{CLIP}/done").status_code == 200
    assert hidden.store.clip("sub-001", 1).stage == "verify"
    for label in CODING:
        others = [marks[other] for other in CODING if other != label]
        assert_nothing_of(others, everything(all_people[label]), label)
    assert_nothing_of(list(marks.values()), everything(all_people["C"]), "C")
    assert marks["A"].comment in everything(all_people["expert1"])[f"/api/clips/{CLIP}?sheet=A"][1]

    send = {"to": "code", "reason": "the words of a reason", "coders": ["B"]}
    assert all_people["expert1"].http.post(f"/api/clips/{CLIP}/stage", json=send).status_code == 200
    for label in CODING:
        answers = everything(all_people[label])
        others = [marks[other] for other in CODING if other != label]
        assert_nothing_of(others, answers, label)
        told = "the words of a reason" in answers["/api/clips"][1]
        assert told is (label == "B")
        assert ("the words of a reason" in "".join(text for _, text in answers.values())) is (label == "B")

    assert all_people["B"].http.post(f"/api/clips/{CLIP}/done").status_code == 200
    send = {"to": "adjudicate"}
    assert all_people["expert1"].http.post(f"/api/clips/{CLIP}/stage", json=send).status_code == 200
    for label in ("A", "B"):
        others = [marks[other] for other in CODING if other != label]
        assert_nothing_of(others, everything(all_people[label]), label)
    assert marks["B"].comment in everything(all_people["expert2"])[f"/api/clips/{CLIP}/adjudication"][1]

    decided = Marks("final", (61, 63, 73))
    by = all_people["expert1"]
    for name in decided.ids:
        body = {"onset": 61, "apex": 63, "offset": 73, "comment": decided.comment}
        assert by.edit(sheet="final", expression=name, body=body).status_code == 200
    for label in ("A", "B", "C"):
        assert_nothing_of([decided], everything(all_people[label]), label)
    assert by.http.post(f"/api/clips/{CLIP}/stage", json={"to": "final"}).status_code == 200
    assert decided.comment in everything(all_people["A"])[f"/api/clips/{CLIP}?sheet=final"][1]
    assert marks["B"].comment in everything(all_people["A"])[f"/api/clips/{CLIP}?sheet=B"][1]
    assert_nothing_of([*marks.values(), decided], everything(all_people["C"]), "C")


def test_an_edit_tells_nothing_of_what_another_has_on_their_sheet(all_people: dict[str, Person]) -> None:
    """Guessed ids, keys and versions are answered as if the other had done nothing."""
    theirs, nothing = Marks("B", (55, 58, 62)), Marks("nobody", (55, 58, 62))
    mark(all_people["B"], theirs)

    def ask(marks: Marks) -> Iterator[tuple[int, str]]:
        for sheet in ("B", "final", "C", "nobody", "A"):
            for name in marks.ids:
                for base in (0, 1, 2, 3):
                    if (sheet, base) != ("A", 0):
                        for body in ({"onset": 1}, None):
                            action = "put" if body else "delete"
                            fields = {"sheet": sheet, "expression": name, "base": base, "action": action}
                            answer = all_people["A"].edit(**fields, body=body)
                            text = answer.text
                            for known in marks.ids:
                                text = text.replace(known, "ID")
                            yield answer.status_code, text

    with_marks, without = list(ask(theirs)), list(ask(nothing))
    assert with_marks == without
    assert {status for status, _ in with_marks} == {403, 409}
    assert theirs.comment not in str(with_marks)
    # the same id on one's own sheet is another expression
    assert all_people["A"].edit(expression=theirs.ids[0]).json()["version"] == 1
    sheet = all_people["B"].get(f"/api/clips/{CLIP}")["expressions"]
    assert {kept["body"]["comment"] for kept in sheet} == {theirs.comment}
    # a key of the other's is refused without a word of what it was for
    answer = all_people["A"].edit(key=theirs.keys[0])
    assert answer.status_code == 400
    assert theirs.comment not in answer.text
    assert "B" not in answer.json()["error"].replace("key", "").split()


def test_somebody_taken_off_a_clip_sees_no_more_of_it_and_who_comes_is_blind(
    hidden: Bench, all_people: dict[str, Person]
) -> None:
    marks = own_marks()
    mark(all_people["B"], marks["B"])
    hidden.store.assign("sub-001", 1, ["A", "C"], by="lead")
    assert all_people["B"].http.get(f"/api/clips/{CLIP}").status_code == 404
    assert all_people["B"].edit().status_code == 404
    assert all_people["B"].edit(key=marks["B"].keys[0], expression=marks["B"].ids[0]).status_code == 404
    for label in ("A", "C", "expert2"):
        assert_nothing_of([marks["B"]], everything(all_people[label]), label)


# --- what was shown and reported


def context_in(answers: dict[str, tuple[int, str]]) -> list[str]:
    words = (SHOWN, REPORTED, "3.125", "7.375")
    return [path for path, (_, text) in answers.items() if any(word in text for word in words)]


def test_nothing_of_the_clip_or_the_report_before_all_own_units_are_coded(
    hidden: Bench, all_people: dict[str, Person]
) -> None:
    ann, reveal = all_people["A"], f"/api/clips/{CLIP}/reveal"
    watching = ("A", "B", "C", "expert1", "lead2")  # all but who leads and codes nothing here
    for label in watching:
        assert context_in(everything(all_people[label])) == []
    assert ann.http.post(reveal).status_code == 400  # nothing is marked
    name = str(uuid.uuid4())
    assert ann.edit(expression=name, body={"onset": 4}).status_code == 200
    assert ann.edit(body={"onset": 30, "action_units": ["AU4"]}).status_code == 200
    answer = ann.http.post(reveal)
    assert (answer.status_code, "1 of 2 without" in answer.text) == (400, True)
    for basis in (["clip"], ["self-report"], ["aus", "clip", "self-report"]):
        body = {"onset": 4, "action_units": ["AU4"], "emotion": "fear", "basis": basis}
        assert ann.edit(expression=name, base=1, body=body).status_code == 400
    body = {"onset": 4, "action_units": ["AU1"], "emotion": "surprise", "basis": ["aus"]}
    assert ann.edit(expression=name, base=1, body=body).status_code == 200
    assert context_in(everything(ann)) == []

    told = ann.http.post(reveal).json()
    assert told == {"clip_emotion": SHOWN, "self_report": REPORTED, "valence": 3.125, "arousal": 7.375}
    assert ann.get(f"/api/clips/{CLIP}")["context"] == told
    assert ann.http.post(reveal).json() == told
    assert ann.edit(expression=name, base=2, body={**body, "basis": ["clip"]}).status_code == 200
    whats = [row["what"] for row in ann.get(f"/api/log?clip={CLIP}")]
    assert whats.count("reveal") == 1
    assert whats.index("reveal") == len(whats) - 2  # before the edit that rests on it
    for label in watching[1:]:
        assert context_in(everything(all_people[label])) == []
    assert all_people["B"].edit(body={**body, "basis": ["clip"]}).status_code == 400
    assert hidden.store.sheet("sub-001", 1, "B").revealed is False


def test_reveal_is_refused_to_who_does_not_code_the_clip(all_people: dict[str, Person]) -> None:
    for label, status in {"C": 404, "expert1": 403, "lead1": 403}.items():
        answer = all_people[label].http.post(f"/api/clips/{CLIP}/reveal")
        assert answer.status_code == status
        assert SHOWN not in answer.text
