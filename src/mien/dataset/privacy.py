"""What in a file says who someone is or when and where it was recorded: found by `validate`, taken out by
`export`.

One pair of functions per kind of file: what there is, and the same file without it. Samples, frames and times
within a recording stay as they are; only days move, by one number of days per participant.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from mien.core.errors import DataError
from mien.core.records import to_json, write_atomically
from mien.dataset import layout, tables

HARMLESS_COLUMNS = (
    "participant_id", "age", "sex", "gender", "handedness", "hand", "group", "species", "consent_level",
)  # fmt: skip
"""Columns of `participants.tsv` that leave; another one must be named to leave."""
OLDEST_AGE = 89
"""Ages above are given as this one: few people are that old."""

_IDENTIFYING = re.compile(
    r"name|initial|birth|dob|e-?mail|phone|address|street|city|zip|passport|insurance|student|matric|subject_id",
    re.I,
)
_PATH = re.compile(
    r"(?:file://|(?<![A-Za-z])[A-Za-z]:[\\/]|\\\\[^\\]+\\|~[\w.-]*/|(?<![\w:./~+])(?<!base64,)/(?=[^/\s]+/))[^\t\r\n\"',;|<>]*"
)
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)-(\d\d)-(\d\d)(?!\d)")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_OTHER_DAY = re.compile(
    r"(?<![\d.])(?:19|20)\d\d([/.:])[01]\d\1[0-3]\d(?![\d.])"  # 2024/03/05
    r"|(?<![\d./])[0-3]?\d([./-])[0-3]?\d\2(?:19|20)\d\d(?!\d)"  # 05.03.2024, 3/5/2024
    r"|(?<=[G-Zg-z_])(?:19|20)\d\d[01]\d[0-3]\d(?!\d)"  # happy_1_101_3_20240305
    r"|(?<![0-9A-Fa-f.])(?:19|20)\d\d[01]\d[0-3]\d(?=[_T])"
    rf"|(?<!\d)[0-3]?\d(?:st|nd|rd|th|\.)?[ -]{_MONTH},?[ -](?:19|20)\d\d(?!\d)"  # 5 March 2024
    rf"|\b{_MONTH} [0-3]?\d(?:st|nd|rd|th)?,? (?:19|20)\d\d(?!\d)",  # March 5, 2024
    re.I,
)
_DIGITS_DAY = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d")
_DAY_IN_NAME = re.compile(r"(?<!\d)(?:19|20)\d\d[-_.]?(?:0\d|1[0-2])[-_.]?(?:[0-2]\d|3[01])(?!\d)")
_TELLING_KEY = re.compile(
    r"^(?:patient|operator|experimenter|physician|institution|hospital|station|deviceserial|username|hostname)"
    r"|birth|(?:first|last|sur|given|family|subject|participant|person)_?names?$|e-?mail|phone|^address",
    re.I,
)
_TELLING_COLUMN = re.compile(
    r"(?:first|last|given|family|sur|full|real|person|subject|participant|patient)_?names?|e-?mails?|phone\w*"
    r"|address|(?:date_of_)?birth\w*|dob|initials",
    re.I,
)
_PACKED = re.compile(rb"data:(?:image|video|audio)\\?/|(?:[A-Za-z0-9+/=_-]|\\[nr/]){240,}")
_PICTURE_HEADS = (b"\x89PNG", b"\xff\xd8\xff")
_CLEANED = (
    ".json", ".tsv", ".gz", ".vhdr", ".vmrk", ".eeg", ".edf", ".bdf", ".wav", *layout.VIDEO_SUFFIXES,
    ".jpg", ".jpeg", ".png", ".npz", ".npy", ".parquet", ".safetensors",
    ".csv", ".txt", ".md", ".log", ".jsonl", ".yaml", ".html", ".svg", "",
)  # fmt: skip
_PLAIN_TEXTS = (".csv", ".txt", ".md", ".log", ".jsonl", ".yaml", ".html", ".svg")
_PNG_KEPT = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"sBIT")
_COMMENT_MARKER = re.compile(rb"(?m)^(Mk\d+=Comment),[^,\r\n]*")
_COMMENTS = re.compile(r"(?ms)^\[Comment\].*?(?=^\[|\Z)")
_SEGMENT_DAY = re.compile(rb"(?m)^(Mk\d+=New Segment,[^\r\n]*,)(\d{8})(\d{12})")
_HARMLESS_TAGS = {
    "major_brand", "minor_version", "compatible_brands", "encoder", "handler_name", "vendor_id", "language",
    "duration", "isft", "software",
}  # fmt: skip
_EDF_PATIENT, _EDF_RECORDING, _EDF_DAY = slice(8, 88), slice(88, 168), slice(168, 176)
_PLAIN_PATIENT = b"X X X X"
_WAV_KEPT = (b"fmt ", b"data", b"fact")


@dataclass(frozen=True, slots=True)
class Trace:
    """Something that tells: "path", "day", "header", "metadata", "column" or "pseudonyms", and what it is.

    `what` never repeats the telling value itself.
    """

    kind: str
    what: str


# --- telling values


def has_path(text: str) -> bool:
    """Whether a text holds an absolute path of some machine.

    Examples
    --------
    >>> has_path("C:\\\\data\\\\x.acq"), has_path("/home/a/x.acq"), has_path("n/a, 5/10 or https://a.b/c")
    (True, True, False)
    """
    return any(_is_path(found[0]) for found in _PATH.finditer(text))


def _is_path(text: str) -> bool:
    return not text.startswith("/") or text.count("/") >= 2


def without_paths(text: str) -> str:
    """The text with every absolute path cut down to its last name.

    Examples
    --------
    >>> without_paths("saved to /home/someone/study/x.acq")
    'saved to x.acq'
    """
    return _PATH.sub(lambda found: _last_name(found[0]) if _is_path(found[0]) else found[0], text)


def _last_name(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def shifted_days(text: str, days: int) -> str:
    """The text with every day of the form 2024-03-05 moved back; what is no day stays.

    A day in another spelling becomes n/a: which of 03/05/2024 is the month nobody can say.

    Examples
    --------
    >>> shifted_days("at 2024-03-05T10:00", 5), shifted_days("on 5 March 2024", 5)
    ('at 2024-02-29T10:00', 'on n/a')
    """
    return _OTHER_DAY.sub("n/a", _DAY.sub(lambda found: _earlier(found, days), text))


def _earlier(found: re.Match[str], days: int) -> str:
    try:
        moved = date(int(found[1]), int(found[2]), int(found[3])) - timedelta(days=days)
    except (ValueError, OverflowError):
        return found[0]
    return f"{moved:%Y-%m-%d}" if moved.year >= 1000 else "1000-01-01"


def _recent_day(text: str) -> bool:
    """Whether there is a day after 1925; before, it was shifted, as BIDS has it."""
    shifted = all(int(found[1]) < 1925 for found in _DAY.finditer(text))
    return not shifted or _OTHER_DAY.search(text) is not None


def holds_day(name: str) -> bool:
    """Whether the name of a file or folder holds a day.

    Examples
    --------
    >>> holds_day("sub-001_acq-20240305_eeg.vhdr"), holds_day("sub-001_run-01_video.mp4")
    (True, False)
    """
    return _DAY_IN_NAME.search(name) is not None


# --- what a file tells


def traces_of(path: Path) -> list[Trace]:
    """What a file of a study tells about people, places and days; a damaged file tells nothing here.

    Reads headers and texts only.
    """
    try:
        return list(_reader(path)(path))
    except (DataError, OSError, ValueError, struct.error):
        return []  # another check says that it is damaged


def _reader(path: Path) -> Callable[[Path], Iterator[Trace]]:
    name = path.name
    if name == "participants.tsv":
        return _of_participants
    if name.endswith("pseudonyms.tsv"):
        return lambda _: iter([Trace("pseudonyms", "a table of who is who")])
    if layout.is_video(path):
        return _of_video
    by_suffix: Mapping[str, Callable[[Path], Iterator[Trace]]] = {
        ".json": _of_text, ".tsv": _of_text, ".vhdr": _of_text, ".vmrk": _of_markers, ".edf": _of_edf,
        ".bdf": _of_edf, ".wav": _of_wav, **dict.fromkeys(("", *_PLAIN_TEXTS), _of_text),
    }  # fmt: skip
    return by_suffix.get(path.suffix.lower(), lambda _: iter(()))


def _of_text(path: Path) -> Iterator[Trace]:
    text = path.read_bytes().decode("utf-8", errors="replace")
    if has_path(text):
        yield Trace("path", "an absolute path of a machine")
    if _recent_day(text):
        yield Trace("day", "a day on which something was recorded or done")


def _of_markers(path: Path) -> Iterator[Trace]:
    found = _SEGMENT_DAY.search(path.read_bytes())
    if found and int(found[2][:4]) >= 1925:
        yield Trace("day", "the day of recording in its first marker")
    yield from _of_text(path)


def _of_participants(path: Path) -> Iterator[Trace]:
    for name in tables.read_participants(path):
        if _IDENTIFYING.search(str(name)):
            yield Trace("column", f"a column {name!r}, which identifies people")
    yield from _of_text(path)


def _of_edf(path: Path) -> Iterator[Trace]:
    with open(path, "rb") as file:
        head = file.read(184)
    if _tells(head[_EDF_PATIENT]):
        yield Trace("header", "a patient field that is filled in")
    if _tells(head[_EDF_RECORDING].replace(b"Startdate", b"")):
        yield Trace("header", "a recording field that is filled in")
    if head[_EDF_DAY] not in (b"01.01.85", b""):
        yield Trace("day", "the day of recording in its header")


def _tells(field: bytes) -> bool:
    return any(word not in (b"X", b"Startdate") for word in field.split())


def _of_video(path: Path) -> Iterator[Trace]:
    import av

    try:
        with av.open(str(path)) as container:
            tags = dict(container.metadata)
            for stream in container.streams:
                tags |= stream.metadata
    except av.FFmpegError:
        return
    telling = sorted(key for key in tags if key.lower() not in _HARMLESS_TAGS)
    if telling:
        yield Trace("metadata", f"metadata {', '.join(telling)}")


def _of_wav(path: Path) -> Iterator[Trace]:
    extra = sorted({name.decode("latin-1").strip() for name, _ in _wav_chunks(path) if name not in _WAV_KEPT})
    if extra:
        yield Trace("metadata", f"chunks {', '.join(extra)}")


def _wav_chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    content = path.read_bytes()
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], struct.unpack("<I", content[at + 4 : at + 8])[0]
        yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def says_who(path: Path) -> str | None:
    """What in the columns of a table says who somebody is; None where nothing does."""
    if path.suffix.lower() not in (".tsv", ".csv"):
        return None
    with open(path, "rb") as file:
        head = file.readline(1 << 16).decode("utf-8", errors="replace").strip().lstrip("\ufeff")
    columns = [cell.strip().strip('"').lower() for cell in re.split(r"[\t,;]", head)]
    if "participant_id" in columns and {"subject", "original_id"} & {*columns}:
        return "it says who is who"
    telling = next((name for name in columns if _TELLING_COLUMN.fullmatch(name)), None)
    return None if telling is None else f"a column {telling!r}, which identifies people"


def holds_picture(path: Path) -> bool:
    """Whether a file that should hold numbers or words is, or carries within its text, picture or sound."""
    with open(path, "rb") as file:
        head = file.read(16)
    if path.suffix.lower() in (".json", ".tsv", ""):
        return _PACKED.search(path.read_bytes()) is not None
    return path.suffix != ".wav" and (head.startswith(_PICTURE_HEADS) or head[4:8] == b"ftyp")


def can_clean(path: Path) -> bool:
    """Whether `copy_without` knows the kind of file, by its name."""
    return path.suffix.lower() in _CLEANED


# --- the same file without it


def copy_without(source: Path, target: Path, *, days: int, sound: bool) -> None:
    """Copy a file of a participant without what it tells.

    Parameters
    ----------
    days
        How far days move back.
    sound
        Whether a video's sound comes along.

    Raises
    ------
    DataError
        If the file is damaged, so that nobody can say what it would take along.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = source.suffix.lower()
    if suffix in layout.VIDEO_SUFFIXES:
        _copy_video(source, target, sound=sound)
    elif suffix == ".wav":
        _copy_wav(source, target)
    elif suffix in (".edf", ".bdf"):
        _copy_edf(source, target, days)
    elif suffix == ".json":
        _copy_json(source, target, days)
    elif suffix == ".vhdr":
        text = _COMMENTS.sub("", _text(source))
        write_atomically(target, shifted_days(without_paths(text), days).encode())
    elif suffix in (".tsv", "", *_PLAIN_TEXTS):
        write_atomically(target, shifted_days(without_paths(_text(source)), days).encode())
    elif suffix == ".vmrk":
        _copy_markers(source, target, days)
    elif suffix == ".gz":
        _copy_gzip(source, target)
    elif suffix in (".jpg", ".jpeg"):
        write_atomically(target, _plain_jpeg(source.read_bytes()))
    elif suffix == ".png":
        write_atomically(target, _plain_png(source.read_bytes()))
    else:
        shutil.copyfile(source, target)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(path, wanted="text in UTF-8", got=str(error), remedy="save it as UTF-8") from error


