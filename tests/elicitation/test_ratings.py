"""Tables of ratings: long, wide, spreadsheet; what is missing, twice, out of range, or no table at all."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from mien.core.errors import DataError
from mien.elicitation.ratings import Ratings, Said, doubtful_raters, gather, read_ratings
from mien.simulate.raters import simulate_ratings, write_ratings

LONG = [
    ("stimulus_id", "rater_id", "emotion", "valence", "arousal", "target"),
    ("c1", "r1", "Happy", 8, 6, "happiness"), ("c1", "r2", "surprise", 7, 5, "happiness"),
    ("c2", "r1", "fear", 2, 9, "fear"), ("c2", "r2", "n/a", "", 8, "fear"),
    ("c3", "r1", "awe", 5, "nan", ""),
]  # fmt: skip
WIDE = [
    ("clip", "target", "valence_r1", "arousal_r1", "emotion_r1", "valence_r2", "Arousal r2", "emotion-r2"),
    ("c1", "happiness", 8, 6, "happiness", 7, 5, "surprise"),
    ("c2", "fear", 2, 9, "fear", None, 8, None),
    ("c3", None, 5, None, "awe", None, None, None),
]  # fmt: skip


def write_text(path: Path, rows: list[tuple[object, ...]], mark: str = ",") -> Path:
    lines = [mark.join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_workbook(path: Path, rows: list[tuple[object, ...]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


def same(a: Ratings, b: Ratings) -> bool:
    words = (a.stimuli, a.raters, a.emotion, a.target) == (b.stimuli, b.raters, b.emotion, b.target)
    return words and all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True) for name in ("valence", "arousal")
    )


def said(clip: str, rater: str, valence: float = 5, arousal: float = 5, emotion: str | None = "fear") -> Said:
    return Said("here", clip, rater, emotion, valence, arousal)


def test_a_long_table(tmp_path: Path) -> None:
    found = read_ratings(write_text(tmp_path / "r.csv", LONG))
    assert (found.stimuli, found.raters) == (("c1", "c2", "c3"), ("r1", "r2"))
    assert found.target == ("happiness", "fear", None)
    assert found.emotion == (("happiness", "surprise"), ("fear", None), ("awe", None))
    np.testing.assert_array_equal(found.valence, [[8, 7], [2, np.nan], [5, np.nan]])
    np.testing.assert_array_equal(found.arousal, [[6, 5], [9, 8], [np.nan, np.nan]])


def test_every_layout_and_file_says_the_same(tmp_path: Path) -> None:
    long = read_ratings(write_text(tmp_path / "long.csv", LONG))
    made = [
        write_text(tmp_path / "long.tsv", LONG, "\t"),
        write_text(tmp_path / "semicolon.csv", LONG, ";"),
        write_workbook(tmp_path / "long.xlsx", LONG),
        write_text(tmp_path / "wide.csv", WIDE),
        write_workbook(tmp_path / "wide.xlsx", WIDE),
    ]
    for path in made:
        assert same(read_ratings(path), long), path.name


def test_columns_that_are_no_ratings_are_passed_over(tmp_path: Path) -> None:
    more = [(*row, note) for row, note in zip(LONG, ("remark", "a", "b", "c", "d", "e"), strict=True)]
    found = read_ratings(write_text(tmp_path / "r.csv", more))
    assert same(found, read_ratings(write_text(tmp_path / "s.csv", LONG)))


def test_a_table_without_raters_is_not_taken_for_a_wide_one(tmp_path: Path) -> None:
    rows = [("clip", "emotion_category", "valence", "arousal"), ("c1", "fear", 2, 8)]
    with pytest.raises(DataError, match="rater_id"):
        read_ratings(write_text(tmp_path / "r.csv", rows))


@pytest.mark.parametrize("wrong", ["0", "10", "9.01", "x", "inf", "-5", "1e3", "5 or 6"])
@pytest.mark.parametrize("column", ["valence", "arousal"])
def test_a_rating_off_the_scale_is_named_with_its_row(tmp_path: Path, wrong: str, column: str) -> None:
    cells = {"valence": "5", "arousal": "5", column: wrong}
    row = ("c2", "r1", "fear", cells["valence"], cells["arousal"], "fear")
    with pytest.raises(DataError) as caught:
        read_ratings(write_text(tmp_path / "r.csv", [LONG[0], LONG[1], row]))
    text = str(caught.value)
    assert f"row 3, {column}: wanted a number from 1 to 9, got {wrong!r}" in text
    assert text.count("\n") == 0


def test_a_wide_rating_off_the_scale_too(tmp_path: Path) -> None:
    rows = [WIDE[0], ("c1", "fear", 0, 6, "fear", 7, 5, "fear")]
    with pytest.raises(DataError, match="row 2, valence: wanted a number from 1 to 9, got '0'"):
        read_ratings(write_text(tmp_path / "r.csv", rows))


def test_a_clip_twice_by_one_rater(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 4: wanted each clip once by each rater, got c1 by r1 again"):
        read_ratings(write_text(tmp_path / "r.csv", [*LONG[:3], LONG[1]]))


def test_two_targets_of_one_clip(tmp_path: Path) -> None:
    other = ("c1", "r3", "fear", 5, 5, "fear")
    with pytest.raises(DataError, match="wanted one target of c1, got happiness and fear"):
        read_ratings(write_text(tmp_path / "r.csv", [*LONG[:2], other]))


@pytest.mark.parametrize(("cells", "what"), [(("", "r1"), "the clip"), (("c1", ""), "the rater")])
def test_a_row_of_nobody_or_nothing(tmp_path: Path, cells: tuple[str, str], what: str) -> None:
    with pytest.raises(DataError, match=f"row 2: wanted {what}, got nothing"):
        read_ratings(write_text(tmp_path / "r.csv", [LONG[0], (*cells, "fear", 5, 5, "fear"), LONG[1]]))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"stimulus_id,rater_id,emotion,valence,arousal\n", b"\x00\x01\x02\xff" * 40,
        b"PK\x03\x04 no workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 100, b"a,b\n1,2\n",
        b"stimulus_id,valence,arousal\nc1,5,5\n", b"stimulus_id,rater_id,valence,arousal\nc1,r1,5\n",
        b'{"stimulus_id": 1}',
    ],
)  # fmt: skip
def test_what_is_no_table_of_ratings_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_ratings(path)
    assert str(caught.value).count("\n") == 0


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError):
            read_ratings(path)


def test_raters_who_always_answer_the_same_are_named_with_what() -> None:
    rows = [said(f"c{n}", "varied", 1 + n, 9 - n, ("fear", "anger")[n % 2]) for n in range(6)]
    rows += [said(f"c{n}", "flat", 5, 5, ("fear", "anger")[n % 2]) for n in range(6)]
    rows += [said(f"c{n}", "word", 1 + n, 9 - n, "fear") for n in range(6)]
    rows += [said(f"c{n}", "few", 5, 5) for n in range(4)]
    rows += [said(f"c{n}", "silent", math.nan, math.nan, None) for n in range(6)]
    found = gather("test", rows)
    assert doubtful_raters(found) == {
        "flat": "always valence 5, arousal 5", "word": "always emotion fear",
    }  # fmt: skip
    assert doubtful_raters(found, least=4)["few"] == "always valence 5, arousal 5, emotion fear"
    assert found.without(["flat", "word"]).raters == ("few", "silent", "varied")


def test_simulated_ratings_are_read_as_they_were_made(tmp_path: Path) -> None:
    made = simulate_ratings(3, n_clips=49, n_raters=4)
    assert made.ratings == simulate_ratings(3, n_clips=49, n_raters=4).ratings
    assert made.ratings != simulate_ratings(4, n_clips=49, n_raters=4).ratings
    write_ratings(tmp_path / "r.csv", made.ratings)
    write_ratings(tmp_path / "r.tsv", made.ratings)
    found = read_ratings(tmp_path / "r.csv")
    assert same(found, read_ratings(tmp_path / "r.tsv"))
    for one in made.ratings:
        i, j = found.stimuli.index(one.clip), found.raters.index(one.rater)
        assert (found.valence[i, j], found.arousal[i, j]) == (one.valence, one.arousal)
        assert (found.emotion[i][j], found.target[i]) == (one.category, one.target)
    assert len(made.good) == 42
