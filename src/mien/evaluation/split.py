"""Splits: pure generators of indices, no subject ever on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One division of the samples: `name` says who tests, indices are ascending and disjoint."""

    name: str
    train: IntArray
    test: IntArray


def leave_one_subject_out(subjects: Sequence[str]) -> Iterator[Fold]:
    """One fold per subject, in order of first appearance; the subject tests, all others train.

    Examples
    --------
    >>> [fold.test.tolist() for fold in leave_one_subject_out(["a", "b", "a"])]
    [[0, 2], [1]]
    """
    for subject in _at_least(subjects, 2, "leave-one-subject-out"):
        yield _fold(subject, subjects, {subject})


def grouped_k_fold(subjects: Sequence[str], *, n_folds: int, seed: int) -> Iterator[Fold]:
    """Folds of whole subjects, balanced by number of samples.

    Subjects are shuffled by the seed, then dealt largest first to the fold with the fewest samples.
    Raises OptionError for fewer subjects than folds or fewer than two folds.
    """
    if n_folds < 2:
        raise OptionError("number of folds", wanted="2 or more", got=n_folds, remedy="give another number")
    names = _at_least(subjects, n_folds, f"a split into {n_folds} folds")
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    sizes = dict.fromkeys(names, 0)
    for subject in subjects:
        sizes[subject] += 1
    parts: list[set[str]] = [set() for _ in range(n_folds)]
    loads = [0] * n_folds
    for name in sorted(shuffled, key=lambda n: -sizes[n]):  # stable: ties stay shuffled
        lightest = loads.index(min(loads))
        parts[lightest].add(name)
        loads[lightest] += sizes[name]
    for number, part in enumerate(parts, start=1):
        yield _fold(f"fold {number} of {n_folds}", subjects, part)


def leave_one_dataset_out(subjects: Sequence[str], datasets: Sequence[str]) -> Iterator[Fold]:
    """One fold per dataset; raises OptionError if there is one dataset or a subject is in several."""
    for dataset in _at_least(datasets, 2, "leave-one-dataset-out"):
        members = {s for s, d in zip(subjects, datasets, strict=True) if d == dataset}
        yield _fold(dataset, subjects, members)


def _at_least(names: Sequence[str], least: int, what: str) -> list[str]:
    found = list(dict.fromkeys(names))
    if len(found) < least:
        raise OptionError(
            what,
            wanted=f"at least {least} different groups",
            got=len(found),
            remedy="choose another split or add data",
        )
    return found


def _fold(name: str, subjects: Sequence[str], testing: set[str]) -> Fold:
    tests = np.array([subject in testing for subject in subjects])
    fold = Fold(name, np.flatnonzero(~tests), np.flatnonzero(tests))
    shared = {subjects[i] for i in fold.train} & {subjects[i] for i in fold.test}
    if shared or not len(fold.train) or not len(fold.test):
        raise OptionError(
            f"fold '{name}'",
            wanted="subjects on both sides, none on two",
            got=f"shared: {', '.join(sorted(shared)) or 'none'}",
            remedy="check the subject column",
        )
    return fold
