"""mien stimuli: table, JSON, files, the study that begins with the selected clips, exit codes."""

from __future__ import annotations

import csv
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mien.cli.collecting import rater_names
from mien.core.errors import OptionError
from mien.elicitation.clips import read_clips
from mien.simulate.clips import simulate_clips
from mien.simulate.raters import simulate_ratings, write_ratings

FORMS = {"ICC(1,1)": "ICC(1,1)", "ICC(2,1)": "ICC(A,1)", "ICC(3,1)": "ICC(C,1)",
         "ICC(1,k)": "ICC(1,k)", "ICC(2,k)": "ICC(A,k)", "ICC(3,k)": "ICC(C,k)"}  # fmt: skip


@pytest.fixture
def call(mien: Any) -> Callable[..., tuple[int, str, str]]:
    return lambda *arguments: mien("stimuli", *arguments)


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rated") / "ratings.csv"
    write_ratings(path, simulate_ratings(5).ratings)
    return path


def sentence(text: str) -> str:
    """What an error said: one line."""
    (line,) = [line for line in text.splitlines() if line.strip()]
    assert "Traceback" not in line
    return line


def change(source: Path, target: Path, edit: Callable[[pd.DataFrame], pd.DataFrame | None]) -> Path:
    table = pd.read_csv(source)
    made = edit(table)
    (table if made is None else made).to_csv(target, index=False)
    return target


def test_people_get_tables_and_sentences(call: Any, ratings: Path) -> None:
    status, out, _ = call(ratings)
    assert status == 0
    for words in ("320 clips, 20 raters", "Cronbach's alpha", "ICC(3,1)", "Koo & Li", "moderate",
                  "eq. 2 ICC(3,1)", "success index", "278 clips were not selected"):  # fmt: skip
        assert words in out, words
    assert len(re.findall(r"│ +yes │", out)) >= 42


def test_json_equals_pingouin(call: Any, tmp_path: Path) -> None:
    pingouin = pytest.importorskip("pingouin")
    rng = np.random.default_rng(7)
    scores = np.clip(np.rint(5 + rng.normal(0, 2, (30, 1)) + rng.normal(0, 1.5, (30, 5))), 1, 9)
    rows = [
        {"stimulus": f"c{i}", "rater": f"r{j}", "emotion": "fear", "valence": v, "arousal": 10 - v}
        for i in range(30) for j, v in enumerate(scores[i])
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "r.csv", index=False)
    status, out, _ = call(tmp_path / "r.csv", "--json", "--fewer", "--keep-all")
    assert status == 0
    found = json.loads(out)["reliability"]
    table = pd.DataFrame(scores).reset_index().melt("index")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        icc = pingouin.intraclass_corr(table, "index", "variable", "value").set_index("Type")
        alpha, bounds = pingouin.cronbach_alpha(pd.DataFrame(scores))
    for scale in ("valence", "arousal"):  # one is the other, turned round
        one = found[scale]
        assert (one["n_clips"], one["n_dropped"], one["n_raters"]) == (30, 0, 5)
        assert one["alpha"]["value"] == pytest.approx(alpha, abs=1e-9)
        assert [one["alpha"]["low"], one["alpha"]["high"]] == pytest.approx(list(bounds), abs=6e-4)
        for form, name in FORMS.items():
            assert one["icc"][form]["value"] == pytest.approx(icc.loc[name, "ICC"], abs=1e-9)
            assert one["icc"][form]["f"] == pytest.approx(icc.loc[name, "F"], rel=1e-9)
            bounds_of = icc.loc[name, next(c for c in icc.columns if c.startswith("CI95"))]
            assert [one["icc"][form]["low"], one["icc"][form]["high"]] == pytest.approx(
                list(bounds_of), abs=6e-3
            )


def test_json_says_of_each_clip_why(call: Any, ratings: Path) -> None:
    found = json.loads(call(ratings, "--json")[1])
    chosen = {name for names in found["selected"].values() for name in names}
    assert len(chosen) == 42
    assert {one["name"] for one in found["clips"] if one["selected"]} == chosen
    assert set(found["left_out"]) == {one["name"] for one in found["clips"]} - chosen
    assert found["rules"]["per_emotion"] == 6
    assert "eq. 2" in found["note"]


def test_files(call: Any, ratings: Path, tmp_path: Path) -> None:
    status, out, _ = call(ratings, "--out", tmp_path / "out", "--json")
    assert status == 0
    assert set(json.loads(out)["files"]) == {"page", "plot", "clips", "selected"}
    with (tmp_path / "out" / "selected.tsv").open() as file:
        assert len(list(csv.DictReader(file, delimiter="\t"))) == 42


