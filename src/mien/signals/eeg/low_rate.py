"""A recording read once, a minute at a time, at a lower rate and without mains: what cleaning works on.

A session of 70 minutes is 2.1 GB in double precision at 1000 Hz, and a quarter of a gigabyte here. Filters
are linear-phase with their delay taken out; the first sample stays the first. Each channel loses its first
value, so that single precision holds what an amplifier without high-pass records beside its offset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray
from mien.signals.eeg.bands import resampled

if TYPE_CHECKING:
    import mne

Float32 = NDArray[np.float32]
Flags = NDArray[np.bool_]

CHUNK_S = 60.0
SHORTEST_S = 8.0  # the notch and the 0.5 Hz high-pass are 6.6 s long
_BELOW_NYQUIST_HZ = 2.0  # a notch nearer to it has no room


@dataclass(slots=True, eq=False)
class LowRate:
    """A recording at a lower rate.

    Parameters
    ----------
    rows
        One array (n_samples,) per channel, volts, float32; taking them out frees their memory.
    names, types
        Of the rows, as given.
    rate_hz, recorded_hz
        Samples per second here and in the recording.
    missing
        Samples of the recording that were no numbers, per channel; those channels hold zeros there.
    bad
        Which samples lie in a span annotated as bad, (n_samples,).
    notched_hz
        Where mains were taken out.
    """

    rows: list[Float32]
    names: tuple[str, ...]
    types: tuple[str, ...]
    rate_hz: float
    recorded_hz: float
    missing: tuple[int, ...]
    bad: Flags
    notched_hz: tuple[float, ...]

    def row(self, name: str) -> FloatArray:
        """One channel in double precision, (n_samples,)."""
        return self.rows[self.names.index(name)].astype(np.float64)

    @property
    def n_samples(self) -> int:
        return int(self.bad.size)


def read_low_rate(
    raw: mne.io.BaseRaw,
    picks: Sequence[int],
    names: Sequence[str],
    types: Sequence[str],
    *,
    to_hz: float,
    mains_hz: float | None,
) -> LowRate:
    """The picked channels at `to_hz`, or at the recording's own rate where that is lower.

    Parameters
    ----------
    raw
        MNE's Raw; it need not be loaded.
    picks, names, types
        Rows of the recording, and what to call them.
    mains_hz
        Taken out with its multiples by a notch 0.5 % wide; None for no notch.

    Raises
    ------
    DataError
        If the recording is shorter than 8 s.
    OptionError
        If the two rates are in no ratio of whole numbers, or the mains frequency is not positive.
    """
    recorded_hz = float(raw.info["sfreq"])
    if raw.n_times / recorded_hz < SHORTEST_S:
        raise DataError(
            "EEG",
            wanted=f"at least {SHORTEST_S:g} s",
            got=f"{raw.n_times / recorded_hz:.1f} s",
            remedy="clean the whole recording and cut epochs afterwards",
        )
    if mains_hz is not None and not (math.isfinite(mains_hz) and mains_hz > 0):
        raise OptionError("mains", wanted="above 0 Hz, or none", got=mains_hz, remedy="give 50 or 60")
    rate_hz = min(to_hz, recorded_hz)
    rows, missing = _read(raw, picks, recorded_hz, rate_hz)
    notched = _mains(mains_hz, rate_hz)
    if notched:
        for row in rows:
            row[:] = _without(row.astype(np.float64), rate_hz, notched)
    return LowRate(
        rows=rows,
        names=tuple(names),
        types=tuple(types),
        rate_hz=rate_hz,
        recorded_hz=recorded_hz,
        missing=tuple(missing),
        bad=_annotated(raw, rows[0].size, rate_hz),
        notched_hz=notched,
    )


def _read(
    raw: mne.io.BaseRaw, picks: Sequence[int], recorded_hz: float, rate_hz: float
) -> tuple[list[Float32], list[int]]:
    ratio = Fraction(rate_hz / recorded_hz).limit_denominator(4000)
    up, down = ratio.numerator, ratio.denominator
    # Chunks begin at samples that both rates have; what lies beside reaches further than the filter.
    step = down * math.ceil(CHUNK_S * recorded_hz / down)
    beside = 0 if ratio == 1 else 50 * down
    n = math.ceil(raw.n_times * ratio)
    rows = [np.empty(n, dtype=np.float32) for _ in picks]
    missing, offsets = [0] * len(rows), [0.0] * len(rows)
    for start in range(0, raw.n_times, step):
        first, last = max(0, start - beside), min(raw.n_times, start + step + beside)
        part = raw.get_data(picks=list(picks), start=first, stop=last, verbose="ERROR")
        lead = (start - first) // down * up
        at = start // down * up
        length = min(step // down * up, n - at)
        for number, values in enumerate(part):
            holes = ~np.isfinite(values)
            if holes.any():
                missing[number] += int(holes[start - first : start - first + step].sum())
                values[holes] = 0.0
            if start == 0:
                offsets[number] = float(values[0])
            lowered = resampled(values - offsets[number], recorded_hz, rate_hz)
            rows[number][at : at + length] = lowered[lead : lead + length]
    return rows, missing


def _mains(mains_hz: float | None, rate_hz: float) -> tuple[float, ...]:
    if mains_hz is None:
        return ()
    top = rate_hz / 2 - _BELOW_NYQUIST_HZ
    return tuple(mains_hz * multiple for multiple in range(1, int(top / mains_hz) + 1))


def _without(row: FloatArray, rate_hz: float, notched_hz: Sequence[float]) -> FloatArray:
    import mne

    return np.asarray(mne.filter.notch_filter(row, rate_hz, np.array(notched_hz), verbose="ERROR"))


def _annotated(raw: mne.io.BaseRaw, n_samples: int, rate_hz: float) -> Flags:
    """Which low-rate samples a span annotated as bad covers, (n_samples,)."""
    bad = np.zeros(n_samples, dtype=bool)
    # Annotations with a date count from the recording's date, the others from its first sample.
    shift = raw.first_time if raw.annotations.orig_time is not None else 0.0
    for onset, duration, what in zip(
        raw.annotations.onset, raw.annotations.duration, raw.annotations.description, strict=True
    ):
        if str(what).upper().startswith("BAD"):
            first = max(0, math.floor((onset - shift) * rate_hz))
            bad[first : max(first, math.ceil((onset - shift + duration) * rate_hz) + 1)] = True
    return bad
