"""Exchange with annotation programs: what goes out comes back, and files are what the programs ask for."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from mien.coding import (
    Mark,
    Sheet,
    from_boris,
    from_elan,
    from_label_studio,
    label_studio_config,
    to_boris,
    to_csv,
    to_elan,
    to_label_studio,
)
from mien.coding.exchange import read_note, write_note
from mien.core.errors import DataError
from mien.core.expression import ActionUnit, Expression
from mien.core.time import FrameGrid

RATE_HZ = 100
ODD = 'Müller & "Söhne" <1>\'s, 100 % {表情}.mp4'
EXPRESSIONS = (
    Mark(Expression(1.51, 1.69, 1.92, "micro"), 2.209, "mouth"),
    Mark(Expression(4.03, 4.69, 5.58, "macro"), 6.777, "brows, mouth"),
    Mark(Expression(4.8, 4.9, 5.1, "micro"), 1.2, "within the macro"),
    Mark(Expression(4.9, 5.0, 5.2, "micro"), None, "over the other micro"),
    Mark(Expression(5.2, 5.3, 5.4, "micro"), None, "touches the one before"),
    Mark(Expression(6.0, 6.2, None, "micro", (ActionUnit(4), ActionUnit(12, "left", "B")), "happiness")),
    Mark(Expression(7.0, None, 7.5, "macro"), comment="<b>\"x\" & 'y'</b> | score 3.000; é表"),
    Mark(Expression(8.0, None, None, None), comment="score 1.000"),
)


def sheet(marks=EXPRESSIONS, video="clip.mp4", length_s=10.0, rate_hz=RATE_HZ):
    return Sheet(video, length_s, FrameGrid(np.arange(round(length_s * rate_hz)) / rate_hz), tuple(marks))


def hour():
    rng = np.random.default_rng(0)
    marks = []
    for onset in np.sort(rng.uniform(0, 3590, 500)):
        kind = "micro" if rng.random() < 0.7 else "macro"
        rise = rng.uniform(0.06, 0.2 if kind == "micro" else 2)
        marks.append(Mark(Expression(onset, onset + rise, onset + 2 * rise, kind), 1 + rng.random(), "brows"))
    return sheet(marks, length_s=3600.0, rate_hz=30)


def same(found, wanted, *, within_s, coder=None):
    """Equal but for times, which are as near as the program's unit allows."""
    assert len(found) == len(wanted)
    key = lambda mark: (mark.expression.onset_s, mark.comment)  # noqa: E731
    for a, b in zip(sorted(found, key=key), sorted(wanted, key=key), strict=True):
        x, y = a.expression, b.expression
        assert (x.kind, x.action_units, x.emotion, x.coder) == (y.kind, y.action_units, y.emotion, coder)
        assert a.comment == b.comment
        assert a.score == (None if b.score is None else pytest.approx(b.score, abs=5e-4))
        for one, other in ((x.onset_s, y.onset_s), (x.apex_s, y.apex_s), (x.offset_s, y.offset_s)):
            assert one == (None if other is None else pytest.approx(other, abs=within_s))


TRIPS = {
    "elan": (lambda one: from_elan(to_elan(one)), 0.00051, "mien"),
    "boris": (lambda one: from_boris(to_boris([one]))[one.video], 0.00051, None),
    "label studio": (lambda one: from_label_studio(to_label_studio([one]))[one.video], 0.0051, None),
}


@pytest.mark.parametrize("program", TRIPS)
def test_what_goes_out_comes_back(program):
    there_and_back, within_s, coder = TRIPS[program]
    for one in (sheet(), sheet(video=ODD), sheet([])):
        same(there_and_back(one), one.marks, within_s=within_s, coder=coder)


@pytest.mark.parametrize("program", TRIPS)
def test_an_hour_with_500(program):
    there_and_back, within_s, coder = TRIPS[program]
    one = hour()
    same(
        there_and_back(one), one.marks, within_s=max(within_s, 0.5001 / 30 * (program[0] == "l")), coder=coder
    )


@pytest.mark.parametrize("program", TRIPS)
def test_times_on_frames_come_back_exactly(program):
    there_and_back = TRIPS[program][0]
    marks = [Mark(Expression(0.0, 0.25, 0.5, "micro")), Mark(Expression(2.0, 2.0, 2.0, "macro"))]
    found = there_and_back(sheet(marks))
    assert (found[0].expression.onset_s, found[0].expression.apex_s, found[0].expression.offset_s) == (
        0,
        0.25,
        0.5,
    )
    # An annotation cannot be empty: ELAN's and BORIS's last for a millisecond.
    assert found[1].expression.offset_s in (2.0, 2.001)


def test_equal_sheets_give_equal_files():
    for write in (to_elan, lambda one: to_boris([one]), lambda one: to_label_studio([one])):
        assert write(sheet()) == write(sheet())


