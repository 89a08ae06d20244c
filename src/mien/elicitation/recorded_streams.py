"""What Lab Streaming Layer recorded, on one even grid: gaps are filled with NaN and named.

A stream comes in pieces: one for each start of the recorder, and a new one after every pause of its own and
wherever samples were lost. Within a piece samples are even, so that a line through the stamps tells when each
was taken.
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
_LOST_S = 0.003  # stamps that are later by more than this, and stay so, tell of lost samples
_LOOK_S = 1.0  # for how long they must stay so
_LAG_S = 0.5  # over which the period is measured
_MISSTATED = 0.01  # a rate that is stated so wrongly is replaced by the measured one
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
    stream's own seconds count, or the measured one where `stated_hz` is wrong by more than a hundredth.
    """

    name: str
    kind: str
    rate_hz: float
    channel_names: tuple[str, ...]
    units: tuple[str, ...]
    values: FloatArray
    pieces: tuple[Piece, ...]
    stated_hz: float

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
    usual = _period(max(parts, key=lambda part: part.stamps_s.size).stamps_s, first.rate_hz)
    spans = [(part, span) for part in parts for span in _spans(part.stamps_s, usual)]
    pieces: list[Piece] = []
    for part, (begin, end) in spans:
        start, period = _line(part.stamps_s[begin:end], usual)
        if pieces:
            least = pieces[-1].first + pieces[-1].n_samples
            at = max(least, round((start - pieces[0].start_s) / pieces[0].period_s))
        else:
            at = 0
        pieces.append(Piece(at, end - begin, start, period))
    values = np.full((first.values.shape[1], pieces[-1].first + pieces[-1].n_samples), np.nan)
    for piece, (part, (begin, end)) in zip(pieces, spans, strict=True):
        values[:, piece.first : piece.first + piece.n_samples] = part.values[begin:end].T
    stated = first.rate_hz
    rate = stated if abs(usual * stated - 1) <= _MISSTATED else round(1 / usual, 2)
    return EvenStream(
        first.name, first.kind, rate, first.channel_names, first.units, values, tuple(pieces), stated
    )


def _period(stamps_s: FloatArray, rate_hz: float) -> float:
    """The usual time from sample to sample: the stated one, unless stamps tell of another."""
    n, lag = stamps_s.size, max(4, round(_LAG_S * rate_hz))
    whole = (stamps_s[-1] - stamps_s[0]) / max(1, n - 1)
    if n < max(_LEAST_FIT, 4 * lag) or abs(whole * rate_hz - 1) <= _MISSTATED:
        return 1 / rate_hz
    found = float(np.median(stamps_s[lag:] - stamps_s[:-lag])) / lag  # pauses are in few of them
    return found if _MISSTATED < abs(found * rate_hz - 1) < 0.2 else 1 / rate_hz


def _spans(stamps_s: FloatArray, period_s: float) -> list[tuple[int, int]]:
    """Stretches without a pause and without lost samples.

    A late packet is followed by others that are not; after lost samples every stamp is later, by more than
    stamps scatter.
    """
    steps = np.diff(stamps_s)
    late = stamps_s - period_s * np.arange(stamps_s.size)
    look = max(8, round(_LOOK_S / period_s))
    bounds = [0]
    for at in map(int, np.flatnonzero(steps > 1.5 * period_s) + 1):
        paused = steps[at - 1] > max(_PAUSE_S, 2.5 * period_s)
        before, after = late[max(bounds[-1], at - look) : at], late[at : at + look]
        near = before[-(look // 4) :], after[: look // 4]
        scatter = sum(float(np.median(some) - some.min()) for some in near)
        moved = after.size >= look // 4 and after.min() - before.min() > max(
            0.75 * period_s, _LOST_S, scatter
        )
        if paused or moved:
            bounds.append(at)
    return list(pairwise([*bounds, stamps_s.size]))


def _line(stamps_s: FloatArray, period_s: float) -> tuple[float, float]:
    """Start and period of even samples by their stamps, seconds; a short stretch has the usual period."""
    counter = np.arange(stamps_s.size)
    if stamps_s.size >= _LEAST_FIT:
        fit = fit_stamps(counter, stamps_s)
        if fit.accepted and abs(fit.period_s / period_s - 1) < 0.01:
            return fit.start_s, fit.period_s
        period, start = np.polyfit(counter, stamps_s, 1)
        if abs(period / period_s - 1) < 0.01:
            return float(start), float(period)
    return float(np.median(stamps_s - counter * period_s)), period_s
