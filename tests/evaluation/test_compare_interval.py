"""The interval of a paired difference, against subjects drawn one by one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import recognisers
from sklearn.metrics import f1_score, recall_score

from mien.evaluation import Method, Settings, Task, compare_records, evaluate_method
from mien.jobs import Store


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Records of a good and a poor method on noisy classes."""
    rng = np.random.default_rng(4)
    y = np.tile(np.arange(3), 40)
    subjects = tuple(f"s{i // 10:02d}" for i in range(120))
    X = rng.normal(size=(120, 5)) + 1.5 * np.eye(5)[y]
    ids = tuple(map(str, range(120)))
    task = Task("noisy", "n" * 64, X, y, ("a", "b", "c"), ids, subjects, ("noisy",) * 120)
    store = Store(tmp_path_factory.mktemp("store"))
    strong, weak = (
        Method(f"C = {C}", 1, recognisers.build_logistic, {"C": C}, libraries=("scikit-learn",))
        for C in (1.0, 1e-4)
    )
    settings = Settings(split="grouped-k-fold", n_folds=4)
    return [evaluate_method(task, one, settings, store=store) for one in (strong, weak)]


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        ("uf1", lambda y, e: f1_score(y, e, average="macro")),
        ("uar", lambda y, e: recall_score(y, e, average="macro")),
    ],
)
def test_it_is_that_of_subjects_drawn_with_the_answers_of_both(pair, metric, score):
    (found,) = compare_records(pair)
    reference, who = (np.array(pair[0].samples[name]) for name in ("reference", "subject_id"))
    answers = [np.array(one.samples["estimate"]) for one in pair]
    rng = np.random.default_rng(0)
    people, drawn = np.unique(who), []
    for _ in range(600):
        rows = np.concatenate([np.flatnonzero(who == one) for one in rng.choice(people, len(people))])
        drawn.append(score(reference[rows], answers[0][rows]) - score(reference[rows], answers[1][rows]))
    low, high = (getattr(found, f"{end}_{metric}") for end in ("low", "high"))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.03)
    assert low < getattr(found, f"difference_{metric}") < high


def test_it_turns_with_the_order_and_closes_on_equals(pair):
    (forward,), (backward,) = compare_records(pair), compare_records(pair[::-1])
    assert (forward.low_uf1, forward.high_uf1) == pytest.approx((-backward.high_uf1, -backward.low_uf1))
    (same,) = compare_records([pair[0], pair[0]])
    assert (same.low_uar, same.high_uar) == (0.0, 0.0)
