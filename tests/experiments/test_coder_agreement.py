"""Agreement of the coders of a study on disk: what is read, who coded what, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from coded_study import USUAL, write_coded_study

from mien.coding.agreement_result import AgreementSettings
from mien.core.errors import DataError
from mien.dataset import layout, open_study
from mien.dataset.coded_runs import write_coded_runs
from mien.experiments.coder_agreement import NOT_FINISHED, agreement_of_study, clip_key, read_coded

QUICK = AgreementSettings(n_resamples=50)


def agree(folder: Path, coding=USUAL, **options):
    write_coded_study(folder / "study", coding)
    return agreement_of_study(open_study(folder / "study"), QUICK, **options)


def missed(found):
    return {one.coder: one.n for one in found.pooled.missed if one.kind == "all"}


def changed(who: str, coder: str, rows) -> dict:
    return {name: {**tables, **({coder: rows} if name == who else {})} for name, tables in USUAL.items()}


def test_the_usual_study(tmp_path):
    found = agree(tmp_path)
    told = found.as_json()
    assert told["n_pairs"] == 3
    assert missed(found) == {"A": 1, "B": 1}
    assert told["clips"] == {"n": 4, "n_shared": 4, "n_participants": 2}
    # 2 (1 + 1 + 1) / (3 + 3 + 2)
    assert told["au_r_micro"] == pytest.approx(6 / 8)
    assert told["onset_ms"]["mean"] == pytest.approx(-20 / 3)  # one frame of 20 ms, A earlier
    assert told["offset_ms"]["n"] == 2  # B did not see one
    assert told["kappa"]["emotion"]["value"] == 1
    assert [pair.first.row for pair in found.pooled.matched] == [2, 3, 2]  # lines of A's tables


def test_a_run_without_a_row_was_coded_by_whoever_has_a_table(tmp_path):
    _, clips = read_coded(open_study(write_coded_study(tmp_path / "study", runs=3)))
    assert [(clip.key, clip.coders) for clip in clips][2] == ("sub-001 run 3", ("A", "B"))
    assert [clip.order for clip in clips] == [0, 1, 2, 3, 4, 5]


def test_finer_knowledge_of_who_coded_what(tmp_path):
    """B did not go through run 2 of sub-001: A's rows there were not missed."""
    coded = {("sub-001", 1): "AB", ("sub-001", 2): "A", ("sub-002", 1): "AB", ("sub-002", 2): "AB"}
    found = agree(tmp_path, coded=coded)
    assert found.pooled.n_pairs == 2
    assert missed(found) == {"A": 1, "B": 0}
    assert found.coders[1].unused == {NOT_FINISHED: 1}


def test_what_the_coding_bench_wrote_beside_the_tables_counts(tmp_path):
    folder = write_coded_study(tmp_path / "study")
    write_coded_runs(folder, "sub-001", "B", [1])
    found = agreement_of_study(open_study(folder), QUICK)
    assert missed(found) == {"A": 1, "B": 0}
    assert found.coders[1].unused == {NOT_FINISHED: 1}
    assert found.coders[1].n_clips == 3


def test_final_is_a_coder_only_if_asked_for_and_unmerged_never(tmp_path):
    coding = {who: {**tables, "final": tables["A"], "unmerged": tables["B"]} for who, tables in USUAL.items()}
    assert [one.coder for one in agree(tmp_path, coding).coders] == ["A", "B"]
    study = open_study(tmp_path / "study")
    with pytest.raises(DataError, match="wanted a clip that is adjudicated, got none"):
        agreement_of_study(study, QUICK, final=True)
    for who in USUAL:
        write_coded_runs(study.folder, who, "final", [1, 2])
    assert [one.coder for one in agreement_of_study(study, QUICK).coders] == ["A", "B"]
    found = agreement_of_study(study, QUICK, final=True)
    assert [(one.coder, one.n_expressions) for one in found.coders] == [("A", 4), ("B", 4), ("final", 4)]
    exact = next(one for one in found.pairs if one.coders == ("A", "final"))
    assert exact.units.micro.value == 1
    assert exact.times["onset"].mae == 0


def test_three_coders_of_whom_one_coded_one_person(tmp_path):
    coding = changed("sub-002", "C", [(1, 1, 50, 55, 60, "micro", "AU4", "disgust")])
    found = agree(tmp_path, coding)
    assert {one.coders: one.n_clips for one in found.pairs} == {("A", "B"): 4, ("A", "C"): 2, ("B", "C"): 2}
    assert found.all_coders.n_groups == 3


def test_unusable_rows_are_counted_by_reason(tmp_path):
    rows = [
        (1, 1, 11, 15, 20, "micro", "AU4", "anger"),
        (1, 1, 90, 95, 300, "micro", "AU4", "anger"),  # beyond the video
        (1, 1, 40, 35, 50, "micro", "AU4", "anger"),  # out of order
        (1, 1, None, 35, 50, "micro", "AU4", "anger"),
        (9, 9, 10, 15, 20, "micro", "AU4", "anger"),  # a run that was not recorded
    ]
    found = agree(tmp_path, changed("sub-001", "B", rows))
    reasons = {"no-frame-times": 1, "no-onset": 1, "order": 1, "outside-recording": 1}
    assert found.coders[1].unused == reasons
    assert missed(found)["B"] == 2  # A's two rows of run 2


def test_without_frame_times_nothing_can_be_compared_and_it_says_so(tmp_path):
    study = open_study(write_coded_study(tmp_path / "study", stamps=False))
    found = agreement_of_study(study, QUICK)
    assert found.pooled.n_pairs == 0
    assert found.coders[0].unused == {"no-frame-times": 4}


def test_empty_tables_are_coders_who_found_nothing(tmp_path):
    found = agree(tmp_path, {who: {"A": [], "B": []} for who in USUAL})
    assert found.as_json()["au_r"]["micro"]["reason"] == "no matched expression"
    assert found.pooled.n_clips == 4
    found = agree(tmp_path / "other", {who: {"A": tables["A"], "B": []} for who, tables in USUAL.items()})
    assert missed(found) == {"A": 0, "B": 4}


@pytest.mark.parametrize(
    ("coding", "got"),
    [
        ({who: {} for who in USUAL}, "no coder"),
        ({who: {"A": tables["A"]} for who, tables in USUAL.items()}, "4 clips by A"),
        ({who: {"A": tables["A"], "final": tables["B"]} for who, tables in USUAL.items()}, "4 clips by A"),
        ({"sub-001": {"A": []}, "sub-002": {"B": []}}, "4 clips by A, B, each clip by one of them"),
        ({who: {"unmerged": tables["A"]} for who, tables in USUAL.items()}, "no coder"),
    ],
)
def test_without_a_second_coder_the_study_is_named(tmp_path, coding, got):
    with pytest.raises(
        DataError, match=f"study: wanted a clip that two coders coded, got {got}; let a second"
    ):
        agree(tmp_path, coding)


def test_damaged_tables_are_named(tmp_path):
    folder = write_coded_study(tmp_path / "study")
    path = layout.coding(folder, "sub-001", "A")
    path.write_text(path.read_text().replace("AU4", "brow"))
    with pytest.raises(DataError, match="brow"):
        agreement_of_study(open_study(folder), QUICK)
    path.write_text("trial\trun\n1\t1\n")
    with pytest.raises(DataError, match="coder-A"):
        agreement_of_study(open_study(folder), QUICK)


def test_clips_are_named_for_people():
    assert clip_key("sub-001", 2) == "sub-001 run 2"
