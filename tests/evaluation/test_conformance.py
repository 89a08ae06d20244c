"""The suite for anybody's method: ours pass it, and each rule that is broken is found by its own check."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mien.core import OptionError
from mien.evaluation import Method
from mien.evaluation.conformance import CHECKS, WARNINGS, assert_conforms, check_method, run_checks
from mien.evaluation.conformance_samples import MAKERS, sample_task
from mien.experiments.methods import METHODS, OTHER_METHODS, find_method
from mien.recognition.audio_visual_input import AUDIO_VISUAL
from mien.recognition.eegnet import EEG_EPOCH
from mien.recognition.htnet import HTNetRecogniser
from mien.recognition.inputs import INPUTS
from mien.recognition.peripheral_svm import BODY_FEATURES

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # another process imports it by its name
import ill_mannered as ill  # noqa: E402

LIGHT = ["linear-svm", "lbp-top", "mdmo", "bi-woof", "peripheral-svm"]
SMALL = {
    "ststnet": {},
    "rcn-a": {"features": 4},
    "mersiamc3d-style": {"pair_epochs": 1},
    "featref-style": {"n_shared": 16},
    "moext": {"width": 4, "pretrain_epochs": 1, "batch_size": 8},
    "csarnet-style": {},
    "eegnet": {},
    "amf-style": {},
}
HEAVY = ("mersiamc3d-style", "featref-style", "moext", "csarnet-style")


def method(build, **named):
    return Method("broken", 1, build, **named)


BROKEN = {
    "parameters": method(ill.Decent, parameters={"scale": {1.0}}),
    "parameters of candidates": method(ill.NoScale, candidates=({}, {"scale": 1.0})),
    "builds": method(ill.NoScale, parameters={"scale": 1.0}),
    "builds nothing": method(ill.half_done),
    "groups": method(ill.Subjects),
    "fits": method(ill.Deaf),
    "classes": method(ill.Descending),
    "shape": method(ill.OneColumn),
    "finite": method(ill.Hole),
    "sums": method(ill.Distances),
    "missing-class": method(ill.ThreeClasses),
    "unseen-class": method(ill.Choosy),
    "two-samples": method(ill.Hungry),
    "input-unchanged": method(ill.Careless),
    "predict-learns": method(ill.Adapting),
    "predict-learns in secret": method(ill.SelfTraining),
    "repeatable": method(ill.Moody),
    "other-process": method(ill.Local),
    "other-process by name": method(lambda *, seed: ill.Decent(seed)),
    "row-order": method(ill.Sorted),
    "row-alone": method(ill.BatchNorm),
    "refit": method(ill.Warm),
    "stages": method(ill.Watched, parameters={"epochs": 2}, stage_parameter="epochs"),
    "stages of no parameter": method(ill.Watched, parameters={"epochs": 2}),
    "save": method(ill.Pickled),
    "save by halves": method(ill.Halved),
    "shuffled": method(ill.Remembering),
    "learns": method(ill.Mute),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found_by_its_own_check_alone(name):
    found = check_method(BROKEN[name])
    assert [one.check for one in found] == [name.split()[0]], [one.sentence for one in found]
    (finding,) = found
    assert finding.severity == ("warning" if finding.check in WARNINGS else "error")
    assert finding.sentence.startswith(f"broken, {finding.check}: wanted ")
    assert "\n" not in finding.sentence
    assert "Error" not in finding.wanted


def test_a_build_that_changes_its_parameters_is_found():
    spoiled = method(ill.spoils, parameters={"options": {"deep": 1}})
    assert [one.check for one in check_method(spoiled)] == ["record"]


def test_every_check_has_a_method_that_breaks_it():
    assert {name.split()[0] for name in BROKEN} | {"record"} == set(CHECKS)


def test_a_decent_method_passes_everything():
    decent = method(ill.Decent, parameters={"scale": 255.0})
    outcomes = run_checks(decent)
    assert {one.check for one in outcomes if one.state == "passed"} == set(CHECKS) - {"stages", "save"}
    assert {one.reason for one in outcomes if one.state == "skipped"} == {"not offered"}
    assert_conforms(decent)


def test_in_a_test_it_is_one_line_and_warnings_pass():
    assert_conforms(BROKEN["learns"])
    with pytest.raises(AssertionError, match="broken, sums: wanted rows of probabilities"):
        assert_conforms(BROKEN["sums"])


@pytest.mark.parametrize("name", LIGHT)
def test_our_light_methods_conform(name):
    assert check_method(find_method(name)) == []


def test_the_majority_conforms_and_learns_nothing():
    assert [(one.check, one.severity) for one in check_method(METHODS["majority"])] == [("learns", "warning")]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in HEAVY else ()) for name in SMALL]
)
def test_our_networks_conform(name):
    network = find_method(name, epochs=2, changes=SMALL[name])
    assert check_method(network, skip=("learns",)) == []


@pytest.mark.parametrize("geometry", ["published", "repaired"])
def test_htnet_conforms(geometry):
    small = partial(HTNetRecogniser, width=12, depths=(1, 1, 1), learning_rate=1e-3, geometry=geometry)
    htnet = replace(METHODS["htnet"], build=small, parameters={"epochs": 1})
    assert check_method(htnet, skip=("learns",)) == []


def test_every_network_and_every_light_method_walks():
    said = {*LIGHT, *SMALL, "majority", "htnet", "htnet-repaired"}
    alike = {"av-visual", "av-audio", "av-concatenation", "av-symmetric"}  # variants of amf-style
    assert said | alike == set(METHODS) | set(OTHER_METHODS)


class TestSamples:
    @pytest.mark.parametrize("kind", MAKERS)
    def test_they_are_what_methods_ask_for(self, kind):
        known = INPUTS | {one.name: one for one in (BODY_FEATURES, EEG_EPOCH, AUDIO_VISUAL)}
        task = sample_task(kind)
        known[kind].check(task.X, method="any")
        assert (len(task), len(task.subject_names), len(task.classes)) == (48, 8, 3)

    def test_no_kind_is_forgotten(self):
        assert set(INPUTS) | {one.needs for one in OTHER_METHODS.values()} == set(MAKERS)

    def test_seeds(self):
        assert sample_task("mdmo", seed=3).digest == sample_task("mdmo", seed=3).digest
        assert sample_task("mdmo", seed=3).digest != sample_task("mdmo", seed=4).digest
        assert sample_task("motion-map").digest != sample_task("motion-map", seed=1).digest

    def test_a_kind_that_nobody_knows(self):
        with pytest.raises(OptionError, match="samples of smells: wanted one of motion-map"):
            check_method(method(ill.Decent, needs="smells"))

    def test_samples_of_ones_own(self, task):
        """Vectors that no kind describes, given as a task."""
        own = method(ill.Decent, parameters={"scale": 1.0}, needs="smells")
        assert check_method(own, task=task) == []
        leaking = method(ill.Remembering, needs="smells")
        assert [one.check for one in check_method(leaking, task=task)] == ["shuffled"]


def test_a_check_that_does_not_exist():
    with pytest.raises(OptionError, match="skip: wanted names of parameters"):
        check_method(method(ill.Decent), skip=("everything",))


def test_findings_do_not_depend_on_numpys_random_state():
    np.random.seed(1)
    assert check_method(method(ill.Decent), skip=("other-process",)) == []
    assert importlib.util.find_spec("ill_mannered") is not None
