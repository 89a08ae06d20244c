"""What methods that judge each frame share: reading fields piece by piece, contrasts, runs of frames.

Conventions: curves have one number per frame of `FIELD_HZ`, NaN where a lag reaches out of the frame's
stretch. A run is first <= i < stop; as an expression it lasts from its first frame's time to its last
frame's time, as the field counts frames (method sheet 3.1). Threshold by Moilanen et al. 2014
(doi:10.1109/ICPR.2014.303).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.expression import Expression, Kind
from mien.core.time import FloatArray
from mien.features.face_fields import FIELD_HZ, Channel, FaceFields
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo

PIECE = 300
"""Frames read at a time: memory stays flat over an hour of video."""
_ROUNDING = 1e-9  # a curve that varies less is constant
_PART_OF_FRAME = 1e-6  # seconds times a rate must not fall below a whole number of frames


class Piece(NamedTuple):
    """Frames first <= i < stop to judge, and the frames low <= i < high around them that must be read."""

    first: int
    stop: int
    low: int
    high: int


class Threshold(NamedTuple):
    """The least height of a curve, infinite where nothing can pass, and the curve's standard deviation."""

    height: float
    deviation: float

    def passed_by(self, curve: FloatArray) -> FloatArray:
        """How far values lie above the threshold, in standard deviations of the curve."""
        return np.asarray((curve - self.height) / self.deviation)


def fields_of(video: FaceVideo) -> FaceFields:
    """The video's fields.

    Raises
    ------
    DataError
        If they were not measured.
    """
    if video.fields is None:
        raise DataError(
            video.name,
            wanted="fields of the face's motion",
            got="none",
            remedy="measure them with the motion",
        )
    return video.fields


def pieces(fields: FaceFields, channel: Channel, margin: int, *, size: int = PIECE) -> Iterator[Piece]:
    """Every frame of a channel's stretches once, with a margin on both sides where the stretch has it."""
    for start, end in fields.stretches(channel):
        for first in range(start, end, size):
            stop = min(first + size, end)
            yield Piece(first, stop, max(first - margin, start), min(stop + margin, end))


def inner(piece: Piece, back: int, ahead: int) -> tuple[int, int]:
    """Frames of a piece whose lags lie within the stretch: first <= i < stop, none where first >= stop."""
    return max(piece.first, piece.low + back), min(piece.stop, piece.high - ahead)


def contrast(feature: FloatArray, back: int, ahead: int) -> FloatArray:
    """How far a feature (n,) lies above the mean of its values some frames before and after, (n,).

    Examples
    --------
    >>> contrast(np.array([0.0, 1.0, 5.0, 2.0]), 1, 1).tolist()
    [nan, -1.5, 3.5, nan]
    """
    found = np.full(len(feature), np.nan)
    n = len(feature) - back - ahead
    if n > 0:
        around = feature[:n] + feature[back + ahead :]
        found[back : back + n] = feature[back : back + n] - 0.5 * around
    return found


def moilanen_threshold(curve: FloatArray, share: float) -> Threshold:
    """A share of the way from the mean of a video's curve to its maximum; infinite for a constant curve."""
    known = curve[np.isfinite(curve)]
    if not len(known) or np.ptp(known) <= _ROUNDING:
        return Threshold(np.inf, 1.0)
    mean = float(known.mean())
    return Threshold(mean + share * (float(known.max()) - mean), float(known.std()))


def runs(positive: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and the one after the last of every run of true values.

    Examples
    --------
    >>> runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(positive.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def proposal(
    times_s: FloatArray, curve: FloatArray, run: tuple[int, int], kind: Kind, score: float
) -> Proposal:
    """A run of frames as an expression whose apex is where the curve, known there, is highest."""
    first, stop = run
    apex = first + int(np.nanargmax(curve[first:stop]))
    return Proposal(float(times_s[first]), float(times_s[apex]), float(times_s[stop - 1]), kind, score)


def mean_length(references: Sequence[Sequence[Expression]], kind: Kind) -> float | None:
    """Mean length of coded expressions of a kind in frames; None where no length was observed.

    An offset at the apex means that the offset was not observed.
    """
    lengths = [
        one.offset_s - one.onset_s
        for coded in references
        for one in coded
        if one.kind == kind and one.offset_s is not None and one.offset_s != one.apex_s
    ]
    return float(np.mean(lengths)) * FIELD_HZ + _PART_OF_FRAME if lengths else None


def frames_of(seconds: float) -> int:
    """The whole number of frames nearest to a span."""
    return round(seconds * FIELD_HZ)


def checked_threshold(value: float, kind: Kind, *, least: float, most: float = np.inf) -> float:
    """The value of a kind's threshold; raises OptionError where it lies outside its range or is no number."""
    if not least <= value <= most:
        raise OptionError(
            f"{kind} threshold",
            wanted=f"a number from {least:g}" + (f" to {most:g}" if np.isfinite(most) else " up"),
            got=value,
            remedy="take it from the method's range",
        )
    return value