def test_a_rater_who_always_answers_the_same_is_left_out_and_named(
    call: Any, ratings: Path, tmp_path: Path
) -> None:
    def flatten(table: pd.DataFrame) -> None:
        table.loc[table.rater_id == "r07", ["valence", "arousal"]] = 5

    path = change(ratings, tmp_path / "r.csv", flatten)
    status, out, _ = call(path)
    assert status == 0
    assert "rater r07 answers always valence 5, arousal 5: left out" in out
    assert "320 clips, 19 raters" in out
    without = change(ratings, tmp_path / "s.csv", lambda table: table[table.rater_id != "r07"])
    one, other = (json.loads(call(p, "--json")[1]) for p in (path, without))
    for part in ("reliability", "clips", "selected"):
        assert one[part] == other[part]
    kept = json.loads(call(path, "--json", "--keep-all")[1])
    assert kept["n_raters"] == 20
    assert kept["always_the_same"] == {"raters": {"r07": "always valence 5, arousal 5"}, "kept": True}


def test_all_raters_the_same_is_said_and_ends_in_a_sentence(call: Any, ratings: Path, tmp_path: Path) -> None:
    def flatten(table: pd.DataFrame) -> None:
        table[["valence", "arousal"]] = 5

    path = change(ratings, tmp_path / "r.csv", flatten)
    status, _, err = call(path)
    assert status == 1
    assert "20 who always answer the same" in sentence(err)
    status, out, _ = call(path, "--keep-all", "--json", "--fewer")
    assert status == 0
    assert json.loads(out)["reliability"]["valence"]["alpha"]["reason"] == "all ratings are equal"
    assert json.loads(out)["reliability"]["valence"]["alpha"]["value"] is None


def test_too_few_clips_is_exit_1_and_one_sentence(call: Any, ratings: Path, tmp_path: Path) -> None:
    def spoil(table: pd.DataFrame) -> None:
        table.loc[table.target == "fear", "emotion"] = "others"

    path = change(ratings, tmp_path / "r.csv", spoil)
    status, out, err = call(path)
    assert (status, out) == (1, "")
    assert (
        "emotion fear: wanted 6 clips that fulfil the rules, got 0 of 45 (45 with a hit rate below"
        in sentence(err)
    )
    status, out, _ = call(path, "--fewer")
    assert status == 0
    assert "fear: too few, 0 of 45" in out


def test_two_raters_and_one(call: Any, ratings: Path, tmp_path: Path) -> None:
    two = change(ratings, tmp_path / "two.csv", lambda table: table[table.rater_id.isin(["r01", "r02"])])
    assert json.loads(call(two, "--json", "--fewer")[1])["reliability"]["valence"]["alpha"]["n_raters"] == 2
    one = change(ratings, tmp_path / "one.csv", lambda table: table[table.rater_id == "r01"])
    status, out, _ = call(one, "--fewer")
    assert status == 0
    assert "valence: no reliability, 320 clips were rated by all 1 raters" in out


