"""A recognition task: samples, classes, and whose samples they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import Json


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A sample without input: its id, whose it is, its class, and why it could not be measured."""

    sample_id: str
    subject_id: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a recognition run is about.

    Parameters
    ----------
    name, digest
        The dataset's name and the SHA-256 of everything in it that the methods see.
    X
        Shape (n_samples, ...), the methods' input.
    y
        Shape (n_samples,), index into `classes`.
    classes
        Class names in the order of their codes.
    sample_ids, subjects, datasets
        Length n_samples; a subject's name contains its dataset, so that ids may repeat between datasets.
    consent
        Consent level per subject, None where it is not known.
    unmeasured
        Samples that no method can be given, with the reason; they are told with the scores. Their class may
        be one of which nothing could be measured, which is then not in `classes`.
    about
        What else the dataset's description in records should say.

    Raises
    ------
    DataError
        If the lengths differ, a label lies outside the classes, a class has no sample, a value is
        not finite, or there is only one subject.
    """

    name: str
    digest: str
    X: NDArray[Any]
    y: NDArray[np.int64]
    classes: tuple[str, ...]
    sample_ids: tuple[str, ...]
    subjects: tuple[str, ...]
    datasets: tuple[str, ...]
    consent: Mapping[str, int | None] = field(default_factory=dict)
    unmeasured: tuple[Unmeasured, ...] = ()
    about: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.X), len(self.y), len(self.sample_ids), len(self.subjects), len(self.datasets)}
        if len(lengths) != 1 or 0 in lengths:
            raise DataError(
                self.name,
                wanted="one label, subject and dataset for each of at least one sample",
                got=f"lengths {sorted(lengths)}",
                remedy="correct the table of samples",
            )
        if self.y.min() < 0 or self.y.max() >= len(self.classes):
            raise DataError(
                self.name,
                wanted=f"labels from 0 to {len(self.classes) - 1}",
                got=f"{self.y.min()} to {self.y.max()}",
                remedy="correct the labels",
            )
        present = Counter(self.y.tolist())
        absent = [name for code, name in enumerate(self.classes) if code not in present]
        if absent:
            raise DataError(
                self.name,
                wanted="samples of every class",
                got=f"none of {', '.join(absent)}",
                remedy="leave the class out of the task or add its samples",
            )
        if len(self.subject_names) < 2:
            raise DataError(
                self.name,
                wanted="two or more subjects",
                got=f"only {self.subjects[0]}",
                remedy="a score within one subject says nothing about others; add subjects",
            )
        if self.X.dtype.kind == "f" and not np.isfinite(self.X).all():
            bad = int(np.argmax(~np.isfinite(self.X.reshape(len(self.X), -1)).all(axis=1)))
            raise DataError(
                f"{self.name}, sample {self.sample_ids[bad]}",
                wanted="finite values",
                got="NaN or infinity",
                remedy="repair the sample or leave it out by name",
            )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def subject_names(self) -> tuple[str, ...]:
        """Each subject once, in order of first appearance."""
        return tuple(dict.fromkeys(self.subjects))

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Each dataset once, in order of first appearance."""
        return tuple(dict.fromkeys(self.datasets))

    def labels(self, codes: NDArray[np.int64]) -> list[str]:
        """Class names of codes, shape (n,)."""
        return [self.classes[code] for code in codes]
