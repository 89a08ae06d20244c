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
from mien.coding.annotation import BASES, Annotation
from mien.coding.annotation_marks import annotation_of, can_be_marked, mark_of, sheet_of
from mien.coding.exchange import read_note, write_note
from mien.coding.stated import Stated, read_fact
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


# --- everything that an annotation states

N_FRAMES = 400
RNG = np.random.default_rng(7)
CLOCKS = {
    "25 Hz": np.arange(N_FRAMES) / 25,
    "150 Hz": 0.2 + np.arange(N_FRAMES) / 150,
    "variable": np.cumsum(RNG.uniform(0.002, 0.07, N_FRAMES)),
}
free = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('\n\t ;|"<>&='), max_size=20)
units = st.lists(
    st.builds(
        ActionUnit,
        st.integers(1, 99),
        st.sampled_from(["both", "left", "right"]),
        st.sampled_from([None, "A", "E"]),
    ),
    max_size=4,
    unique_by=lambda unit: (unit.number, unit.side),
).map(tuple)
rating = st.none() | st.floats(1, 9) | st.integers(1, 9)


@st.composite
def annotations(draw):
    """Any annotation with an onset and its frames in order."""
    frames = sorted(draw(st.lists(st.integers(0, N_FRAMES - 1), min_size=3, max_size=3)))
    seen = draw(units)
    none = not seen and draw(st.booleans())
    coded = bool(seen) or none
    kind = draw(st.sampled_from([None, "micro", "macro"]))
    reason = draw(free.filter(lambda text: text.strip() and "\n" not in text and "\t" not in text))
    return Annotation(
        onset=frames[0],
        apex=draw(st.sampled_from([None, frames[1]])),
        offset=draw(st.sampled_from([None, frames[2]])),
        kind=kind,
        kind_reason=reason if kind else "",
        action_units=seen,
        no_action_unit=none,
        emotion=draw(st.none() | st.sampled_from(["happiness", "non negative"])) if coded else None,
        basis=tuple(word for word in BASES if coded and draw(st.booleans())),
        valence=draw(rating),
        arousal=draw(rating),
        certainty=draw(st.none() | st.integers(1, 5)),
        comment=draw(
            free | st.sampled_from(["valence 3", "no action unit", "comment in quotes | x", "\n", '"a"'])
        ),
        suggestion=draw(st.none() | st.just("s-1") | reason_like),
    )


reason_like = st.sampled_from(["a; b | c", 'say "so"', "\\u003b", "\ufffe"])


def sheet_with(said, clock):
    file_s = CLOCKS[clock]
    # What was measured runs 1 % faster than what the file plays.
    times = ((file_s - file_s[0]) * 1.01).tolist()
    marks = [mark_of(one, file_s.tolist(), times) for one in said]
    return sheet_of("clip.mp4", file_s.tolist(), float(file_s[-1]) + 0.05, marks), times


BACK = {
    "elan": lambda one: from_elan(to_elan(one)),
    "boris": lambda one: from_boris(to_boris([one]))[one.video],
}


@pytest.mark.parametrize("program", BACK)
@pytest.mark.parametrize("clock", CLOCKS)
@given(st.lists(annotations(), max_size=4))
def test_nothing_that_is_stated_is_lost(program, clock, said):
    one, times = sheet_with(said, clock)
    found = [annotation_of(mark, one, times) for mark in BACK[program](one)]
    assert [remark for _, remarks in found for remark in remarks] == []
    spelled = lambda row: json.dumps([one.as_json() for one in row], sort_keys=True)  # noqa: E731
    key = lambda one: (one.onset, json.dumps(one.as_json(), sort_keys=True))  # noqa: E731
    assert spelled(sorted((back for back, _ in found), key=key)) == spelled(sorted(said, key=key))


def test_new_facts_are_for_people_too():
    stated = Stated(True, ("aus", "clip"), 3.0, 4.5, 2, "a blink; or not", "s-1")
    mark = Mark(Expression(0, 0.1, 0.2, "micro", (), "fear"), comment="left", stated=stated)
    note = (
        "emotion fear; no action unit; basis aus, clip; valence 3; arousal 4.5; certainty 2; "
        'kind stated "a blink\\u003b or not"; suggestion "s-1" | left'
    )
    assert write_note(mark) == note
    assert read_note(note).stated == stated
    lines = Mark(Expression(0, 0.1, 0.2), comment=" two\nlines", stated=Stated(verbatim=True))
    assert write_note(lines) == 'comment in quotes | " two\\nlines"'
    assert read_note(write_note(lines)).comment == " two\nlines"


@pytest.mark.parametrize(
    "part", ["valence", "valence x", "certainty 12", "basis", "kind stated x", 'suggestion "x']
)
def test_words_that_are_no_fact(part):
    assert read_fact(part) is None
    assert read_note(part).comment == part


