"""What XDF files are made of: streams' headers and footers, and chunks that state their own length."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError

VALUE_FORMATS = ("int8", "int16", "int32", "int64", "float32", "double64", "string")
DTYPES = {"int8": "i1", "int16": "<i2", "int32": "<i4", "int64": "<i8", "float32": "<f4", "double64": "<f8"}
HEADER, STREAM, SAMPLES, OFFSET, BOUNDARY, FOOTER = range(1, 7)
LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
"""How a length is written, by the number of its bytes."""


@dataclass(frozen=True, slots=True)
class XdfStream:
    """What the header of a stream says.

    Parameters
    ----------
    name, kind
        As Lab Streaming Layer calls them: "simulated-eeg", "EEG".
    value_format
        One of `VALUE_FORMATS`.
    channel_names, units
        One per channel; `units` may be left empty.
    rate_hz
        Stated samples per second; 0 for samples that come irregularly.
    source_id, host
        Which device, and which computer.
    """

    name: str
    kind: str
    value_format: str
    channel_names: tuple[str, ...]
    units: tuple[str, ...] = ()
    rate_hz: float = 0.0
    source_id: str = ""
    host: str = ""

    def xml(self) -> str:
        """The header's text, laid out as Lab Streaming Layer does it."""
        units = self.units or ("",) * len(self.channel_names)
        channels = "".join(
            f"<channel><label>{escape(name)}</label><unit>{escape(unit)}</unit></channel>"
            for name, unit in zip(self.channel_names, units, strict=True)
        )
        fields = {
            "name": self.name,
            "type": self.kind,
            "channel_count": len(self.channel_names),
            "nominal_srate": repr(float(self.rate_hz)),
            "channel_format": self.value_format,
            "source_id": self.source_id,
            "hostname": self.host,
        }
        stated = "".join(f"<{tag}>{escape(str(value))}</{tag}>" for tag, value in fields.items())
        return f'<?xml version="1.0"?><info>{stated}<desc><channels>{channels}</channels></desc></info>'


@dataclass(slots=True)
class StreamTally:
    """What a stream's footer will say."""

    value_format: str
    n_channels: int
    n_samples: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    offsets: list[tuple[float, float]] = field(default_factory=list)

    def saw(self, stamps_s: Sequence[float] | NDArray[np.float64]) -> None:
        if len(stamps_s):
            if not self.n_samples:
                self.first_s = float(stamps_s[0])
            self.last_s = float(stamps_s[-1])
            self.n_samples += len(stamps_s)

    def xml(self) -> str:
        offsets = "".join(
            f"<offset><time>{at!r}</time><value>{value!r}</value></offset>" for at, value in self.offsets
        )
        return (
            f'<?xml version="1.0"?><info><first_timestamp>{self.first_s!r}</first_timestamp>'
            f"<last_timestamp>{self.last_s!r}</last_timestamp><sample_count>{self.n_samples}</sample_count>"
            f"<clock_offsets>{offsets}</clock_offsets></info>"
        )


def stated_stream(path: Path, text: str) -> StreamTally:
    """Format and number of channels in a header's text."""
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        header: Any = fromstring(text)
        form, count = header.findtext("channel_format", ""), int(header.findtext("channel_count", "0"))
        rate = float(header.findtext("nominal_srate", "0"))
    except (ParseError, ValueError) as error:
        got = f"a header that cannot be read ({error})"
        raise OptionError(path, wanted="the header of a stream", got=got, remedy="correct it") from error
    if form not in VALUE_FORMATS or not 0 < count < 1_000_000 or not 0 <= rate < 1e9:
        got = f"{count} channels of {form or 'no format'} at {rate:g} Hz"
        wanted = f"channels of {', '.join(VALUE_FORMATS)}"
        raise OptionError(path, wanted=wanted, got=got, remedy="correct the stream's description")
    return StreamTally(form, count)


def footers(streams: dict[int, StreamTally]) -> bytes:
    return b"".join(
        chunk_bytes(FOOTER, struct.pack("<I", number) + stream.xml().encode())
        for number, stream in streams.items()
    )


def chunk_bytes(tag: int, content: bytes) -> bytes:
    return counted(len(content) + 2) + struct.pack("<H", tag) + content


def counted(value: int) -> bytes:
    """A number preceded by the number of its bytes."""
    width = 1 if value < 256 else 4 if value < 1 << 32 else 8
    return bytes([width]) + struct.pack(LENGTHS[width], value)
