"""A copy of a study for others: what each participant's consent allows, without what tells who they are.

Every file is asked for in one place, `_decide`. A file that the layout does not know stays at home: nobody
can say whose face is in it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError, OptionError
from mien.dataset import layout, tables
from mien.dataset.consent import Audience, Shows, may_leave
from mien.dataset.manifest import write_manifest
from mien.dataset.privacy import HARMLESS_COLUMNS, OLDEST_AGE, copy_without, traces_of
from mien.dataset.study import Study

if TYPE_CHECKING:
    pass

_DAY_S = 86_400.0
_LEAST_SHIFT, _SHIFT_RANGE = 365 * 110, 365  # every day of our century comes to lie before 1925
_TRACES = (
    "_eeg.eeg", "_eeg.vhdr", "_eeg.vmrk", "_eeg.json", "_eeg.edf", "_eeg.bdf", "_channels.tsv",
    "_electrodes.tsv", "_coordsystem.json", "_events.tsv", "_events.json", "_physio.tsv.gz", "_physio.json",
    "_beh.tsv", "_beh.json", "_frametimes.tsv", "_frametimes.json", "_scans.tsv", "_expressions.tsv",
    "_map.json",
)  # fmt: skip
_ROOT = ("dataset_description.json", "README", ".bidsignore", "CHANGES", "participants.json")
_TEXTS = (".tsv", ".json")
_MADE_ANEW = ("participants.tsv", "manifest.tsv")


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
    part = folder.absolute().parent / f".{folder.name}.part"
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
    for path in sorted(study.folder.rglob("*")):
        place = path.relative_to(study.folder)
        if not path.is_file() or path.is_symlink() or place.as_posix() in _MADE_ANEW:
            continue
        owner = _owner(place, study)
        reason = _decide(place, owner, study, audience)
        if reason is not None:
            yield Withheld(place.as_posix(), reason)
            continue
        level = study.participants[owner].consent_level if owner else None
        copy_without(
            path,
            part / place,
            days=days.get(owner or "", others),
            sound=owner is not None and may_leave("voice", level, audience=audience),
        )
        if place.name.endswith("_frametimes.tsv"):
            _without_days(part / place)
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


def _owner(place: Path, study: Study) -> str | None:
    """The participant whose file it is; None for a file of several or of nobody."""
    for part in reversed(place.parts):
        name = part.split("_")[0].split(".")[0]
        if name in study.participants:
            return name
    return None


def _decide(place: Path, owner: str | None, study: Study, audience: Audience) -> str | None:
    """Why a file must stay at home; None if it may leave. Every file of every export passes here."""
    if any(part.startswith(".") for part in place.parts) and place.as_posix() not in _ROOT:
        return "hidden files are nobody's"
    if place.name.endswith("pseudonyms.tsv"):
        return "it says who is who"
    if place.parts[0] == "stimuli":
        if audience == "analysis" or place.suffix in _TEXTS:
            return None
        return "the rights in stimuli are their makers'"
    if len(place.parts) == 1:
        known = place.name in _ROOT or (place.name.startswith("task-") and place.suffix == ".json")
        return None if known else "no file of the layout"
    if place.parts[0].startswith("sub-") and owner is None:
        return "participants.tsv does not name this participant"
    shows = _shows(place)
    if shows is None:
        return "no file of the layout: nobody can say what it shows"
    owners = [owner] if owner is not None else list(study.participants)
    for who in owners:
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


def _without_days(path: Path) -> None:
    """Take whole days off stamps that count from 1970."""
    table = tables.read_frame_times(path)
    first = float(table["host_time_s"].min()) if len(table) else 0.0
    if first >= 366 * _DAY_S:
        table["host_time_s"] -= first // _DAY_S * _DAY_S
        tables.write_table(path, table, columns=layout.FRAME_COLUMNS, decimals=6)


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
