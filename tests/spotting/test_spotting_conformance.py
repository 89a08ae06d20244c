"""The suite for anybody's spotting method: ours pass it, and each broken rule is found by its own check."""

from __future__ import annotations

import re
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.evaluation.conformance_spotting import (
    SPOTTING_CHECKS,
    SPOTTING_WARNINGS,
    assert_spotting_conforms,
    check_spotting_method,
    run_spotting_checks,
)
from mien.evaluation.conformance_spotting_edits import shortened, without_face
from mien.evaluation.conformance_spotting_samples import SampleVideo, sample_spotting_task
from mien.evaluation.spotting_task import Recording, SpottingMethod, SpottingTask
from mien.experiments.spotting_methods import SPOTTING_METHODS, find_spotter
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo

sys.path.insert(0, str(Path(__file__).parent))  # another process imports them by their names
import ill_mannered_spotters as ill
import toys

PAGE = Path(__file__).parents[2] / "docs" / "own-method.md"
NETWORKS = {"softnet": {"max_samples": 60}, "abpn": {}, "sl-swin": {"max_samples": 20}, "mesnet-style": {}}
SLOW = ("sl-swin", "mesnet-style")
LEVELS = (0.1, 0.2, 0.3)


def method(build, learns="nothing", **changes):
    found = SpottingMethod(
        "broken", 1, build, learns, {"micro": 0.2, "macro": 0.2}, {"micro": LEVELS, "macro": LEVELS}
    )
    return replace(found, **changes)


BROKEN = {
    "parameters": method(ill.Decent, parameters={"rule": {"a set"}}),
    "thresholds in another order": method(ill.Decent, candidates={"micro": LEVELS[::-1]}),
    "thresholds of a kind without one": method(ill.Decent, published={"macro": 0.2}),
    "thresholds of what is no kind": method(ill.Decent, published={"smile": 0.2}, candidates={}),
    "thresholds of what learns no known thing": method(ill.Decent, learns="faces"),
    "builds without a parameter": method(ill.Decent, parameters={"scale": 1.0}),
    "builds a network without a seed": method(ill.Decent, learns="network"),
    "builds nothing that tells lengths": method(ill.Decent, learns="lengths"),
    "fits": method(ill.Ungrateful),
    "curves": method(ill.Ragged),
    "curves of words": method(ill.Worded),
    "finite": method(ill.Infinite),
    "proposals": method(ill.Beyond),
    "proposals that nobody asked for": method(ill.Unasked),
    "proposals without a score": method(ill.Unsure),
    "in-order": method(ill.Backward),
    "short-film": method(ill.Windowed),
    "no-face": method(ill.Filling),
    "no-face but proposals": method(ill.Inventing),
    "no-face that is refused": method(ill.Fragile),
    "lost-face": method(ill.Bridging),
    "nothing-coded": method(ill.Expecting, learns="lengths"),
    "missing-kind": method(ill.BothKinds, learns="lengths"),
    "odd-training": method(ill.Poisoned, learns="network"),
    "input-unchanged": method(ill.Careless),
    "input-unchanged but references": method(ill.Clearing),
    "curves-unchanged": method(ill.Scaling),
    "curves-unchanged but proposals": method(ill.Counting),
    "stored-curves": method(ill.Remembering),
    "score-learns": method(ill.Adapting),
    "repeatable": method(ill.Moody),
    "fields": method(ill.Peering),
    "fields if there are any": method(ill.Peeking),
    "other-process": method(ill.Local),
    "other-process by name": method(lambda: ill.Decent()),
    "learns-as-told": method(ill.SecretLearner),
    "learns-as-told but lengths": method(ill.LengthsAndMore, learns="lengths"),
    "learns-as-told, and tells": method(ill.LengthsTellingMore, learns="lengths"),
    "record": method(ill.Outliving),
    "record of other parameters": method(ill.spoils, parameters={"options": {"deep": 1}}),
    "finds": method(ill.Decent, published={"micro": 50.0, "macro": 50.0}, candidates={}),
}


@pytest.fixture(scope="module")
def task():
    """Simulated recordings, made once."""
    return sample_spotting_task()