def test_a_kind_that_a_file_states_against_the_times_stays_with_a_reason():
    one, times = sheet_with([Annotation(onset=0, apex=50, offset=100)], "25 Hz")
    text = to_elan(one).replace("macro-expression", "micro-expression", 2)
    (mark,) = from_elan(text.replace("macro-expression", "micro-expression 2"))
    said, _ = annotation_of(mark, one, times)
    assert (said.kind, said.kind_reason) == ("micro", "as in the file")


def test_an_emotion_without_units_goes_into_the_comment_and_is_told():
    one, times = sheet_with([], "25 Hz")
    mark = Mark(Expression(1.0, 1.2, 1.4, emotion="Happy"), 2.5, "x")
    said, remarks = annotation_of(mark, one, times, emotions={"happy": "happiness"})
    assert (said.emotion, said.comment) == (None, "x (emotion in the file: happiness)")
    assert len(remarks) == 2


def test_what_programs_cannot_mark_is_refused():
    file_s = [0.0, 0.1, 0.1005, 0.2]
    for said in (Annotation(apex=1), Annotation(onset=2, apex=1), Annotation(onset=9), Annotation(onset=1)):
        with pytest.raises(DataError, match="wanted"):
            mark_of(said, file_s, file_s)
    assert not can_be_marked(Annotation(onset=2, offset=1))
    with pytest.raises(DataError, match="XML holds"):
        mark_of(Annotation(onset=0, no_action_unit=True, emotion="a\ufffe"), file_s, file_s)


def test_with_a_list_for_problems_the_rest_is_read():
    text = to_elan(sheet(EXPRESSIONS[:2]))
    problems: list[str] = []
    found = from_elan(text.replace(' TIME_VALUE="1510"', ' TIME_VALUE="-7"'), problems=problems)
    assert len(found) == 1
    assert len(problems) == 2  # the expression, and the apex that is left alone
    project = json.loads(to_boris([sheet(EXPRESSIONS[:2])]))
    project["observations"]["clip.mp4"]["events"][0][0] = "NA"
    problems = []
    assert len(from_boris(json.dumps(project), problems=problems)["clip.mp4"]) == 1
    assert problems


@pytest.mark.parametrize(
    "change",
    [
        ('TIME_UNITS="milliseconds"', 'TIME_UNITS="PAL-frames"'),
        ("RELATIVE_MEDIA_URL", 'TIME_ORIGIN="500" RELATIVE_MEDIA_URL'),
    ],
)
def test_times_that_are_not_the_videos_are_refused(change):
    with pytest.raises(DataError, match="milliseconds of the video"):
        from_elan(to_elan(sheet()).replace(*change))
    shifted = to_boris([sheet()]).replace('"time offset": 0.0', '"time offset": 2.0')
    with pytest.raises(DataError, match="times shifted by"):
        from_boris(shifted)


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\x01",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="rot13"?><a/>',
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><ANNOTATION_DOCUMENT>&x;</ANNOTATION_DOCUMENT>",
        b"<ANNOTATION_DOCUMENT>" * 100_000,
    ],
)
def test_hostile_xml_is_one_sentence(text):
    with pytest.raises(DataError, match="wanted XML") as error:
        from_elan(text)
    assert len(str(error.value)) < 400


def test_deep_and_long_xml_is_read_without_harm():
    deep = b"<ANNOTATION_DOCUMENT>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</ANNOTATION_DOCUMENT>"
    assert from_elan(deep) == []
    huge = to_elan(sheet(EXPRESSIONS[:1])).replace('TIME_VALUE="1510"', f'TIME_VALUE="{"9" * 5000}"')
    with pytest.raises(DataError, match="a start and an end") as error:
        from_elan(huge)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"behaviors_conf": {"0": {"code": [], "type": "State event"}}, "observations": {}}',
        '{"behaviors_conf": {"0": {"code": "a", "type": 3}}, "observations": {}}',
        '{"behaviors_conf": {}, "observations": {"a": {"type": "MEDIA", "events": [[1, 2, 3, 4, 5]]}}}',
        b"\xff\xfe",
    ],
)
def test_hostile_json_is_one_sentence(text):
    with pytest.raises(DataError, match="wanted what BORIS saves"):
        from_boris(text)


@pytest.mark.parametrize("time", ["1" + "0" * 400, "NaN", "-Infinity", '"1"', "[[[[1]]]]", "null", "true"])
def test_times_that_are_none(time):
    text = to_boris([sheet(EXPRESSIONS[:1])]).replace("1.92,", f"{time},")
    with pytest.raises(DataError, match="the time of every event"):
        from_boris(text)


# --- the schema EAFv3.0.xsd, written down as rules