words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(
    lambda text: " ".join(text.split())
)
marks = st.builds(
    lambda text, score, units, emotion, gone: Mark(
        Expression(1.0, 1.1, None if gone else 1.2, "micro", tuple(units), emotion), score, text
    ),
    words | st.sampled_from(["|", "a | b", "score 1", "| score 1", "AU4", "offset not observed", "a; b"]),
    st.none() | st.integers(0, 99_999).map(lambda n: n / 1000),
    st.lists(
        st.builds(ActionUnit, st.integers(1, 45), st.sampled_from(["both", "left", "right"])), max_size=3
    ),
    st.none() | st.sampled_from(["happiness", "non negative"]),
    st.booleans(),
)


@given(marks)
def test_notes_are_read_as_they_were_written(mark):
    note, at = read_note(write_note(mark)), mark.expression
    assert (note.score, note.comment) == (mark.score, mark.comment)
    assert (note.action_units, note.emotion) == (at.action_units, at.emotion)
    assert note.offset_observed is (at.offset_s is not None)


def test_a_note_is_for_people():
    assert write_note(EXPRESSIONS[0]) == "score 2.209 | mouth"
    assert write_note(EXPRESSIONS[5]) == "AU4, LAU12B; emotion happiness; offset not observed"
    assert read_note("looks away").comment == "looks away"


# --- ELAN

ORDER = ("LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT")


@pytest.mark.parametrize(
    "one", [sheet(), sheet([]), sheet(video=ODD), hour()], ids=["odd", "none", "name", "hour"]
)
def test_eaf_keeps_the_rules_of_its_schema(one):
    """Rules of EAFv3.0.xsd, and those of ELAN beyond it: no overlap on a tier, no empty annotation."""
    root = fromstring(to_elan(one))
    assert root.tag == "ANNOTATION_DOCUMENT"
    assert {"AUTHOR", "DATE", "VERSION", "FORMAT"} <= set(root.keys())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", root.get("DATE"))
    places = [ORDER.index(child.tag) for child in root]
    assert places == sorted(places)
    assert root.find("HEADER").get("TIME_UNITS") == "milliseconds"
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL") == f"./{one.video}"
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    assert len(slots) == len(list(root.iter("TIME_SLOT")))
    assert list(slots.values()) == sorted(slots.values())
    assert min(slots.values(), default=0) >= 0
    types = {kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")}
    names = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    assert len(names) == len(set(names))
    assert {"micro-expression", "macro-expression", "micro-expression apex", "macro-expression apex"} <= set(
        names
    )
    ids, used = [], []
    for tier in root.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        spans = []
        for note in tier.iter("ALIGNABLE_ANNOTATION"):
            ids.append(note.get("ANNOTATION_ID"))
            used += [note.get("TIME_SLOT_REF1"), note.get("TIME_SLOT_REF2")]
            spans.append((slots[used[-2]], slots[used[-1]]))
            assert [child.tag for child in note] == ["ANNOTATION_VALUE"]
        assert all(start < end for start, end in spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert len(ids) == len(set(ids)) == int(root.find("HEADER/PROPERTY").text)
    assert sorted(used) == sorted(slots)
    stereotypes = {one.get("STEREOTYPE") for one in root.iter("CONSTRAINT")}
    assert stereotypes == {"Time_Subdivision", "Symbolic_Subdivision", "Symbolic_Association", "Included_In"}


def test_eaf_as_another_library_reads_it(tmp_path):
    elan = pytest.importorskip("pympi.Elan", reason="pympi-ling is not installed")
    (tmp_path / "one.eaf").write_text(to_elan(sheet()), encoding="utf-8")
    eaf = elan.Eaf(str(tmp_path / "one.eaf"))
    found = eaf.get_annotation_data_for_tier("micro-expression")
    assert sorted(found)[0][:3] == (1510, 1920, "score 2.209 | mouth")
    assert len(eaf.get_annotation_data_for_tier("micro-expression 2")) == 1
    assert eaf.media_descriptors[0]["RELATIVE_MEDIA_URL"] == "./clip.mp4"


def test_what_elan_saves_is_read():
    text = to_elan(sheet(EXPRESSIONS[:2]), author="A")
    moved = text.replace('TIME_VALUE="1510"', 'TIME_VALUE="1480"').replace(
        "micro-expression", "micro-expression 7"
    )
    assert from_elan(moved)[0].expression == Expression(1.48, 1.69, 1.92, "micro", coder="A")
    foreign = from_elan(text.replace("macro-expression", "gaze"))
    assert any(mark.expression.kind is None and mark.comment == "gaze: brows, mouth" for mark in foreign)


def test_characters_that_xml_cannot_hold():
    mark = Mark(Expression(1, 1.1, 1.2, "micro"), comment="a\x00b\ufffe😀")
    assert from_elan(to_elan(sheet([mark])))[0].comment == "a\ufffdb\ufffd😀"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "wanted XML"),
        ("<a>", "wanted XML"),
        ("<html/>", "annotation document, got html"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><ANNOTATION_DOCUMENT>&b;</ANNOTATION_DOCUMENT>', "wanted XML"),
    ],
)
def test_what_is_no_eaf(text, wanted):
    with pytest.raises(DataError, match=wanted):
        from_elan(text)


