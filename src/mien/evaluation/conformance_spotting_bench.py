"""What the checks of spotting methods stand on: a method, recordings, and curves asked for only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.evaluation.conformance_bench import NotOfferedError, as_told
from mien.evaluation.run import Settings
from mien.evaluation.spotting_run import SpottingRun, evaluate_spotting
from mien.evaluation.spotting_task import Proposed, SpottingMethod, SpottingTask
from mien.features.face_motion import FaceMotion
from mien.jobs import Store

Curves = Mapping[str, NDArray[Any]]
References = Sequence[Sequence[Expression]]
FRAMES = ("times_s", "motion", "head", "state", "reference")
"""The arrays of a `FaceMotion` that have a row for each frame."""


@dataclass(frozen=True)
class SpottingBench:
    """A method and the recordings of `task`: the last subject's are searched, the others' are training."""

    method: SpottingMethod
    task: SpottingTask
    seed: int = 0
    told: Any = field(init=False)
    """The parameters as JSON, from before anything was built."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", as_told(self.method.parameters))

    @cached_property
    def held(self) -> list[int]:
        """Recordings of the person who is searched."""
        last = self.task.subjects[-1]
        return [row for row, one in enumerate(self.task.subjects) if one == last]

    @cached_property
    def train(self) -> list[int]:
        """Recordings of the others that somebody coded."""
        return [row for row, one in enumerate(self.task.recordings) if row not in self.held and one.coded]

    @property
    def references(self) -> list[tuple[Expression, ...]]:
        """What was coded in each training recording."""
        return [self.task.recordings[row].references for row in self.train]

    def video(self, row: int) -> Any:
        """What methods are given of a recording: a copy, so that nobody can spoil it for the next check."""
        video = self.task.videos[row]
        motion = getattr(video, "motion", None)
        if not isinstance(motion, FaceMotion):
            return video
        arrays = {name: getattr(motion, name).copy() for name in FRAMES}
        return replace(video, motion=replace(motion, **arrays))

    def videos(self, rows: Sequence[int]) -> list[Any]:
        """What methods are given of some recordings."""
        return [self.video(row) for row in rows]

    def build(self) -> Any:
        """A fresh spotter; a network is built with the seed."""
        seeded = {"seed": self.seed} if self.method.learns == "network" else {}
        return self.method.build(**self.method.parameters, **seeded)

    def fitted(self, videos: Sequence[Any] | None = None, references: References | None = None) -> Any:
        """A fresh spotter that has learned from training people, or from what is given."""
        return self.build().fit(
            self.videos(self.train) if videos is None else videos,
            self.references if references is None else references,
        )

    @cached_property
    def first(self) -> Any:
        """The spotter that has learned from training people."""
        return self.fitted()

    @cached_property
    def curves(self) -> dict[int, Curves]:
        """Its first curves of every held recording, which nobody can spoil."""
        return {row: copied(self.first.score(self.video(row))) for row in self.held}

    def measured(self, row: int) -> Any:
        """The video of a recording, of which others can be made; raises NotOfferedError for other kinds."""
        video = self.video(row)
        if not isinstance(getattr(video, "motion", None), FaceMotion):
            raise NotOfferedError("these recordings are no measured faces")
        return video

    def thresholds(self) -> list[dict[Kind, float]]:
        """All that may be asked for: each kind alone at each of its thresholds, and all kinds together."""
        method = self.method
        alone: list[dict[Kind, float]] = [
            {kind: level}
            for kind in method.kinds
            for level in sorted({*method.candidates.get(kind, ()), method.published[kind]})
        ]
        return [*alone, dict(method.published)]

    def proposed(self, spotter: Any, curves: Curves, thresholds: Mapping[Kind, float]) -> list[Proposed]:
        """What a spotter proposes of a copy of some curves."""
        return list(spotter.propose(copied(curves), dict(thresholds)))

    def evaluated(self) -> SpottingRun:
        """A run that leaves one subject out, nothing kept.

        A network's thresholds are the published ones: others would cost a training each.
        """
        protocol = "fixed" if self.method.learns == "network" else "nested"
        with TemporaryDirectory() as folder:
            settings = Settings(protocol, seed=self.seed)
            return evaluate_spotting(self.task, self.method, settings, store=Store(Path(folder)))

    @cached_property
    def run(self) -> SpottingRun:
        """The first such run."""
        return self.evaluated()


def copied(curves: Curves) -> dict[str, NDArray[Any]]:
    """Curves as arrays of their own."""
    return {name: np.array(one) for name, one in curves.items()}


def other_curve(a: Curves, b: Curves) -> str | None:
    """The first curve that is not the same to the bit, None if all are."""
    for name in (*a, *(name for name in b if name not in a)):
        if name not in a or name not in b or not np.array_equal(a[name], b[name], equal_nan=_nan(a[name])):
            return name
    return None


def _nan(values: NDArray[Any]) -> bool:
    return np.asarray(values).dtype.kind == "f"
