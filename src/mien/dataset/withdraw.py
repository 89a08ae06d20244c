"""Withdrawal: everything that was recorded of a participant, or made from it, is removed and named.

Recordings go, and all that was computed from them: clock maps, coding, features, records of runs that learned
from the participant or predicted them, their pictures, and every cache of which nobody can say whose it is.
What is common to all (tables) loses the participant's rows. Called again after an interruption, it goes on.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.dataset import layout, tables
from mien.dataset.study import check_is_study

_PARTICIPANT_COLUMN = "participant_id"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was removed: files (folders by their files), and tables that lost rows; paths as found."""

    participant_id: str
    removed: tuple[str, ...]
    edited: tuple[str, ...]


def withdraw(
    study: Path,
    participant: str,
    *,
    results: Sequence[Path] = (),
    pseudonyms: Path | None = None,
    dry_run: bool = False,
) -> Withdrawal:
    """Remove a participant from a study, and from folders of results.

    Parameters
    ----------
    results
        Folders outside the study in which runs on it left records, pictures and caches.
    pseudonyms
        The table of who is who; default `NAME-pseudonyms.tsv` beside the study, where it exists.
    dry_run
        Name what would be removed, and remove nothing.

    Raises
    ------
    DataError
        If the folder is no study or nothing of this participant is there.
    """
    check_is_study(study)
    name = layout.participant_id(participant)
    people = pseudonyms or study.absolute().parent / f"{study.name}-pseudonyms.tsv"
    removed = [*_recordings(study, name)]
    for root in (layout.derivatives(study), *results):
        if not root.is_dir() and root in results:
            raise DataError(root, wanted="a folder of results", got="no such folder", remedy="check the path")
        removed += _derived(root, name)
    edited = [path for path in _common_tables(study, people, results) if _has_row(path, name)]
    in_manifest = layout.manifest(study).is_file() and f"\n{name}/" in layout.manifest(study).read_text()
    if not removed and not edited and not in_manifest:
        raise DataError(
            name, wanted=f"a participant of {study}", got="nothing of that name", remedy="check the id"
        )
    if not dry_run:
        for path in edited:  # first the tables: from here on the participant is no part of the study
            _drop_rows(path, _PARTICIPANT_COLUMN, name)
        for path in removed:
            path.unlink(missing_ok=True)
        for root in (study, *results):
            _remove_empty_folders(root, name)
        if in_manifest:
            _drop_manifest_rows(study, name)
    manifest = [layout.manifest(study)] if in_manifest else []
    return Withdrawal(name, tuple(map(str, removed)), tuple(map(str, [*edited, *manifest])))


def _recordings(study: Path, name: str) -> Iterator[Path]:
    yield from _files(study / name)
    yield from _files(study / f".{name}.part")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _derived(root: Path, name: str) -> list[Path]:
    """Files that were made from the participant, or of which nobody can say that they were not."""
    own = re.compile(rf"(?<![0-9A-Za-z-]){re.escape(name)}(?![0-9A-Za-z])")
    someone = re.compile(r"(?:^|/)sub-[0-9A-Za-z]+")
    files = _files(root)
    concerned = [path for path in files if _names(path, root, own)]
    pooled = bool(concerned) or any(_mentions(path, own) for path in files if _is_text(path))
    found = []
    for path in files:
        place = path.relative_to(root).as_posix()
        if own.search(place):
            found.append(path)
        elif someone.search(place):
            continue  # another participant's own
        elif path.suffix == ".tsv":
            continue  # loses its rows
        elif _is_text(path):
            if _mentions(path, own):
                found.append(path)
        elif pooled:
            found.append(path)  # maps, models, caches, pages: computed from all
    return found


def _names(path: Path, root: Path, own: re.Pattern[str]) -> bool:
    return own.search(path.relative_to(root).as_posix()) is not None


def _is_text(path: Path) -> bool:
    return path.suffix in (".json", ".jsonl", ".csv", ".txt", ".md", ".log")


def _mentions(path: Path, own: re.Pattern[str]) -> bool:
    return own.search(path.read_bytes().decode("utf-8", errors="replace")) is not None


def _common_tables(study: Path, people: Path, results: Sequence[Path]) -> Iterator[Path]:
    yield layout.participants(study)
    if people.is_file():
        yield people
    for root in (layout.derivatives(study), study / "stimuli", *results):
        yield from (path for path in _files(root) if path.suffix == ".tsv")


def _has_row(path: Path, name: str) -> bool:
    try:
        table = tables.read_table(path, columns=[_PARTICIPANT_COLUMN])
    except DataError:
        return False
    return bool((table[_PARTICIPANT_COLUMN] == name).any())


def _drop_rows(path: Path, column: str, name: str) -> None:
    table = tables.read_table(path, columns=[column])
    rest = table[table[column] != name]
    tables.write_table(path, rest, columns=[str(c) for c in table])


def _drop_manifest_rows(study: Path, name: str) -> None:
    path = layout.manifest(study)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    write_atomically(path, "".join(line for line in lines if not line.startswith(f"{name}/")).encode())


def _remove_empty_folders(root: Path, name: str) -> None:
    for folder in sorted((p for p in root.rglob(name) if p.is_dir()), reverse=True):
        if not _files(folder):
            shutil.rmtree(folder)
    shutil.rmtree(root / f".{name}.part", ignore_errors=True)
