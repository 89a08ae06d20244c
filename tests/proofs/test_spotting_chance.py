"""Expressions coded at random times give chance, whatever the method; true ones give more."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.core.expression import Expression
from mien.evaluation import Settings
from mien.evaluation.spotting_run import evaluate_spotting
from mien.evaluation.spotting_task import Recording, SpottingTask
from mien.experiments.spotting_methods import SPOTTING_METHODS
from mien.jobs import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "spotting"))

from toys import toy_expressions, toy_video

PEOPLE, LENGTH_S = 9, 40.0
SMALL: dict[str, dict[str, object]] = {
    "softnet": {"epochs": 3, "max_samples": 500, "learning_rate": 0.01},
    "abpn": {"epochs": 20},
    "sl-swin": {
        "epochs": 2,
        "max_samples": 300,
        "dim": 24,
        "depths": [1, 1],
        "heads": [3, 6],
        "learning_rate": 0.015,
    },
    "mesnet-style": {"epochs": 20, "batch_size": 2, "learning_rate": 0.002},
}


def moved(expressions, rng):
    """The same lengths and kinds somewhere else."""
    found = []
    for one in expressions:
        shift = rng.uniform(0, LENGTH_S - (one.offset_s - one.onset_s)) - one.onset_s
        times = (one.onset_s + shift, one.apex_s + shift, one.offset_s + shift)
        found.append(Expression(*times, one.kind))
    return found


def task(*, shuffled):
    rng = np.random.default_rng(5)
    recordings, videos = [], []
    for number in range(PEOPLE):
        name = f"sub-{number + 1:03d}"
        true = toy_expressions(number, length_s=LENGTH_S, n_micro=4, n_macro=1)
        videos.append(toy_video(name, true, length_s=LENGTH_S, seed=number))
        coded = moved(true, rng) if shuffled else true
        recordings.append(Recording(name, name, "toy", 0.0, LENGTH_S, tuple(coded)))
    return SpottingTask("toy", f"toy-{shuffled}", tuple(recordings), videos)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOTTING_METHODS)
def test_random_times_give_chance(tmp_path, name):
    method = SPOTTING_METHODS[name]
    method = replace(method, parameters={**method.parameters, **SMALL.get(name, {})})
    scores = {}
    for shuffled in (False, True):
        settings = Settings("nested", "grouped-k-fold", n_folds=3, seed=1)
        run = evaluate_spotting(task(shuffled=shuffled), method, settings, store=Store(tmp_path))
        scores[shuffled] = run.scores["micro"]
        one = run.scores["micro"]
        words = "random times" if shuffled else "true times"
        print(
            f"{name}, {words}: F1 {one.f1.value:.3f}, by chance {one.random.value:.3f}, p {one.p_random:.3f}"
        )
    assert scores[True].p_random > 0.005
    assert scores[True].f1.value < scores[True].random.value + 0.15
    assert scores[False].p_random < 0.01
    assert scores[False].f1.value > scores[True].f1.value + 0.1
