"""Epochs of the EEG around apexes, on the master clock; what does not fit is missing, with a reason.

The default is 10 s, 5 s on each side (MMME section 4.2.2). Every epoch has the same number of samples, and
its first one is the sample nearest to the asked start, so that an apex is at most half a sample off; by how
much is kept. Filter the whole recording first: an epoch of 10 s is too short for a filter from 0.5 Hz on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray, IntArray

if TYPE_CHECKING:
    import mne

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-apex": "the apex was not observed",
        "outside-recording": "the epoch is not wholly inside the recording",
        "missing-samples": "a channel has missing samples in the epoch",
        "bad-span": "the epoch touches a span that was annotated as bad",
        "flat": "every channel is constant throughout the epoch",
    }
)
BEFORE_S = AFTER_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class EegEpochs:
    """Epochs around apexes; one is all NaN exactly where it has a reason.

    Parameters
    ----------
    data
        Shape (n_apexes, n_channels, n_samples), in the unit of the recording.
    reasons
        "" or a key of `REASONS`, (n_apexes,).
    apexes_s
        As given, seconds on the master clock, (n_apexes,).
    apex_offset_s
        Time of the apex minus time of the epoch's sample at `before_s`, (n_apexes,): at most half a sample;
        NaN where there is no epoch.
    before_s, rate_hz, channels
        What lies before the apex, the sampling rate, and the channels' names.
    """

    data: FloatArray
    reasons: NDArray[np.str_]
    apexes_s: FloatArray
    apex_offset_s: FloatArray
    before_s: float
    rate_hz: float
    channels: tuple[str, ...]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Which epochs have data, (n_apexes,)."""
        return np.asarray(self.reasons == "")

    @property
    def times_s(self) -> FloatArray:
        """Seconds of the samples relative to the apex, (n_samples,), but for `apex_offset_s`."""
        return (np.arange(self.data.shape[2]) - round(self.before_s * self.rate_hz)) / self.rate_hz


def around_apexes(
    data: ArrayLike,
    rate_hz: float,
    apexes_s: ArrayLike,
    *,
    channels: Sequence[str],
    start_s: float = 0.0,
    before_s: float = BEFORE_S,
    after_s: float = AFTER_S,
) -> EegEpochs:
    """Epochs [apex - before_s, apex + after_s) of a recording in memory.

    Parameters
    ----------
    data
        (n_channels, n_samples); NaN marks a missing sample.
    apexes_s
        Seconds on the master clock, (n_apexes,); NaN where an apex was not observed.
    start_s
        Time of the first sample on the master clock.

    Raises
    ------
    DataError
        If the data are not two-dimensional or do not have one name per channel.
    OptionError
        If the rate is not positive or the epoch would have no samples.
    """
    values = np.asarray(data, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != len(channels):
        raise DataError(
            "EEG",
            wanted=f"({len(channels)}, n_samples), one row for each name",
            got=f"shape {values.shape}",
            remedy="give all channels and their names",
        )
    return _cut(
        lambda first, last: values[:, first:last],
        values.shape[1],
        np.zeros(values.shape[1], bool),
        rate_hz,
        (np.asarray(apexes_s, dtype=np.float64).reshape(-1), start_s, before_s, after_s),
        tuple(channels),
    )


def raw_around_apexes(
    raw: mne.io.BaseRaw,
    apexes_s: ArrayLike,
    *,
    picks: str | Sequence[str] = "eeg",
    start_s: float = 0.0,
    before_s: float = BEFORE_S,
    after_s: float = AFTER_S,
) -> EegEpochs:
    """Epochs of MNE's Raw, volts, read one by one; an epoch that touches a bad span has none.

    `start_s` is the master clock's time at the recording's first sample: 0 for a study, whose clock is the
    EEG's. Raises as `around_apexes`, and DataError if no channel is picked.
    """
    import mne

    rows = mne.pick_types(raw.info, eeg=True, exclude=()) if picks == "eeg" else _rows(raw, picks)
    if not len(rows):
        raise DataError("EEG", wanted="one or more channels", got="none", remedy="check the channel types")
    bad = np.isnan(raw.get_data(picks=[int(rows[0])], reject_by_annotation="NaN", verbose="ERROR")[0])
    return _cut(
        lambda first, last: raw.get_data(picks=rows, start=first, stop=last, verbose="ERROR"),
        raw.n_times,
        bad,
        float(raw.info["sfreq"]),
        (np.asarray(apexes_s, dtype=np.float64).reshape(-1), start_s, before_s, after_s),
        tuple(raw.ch_names[row] for row in rows),
    )


def _rows(raw: mne.io.BaseRaw, picks: str | Sequence[str]) -> IntArray:
    names = [picks] if isinstance(picks, str) else list(picks)
    unknown = [name for name in names if name not in raw.ch_names]
    if unknown:
        raise DataError(
            "EEG",
            wanted="channels of the recording",
            got=", ".join(unknown),
            remedy="check the names; montage.repair_raw changes them",
        )
    return np.array([raw.ch_names.index(name) for name in names], dtype=np.int64)


def _cut(
    read: Callable[[int, int], FloatArray],
    n_recorded: int,
    bad: NDArray[np.bool_],
    rate_hz: float,
    when: tuple[FloatArray, float, float, float],
    channels: tuple[str, ...],
) -> EegEpochs:
    apexes, start_s, before_s, after_s = when
    before, n = _lengths(rate_hz, before_s, after_s)
    data = np.full((apexes.size, len(channels), n), np.nan)
    reasons = np.full(apexes.size, "", dtype="U20")
    offsets = np.full(apexes.size, np.nan)
    for number, apex in enumerate(apexes):
        if not np.isfinite(apex):
            reasons[number] = "no-apex"
            continue
        at = round((apex - start_s) * rate_hz)
        first, last = at - before, at - before + n
        if first < 0 or last > n_recorded:
            reasons[number] = "outside-recording"
        elif bad[first:last].any():
            reasons[number] = "bad-span"
        else:
            part = read(first, last)
            reasons[number] = _wrong(part)
            if not reasons[number]:
                data[number] = part
                offsets[number] = apex - start_s - at / rate_hz
    return EegEpochs(data, reasons, apexes, offsets, before_s, rate_hz, channels)


def _wrong(part: FloatArray) -> str:
    if not np.isfinite(part).all():
        return "missing-samples"
    return "flat" if (np.ptp(part, axis=1) == 0).all() else ""


def _lengths(rate_hz: float, before_s: float, after_s: float) -> tuple[int, int]:
    """Samples before the apex's, and in all."""
    sound = np.isfinite([rate_hz, before_s, after_s]).all() and rate_hz > 0
    n = round((before_s + after_s) * rate_hz) if sound else 0
    if n < 1:
        raise OptionError(
            "epoch",
            wanted="a positive rate and a length of one sample or more",
            got=f"{before_s} s before to {after_s} s after at {rate_hz} Hz",
            remedy="give seconds before and after the apex",
        )
    return round(before_s * rate_hz), n
