"""Runs: what a record holds, who chose what, and that nothing leaks."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from mien.core import DataError, OptionError, read_record
from mien.evaluation import Method, Settings, compare_records, evaluate_method, score_record
from mien.evaluation.protocol import PROTOCOLS
from mien.jobs import ProcessPool, Store

sys.path.insert(0, str(Path(__file__).parent))
import recognisers
from conftest import make_task

LOGISTIC = Method(
    "logistic",
    1,
    recognisers.build_logistic,
    {"C": 1.0},
    candidates=({}, {"C": 1e-4}),
    libraries=("scikit-learn",),
)
LUCKY = Method("lucky", 1, recognisers.build_lucky, {"epochs": 40}, stage_parameter="epochs")
WITNESS = Method("witness", 1, recognisers.build_witness)


def run(task, method, tmp_path, **settings):
    return evaluate_method(task, method, Settings(**settings), store=Store(tmp_path / "store"))


def test_plain_scikit_learn_classifier_gives_scikit_learns_answer(task, tmp_path):
    record = run(task, LOGISTIC, tmp_path)
    expected = cross_val_predict(
        LogisticRegression(C=1.0), task.X, task.y, groups=np.array(task.subjects), cv=LeaveOneGroupOut()
    )
    assert record.samples["estimate"] == task.labels(expected)
    assert record.samples["sample_id"] == list(task.sample_ids)
    assert record.samples["fold"] == list(task.subjects)


def test_record_is_the_same_on_any_executor_and_after_any_cache(task, tmp_path):
    one = run(task, LOGISTIC, tmp_path)
    two = evaluate_method(task, LOGISTIC, Settings(), store=Store(tmp_path / "b"), executor=ProcessPool(2))
    again = run(task, LOGISTIC, tmp_path)
    assert one.identity == two.identity == again.identity
    assert again.run["n_folds_cached"] == 8
    assert read_record(one.write(tmp_path)).identity == one.identity


@pytest.mark.parametrize("protocol", ["fixed", "nested", "test-selected"])
@pytest.mark.parametrize("split", ["leave-one-subject-out", "grouped-k-fold", "leave-one-dataset-out"])
def test_no_test_sample_is_ever_in_training(task, tmp_path, protocol, split):
    record = run(task, WITNESS, tmp_path, protocol=protocol, split=split, n_folds=3)
    assert None not in record.samples["estimate"]


def test_nested_chooses_the_better_candidate_without_the_test_subject(task, tmp_path):
    switch = Method(
        "switch", 1, recognisers.build_switch, {"informed": False}, candidates=({}, {"informed": True})
    )
    nested = run(task, switch, tmp_path, protocol="nested")
    fixed = run(task, switch, tmp_path)
    assert all(choice == {"informed": True} for choice in nested.samples["chosen"])
    assert nested.scores["scores"]["uf1"]["value"] > fixed.scores["scores"]["uf1"]["value"]


def test_choosing_on_the_test_subject_makes_luck_look_like_skill(tmp_path):
    task = make_task(n_subjects=20, per_subject=3, effect=0.0)
    scores = {
        protocol: run(task, LUCKY, tmp_path, protocol=protocol).scores["scores"]["uar"]["value"]
        for protocol in ("fixed", "nested", "test-selected")
    }
    assert scores["test-selected"] > 0.85
    assert scores["fixed"] < 0.55
    assert scores["nested"] < 0.55


def test_protocols_that_read_one_training_share_it_and_answer_as_if_trained_alone(tmp_path):
    task = make_task(n_subjects=5, per_subject=3, effect=0.0)
    alone = {
        name: [PROTOCOLS[name].answer(task, LUCKY, fold, 0) for fold in Settings(name).folds(task)]
        for name in ("fixed", "test-selected")
    }
    fixed = run(task, LUCKY, tmp_path)
    chosen = run(task, LUCKY, tmp_path, protocol="test-selected")
    assert chosen.run["n_folds_cached"] == 5
    for record in (fixed, chosen):
        answers = alone[record.protocol["name"]]
        for fold, answer in zip(Settings().folds(task), answers, strict=True):
            assert [record.samples["scores"][row] for row in fold.test] == answer.scores.tolist()
            assert all(record.samples["chosen"][row] == answer.chosen for row in fold.test)
    assert fixed.samples["estimate"] != chosen.samples["estimate"]


def test_leak_is_named_wherever_it_is_printed(task, tmp_path):
    record = run(task, LUCKY, tmp_path, protocol="test-selected")
    assert record.protocol["leaks"]
    assert "LEAK" in record.protocol["words"]


def test_shuffled_labels_give_chance(tmp_path):
    """The mean over label shuffles lies within Monte-Carlo error of one third."""
    task = make_task(n_subjects=15, per_subject=6, effect=2.0)
    uar = []
    for seed in range(60):
        shuffled = replace(task, y=np.random.default_rng(seed).permutation(task.y), digest=f"shuffle {seed}")
        uar.append(run(shuffled, LOGISTIC, tmp_path).scores["scores"]["uar"]["value"])
    error = np.std(uar, ddof=1) / np.sqrt(len(uar))
    # Leaving a subject out takes its classes from the training side, which pulls slightly below chance.
    assert abs(np.mean(uar) - 1 / 3) < 3.5 * error + 0.01


def test_class_missing_in_a_training_side_is_named(tmp_path):
    task = make_task(n_subjects=4, per_subject=6)
    y = np.where(task.y == 2, 0, task.y)
    y[:2] = 2  # only the first subject shows c
    record = run(replace(task, y=y, digest="rare"), LOGISTIC, tmp_path)
    assert any("d0/s0: no training sample of c" in warning for warning in record.warnings)
    assert record.scores["n_samples"] == 24


def test_unknown_consent_is_named(task, tmp_path):
    record = run(task, WITNESS, tmp_path)
    assert any("7 of 8 participants: treated as the strictest" in warning for warning in record.warnings)
    assert record.participants["d0/s0"] == 1
    assert record.participants["d1/s1"] is None


def test_scores_derive_from_predictions(task, tmp_path):
    record = run(task, LOGISTIC, tmp_path)
    derived = score_record(record)
    assert derived.as_json()["scores"] == record.scores["scores"]
    confusion = np.array(derived.pooled.confusion)
    assert confusion.sum() == len(task)
    assert derived.scores["accuracy"].value == pytest.approx(np.trace(confusion) / len(task))
    assert derived.scores["uf1"].low <= derived.scores["uf1"].value <= derived.scores["uf1"].high
    assert set(derived.per_dataset) == {"d0", "d1"}


def test_majority_baseline_uses_the_training_side_only(tmp_path):
    """With balanced classes the class of the test subject is the rarer one in training: majority is wrong."""
    task = make_task(n_subjects=2, per_subject=3)
    task = replace(task, y=np.array([0, 0, 1, 1, 1, 0]), classes=("a", "b"))
    record = run(task, WITNESS, tmp_path)
    assert record.scores["baselines"]["majority"]["accuracy"]["value"] == pytest.approx(1 / 3)


def test_chance_baseline_is_uniform_guessing(task, tmp_path):
    chance = score_record(run(task, WITNESS, tmp_path)).baselines["chance"]
    assert chance["uar"].value == pytest.approx(1 / 3, abs=0.01)
    assert chance["uar"].low < 1 / 3 < chance["uar"].high


def test_changed_parameters_data_or_version_compute_anew(task, tmp_path):
    run(task, LOGISTIC, tmp_path)
    for method, data, settings in [
        (replace(LOGISTIC, parameters={"C": 2.0}), task, {}),
        (replace(LOGISTIC, version=2), task, {}),
        (LOGISTIC, replace(task, digest="other"), {}),
        (LOGISTIC, task, {"seed": 1}),
        (LOGISTIC, task, {"protocol": "nested"}),
    ]:
        assert run(data, method, tmp_path, **settings).run["n_folds_cached"] == 0


def test_diverged_method_is_an_error_not_a_class(task, tmp_path):
    diverged = Method("diverged", 1, recognisers.build_diverged)
    with pytest.raises(DataError, match="finite numbers, got NaN"):
        run(task, diverged, tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"protocol": "best"}, "protocol: wanted one of fixed, nested, test-selected"),
        ({"split": "random"}, "split: wanted one of leave-one-subject-out"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(OptionError, match=message):
        Settings(**settings)


def test_nested_needs_training_subjects(tmp_path):
    task = make_task(n_subjects=2, per_subject=6)
    with pytest.raises(OptionError, match="two or more training subjects"):
        run(task, LOGISTIC, tmp_path, protocol="nested")


class TestCompare:
    def test_better_method_is_found_and_signed(self, tmp_path):
        task = make_task(n_subjects=14)
        good, bad = run(task, LOGISTIC, tmp_path), run(task, WITNESS, tmp_path)
        (forward,), (backward,) = compare_records([good, bad]), compare_records([bad, good])
        assert forward.difference_uf1 > 0.3
        assert forward.p_uf1 < 0.01
        assert forward.difference_uar == pytest.approx(-backward.difference_uar)
        assert forward.q_uf1 >= forward.p_uf1

    def test_same_predictions_do_not_differ(self, task, tmp_path):
        record = run(task, LOGISTIC, tmp_path)
        (same,) = compare_records([record, record])
        assert (same.difference_uf1, same.p_uf1, same.p_mcnemar) == (0.0, 1.0, 1.0)

    def test_other_samples_are_refused(self, task, tmp_path):
        with pytest.raises(DataError, match="runs on the same samples"):
            compare_records(
                [run(task, WITNESS, tmp_path), run(make_task(seed=5, n_subjects=4), WITNESS, tmp_path)]
            )

    def test_one_record(self, task, tmp_path):
        assert compare_records([run(task, WITNESS, tmp_path)]) == []
