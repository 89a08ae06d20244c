"""BrainVision: a header `.vhdr`, markers `.vmrk` and samples `.eeg` (16-bit integers, multiplexed).

A trigger of code 101 is the marker `Stimulus,S101`, which MNE reads as the annotation `Stimulus/S101`.
No date is written: equal content gives equal bytes.
"""

from __future__ import annotations

import configparser
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import write_atomically
from mien.recording.opening import file_size, refusing
from mien.recording.whole_file import whole_file

if TYPE_CHECKING:
    import mne

UNITS = ("V", "mV", "µV", "uV", "nV", "C", "S", "n/a")
_LARGEST = 32767
_CHUNK = 8192  # samples per block: 64 channels of it are 1 MiB
_REMEDY = "write or export the recording again"
_MOST_TEXT = 64 * 1024 * 1024
_LONGEST = 160  # letters of a foreign line that are passed on


@dataclass(frozen=True, slots=True)
class BrainVisionHeader:
    """What a header states, and the number of samples that the data file really holds."""

    rate_hz: float
    channel_names: tuple[str, ...]
    n_samples: int
    data_file: Path
    marker_file: Path


def write_brainvision(
    stem: Path,
    data: NDArray[np.floating],
    *,
    rate_hz: float,
    channel_names: Sequence[str],
    units: str | Sequence[str] = "µV",
    events: Sequence[tuple[int, int]] = (),
    resolution_uv: float = 0.1,
) -> Path:
    """Write `stem`.eeg, .vmrk and .vhdr, the header last, and return the header's path.

    Parameters
    ----------
    stem
        Path without suffix.
    data
        Shape (n_channels, n_samples), in `units`, microvolts as a rule; rounded to `resolution_uv`.
    rate_hz
        Samples per second.
    channel_names
        One per channel, all different.
    units
        One for all channels or one per channel, among `UNITS`.
    events
        Sample (from 0) and code (1 to 65535) of each trigger.
    resolution_uv
        The step of the stored integers in the channel's unit; 0.1 reaches up to 3276.7.

    Raises
    ------
    OptionError
        If a value does not fit into 16 bits at this resolution or is not a number, naming the channel;
        if names, units, rate, resolution or events cannot be.
    """
    named_units = [units] * len(channel_names) if isinstance(units, str) else list(units)
    _check(stem, data, rate_hz, channel_names, named_units, events, resolution_uv)
    with whole_file(stem.with_name(stem.name + ".eeg")) as path:
        _write_samples(path, data, channel_names, resolution_uv)
    write_atomically(stem.with_name(stem.name + ".vmrk"), _markers(stem.name, events))
    header = stem.with_name(stem.name + ".vhdr")
    text = _header(stem.name, rate_hz, data.shape[1], channel_names, named_units, resolution_uv)
    write_atomically(header, text)
    return header


def _check(
    stem: Path,
    data: NDArray[np.floating],
    rate_hz: float,
    names: Sequence[str],
    units: Sequence[str],
    events: Sequence[tuple[int, int]],
    resolution: float,
) -> None:
    def refuse(wanted: str, got: object, remedy: str) -> OptionError:
        return OptionError(stem, wanted=wanted, got=got, remedy=remedy)

    if data.ndim != 2 or 0 in data.shape:
        raise refuse("data of (n_channels, n_samples)", f"shape {data.shape}", "give channels as rows")
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise refuse("a rate above 0 Hz", rate_hz, "state the rate of the recording")
    if not (np.isfinite(resolution) and resolution > 0):
        raise refuse("a resolution above 0", resolution, "give the step of the stored values")
    if not len(names) == len(units) == data.shape[0] or len(set(names)) != len(names):
        got = f"{len(names)} names ({len(set(names))} different) and {len(units)} units"
        raise refuse(f"{data.shape[0]} different channel names, each with a unit", got, "name every channel")
    unknown = [unit for unit in units if unit not in UNITS]
    if unknown:
        raise refuse(f"units among {', '.join(UNITS)}", repr(unknown[0]), "convert the channel")
    bad = [e for e in events if not (0 <= e[0] < data.shape[1] and 0 < e[1] < 65536)]
    if bad:
        wanted = f"events at samples 0 to {data.shape[1] - 1} with codes 1 to 65535"
        raise refuse(wanted, bad[0], "give events in samples of this recording")


