"""Members of a fusion: who answers, out of whose sight, and what a missing modality leaves behind."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mien.core import DataError, read_record
from mien.evaluation import Method, Settings
from mien.evaluation.compare import compare_records, on_common_samples
from mien.evaluation.members import Member, answer_members, plan_members, record_answers
from mien.evaluation.score import fold_spread
from mien.jobs import ProcessPool, Store

sys.path.insert(0, str(Path(__file__).parent))
import recognisers

LOGISTIC = Method("logistic", 1, recognisers.build_logistic, {"C": 1.0}, libraries=("scikit-learn",))
WITNESS = Method("witness", 1, recognisers.build_witness)
SPLIT = Settings("fixed", "grouped-k-fold", 4, 0)
HONEST = {"name": "fixed", "words": "", "leaks": False}


def member(task, name="a", method=LOGISTIC, rows=None):
    rows = np.arange(len(task)) if rows is None else np.asarray(rows)
    return Member(name, method, task.X[rows], rows, f"{name}-{len(rows)}")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


class TestAnswers:
    def test_nobody_meets_a_subject_twice(self, task, store):
        # The witness refuses a sample that it was trained on, and says what it has seen of its classes.
        found = answer_members(task, [member(task, method=WITNESS)], Settings(), store=store)
        assert len(found.folds) == 8
        assert np.isfinite(found.test).all()

    def test_out_of_fold_answers_are_those_of_others(self, task, store):
        """An oracle without any of our code for the inner split: retrain without each inner group."""
        found = answer_members(task, [member(task)], SPLIT, store=store)
        subjects = np.array(task.subjects)
        for answers in found.folds:
            train, scores = answers.fold.train, answers.out_of_fold[0]
            for who in np.unique(subjects[train]):
                own = train[subjects[train] == who]
                seen = LogisticRegression(C=1.0).fit(task.X[train], task.y[train]).predict_proba(task.X[own])
                assert np.abs(scores[subjects[train] == who] - seen).max() > 1e-6  # it did not know them
            outer = LogisticRegression(C=1.0).fit(task.X[train], task.y[train])
            np.testing.assert_allclose(answers.test[0], outer.predict_proba(task.X[answers.fold.test]))

    def test_changing_one_subject_changes_no_answer_about_anyone_in_its_own_inner_group(self, task, store):
        """The out-of-fold answers to a group do not depend on that group's own labels."""
        first = answer_members(task, [member(task)], SPLIT, store=store).folds[0]
        who = task.subjects[first.fold.train[0]]
        own = np.array(task.subjects) == who
        swapped = replace(task, y=np.where(own, (task.y + 1) % 3, task.y), digest="swapped")
        second = answer_members(swapped, [member(swapped)], SPLIT, store=store).folds[0]
        mine = own[first.fold.train]
        np.testing.assert_array_equal(first.out_of_fold[0][mine], second.out_of_fold[0][mine])
        assert np.abs(first.out_of_fold[0] - second.out_of_fold[0]).max() > 1e-3

    def test_a_missing_modality_is_no_answer(self, task, store):
        has = np.flatnonzero(np.arange(len(task)) % 3 > 0)
        found = answer_members(task, [member(task), member(task, "b", rows=has)], SPLIT, store=store)
        np.testing.assert_array_equal(np.isfinite(found.test[1]).all(axis=1), np.arange(len(task)) % 3 > 0)
        np.testing.assert_array_equal(np.isnan(found.test[1]).any(axis=1), np.arange(len(task)) % 3 == 0)
        for answers in found.folds:
            known = np.isin(answers.fold.train, has)
            assert np.isfinite(answers.out_of_fold[1][known]).all()
            assert np.isnan(answers.out_of_fold[1][~known]).all()

    def test_a_training_side_without_the_modality_refuses_and_says_so(self, task, store):
        only = np.flatnonzero(np.array(task.subjects) == task.subjects[0])
        found = answer_members(task, [member(task), member(task, "b", rows=only)], Settings(), store=store)
        assert np.isnan(found.test[1]).all()
        assert all("b" in answers.refused and "a" not in answers.refused for answers in found.folds)
        assert "two of each are needed" in found.folds[0].refused["b"]

    def test_one_class_alone_teaches_nothing(self, task, store):
        found = answer_members(
            task, [member(task, "b", rows=np.flatnonzero(task.y == 1))], SPLIT, store=store
        )
        assert "1 classes" in found.folds[0].refused["b"]

    def test_resumes_and_is_the_same_on_any_executor(self, task, store, tmp_path):
        both = [member(task), member(task, "b", rows=np.arange(0, len(task), 2))]
        one = answer_members(task, both, SPLIT, store=store)
        again = answer_members(task, both, SPLIT, store=store)
        pool = answer_members(task, both, SPLIT, store=Store(tmp_path / "b"), executor=ProcessPool(2))
        assert again.run["n_folds_cached"] == 8
        np.testing.assert_array_equal(one.test, pool.test)
        np.testing.assert_array_equal(one.folds[1].out_of_fold, pool.folds[1].out_of_fold)

    def test_another_modality_costs_no_other_a_new_training(self, task):
        alone = plan_members(task, [member(task)], SPLIT)
        joined = plan_members(task, [member(task, "b", rows=[0, 1, 2]), member(task)], SPLIT)
        assert {job.key for job in alone.jobs} < {job.key for job in joined.jobs}

    def test_refuses_samples_without_numbers(self, task):
        with pytest.raises(DataError, match="member a: wanted one or more samples"):
            Member("a", LOGISTIC, task.X[:3], np.arange(2), "")