@pytest.mark.parametrize(
    "content",
    [b"", b"stimulus_id,rater_id,valence,arousal\n", b"\x89PNG\r\n\x1a\n" + bytes(200), b"a;b\n1;2\n",
     b"stimulus_id,rater_id,valence,arousal\nc,r,10,5\n", b"stimulus_id,rater_id,valence,arousal\nc,r,x,5\n"],
)  # fmt: skip
def test_bad_files_are_one_sentence(call: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    status, out, err = call(path, "--json")
    assert (status, out) == (1, "")
    assert str(path) in sentence(err)


@pytest.mark.parametrize(
    "options",
    [("--score", "best"), ("--to", "study"), ("--raters", "5"), ("--longest", "0"), ("--longest", "nan"),
     ("--least-hit-rate", "2"), ("--per-emotion", "0"), ("--collect", "c.csv"),
     ("--collect", "c.csv", "--raters", "0"), ("--collect", "c.csv", "--raters", "a,a"),
     ("--collect", "c.csv", "--raters", "a/b"), ("--collect", "c.csv", "--raters", "3", "--json"),
     ("--collect", "c.csv", "--raters", "3", "--to", "study")],
)  # fmt: skip
def test_options_that_cannot_be(call: Any, ratings: Path, options: tuple[str, ...]) -> None:
    status, out, err = call(ratings, *options)
    assert status in (1, 2)
    assert out == ""
    assert "Traceback" not in err


def test_names_of_raters() -> None:
    assert rater_names("12")[-1] == "r12"
    assert rater_names(" 王芳 , ben_2 ,") == ("王芳", "ben_2")
    for wrong in (None, "", " , ", "0", "201", "Anna,anna", "a b", "a:b", "../x", "-x", "x" * 41):
        with pytest.raises(OptionError):
            rater_names(wrong)


def test_simulated_ratings_are_written_once(call: Any, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    status, out, _ = call(path, "--simulate", "1")
    assert status == 0
    assert "320 clips, 20 raters" in out
    before = path.read_bytes()
    status, _, err = call(path, "--simulate", "2")
    assert status == 1
    assert "wanted a new file" in sentence(err)
    assert path.read_bytes() == before


def test_ratings_of_a_simulated_study_are_read(call: Any, tmp_path: Path) -> None:
    from dataclasses import asdict

    from mien.simulate.coders import rate_clips

    rows = pd.DataFrame([asdict(r) for r in rate_clips(np.random.default_rng(0))])
    rows.rename(columns={"clip": "stimulus"}).to_csv(tmp_path / "ratings.tsv", sep="\t", index=False)
    found = json.loads(call(tmp_path / "ratings.tsv", "--json", "--fewer")[1])
    assert (found["n_clips"], found["n_raters"]) == (42, 20)
    assert set(found["selected"]) == {
        "anger",
        "contempt",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
    }


# --- the study that begins with the selected clips


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of each of two emotions, one for practice, a calm one; the first of each is rated better."""
    folder = tmp_path_factory.mktemp("material")
    clips = simulate_clips(
        folder / "films", per_emotion=2, emotions=("happiness", "fear"), seconds=1.0, neutral_s=1.0
    )
    lines = [f"films/{clip.file.name},{clip.emotion or 'n/a'},{clip.role}" for clip in clips]
    (folder / "clips.csv").write_text("file,emotion,role\n" + "\n".join(lines) + "\n")
    rows = ["stimulus_id,rater_id,emotion,valence,arousal"]
    for rater in range(5):
        for word, pleasant in (("happiness", 8), ("fear", 2)):
            for number, exciting in ((1, 8), (2, 5)):
                valence = min(9, pleasant + rater % 2)
                rows.append(f"{word}_{number},r{rater},{word},{valence},{exciting - rater % 2}")
    (folder / "ratings.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_the_selected_clips_begin_a_study_that_can_be_presented(
    call: Any, mien: Any, material: Path, tmp_path: Path
) -> None:
    from mien.app.present.serve import prepare

    study = tmp_path / "study"
    status, out, err = call(
        material / "ratings.csv", "--clips", material / "clips.csv", "--per-emotion", "1", "--to", study
    )
    assert status == 0, err
    assert "begun with 2 clips" in out
    clips = read_clips(study)
    assert [(c.name, c.emotion, c.role) for c in clips if c.role == "trial"] == [
        ("fear_1", "fear", "trial"), ("happiness_1", "happiness", "trial"),
    ]  # fmt: skip
    assert {c.role for c in clips} == {"trial", "practice", "neutral"}
    assert (study / "stimuli" / "ratings.csv").read_bytes() == (material / "ratings.csv").read_bytes()
    status, out, err = mien("validate", study)
    assert status == 0, out + err
    _, schedule = prepare(study, "001")
    assert len([trial for trial in schedule.trials if not trial.practice]) == 2


def test_lengths_come_from_the_files(call: Any, material: Path) -> None:
    status, _, err = call(
        material / "ratings.csv", "--clips", material / "clips.csv", "--per-emotion", "1", "--longest", "0.5"
    )
    assert status == 1
    assert "2 with more than 0.5 s" in sentence(err)


def test_a_clip_without_file_in_the_table_is_named(call: Any, material: Path, tmp_path: Path) -> None:
    rows = (material / "clips.csv").read_text().replace("fear_1.mp4", "fear_9.mp4")
    (tmp_path / "clips.csv").write_text(rows.replace("films/", f"{material}/films/"))
    arguments = ("--clips", tmp_path / "clips.csv", "--per-emotion", "1", "--to", tmp_path / "study")
    status, _, err = call(material / "ratings.csv", *arguments)
    assert status == 1
    assert "wanted the file of fear_1, got none" in sentence(err)
    assert not (tmp_path / "study").exists()


def test_two_clips_of_one_name_are_refused(call: Any, material: Path, tmp_path: Path) -> None:
    row = f"{material}/films/fear_1.mp4,fear\n"
    (tmp_path / "clips.csv").write_text(f"file,emotion\n{row}{row}")
    status, _, err = call(material / "ratings.csv", "--clips", tmp_path / "clips.csv")
    assert status == 1
    assert "got fear_1 twice" in sentence(err)
