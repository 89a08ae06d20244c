"""The null world is chance: many seeds of simulated maps, rendered and measured like any others."""

from __future__ import annotations

import numpy as np
import pytest

from mien.evaluation import leave_one_subject_out
from mien.metrics import recognition
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.simulate import MapSettings, simulate_maps

SEEDS = 40


@pytest.mark.slow
def test_recognition_in_the_null_world_is_at_chance_over_many_seeds() -> None:
    found = []
    for seed in range(SEEDS):
        maps = simulate_maps(MapSettings(participants=8, effect=0.0, seed=seed))
        estimate = np.zeros_like(maps.labels)
        for fold in leave_one_subject_out(maps.subjects):
            fitted = LinearSVMRecogniser().fit(maps.maps[fold.train], maps.labels[fold.train])
            estimate[fold.test] = fitted.predict(maps.maps[fold.test])
        found.append(recognition.evaluate(maps.labels.tolist(), estimate.tolist(), classes=[0, 1, 2]).uar)
    error = np.std(found, ddof=1) / np.sqrt(SEEDS)
    print(f"mean UAR {np.mean(found):.4f}, standard error {error:.4f}, {SEEDS} seeds")
    assert abs(np.mean(found) - 1 / 3) < 3 * error