@pytest.fixture(scope="module")
def own():
    """The spotting method of the page docs/own-method.md."""
    (block,) = [
        b for b in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "MostMotion" in b
    ]
    names = {"np": np, "__name__": "page"}
    exec(compile(block, "own-method.md", "exec"), names)
    return names["spotter"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found_by_its_own_check_alone(name, task):
    found = check_spotting_method(BROKEN[name], task)
    check = re.split(r"[ ,]", name)[0]
    assert [one.check for one in found] == [check], [one.sentence for one in found]
    (finding,) = found
    assert finding.severity == ("warning" if check in SPOTTING_WARNINGS else "error")
    assert finding.sentence.startswith(f"broken, {check}: wanted ")
    assert "\n" not in finding.sentence


def test_every_check_has_a_spotter_that_breaks_it():
    assert {re.split(r"[ ,]", name)[0] for name in BROKEN} == set(SPOTTING_CHECKS)


def test_the_page_tells_every_check():
    told = PAGE.read_text().partition("## A spotting method")[2]
    assert [name for name in SPOTTING_CHECKS if f"`{name}`" not in told] == []


@pytest.mark.parametrize(
    ("decent", "not_offered"),
    [
        (method(ill.Decent), set()),
        (method(ill.Lengths, learns="lengths"), set()),
        (method(ill.Network, learns="network"), {"learns-as-told"}),
        (method(ill.Peering, needs_fields=True), {"fields"}),
        (method(ill.Decent, published={"micro": 0.2}, candidates={}), {"missing-kind"}),
    ],
)
def test_a_decent_spotter_passes_everything(decent, not_offered, task):
    outcomes = run_spotting_checks(decent, task=task)
    assert {one.check for one in outcomes if one.state == "passed"} == set(SPOTTING_CHECKS) - not_offered
    assert {one.check for one in outcomes if one.reason == "not offered"} == not_offered


def test_in_a_test_it_is_one_line_and_warnings_pass(task):
    assert_spotting_conforms(BROKEN["finds"], task=task)
    with pytest.raises(AssertionError, match="broken, curves: wanted arrays of numbers"):
        assert_spotting_conforms(BROKEN["curves"], task=task)


def test_what_presumes_a_broken_rule_is_left_out(task):
    outcomes = {one.check: one for one in run_spotting_checks(BROKEN["curves"], task=task)}
    assert outcomes["finite"].reason == "presumes curves"
    assert outcomes["record"].reason == "presumes fields"
    assert [name for name, one in outcomes.items() if one.state == "passed"] == [
        "parameters", "thresholds", "builds", "fits"
    ]  # fmt: skip


def test_a_check_that_does_not_exist(task):
    with pytest.raises(OptionError, match="skip: wanted names of parameters"):
        run_spotting_checks(method(ill.Decent), task=task, skip=("everything",))


@pytest.mark.parametrize("name", ["optical-flow", "mdmd", "dma-lbp", "msof-style"])
def test_ours_conform(name, task):
    assert check_spotting_method(find_spotter(name), task) == []


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NETWORKS]
)
def test_our_networks_conform(name, task):
    few = find_spotter(name, epochs=1, changes=NETWORKS[name])
    assert check_spotting_method(few, task, skip=("finds",)) == []


def test_every_method_of_ours_walks():
    assert set(SPOTTING_METHODS) == {"optical-flow", "mdmd", "dma-lbp", "msof-style", *NETWORKS}


def test_the_one_of_the_page_conforms_and_finds_something(own, task):
    # What is defined on a page has no module from which another process could import it.
    assert check_spotting_method(own, task, skip=("other-process",)) == []
    spotter = own.build().fit([], [])
    found = [spotter.propose(spotter.score(video), {"micro": 0.1}) for video in task.videos]
    assert all(found)
    assert all(isinstance(one, Proposal) and one.score >= 1 for row in found for one in row)


def test_recordings_of_ones_own_that_cannot_be_sent():
    recordings, videos = [], []
    for number in range(3):
        coded = toys.toy_expressions(number)
        videos.append(toys.toy_video(f"run-{number}", coded, seed=number))
        recordings.append(Recording(f"run-{number}", f"sub-{number}", "toy", 0.0, 20.0, tuple(coded)))
    outcomes = run_spotting_checks(
        find_spotter("msof-style"), task=SpottingTask("toy", "d" * 64, tuple(recordings), videos)
    )
    assert {one.check: one.reason for one in outcomes if one.state != "passed"} == {
        "fields": "not offered",
        "other-process": "these recordings cannot be sent to another process",
    }


class TestSamples:
    def test_they_are_what_mien_spot_gives(self, task):
        assert [one.name for one in fields(SampleVideo)] == [one.name for one in fields(FaceVideo)]
        assert len(set(task.subjects)) == 3
        assert len(task.recordings) == 4

    def test_seeds(self, task):
        assert sample_spotting_task().digest == task.digest
        assert sample_spotting_task(seed=1).digest != task.digest

    def test_the_first_frames(self, task):
        for n in (1, 10):
            film = shortened(task.videos[0], n)
            assert len(film.motion.times_s) == len(film.fields) == n
            assert film.motion.end_s == pytest.approx(n / 30)
            assert film.fields.displacement(0, n).shape[0] == n
        assert np.isnan(shortened(task.videos[0], 1).motion.rate_hz)

    def test_a_lost_face(self, task):
        film = without_face(task.videos[0], 4.0, 8.0)
        times = film.motion.times_s
        gone = (times >= 4.0) & (times < 8.0)
        assert [one.start_s for one, _ in film.motion.unjudged()] == [4.0]
        assert np.isnan(film.motion.motion[gone]).all()
        assert not np.isnan(film.motion.motion[~gone]).any()
        assert film.fields.stretches() == [(0, 120), (240, 360)]
        assert np.isnan(film.fields.texture(119, 241)).all(axis=(1, 2)).tolist() == [
            False,
            *[True] * 120,
            False,
        ]
        assert not np.isnan(task.videos[0].motion.motion).any()
