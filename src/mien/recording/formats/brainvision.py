"""BrainVision: a header `.vhdr`, markers `.vmrk` and samples `.eeg` (16-bit integers, multiplexed).

A trigger of code 101 is the marker `Stimulus,S101`, which MNE reads as the annotation `Stimulus/S101`.
No date is written: equal content gives equal bytes.
"""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import write_atomically
from mien.recording.whole_file import whole_file

if TYPE_CHECKING:
    import mne

UNITS = ("V", "mV", "µV", "uV", "nV", "C", "S", "n/a")
_LARGEST = 32767
_CHUNK = 8192  # samples per block: 64 channels of it are 1 MiB
_REMEDY = "write or export the recording again"


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
    write_atomically(header, _header(stem.name, rate_hz, channel_names, named_units, resolution_uv))
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
    name: str, rate_hz: float, channels: Sequence[str], units: Sequence[str], resolution: float
) -> bytes:
    rows = [
        f"Ch{number}={channel.replace(',', chr(92) + '1')},,{resolution!r},{unit}"
        for number, (channel, unit) in enumerate(zip(channels, units, strict=True), start=1)
    ]
    lines = [
        "Brain Vision Data Exchange Header File Version 1.0", "", "[Common Infos]", "Codepage=UTF-8",
        f"DataFile={name}.eeg", f"MarkerFile={name}.vmrk", "DataFormat=BINARY",
        "DataOrientation=MULTIPLEXED", f"NumberOfChannels={len(channels)}",
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
    parts = _sections(path)
    try:
        common, infos = parts["Common Infos"], parts["Channel Infos"]
        n_channels = int(common["NumberOfChannels"])
        rate_hz = 1e6 / float(common["SamplingInterval"])
        data, markers = path.parent / common["DataFile"], path.parent / common.get("MarkerFile", "")
        width = {"INT_16": 2, "IEEE_FLOAT_32": 4}[parts["Binary Infos"]["BinaryFormat"]]
        names = tuple(infos[f"Ch{i}"].split(",")[0].replace("\\1", ",") for i in range(1, n_channels + 1))
        if len(names) < 1:
            raise ValueError("no channel")
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise DataError(
            path, wanted="a BrainVision header", got=f"none or a wrong entry ({error})", remedy=_REMEDY
        ) from error
    if data.parent != path.parent or not data.is_file():
        raise DataError(path, wanted=f"its data file {data.name}", got="no such file", remedy=_REMEDY)
    n_samples, rest = divmod(data.stat().st_size, width * n_channels)
    if rest or not n_samples:
        raise DataError(
            data,
            wanted=f"whole samples of {n_channels} channels",
            got=f"{data.stat().st_size} bytes",
            remedy=_REMEDY,
        )
    return BrainVisionHeader(rate_hz, names, n_samples, data, markers)


def _sections(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, delimiters=("=",), comment_prefixes=(";",)
    )
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        text = path.read_bytes().decode("utf-8", errors="strict")
        head, _, rest = text.partition("[")
        if not head.lstrip("\ufeff").startswith("Brain"):
            raise ValueError("no title")
        parser.read_string("[" + rest.split("[Comment]")[0])
    except OSError as error:
        raise DataError(
            path,
            wanted="a BrainVision header",
            got=error.strerror or "an error",
            remedy="check the path",
        ) from error
    except (ValueError, configparser.Error) as error:
        raise DataError(
            path, wanted="a BrainVision header in UTF-8", got="something else", remedy=_REMEDY
        ) from error
    return parser


def read_brainvision(path: Path) -> mne.io.BaseRaw:
    """The recording as MNE's Raw, samples in volts and not yet in memory; triggers are its annotations.

    Raises
    ------
    DataError
        If the header, the markers or the data are absent or not as the format says.
    """
    header = read_brainvision_header(path)
    if not header.marker_file.is_file():
        raise DataError(
            path, wanted=f"its markers {header.marker_file.name}", got="no such file", remedy=_REMEDY
        )
    import mne

    try:
        return mne.io.read_raw_brainvision(path, preload=False, verbose="ERROR")
    except (ValueError, RuntimeError, OSError, KeyError, configparser.Error) as error:
        raise DataError(
            path,
            wanted="a BrainVision recording",
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy=_REMEDY,
        ) from error