def test_elan_without_a_time_or_with_an_apex_alone():
    text = to_elan(sheet(EXPRESSIONS[:1]))
    with pytest.raises(DataError, match="a start and an end"):
        from_elan(text.replace(' TIME_VALUE="1510"', ""))
    with pytest.raises(DataError, match="move it into its expression"):
        from_elan(text.replace('TIME_VALUE="1690"', 'TIME_VALUE="1000"'))


# --- BORIS


@pytest.mark.parametrize(
    "one", [sheet(), sheet([]), sheet(video=ODD), hour()], ids=["odd", "none", "name", "hour"]
)
def test_boris_project_is_whole(one):
    """What BORIS's own check of a project asks: codes known, states paired, media with a length."""
    project = json.loads(to_boris([one]))
    assert project["project_format_version"] == "7.0"
    codes = {row["code"]: row["type"] for row in project["behaviors_conf"].values()}
    keys = [row["key"] for row in project["behaviors_conf"].values()]
    assert len(set(keys)) == len(keys)
    assert codes["micro-expression"] == codes["macro-expression"] == "State event"
    assert codes["micro-expression apex"] == "Point event"
    ((name, seen),) = project["observations"].items()
    assert name == name.strip()
    assert seen["file"]["1"] == [one.video]
    assert seen["media_info"]["length"] == {one.video: one.duration_s}
    assert seen["events"] == sorted(seen["events"])
    times: dict[str, list[float]] = {}
    for at, subject, code, modifier, _, frame in seen["events"]:
        assert (subject, modifier, frame) == ("", "", "NA")
        times.setdefault(code, []).append(at)
    for code, row in times.items():
        assert all(a < b for a, b in pairwise(row))
        assert codes[code] == "Point event" or len(row) % 2 == 0


def test_several_videos_in_one_project():
    sheets = [sheet(), sheet(EXPRESSIONS[:1], video="b.mp4"), sheet([], video=" b.mp4")]
    found = from_boris(to_boris(sheets, name="study"))
    assert {name: len(row) for name, row in found.items()} == {"clip.mp4": 8, "b.mp4": 1, "b.mp4 (2)": 0}
    with pytest.raises(DataError, match="one sheet for each video"):
        to_boris([sheet(), sheet()])


def test_what_boris_saves_is_read():
    project = json.loads(to_boris([sheet(EXPRESSIONS[:2])]))
    seen = project["observations"]["clip.mp4"]
    project["observations"]["live"] = {"type": "LIVE", "events": []}
    conf = project["behaviors_conf"]
    conf["9"] = {**conf["0"], "code": "looks away"}
    seen["events"] += [
        [9.0, "", "looks away", "", "left", 900],
        [9.5, "", "looks away", "", ""],
        [9.9, "", "cough", "", ""],
    ]
    found = from_boris(json.dumps(project))
    assert list(found) == ["clip.mp4"]
    assert found["clip.mp4"][2] == Mark(Expression(9.0, None, 9.5), comment="looks away: left")


def test_boris_that_cannot_be_read():
    whole = to_boris([sheet(EXPRESSIONS[:1])])
    for text, wanted in (
        ("", "no JSON"),
        ("[]", "another kind"),
        ('{"behaviors_conf": {}, "observations": {"a": {"events": [1]}}}', "another kind"),
        (whole.replace("   1.92,\n", "   NaN,\n").replace("1.92,", "NaN,"), "the time of every event"),
    ):
        with pytest.raises(DataError, match=wanted):
            from_boris(text)
    project = json.loads(whole)
    project["observations"]["clip.mp4"]["events"].pop()
    with pytest.raises(DataError, match="pair the events"):
        from_boris(json.dumps(project))


# --- Label Studio


