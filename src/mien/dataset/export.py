"""A copy of a study for others: what each participant's consent allows, without what tells who they are.

Every file is asked for in one place, `_decide`. A file that the layout does not know stays at home: nobody
can say whose face is in it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import DataError, OptionError
from mien.dataset import layout, tables
from mien.dataset.consent import Audience, Shows, may_leave
from mien.dataset.manifest import write_manifest
from mien.dataset.privacy import (
    HARMLESS_COLUMNS,
    OLDEST_AGE,
    can_clean,
    copy_without,
    holds_day,
    holds_picture,
    says_who,
    traces_of,
)
from mien.dataset.study import Study

_DAY_S = 86_400.0
_LEAST_SHIFT, _SHIFT_RANGE = 365 * 110, 365  # every day of our century comes to lie before 1925
_TRACES = (
    "_eeg.eeg", "_eeg.vhdr", "_eeg.vmrk", "_eeg.json", "_eeg.edf", "_eeg.bdf", "_channels.tsv",
    "_electrodes.tsv", "_coordsystem.json", "_events.tsv", "_events.json", "_physio.tsv.gz", "_physio.json",
    "_beh.tsv", "_beh.json", "_frametimes.tsv", "_frametimes.json", "_scans.tsv", "_expressions.tsv",
    "_expressions.json",
    "_map.json",
)  # fmt: skip
_ROOT = ("dataset_description.json", "README", ".bidsignore", "CHANGES", "participants.json")
_TEXTS = (".tsv", ".json")
_FREE_WORDS = ("comment", "kind_reason")
_MADE_ANEW = ("participants.tsv", "manifest.tsv")
_NAMED = re.compile(r"sub-[0-9A-Za-z]+")
_RAW = re.compile(r"(sub-[0-9A-Za-z]+)/(?:ses-[0-9A-Za-z]+/)?(?:(?:eeg|beh)/)?\1_[^/]+")
"""Where a participant's own files lie: a folder or file of another name may be a person's."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A file or column that did not leave, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Export:
    """What left: the copy's folder, how many files it has, and what stayed at home."""

    folder: Path
    audience: Audience
    n_files: int
    withheld: tuple[Withheld, ...]


