"""EDF, EDF+ and BioSemi's BDF: samples of 16 or 24 bits in records of equal duration.

The header names the participant: nothing of it is ever printed or put into an error. A file must be exactly
as long as its header states. MNE resamples channels to one rate, so that files with several rates are read
channel by channel with `read_edf_signals`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.recording.opening import AGAIN, file_size, first_bytes, refusing
from mien.recording.recording import Event, Recording, distinct_names

if TYPE_CHECKING:
    import mne

_WANTED = "an EDF or BDF recording"
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
_FIELDS = {"name": 16, "sensor": 80, "unit": 8, "low": 8, "high": 8, "lowest": 8, "highest": 8}
_FIELDS |= {"filter": 80, "count": 8, "rest": 32}


@dataclass(frozen=True, slots=True)
class EdfChannel:
    """One channel: its place in a record and the line from stored to physical values."""

    name: str
    unit: str
    first: int  # sample in the record
    count: int  # samples in a record
    gain: float
    offset: float


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """What a header states, without its fields on the participant; annotation channels are left out."""

    channels: tuple[EdfChannel, ...]
    has_annotations: bool
    n_records: int
    record_s: float
    header_bytes: int
    record_samples: int
    width: int  # bytes per sample, 2 or 3

    def rate_hz(self, channel: EdfChannel) -> float:
        """Samples per second of one channel."""
        return channel.count / self.record_s


def read_edf_header(path: Path) -> EdfHeader:
    """The header, once the file is as long as it states.

    Raises
    ------
    DataError
        If the file is no EDF or BDF, a field is not as the format says, records have gaps between them, or
        the file is shorter or longer than the header states.
    """
    size = file_size(path, _WANTED)
    with refusing(path, _WANTED, private=True):
        start = first_bytes(path, 256)
        width = {b"0       ": 2, b"\xffBIOSEMI": 3}.get(start[:8])
        if width is None or len(start) < 256:
            raise DataError(path, wanted=_WANTED, got="no header of one", remedy=AGAIN)
        header_bytes, n_records = int(start[184:192]), int(start[236:244])
        record_s, n_channels = float(start[244:252]), int(start[252:256])
        if start[192:197] in (b"EDF+D", b"BDF+D"):
            raise DataError(path, wanted="a recording without gaps", got="EDF+D", remedy="export it as EDF+C")
        usable = math.isfinite(record_s) and record_s > 0 and n_records > 0
        if not usable or n_channels < 1 or header_bytes != 256 * (n_channels + 1) or header_bytes > size:
            got = f"{n_channels} channels and {n_records} records of {record_s:g} s"
            raise DataError(path, wanted="a whole header with channels and records", got=got, remedy=AGAIN)
        rows = _rows(first_bytes(path, header_bytes)[256:], n_channels)
        return _checked(path, size, rows, (n_records, record_s, header_bytes, width))


def _rows(text: bytes, n_channels: int) -> list[dict[str, str]]:
    """One row of texts per channel; the header stores field by field."""
    rows: list[dict[str, str]] = [{} for _ in range(n_channels)]
    at = 0
    for field, width in _FIELDS.items():
        for row in rows:
            row[field] = text[at : at + width].decode("latin-1").strip("\0 ")
            at += width
    return rows


def _checked(
    path: Path, size: int, rows: list[dict[str, str]], numbers: tuple[int, float, int, int]
) -> EdfHeader:
    n_records, record_s, header_bytes, width = numbers
    counts = [int(row["count"]) for row in rows]
    stated = header_bytes + n_records * sum(counts) * width
    if min(counts) < 1 or stated != size:
        raise DataError(
            path, wanted=f"{stated} bytes, as its header states", got=size, remedy="copy it again"
        )
    firsts = np.cumsum([0, *counts])
    channels = tuple(
        _channel(path, row, int(first), count)
        for row, first, count in zip(rows, firsts, counts, strict=False)
        if row["name"] not in _ANNOTATIONS
    )
    has = len(channels) < len(rows)
    return EdfHeader(channels, has, n_records, record_s, header_bytes, sum(counts), width)


def _channel(path: Path, row: dict[str, str], first: int, count: int) -> EdfChannel:
    low, high, lowest, highest = (float(row[name]) for name in ("low", "high", "lowest", "highest"))
    gain = (high - low) / (highest - lowest) if highest != lowest else math.nan
    if not (math.isfinite(gain) and gain):
        got = f"{low:g} to {high:g} as {lowest:g} to {highest:g}"
        wanted = f"ranges of values for channel {row['name']}"
        raise DataError(path, wanted=wanted, got=got, remedy=AGAIN)
    return EdfChannel(row["name"], row["unit"] or "n/a", first, count, gain, low - gain * lowest)


def read_edf(path: Path) -> mne.io.BaseRaw:
    """The recording as MNE's Raw, samples in volts and not yet in memory; MNE numbers equal names.

    Raises
    ------
    DataError
        As `read_edf_header`, and if the channels have several rates.
    """
    header = read_edf_header(path)
    rates = sorted({channel.count for channel in header.channels})
    if len(rates) != 1:
        got = ", ".join(f"{count / header.record_s:g}" for count in rates) or "no channel"
        remedy = "read it with read_edf_signals, which keeps every channel's rate"
        raise DataError(path, wanted="channels of one rate", got=f"{got} Hz", remedy=remedy)
    with refusing(path, _WANTED, private=True):
        import mne

        reader: Any = mne.io.read_raw_edf if header.width == 2 else mne.io.read_raw_bdf
        raw: mne.io.BaseRaw = reader(path, preload=False, verbose="ERROR")
        if raw.n_times != header.n_records * rates[0]:
            wanted = f"{header.n_records * rates[0]} samples"
            raise DataError(path, wanted=wanted, got=raw.n_times, remedy=AGAIN)
        events = edf_events(path, header)
        inside = sum(0 <= event.time_s < header.n_records * header.record_s for event in events)
        if header.has_annotations and not inside <= len(raw.annotations) <= len(events):
            wanted = f"{inside} annotations within the recording"
            raise DataError(path, wanted=wanted, got=len(raw.annotations), remedy=AGAIN)
        return raw


def read_edf_signals(path: Path) -> Recording:
    """Every channel in its own unit and at its own rate, with the annotations; equal names are numbered.

    Raises
    ------
    DataError
        As `read_edf_header`, and if annotations are damaged.
    """
    header = read_edf_header(path)
    with refusing(path, _WANTED, private=True):
        records = _records(path, header)
        signals = []
        for channel, name in zip(
            header.channels, distinct_names(c.name for c in header.channels), strict=True
        ):
            stored = _integers(records, channel, header.width)
            values = stored.ravel().astype(np.float64) * channel.gain + channel.offset
            signals.append(Signal(values, header.rate_hz(channel), channel.unit, name))
        return Recording(tuple(signals), edf_events(path, header))


def edf_events(path: Path, header: EdfHeader) -> tuple[Event, ...]:
    """The annotations in the file, empty where it has no channel for them."""
    if not header.has_annotations:
        return ()
    with refusing(path, _WANTED, private=True):
        import mne

        found = mne.read_annotations(path)
        return tuple(Event(float(a["onset"]), str(a["description"])) for a in found)


def _records(path: Path, header: EdfHeader) -> NDArray[np.uint8]:
    """The bytes of all records, shape (n_records, record_samples, width)."""
    shape = (header.n_records, header.record_samples, header.width)
    return np.memmap(path, dtype=np.uint8, mode="r", offset=header.header_bytes, shape=shape)


def _integers(records: NDArray[np.uint8], channel: EdfChannel, width: int) -> NDArray[np.int32]:
    part = records[:, channel.first : channel.first + channel.count]
    if width == 2:
        return np.ascontiguousarray(part).view("<i2")[..., 0].astype(np.int32)
    wide = np.zeros((*part.shape[:2], 4), dtype=np.uint8)
    wide[..., 1:] = part
    return wide.view("<i4")[..., 0] >> 8
