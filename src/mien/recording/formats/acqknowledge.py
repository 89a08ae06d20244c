"""BIOPAC AcqKnowledge's own files (.acq), versions 3.8 to 5: channels at their own rates, and markers.

The time of sample k of a channel is k / rate. Channels of one name are told apart as `name`, `name (2)`...
in the file's order. AcqKnowledge 5 counts markers from where its user put the time axis' zero, so that they
can be negative; the marker of the first segment is then the recording's first sample.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.recording.opening import AGAIN, file_size, refusing
from mien.recording.recording import Event, Recording, distinct_names

_WANTED = "an AcqKnowledge recording"
_MOST_CHANNELS = 128
_MOST_TRIES = 4096  # places at which headers of channels are looked for, as the library does
_MOST_TRIED_HEADERS = 1 << 16
_MOST_RATIO = 1040  # deflate never packs tighter: more is a wrong size
_APPEND = "apnd"  # the kind of a marker that AcqKnowledge sets where a segment begins


def read_acqknowledge(path: Path) -> Recording:
    """Every channel in physical units at its own rate, and the markers on the same clock.

    Raises
    ------
    DataError
        If the file is no AcqKnowledge recording, ends before its data does, or a marker lies outside it.

    Examples
    --------
    >>> recording = read_acqknowledge(Path("session.acq"))  # doctest: +SKIP
    >>> recording["EDA"].rate_hz  # doctest: +SKIP
    2000.0
    """
    size = file_size(path, _WANTED)
    import bioread.reader  # noqa: F401  before its logger is silenced, whose level the import sets

    with refusing(path, _WANTED, loggers=("bioread",)), _bounded_search():
        _check_headers(path, size)
        datafile = _datafile(path)
        channels = datafile.channels
        names = distinct_names((channel.name or "").strip("\0 ") for channel in channels)
        signals = tuple(_signal(path, c, n) for c, n in zip(channels, names, strict=True))
        return Recording(signals, _events(path, datafile, signals))


@contextmanager
def _bounded_search() -> Iterator[None]:
    """Keep the library's search for the headers of channels short while the block runs.

    It tries 4096 places for all channels and builds a class for every header it tries, because what it stores
    of them is never found again: minutes for a damaged file of a few kilobytes and many channels.
    """
    from bioread.header_reader import ChannelDTypeHeaderReader
    from bioread.headers import Header

    slow, tries, built = Header._struct_class, ChannelDTypeHeaderReader.MAX_DTYPE_SCANS, {}

    def struct_class(header: Any) -> Any:
        key = type(header), header.file_revision, header.byte_order_char
        if key not in built:
            built[key] = slow.fget(header)
        return built[key]

    Header._struct_class = property(struct_class)
    try:
        yield
    finally:
        Header._struct_class, ChannelDTypeHeaderReader.MAX_DTYPE_SCANS = slow, tries


def _check_headers(path: Path, size: int) -> None:
    """Refuse what the library would skip over, or reserve memory for, before it reads any sample."""
    from bioread.header_reader import ChannelDTypeHeaderReader, GraphHeaderReader
    from bioread.reader import Reader

    with open(path, "rb") as file:
        stated = GraphHeaderReader.bootstrap(file).channel_count
    if not 0 < stated <= _MOST_CHANNELS:
        wanted = f"1 to {_MOST_CHANNELS} channels"
        raise DataError(path, wanted=wanted, got=stated, remedy=AGAIN)
    ChannelDTypeHeaderReader.MAX_DTYPE_SCANS = min(_MOST_TRIES, _MOST_TRIED_HEADERS // stated)
    found = Reader.read_headers(str(path))
    if found.datafile is None or found.data_start_offset is None:
        raise DataError(path, wanted=_WANTED, got="no whole headers", remedy=AGAIN)
    if found.event_markers is None or (found.is_compressed and not found.channel_compression_headers):
        raise DataError(path, wanted=_WANTED, got="an end before its markers", remedy=AGAIN)
    channels = found.datafile.channels
    if not 0 < len(channels) <= _MOST_CHANNELS or any(channel.point_count < 1 for channel in channels):
        got = f"{len(channels)} channels, or one without samples"
        raise DataError(path, wanted=f"1 to {_MOST_CHANNELS} channels with samples", got=got, remedy=AGAIN)
    stated = sum(channel.point_count * channel.sample_size for channel in channels)
    held = size * _MOST_RATIO if found.is_compressed else size - found.data_start_offset
    if stated > held:
        raise DataError(path, wanted=f"{stated} bytes of samples", got=f"{held}", remedy=AGAIN)
    if found.is_compressed:
        _check_packed(path, channels, found.channel_compression_headers)


def _check_packed(path: Path, channels: Sequence[Any], headers: Sequence[Any]) -> None:
    """Refuse packed samples that hold more or less than their channel states, without unpacking more."""
    with open(path, "rb") as file:
        for channel, header in zip(channels, headers, strict=True):
            file.seek(header.compressed_data_offset)
            packed = file.read(max(0, header.compressed_data_len))
            stated = channel.point_count * channel.sample_size
            held = len(zlib.decompressobj().decompress(packed, stated + 1))
            if held != stated:
                raise DataError(path, wanted=f"{stated} bytes in a channel", got=f"{held}", remedy=AGAIN)


def _datafile(path: Path) -> Any:
    from bioread.reader import Reader

    datafile = Reader.read(str(path)).datafile
    if datafile is None:
        raise DataError(path, wanted=_WANTED, got="no whole headers", remedy=AGAIN)
    return datafile


def _signal(path: Path, channel: Any, name: str) -> Signal:
    values: NDArray[np.float64] = np.asarray(channel.data, dtype=np.float64)
    if values.shape != (channel.point_count,):
        wanted = f"{channel.point_count} samples of {name}"
        raise DataError(path, wanted=wanted, got=f"shape {values.shape}", remedy=AGAIN)
    unit = (channel.units or "").strip("\0 ") or "n/a"
    return Signal(values, float(channel.samples_per_second), unit, name)


def _events(path: Path, datafile: Any, signals: tuple[Signal, ...]) -> tuple[Event, ...]:
    markers = datafile.event_markers
    if not markers:
        return ()
    places = [_signed(int(marker.sample_index)) for marker in markers]
    if min(places) < 0:
        starts = [p for p, m in zip(places, markers, strict=True) if m.type_code == _APPEND]
        first = min(starts, default=0)
        places = [place - first for place in places]
    rate = float(datafile.samples_per_second)
    last = math.ceil(max(signal.duration_s for signal in signals) * rate)
    outside = [place for place in places if not 0 <= place <= last]
    if outside:
        raise DataError(path, wanted=f"markers at samples 0 to {last}", got=outside[0], remedy=AGAIN)
    return tuple(
        Event(place / rate, (m.text or "").strip("\0")) for place, m in zip(places, markers, strict=True)
    )


def _signed(index: int) -> int:
    """A 32-bit sample number that may be negative but was read as unsigned."""
    return index - 2**32 if index >= 2**31 else index
