"""The coding table in MMME's layout: what is written is read, spreadsheets run nothing, bad rows are told."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from mien.coding.annotation import BASES, Annotation
from mien.coding.frame_names import FrameNames
from mien.coding.mmme_layout import HEADERS, CodedVideo, from_mmme, to_mmme_csv, to_mmme_xlsx
from mien.coding.table_cells import no_formula, read_no_formula, read_text, safe_text
from mien.core.errors import DataError
from mien.core.expression import ActionUnit
from mien.dataset.catalog.mmme import MMME
from mien.recording.formats.sheets import read_sheet

N_FRAMES = 300
TIMES_S = np.arange(N_FRAMES) / 150
HOST_S = np.round(6 * 3600 + 8 * 60 + 27.805 + TIMES_S, 3)
COUNTER = 913 + np.arange(N_FRAMES, dtype=np.int64)  # begins again after 1000
NUMBERED = FrameNames(N_FRAMES)
NAMED = FrameNames(N_FRAMES, host_s=HOST_S, counter=COUNTER)
WRITERS = {"csv": to_mmme_csv, "xlsx": to_mmme_xlsx}
ATTACKS = (
    "=1+1", "+1", "-2+3", "@SUM(A1)", "\tx", "-5", "'=1", "'quoted'", '=HYPERLINK("http://x";"y")', "n/a",
    " blanks ", '"json"', "<script>alert(1)</script>", "a\nb;c\td", "\ufffd\ufffe", "\uff1d1", "nan", "#N/A",
    "1e5", "007",
)  # fmt: skip


def video(names=NUMBERED):
    return CodedVideo("sub-001", "sub-001_run-01_video.mp4", TIMES_S, TIMES_S.tolist(), names)


def read(content, names=NUMBERED, emotions=None):
    problems: list[str] = []
    rows = from_mmme(content, video(names), emotions=emotions or {}, problems=problems)
    return rows, problems


def table(*rows, headers=None):
    text = io.StringIO()
    writer = csv.DictWriter(text, headers or list(HEADERS.values()), restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
    return text.getvalue().encode()


free = st.text(
    st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t ;|\"'=+-@"), max_size=20
)
reasons = free.filter(lambda text: text.strip() and "\n" not in text and "\t" not in text)


@st.composite
def annotations(draw):
    """Any annotation, frames in any order, each of them there or not."""
    units = (ActionUnit(4), ActionUnit(12, "left", "B")) if draw(st.booleans()) else ()
    none = not units and draw(st.booleans())
    coded = bool(units) or none
    kind = draw(st.sampled_from([None, "micro", "macro"]))
    frame = st.none() | st.integers(0, N_FRAMES - 1)
    apex = draw(frame)
    return Annotation(
        onset=draw(frame),
        apex=apex,
        offset=draw(st.just(apex) | frame),
        kind=kind,
        kind_reason=draw(reasons) if kind else "",
        action_units=units,
        no_action_unit=none,
        emotion=draw(st.sampled_from([None, "happiness", "non negative", "none"])) if coded else None,
        basis=tuple(word for word in BASES if coded and draw(st.booleans())),
        valence=draw(st.none() | st.floats(1, 9)),
        arousal=draw(st.none() | st.integers(1, 9)),
        certainty=draw(st.none() | st.integers(1, 5)),
        comment=draw(free | st.sampled_from(ATTACKS)),
        suggestion=draw(st.none() | reasons),
    )


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("names", [NUMBERED, NAMED], ids=["numbers", "tokens"])
@settings(max_examples=60)
@given(st.lists(annotations(), min_size=1, max_size=3))
def test_what_is_written_is_read(form, names, said):
    rows, problems = read(WRITERS[form](video(names), [(one, "2026-11-22") for one in said]), names)
    assert problems == []
    # A row without any cell of its own cannot be seen by a reader; ours always has subject and file name.
    assert [row.said for row in rows] == said
    assert [row.remarks for row in rows] == [[] for _ in said]


def test_the_columns_are_those_of_the_release():
    said = Annotation(
        onset=2, apex=40, action_units=(ActionUnit(4), ActionUnit(7)), emotion="anger", valence=2.5
    )
    ((header, row),) = [
        list(csv.reader(io.StringIO(to_mmme_csv(video(NAMED), [(said, "d")]).decode("utf-8-sig"))))
    ]
    assert header[:14] == [
        "Subject", "Filename", "Marker", "OnsetTime", "ApexTime", "OffsetTime", "OnsetFrame", "ApexFrame",
        "OffsetFrame", "Action Units", "Estimated Emotion", "Macro/Micro", "Date", "dif",
    ]  # fmt: skip
    assert row[:14] == [
        "sub-001", "sub-001_run-01_video.mp4", "", "0.013", "0.267", "0.267", "06-08-27-818-915",
        "06-08-28-072-953", "06-08-28-072-953", "AU4, AU7", "anger", "Macro", "d", "39",
    ]  # fmt: skip


def test_an_offset_that_was_not_observed_is_the_apex_as_in_mmme():
    for said in (Annotation(onset=1, apex=5), Annotation(onset=1, apex=5, offset=5)):
        cells = next(csv.DictReader(io.StringIO(to_mmme_csv(video(), [(said, "")]).decode("utf-8-sig"))))
        assert cells["OffsetFrame"] == cells["ApexFrame"] == "5"
        assert read(to_mmme_csv(video(), [(said, "")]))[0][0].said == said
    rows, _ = read(table({"OnsetFrame": 1, "ApexFrame": 5, "OffsetFrame": 5}))
    assert rows[0].said.offset is None


# --- names of frames


def test_tokens_wrap_after_1000_and_are_found_without_the_counter():
    assert NAMED.name(87) == "06-08-28-385-1000"
    assert NAMED.name(88).endswith("-1")
    assert all(NAMED.frame(str(NAMED.name(frame))) == frame for frame in range(N_FRAMES))
    assert NAMED.frame("6-8-27-805") == 0
    assert NAMED.dif(80, 95) == 16


def test_a_time_that_two_frames_have_needs_the_counter():
    host_s = np.array([1.0, 1.0, 1.007])
    names = FrameNames(3, host_s=host_s, counter=np.array([7, 8, 9]))
    assert names.frame(str(names.name(1))) == 1
    with pytest.raises(DataError, match="one frame of the clip"):
        names.frame("0-0-1-000")


@pytest.mark.parametrize(
    ("host_s", "counter"),
    [
        (None, COUNTER),
        (HOST_S, None),
        (HOST_S + 86400, COUNTER),
        (HOST_S - 1e6, COUNTER),
        (np.full(N_FRAMES, np.nan), COUNTER),
        (np.zeros(N_FRAMES), COUNTER * 0),
    ],
)
def test_frames_without_time_of_day_or_counter_have_numbers(host_s, counter):
    names = FrameNames(N_FRAMES, host_s=host_s, counter=counter)
    assert (names.has_tokens, names.name(7)) == (False, 7)


@pytest.mark.parametrize(
    "cell", ["300", "-1", "1.5", "25-00-00-000", "06-08-27-806-813", "x", "9" * 5000, "١"]
)
def test_names_of_no_frame(cell):
    with pytest.raises(DataError, match=r"^frame: wanted") as error:
        NAMED.frame(cell)
    assert len(str(error.value)) < 200


# --- formulas


@pytest.mark.parametrize("text", ATTACKS)
def test_no_cell_of_text_is_a_formula(text):
    said = Annotation(onset=1, comment=text, kind="micro", kind_reason=text.strip() and "r" + text.strip()[0])
    line = to_mmme_csv(video(), [(said, "")]).decode("utf-8-sig")
    for cell in next(csv.DictReader(io.StringIO(line))).values():
        assert not cell or cell[0] not in "=+-@\t\r"
    book = load_workbook(io.BytesIO(to_mmme_xlsx(video(), [(said, "")])))
    cells = [cell for cell in book.active[2] if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert all(isinstance(cell.value, str) for cell in cells if cell.data_type == "s")


@given(free | st.sampled_from(ATTACKS))
def test_text_comes_back_to_the_letter(text):
    assert read_text(read_no_formula(no_formula(safe_text(text)))) == text


def test_negative_numbers_stay_numbers():
    assert (no_formula(-3), no_formula(-0.5), no_formula("-3")) == (-3, -0.5, "'-3")


# --- other readers


@pytest.mark.parametrize("form", WRITERS)
def test_the_importer_of_mmme_reads_it(form, tmp_path):
    said = [
        Annotation(onset=2, apex=20, offset=70, action_units=(ActionUnit(4),), emotion="anger", comment="=1"),
        Annotation(onset=100, apex=140, action_units=(ActionUnit(12, "left"),), emotion="happiness"),
    ]
    path = tmp_path / f"table.{form}"
    path.write_bytes(WRITERS[form](video(NAMED), [(one, "2026-11-22") for one in said]))
    found = MMME().read(path)
    assert [(row.subject, row.kind, row.emotion, row.action_units) for row in found.rows] == [
        ("sub-001", "micro", "anger", said[0].action_units),
        ("sub-001", "macro", "happiness", said[1].action_units),
    ]
    assert "offset-unobserved" in found.rows[1].flags
    assert "offset-unobserved" not in found.rows[0].flags


def test_the_released_table_is_read(shared_data):
    path = shared_data / "mmme" / "coding_file.xlsx"
    if not path.is_file():
        pytest.skip("MMME's coding table not found, skipped")
    content = path.read_bytes()
    cells = read_sheet(path, {"file": ["Filename"], "onset": ["OnsetFrame"], "apex": ["ApexFrame"]})
    files = cells["file"].value_counts()
    name = str(files.index[0])
    own = CodedVideo("s", name, np.arange(9000) / 150, (np.arange(9000) / 150).tolist(), FrameNames(9000))
    problems: list[str] = []
    rows = from_mmme(content, own, emotions={"angry": "anger", "happy": "happiness"}, problems=problems)
    assert len(rows) == files.iloc[0]
    assert all(row.said.coded_units for row in rows)
    assert problems == [
        f"{len(cells) - files.iloc[0]} rows name another Filename than {name} and were left out."
    ]
    # Written by us and read again it says the same, frames by number.
    again = from_mmme(
        to_mmme_xlsx(own, [(row.said, "") for row in rows]), own, emotions={}, problems=problems
    )
    assert [row.said for row in again] == [row.said for row in rows]


# --- rows that cannot be taken


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"OnsetFrame": 300}, "a frame from 0 to 299"),
        ({"OnsetFrame": -4}, "a frame's number"),
        ({"OnsetFrame": "1.5"}, "a frame's number"),
        ({"OnsetTime": "inf", "OnsetFrame": ""}, "OnsetTime: wanted a number"),
        ({"OnsetTime": -3, "OnsetFrame": ""}, "a second of the clip"),
        ({"OnsetTime": 1e9, "OnsetFrame": ""}, "a second of the clip"),
        ({"OnsetFrame": "06-08-27-805-813"}, "a second of the clip"),
        ({"Action Units": "AU4; DROP TABLE"}, "units such as"),
        ({"Action Units": "AU0"}, "units 1 to 99"),
        ({"Macro/Micro": "tiny"}, "Micro, Macro or nothing"),
        ({"Kind Reason": "why"}, "kind_reason"),
        ({"Valence": 11}, "a number of 1 to 9"),
        ({"Valence": "high"}, "Valence: wanted a number"),
        ({"Certainty": 2.5}, "Certainty: wanted a whole number"),
        ({"Basis": "guess", "Action Units": "AU4"}, "basis"),
        ({"No Action Unit": "maybe"}, "yes, no or nothing"),
        ({"No Action Unit": "yes", "Action Units": "AU4"}, "either units"),
        ({"Comment": "x" * 2001}, "at most 2000 characters"),
        ({"Estimated Emotion": "a;b", "Action Units": "AU4"}, "words without"),
    ],
)
def test_a_row_that_cannot_be_is_told_and_the_rest_is_read(cells, problem):
    rows, problems = read(table({"OnsetFrame": 1, **cells}, {"OnsetFrame": 2}))
    assert [row.said.onset for row in rows] == [2]
    (told,) = problems
    assert told.startswith("Row 2: ")
    assert problem in told
    assert len(told) < 400


def test_seconds_count_where_a_frame_has_no_name():
    rows, problems = read(table({"OnsetTime": "0.1", "ApexFrame": "06-08-27-805-813", "ApexTime": "0.2"}))
    assert problems == []
    assert (rows[0].said.onset, rows[0].said.apex) == (15, 30)
    rows, _ = read(table({"OnsetFrame": 1, "OnsetTime": 1.9}, {"OnsetFrame": 2, "OnsetTime": "?"}))
    assert (rows[0].said.onset, len(rows[0].remarks)) == (1, 1)
    assert (rows[1].said.onset, rows[1].remarks) == (2, [])


def test_what_is_taken_otherwise_is_told():
    cells = {"OnsetFrame": 1, "ApexFrame": 9, "Estimated Emotion": "Angry", "Action Units": "AU4, AU4"}
    rows, _ = read(
        table(cells, {**cells, "Action Units": "", "Macro/Micro": "MaE"}), emotions={"angry": "anger"}
    )
    assert (rows[0].said.emotion, str(rows[0].said.action_units[0]), rows[0].remarks) == ("anger", "AU4", [])
    said = rows[1].said
    assert (said.emotion, said.kind, said.kind_reason) == (None, "macro", "as in the file")
    assert rows[1].remarks == ["Its emotion (anger) stands in the comment, since it has no action units."]


def test_rows_of_other_videos_are_left_out_and_told():
    names = ("other.avi", "../../sub-001_run-01_video.mp4", "", "C:/x/sub-001_run-01_video.avi")
    rows, problems = read(table(*({"Filename": name, "OnsetFrame": 1} for name in names)))
    assert len(rows) == 3
    assert problems == ["1 rows name another Filename than sub-001_run-01_video.mp4 and were left out."]


# --- files that are no table


def zipped(name, content, **more):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        for part, words in more.items():
            archive.writestr(part, words)
    return file.getvalue()


def with_formula():
    book = Workbook()
    book.active.append(["OnsetFrame", "ApexFrame", "OffsetFrame"])
    book.active.append([1, "=1+1", 3])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


HOSTILE = {
    "empty": b"",
    "NUL": b"OnsetFrame,ApexFrame\x00,OffsetFrame\n1,2,3\n",
    "no text": bytes(range(256)),
    "wide": b"," * 1_000_000,
    "wide with header": b"OnsetFrame,ApexFrame,OffsetFrame" + b",x" * 1_000_000,
    "one cell": b"OnsetFrame,ApexFrame,OffsetFrame\n" + b"1" * 1_500_000,
    "open quote": b'OnsetFrame,ApexFrame,OffsetFrame\n1,2,"3\n',
    "short row": b"OnsetFrame,ApexFrame,OffsetFrame\n1,2\n",
    "no rows": b"OnsetFrame,ApexFrame,OffsetFrame\n",
    "twice": b"OnsetFrame,OnsetFrame,ApexFrame,OffsetFrame\n1,2,3,4\n",
    "zip bomb": zipped("xl/workbook.xml", b"<a/>", big=b"\0" * 50_000_000),
    "other zip": zipped("a.txt", b"x"),
    "cut zip": zipped("xl/workbook.xml", b"<a/>")[:40],
    "entities": zipped("xl/workbook.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    "formula": with_formula(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables_are_one_sentence(name):
    with pytest.raises(DataError, match="wanted") as error:
        read(HOSTILE[name])
    assert "/tmp" not in str(error.value)
    assert "mien-table" not in str(error.value)
    assert len(str(error.value)) < 600