XML_NAME = re.compile(r"[A-Za-z_][\w.-]*")
ATTRIBUTES = {  # of every element: those that must stand, and those that may
    "ANNOTATION_DOCUMENT": ({"DATE", "AUTHOR", "VERSION"}, {"FORMAT"}),
    "HEADER": (set(), {"MEDIA_FILE", "TIME_UNITS"}),
    "MEDIA_DESCRIPTOR": ({"MEDIA_URL", "MIME_TYPE"}, {"RELATIVE_MEDIA_URL", "TIME_ORIGIN", "EXTRACTED_FROM"}),
    "PROPERTY": (set(), {"NAME"}),
    "TIME_ORDER": (set(), set()),
    "TIME_SLOT": ({"TIME_SLOT_ID"}, {"TIME_VALUE"}),
    "TIER": ({"TIER_ID", "LINGUISTIC_TYPE_REF"}, {"PARTICIPANT", "ANNOTATOR", "PARENT_REF"}),
    "ANNOTATION": (set(), set()),
    "ALIGNABLE_ANNOTATION": ({"ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2"}, {"SVG_REF"}),
    "ANNOTATION_VALUE": (set(), set()),
    "LINGUISTIC_TYPE": ({"LINGUISTIC_TYPE_ID"}, {"TIME_ALIGNABLE", "CONSTRAINTS", "GRAPHIC_REFERENCES"}),
    "CONSTRAINT": ({"STEREOTYPE"}, {"DESCRIPTION"}),
}
CHILDREN = {
    "ANNOTATION_DOCUMENT": ("HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"),
    "HEADER": ("MEDIA_DESCRIPTOR", "PROPERTY"),
    "TIME_ORDER": ("TIME_SLOT",),
    "TIER": ("ANNOTATION",),
    "ANNOTATION": ("ALIGNABLE_ANNOTATION",),
    "ALIGNABLE_ANNOTATION": ("ANNOTATION_VALUE",),
}
ONCE = {"HEADER", "TIME_ORDER", "ALIGNABLE_ANNOTATION", "ANNOTATION_VALUE"}


def check_eaf(root):
    """Element order, attributes, identities, references, times and types, as EAFv3.0.xsd has them."""
    for element in root.iter():
        must, may = ATTRIBUTES[element.tag]
        names = {name for name in element.attrib if not name.startswith("{")}
        assert must <= names <= must | may, element.tag
        order = CHILDREN.get(element.tag, ())
        places = [order.index(child.tag) for child in element]
        assert places == sorted(places), element.tag
        for tag in ONCE & set(order):
            assert len(element.findall(tag)) == 1
        if element.tag not in ("ANNOTATION_VALUE", "PROPERTY"):
            assert not (element.text or "").strip()
    slots = [slot.get("TIME_SLOT_ID") for slot in root.iter("TIME_SLOT")]
    values = [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    assert values == sorted(values)
    assert all(0 <= value < 2**32 for value in values)
    notes = list(root.iter("ALIGNABLE_ANNOTATION"))
    constraints = [one.get("STEREOTYPE") for one in root.iter("CONSTRAINT")]
    identities = [*slots, *(note.get("ANNOTATION_ID") for note in notes), *constraints]
    assert len(identities) == len(set(identities))  # of type ID: one space for the whole document
    assert all(map(XML_NAME.fullmatch, identities))
    for note in notes:
        assert {note.get("TIME_SLOT_REF1"), note.get("TIME_SLOT_REF2")} <= set(slots)
    kinds = [kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")]
    tiers = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    assert len(kinds) == len(set(kinds))
    assert len(tiers) == len(set(tiers))
    assert {tier.get("LINGUISTIC_TYPE_REF") for tier in root.iter("TIER")} <= set(kinds)
    assert all(kind.get(name) in ("true", "false") for kind in root.iter("LINGUISTIC_TYPE")
               for name in ("TIME_ALIGNABLE", "GRAPHIC_REFERENCES"))  # fmt: skip
    # A type without a constraint is for tiers without a parent only.
    assert not any(tier.get("PARENT_REF") for tier in root.iter("TIER"))
    assert not any(kind.get("CONSTRAINTS") for kind in root.iter("LINGUISTIC_TYPE"))


@pytest.mark.parametrize("clock", CLOCKS)
@given(st.lists(annotations(), max_size=4))
def test_every_exported_sheet_keeps_the_schema(clock, said):
    one, _ = sheet_with(said, clock)
    check_eaf(fromstring(to_elan(one, author="A")))


def test_another_library_reads_every_statement(tmp_path):
    elan = pytest.importorskip("pympi.Elan", reason="pympi-ling is not installed")
    said = Annotation(
        onset=10,
        apex=15,
        offset=20,
        no_action_unit=True,
        basis=("aus",),
        valence=2.5,
        certainty=3,
        comment="<b>\n&amp;",
    )
    one, _ = sheet_with([said], "25 Hz")
    (tmp_path / "one.eaf").write_text(to_elan(one), encoding="utf-8")
    eaf = elan.Eaf(str(tmp_path / "one.eaf"))
    (found,) = eaf.get_annotation_data_for_tier("micro-expression")
    assert found[:2] == (400, 800)
    note = 'no action unit; basis aus; valence 2.5; certainty 3; comment in quotes | "<b>\\n&amp;"'
    assert found[2] == note
    assert eaf.get_annotation_data_for_tier("micro-expression apex")[0][0] == 600
