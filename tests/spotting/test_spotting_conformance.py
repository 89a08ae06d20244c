"""The suite for anybody's spotting method: ours pass it, and each broken rule is found by its own check."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.evaluation.conformance_spotting import check_spotting_method
from mien.evaluation.spotting_task import Recording, SpottingMethod, SpottingTask
from mien.experiments.spotting_methods import find_spotter
from mien.spotting.result import Proposal

sys.path.insert(0, str(Path(__file__).parent))
import toys

PAGE = Path(__file__).parents[2] / "docs" / "own-method.md"


@pytest.fixture(scope="module")
def task():
    """Toy videos of three people."""
    recordings, videos = [], []
    for number in range(3):
        coded = toys.toy_expressions(number)
        videos.append(toys.toy_video(f"run-{number}", coded, seed=number))
        recordings.append(Recording(f"run-{number}", f"sub-{number}", "toy", 0.0, 20.0, tuple(coded)))
    return SpottingTask("toy", "d" * 64, tuple(recordings), videos)


@pytest.fixture(scope="module")
def own():
    """The spotting method of the page docs/own-method.md."""
    block = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[-1]
    names = {"np": np, "__name__": "page"}
    exec(compile(block, "own-method.md", "exec"), names)
    return names["spotter"]


@pytest.mark.parametrize("name", ["optical-flow", "mdmd", "dma-lbp", "msof-style"])
def test_ours_conform(name, task):
    assert check_spotting_method(find_spotter(name), task) == []


def test_a_network_conforms(task):
    few = find_spotter("softnet", epochs=1, changes={"max_samples": 200})
    assert check_spotting_method(few, task) == []


def test_the_one_of_the_page_conforms_and_finds_something(own, task):
    assert check_spotting_method(own, task) == []
    spotter = own.build().fit([], [])
    found = [spotter.propose(spotter.score(video), {"micro": 0.1}) for video in task.videos]
    assert all(found)
    assert all(isinstance(one, Proposal) and one.score >= 1 for row in found for one in row)


class Broken:
    """Keeps every rule but the one that it is told to break."""

    def __init__(self, rule):
        self.rule, self.asked = rule, 0

    def fit(self, videos, references):
        self.shift = np.random.random() if self.rule == "repeatable" else 0.0
        return None if self.rule == "fits" else self

    def score(self, video):
        times = video.motion.times_s
        self.asked += 1
        micro = np.sin(times) + self.shift + (self.asked if self.rule == "score-learns" else 0)
        micro[0] = np.inf if self.rule == "finite" else np.nan
        return {"times_s": times, "micro": micro[1:] if self.rule == "curves" else micro}

    def propose(self, scores, thresholds):
        at = 30.0 if self.rule == "proposals" else 1.0
        score = np.nan if self.rule == "proposals without a score" else 1.5
        return [Proposal(at, at + 0.1, at + 0.2, kind, score) for kind in thresholds]


@pytest.mark.parametrize(
    "rule",
    [
        "parameters",
        "fits",
        "curves",
        "finite",
        "proposals",
        "proposals without a score",
        "score-learns",
        "repeatable",
    ],
)
def test_a_broken_rule_is_found_by_its_own_check_alone(rule, task):
    broken = SpottingMethod("broken", 1, Broken, "nothing", {"micro": 1.0}, {}, parameters={"rule": rule})
    if rule == "parameters":
        broken = replace(broken, parameters={"rule": {"a set"}})
    (finding,) = check_spotting_method(broken, task)
    assert finding.check == rule.split()[0]
    assert finding.sentence.startswith(f"broken, {finding.check}: wanted ")


def test_one_that_breaks_none(task):
    decent = SpottingMethod("decent", 1, Broken, "nothing", {"micro": 1.0}, {}, parameters={"rule": "none"})
    assert check_spotting_method(decent, task) == []