def _write_samples(path: Path, data: NDArray[np.floating], names: Sequence[str], resolution: float) -> None:
    steps = data.dtype.type(1.0 / resolution)
    with open(path, "wb") as file:
        for first in range(0, data.shape[1], _CHUNK):
            block = data[:, first : first + _CHUNK] * steps
            np.rint(block, out=block)
            if not (block.max() <= _LARGEST and block.min() >= -_LARGEST - 1):  # NaN is refused as well
                _refuse_channel(block, names, resolution)
            file.write(block.astype("<i2").T.tobytes())


def _refuse_channel(block: NDArray[np.floating], names: Sequence[str], resolution: float) -> None:
    outside = ~((block <= _LARGEST) & (block >= -_LARGEST - 1))
    channel, sample = (int(i) for i in np.argwhere(outside)[0])
    limit = f"±{_LARGEST * resolution:g}"
    raise OptionError(
        f"channel {names[channel]}",
        wanted=f"values within {limit}, which 16 bits hold at a resolution of {resolution:g}",
        got=f"{block[channel, sample] * resolution:g}",
        remedy="give a coarser resolution_uv or correct the channel",
    )


def _header(
    name: str, rate_hz: float, n: int, channels: Sequence[str], units: Sequence[str], resolution: float
) -> bytes:
    rows = [
        f"Ch{number}={channel.replace(',', chr(92) + '1')},,{resolution!r},{unit}"
        for number, (channel, unit) in enumerate(zip(channels, units, strict=True), start=1)
    ]
    lines = [
        "Brain Vision Data Exchange Header File Version 1.0", "", "[Common Infos]", "Codepage=UTF-8",
        f"DataFile={name}.eeg", f"MarkerFile={name}.vmrk", "DataFormat=BINARY",
        "DataOrientation=MULTIPLEXED", f"NumberOfChannels={len(channels)}", f"DataPoints={n}",
        f"SamplingInterval={1e6 / rate_hz!r}", "", "[Binary Infos]", "BinaryFormat=INT_16", "",
        "[Channel Infos]", *rows, "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def _markers(name: str, events: Sequence[tuple[int, int]]) -> bytes:
    marks = [
        f"Mk{number}=Stimulus,S{code:3d},{sample + 1},1,0"
        for number, (sample, code) in enumerate(sorted(events), start=2)
    ]
    lines = [
        "Brain Vision Data Exchange Marker File, Version 1.0", "", "[Common Infos]", "Codepage=UTF-8",
        f"DataFile={name}.eeg", "", "[Marker Infos]", "Mk1=New Segment,,1,1,0", *marks, "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def read_brainvision_header(path: Path) -> BrainVisionHeader:
    """The header of a recording, with the number of samples in its data file.

    Raises
    ------
    DataError
        If the header or its data is absent, is no BrainVision, or the data does not hold whole samples.
    """
    parts = _sections(path, "header")
    try:
        common, infos = parts["Common Infos"], parts["Channel Infos"]
        n_channels = int(common["NumberOfChannels"])
        rate_hz = 1e6 / float(common["SamplingInterval"])
        data, markers = path.parent / common["DataFile"], path.parent / common.get("MarkerFile", "")
        stated = int(common["DataPoints"]) if "DataPoints" in common else None
        width = {"INT_16": 2, "IEEE_FLOAT_32": 4}[parts["Binary Infos"]["BinaryFormat"]]
        names = tuple(infos[f"Ch{i}"].split(",")[0].replace("\\1", ",") for i in range(1, n_channels + 1))
        if len(names) < 1:
            raise ValueError("no channel")
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise DataError(
            path, wanted="a BrainVision header", got=f"none or a wrong entry ({error})", remedy=_REMEDY
        ) from error
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise DataError(path, wanted="an interval above 0", got=f"{rate_hz:g} Hz", remedy=_REMEDY)
    if data.parent != path.parent:
        raise DataError(path, wanted="its data file beside it", got=data, remedy=_REMEDY)
    size = file_size(data, f"the data file of {path.name}")
    n_samples, rest = divmod(size, width * n_channels)
    if rest or not n_samples:
        raise DataError(
            data, wanted=f"whole samples of {n_channels} channels", got=f"{size} bytes", remedy=_REMEDY
        )
    if stated is not None and stated != n_samples:
        raise DataError(data, wanted=f"{stated} samples", got=n_samples, remedy="copy it again")
    return BrainVisionHeader(rate_hz, names, n_samples, data, markers)


def _sections(path: Path, what: str) -> configparser.ConfigParser:
    wanted = f"BrainVision {what}"
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, delimiters=("=",), comment_prefixes=(";",)
    )
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    file_size(path, wanted, most=_MOST_TEXT)
    try:
        content = path.read_bytes()
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            if b"codepage=utf-8" in content.lower():
                raise
            text = content.decode("cp1252")  # older recorders', whose sign for micro is no UTF-8
        head, _, rest = text.partition("[")
        if not head.lstrip("\ufeff").startswith("Brain"):
            raise ValueError("no title")
        if not text.endswith("\n"):  # a unit or a sample may have lost its last letters
            remedy = "copy it again, or end its last line where nothing is missing"
            raise DataError(path, wanted="whole lines", got="an end within the last one", remedy=remedy)
        parser.read_string("[" + rest.split("[Comment]")[0])
    except (ValueError, configparser.Error) as error:
        raise DataError(path, wanted=wanted, got="something else", remedy=_REMEDY) from error
    return parser


def read_brainvision(path: Path) -> mne.io.BaseRaw:
    """The recording as MNE's Raw, samples in volts and not yet in memory; triggers are its annotations.

    Raises
    ------
    DataError
        If the header, the markers or the data are absent or not as the format says.
    """
    header = read_brainvision_header(path)
    if header.marker_file.parent != path.parent:
        raise DataError(path, wanted="its markers beside it", got="none named there", remedy=_REMEDY)
    file_size(header.marker_file, f"the markers of {path.name}")
    with refusing(path, "a BrainVision recording", remedy=_REMEDY, private=True):
        import mne

        n_markers = _number_of_markers(header)
        raw = mne.io.read_raw_brainvision(path, preload=False, verbose="ERROR")
        found = len(raw.ch_names), raw.n_times, len(raw.annotations)
        stated = len(header.channel_names), header.n_samples, n_markers
        if found != stated:
            wanted = f"{stated[0]} channels, {stated[1]} samples and {stated[2]} markers"
            got = " and ".join(map(str, found))
            raise DataError(path, wanted=wanted, got=got, remedy=_REMEDY)
        return raw


def _number_of_markers(header: BrainVisionHeader) -> int:
    """Markers that MNE must find; refuses one that is out of order, lacks a field or is outside the samples.

    MNE leaves out the first marker where it is the New Segment that only tells the time.
    """
    parser = _sections(header.marker_file, "markers")
    if not parser.has_section("Marker Infos"):
        raise DataError(header.marker_file, wanted="[Marker Infos]", got="none", remedy=_REMEDY)
    rows = parser.items("Marker Infos")
    for number, (name, row) in enumerate(rows, start=1):
        fields = row.split(",")
        stamped = len(fields) == 6 and fields[0] == "New Segment"
        place = int(fields[2]) if (len(fields) == 5 or stamped) and fields[2].isdecimal() else 0
        if name != f"Mk{number}" or not 1 <= place <= header.n_samples:
            raise DataError(
                header.marker_file,
                wanted=f"Mk{number}=type,description,sample from 1 to {header.n_samples},length,channel",
                got=f"{name}={row}"[:_LONGEST],
                remedy=_REMEDY,
            )
    return len(rows) - (bool(rows) and rows[0][1].startswith("New Segment,"))
