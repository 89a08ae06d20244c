"""Splits: every sample tests once, no subject on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import OptionError
from mien.evaluation import grouped_k_fold, leave_one_dataset_out, leave_one_subject_out

SUBJECTS = st.lists(st.sampled_from("abcdefgh"), min_size=6, max_size=60).filter(lambda s: len(set(s)) >= 3)


@given(SUBJECTS, st.integers(0, 99))
def test_laws(subjects, seed):
    for folds in (leave_one_subject_out(subjects), grouped_k_fold(subjects, n_folds=3, seed=seed)):
        tested = []
        for fold in folds:
            train, test = ({subjects[i] for i in rows} for rows in (fold.train, fold.test))
            assert not train & test
            assert len(fold.train) + len(fold.test) == len(subjects)
            tested += fold.test.tolist()
        assert sorted(tested) == list(range(len(subjects)))


@given(SUBJECTS)
def test_one_fold_per_subject(subjects):
    names = [fold.name for fold in leave_one_subject_out(subjects)]
    assert names == list(dict.fromkeys(subjects))


def test_grouped_folds_are_balanced_and_repeatable():
    subjects = ["big"] * 30 + [f"s{i}" for i in range(30)]
    sizes = [sorted(fold.test.tolist()) for fold in grouped_k_fold(subjects, n_folds=2, seed=1)]
    assert sorted(map(len, sizes)) == [30, 30]
    assert sizes == [sorted(f.test.tolist()) for f in grouped_k_fold(subjects, n_folds=2, seed=1)]


def test_datasets():
    folds = list(leave_one_dataset_out(["a", "b", "c"], ["x", "x", "y"]))
    assert [(f.name, f.test.tolist()) for f in folds] == [("x", [0, 1]), ("y", [2])]


def test_subject_in_two_datasets_is_refused():
    with pytest.raises(OptionError, match="subjects on both sides"):
        list(leave_one_dataset_out(["a", "a"], ["x", "y"]))


@pytest.mark.parametrize("subjects", [[], ["a", "a"]])
def test_too_few(subjects):
    with pytest.raises(OptionError, match="at least 2 different groups"):
        list(leave_one_subject_out(subjects))
    with pytest.raises(OptionError, match="2 or more"):
        list(grouped_k_fold(["a", "b"], n_folds=1, seed=0))