def test_tasks_fit_their_interface():
    root = fromstring(label_studio_config())
    control = root.find("TimelineLabels")
    labels = {label.get("value") for label in control}
    assert control.get("toName") == root.find("Video").get("name")
    (task,) = json.loads(to_label_studio([sheet()], prefix="/data/local-files/?d="))
    assert task["data"] == {"video": "/data/local-files/?d=clip.mp4", "name": "clip.mp4", "fps": 100.0}
    (prediction,) = task["predictions"]
    assert prediction["score"] == 6.777
    ids = [region["id"] for region in prediction["result"]]
    assert len(ids) == len(set(ids))
    for region in prediction["result"]:
        assert region["from_name"] == control.get("name")
        assert region["type"] == "timelinelabels"
        assert set(region["value"]["timelinelabels"]) <= labels
        (span,) = region["value"]["ranges"]
        assert 1 <= span["start"] <= span["end"] <= 1000
        assert region.get("parentID", ids[0]) in ids
    first, apex = prediction["result"][:2]
    # Frames from 1, both ends included: 1.51 s at 100 Hz is frame 151 from 0.
    assert (first["value"]["ranges"], first["score"]) == ([{"start": 152, "end": 193}], 2.209)
    assert apex["value"] == {
        "ranges": [{"start": 170, "end": 170}],
        "timelinelabels": ["micro-expression apex"],
    }


def test_what_label_studio_exports_is_read():
    (task,) = json.loads(to_label_studio([sheet(EXPRESSIONS[:1])]))
    whole, apex = task["predictions"][0]["result"]
    del apex["parentID"]  # drawn by the coder
    drawn = {"result": [whole, apex, {"type": "choices", "value": {}}]}
    task["annotations"] = [
        {"result": [], "was_cancelled": False},
        drawn,
        {"result": [], "was_cancelled": True},
    ]
    found = from_label_studio(json.dumps([task]))["clip.mp4"]
    assert found[0].expression == Expression(1.51, 1.69, 1.92, "micro")
    task["annotations"] = [{"result": []}]
    assert from_label_studio(json.dumps([task])) == {"clip.mp4": []}


def test_label_studio_that_cannot_be_read():
    (task,) = json.loads(to_label_studio([sheet(EXPRESSIONS[:1])]))
    bad = json.loads(json.dumps(task))
    bad["predictions"][0]["result"][0]["value"]["ranges"] = []
    for content, wanted in (
        ({}, "another kind"),
        ([{"data": {"video": "a"}}], "the video's rate"),
        ([task, task], "one task for each video"),
        ([bad], "a label and a range"),
    ):
        with pytest.raises(DataError, match=wanted):
            from_label_studio(json.dumps(content))


def test_uneven_frames_are_counted_as_label_studio_counts_them():
    stamps = np.cumsum(np.r_[0.0, np.random.default_rng(1).uniform(0.02, 0.06, 499)])
    one = Sheet(
        "a.mp4", 20.0, FrameGrid(stamps), (Mark(Expression(stamps[50], stamps[55], stamps[60], "micro")),)
    )
    found = from_label_studio(to_label_studio([one]))["a.mp4"]
    fps = 499 / (stamps[-1] - stamps[0])
    same(found, one.marks, within_s=0.5001 / fps)


# --- table, sheet


def test_table():
    rows = list(csv.DictReader(io.StringIO(to_csv([sheet(), sheet([], video="b")]))))
    assert len(rows) == len(EXPRESSIONS)
    assert rows[0] == {
        "video": "clip.mp4", "onset_s": "1.510", "apex_s": "1.690", "offset_s": "1.920", "onset_frame": "151",
        "apex_frame": "169", "offset_frame": "192", "kind": "micro", "score": "2.209", "action_units": "",
        "emotion": "", "comment": "mouth",
    }  # fmt: skip
    assert (rows[5]["offset_s"], rows[5]["offset_frame"], rows[5]["action_units"]) == ("", "", "AU4, LAU12B")


def test_times_are_the_players():
    one = Sheet(
        "a.ts", 9.0, FrameGrid(1.4 + np.arange(225) / 25), (Mark(Expression(2.4, 2.6, 2.8, "micro")),), 1.4
    )
    assert from_elan(to_elan(one))[0].expression.onset_s == 1.0
    assert from_boris(to_boris([one]))["a.ts"][0].expression.onset_s == 1.0
    assert from_label_studio(to_label_studio([one]))["a.ts"][0].expression.onset_s == 1.0
    assert to_csv([one]).splitlines()[1].startswith("a.ts,2.400,2.600,2.800,25,30,35,micro")


def test_what_cannot_be_exchanged():
    with pytest.raises(DataError, match="a video's name"):
        sheet(video=" ")
    with pytest.raises(DataError, match="begins_s"):
        sheet([Mark(Expression(-0.2, 0.0, 0.1))])
    with pytest.raises(DataError, match="finite number"):
        Mark(Expression(0, 0, 0), float("nan"))
    with pytest.raises(DataError, match="without ; and"):
        Mark(Expression(0, 0, 0, emotion="a | b"))
    with pytest.raises(DataError, match="within"):
        to_label_studio([sheet([Mark(Expression(20.0, 20.1, 20.2))])])
