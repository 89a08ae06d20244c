"""What a recording holds: its format, channels, rates, units, length, events and pictures.

The ending of the name chooses the reader, and the first bytes must agree with it. `FORMATS` is the one
table of what is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.recording.formats.acqknowledge import read_acqknowledge
from mien.recording.formats.audio import holds_sound, read_audio_channels
from mien.recording.formats.biopac_mat import read_biopac_mat
from mien.recording.formats.brainvision import read_brainvision
from mien.recording.formats.curry import read_curry
from mien.recording.formats.edf import edf_events, read_edf_header
from mien.recording.formats.eeglab import read_eeglab
from mien.recording.formats.fif import read_fif
from mien.recording.formats.images import is_image_folder, read_image_folder
from mien.recording.formats.neuroscan import read_cnt
from mien.recording.formats.openface import read_openface
from mien.recording.formats.physio_tsv import read_physio
from mien.recording.formats.sheets import key, summarise_sheet
from mien.recording.formats.table import read_table
from mien.recording.formats.video import probe
from mien.recording.formats.xdf import read_xdf
from mien.recording.opening import file_size, first_bytes, refusing
from mien.recording.recording import Recording, distinct_names

if TYPE_CHECKING:
    import mne

_WANTED = "a recording"
_HEAD = 4096  # bytes that are looked at to recognise a format
_COMPANIONS = {
    ".fdt": ".set", ".eeg": ".vhdr", ".vmrk": ".vhdr",
    ".dpa": ".cdt", ".dpo": ".cdt", ".cef": ".cdt", ".ceo": ".cdt",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """One channel; `rate_hz` is NaN where its samples come irregularly or the file states no rate."""

    name: str
    rate_hz: float
    unit: str
    n_samples: int


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """The pictures of a video or a folder; `rate_hz` is the stated rate of a video, measured for a folder."""

    n_frames: int
    rate_hz: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a recording holds.

    `duration_s` is that of its longest part, NaN where the file states no times; `events` is their number.
    """

    format: str
    duration_s: float
    channels: tuple[ChannelInfo, ...]
    events: int
    video: PictureInfo | None = None


_Found = tuple[float, tuple[ChannelInfo, ...], int, PictureInfo | None]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, the endings of its files, whether first bytes are its own, and how it is read."""

    name: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]
    hold: Callable[[Path], _Found]


def inspect_file(path: Path) -> Inspection:
    """What a file, or a folder of stamped images, holds; the whole file is checked as its reader does.

    Raises
    ------
    DataError
        If the path is no readable file or folder of images, its format is unknown, or its reader refuses it.
    """
    with refusing(path, _WANTED, remedy="check the path"):
        if path.is_dir():
            if not is_image_folder(path):
                raise DataError(
                    path, wanted=_WANTED, got="a folder without stamped images", remedy="name a file"
                )
            return Inspection("images", *_pictures(path))
    file_size(path, _WANTED)
    with refusing(path, _WANTED):
        known = _format(path)
        return Inspection(known.name, *known.hold(path))


def _format(path: Path) -> Format:
    head = first_bytes(path, _HEAD)
    candidates = [known for known in FORMATS if path.name.lower().endswith(known.suffixes)]
    if not candidates:
        whole = _COMPANIONS.get(path.suffix.lower())
        remedy = f"give the {whole} that it belongs to" if whole else "export it to one of these"
        endings = ", ".join(suffix for known in FORMATS for suffix in known.suffixes)
        got = path.suffix or "no ending"
        raise DataError(path, wanted=f"a name ending with {endings}", got=got, remedy=remedy)
    for known in candidates:
        if known.begins(head):
            return known
    vague = (_anything, _is_text, _is_coding_table)
    others = sorted({k.name for k in FORMATS if k.begins not in vague and k.begins(head)})
    got = f"the first bytes of {' or '.join(others)}" if others else "other first bytes"
    remedy = "correct its ending" if others else "export it again"
    raise DataError(path, wanted=f"a file of format {candidates[0].name}", got=got, remedy=remedy)


def _recorded(recording: Recording) -> _Found:
    return recording.duration_s, _channels(recording.signals), len(recording.events), None


def _channels(signals: Sequence[Signal]) -> tuple[ChannelInfo, ...]:
    return tuple(ChannelInfo(s.name, s.rate_hz, s.unit, len(s)) for s in signals)


def _raw(raw: mne.io.BaseRaw, unit: str) -> _Found:
    """What MNE opened; `unit` is the format's own, where channels state none."""
    rate, n_samples = float(raw.info["sfreq"]), int(raw.n_times)
    units = getattr(raw, "_orig_units", None) or {}
    channels = (ChannelInfo(name, rate, str(units.get(name) or unit), n_samples) for name in raw.ch_names)
    return n_samples / rate, tuple(channels), len(raw.annotations), None


def _edf(path: Path) -> _Found:
    header = read_edf_header(path)
    names = distinct_names(channel.name for channel in header.channels)
    channels = [
        ChannelInfo(name, header.rate_hz(c), c.unit, c.count * header.n_records)
        for name, c in zip(names, header.channels, strict=True)
    ]
    return header.n_records * header.record_s, tuple(channels), len(edf_events(path, header)), None


def _xdf(path: Path) -> _Found:
    streams = read_xdf(path)
    channels = [
        ChannelInfo(f"{stream.name}: {name}", stream.rate_hz or float("nan"), unit, stream.stamps_s.size)
        for stream in streams
        for name, unit in zip(stream.channel_names, stream.units, strict=True)
    ]
    stamps = [stream.stamps_s for stream in streams if stream.stamps_s.size]
    spans = max(s.max() for s in stamps) - min(s.min() for s in stamps) if stamps else 0.0
    return float(spans), tuple(channels), sum(len(stream.events) for stream in streams), None