def _copy_json(source: Path, target: Path, days: int) -> None:
    try:
        content = json.loads(_text(source))
    except ValueError as error:
        raise DataError(source, wanted="JSON", got=str(error), remedy="correct it") from error
    write_atomically(target, (json.dumps(to_json(_plain(content, days)), indent=1) + "\n").encode())


def _plain(value: Any, days: int) -> Any:
    if isinstance(value, str):
        return "n/a" if _DIGITS_DAY.fullmatch(value) else shifted_days(without_paths(value), days)
    if isinstance(value, list):
        return [_plain(item, days) for item in value]
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not _TELLING_KEY.search(key)}
        return {_plain(key, days): _plain(item, days) for key, item in kept.items()}
    return value


def _copy_gzip(source: Path, target: Path) -> None:
    """The same content without the name and the time that a packed file's header may hold."""
    try:
        with (
            gzip.open(source) as old,
            open(target, "wb") as out,
            gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as new,
        ):
            shutil.copyfileobj(old, new)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            source, wanted="a whole file packed by gzip", got=str(error), remedy="restore it from a copy"
        ) from error


def _plain_jpeg(content: bytes) -> bytes:
    """A JPEG without the segments that hold EXIF, comments and maker's notes."""
    kept, at = [content[:2]], 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        size = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if not (0xE1 <= content[at + 1] <= 0xEF and content[at + 1] != 0xEE) and content[at + 1] != 0xFE:
            kept.append(content[at : at + size])
        at += size
    end = content.rfind(b"\xff\xd9")  # what follows the picture is no picture
    return b"".join([*kept, content[at : end + 2 if end >= at else None]])


