"""Support vector machines on descriptors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from mien.core import DataError
from mien.recognition.bi_woof import BiWOOFRecogniser
from mien.recognition.lbp_top import LBPTOPRecogniser


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [20, 8, 5])
    return rng.normal(size=(33, 12)) + y[:, None], y


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
