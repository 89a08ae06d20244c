"""Sheets leave the bench as files and come back, through HTTP: round trips, blindness, hostile uploads."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from defusedxml.ElementTree import fromstring
from openpyxl import Workbook, load_workbook
from starlette.testclient import TestClient

from mien.app.application import create_application
from mien.app.bench import Bench
from mien.app.serve import default_store, install_secret
from mien.app.sheet_additions import MOST_PROBLEMS
from mien.app.sheet_files import FORMS, file_name
from mien.app.study_clips import Clip
from mien.coding.mmme_layout import HEADERS
from mien.coding.store import CodingStore
from mien.dataset import StudyWriter, layout, open_study
from mien.dataset.catalog.mmme import MMME

sys.path.insert(0, str(Path(__file__).parent))
from numbered import write_numbered

HOST = "127.0.0.1:8420"
CLIP = "sub-001_run-01"
N_FRAMES = 60
MARKUP = "<script>alert('x')</script> & \"=1\" ; a | b"
BODIES = [
    {
        "onset": 2, "apex": 5, "offset": 9, "action_units": ["AU4", "LAU12B"], "emotion": "disgust",
        "basis": ["aus"], "valence": 2.5, "arousal": 7, "certainty": 4, "comment": MARKUP,
        "suggestion": "s-1",
    },
    {"onset": 4, "apex": 6, "offset": 8, "kind": "macro", "kind_reason": "a; | b", "no_action_unit": True},
    {"onset": 12, "apex": 40, "comment": " =1+1\nsecond line "},
    {"onset": 13, "apex": 41, "offset": 41},
    {"onset": 50},
]  # fmt: skip
UNMARKED = [{"apex": 3}, {"onset": 9, "apex": 4}]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study whose video plays at 25 frames a second and was filmed at 30."""
    writer = StudyWriter(tmp_path_factory.mktemp("sheets") / "study")
    stamps = 43_200 + np.arange(N_FRAMES) / 30
    with writer.participant("sub-001") as person:
        for run in (1, 2, 3):
            path = layout.video(person.folder, "sub-001", run)
            path.parent.mkdir(parents=True, exist_ok=True)
            if run != 3:
                write_numbered(path, np.arange(N_FRAMES) / 25)
            # The second run has fewer times than frames, the third a table of times alone.
            at = stamps[: N_FRAMES - 10 * (run == 2)]
            person.write_frame_times(run, at, counter=970 + np.arange(at.size))
    writer.finish(pd.DataFrame({"participant_id": ["sub-001"], "consent_level": [2]}))
    return writer.folder


class Person:
    """Somebody who is signed in."""

    def __init__(self, app, label, token):
        self.label = label
        self.http = TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=True)
        assert self.http.post("/api/session", json={"token": token}).status_code == 200
        self.http.headers["X-Mien-CSRF"] = self.http.get("/api/me").json()["csrf"]

    def put(self, body, clip=CLIP):
        edit = {"key": str(uuid.uuid4()), "clip": clip, "sheet": self.label, "action": "put",
                "expression": str(uuid.uuid4()), "base": 0, "body": body}  # fmt: skip
        answer = self.http.post("/api/edits", json=edit)
        assert answer.status_code == 200, answer.text

    def bodies(self, clip=CLIP):
        found = self.http.get(f"/api/clips/{clip}").json()["expressions"]
        return sorted((one["body"] for one in found), key=lambda body: json.dumps(body, sort_keys=True))

    def export(self, form, clip=CLIP, **query):
        return self.http.get(f"/api/clips/{clip}/export/{form}", params=query)

    def send(self, form, content, clip=CLIP, **query):
        return self.http.post(f"/api/clips/{clip}/import/{form}", content=content, params=query)


@pytest.fixture
def people(made, tmp_path):
    """Coders A and B of every clip, an expert and a lead who code none."""
    folder = shutil.copytree(made, tmp_path / "study")
    store = CodingStore.open(default_store(folder), secret=install_secret(folder))
    bench = Bench(open_study(folder), store)
    roles = {"A": "coder", "B": "coder", "E": "expert", "L": "lead"}
    tokens = {
        label: store.add_coder(label, f"<b>{label}</b>", role, by="lead") for label, role in roles.items()
    }
    for run in (1, 2, 3):
        store.assign("sub-001", run, ["A", "B"], by="lead")
    app = create_application(bench, hosts=[HOST])
    yield {label: Person(app, label, token) for label, token in tokens.items()}
    bench.close()


def coded(person, bodies=tuple(BODIES)):
    for body in bodies:
        person.put(body)
    return person


# --- there and back


