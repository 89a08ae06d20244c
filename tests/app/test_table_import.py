"""Tables that a study has already, brought onto the bench: every row, once, or a word why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench_world import N_FRAMES, open_bench

from mien.app.bench import Bench
from mien.app.study_tables import table_row, write_tables
from mien.app.table_import import annotation_of_row, import_tables
from mien.coding.annotation import annotation_from_json
from mien.dataset import layout, tables
from mien.dataset.coded_runs import read_coded_runs, write_coded_runs

NAME = "sub-001"
TIMES = [n / 30 for n in range(N_FRAMES)]


def write(study: Path, coder: str, *rows: dict[str, Any], participant: str = NAME) -> Path:
    columns = list(dict.fromkeys([*layout.CODING_COLUMNS, *(name for row in rows for name in row)]))
    cells = [[str({"trial": 1, "run": 1, **row}.get(name, "n/a")) for name in columns] for row in rows]
    path = layout.coding(study, participant, coder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join("\t".join(line) for line in [columns, *cells]) + "\n", encoding="utf-8")
    return path


def at(onset: int, **more: Any) -> dict[str, Any]:
    return {"onset_frame": onset, "apex_frame": onset + 3, "offset_frame": onset + 6, "kind": "micro",
            "action_units": "AU4", "emotion": "fear"} | more  # fmt: skip


def bodies(bench: Bench, coder: str) -> list[dict[str, Any]]:
    kept = bench.store.sheet(NAME, 1, coder).expressions
    return [one.annotation.as_json() for one in kept if one.annotation]


def test_every_row_comes_once_and_the_clip_goes_to_verification(study: Path, bench: Bench) -> None:
    write(study, "A", at(3), at(20, action_units="LAU12B, AU6", emotion="happiness", comment="a note"))
    write(study, "B", at(4))
    first = import_tables(bench, by="lead")
    assert (first.added, sorted(first.tokens), first.problems) == (3, ["A", "B"], [])
    assert bench.store.clip(NAME, 1).stage == "verify"
    assert [(b["onset"], b["apex"], b["offset"], b["emotion"]) for b in bodies(bench, "A")] == [
        (3, 6, 9, "fear"), (20, 23, 26, "happiness"),
    ]  # fmt: skip
    assert bodies(bench, "A")[1]["action_units"] == ["AU6", "LAU12B"]
    again = import_tables(bench, by="lead")
    assert (again.added, again.tokens) == (0, {})
    assert len(bodies(bench, "A")) == 2


@pytest.mark.parametrize("after", range(6))
def test_an_import_that_was_interrupted_goes_on_and_adds_nothing_twice(
    study: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Interrupted behind so many rows or sheets that were finished."""
    write(study, "A", at(3), at(20), at(40))
    write(study, "B", at(4))
    left = [after]

    def counted(call: Any) -> Any:
        def limited(*arguments: Any, **more: Any) -> Any:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return call(*arguments, **more)

        return limited

    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "put", counted(bench.store.put))
        patched.setattr(bench.store, "set_done", counted(bench.store.set_done))
        with pytest.raises(KeyboardInterrupt):
            import_tables(bench, by="lead")
    second = import_tables(bench, by="lead")
    assert second.added == 4 - min(after, 4)
    assert [b["onset"] for b in bodies(bench, "A")] == [3, 20, 40]
    assert [b["onset"] for b in bodies(bench, "B")] == [4]
    assert bench.store.clip(NAME, 1).stage == "verify"


ODD: list[tuple[dict[str, Any], str]] = [
    ({"certainty": "high"}, "certainty: wanted a number or n/a, got 'high'"),
    ({"certainty": "2.5"}, "certainty: wanted a whole number or n/a"),
    ({"certainty": "9"}, "certainty"),
    ({"valence": "much"}, "valence: wanted a number or n/a"),
    ({"arousal": "0"}, "arousal"),
    ({"comment": "x" * 2001}, "comment"),
    ({"action_units": "AU4, smile"}, "smile"),
    ({"onset_frame": -3}, "onset"),
]


@pytest.mark.parametrize(("fields", "told"), ODD)
def test_a_row_that_cannot_be_taken_leaves_the_sheet_open_and_the_table_as_it_was(
    study: Path, bench: Bench, fields: dict[str, Any], told: str
) -> None:
    """Else the sheet would say that nothing else was found, and the study's table would lose the row."""
    path = write(study, "A", at(30), {**at(3), **fields})
    before = path.read_bytes()
    done = import_tables(bench, by="lead")
    assert done.added == 1
    assert any(told in problem for problem in done.problems), done.problems
    assert any("left open" in problem for problem in done.problems)
    assert bench.store.clip(NAME, 1).coders == {"A": "open"}
    assert bench.store.clip(NAME, 1).stage == "code"
    assert path.read_bytes() == before
    mended = {name: "n/a" for name in fields if name not in layout.CODING_COLUMNS}
    write(study, "A", {**at(30), **mended}, {**at(3), **mended})  # the table is mended: the rest comes
    assert import_tables(bench, by="lead").added == 1
    assert bench.store.clip(NAME, 1).coders == {"A": "done"}


