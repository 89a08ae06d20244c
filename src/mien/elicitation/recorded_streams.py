"""What Lab Streaming Layer recorded, on one even grid: gaps are filled with NaN and named.

A stream comes in pieces: one for each start of the recorder, and a new one after every pause of its own.
Within a piece samples are even, so that a line through the stamps tells when each was taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.recording.clocks import fit_stamps
from mien.recording.formats import StampedStream, read_xdf, repair_xdf

_PAUSE_S = 0.25  # between neighbouring samples: longer is a pause, shorter is a late packet
_LEAST_FIT = 200  # samples: with fewer the stated rate is better than a fitted one


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch without a pause: where it begins on the grid, when, and its true sample period (s)."""

    first: int
    n_samples: int
    start_s: float
    period_s: float


@dataclass(frozen=True, slots=True, eq=False)
class EvenStream:
    """A stream on the grid of its first piece.

    `values` has shape (n_channels, n_samples), NaN in gaps; `rate_hz` is the stated rate, in which the
    stream's own seconds count.
    """

    name: str
    kind: str
    rate_hz: float
    channel_names: tuple[str, ...]
    units: tuple[str, ...]
    values: FloatArray
    pieces: tuple[Piece, ...]

    @property
    def start_s(self) -> float:
        """When the first sample was taken, seconds of the session's clock."""
        return self.pieces[0].start_s

    @property
    def duration_s(self) -> float:
        """Length in the stream's own seconds."""
        return self.values.shape[1] / self.rate_hz

    def own_s(self, at_s: float) -> float:
        """A time of the session's clock in the stream's own seconds, 0 at its first sample."""
        piece = self.pieces[0]
        for one in self.pieces[1:]:
            if at_s >= one.start_s:
                piece = one
        return (piece.first + (at_s - piece.start_s) / piece.period_s) / self.rate_hz

    @property
    def gaps_s(self) -> tuple[tuple[float, float], ...]:
        """Beginning and end of every gap in the stream's own seconds."""
        ends = [(p.first + p.n_samples) / self.rate_hz for p in self.pieces]
        begins = [p.first / self.rate_hz for p in self.pieces[1:]]
        return tuple((end, begin) for end, begin in zip(ends, begins, strict=False) if begin > end)


def read_parts(folder: Path, shifts_s: Mapping[int, float]) -> list[EvenStream]:
    """The numeric streams of a session's XDF files, each joined over the parts.

    Parameters
    ----------
    shifts_s
        Part -> what is to be added to its stamps (s), where the computer's clock began anew between parts.

    Raises
    ------
    DataError
        If a file is damaged beyond its last chunk.
    """
    found: dict[tuple[str, int], list[StampedStream]] = {}
    for path in sorted(folder.glob("streams_part-*.xdf")):
        part = int(path.stem.rpartition("-")[2])
        same: Counter[str] = Counter()  # devices of one kind often share a name
        for stream in _read(path):
            same[stream.name] += 1
            which = same[stream.name]
            if stream.values.shape[1] and stream.rate_hz > 0 and stream.stamps_s.size > 1:
                moved = stream.stamps_s + shifts_s.get(part, 0.0)
                again = StampedStream(
                    stream.name if which == 1 else f"{stream.name} ({which})",
                    stream.kind, stream.rate_hz, moved, stream.values,
                    stream.channel_names, stream.units,
                )  # fmt: skip
                found.setdefault((stream.name, which), []).append(again)
    return [even(parts) for parts in found.values()]


def _read(path: Path) -> list[StampedStream]:
    try:
        return read_xdf(path)
    except DataError:
        mended = path.with_name(f".{path.stem}.mended.xdf")  # its writer was killed: the last chunk is torn
        try:
            return read_xdf(mended) if repair_xdf(path, mended) else []
        finally:
            mended.unlink(missing_ok=True)


def even(parts: Sequence[StampedStream]) -> EvenStream:
    """Join the parts of one stream; raises DataError if they have other channels or rates."""
    first = parts[0]
    for other in parts[1:]:
        if (other.channel_names, other.rate_hz) != (first.channel_names, first.rate_hz):
            raise DataError(
                f"stream {first.name}",
                wanted=f"{len(first.channel_names)} channels at {first.rate_hz:g} Hz in every part",
                got=f"{len(other.channel_names)} at {other.rate_hz:g} Hz",
                remedy="give streams of different kinds different names",
            )
    spans = [(part, span) for part in parts for span in _spans(part.stamps_s)]
    pieces: list[Piece] = []
    for part, (begin, end) in spans:
        start, period = _line(part.stamps_s[begin:end], first.rate_hz)
        if pieces:
            least = pieces[-1].first + pieces[-1].n_samples
            at = max(least, round((start - pieces[0].start_s) / pieces[0].period_s))
        else:
            at = 0
        pieces.append(Piece(at, end - begin, start, period))
    values = np.full((first.values.shape[1], pieces[-1].first + pieces[-1].n_samples), np.nan)
    for piece, (part, (begin, end)) in zip(pieces, spans, strict=True):
        values[:, piece.first : piece.first + piece.n_samples] = part.values[begin:end].T
    return EvenStream(
        first.name, first.kind, first.rate_hz, first.channel_names, first.units, values, tuple(pieces)
    )


def _spans(stamps_s: FloatArray) -> list[tuple[int, int]]:
    pauses = np.flatnonzero(np.diff(stamps_s) > _PAUSE_S) + 1
    bounds = [0, *map(int, pauses), stamps_s.size]
    return [(a, b) for a, b in pairwise(bounds) if b > a]


def _line(stamps_s: FloatArray, rate_hz: float) -> tuple[float, float]:
    """Start and period of even samples by their stamps, seconds."""
    counter = np.arange(stamps_s.size)
    if stamps_s.size >= _LEAST_FIT:
        fit = fit_stamps(counter, stamps_s)
        if fit.accepted and abs(fit.period_s * rate_hz - 1) < 0.01:
            return fit.start_s, fit.period_s
        period, start = np.polyfit(counter, stamps_s, 1)
        if abs(period * rate_hz - 1) < 0.01:
            return float(start), float(period)
    return float(np.median(stamps_s - counter / rate_hz)), 1.0 / rate_hz
