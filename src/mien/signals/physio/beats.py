"""From beats to intervals and a rate, for ECG and pulse alike.

Conventions: an RR interval is accepted by the rule of `clean_intervals` (0.33 to 1.5 s, within 20 % of the
median of five) and if no sample is missing between its beats. Rejected intervals are left out and nothing
is bridged; `clean_intervals` itself bridges, for a continuous heart rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio.epochs import interval_ranges, padded, rows, sample_ranges
from mien.signals.physio.heart_rate import RR_RANGE_S, clean_intervals
from mien.signals.physio.table import Reasons, codes

# A mean rate is given where it is known for at least this share of the window.
LEAST_KNOWN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Cycles:
    """Intervals between successive events of one signal, such as beats or breaths.

    Parameters
    ----------
    events_s
        Shape (n + 1,), seconds, increasing; empty if there are fewer than two events.
    lengths_s
        Shape (n,), seconds; NaN where samples are missing between the two events, as more may hide there.
    accepted
        Shape (n,), False for an interval that is an artefact or spans missing samples.
    """

    events_s: FloatArray
    lengths_s: FloatArray
    accepted: NDArray[np.bool_]

    def matrix_ms(self, windows: FloatArray, *, accepted_only: bool = True) -> FloatArray:
        """Intervals wholly inside each window as rows, ms, NaN for the rejected and behind the end."""
        lengths = np.where(self.accepted | (not accepted_only), self.lengths_s * 1000, np.nan)
        return padded(lengths, interval_ranges(self.events_s, windows))


def detected(find: Callable[[], Mapping[str, Any]], *keys: str) -> FloatArray:
    """What a detector of NeuroKit2 gives under each key, shape (n_keys, n_events).

    No events where it fails for want of them: NeuroKit2 indexes into what it found without looking whether
    it found anything.
    """
    import warnings

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = find()
            return np.stack([np.asarray(found[key], dtype=np.float64).reshape(-1) for key in keys])
        except (IndexError, ValueError, KeyError, TypeError, ZeroDivisionError, UnboundLocalError):
            return np.empty((len(keys), 0))


def beat_cycles(beats_s: FloatArray, recording: Signal) -> Cycles:
    """The intervals between beats found in a recording, judged; empty for fewer than two beats."""
    if beats_s.size < 2:
        return Cycles(np.empty(0), np.empty(0), np.empty(0, dtype=np.bool_))
    lengths = np.diff(beats_s)
    if beats_s.size >= 3:
        accepted = ~clean_intervals(beats_s).flagged
    else:
        accepted = (lengths >= RR_RANGE_S[0]) & (lengths <= RR_RANGE_S[1])
    hole = spans_hole(beats_s, recording)
    return Cycles(beats_s, np.where(hole, np.nan, lengths), accepted & ~hole)


def spans_hole(events_s: FloatArray, recording: Signal) -> NDArray[np.bool_]:
    """Which of the intervals between events hold a missing sample, shape (n_events - 1,)."""
    missing = np.concatenate([[0], np.cumsum(~np.isfinite(recording.values))])
    at = np.clip(np.rint((events_s - recording.start_s) * recording.rate_hz), 0, len(recording))
    counted = missing[at.astype(np.int64)]
    return np.asarray(counted[1:] > counted[:-1])


def interpolated_rate(cycles: Cycles, like: Signal, *, unit: str, name: str) -> Signal:
    """Events per minute at the samples of `like`, NaN where it is not known.

    As NeuroKit2's `signal_rate`: the period belongs to the later event, PCHIP runs through the periods, and
    the rate is 60 / period. Known only between two events that both end an accepted interval: NeuroKit2
    goes on to the ends of the recording with a made-up first period and bridges every hole.
    """
    values = np.full(len(like), np.nan)
    nodes = cycles.events_s[1:][cycles.accepted]
    if nodes.size >= 2:
        from scipy.interpolate import PchipInterpolator

        known = np.flatnonzero(cycles.accepted[1:] & cycles.accepted[:-1]) + 1
        spans = np.stack([cycles.events_s[known], cycles.events_s[known + 1]], axis=1)
        times = like.times_s
        at = np.searchsorted(spans[:, 0], times, side="right") - 1
        inside = (at >= 0) & (times <= spans[np.maximum(at, 0), 1]) if len(spans) else np.zeros(0, np.bool_)
        if inside.any():
            periods = PchipInterpolator(nodes, cycles.lengths_s[cycles.accepted])
            values[inside] = 60.0 / periods(times[inside])
    return Signal(values, like.rate_hz, unit, name, like.start_s)


def mean_rate(rate: Signal, windows: FloatArray, *, few: str) -> tuple[FloatArray, Reasons]:
    """Mean of the rate over its known samples; `few` is the reason where under half of them are known."""
    ranges = sample_ranges(rate, windows)
    total = np.maximum(ranges[:, 1] - ranges[:, 0], 1)
    values = np.full(len(windows), np.nan)
    for numbers, samples in rows(rate.values, ranges):
        enough = samples.shape[1] >= LEAST_KNOWN * total[numbers]
        values[numbers] = np.where(enough, samples.mean(axis=1), np.nan)
    reasons = codes(len(windows))
    reasons[np.isnan(values)] = few
    return values, reasons
