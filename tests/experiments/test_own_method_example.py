"""The example of a user's own method: installed from its folder, found, checked and compared with ours."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.dataset.motion_maps import write_motion_maps
from mien.evaluation.spotting_task import SpottingMethod
from mien.experiments.spotting_methods import (
    SPOTTING_METHODS,
    all_spotters,
    find_spotter,
    spotting_names,
)
from mien.simulate import MapSettings, simulate_maps

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_method"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the example installed in it, without a network."""
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("needs pip and setuptools to install the example")
    folder = tmp_path_factory.mktemp("own-method")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "own_method.py"):
        (source / name).write_text((EXAMPLE / name).read_text())  # pip builds beside it: not in the checkout
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", source], check=True
    )
    return folder / "site"


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps") / "maps"
    write_motion_maps(simulate_maps(MapSettings(participants=8, seed=5)), folder)
    return folder


def mien(installed, *arguments):
    paths = [str(installed), *filter(None, [os.environ.get("PYTHONPATH")])]
    found = subprocess.run(
        [sys.executable, "-m", "mien", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_it_is_short():
    assert len((EXAMPLE / "own_method.py").read_text().splitlines()) <= 40


def test_it_is_found_with_what_it_needs(installed):
    listed = json.loads(mien(installed, "recognise", "--list-methods", "--json"))
    assert listed["methods"][-1] == "mine"
    assert listed["needs"]["mine"] == "motion-map"


def test_it_conforms(installed):
    assert json.loads(mien(installed, "check-method", "mine", "--json"))["findings"] == []


def test_it_is_compared_with_ours_by_a_paired_test(installed, maps, tmp_path):
    names = ["recognise", maps, "--method", "mine", "--method", "linear-svm", "--out", tmp_path]
    found = json.loads(mien(installed, *names, "--workers", "2", "--json"))
    assert [one["method"] for one in found["results"]] == ["mine", "linear-svm"]
    own, ours = (one["scores"]["uf1"]["value"] for one in found["results"])
    assert own > 0.45  # of three classes
    (pair,) = found["comparisons"]
    assert (pair["first"], pair["second"]) == ("mine (fixed)", "linear-svm (fixed)")
    assert pair["difference_uf1"] == pytest.approx(own - ours)
    assert pair["low_uf1"] <= pair["difference_uf1"] <= pair["high_uf1"]
    assert 0 < pair["p_uf1"] <= 1
    text = mien(installed, *names)
    row = next(line for line in text.splitlines() if "mine (fixed) - linear-svm (fixed)" in line)
    told = f"{pair['difference_uf1']:.3f} [{pair['low_uf1']:.3f}, {pair['high_uf1']:.3f}]"
    assert told in row
    assert f"{pair['p_uf1']:.4f}" in row
    page = tmp_path / "report.html"
    mien(installed, "report", tmp_path / "records", "--out", page)
    (cell,) = re.findall(
        r"linear-svm \(fixed\) − mine \(fixed\)</td><td>([^<]+)</td><td>([^<]+)<", page.read_text()
    )
    # The page sorts records by name, so that its difference has the other sign.
    numbers = [-float(one) for one in re.findall(r"[-+]\d\.\d+", cell[0])]
    wanted = [pair["difference_uf1"], pair["high_uf1"], pair["low_uf1"]]
    assert np.allclose(numbers, wanted, atol=6e-4)


class TestSpotting:
    """A user's own spotting method takes the same way."""

    @pytest.fixture
    def points(self, monkeypatch):
        found = []
        monkeypatch.setattr("mien.experiments.methods.entry_points", lambda group: found)
        return found

    def point(self, name, loaded):
        def load():
            if isinstance(loaded, Exception):
                raise loaded
            return loaded

        return type("Point", (), {"name": name, "value": "somewhere:method", "load": staticmethod(load)})

    def test_it_stands_in_the_table(self, points):
        own = SpottingMethod("own", 1, dict, "nothing", {"micro": 1.0}, {}, parameters={"width": 2})
        points.append(self.point("own", own))
        assert spotting_names() == [*SPOTTING_METHODS, "own"]
        assert find_spotter("own") is own
        assert find_spotter("own", changes={"width": 3}).parameters == {"width": 3}
        assert list(all_spotters()) == spotting_names()

    def test_it_cannot_replace_ours(self, points):
        points.append(self.point("mdmd", SpottingMethod("mdmd", 9, dict, "nothing", {}, {})))
        assert find_spotter("mdmd") is SPOTTING_METHODS["mdmd"]

    @pytest.mark.parametrize(
        ("loaded", "words"),
        [
            (ImportError("no x"), "an importable somewhere:method"),
            ("text", "a SpottingMethod of mien.evaluation"),
        ],
    )
    def test_a_broken_one_is_told_when_it_is_asked_for(self, points, loaded, words):
        points.append(self.point("own", loaded))
        assert list(all_spotters()) == list(SPOTTING_METHODS)
        with pytest.raises(OptionError, match=words):
            find_spotter("own")

    def test_a_name_that_is_none(self):
        with pytest.raises(OptionError, match="spotting method: wanted one of optical-flow"):
            find_spotter("own")
