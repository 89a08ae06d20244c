"""Long proof: over 200 shuffles of the labels the mean UAR of the linear SVM is one third."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.evaluation import Settings, evaluate_method
from mien.experiments import find_method, read_source, task_of
from mien.jobs import Store
from mien.metrics.recognition import confusion_counts, uar

SHUFFLES = 200


@pytest.mark.slow
def test_mean_uar_is_one_third(shared_data, tmp_path):
    task = task_of(read_source(shared_data / "me_flow_megc2019"))
    method = find_method("linear-svm")
    values = []
    for seed in range(SHUFFLES):
        shuffled = replace(
            task, y=np.random.default_rng(seed).permutation(task.y), digest=f"{task.digest} shuffled {seed}"
        )
        record = evaluate_method(shuffled, method, Settings(), store=Store(tmp_path / str(seed)))
        samples = record.samples
        values.append(
            float(uar(confusion_counts(samples["reference"], samples["estimate"], classes=task.classes)))
        )
    error = np.std(values, ddof=1) / np.sqrt(SHUFFLES)
    print(f"mean UAR over {SHUFFLES} shuffles: {np.mean(values):.4f}, Monte-Carlo standard error {error:.4f}")
    assert abs(np.mean(values) - 1 / 3) < 3 * error
