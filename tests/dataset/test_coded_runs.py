"""Which runs were gone through, and the adjudicated table that stands for all coders in its runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.core.errors import DataError
from mien.dataset import StudyWriter, export_study, layout, open_study, read_expressions, tables
from mien.dataset.coded_runs import read_coded_runs, read_runs_from_elsewhere, write_coded_runs
from mien.dataset.expressions import coded_runs, merge_expressions
from mien.dataset.study import StudySession

NAME = "sub-001"


def row(run: int, onset: int) -> dict[str, object]:
    frames = {"onset_frame": onset, "apex_frame": onset + 5, "offset_frame": onset + 9}
    return {"trial": run, "run": run, **frames, "kind": "micro", "action_units": "AU4", "emotion": "fear"}


@pytest.fixture
def session(tmp_path: Path) -> StudySession:
    writer = StudyWriter(tmp_path / "study")
    with writer.participant(NAME) as person:
        for run in (1, 2, 3):
            person.write_frame_times(run, np.arange(100) / 50)
        person.write_coding("A", pd.DataFrame([row(1, 10), row(2, 20)]))
        person.write_coding("B", pd.DataFrame([row(1, 12), row(2, 22)]))
        person.write_coding("final", pd.DataFrame([row(1, 11), row(2, 60)]))
    writer.finish(pd.DataFrame({"participant_id": [NAME], "consent_level": [1]}))
    return open_study(tmp_path / "study").session(NAME)


def held(session: StudySession) -> list[tuple[str, int]]:
    return sorted((one.coder, one.run) for one in read_expressions(session))


def test_a_final_table_holds_only_in_the_runs_that_it_names(session: StudySession) -> None:
    everybody = [("A", 1), ("A", 2), ("B", 1), ("B", 2)]
    assert held(session) == everybody
    write_coded_runs(session.study, NAME, layout.FINAL, [1])
    assert held(session) == [("A", 2), ("B", 2), ("final", 1)]
    assert [one.frames[0] for one in merge_expressions(read_expressions(session))] == [11, 21]
    found = read_expressions(session, every_coder=True)
    assert sorted((one.coder, one.run) for one in found) == everybody


def test_a_run_that_is_final_without_a_row_has_no_expression(session: StudySession) -> None:
    write_coded_runs(session.study, NAME, layout.FINAL, [3, 2])
    assert held(session) == [("A", 1), ("B", 1), ("final", 2)]


def test_a_table_without_a_word_on_its_runs_is_of_all_of_them(session: StudySession) -> None:
    assert coded_runs(session) == {1, 2, 3}
    for coder in ("A", "B", "final"):
        write_coded_runs(session.study, NAME, coder, [2] if coder == "A" else [])
    assert coded_runs(session) == {2}


def test_runs_from_elsewhere_are_kept_apart_and_count(session: StudySession) -> None:
    write_coded_runs(session.study, NAME, "A", [1], elsewhere=[2, 3])
    assert read_coded_runs(session.study, NAME, "A") == {1, 2, 3}
    assert read_runs_from_elsewhere(session.study, NAME, "A") == {2, 3}
    assert read_coded_runs(session.study, NAME, "B") is None
    assert read_runs_from_elsewhere(session.study, NAME, "B") == set()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"runs": "1"}', '{"runs": [0]}', '{"runs": [1.5]}', '{"runs": [true]}', "\xff"]
)
def test_a_damaged_word_on_runs_is_refused_in_one_sentence(session: StudySession, text: str) -> None:
    layout.coded_runs(session.study, NAME, "A").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match="the runs that this coder went through"):
        read_coded_runs(session.study, NAME, "A")


def test_rows_of_a_run_that_their_coder_has_not_gone_through_have_no_times_and_say_why(
    session: StudySession,
) -> None:
    write_coded_runs(session.study, NAME, "A", [1])
    unused = {(one.coder, one.run): one.unused for one in read_expressions(session)}
    assert unused == {("A", 1): None, ("A", 2): "clip-not-finished", ("B", 1): None, ("B", 2): None}
    assert [len(one.rows) for one in merge_expressions(read_expressions(session))] == [2, 1]


def test_words_of_coders_and_viewing_copies_stay_at_home(session: StudySession, tmp_path: Path) -> None:
    study = open_study(session.study)
    path = layout.coding(study.folder, NAME, "A")
    table = session.coding()["A"].assign(comment="she works next door", certainty=4)
    tables.write_table(path, table, columns=layout.CODING_COLUMNS)
    write_coded_runs(study.folder, NAME, "A", [1, 2])
    proxy = path.parent.parent / "proxies" / NAME / f"{NAME}_run-01_proxy.mp4"
    proxy.parent.mkdir(parents=True)
    proxy.write_bytes(b"a face")
    for audience, words in (("publication", 0), ("analysis", 2)):
        done = export_study(study, tmp_path / audience, audience=audience)  # type: ignore[arg-type]
        copy = layout.coding(done.folder, NAME, "A")
        assert copy.read_text().count("next door") == words
        assert "certainty" in copy.read_text().splitlines()[0]
        assert read_coded_runs(done.folder, NAME, "A") == {1, 2}
        assert not list(done.folder.rglob("*proxy*"))
        assert any("proxies" in one.path for one in done.withheld)
