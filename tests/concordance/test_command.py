"""mien concordance as a user meets it, and its figures."""

import json
from xml.etree import ElementTree

import pandas as pd
import pytest

from mien.concordance import compare, read_person
from mien.core.errors import OptionError
from mien.dataset import open_study
from mien.report.concordance_figures import (
    clearest_trial,
    forest_figure,
    heart_rate_figure,
    null_figure,
    trial_figure,
)

ROW = {
    *("signal", "feature", "window_s", "n", "n_excluded", "before", "after"),
    *("t", "p", "q", "d_z", "low", "high", "null_p"),
}
TABLE = {"participant", "trial", "apex_s", "window_s", "side", "feature", "value", "reason"}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """One store for all calls, so that people are measured once."""
    return tmp_path_factory.mktemp("out")


def options(out):
    return ("--windows", "3,5", "--beyond-trial", "--positions", 4, "--shifts", 100, "--out", out)


class TestCommand:
    def test_json(self, mien, study_folder, out):
        status, printed, _ = mien("concordance", study_folder, *options(out), "--json")
        found = json.loads(printed)
        assert status == 0
        assert len(found["rows"]) == 2 * 48
        assert set(found["rows"][0]) >= ROW
        assert found["settings"]["windows_s"] == [3, 5]
        assert found["settings"]["seed"] == 0
        assert {"mien", "numpy", "scipy", "neurokit2"} <= set(found["versions"])
        assert [part["level"] for part in found["null"]] == ["apex", "subject"]
        names = {path.rsplit("/", 1)[1] for path in found["files"]}
        assert names == {
            "features.parquet", "concordance.json", "forest.svg", "null.svg", "figure-7.svg", "figure-13.svg",
        }  # fmt: skip
        for path in found["files"]:
            if path.endswith(".svg"):
                ElementTree.parse(path)
        table = pd.read_parquet(out / "concordance" / "features.parquet")
        assert set(table) >= TABLE
        kept = json.loads((out / "concordance" / "concordance.json").read_text())
        assert kept["rows"] == found["rows"]

    def test_tables(self, mien, study_folder, out):
        status, printed, _ = mien("concordance", study_folder, *options(out))
        assert status == 0
        for words in (
            "HRV_RMSSD",
            "EDA_Num_peaks",
            "5 s before and after the apex",
            "random instants",
            "left out",
        ):
            assert words in printed

    def test_windows_that_nothing_fits(self, mien, study_folder, out):
        status, printed, _ = mien(
            "concordance", study_folder, "--windows", "15", "--positions", 4, "--shifts", 0, "--out", out
        )
        assert status == 0
        assert "15 s: no test is possible; pairs left out: " in printed
        assert "outside-trial" in printed

    @pytest.mark.parametrize(
        ("arguments", "words", "expected"),
        [
            (["--windows", "three"], "--windows: wanted seconds with commas", 2),
            (["--windows", "5,3"], "increasing lengths", 2),
            (["--layout", "left"], "one of each-side, centred", 2),
            (["--recipe", "raw"], "one of recommended, paper", 2),
            (["--anchor", "offset"], "one of apex, onset", 2),
            (["--shifts", "-1"], "shifts: wanted 0 to 1000000", 2),
        ],
    )
    def test_mistakes(self, mien, study_folder, out, arguments, words, expected):
        status, printed, err = mien("concordance", study_folder, *arguments, "--out", out)
        assert (status, printed) == (expected, "")
        assert words in err
        assert "Traceback" not in err

    def test_no_study(self, mien, tmp_path, out):
        status, _, err = mien("concordance", tmp_path / "nothing", "--out", out)
        assert status == 1
        assert "the folder of a study" in err


@pytest.fixture(scope="module")
def found(measured, chosen):
    return compare(measured, chosen)


class TestFigures:
    def test_trial(self, people, found, chosen):
        who, trial = clearest_trial(found)
        person = next(p for p in people if p.participant_id == who)
        text = trial_figure(person, trial, chosen)
        ElementTree.fromstring(text)
        assert "skin conductance" in text
        assert f"{who}, trial {trial}" in text
        assert len(text) < 1_500_000
        assert text == trial_figure(person, trial, chosen)

    def test_heart_rate(self, people, found, chosen):
        who, trial = clearest_trial(found)
        text = heart_rate_figure(next(p for p in people if p.participant_id == who), trial, chosen)
        ElementTree.fromstring(text)
        assert "apexes beyond the trial" in text

    def test_forest_and_null(self, found):
        text = forest_figure(found)
        ElementTree.fromstring(text)
        assert all(row.printed in text for row in found.rows)
        ElementTree.fromstring(null_figure(found))

    def test_unknown_trial(self, people, chosen):
        with pytest.raises(OptionError, match="trial 99 of sub-001"):
            trial_figure(people[0], 99, chosen)

    def test_of_a_study_on_disk(self, study_folder, chosen):
        """Traces are drawn on the master clock: an apex lies where its windows meet."""
        person = read_person(open_study(study_folder).session("sub-001"))
        ElementTree.fromstring(trial_figure(person, 1, chosen))
