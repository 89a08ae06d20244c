"""Small tasks with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from mien.evaluation import Task


def make_task(n_subjects=8, per_subject=6, effect=3.0, seed=0, n_classes=3):
    """Gaussian features whose class means differ by `effect`; subjects have offsets of their own."""
    rng = np.random.default_rng(seed)
    y = np.tile(np.arange(n_classes), n_subjects * per_subject // n_classes + 1)[: n_subjects * per_subject]
    subjects = tuple(f"d{i % 2}/s{i}" for i in range(n_subjects) for _ in range(per_subject))
    offsets = np.repeat(rng.normal(size=(n_subjects, 5)), per_subject, axis=0)
    X = rng.normal(size=(len(y), 5)) + offsets + effect * np.eye(5)[y]
    return Task(
        name="gaussians", digest=f"{seed}-{effect}-{n_subjects}-{per_subject}", X=X, y=y,
        classes=tuple("abcdefg"[:n_classes]), sample_ids=tuple(f"x{i}" for i in range(len(y))),
        subjects=subjects,
        datasets=tuple(s.split("/")[0] for s in subjects), consent={subjects[0]: 1},
    )  # fmt: skip


@pytest.fixture
def task():
    return make_task()
