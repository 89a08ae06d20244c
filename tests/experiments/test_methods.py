"""The table of methods, and methods from outside."""

from __future__ import annotations

import pytest

from mien.core import OptionError
from mien.evaluation import Method
from mien.experiments import METHODS, find_method, method_names


class Point:
    """An entry point as an installed package would register it."""

    def __init__(self, name, loaded):
        self.name, self.loaded, self.value = name, loaded, "somewhere:method"

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture
def installed(monkeypatch):
    points = []
    monkeypatch.setattr("mien.experiments.methods.entry_points", lambda group: points)
    return points


def test_epochs_change_only_methods_that_have_them():
    assert find_method("ststnet", epochs=7).parameters["epochs"] == 7
    assert METHODS["ststnet"].parameters["epochs"] == 500
    assert find_method("linear-svm", epochs=7) is METHODS["linear-svm"]


def test_method_from_outside_stands_in_the_table(installed):
    own = Method("own", 1, lambda *, seed: None)
    installed.append(Point("own", own))
    assert find_method("own") is own
    assert method_names()[-1] == "own"


def test_outside_methods_cannot_replace_ours(installed):
    installed.append(Point("ststnet", Method("ststnet", 9, lambda *, seed: None)))
    assert find_method("ststnet") is METHODS["ststnet"]


@pytest.mark.parametrize(
    ("loaded", "words"), [(ImportError("no x"), "an importable somewhere:method"), ("text", "got str")]
)
def test_broken_extension(installed, loaded, words):
    installed.append(Point("own", loaded))
    with pytest.raises(OptionError, match=words):
        find_method("own")
