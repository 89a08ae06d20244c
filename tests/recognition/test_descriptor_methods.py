"""Support vector machines on descriptors, and what makes one sample of a clip."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from mien.core import DataError
from mien.recognition.bi_woof import BiWOOFRecogniser, describe_onset_apex
from mien.recognition.key_frames import key_frame_motion, key_frames
from mien.recognition.lbp_top import LBPTOPRecogniser, describe_clip


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [20, 8, 5])
    return rng.normal(size=(33, 12)) + y[:, None], y


@pytest.fixture
def moving():
    """A textured square that moves to the right by up to two pixels and back, (12, 64, 64)."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(60, 200, (20, 20)), np.ones((4, 4)))
    shift = np.rint(2 * np.sin(np.linspace(0, np.pi, 12))).astype(int)
    return np.stack([texture[8:72, 8 - s : 72 - s] for s in shift]).astype(np.uint8)


class TestKernelSVM:
    @pytest.mark.parametrize("kernel", ["linear", "rbf", "poly"])
    @pytest.mark.parametrize("balanced", [True, False])
    def test_equals_scikit_learns_one_against_the_rest(self, vectors, kernel, balanced):
        X, y = vectors
        machine = SVC(C=2.0, kernel=kernel, gamma="scale", class_weight="balanced" if balanced else None)
        expected = OneVsRestClassifier(machine).fit(X[::2], y[::2]).decision_function(X)
        ours = LBPTOPRecogniser(C=2.0, kernel=kernel, balanced=balanced).fit(X[::2], y[::2])
        assert ours.decision_function(X) == pytest.approx(expected, abs=1e-6)

    def test_of_one_class_it_says_that_class(self, vectors):
        X, y = vectors
        fitted = BiWOOFRecogniser().fit(X[:5], y[:5])
        assert (fitted.predict_proba(X) == 1).all()
        assert set(fitted.predict(X)) == {0}

    def test_vectors_of_another_length(self, vectors):
        X, y = vectors
        with pytest.raises(DataError, match="vectors of 12 bins, as in training"):
            LBPTOPRecogniser().fit(X, y).predict(X[:, :11])


class TestSamples:
    def test_lbp_top_of_a_clip_of_any_length(self, moving):
        first, second = describe_clip(moving), describe_clip(moving[::2])
        assert first.shape == second.shape == (3 * 59 * 25,)
        assert first.reshape(-1, 59).sum(axis=1) == pytest.approx(1.0)
        with pytest.raises(DataError, match="at least two frames"):
            describe_clip(moving[:1])

    def test_bi_woof_of_motion_to_the_right_and_of_none(self, moving):
        found = describe_onset_apex(moving[0], moving[6]).reshape(25, 8)
        assert np.linalg.norm(found) == pytest.approx(1.0)
        assert found[:, 3:5].sum() > 0.8 * found.sum()  # -45 to 45 degrees
        assert (describe_onset_apex(moving[0], moving[0]) == 0).all()

    def test_key_frames_hold_onset_apex_offset_and_the_largest_changes(self, moving):
        still = np.repeat(moving[:1], 10, axis=0)
        still[4:] += 5
        assert key_frames(still, apex=7, count=4).tolist() == [0, 4, 7, 9]
        assert key_frames(still[:3], apex=1, count=5).tolist() == [0, 1, 2, 2, 2]
        assert key_frames(still, apex=0, count=3).tolist() == [0, 4, 9]

    def test_motion_between_key_frames(self, moving):
        motion = key_frame_motion(moving, apex=6, count=4, size=64)
        assert motion.shape == (3, 64, 64, 3)
        u = np.median(motion[:, 16:48, 16:48, 0], axis=(1, 2))
        assert u.sum() == pytest.approx(0.0, abs=0.3)  # there and back
        assert np.abs(u).sum() > 2.0
        assert (motion[..., 2] >= 0).all()

    @pytest.mark.parametrize(("n", "apex"), [(1, 0), (5, 5), (5, -1)])
    def test_apex_outside_the_clip(self, moving, n, apex):
        with pytest.raises(DataError, match="an apex among them"):
            key_frame_motion(moving[:n], apex=apex)
