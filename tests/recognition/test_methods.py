"""One conformance walk over all methods, and what is published of each."""

from __future__ import annotations

import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from mien.core import DataError, JobError, OptionError
from mien.learning.train import TrainingSettings
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.recognition.majority import MajorityRecogniser
from mien.recognition.ststnet import STSTNetRecogniser, build_ststnet
from mien.simulate import MapSettings, simulate_maps

METHODS = [MajorityRecogniser(), LinearSVMRecogniser(), STSTNetRecogniser(epochs=4)]
NAMES = [type(method).__name__ for method in METHODS]


@pytest.fixture(scope="module")
def maps():
    return simulate_maps(MapSettings(participants=6, seed=2))


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
class TestConformance:
    def test_probabilities(self, method, maps):
        fitted = clone(method).fit(maps.maps, maps.labels)
        p = fitted.predict_proba(maps.maps)
        assert p.shape == (len(maps), 3)
        assert p.sum(axis=1) == pytest.approx(1.0)
        assert (fitted.predict(maps.maps) == fitted.classes_[p.argmax(axis=1)]).all()

    def test_class_missing_in_training(self, method, maps):
        some = maps.labels != 1
        fitted = clone(method).fit(maps.maps[some], maps.labels[some])
        assert fitted.classes_.tolist() == [0, 2]
        assert fitted.predict_proba(maps.maps).shape[1] == 2
        assert set(fitted.predict(maps.maps)) <= {0, 2}

    def test_same_seed_same_answer_and_parameters_survive_cloning(self, method, maps):
        first, second = (clone(method).fit(maps.maps, maps.labels).predict_proba(maps.maps) for _ in range(2))
        assert (first == second).all()
        assert clone(method).get_params() == method.get_params()

    def test_training_labels_alone_decide(self, method, maps):
        """Answers to a test sample do not depend on the other test samples."""
        fitted = clone(method).fit(maps.maps, maps.labels)
        assert fitted.predict_proba(maps.maps[:3]) == pytest.approx(
            fitted.predict_proba(maps.maps)[:3], abs=1e-6
        )


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
        fitted = STSTNetRecogniser(epochs=150, learning_rate=1e-3).fit(maps.maps, maps.labels)
        assert (fitted.predict(maps.maps) == maps.labels).mean() > 0.9

    def test_watching_changes_nothing_and_the_last_stage_is_the_fit(self, maps):
        alone = STSTNetRecogniser(epochs=5).fit(maps.maps, maps.labels)
        watched = STSTNetRecogniser(epochs=5)
        stages = watched.fit_stages(maps.maps, maps.labels, watch=maps.maps[:7])
        assert stages.shape == (5, 7, 3)
        assert (stages[-1] == alone.predict_proba(maps.maps[:7])).all()
        shorter = STSTNetRecogniser(epochs=3).fit(maps.maps, maps.labels)
        assert (stages[2] == shorter.predict_proba(maps.maps[:7])).all()

    def test_fit_leaves_the_callers_random_state_alone(self, maps):
        import torch

        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        STSTNetRecogniser(epochs=1).fit(maps.maps, maps.labels)
        assert (torch.rand(3) == expected).all()

    def test_save_and_load(self, maps, tmp_path):
        fitted = STSTNetRecogniser(epochs=3).fit(maps.maps, maps.labels)
        fitted.save(tmp_path / "m.safetensors")
        loaded = STSTNetRecogniser.load(tmp_path / "m.safetensors")
        assert (loaded.predict_proba(maps.maps) == fitted.predict_proba(maps.maps)).all()
        assert loaded.get_params() == fitted.get_params()

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


def test_balanced_loss_equals_hand_weights():
    import torch

    from mien.learning.train import _class_weights

    weights = _class_weights(torch.tensor([0, 0, 0, 1]), TrainingSettings(1, 1e-3, class_weights="balanced"))
    assert weights.tolist() == pytest.approx([4 / (2 * 3), 4 / (2 * 1)])