def export_study(
    study: Study, folder: Path, *, audience: Audience = "publication", keep_columns: Sequence[str] = ()
) -> Export:
    """Copy a study for an audience.

    Faces and voices leave as `consent.may_leave` says; EEG and peripheral signals, tables and coding leave
    always. Headers, container metadata, absolute paths and unknown columns of `participants.tsv` are left
    out; days move back by more than a century, by one random number per participant.

    Parameters
    ----------
    folder
        Absent or empty. It appears when the copy is whole.
    keep_columns
        Columns of `participants.tsv` that leave beside `privacy.HARMLESS_COLUMNS`.

    Raises
    ------
    DataError
        If the target holds something, or a file is damaged.
    OptionError
        If the audience is neither "analysis" nor "publication", or the target lies within the study.
    """
    if audience not in ("analysis", "publication"):
        raise OptionError(
            "audience", wanted="analysis or publication", got=repr(audience), remedy="choose one of these"
        )
    if folder.resolve().is_relative_to(study.folder.resolve()):
        raise OptionError(
            folder, wanted="a folder outside the study", got=str(study.folder), remedy="move it"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(
            folder, wanted="an empty or absent folder", got="one that holds something", remedy="name another"
        )
    folder = folder if folder.name not in ("", "..") else folder.resolve()
    part = folder.absolute().parent / f".{folder.name}.export.part"  # not an unfinished import's
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        withheld = list(_copy(study, part, audience, keep_columns))
        write_manifest(part)
        n_files = sum(path.is_file() for path in part.rglob("*"))
        if folder.is_dir():
            folder.rmdir()
        os.replace(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Export(folder, audience, n_files, tuple(withheld))


def _copy(study: Study, part: Path, audience: Audience, keep: Sequence[str]) -> Iterator[Withheld]:
    days = {name: _LEAST_SHIFT + secrets.randbelow(_SHIFT_RANGE) for name in study.participants}
    others = _LEAST_SHIFT + secrets.randbelow(_SHIFT_RANGE)
    stamps = {name: _days_of_stamps(study, name) for name in study.participants}
    for path in sorted(study.folder.rglob("*")):
        place = path.relative_to(study.folder)
        if place.as_posix() in _MADE_ANEW or (path.is_dir() and not path.is_symlink()):
            continue
        owners = _owners(place)
        reason = _decide(path, place, owners, study, audience)
        first = owners[0] if len(owners) == 1 else ""
        if reason is None and place.name.endswith("_map.json") and stamps.get(first):
            reason = "it counts from the day of recording: mien sync makes it anew from the copy"
        if reason is not None:
            yield Withheld(place.as_posix(), reason)
            continue
        if place.parts[0] == "stimuli" and place.suffix not in _TEXTS:
            (part / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, part / place)  # a maker's film, which shows nobody of the study
            continue
        levels = [study.participants[owner].consent_level for owner in owners]
        copy_without(
            path,
            part / place,
            days=days.get(first, others),
            sound=bool(owners) and all(may_leave("voice", level, audience=audience) for level in levels),
        )
        if place.name.endswith("_frametimes.tsv") and stamps.get(first):
            _without_days(part / place, stamps[first])
        if place.name.endswith("_expressions.tsv") and audience == "publication":
            yield from _without_words(part / place, place)
        if left := [t for t in traces_of(part / place) if t.kind != "column"]:
            raise DataError(
                path,
                wanted="a file that tells nothing once it is cleaned",
                got=left[0].what,
                remedy="take it out by hand, or remove the file",
            )
    for folder in sorted(part.glob("sub-*")):
        if not any(folder.rglob("*")):
            folder.rmdir()
    yield from _write_participants(study, part, keep)


def _owners(place: Path) -> tuple[str, ...]:
    """Everybody whom a file's path names, as in sub-001; nobody for a file of several."""
    return tuple(dict.fromkeys(_NAMED.findall(place.as_posix())))


def _decide(path: Path, place: Path, owners: Sequence[str], study: Study, audience: Audience) -> str | None:
    """Why a file must stay at home; None if it may leave. Every file of every export passes here."""
    if path.is_symlink() or not path.is_file():
        return "a link or no plain file: what it shows lies elsewhere"
    if any(part.startswith(".") for part in place.parts) and place.as_posix() not in _ROOT:
        return "hidden files are nobody's"
    if place.name.lower().endswith("pseudonyms.tsv"):
        return "it says who is who"
    if holds_day(place.as_posix()):
        return "its name holds a day"
    if any(owner not in study.participants for owner in owners):
        return "participants.tsv does not name this participant"
    if len(place.parts) == 1:
        known = place.name in _ROOT or (place.name.startswith("task-") and place.suffix == ".json")
        return None if known else "no file of the layout"
    if place.parts[0] not in ("stimuli", "derivatives") and not _RAW.fullmatch(place.as_posix()):
        return "no file of the layout: nobody can say what it shows"
    if place.parts[:3] == ("derivatives", "coding", "proxies"):
        return "a viewing copy: the coding bench makes it again from the video"
    if said := says_who(path):
        return said
    if place.parts[0] == "stimuli" and place.suffix not in _TEXTS:
        return None if audience == "analysis" else "the rights in stimuli are their makers'"
    shows = _shows(place)
    if place.parts[0] == "stimuli":
        shows = "trace"
    if shows is None or not can_clean(place):
        return "no file of the layout: nobody can say what it shows"
    if shows == "trace" and holds_picture(path):
        shows = "face"
    for who in owners or study.participants:
        level = study.participants[who].consent_level
        if not may_leave(shows, level, audience=audience):
            return f"it shows a {shows}, and {who} has consent level {'n/a' if level is None else level}"
    return None


def _shows(place: Path) -> Shows | None:
    """What a file shows; None where nobody can tell. What was derived is a face unless it is a table."""
    if layout.is_video(place):
        return "face"
    if place.name.endswith("_audio.wav"):
        return "voice"
    if place.name.endswith(_TRACES):
        return "trace"
    if place.parts[0] == "derivatives":
        return "trace" if place.suffix in _TEXTS else "face"
    return None


def _days_of_stamps(study: Study, name: str) -> int:
    """Whole days before a participant's first stamp, where stamps count from 1970; 0 where they do not."""
    first = []
    for path in sorted((study.folder / name).rglob("*_frametimes.tsv")):
        if path.is_file() and len(table := tables.read_frame_times(path)):
            first.append(float(table["host_time_s"].min()))
    days = int(min(first, default=0.0) // _DAY_S)
    return days if days >= 366 else 0


def _without_days(path: Path, days: int) -> None:
    """Take whole days off stamps, as many off every run of a participant."""
    table = tables.read_frame_times(path)
    table["host_time_s"] -= days * _DAY_S
    tables.write_table(path, table, columns=layout.FRAME_COLUMNS, decimals=6)


def _without_words(path: Path, place: Path) -> Iterator[Withheld]:
    """Take out what coders wrote freely: nobody can say whom it names."""
    table = tables.read_coding(path)
    words = [name for name in _FREE_WORDS if name in table]
    if words:
        tables.write_table(path, table.drop(columns=words), columns=layout.CODING_COLUMNS)
    for name in words:
        yield Withheld(
            f"{place.as_posix()}, column {name}", "free words of a coder: nobody can say whom they name"
        )


def _write_participants(study: Study, part: Path, keep: Sequence[str]) -> Iterator[Withheld]:
    table = tables.read_participants(layout.participants(study.folder))
    allowed = {*HARMLESS_COLUMNS, *keep}
    for name in [str(column) for column in table if column not in allowed]:
        yield Withheld(f"participants.tsv, column {name}", "it may identify people; keep it by naming it")
        table = table.drop(columns=name)
    if "age" in table:
        table["age"] = [_age(cell) for cell in table["age"]]
    written = {path.name for path in part.glob("sub-*")}
    table = table[[name in written for name in table["participant_id"]]]
    tables.write_participants(layout.participants(part), table)


def _age(cell: str | None) -> str | None:
    try:
        return cell if cell is None or float(cell) <= OLDEST_AGE else str(OLDEST_AGE)
    except ValueError:
        return None


def describe_withheld(withheld: Sequence[Withheld]) -> Mapping[str, int]:
    """How many files stayed at home, by reason, most first."""
    counts: dict[str, int] = {}
    for item in withheld:
        counts[item.reason] = counts.get(item.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
