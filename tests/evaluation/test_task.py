"""A task refuses what cannot be evaluated, in one sentence each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.core import DataError


def changed(task, **changes):
    return lambda: replace(task, **changes)


def test_malformed(task):
    n = len(task)
    bad_x = task.X.copy()
    bad_x[3, 1] = np.nan
    cases = [
        (changed(task, y=task.y[:-1]), "one label, subject and dataset"),
        (changed(task, y=np.full(n, 5)), "labels from 0 to 2, got 5"),
        (changed(task, y=np.zeros(n, dtype=np.int64)), "samples of every class, got none of b, c"),
        (changed(task, subjects=("one",) * n), "two or more subjects, got only one"),
        (changed(task, X=bad_x), "sample x3: wanted finite values"),
        (
            changed(task, X=task.X[:0], y=task.y[:0], sample_ids=(), subjects=(), datasets=()),
            "at least one sample",
        ),
    ]
    for make, message in cases:
        with pytest.raises(DataError, match=message):
            make()