@pytest.mark.parametrize("form", FORMS)
def test_a_sheet_goes_out_and_comes_back_on_another_coders_sheet(people, form):
    ann, bob = coded(people["A"]), people["B"]
    file = ann.export(form)
    assert file.status_code == 200
    answer = bob.send(form, file.content)
    assert answer.json() == {"added": len(BODIES), "problems": []}
    assert bob.bodies() == ann.bodies()


@pytest.mark.parametrize("form", FORMS)
def test_the_same_file_twice_adds_nothing(people, form):
    ann, bob = coded(people["A"]), people["B"]
    content = ann.export(form).content
    first = bob.send(form, content).json()
    again = bob.send(form, content).json()
    assert (first["added"], again["added"]) == (len(BODIES), 0)
    assert "not added again" in again["problems"][-1]
    assert ann.send(form, content).json()["added"] == 0  # nor onto the sheet it is of


def test_the_studys_table_has_its_columns(people):
    lines = coded(people["A"]).export("tsv").text.splitlines()
    assert lines[0].split("\t")[: len(layout.CODING_COLUMNS)] == list(layout.CODING_COLUMNS)
    assert len(lines) == 1 + len(BODIES)


def test_the_files_times_are_the_videos_and_the_kind_is_by_the_measured_ones(people):
    ann = people["A"]
    ann.put({"onset": 0, "apex": 10, "offset": 14})  # 560 ms as played, 467 ms as filmed
    root = fromstring(ann.export("eaf").content)
    assert [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")] == [0, 400, 440, 560]
    full = [tier.get("TIER_ID") for tier in root.iter("TIER") if len(tier)]
    assert full == ["micro-expression", "micro-expression apex"]
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL").endswith("_run-01_video.mp4")


@pytest.mark.parametrize("form", ["eaf", "boris"])
def test_what_programs_cannot_mark_is_counted(people, form):
    ann = coded(people["A"], [*BODIES, *UNMARKED])
    assert ann.export(form).headers["X-Mien-Left-Out"] == "2"
    assert people["B"].send(form, ann.export(form).content).json()["added"] == len(BODIES)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_tables_leave_nothing_out(people, form):
    ann = coded(people["A"], [*BODIES, *UNMARKED])
    assert ann.export(form).headers["X-Mien-Left-Out"] == "0"
    people["B"].send(form, ann.export(form).content)
    assert people["B"].bodies() == ann.bodies()


def test_frames_are_named_as_mmme_names_them_and_its_importer_reads_them(people, tmp_path):
    ann = coded(people["A"], BODIES[:1])
    (tmp_path / "table.xlsx").write_bytes(ann.export("xlsx").content)
    row = next(csv.DictReader(io.StringIO(ann.export("csv").content.decode("utf-8-sig"))))
    assert (row["OnsetFrame"], row["OnsetTime"], row["Marker"]) == ("12-00-00-067-972", "0.08", "")
    (found,) = MMME().read(tmp_path / "table.xlsx").rows
    assert (found.kind, found.emotion, found.subject) == ("micro", "disgust", "sub-001")


# --- headers, names, who may


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_an_attachment_of_a_plain_name(people, form):
    answer = people["A"].export(form)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{CLIP}_coder-A.{form}"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "html" not in answer.headers["Content-Type"]


def test_names_hold_plain_letters_only():
    clip = Clip("sub-001", 1, None)
    assert file_name(clip, '../a"\r\nb/ü', "eaf") == "sub-001_run-01_coder-..ab.eaf"


def test_markup_stays_text(people):
    ann = coded(people["A"])
    assert b"<script>" not in ann.export("eaf").content
    root = fromstring(ann.export("eaf").content)
    assert any(MARKUP in (note.text or "") for note in root.iter("ANNOTATION_VALUE"))
    foreign = ann.export("eaf").text.replace('="expression"', '="&lt;img src=x onerror=alert(1)&gt;"')
    assert people["B"].send("eaf", foreign.encode()).json()["added"] == len(BODIES)
    assert any(body["comment"].startswith("<img src=x onerror=alert(1)>") for body in people["B"].bodies())


def test_no_formula_leaves(people):
    ann = people["A"]
    ann.put({"onset": 1, "comment": '=HYPERLINK("http://x")'})
    for form, mark in (("csv", ","), ("tsv", "\t")):
        rows = list(csv.reader(io.StringIO(ann.export(form).content.decode("utf-8-sig")), delimiter=mark))
        assert '\'=HYPERLINK("http://x")' in rows[1]
    book = load_workbook(io.BytesIO(ann.export("xlsx").content))
    assert {cell.data_type for row in book.active for cell in row} <= {"s", "n"}
    people["B"].send("tsv", ann.export("tsv").content)
    assert people["B"].bodies() == ann.bodies()


def test_files_are_of_sheets_that_somebody_may_see(people):
    coded(people["A"], BODIES[:1])
    blind = people["B"].export("csv", sheet="A")
    assert (blind.status_code, blind.json()["kind"]) == (403, "blind")
    assert people["E"].export("csv", sheet="A").status_code == 403
    assert people["L"].export("csv", sheet="A").status_code == 200
    for label in ("../../x", "nobody", "\x00", "unmerged"):
        assert people["L"].export("csv", sheet=label).status_code == 400
    for clip in ("..%2f..%2fx", "sub-002_run-01", "sub-001_run-1"):
        assert people["L"].export("csv", clip=clip).status_code == 404


def test_nobody_imports_onto_a_sheet_that_is_not_their_own_open_one(people):
    content = coded(people["A"]).export("csv").content
    for label in ("E", "L"):
        assert people[label].send("csv", content).status_code == 403
    assert people["B"].http.post(f"/api/clips/{CLIP}/done").status_code == 200
    refused = people["B"].send("csv", content)
    assert (refused.status_code, refused.json()["kind"]) == (403, "sheet")
    assert people["B"].bodies() == []
    del people["A"].http.headers["X-Mien-CSRF"]
    assert people["A"].send("csv", content).status_code == 403


def test_clip_and_self_report_are_no_basis_before_they_were_shown(people):
    row = {"OnsetFrame": 1, "Action Units": "AU4", "Estimated Emotion": "fear", "Basis": "aus, self-report"}
    answer = people["A"].send("csv", table(row)).json()
    assert answer["added"] == 0
    assert "before clip and self-report were shown" in answer["problems"][0]


@pytest.mark.parametrize("form", ["pdf", "EAF", "a.b", "html"])
def test_there_are_five_forms(people, form):
    assert people["A"].export(form).status_code == 404
    assert people["A"].send(form, b"x").status_code == 404


def test_a_video_with_other_frames_than_its_times_goes_by_tables_alone(people):
    for clip, words in ((f"{CLIP[:-1]}2", "frames in the video"), (f"{CLIP[:-1]}3", "a video")):
        ann = people["A"]
        ann.put(BODIES[0], clip)
        refused = ann.export("eaf", clip)
        assert refused.status_code == 400
        assert words in refused.json()["error"]
        assert people["B"].send("csv", ann.export("csv", clip).content, clip).json()["added"] == 1


# --- what cannot be taken


def table(*rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(HEADERS.values()), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def test_rows_that_cannot_be_are_told_and_the_rest_is_added(people):
    rows = [
        {"OnsetFrame": 1, "Comment": "x" * 2001},
        {"OnsetFrame": N_FRAMES},
        {"OnsetFrame": -1},
        {"OnsetTime": "-3"},
        {"OnsetTime": "1e999"},
        {"OnsetFrame": 2, "Action Units": "AU4", "Estimated Emotion": "joy"},
        {"OnsetFrame": 3, "Estimated Emotion": "fear"},
        {"OnsetFrame": 4},
        {"OnsetFrame": 4},
    ]
    answer = people["A"].send("csv", table(*rows)).json()
    assert answer["added"] == 2
    told = "\n".join(answer["problems"])
    assert all(f"Row {n}: " in told for n in (2, 3, 4, 5, 6, 7, 8))
    assert "one of happiness" in told
    assert "not added again" in told
    assert "/tmp" not in told


def test_an_emotion_may_be_spelled_as_in_mmme(people):
    row = {"OnsetFrame": 2, "Action Units": "AU4", "Estimated Emotion": "Angry"}
    assert people["A"].send("csv", table(row)).json() == {"added": 1, "problems": []}
    assert people["A"].bodies()[0]["emotion"] == "anger"


def test_at_most_a_hundred_problems_are_told(people):
    answer = people["A"].send("csv", table(*({"OnsetFrame": 1000 + n} for n in range(500)))).json()
    assert len(answer["problems"]) == MOST_PROBLEMS
    assert answer["problems"][-1] == "And 401 further problems."


def test_more_rows_than_anybody_marks_are_refused(people):
    many = table(*({"OnsetFrame": n % N_FRAMES, "Comment": n} for n in range(10_000)))
    answer = people["A"].send("csv", many)
    assert answer.status_code == 400
    assert "at most 2000" in answer.json()["error"]
    assert people["A"].bodies() == []


def test_expressions_outside_the_clip_are_problems(people):
    ann, bob = people["A"], people["B"]
    ann.put({"onset": 55, "apex": 57, "offset": 59})
    late = ann.export("eaf").text.replace('TIME_VALUE="2360"', 'TIME_VALUE="9000"')
    answer = bob.send("eaf", late.encode()).json()
    assert answer["added"] == 0
    assert "a time within 0.000 to 2.360 s" in answer["problems"][0]
    project = json.loads(ann.export("boris").content)
    (seen,) = project["observations"].values()
    seen["events"][0][0] = -1.0
    answer = bob.send("boris", json.dumps(project).encode()).json()
    assert answer["added"] == 0
    assert len(answer["problems"]) == 1


def test_of_several_observations_the_clips_own_is_read(people):
    ann, bob = coded(people["A"]), people["B"]
    project = json.loads(ann.export("boris").content)
    ((name, own),) = project["observations"].items()
    project["observations"]["../../x"] = own
    assert bob.send("boris", json.dumps(project).encode()).json()["added"] == len(BODIES)
    project["observations"]["other"] = project["observations"].pop(name)
    refused = bob.send("boris", json.dumps(project).encode())
    assert refused.status_code == 400
    assert "one observation" in refused.json()["error"]


def test_rows_of_other_runs_are_left_out(people):
    header = "\t".join(layout.CODING_COLUMNS)
    rows = [
        "1\t1\t5\tn/a\tn/a\tn/a\tn/a\tn/a",
        "2\t2\t5\tn/a\tn/a\tn/a\tn/a\tn/a",
        "1\t1\t5\tn/a\tn/a\tn/a\tAU\tn/a",
    ]
    answer = people["A"].send("tsv", "\n".join([header, *rows]).encode()).json()
    assert answer["added"] == 1
    assert answer["problems"][0].startswith("Row 4: ")
    assert answer["problems"][1] == "1 rows are of other runs than 1 and were left out."


# --- hostile uploads


def zipped(**parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def formulas():
    book = Workbook()
    book.active.append(list(HEADERS.values()))
    book.active.append(["=cmd|'/c calc'!A1"] * len(HEADERS))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
EAF = '<ANNOTATION_DOCUMENT AUTHOR="" DATE="" VERSION="3.0">{}</ANNOTATION_DOCUMENT>'
HOSTILE = {
    "nothing": b"",
    "NUL": b"\x00" * 1000,
    "xml bomb": f"<!DOCTYPE l [{LOL}]>{EAF.format('&l9;')}".encode(),
    "external entity": f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{EAF.format("&x;")}'.encode(),
    "deep xml": b"<a>" * 500_000,
    "deep json": b"[" * 100_000 + b"]" * 100_000,
    "deep event": b'{"behaviors_conf": {}, "observations": {"a": {"type": "MEDIA", "events": '
    + b"[" * 900 + b"]" * 900 + b"}}}",
    "wide table": b"\t".join([b"x"] * 1_000_000) + b"\n1\n",
    "wide csv": b"OnsetFrame,ApexFrame,OffsetFrame" + b",x" * 900_000,
    "wide tsv": "\t".join(layout.CODING_COLUMNS).encode() + b"\tx" * 900_000 + b"\n",
    "zip bomb": zipped(**{"xl/workbook.xml": b"<a/>", "xl/big.xml": b"<" + b"\0" * 200_000_000}),
    "formulas": formulas(),
    "slip": zipped(**{"../../../etc/x": b"x", "xl/workbook.xml": b"<a/>"}),
    "odd text": "trial\trun\n\ud800".encode("utf-8", "surrogatepass"),
    "huge number": b'{"a": ' + b"9" * 1_000_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_sentence_and_leave_the_sheet_alone(people, name, form):
    ann = people["A"]
    answer = ann.send(form, HOSTILE[name], name="../../../etc/passwd")
    assert answer.status_code == 400, answer.text
    said = answer.json()
    assert "wanted" in said["error"]
    assert len(said["error"]) < 1000
    assert not any(word in said["error"] for word in ("Traceback", "/tmp", "root:", "mien-table"))
    assert ann.bodies() == []


def test_more_than_two_megabytes_are_refused(people):
    assert people["A"].send("csv", b"x" * (2 * 2**20 + 1)).status_code == 413


@pytest.mark.parametrize("cell", ["NaN", "1e400", "abc", "-1", "1.5", "9" * 400])
@pytest.mark.parametrize("column", ["onset_frame", "valence", "certainty", "run"])
def test_tables_with_cells_that_are_no_numbers(people, column, cell):
    names = [*layout.CODING_COLUMNS, "valence", "certainty"]
    row = dict.fromkeys(names, "n/a") | {"trial": "1", "run": "1", "onset_frame": "5"} | {column: cell}
    content = "\n".join(["\t".join(names), "\t".join(row[name] for name in names)]).encode()
    answer = people["A"].send("tsv", content)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200 and answer.json()["added"]:
        (body,) = people["A"].bodies()
        assert (column, cell) in {("onset_frame", "NaN"), ("valence", "NaN"), ("certainty", "NaN"),
                                  ("valence", "1.5"), ("certainty", "1.5")}  # fmt: skip
        assert body["certainty"] in (None, 1)
