"""Where a copy of a dataset keeps its pictures and videos, found by patterns over paths.

A pattern is searched in a folder's path (for pictures) or a video's path without its suffix, written with
slashes and beginning with the name of the source folder. Its groups `subject` and `clip` say whose recording
it is. A frame's number is the last run of digits in its file's name, and frames are sorted by it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.time import IntArray

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
VIDEOS = (".avi", ".mp4", ".mov", ".mkv", ".wmv", ".mpg", ".mpeg", ".m4v", ".webm")
TABLES = (".xlsx", ".xls", ".csv", ".tsv", ".txt")
_NUMBER = re.compile(r"(\d{1,15})\D*$")

ClipKey = tuple[str, str]
Spell = Callable[[Mapping[str, str]], ClipKey | None]
"""From a pattern's groups to the subject and clip as the coded rows spell them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a dataset's recordings lie: patterns for folders of pictures and for videos, best first.

    Where a clip matches several patterns, the first one's folder is taken. `joined` are the places, from 0,
    of picture patterns under which several folders hold parts of one recording, numbered alike; else a
    second folder of the same clip is left aside.
    """

    pictures: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    joined: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """One recording: pictures with their numbers (n_frames,), or a video."""

    pictures: tuple[Path, ...] = ()
    numbers: IntArray | None = None
    video: Path | None = None


@dataclass(slots=True)
class Found:
    """What a source folder holds: recordings by clip, tables, and remarks on what was left."""

    recordings: dict[ClipKey, Recorded] = field(default_factory=dict)
    tables: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def find(source: Path, layout: Layout, spell: Spell) -> Found:
    """Walk a folder once. Raises DataError if it is no readable folder or two files are the same frame."""
    found = Found()
    folders: dict[ClipKey, list[tuple[int, str, list[Path]]]] = {}
    videos: dict[ClipKey, list[tuple[int, str, Path]]] = {}
    picture_patterns = [re.compile(pattern, re.IGNORECASE) for pattern in layout.pictures]
    video_patterns = [re.compile(pattern, re.IGNORECASE) for pattern in layout.videos]
    for folder, files in _walk(source):
        place = _said(source, folder)
        pictures = [path for path in files if path.suffix.lower() in PICTURES]
        if pictures and (match := _match(place, picture_patterns, spell)):
            folders.setdefault(match[1], []).append((match[0], place, pictures))
        for path in files:
            suffix = path.suffix.lower()
            if suffix in TABLES:
                found.tables.append(path)
            elif suffix in VIDEOS:
                name = f"{place}/{path.stem}"
                if match := _match(name, video_patterns, spell):
                    videos.setdefault(match[1], []).append((match[0], name, path))
    left = 0
    for key, places in folders.items():
        best = min(rank for rank, _, _ in places)
        chosen = sorted((place, files) for rank, place, files in places if rank == best)
        taken = chosen if best in layout.joined else chosen[:1]
        left += len(places) - len(taken)
        found.recordings[key] = _numbered(
            [path for _, files in taken for path in files], joined=len(taken) > 1
        )
    for key, films in videos.items():
        if key in found.recordings:
            left += len(films)
            continue
        found.recordings[key] = Recorded(video=min(films)[2])
        left += len(films) - 1
    if left:
        found.remarks.append(
            f"{left} further copies of recordings (cropped, other cameras or another folder) were left aside."
        )
    return found


def _walk(source: Path) -> list[tuple[Path, list[Path]]]:
    """Every folder with its files, in order; links are followed once."""
    if not source.is_dir() or not os.access(source, os.R_OK | os.X_OK):
        got = "no readable folder" if source.exists() else "nothing there"
        raise DataError(source, wanted="the folder of a dataset", got=got, remedy="check the path")
    seen: set[tuple[int, int]] = set()
    found = []
    for name, folders, files in os.walk(source, followlinks=True, onerror=_unreadable):
        state = os.stat(name)
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(folder for folder in folders if not folder.startswith((".", "__MACOSX")))
        found.append(
            (Path(name), [Path(name, file) for file in sorted(files) if not file.startswith((".", "~$"))])
        )
    return found


def _unreadable(error: OSError) -> None:
    raise DataError(
        str(error.filename),
        wanted="a readable folder",
        got=(error.strerror or "an error").lower(),
        remedy="ask its owner for access",
    ) from error


def _said(source: Path, folder: Path) -> str:
    inner = folder.relative_to(source).as_posix()
    name = source.resolve().name
    return name if inner == "." else f"{name}/{inner}"


def _match(place: str, patterns: Sequence[re.Pattern[str]], spell: Spell) -> tuple[int, ClipKey] | None:
    for rank, pattern in enumerate(patterns):
        if match := pattern.search(place):
            groups = {name: text for name, text in match.groupdict().items() if text is not None}
            key = spell(groups)
            if key is not None:
                return rank, key
    return None


def _numbered(paths: Sequence[Path], *, joined: bool) -> Recorded:
    by_number: dict[int, Path] = {}
    for path in paths:
        found = _NUMBER.search(path.stem)
        if found is None:
            continue
        number = int(found[1])
        other = by_number.setdefault(number, path)
        if other is not path and not joined:
            raise DataError(
                path,
                wanted="one picture per frame number",
                got=f"{other.name} and {path.name}",
                remedy="move one of them elsewhere",
            )
    numbers = sorted(by_number)
    return Recorded(tuple(by_number[n] for n in numbers), np.array(numbers, dtype=np.int64))
