"""mien check-method: what is printed for people and for programs, and the exit status."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core import OptionError
from mien.evaluation import Method
from mien.evaluation.conformance import CHECKS
from mien.evaluation.conformance_spotting import SPOTTING_CHECKS
from mien.evaluation.spotting_task import SpottingMethod


class Half:
    """Forgets the second half of the samples it is asked about."""

    def fit(self, X, y):
        self.classes_ = sorted(set(y.tolist()))
        return self

    def predict_proba(self, X):
        return [[1.0] + [0.0] * (len(self.classes_) - 1)] * (len(X) // 2)


def build_half(*, seed):
    return Half()


class Silent:
    """A spotter that returns nothing from fit."""

    def fit(self, videos, references):
        return None

    def score(self, video):
        raise AssertionError

    propose = score


@pytest.fixture
def half(monkeypatch):
    """Two methods of one name that an installed package registers, of recognition and of spotting."""

    class Point:
        name, value = "half", "somewhere:method"

        @staticmethod
        def load():
            return Method("half", 1, build_half)

    class SpottingPoint(Point):
        @staticmethod
        def load():
            return SpottingMethod("half", 1, Silent, "nothing", {"micro": 1.0}, {})

    points = {"mien.methods": [Point], "mien.spotting_methods": [SpottingPoint]}
    monkeypatch.setattr("mien.experiments.methods.entry_points", lambda group: points[group])


def check(*arguments):
    return CliRunner().invoke(program(), ["check-method", *arguments])


def test_a_method_that_conforms():
    result = check("majority")
    assert result.exit_code == 0
    assert "warning: majority, learns: wanted more than chance" in result.stdout
    assert result.stdout.endswith("majority: 0 errors, 1 warnings\n")
    assert all(name in result.stdout for name in CHECKS)


def test_json_alone_on_stdout():
    found = json.loads(check("linear-svm", "--set", "C=0.001", "--seed", "3", "--json").stdout)
    assert (found["method"], found["n_errors"], found["n_warnings"]) == ("linear-svm", 0, 0)
    assert found["findings"] == []
    assert {one["check"]: one["state"] for one in found["checks"]} == {
        **dict.fromkeys(CHECKS, "passed"),
        "stages": "skipped",
    }


def test_findings_and_exit_status(half):
    result = check("half")
    assert result.exit_code == 1
    assert "error: half, shape: wanted answers of shape (12, 3), a row a sample" in result.stdout
    assert "skipped (presumes shape)" in result.stdout
    found = check("half", "--json")
    assert found.exit_code == 1
    (finding,) = json.loads(found.stdout)["findings"]
    assert (finding["check"], finding["severity"], finding["got"]) == ("shape", "error", "(6, 3)")
    assert finding["sentence"].startswith("half, shape: wanted answers of shape")


def test_few_epochs_say_nothing_about_learning():
    found = json.loads(check("ststnet", "--epochs", "1", "--json").stdout)
    assert found["n_errors"] == 0
    assert {one["check"]: one["reason"] for one in found["checks"] if one["state"] == "skipped"} == {
        "learns": "as asked"
    }


def test_a_name_that_is_none():
    result = check("nobody")
    assert isinstance(result.exception, OptionError)
    assert "method: wanted one of majority" in str(result.exception)
    assert "optical-flow" in str(result.exception)


def test_a_name_that_is_nearly_one():
    result = check("mdmdd")
    assert isinstance(result.exception, OptionError)
    assert str(result.exception).startswith("method: wanted one of mdmd, mdmo, got mdmdd; ")


def test_a_spotting_method_is_found_by_its_name_alone():
    result = check("mdmd")
    assert result.exit_code == 0, result.output
    assert all(name in result.stdout for name in SPOTTING_CHECKS)
    assert result.stdout.endswith("mdmd: 0 errors, 0 warnings\n")


def test_of_two_methods_of_one_name_an_option_chooses(half):
    result = check("half", "--spotting", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    (finding,) = found["findings"]
    assert (finding["check"], finding["got"], found["n_errors"]) == ("fits", "NoneType", 1)
    assert finding["sentence"].startswith("half, fits: wanted fit to return the spotter")
    assert list(found) == list(json.loads(check("half", "--json").stdout))
    assert {one["check"] for one in found["checks"]} == set(SPOTTING_CHECKS)


def test_a_spotting_method_takes_epochs_and_settings_as_mien_spot_does(monkeypatch):
    given = []
    monkeypatch.setattr(
        "mien.evaluation.conformance_spotting.run_spotting_checks",
        lambda method, *, seed, skip: given.append((method, seed, skip)) or [],
    )
    for setting in ("softnet.max_samples=50", "max_samples=50"):
        assert check("softnet", "--epochs", "1", "--set", setting, "--seed", "3").exit_code == 0
    for method, seed, skip in given:
        assert (method.parameters["epochs"], method.parameters["max_samples"], seed) == (1, 50, 3)
        assert skip == ("finds",)  # a few epochs find nothing, which is no fault of it
    assert "parameter widths of softnet: wanted one of epochs" in str(
        check("softnet", "--set", "widths=3").exception
    )


def test_spotting_chooses_among_spotting_methods_alone():
    result = check("linear-svm", "--spotting")
    assert isinstance(result.exception, OptionError)
    assert "spotting method: wanted one of optical-flow, mdmd" in str(result.exception)


def test_methods_of_recognition_that_the_list_leaves_out_are_still_found():
    assert json.loads(check("peripheral-svm", "--json").stdout)["n_errors"] == 0
