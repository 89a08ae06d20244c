"""mien check-method: what is printed for people and for programs, and the exit status."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core import OptionError
from mien.evaluation import Method
from mien.evaluation.conformance import CHECKS


class Half:
    """Forgets the second half of the samples it is asked about."""

    def fit(self, X, y):
        self.classes_ = sorted(set(y.tolist()))
        return self

    def predict_proba(self, X):
        return [[1.0] + [0.0] * (len(self.classes_) - 1)] * (len(X) // 2)


def build_half(*, seed):
    return Half()


@pytest.fixture
def half(monkeypatch):
    """A method that an installed package registers."""

    class Point:
        name, value = "half", "somewhere:method"

        @staticmethod
        def load():
            return Method("half", 1, build_half)

    monkeypatch.setattr("mien.experiments.methods.entry_points", lambda group: [Point])


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
