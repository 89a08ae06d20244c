"""Counts of a study, against what was put into it."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core.expression import Expression, group_expressions
from mien.dataset import StudyWriter, describe, import_study, open_study, read_expressions
from mien.dataset.catalog import dataset_format
from mien.dataset.describe import DURATIONS_MS
from mien.dataset.expressions import merge_expressions

sys.path.insert(0, str(Path(__file__).parent))
import tiny_study as tiny


def coding(rows: list[tuple]) -> pd.DataFrame:
    names = ["onset_frame", "apex_frame", "offset_frame", "kind", "action_units", "emotion"]
    table = pd.DataFrame(rows, columns=names)
    table = table.astype(dict.fromkeys(names[:3], "Int64"))
    return table.assign(trial=1, run=1)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """One run of 100 frames at 100 Hz; two coders, who agree on one expression and differ on the rest."""
    folder = tmp_path_factory.mktemp("described") / "study"
    writer = StudyWriter(folder)
    with writer.participant("sub-001") as person:
        person.write_frame_times(1, 10 + np.arange(400) / 100)
        person.write_trials(tiny.trials())
        person.write_coding(
            "A",
            coding(
                [
                    (10, 20, 40, "micro", "AU4, AU7", "disgust"),
                    (100, 140, 250, "macro", "AU12", "happiness"),
                    (300, 310, 310, "micro", None, None),
                ]
            ),
        )
        person.write_coding(
            "B",
            coding(
                [
                    (14, 24, 46, "micro", "AU4", "disgust"),
                    (104, 142, 240, "micro", "AU12", "surprise"),
                    (None, 390, 395, None, "AU1", None),
                ]
            ),
        )
    people = pd.DataFrame({"participant_id": ["sub-001"], "age": [30], "sex": ["F"], "consent_level": [2]})
    writer.finish(people)
    return folder


def test_counts(study: Path) -> None:
    found = describe(open_study(study))
    assert (found.n_participants, found.n_trials, found.n_rows, found.n_unused) == (1, 1, 6, 1)
    assert (found.n_expressions, found.n_micro, found.n_macro, found.n_undecided) == (3, 2, 1, 0)
    assert found.emotions["disgust"] == {"micro": 1, "macro": 0}
    assert found.emotions["n/a"] == {"micro": 1, "macro": 1}  # nobody said; they contradict each other
    assert found.three_classes["negative"] == {"micro": 1, "macro": 0}
    assert found.action_units["AU4"]["micro"] == 1
    assert found.action_units["AU12"] == {
        "description": "Lip Corner Puller", "region": "mid", "micro": 0, "macro": 1,
    }  # fmt: skip
    assert found.regions == {"upper": 1, "mid": 1}
    assert found.consent == {"level 1": 0, "level 2": 1, "not known": 0}
    assert found.duration_ms["micro"].n == 1  # the other's offset was not observed
    assert found.duration_ms["micro"].mean == pytest.approx(310.0)  # medians: frames 12 to 43
    assert found.n_without_offset == {"micro": 1, "macro": 0}
    assert found.completeness["sub-001"]["frame times"] == 1
    assert found.completeness["sub-001"]["video"] == 0
    assert found.trials[0]["coding"]
    assert not found.trials[0]["sound"]
    assert found.valence["disgust"].mean == 2.5
    assert math.isnan(found.age.sd)


def test_merged_times_are_medians_and_units_of_half_the_rows(study: Path) -> None:
    first, second, third = merge_expressions(read_expressions(open_study(study).session("001")))
    assert (first.times.onset_s, first.times.apex_s, first.times.offset_s) == pytest.approx(
        (10.12, 10.22, 10.43)
    )
    assert [str(unit) for unit in first.action_units] == ["AU4", "AU7"]
    assert second.kind == "macro"  # micro against macro: the rule decides, 1.43 s
    assert third.times.offset_s is None


def test_groups_do_not_chain() -> None:
    """Each overlaps the next; the first and the last are two expressions."""
    row = [Expression(0.3 * n, 0.3 * n + 0.08, 0.3 * n + 0.6) for n in range(4)]
    assert group_expressions(row) == [0, 0, 1, 1]
    assert group_expressions([]) == []


def test_the_command(study: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(program(), ["describe", str(study), "--json", "--plot", str(tmp_path / "a.svg")])
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    keys = {"n_participants", "n_trials", "n_micro", "n_macro", "emotions", "action_units", "duration_ms"}
    assert keys <= set(told)
    assert told["duration_ms"]["macro"]["sd"] is None
    picture = (tmp_path / "a.svg").read_text()
    assert all(word in picture for word in ("disgust", "negative", "participants", "310 ± "[:3]))
    table = CliRunner().invoke(program(), ["describe", str(study)])
    assert "Lip Corner Puller" in table.stdout


@pytest.mark.parametrize(
    ("title", "name", "place"),
    [
        ("CASME II", "casme2", "annotations/CASME2/CASME2-coding-20140508.xlsx"),
        ("SAMM", "samm", "annotations/SAMM/SAMM.xlsx"),
        ("SMIC HS", "smic", "annotations/SMIC/smic_apex.xlsx"),
        ("CAS(ME)^2", "casme-sq", "annotations/CASME_sq/USTC_casme_sq.csv"),
        ("SAMM Long Videos", "samm-lv", "annotations/SAMM_LV/LGSNet_samm_annotation.csv"),
    ],
)
def test_durations_of_other_datasets_are_those_of_their_tables(
    shared_data: Path, tmp_path: Path, title: str, name: str, place: str
) -> None:
    done = import_study(dataset_format(name), shared_data / place, tmp_path / "study")
    own = describe(open_study(done.folder)).duration_ms["micro"]
    assert (own.mean, own.sd) == pytest.approx(DURATIONS_MS[title][:2], abs=0.06)