class TestRecord:
    def record(self, task, store, estimate):
        found = answer_members(task, [member(task)], SPLIT, store=store)
        return record_answers(
            found, found.test[0], estimate, method={"name": "m", "version": 1, "parameters": {}},
            versions={}, protocol=HONEST, why_missing={"x3": "it rained"},
        )  # fmt: skip

    def test_holds_answers_and_names_what_has_none(self, task, store, tmp_path):
        estimate = task.y.copy()
        estimate[[3, 5]] = -1
        record = self.record(task, store, estimate)
        assert len(record.samples["sample_id"]) == len(task) - 2
        assert record.samples["estimate"] == record.samples["reference"]
        lost = {one["sample_id"]: one["reason"] for one in record.dataset["unmeasured"]}
        assert lost == {"x3": "it rained", "x5": "no member has an answer"}
        assert read_record(record.write(tmp_path)).identity == record.identity

    def test_compared_on_the_samples_of_both(self, task, store):
        first, second = task.y.copy(), (task.y + 1) % 3
        first[:4], second[2:6] = -1, -1
        pair = on_common_samples(self.record(task, store, first), self.record(task, store, second))
        assert pair[0].samples["sample_id"] == [f"x{n}" for n in range(6, len(task))]
        assert compare_records(pair)[0].difference_uar == pytest.approx(1.0)

    def test_nothing_in_common_is_refused(self, task, store):
        first, second = task.y.copy(), task.y.copy()
        first[20:], second[:20] = -1, -1
        with pytest.raises(DataError, match="samples in common"):
            on_common_samples(self.record(task, store, first), self.record(task, store, second))


def test_spread_over_folds_is_the_standard_deviation_of_folds():
    samples = {
        "reference": ["a", "a", "b", "b", "a", "a"],
        "estimate": ["a", "b", "b", "b", "a", "b"],
        "fold": ["1", "1", "1", "1", "2", "2"],
    }
    found = fold_spread(samples, classes=["a", "b"])
    assert found["accuracy"].mean == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["accuracy"].sd == pytest.approx(np.std([3 / 4, 1 / 2], ddof=1))
    # Fold 2 has no b, so that its recall is of a alone.
    assert found["uar"].mean == pytest.approx(((1 / 2 + 1) / 2 + 1 / 2) / 2)
    assert found["uar"].n_folds == 2
