"""One conformance walk over all methods, and what is published of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from mien.core import DataError, JobError, OptionError
from mien.experiments.methods import METHODS as EXPERIMENTS
from mien.experiments.methods import check_needs
from mien.learning.train import TrainingSettings
from mien.recognition.bi_woof import BiWOOFRecogniser
from mien.recognition.csarnet_style import CSARNetStyleRecogniser
from mien.recognition.featref_style import FeatRefStyleRecogniser
from mien.recognition.htnet import HTNetRecogniser
from mien.recognition.inputs import INPUTS
from mien.recognition.lbp_top import LBPTOPRecogniser
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.recognition.majority import MajorityRecogniser
from mien.recognition.mdmo import MDMORecogniser
from mien.recognition.mersiamc3d_style import MERSiamC3DStyleRecogniser
from mien.recognition.moext import MoExtRecogniser
from mien.recognition.network import NetworkRecogniser
from mien.recognition.rcn_a import RCNARecogniser
from mien.recognition.ststnet import STSTNetRecogniser, build_ststnet

SMALL_HTNET = {"epochs": 2, "width": 12, "depths": (1, 1, 1), "learning_rate": 1e-3}
METHODS = {
    "majority": MajorityRecogniser(),
    "linear-svm": LinearSVMRecogniser(),
    "lbp-top": LBPTOPRecogniser(),
    "bi-woof": BiWOOFRecogniser(),
    "mdmo": MDMORecogniser(),
    "ststnet": STSTNetRecogniser(epochs=4),
    "rcn-a": RCNARecogniser(epochs=2, features=4),
    "mersiamc3d-style": MERSiamC3DStyleRecogniser(epochs=2, pair_epochs=2),
    "featref-style": FeatRefStyleRecogniser(epochs=2, n_shared=16),
    "moext": MoExtRecogniser(epochs=2, pretrain_epochs=1, width=4, batch_size=8),
    "htnet": HTNetRecogniser(**SMALL_HTNET),
    "htnet-repaired": HTNetRecogniser(**SMALL_HTNET, geometry="repaired"),
    "csarnet-style": CSARNetStyleRecogniser(epochs=2, widths=(4, 8)),
}
NETWORKS = [name for name, method in METHODS.items() if isinstance(method, NetworkRecogniser)]


@dataclass
class Samples:
    maps: Any
    labels: Any


@pytest.fixture(scope="module")
def samples(maps):
    """What each kind of input may look like: maps as measured, the others noise with a class in it."""
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1, 2], 6)

    def noise(*shape):
        return rng.normal(size=(len(y), *shape)) + y.reshape(-1, *(1 for _ in shape))

    return {
        "motion-map": Samples(maps.maps, maps.labels),
        "lbp-top": Samples(noise(20), y),
        "bi-woof": Samples(noise(20), y),
        "mdmo": Samples(noise(20), y),
        "motion-clip": Samples(noise(3, 16, 16, 3), y),
        "frame-pair": Samples((40 * noise(2, 32, 32, 3)).clip(0, 255).astype(np.uint8), y),
    }


@pytest.fixture(params=METHODS)
def name(request):
    return request.param


@pytest.fixture
def method(name):
    return METHODS[name]


@pytest.fixture
def given(method, samples):
    return samples[method.needs.name if hasattr(method, "needs") else "motion-map"]


class TestConformance:
    def test_probabilities(self, method, given):
        fitted = clone(method).fit(given.maps, given.labels)
        p = fitted.predict_proba(given.maps)
        assert p.shape == (len(given.maps), 3)
        assert p.sum(axis=1) == pytest.approx(1.0)
        assert (fitted.predict(given.maps) == fitted.classes_[p.argmax(axis=1)]).all()

    def test_class_missing_in_training(self, method, given):
        some = given.labels != 1
        fitted = clone(method).fit(given.maps[some], given.labels[some])
        assert fitted.classes_.tolist() == [0, 2]
        assert fitted.predict_proba(given.maps).shape[1] == 2
        assert set(fitted.predict(given.maps)) <= {0, 2}

    def test_same_seed_same_answer_and_parameters_survive_cloning(self, method, given):
        first, second = (
            clone(method).fit(given.maps, given.labels).predict_proba(given.maps) for _ in range(2)
        )
        assert (first == second).all()
        assert clone(method).get_params() == method.get_params()

    def test_training_labels_alone_decide(self, method, given):
        """Answers to a test sample do not depend on the other test samples."""
        fitted = clone(method).fit(given.maps, given.labels)
        assert fitted.predict_proba(given.maps[:3]) == pytest.approx(
            fitted.predict_proba(given.maps)[:3], abs=1e-5
        )

    def test_save_and_load(self, method, given, tmp_path):
        fitted = clone(method).fit(given.maps, given.labels)
        fitted.save(tmp_path / "model")
        loaded = type(method).load(tmp_path / "model")
        assert (loaded.predict_proba(given.maps) == fitted.predict_proba(given.maps)).all()
        assert (loaded.predict(given.maps) == fitted.predict(given.maps)).all()
        assert repr(loaded.get_params()).replace("[", "(").replace("]", ")") == repr(fitted.get_params())

    def test_other_models_are_refused(self, name, method, tmp_path):
        MajorityRecogniser().fit(np.zeros((2, 1)), np.array([0, 1])).save(tmp_path / "model")
        if name != "majority":
            with pytest.raises(DataError, match=f"a model of {method.method}, got one of majority"):
                type(method).load(tmp_path / "model")
        (tmp_path / "model").write_bytes(b"no model")
        with pytest.raises(DataError, match="a whole model file"):
            type(method).load(tmp_path / "model")

    def test_other_input_is_refused(self, method, given, samples):
        if not hasattr(method, "needs"):
            pytest.skip("takes any input")
        fitted = clone(method).fit(given.maps, given.labels)
        for other in samples.values():
            if other.maps.ndim != given.maps.ndim or other.maps.shape[-1] != given.maps.shape[-1]:
                with pytest.raises(DataError, match=f"input of {method.method}: wanted"):
                    clone(method).fit(other.maps, other.labels)
                with pytest.raises(DataError, match=f"input of {method.method}: wanted"):
                    fitted.predict_proba(other.maps)
        hole = given.maps.astype(np.float64)
        hole[1] = np.nan
        with pytest.raises(DataError, match="finite"):
            clone(method).fit(hole, given.labels)

    def test_the_table_builds_it_and_its_defaults_are_the_tables(self, name, method):
        entry = EXPERIMENTS[name]
        built = entry.build(seed=3, **entry.parameters)
        assert type(built) is type(method)
        assert entry.needs == (method.needs.name if hasattr(method, "needs") else None)
        expected = type(method)().get_params()
        expected |= {"seed": 3} if "seed" in expected else {}
        expected |= {"geometry": "repaired"} if name == "htnet-repaired" else {}
        assert built.get_params() == expected
        for changes in entry.candidates:
            entry.build(seed=3, **entry.with_parameters(changes))


def test_moext_brings_frames_to_its_size(samples):
    given = samples["frame-pair"]
    small = MoExtRecogniser(epochs=1, pretrain_epochs=0, width=4, size=32)
    large = MoExtRecogniser(epochs=1, pretrain_epochs=0, width=4, size=64)
    wide = np.repeat(np.repeat(given.maps, 2, axis=2), 2, axis=3)  # averages back to what it was
    one, other = small.fit(wide, given.labels), clone(small).fit(given.maps, given.labels)
    assert one.predict_proba(wide) == pytest.approx(other.predict_proba(given.maps), abs=1e-6)
    assert large.fit(given.maps, given.labels).predict_proba(given.maps).shape == (18, 3)
    with pytest.raises(DataError, match="a multiple of 32 pixels"):
        MoExtRecogniser(size=40).fit(given.maps, given.labels)


def test_every_method_walks():
    assert set(METHODS) == set(EXPERIMENTS)


@pytest.mark.parametrize("network", NETWORKS)
def test_watching_changes_nothing_and_the_last_stage_is_the_fit(network, samples):
    method = METHODS[network]
    given = samples[method.needs.name]
    alone = clone(method).fit(given.maps, given.labels).predict_proba(given.maps[:5])
    stages = clone(method).fit_stages(given.maps, given.labels, watch=given.maps[:5])
    assert stages.shape == (method.epochs, 5, 3)
    assert (stages[-1] == alone).all()


@pytest.mark.parametrize("kind", ["lbp-top", "mdmo", "bi-woof", "mersiamc3d-style"])
def test_stretched_numbers_are_refused_and_why(kind, samples):
    method = METHODS[kind]
    given = samples[method.needs.name]
    with pytest.raises(DataError, match=r"stretched to 0\.\.255: their zero and scale are lost"):
        clone(method).fit(given.maps.astype(np.uint8), given.labels)


@pytest.mark.parametrize("network", ["ststnet", "rcn-a", "htnet", "csarnet-style"])
def test_another_size_than_in_training_is_refused(network, maps):
    fitted = clone(METHODS[network]).fit(maps.maps, maps.labels)
    with pytest.raises(DataError, match=r"samples of shape \(28, 28, 3\), as in training"):
        fitted.predict_proba(maps.maps[:, :26, :26])


def test_a_source_that_cannot_give_the_input_is_refused_in_one_sentence():
    check_needs(EXPERIMENTS["rcn-a"], given={"motion-map"})
    check_needs(EXPERIMENTS["majority"], given={"frame-pair"})
    with pytest.raises(OptionError, match="method moext: wanted input of kind frame-pair, got a source"):
        check_needs(EXPERIMENTS["moext"], given={"motion-map"})
    assert {m.needs for m in EXPERIMENTS.values()} - {None} <= set(INPUTS)


def test_majority_equals_scikit_learn(maps):
    ours = MajorityRecogniser().fit(maps.maps, maps.labels)
    theirs = DummyClassifier(strategy="prior").fit(maps.maps, maps.labels)
    assert ours.predict_proba(maps.maps) == pytest.approx(theirs.predict_proba(maps.maps))


def test_linear_svm_equals_a_plain_pipeline(maps):
    flat = maps.maps.reshape(len(maps), -1) / 255
    svm = LinearSVC(C=1e-4, class_weight="balanced", max_iter=3000, random_state=0)
    expected = make_pipeline(StandardScaler(), svm).fit(flat[20:], maps.labels[20:]).predict(flat[:20])
    found = LinearSVMRecogniser().fit(maps.maps[20:], maps.labels[20:]).predict(maps.maps[:20])
    assert (found == expected).all()


class TestSTSTNet:
    def test_published_number_of_parameters(self):
        assert sum(p.numel() for p in build_ststnet(n_classes=3).parameters()) == 1683

    def test_published_layers(self):
        import torch

        network = build_ststnet(n_classes=3).eval()
        stream = network.streams[2]
        kinds = [type(layer).__name__ for layer in stream]
        assert kinds == ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d", "Dropout"]
        assert [s[0].out_channels for s in network.streams] == [3, 5, 8]
        maps = torch.zeros(2, 3, 28, 28)
        assert stream[0](maps).shape == (2, 8, 30, 30)
        assert stream(maps).shape == (2, 8, 10, 10)
        assert network.readout.in_features == 400

    def test_gradients_equal_finite_differences(self):
        import torch

        torch.manual_seed(0)
        network = build_ststnet(n_classes=3, size=10).double().eval()  # dropout off, running statistics
        maps = torch.rand(2, 3, 10, 10, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(network, (maps,), eps=1e-6, atol=1e-6)

    def test_learns_what_is_there(self, maps):
        fitted = STSTNetRecogniser(epochs=100, learning_rate=2e-3).fit(maps.maps, maps.labels)
        assert (fitted.predict(maps.maps) == maps.labels).mean() > 0.9

    def test_a_shorter_fit_is_an_earlier_stage(self, maps):
        stages = STSTNetRecogniser(epochs=5).fit_stages(maps.maps, maps.labels, watch=maps.maps[:7])
        shorter = STSTNetRecogniser(epochs=3).fit(maps.maps, maps.labels)
        assert (stages[2] == shorter.predict_proba(maps.maps[:7])).all()

    def test_fit_leaves_the_callers_random_state_alone(self, maps):
        import torch

        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        STSTNetRecogniser(epochs=1).fit(maps.maps, maps.labels)
        assert (torch.rand(3) == expected).all()

    @pytest.mark.parametrize("damage", [lambda b: b[:200], lambda b: b"", lambda b: b"x" * 50])
    def test_damaged_model(self, maps, tmp_path, damage):
        path = tmp_path / "m.safetensors"
        STSTNetRecogniser(epochs=1).fit(maps.maps, maps.labels).save(path)
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(DataError, match="a whole model file"):
            STSTNetRecogniser.load(path)

    def test_diverging_training_says_so(self, maps):
        with pytest.raises(JobError, match="a finite loss"):
            STSTNetRecogniser(epochs=60, learning_rate=1e30).fit(maps.maps, maps.labels)


@pytest.mark.parametrize(
    "bad", [{"epochs": 0}, {"learning_rate": 0.0}, {"batch_size": 0}, {"weight_decay": -1.0}]
)
def test_impossible_training(bad):
    with pytest.raises(OptionError, match="epochs and batch size"):
        TrainingSettings(**{"epochs": 1, "learning_rate": 1e-3, **bad})