def test_a_clip_whose_frames_have_no_times_is_left_open(study: Path, bench: Bench) -> None:
    layout.frame_times(study, NAME, 1).unlink()
    write(study, "A", at(3))
    second = open_bench(study)
    done = import_tables(second, by="lead")
    assert done.added == 0
    assert second.store.clip(NAME, 1).coders == {"A": "open"}
    second.close()


def test_sheets_that_were_begun_on_the_bench_are_left_alone(study: Path, bench: Bench) -> None:
    from mien.coding.edits import Edit

    bench.store.add_coder("A", "A", "coder", by="lead")
    bench.store.assign(NAME, 1, ["A"], by="lead")
    (ann,) = bench.store.coders()
    said = annotation_from_json({"onset": 10})
    bench.store.put(Edit(key="k", participant=NAME, run=1, sheet="A", action="put", expression="e", base=0,
                         annotation=said), by=ann)  # fmt: skip
    write(study, "A", at(3))
    write(study, "B", at(4))
    assert import_tables(bench, by="lead").added == 1
    assert [b["onset"] for b in bodies(bench, "A")] == [10]
    assert bench.store.clip(NAME, 1).coders == {"A": "open", "B": "done"}


def test_runs_that_the_coder_did_not_go_through_and_final_tables_are_not_imported(
    study: Path, bench: Bench
) -> None:
    write(study, "A", at(3))
    write_coded_runs(study, NAME, "A", {2})
    write(study, "final", at(5))
    write(study, "unmerged", at(6))
    assert import_tables(bench, by="lead").added == 0
    assert bench.store.clip(NAME, 1).coders == {}
    assert [who.label for who in bench.store.coders()] == ["A"]


def test_an_emotion_without_units_and_a_kind_against_the_times_are_kept_in_words(
    study: Path, bench: Bench
) -> None:
    write(study, "A", {**at(3), "action_units": "n/a", "comment": "seen"}, {**at(20), "kind": "macro"})
    done = import_tables(bench, by="lead")
    assert done.added == 2
    assert any("its emotion (fear) stands in the comment" in problem for problem in done.problems)
    one, two = bodies(bench, "A")
    assert (one["emotion"], one["comment"]) == (None, "seen (emotion in the table: fear)")
    assert (two["kind"], two["kind_reason"]) == ("macro", "as in the table")


def test_a_row_that_the_bench_wrote_says_the_same_when_it_is_read_back() -> None:
    said = annotation_from_json({
        "onset": 3, "apex": 50, "offset": 80, "kind": "micro", "kind_reason": "it is faint", "valence": 2.5,
        "action_units": ["LAU12B", "AU4"], "emotion": "fear", "basis": ["aus"], "arousal": 9,
        "certainty": 4, "comment": "one line",
    })  # fmt: skip
    row = table_row(said, 1, TIMES)
    assert annotation_of_row({k: None if v is None else str(v) for k, v in row.items()}, TIMES) == said
    none = annotation_from_json({"onset": 3, "no_action_unit": True})
    assert annotation_of_row(table_row(none, 1, TIMES), TIMES) == none


def test_the_basis_of_an_emotion_comes_back(study: Path, bench: Bench) -> None:
    said = annotation_from_json({
        "onset": 3, "action_units": ["AU4"], "emotion": "fear", "basis": ["aus", "self-report"],
    })  # fmt: skip
    row = table_row(said, 1, TIMES)
    assert row["basis"] == "aus self-report"
    assert annotation_of_row(row, TIMES).emotion == "fear"


def test_tables_are_written_and_read_back_whatever_stands_in_the_comment(study: Path, bench: Bench) -> None:
    from mien.coding.edits import Edit

    bench.store.add_coder("A", "A", "coder", by="lead")
    bench.store.assign(NAME, 1, ["A"], by="lead")
    (ann,) = bench.store.coders()
    comments = ['"', '"quoted" and\ttabbed', "=1+1", "a\nb", "\u2028", "'", "\\", "é表 <b>", '""', "#", " x "]
    for number, comment in enumerate(comments):
        said = annotation_from_json({"onset": number, "comment": comment})
        bench.store.put(Edit(key=f"k{number}", participant=NAME, run=1, sheet="A", action="put",
                             expression=f"e{number}", base=0, annotation=said), by=ann)  # fmt: skip
    bench.store.set_done(NAME, 1, by=ann)
    write_tables(bench.study, bench.store, bench.clips, NAME, "A")
    rows = list(tables.rows(tables.read_coding(layout.coding(study, NAME, "A"))))
    assert [row["onset_frame"] for row in rows] == list(range(len(comments)))
    assert [row["comment"] for row in rows] == [" ".join(c.split()) or None for c in comments]
    assert read_coded_runs(study, NAME, "A") == {1}
