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

from mien.core.errors import DataError, OptionError
from mien.core.records import write_atomically
from mien.dataset import databases, layout, tables
from mien.dataset.study import check_is_study

WITHDRAWN = "withdrawn"
"""What stands in a table of who is who instead of somebody who withdrew."""

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
    OptionError
        If a folder of results holds the study itself.
    """
    check_is_study(study)
    name = layout.participant_id(participant)
    people = pseudonyms or study.absolute().parent / f"{study.resolve().name}-pseudonyms.tsv"
    if pseudonyms is not None and not pseudonyms.is_file():
        raise DataError(
            pseudonyms, wanted="the table of who is who", got="no such file", remedy="check the path"
        )
    for root in results:
        _check_results(root, study)
    others = _others(study, name)
    pooled: list[Path] = []
    own = [*_recordings(study, name)]
    for root in (study, *results):
        of_all, of_one = _derived(root, name, others)
        pooled += of_all
        own += of_one
    removed = list(dict.fromkeys([*pooled, *own]))
    edited = [path for path in _common_tables(study, people, results) if _has_row(path, name)]
    edited = [p for p in edited if p not in removed and not (p == people and _forgotten(p, name))]
    in_manifest = layout.manifest(study).is_file() and f"\n{name}/" in layout.manifest(study).read_text()
    if not removed and not edited and not in_manifest:
        raise DataError(
            name, wanted=f"a participant of {study}", got="nothing of that name", remedy="check the id"
        )
    if not dry_run:
        for path in pooled:  # first: what is left of the participant says that these must go
            path.unlink(missing_ok=True)
        for path in edited:
            (_forget if path == people else _drop_rows)(path, name)
        for path in own:
            path.unlink(missing_ok=True)
        for root in (study, *results):
            _remove_empty_folders(root, name)
        if in_manifest:
            _drop_manifest_rows(study, name)
    manifest = [layout.manifest(study)] if in_manifest else []
    return Withdrawal(name, tuple(map(str, removed)), tuple(map(str, [*edited, *manifest])))


def _check_results(root: Path, study: Path) -> None:
    if not root.is_dir():
        raise DataError(root, wanted="a folder of results", got="no such folder", remedy="check the path")
    if study.resolve().is_relative_to(root.resolve()):
        raise OptionError(
            root,
            wanted="a folder of results",
            got="one that holds the study",
            remedy="name the results alone",
        )


def _others(study: Path, name: str) -> frozenset[str]:
    """The other participants, by the table and by the folders."""
    table = tables.read_participants(layout.participants(study))
    folders = {path.name for path in study.glob("sub-*") if path.is_dir()}
    return frozenset({*map(str, table["participant_id"]), *folders} - {name})


def _recordings(study: Path, name: str) -> Iterator[Path]:
    yield from _files(study / name)
    yield from _files(study / f".{name}.part")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _derived(root: Path, name: str, others: frozenset[str]) -> tuple[list[Path], list[Path]]:
    """Files of which nobody can say that they were not made from the participant, and those that were.

    Recordings and files at the root of the study, and recordings of others, are neither. A file that names
    another participant is theirs, unless it, or a text beside it, names this one too: as a model does that
    was trained without the other, and with this one.
    """
    mine = re.compile(rf"(?<![0-9A-Za-z-]){re.escape(name)}(?![0-9A-Za-z])")
    someone = re.compile(r"(?<![0-9A-Za-z])sub-[0-9A-Za-z]+")
    of_study = layout.participants(root).is_file()
    files = [path for path in _files(root) if not _loses_rows(path)]
    if of_study:
        files = [path for path in files if not _stays(path.relative_to(root), others, name, mine)]
    places = {path: path.relative_to(root).as_posix() for path in files}
    saying = {path for path in files if _is_text(path) and _left_naming(path, mine)}
    told = {path.parent for path in saying}
    rows = any(path.suffix == ".tsv" and _has_row(path, name) for path in files)
    known = rows or bool(saying) or any(mine.search(place) for place in places.values())
    pooled, own = [], []
    for path, place in places.items():
        theirs = any(word in others for word in someone.findall(place))
        if mine.search(place) or path in saying:
            own.append(path)
        elif path.suffix == ".tsv" or _is_text(path):
            continue  # names nobody, or loses its rows
        elif of_study and not place.startswith("derivatives/"):
            continue  # the study's code, documents and stimuli
        elif (path.parent in told) if theirs else known:
            pooled.append(path)  # maps, models, caches, pages: computed from all
    return pooled, own


def _loses_rows(path: Path) -> bool:
    """Whether a file is a database, or what the coding bench keeps beside its own: common to all."""
    bench = path.parent.name == "coding" and path.name in ("bench.secret", "bench.lock")
    return bench or databases.is_database(path) or databases.beside_database(path)


def _stays(place: Path, others: frozenset[str], name: str, mine: re.Pattern[str]) -> bool:
    """Whether a file of a study is common to all, a recording of another, or one that is listed already."""
    top = place.parts[0]
    if top == "stimuli":
        return mine.search(place.as_posix()) is None
    return len(place.parts) == 1 or top in {*others, name} or top.startswith(".")


def _is_text(path: Path) -> bool:
    return path.suffix in (".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".log", ".yaml")


def _left_naming(path: Path, mine: re.Pattern[str]) -> bool:
    """Whether a text names the participant, beside the rows that a table loses."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    if path.suffix != ".tsv" or mine.search(text) is None:
        return mine.search(text) is not None
    lines = text.splitlines()
    columns = lines[0].split("\t")
    if _PARTICIPANT_COLUMN not in columns:
        return True  # a table of another shape, as one with a column per participant
    at = columns.index(_PARTICIPANT_COLUMN)
    rest = [line for line in lines if not mine.fullmatch((line.split("\t") + [""] * at)[at].strip('"'))]
    return any(mine.search(line) for line in rest)


