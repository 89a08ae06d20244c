"""One SVM per peripheral signal: what is missing is filled by training samples, and said."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mien.core import DataError
from mien.recognition.peripheral_svm import PeripheralSVMRecogniser


def features(n=90, *, missing=0.2, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, 5)) + 1.5 * np.eye(5)[y]
    X[rng.random(X.shape) < missing] = np.nan
    X[np.isnan(X).all(axis=1), 0] = 0.0
    return X, y


def test_is_scikit_learns_pipeline_of_imputer_indicator_scaler_and_machines():
    X, y = features()
    ours = PeripheralSVMRecogniser(kernel="linear", balanced=False).fit(X[:60], y[:60])
    prepared = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    train, test = prepared.fit_transform(X[:60]), prepared.transform(X[60:])
    for code in range(3):
        machine = SVC(C=1.0, kernel="linear").fit(train, y[:60] == code)
        np.testing.assert_allclose(
            ours.decision_function(X[60:])[:, code], machine.decision_function(test), atol=2e-3
        )


def test_test_samples_change_nothing_that_was_learned():
    X, y = features()
    fitted = PeripheralSVMRecogniser().fit(X[:60], y[:60])
    alone = fitted.predict_proba(X[60:61])
    np.testing.assert_allclose(fitted.predict_proba(X[60:])[:1], alone)


def test_a_value_missing_only_in_the_test_takes_the_training_median():
    X, y = features(missing=0.0)
    fitted = PeripheralSVMRecogniser().fit(X[:60], y[:60])
    asked, filled = X[60:].copy(), X[60:].copy()
    asked[:, 2], filled[:, 2] = np.nan, np.median(X[:60, 2])
    np.testing.assert_allclose(fitted.predict_proba(asked), fitted.predict_proba(filled))


def test_that_a_value_is_missing_can_itself_tell_the_class():
    rng = np.random.default_rng(1)
    y = np.arange(80) % 2
    X = rng.normal(size=(80, 3))
    X[y == 1, 2] = np.nan
    fitted = PeripheralSVMRecogniser().fit(X[:40], y[:40])
    assert (fitted.predict(X[40:]) == y[40:]).all()


def test_a_feature_that_no_training_sample_has_is_left_out():
    X, y = features(missing=0.0)
    X[:60, 4] = np.nan
    fitted = PeripheralSVMRecogniser().fit(X[:60], y[:60])
    changed = X[60:].copy()
    changed[:, 4] = 1e6
    np.testing.assert_array_equal(fitted.predict_proba(X[60:]), fitted.predict_proba(changed))


def test_saved_and_loaded_answers_the_same(tmp_path):
    X, y = features()
    fitted = PeripheralSVMRecogniser(C=3.0).fit(X, y)
    fitted.save(tmp_path / "m.safetensors")
    loaded = PeripheralSVMRecogniser.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(fitted.predict_proba(X), loaded.predict_proba(X))
    assert clone(loaded).C == 3.0


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.full((4, 3), np.nan), "none of sample 0"),
        (np.zeros((4, 3), dtype=int), "int64"),
        (np.zeros((4, 3, 2)), "shape"),
        (np.array([[np.inf, 1.0]]), "float64"),
    ],
)
def test_refuses_what_is_no_table_of_features(X, words):
    with pytest.raises(DataError, match=words):
        PeripheralSVMRecogniser().fit(X, np.arange(len(X)) % 2)


def test_refuses_another_number_of_features():
    X, y = features()
    with pytest.raises(DataError, match="5 features"):
        PeripheralSVMRecogniser().fit(X, y).predict(X[:, :3])
