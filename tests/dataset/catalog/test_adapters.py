"""One suite over all adapters, on small copies in the layout that was published or read by others."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from copies import COPIES, film, pictures, sheets

from mien.core.errors import DataError, OptionError
from mien.core.expression import ActionUnit
from mien.core.labels import THREE_CLASSES
from mien.dataset.catalog import DATASETS, dataset_format
from mien.dataset.catalog.adapter import FLAGS, Reading

OWN_TABLE = ("meview", "mmed")  # no name of a table was published
WITH_TABLE = [name for name in COPIES if not name.startswith("smic")]


def read_copy(name: str, folder: Path) -> Reading:
    copy = folder / "copy"
    COPIES[name].make(copy)
    return DATASETS[name].read(copy, labels=copy / "labels.csv" if name in OWN_TABLE else None)


def flags(reading: Reading) -> list[tuple[str, ...]]:
    return [row.flags for row in reading.rows]


def test_every_dataset_of_table_1_is_there() -> None:
    assert set(DATASETS) == {*COPIES, "mmme"}
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        assert dataset.rate_hz > 0
        assert dataset.classes
        assert dataset.reference
        assert dataset_format(name.upper()) is dataset


def test_an_unknown_dataset() -> None:
    with pytest.raises(OptionError, match=r"one of mmme, .*casme2.*, got 'casme4'"):
        dataset_format("casme4")


@pytest.mark.parametrize("name", COPIES)
def test_clips_rows_and_frames(tmp_path: Path, name: str) -> None:
    reading = read_copy(name, tmp_path)
    copy = COPIES[name]
    found = {
        (clip.subject, clip.name): clip.video.name if clip.video else clip.numbers.tolist()
        for clip in reading.clips
    }
    assert found == copy.clips
    assert list(found) == list(copy.clips)
    assert [(r.subject, r.clip, r.marks, r.kind, r.emotion) for r in reading.rows] == copy.rows
    for clip in reading.clips:
        if clip.pictures:
            assert len(clip.pictures) == len(clip.numbers)
            assert (np.diff(clip.numbers) > 0).all()
            for number, path in zip(clip.numbers, clip.pictures, strict=True):
                assert path.is_file()
                assert str(number) in path.stem


@pytest.mark.parametrize("name", COPIES)
def test_rows_belong_to_clips_and_words_to_their_lists(tmp_path: Path, name: str) -> None:
    reading = read_copy(name, tmp_path)
    clips = {(clip.subject, clip.name) for clip in reading.clips}
    assert len(clips) == len(reading.clips)
    for row in reading.rows:
        assert (row.subject, row.clip) in clips
        assert row.emotion is None or row.emotion in DATASETS[name].classes
        assert row.three_class is None or row.three_class in THREE_CLASSES
        assert list(row.flags) == [flag for flag in FLAGS if flag in row.flags]
    assert len({row.source_row for row in reading.rows}) == len(reading.rows)


@pytest.mark.parametrize("name", WITH_TABLE)
def test_the_table_alone_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    """All but the flags that compare with recordings, and the frames, which the marks then span."""
    whole = read_copy(name, tmp_path)
    alone = DATASETS[name].read(whole.table)
    about_files = {"frames-missing", "recording-missing"}
    assert [(r.source_row, r.clip, set(r.flags)) for r in alone.rows] == [
        (r.source_row, r.clip, set(r.flags) - about_files) for r in whole.rows
    ]
    for clip in alone.clips:
        own = [row for row in alone.rows if (row.subject, row.clip) == (clip.subject, clip.name)]
        named = [m for row in own for m in (row.onset, row.apex, row.offset or None) if m is not None]
        assert clip.numbers.tolist() == list(range(min(named), max(named) + 1))
        assert not clip.pictures
        assert clip.video is None
    assert any("No recordings" in remark for remark in alone.remarks)


@pytest.mark.parametrize("name", [*WITH_TABLE, "smic"])
def test_a_plain_table_of_the_users_own(tmp_path: Path, name: str) -> None:
    clip = {"smic": "s1_po_01", "samm": "001_1_1", "samm-lv": "001_1_1", "mmew": "S01-01-001"}.get(
        name, "clip7"
    )
    table = tmp_path / "own.tsv"
    table.write_text(f"subject\tclip\tonset\tapex\toffset\tfps\n1\t{clip}\t10\t12\t20\t100\n")
    (row,) = DATASETS[name].read(table).rows
    assert (row.onset, row.apex, row.offset, row.source_row) == (10, 12, 20, 2)
    assert row.flags == ()


def test_flags_of_the_copies(tmp_path: Path) -> None:
    """By hand: what contradicts itself in each copy."""
    found = {name: flags(read_copy(name, tmp_path / name)) for name in COPIES}
    assert found == {
        "smic": [(), ()],
        "smic-vis": [(), ()],
        "smic-nir": [(), ()],
        "casme": [(), ("recording-missing",)],
        "casme2": [(), ("mark-missing", "frames-missing")],
        "samm": [(), ("corrected",)],
        "samm-lv": [(), ()],
        "casme-sq": [("offset-zero",), (), ()],
        "casme3": [("onset-is-apex",), (), ()],
        "mmew": [("offset-unobserved", "recording-missing", "subject-differs"), ()],
        "4dme": [(), ("recording-missing",)],
        "meview": [(), ("recording-missing",)],
        "dfme": [(), ("not-micro",)],
        "mmed": [()],
    }


def test_a_correction_is_applied_where_the_old_value_is_and_said(tmp_path: Path) -> None:
    reading = read_copy("samm", tmp_path)
    corrected = reading.rows[1]
    assert (corrected.offset, corrected.marks) == (5739, "5658/5690/5793")
    assert [(c.old, c.new) for c in reading.corrected] == [("5793", "5739")]
    other = tmp_path / "other.csv"
    other.write_text("subject,clip,onset,apex,offset\n013,013_1_9,5658,5690,5740\n")
    reading = DATASETS["samm"].read(other)
    assert reading.corrected == ()
    assert reading.rows[0].offset == 5740


def test_every_correction_has_a_source() -> None:
    for dataset in DATASETS.values():
        for correction in getattr(dataset, "corrections", ()):
            assert correction.old != correction.new
            assert "github.com/" in correction.source or "doi" in correction.source


def test_three_classes(tmp_path: Path) -> None:
    for name, expected in {
        "casme": [("disgust", "negative"), ("tense", None)],
        "casme2": [("happiness", "positive"), ("sadness", None)],
        "samm": [("anger", "negative"), ("others", None)],
        "casme-sq": [("negative", "negative"), ("others", None), ("positive", "positive")],
        "4dme": [("positive+surprise", None), ("negative", "negative")],
        "dfme": [("contempt", "negative"), ("happiness", "positive")],
        "meview": [("contempt", "negative"), ("unclear", None)],
    }.items():
        rows = read_copy(name, tmp_path / name).rows
        assert [(row.emotion, row.three_class) for row in rows] == expected


def test_action_units(tmp_path: Path) -> None:
    rows = read_copy("4dme", tmp_path).rows
    assert [row.action_units for row in rows] == [
        (ActionUnit(7, "left"),),
        (ActionUnit(2, "right"), ActionUnit(45)),
    ]


def test_parts_of_dfme_have_their_own_rates(tmp_path: Path) -> None:
    """200 frames are 0.4 s at 500 frames/s; 160 are 0.8 s, and 90 are 0.45 s, at 200."""
    reading = read_copy("dfme", tmp_path)
    assert [clip.rate_hz for clip in reading.clips] == [500.0, 200.0]
    assert [row.flags for row in reading.rows] == [(), ("not-micro",)]


@pytest.mark.parametrize("name", ["dfme", "mmed"])
def test_a_rate_is_never_guessed(tmp_path: Path, name: str) -> None:
    table = tmp_path / "own.csv"
    table.write_text("subject,clip,onset,offset\n1,a,10,20\n")
    with pytest.raises(DataError, match=r"a row that names .*fps"):
        DATASETS[name].read(table)
    table.write_text("subject,clip,onset,offset,fps\n1,a,10,20,60\n1,b,10,20,\n")
    with pytest.raises(DataError, match=r"row 3: wanted the clip's frames per second"):
        DATASETS[name].read(table)


def test_two_rates_of_one_clip(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("subject,clip,onset,offset,fps\n1,a,10,20,60\n1,a,30,40,50\n")
    with pytest.raises(DataError, match="one rate per clip, got 50, 60"):
        DATASETS["mmed"].read(table)


def test_names_that_differ_in_case_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    COPIES["dfme"].make(copy)
    pictures(copy / "train/X01", ["00000.png"])
    with pytest.raises(DataError, match="differ in more than case"):
        DATASETS["dfme"].read(copy)


def test_names_of_any_signs(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("subject,clip,onset,offset\nx,²b,1,2\nx,b²,1,2\nx,10,1,2\nx,9,1,2\n")
    assert [clip.name for clip in DATASETS["meview"].read(table).clips] == ["9", "10", "b²", "²b"]


def test_macro_expressions_of_casme3_come_from_their_own_table(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    COPIES["casme3"].make(copy)
    (table,) = copy.glob("annotation/*MaE*")
    reading = DATASETS["casme3"].read(copy, labels=table)
    assert [(row.kind, row.emotion, row.flags) for row in reading.rows] == [("macro", "happiness", ())]
    assert any("1 recordings have no coded row" in remark for remark in reading.remarks)


def test_a_cropped_copy_serves_where_there_is_no_other(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    pictures(copy / "SMIC_all_cropped/HS/s1/micro/positive/s1_po_01", ["reg_image5.bmp", "reg_image6.bmp"])
    (clip,) = DATASETS["smic"].read(copy).clips
    assert clip.numbers.tolist() == [5, 6]


def test_cameras_of_smic_are_told_apart(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for n, camera in enumerate(("HS", "VIS", "NIR")):
        pictures(copy / camera / "s1/micro/positive/s1_po_01", [f"image{n}.bmp"])
    read = {name: DATASETS[name].read(copy) for name in ("smic", "smic-vis", "smic-nir")}
    assert [reading.clips[0].numbers.tolist() for reading in read.values()] == [[0], [1], [2]]
    assert [reading.rate_hz for reading in read.values()] == [100, 25, 25]


def test_a_class_that_contradicts_the_name_is_not_taken(tmp_path: Path) -> None:
    table = tmp_path / "smic.csv"
    table.write_text(
        "subject,clip,onset,offset,label\ns3,s03_ne_01,1,9,0\n03,s3_ne_02,1,9,1\n3,s3_sur_1,1,9,7\n"
    )
    reading = DATASETS["smic"].read(table)
    assert {row.subject for row in reading.rows} == {"s03"}
    assert [(row.emotion, row.flags) for row in reading.rows] == [
        ("negative", ()), (None, ("emotion-unknown",)), (None, ("emotion-unknown",)),
    ]  # fmt: skip


def test_unknown_words_are_kept_out_and_marked(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("subject,clip,onset,offset,emotion,AU\n1,EP1,1,9,bored,4+x\n1,EP2,1,9,,\n")
    unknown, empty = DATASETS["casme2"].read(table).rows
    assert (unknown.emotion, unknown.action_units) == (None, ())
    assert unknown.flags == ("emotion-unknown", "action-units-unread")
    assert empty.flags == ()


def test_lines_below_the_table_are_said(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("subject,clip,onset,offset\n1,EP1,1,9\ncoded by two coders,,,\n")
    reading = DATASETS["casme2"].read(table)
    assert len(reading.rows) == 1
    assert any("own.csv name no clip and no frame: 3" in remark for remark in reading.remarks)


@pytest.mark.parametrize("row", ["1,,1,9", ",EP1,1,9"])
def test_a_row_that_cannot_be_placed_is_refused(tmp_path: Path, row: str) -> None:
    table = tmp_path / "own.csv"
    table.write_text(f"subject,clip,onset,offset\n1,EP1,1,9\n{row}\n")
    with pytest.raises(DataError, match=r"own\.csv, row 3: wanted a subject and a clip"):
        DATASETS["casme2"].read(table)


def test_marks_that_are_no_frames(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text(
        "subject,clip,onset,apex,offset\n1,EP1,-1,5,9\n1,EP2,1,5.5,9\n1,EP3,1,/,9\n1,EP4,1,5,1e300\n1,EP5,1.0,5,inf\n"
    )
    rows = DATASETS["casme2"].read(table).rows
    assert [(row.onset, row.apex, row.offset) for row in rows] == [
        (None, 5, 9), (1, None, 9), (1, None, 9), (1, 5, None), (1, 5, None),
    ]  # fmt: skip
    assert {row.flags for row in rows} == {("mark-missing",)}
    assert rows[3].marks == "1/5/1e300"


def test_marks_far_apart_do_not_fill_the_memory(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("subject,clip,onset,apex,offset\n1,EP1,1,5,9000000000000\n")
    (clip,) = DATASETS["casme2"].read(table).clips
    assert clip.numbers.tolist() == [1, 5, 9000000000000]


def test_two_tables_that_may_be_meant(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    COPIES["casme2"].make(copy)
    (copy / "CASME2-coding-20140508.xlsx").write_bytes((copy / "CASME2-coding-20190701.xlsx").read_bytes())
    with pytest.raises(DataError, match="wanted one coding table"):
        DATASETS["casme2"].read(copy)
    assert DATASETS["casme2"].read(copy, labels=copy / "CASME2-coding-20140508.xlsx").rows


@pytest.mark.parametrize("name", COPIES)
def test_no_table(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="--labels"):
        DATASETS[name].read(tmp_path)


@pytest.mark.parametrize("name", COPIES)
def test_nothing_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="gone"):
        DATASETS[name].read(tmp_path / "gone")
    with pytest.raises(DataError, match="gone"):
        DATASETS[name].read(tmp_path / "gone", labels=tmp_path / "table.csv")


def test_two_pictures_of_one_frame(tmp_path: Path) -> None:
    pictures(tmp_path / "HS/s1/micro/positive/s1_po_01", ["image1.bmp", "image01.jpg"])
    with pytest.raises(DataError, match="one picture per frame number"):
        DATASETS["smic"].read(tmp_path)


def test_links_in_a_circle(tmp_path: Path) -> None:
    COPIES["casme2"].make(tmp_path / "copy")
    (tmp_path / "copy/sub01").symlink_to(tmp_path / "copy")
    assert len(DATASETS["casme2"].read(tmp_path / "copy").clips) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    COPIES["casme2"].make(tmp_path / "copy")
    (tmp_path / "copy/Cropped").chmod(0)
    with pytest.raises(DataError, match="Cropped"):
        DATASETS["casme2"].read(tmp_path / "copy")
    (tmp_path / "copy/Cropped").chmod(0o755)


def test_hidden_files_and_pictures_without_a_number_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "HS/s1/micro/positive/s1_po_01"
    pictures(folder, ["image1.bmp", "image2.bmp", "cover.jpg"])
    film(folder / "._image3.bmp")
    (clip,) = DATASETS["smic"].read(tmp_path).clips
    assert clip.numbers.tolist() == [1, 2]


def test_names_that_the_rules_of_casme_sq_do_not_list(tmp_path: Path) -> None:
    row = [3, "disgust1_1", 2, 3, 4, "4", "negative", "macro-expression", "disgust"]
    table = sheets(
        tmp_path / "code_final.xlsx",
        CASFEcode_final=[row],
        naming__rule1=[[15, "s15", 1]],
        naming__rule2=[["0101", "disgust1"]],
    )
    with pytest.raises(DataError, match=r"row 1: wanted names in the naming rules, got participant '3'"):
        DATASETS["casme-sq"].read(table)


_frames = st.one_of(st.none(), st.integers(0, 300))


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from("ab"), _frames, _frames, _frames), min_size=1))
def test_every_source_row_appears_exactly_once(tmp_path_factory, rows) -> None:
    table = tmp_path_factory.mktemp("own") / "own.csv"
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    table.write_text("subject,clip,onset,apex,offset\n" + "\n".join(lines) + "\n")
    reading = DATASETS["casme2"].read(table)
    assert Counter(row.source_row for row in reading.rows) == Counter(range(2, len(rows) + 2))
    by_row = {row.source_row: row for row in reading.rows}
    for number, (_, clip, onset, apex, offset) in enumerate(rows, start=2):
        found = by_row[number]
        assert (found.clip, found.onset, found.apex, found.offset) == (clip, onset, apex, offset)