def _common_tables(study: Path, people: Path, results: Sequence[Path]) -> Iterator[Path]:
    yield layout.participants(study)
    if people.is_file():
        yield people
    for path in _files(study):
        top = path.relative_to(study).parts[0]
        elsewhere = top.startswith(".") or top == path.name or layout.is_participant_id(top)
        if _is_table(path) and not elsewhere:
            yield path
    for root in results:
        yield from (path for path in _files(root) if _is_table(path))


def _is_table(path: Path) -> bool:
    return path.suffix == ".tsv" or databases.is_database(path)


def _has_row(path: Path, name: str) -> bool:
    if databases.is_database(path):
        return databases.has_rows(path, name)
    try:
        table = tables.read_table(path, columns=[_PARTICIPANT_COLUMN])
    except DataError:
        return False
    return bool((table[_PARTICIPANT_COLUMN] == name).any())


def _drop_rows(path: Path, name: str) -> None:
    if databases.is_database(path):
        databases.drop_rows(path, name)
        return
    table = tables.read_table(path, columns=[_PARTICIPANT_COLUMN])
    rest = table[table[_PARTICIPANT_COLUMN] != name]
    tables.write_table(path, rest, columns=[str(c) for c in table])


def _forget(people: Path, name: str) -> None:
    """Take the subject out of the table of who is who; the number stays, so that nobody else gets it."""
    table = tables.read_table(people, columns=[_PARTICIPANT_COLUMN, "subject"])
    table.loc[table[_PARTICIPANT_COLUMN] == name, "subject"] = f"{WITHDRAWN} {name}"
    tables.write_table(people, table, columns=[str(c) for c in table])


def _forgotten(people: Path, name: str) -> bool:
    table = tables.read_table(people, columns=[_PARTICIPANT_COLUMN, "subject"])
    subjects = table["subject"][table[_PARTICIPANT_COLUMN] == name]
    return bool(subjects.str.startswith(WITHDRAWN).all())


def _drop_manifest_rows(study: Path, name: str) -> None:
    path = layout.manifest(study)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    write_atomically(path, "".join(line for line in lines if not line.startswith(f"{name}/")).encode())


def _remove_empty_folders(root: Path, name: str) -> None:
    for folder in sorted((p for p in root.rglob(name) if p.is_dir()), reverse=True):
        if not _files(folder):
            folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    shutil.rmtree(root / f".{name}.part", ignore_errors=True)