def _plain_png(content: bytes) -> bytes:
    """A PNG without text, EXIF and time."""
    kept, at = [content[:8]], 8
    while at + 12 <= len(content):
        size = 12 + int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] in _PNG_KEPT:
            kept.append(content[at : at + size])
        at += size
    return b"".join(kept)


def _copy_markers(source: Path, target: Path, days: int) -> None:
    def earlier(found: re.Match[bytes]) -> bytes:
        day = found[2].decode()
        moved = shifted_days(f"{day[:4]}-{day[4:6]}-{day[6:]}", days).replace("-", "")
        return found[1] + moved.encode() + found[3]

    text = _SEGMENT_DAY.sub(earlier, source.read_bytes())
    text = _COMMENT_MARKER.sub(rb"\1,", text)  # words that somebody typed
    plain = shifted_days(without_paths(text.decode("utf-8", errors="replace")), days)
    write_atomically(target, plain.encode())


def _copy_edf(source: Path, target: Path, days: int) -> None:
    with open(source, "rb") as file:
        head = bytearray(file.read(256))
        if len(head) < 256:
            raise DataError(source, wanted="a header of 256 bytes", got=len(head), remedy="export it again")
        head[_EDF_PATIENT] = _PLAIN_PATIENT.ljust(80)
        head[_EDF_RECORDING] = b"Startdate X X X X".ljust(80)
        head[_EDF_DAY] = b"01.01.85"  # the earliest that the format can state
        with open(target, "wb") as out:
            out.write(head)
            shutil.copyfileobj(file, out)


def _copy_wav(source: Path, target: Path) -> None:
    kept = [(name, data) for name, data in _wav_chunks(source) if name in _WAV_KEPT]
    if {name for name, _ in kept} < {b"fmt ", b"data"}:
        raise DataError(
            source, wanted="sound in WAV", got="no format or no samples", remedy="export it again"
        )
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in kept
    )
    write_atomically(target, b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


def _copy_video(source: Path, target: Path, *, sound: bool) -> None:
    """The packets in a new container of the same kind: every picture as it was, no metadata."""
    import av

    wanted = {"video"} | ({"audio"} if sound else set())
    try:
        with (
            av.open(str(source)) as old,
            av.open(str(target), "w", options={"fflags": "+bitexact"}) as new,
        ):
            streams = {
                stream.index: new.add_stream_from_template(stream)
                for stream in old.streams
                if stream.type in wanted
            }
            for stream in streams.values():
                stream.metadata.clear()
            for packet in old.demux([s for s in old.streams if s.index in streams]):
                if packet.dts is None:
                    continue
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        raise DataError(
            source, wanted="a video that can be packed anew", got=str(error), remedy="convert it to .mp4"
        ) from error
