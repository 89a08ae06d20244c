"""What every spotting method of the table is: it learns from labelled videos, scores one, and proposes.

A method that needs no training ignores what it is shown. Constants that a paper gives in frames are seconds
at the paper's own rate and become frames of `FIELD_HZ` here; a length k that a paper takes from labels is
taken from the videos given to `fit`, which are training subjects' only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from mien.core.expression import Expression, Kind
from mien.features.face_fields import FaceFields
from mien.features.face_motion import FaceMotion
from mien.spotting.result import Proposal

Scores = Mapping[str, NDArray[Any]]
"""What a method makes of one video before any threshold, as plain arrays that can be stored. At least
`times_s` (n,) and for each kind that the method knows, `micro` and `macro`, its curve (n,), NaN where not
judged; besides, whatever `propose` needs."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceVideo:
    """One video as methods see it; `fields` is None where no method in use needs them."""

    name: str
    motion: FaceMotion
    fields: FaceFields | None = None


class Spotter(Protocol):
    """A method with its parameters; every instance is fitted once."""

    def fit(self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]) -> Spotter:
        """Learn from training videos and the expressions coded in each (seconds of its file)."""

    def score(self, video: FaceVideo) -> Scores:
        """The curves of one video; the costly part."""

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """Expressions at thresholds by kind, in order of time; cheap, called for many thresholds.

        A kind that `thresholds` leaves out is not looked for.
        """