def _physio(path: Path) -> _Found:
    signals = read_physio(path)
    return signals[0].duration_s, _channels(signals), 0, None


def _sound(path: Path) -> _Found:
    signals = read_audio_channels(path)
    return signals[0].duration_s, _channels(signals), 0, None


def _video(path: Path) -> _Found:
    found = probe(path)
    channels = _channels(read_audio_channels(path)) if holds_sound(path) else ()
    pictures = PictureInfo(found.n_frames, float(found.rate_hz), found.width, found.height)
    return found.duration_s, channels, 0, pictures


def _pictures(path: Path) -> _Found:
    frames = read_image_folder(path)
    pictures = PictureInfo(len(frames.paths), frames.rate_hz, frames.width, frames.height)
    return float(frames.host_s[-1] - frames.host_s[0]), (), 0, pictures


def _landmarks(path: Path) -> _Found:
    found = read_openface(path)
    n, n_points = found.points.shape[:2]
    rate = float(1.0 / np.median(np.diff(found.time_s))) if n > 1 else float("nan")
    names = [f"{axis}_{i}" for axis in "xy" for i in range(n_points)]
    return (
        float(found.time_s[-1] - found.time_s[0]),
        tuple(ChannelInfo(m, rate, "px", n) for m in names),
        0,
        None,
    )


def _sheet(path: Path) -> _Found:
    """A coding table: its columns with the number of filled cells; its rows are its events."""
    found = summarise_sheet(path)
    channels = tuple(
        ChannelInfo(name, float("nan"), "n/a", n) for name, n in zip(found.headers, found.filled, strict=True)
    )
    return float("nan"), channels, found.n_rows, None


def _is_coding_table(head: bytes) -> bool:
    """Whether the first line of a text has a column of subjects or videos, and one of onsets."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[0].decode("utf-8", errors="replace")
    keys = {key(word) for word in re.split(r"[,;\t]", line)}
    return bool(keys & {"subject", "participant", "video", "videoname", "filename", "clip"}) and any(
        word.startswith(("onset", "start")) for word in keys
    )


def _table(path: Path) -> _Found:
    """Columns without a stated unit; where no times are stated, neither rate nor duration is known."""
    found = read_table(path)
    n = found.values.shape[1]
    channels = tuple(ChannelInfo(name, found.rate_hz, "n/a", n) for name in found.names)
    duration_s = float("nan") if found.time_s is None else float(found.time_s[-1] - found.time_s[0])
    return duration_s, channels, 0, None


def _starts(*beginnings: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda head: head[at:].startswith(beginnings)


def _anything(head: bytes) -> bool:
    """AcqKnowledge's files begin with a length and a revision, which only their reader can judge."""
    return True


def _is_cnt(head: bytes) -> bool:
    """Neuroscan's, or ANT's of the same ending, which the reader names and refuses."""
    return head.startswith(b"Version 3.") or head[8:11] == b"CNT"


def _is_landmarks(head: bytes) -> bool:
    names = [name.strip() for name in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[0].split(b",")]
    return b"frame" in names and b"timestamp" in names


def _is_text(head: bytes) -> bool:
    return b"\0" not in head


def _riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"RIFF") and head[8:12] == kind


_ISO = _starts(b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", at=4)
_MATROSKA = _starts(b"\x1aE\xdf\xa3")
_MATLAB = _starts(b"MATLAB 5.0", b"MATLAB 7.3", b"\x89HDF")

FORMATS: tuple[Format, ...] = (
    Format("acqknowledge", (".acq",), _anything, lambda path: _recorded(read_acqknowledge(path))),
    Format("acqknowledge-mat", (".mat",), _MATLAB, lambda path: _recorded(read_biopac_mat(path))),
    Format("neuroscan", (".cnt",), _is_cnt, lambda path: _raw(read_cnt(path), "µV")),
    Format("curry", (".cdt",), _anything, lambda path: _raw(read_curry(path), "n/a")),
    Format("eeglab", (".set",), _MATLAB, lambda path: _raw(read_eeglab(path), "µV")),
    Format(
        "brainvision",
        (".vhdr",),
        _starts(b"Brain", b"\xef\xbb\xbfBrain"),
        lambda path: _raw(read_brainvision(path), "n/a"),
    ),
    Format("edf", (".edf",), _starts(b"0       "), _edf),
    Format("bdf", (".bdf",), _starts(b"\xffBIOSEMI"), _edf),
    Format("fif", (".fif",), _starts(b"\x00\x00\x00\x64"), lambda path: _raw(read_fif(path), "V")),
    Format("xdf", (".xdf",), _starts(b"XDF:"), _xdf),
    Format("physio", (".tsv.gz",), _starts(b"\x1f\x8b"), _physio),
    Format("mp4", (".mp4", ".m4v", ".mov"), _ISO, _video),
    Format("avi", (".avi",), _riff(b"AVI "), _video),
    Format("matroska", (".mkv", ".webm"), _MATROSKA, _video),
    Format("mpeg", (".mpg", ".mpeg"), _starts(b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"), _video),
    Format("wav", (".wav",), _riff(b"WAVE"), _sound),
    Format("flac", (".flac",), _starts(b"fLaC"), _sound),
    Format("openface", (".csv",), _is_landmarks, _landmarks),
    Format("coding-table", (".xlsx",), _starts(b"PK\x03\x04"), _sheet),
    Format("coding-table", (".csv", ".tsv"), _is_coding_table, _sheet),
    Format("table", (".csv", ".tsv"), _is_text, _table),
)
"""Every format that is known, by the endings of its files."""
