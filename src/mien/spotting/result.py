"""What a spotter says of one video."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from mien.core.expression import Kind
from mien.core.records import Json, to_json
from mien.core.time import FloatArray, Interval


@dataclass(frozen=True, slots=True, order=True)
class Proposal:
    """One expression that may have been; times in seconds of the file.

    `score` is its height over the threshold, 1 or more; `regions` the parts of the face that moved.
    """

    onset_s: float
    apex_s: float
    offset_s: float
    kind: Kind
    score: float
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A span in which an expression would not have been seen, and why."""

    span: Interval
    reason: str

    def as_json(self) -> dict[str, Json]:
        """Start, end and reason."""
        return {"start_s": self.span.start_s, "end_s": self.span.end_s, "reason": self.reason}


@dataclass(frozen=True, slots=True, eq=False)
class Spotted:
    """A video's proposals in order of time, and what to know about them.

    Parameters
    ----------
    proposals
        Above the threshold, in order.
    not_judged
        Spans in order; together with what was judged they cover the video.
    notes
        Sentences: what was left out and why.
    rate_hz, duration_s
        Of the video.
    curve_s, curve
        Shape (n,): times in seconds and the score there, 1 at the threshold; NaN where not judged.
    partly_judged
        Spans in which only a part of the face could be judged, and why.
    """

    proposals: tuple[Proposal, ...]
    not_judged: tuple[Unjudged, ...]
    notes: tuple[str, ...]
    rate_hz: float
    duration_s: float
    curve_s: FloatArray
    curve: FloatArray
    partly_judged: tuple[Unjudged, ...] = ()

    @property
    def unjudged_s(self) -> float:
        """Seconds that were not judged; spans that overlap count once."""
        total, reached = 0.0, -np.inf
        for one in sorted(self.not_judged, key=lambda one: one.span):
            total += max(0.0, one.span.end_s - max(reached, one.span.start_s))
            reached = max(reached, one.span.end_s)
        return total

    def as_json(self) -> dict[str, Json]:
        """Everything but the curve."""
        return {
            "expressions": [to_json(asdict(one)) for one in self.proposals],
            "not_judged": [one.as_json() for one in self.not_judged],
            "partly_judged": [one.as_json() for one in self.partly_judged],
            "notes": list(self.notes),
            "rate_hz": to_json(self.rate_hz),
            "duration_s": self.duration_s,
            "judged_s": max(0.0, self.duration_s - self.unjudged_s),
        }
