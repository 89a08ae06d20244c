"""Items that count: against the study's own tables; what a study lacks is listed with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core.errors import OptionError
from mien.dataset import open_study
from mien.reproduce import ITEMS, ItemResult, Setting, find_items, reproduce
from mien.reproduce.item import Cell, ItemFigure, ItemTable
from mien.reproduce.page import _may_show, reproduction_page, write_reproduction
from mien.reproduce.run import Reproduction
from mien.reproduce.tables import as_csv, as_latex, as_markdown
from mien.simulate import StudySettings, simulate_study, study_parts

EASY = ("table-1", "consent", "equation-1-2", "equation-3", "table-2", "figure-5")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reproduce") / "study"
    simulate_study(
        StudySettings(participants=3, trials=7, clip_s=20.0, sampling_hz=250.0, seed=4),
        folder,
        parts=study_parts("physio"),
    )
    return folder


def test_counts_are_those_of_the_tables(study: Path, tmp_path: Path) -> None:
    made = reproduce(Setting(study, tmp_path), find_items(EASY))
    by = {one.key: one for one in made.results}
    assert {one.status for one in made.results} == {"done"}
    opened = open_study(study)
    assert by["table-1"].values["participants"] == 3
    assert by["table-1"].values["trials"] == 21
    levels = pd.Series([p.consent_level for p in opened.participants.values()]).value_counts()
    assert by["consent"].values == {"level 1": levels.get(1, 0), "level 2": levels.get(2, 0), "not known": 0}
    units = by["table-2"].values
    assert units["total"] == sum(units["units"].values())  # type: ignore[union-attr, arg-type]


def test_published_numbers_are_marked_wherever_they_stand(study: Path, tmp_path: Path) -> None:
    made = reproduce(Setting(study, tmp_path), find_items(["table-2"]))
    (table,) = made.results[0].tables
    assert "357" in as_csv(table)
    assert "357 (published)" in as_markdown(table)
    assert "357 (published)" in as_latex(table)
    page = reproduction_page(made, open_study(study))
    assert '<td class="theirs">357' in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_what_a_study_lacks_is_listed_with_the_reason(study: Path, tmp_path: Path) -> None:
    import shutil

    bare = tmp_path / "bare"
    shutil.copytree(study, bare)
    shutil.rmtree(bare / "derivatives" / "coding")
    (bare / "stimuli" / "ratings.tsv").unlink()
    made = reproduce(Setting(bare, tmp_path / "out"), find_items(EASY))
    reasons = {one.key: one.reason for one in made.results if one.status == "not possible"}
    assert reasons == {
        "equation-1-2": "stimuli/ holds no ratings of the clips",
        "equation-3": "no expression was coded",
        "table-2": "no expression was coded",
        "figure-5": "no expression was coded",
    }
    page = write_reproduction(made)["page"].read_text()
    assert all(reason in page for reason in reasons.values())


def test_a_face_is_shown_only_where_consent_covers_publication(study: Path) -> None:
    opened = open_study(study)
    for name, person in opened.participants.items():
        face = ItemFigure("a face", "<svg/>", shows="face", participants=(name,))
        assert _may_show(face, opened) == (person.consent_level == 1)
        assert _may_show(ItemFigure("a trace", "<svg/>", participants=(name,)), opened)
    everybody = ItemFigure("faces", "<svg/>", shows="face")
    assert _may_show(everybody, opened) == all(p.consent_level == 1 for p in opened.participants.values())


def test_words_of_a_study_cannot_become_markup(study: Path, tmp_path: Path) -> None:
    table = ItemTable(
        "<b>x</b>", ("a & b", "50 %"), ((Cell("<script>alert(1)</script>"), Cell(0.5, 0.4, 0.6)),)
    )
    one = ItemResult("table-1", "t", "done", sentences=("<i>s</i>",), tables=(table,))
    page = reproduction_page(Reproduction(Setting(study, tmp_path), (one,), {}), open_study(study))
    assert "<script>alert" not in page
    assert "<i>s</i>" not in page
    assert as_csv(table).splitlines()[0] == 'a & b,50 %,"50 %, low","50 %, high"'
    assert r"a \& b & 50 \%" in as_latex(table)
    assert "0.500 [0.400, 0.600]" in as_markdown(table)


def test_the_command_plans_runs_and_answers_in_json(study: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    only = [word for name in EASY for word in ("--only", name)]
    planned = runner.invoke(program(), ["reproduce", str(study), "--plan", "--json", *only])
    assert planned.exit_code == 0, planned.output
    assert [row["item"] for row in json.loads(planned.stdout)["plan"]] == [
        i.name for i in ITEMS if i.name in EASY
    ]
    assert not (tmp_path / "out").exists()
    done = runner.invoke(
        program(), ["reproduce", str(study), "--json", "--out", str(tmp_path / "out"), *only]
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["items"]["table-1"]["values"]["participants"] == 3
    assert Path(found["files"]["page"]).is_file()
    with pytest.raises(OptionError, match="--only: wanted table-1"):
        find_items(["table-99"])
