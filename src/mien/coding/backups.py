"""Copies of a coding store, bringing one back, and the withdrawal of a participant.

Conventions: a backup of SQLite is a database of its own, of PostgreSQL gzipped JSON lines with a count at the
end; either can be restored into either kind. A backup shows one state and is under its name whole or not at
all; only the owner of the account reads it. After a withdrawal, older backups still hold the participant:
delete them.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from mien.coding.clip_stages import may_be_clip
from mien.coding.edits import Unavailable
from mien.coding.store_tables import OF_PARTICIPANTS, SCHEMA, coders, head, metadata
from mien.coding.transactions import Database, check_file
from mien.core.errors import DataError

_FORMAT = "mien coding backup 1"
_CHUNK = 1000


def backup(database: Database, path: Path) -> None:
    """Write a consistent copy, while others go on writing.

    Parameters
    ----------
    path
        Of the copy; a file of this name is replaced, once the copy is whole.

    Raises
    ------
    DataError
        If it cannot be written there.
    """
    if database.file is not None and path.exists() and path.samefile(database.file):
        raise DataError(path, wanted="another file than the database", got="the same", remedy="choose a name")
    try:
        with _replacing(path) as part:
            if database.file is not None:
                _copy_file(database.file, part)
            else:
                _write_lines(database, part)
    except (OSError, sqlite3.Error) as error:
        raise DataError(
            path, wanted="a file that can be written whole", got=str(error), remedy="choose another place"
        ) from error


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside the target, which it replaces when it is whole and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        _sync(part)
        os.replace(part, path)
        if os.name == "posix":
            _sync(path.parent)
    finally:
        for left in (part, *(Path(f"{name}{end}") for end in ("-wal", "-shm", "-journal"))):
            left.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy_file(source: Path, part: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(part)) as new:
        old.execute("PRAGMA busy_timeout=10000")
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    check_file(part, "integrity_check")


def _write_lines(database: Database, part: Path) -> None:
    n = 0
    with gzip.open(part, "wt", encoding="utf-8") as file, database.reading() as connection:
        file.write(json.dumps({"format": _FORMAT, "schema": SCHEMA}) + "\n")
        for name, row in _rows(connection):
            file.write(json.dumps({"table": name, "row": row}, ensure_ascii=False) + "\n")
            n += 1
        file.write(json.dumps({"rows": n}) + "\n")


def _rows(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    for table in metadata.sorted_tables:
        for row in connection.execute(select(table).order_by(*table.primary_key)).yield_per(_CHUNK):
            yield table.name, dict(row._mapping)


def restore(path: Path, database: Database) -> int:
    """Bring a backup back into a store that holds nothing yet; returns the number of rows.

    Raises
    ------
    DataError
        If the store holds something, or the file is no whole backup: then nothing is changed.
    """
    with database.writing() as writing:
        connection = writing.connection
        if any(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in _WORK):
            raise DataError(
                database.name, wanted="an empty store", got="one in use", remedy="restore into a new one"
            )
        n = 0
        for name, rows in _chunks(_read(path)):
            n += len(rows)
            if name == "head":
                connection.execute(update(head).values(**{**rows[0], "schema_version": SCHEMA}))
            else:
                connection.execute(insert(metadata.tables[name]), rows)
        if not n:
            raise _no_backup(path, "nothing in it")
    return n


_WORK = (coders, *OF_PARTICIPANTS)


def _chunks(rows: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    held: list[dict[str, Any]] = []
    last = ""
    for name, row in rows:
        if held and (name != last or len(held) == _CHUNK):
            yield last, held
            held = []
        last = name
        held.append(row)
    if held:
        yield last, held


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a backup of either kind, in the order of the tables."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
        yield from _read_file(path) if start.startswith(b"SQLite format 3") else _read_lines(path)
    except (OSError, EOFError, sqlite3.Error, DBAPIError, ValueError, KeyError, TypeError) as error:
        raise _no_backup(path, " ".join(str(error).split())[:120] or "a part of one") from error


def _read_file(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    check_file(path, "integrity_check")
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool
    )
    with engine.connect() as connection:
        _check_version(path, connection.execute(select(head.c.schema_version)).scalar_one())
        yield from _rows(connection)


def _read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        first = json.loads(file.readline())
        if first["format"] != _FORMAT:
            raise ValueError("another format")
        _check_version(path, first["schema"])
        for n, line in enumerate(file):
            one = json.loads(line)
            if "table" not in one:
                if one["rows"] != n or file.readline():
                    raise ValueError("another number of rows than it says")
                return
            yield metadata.tables[one["table"]].name, one["row"]
    raise EOFError("its end is missing")


def _check_version(path: Path, version: int) -> None:
    if version > SCHEMA:
        raise DataError(
            path,
            wanted=f"a backup of version {SCHEMA} or older",
            got=version,
            remedy="restore it with the newer mien that wrote it",
        )


def _no_backup(path: Path, got: str) -> DataError:
    return DataError(path, wanted="a whole backup of a coding store", got=got, remedy="take another backup")


def forget(database: Database, participant: str) -> int:
    """Delete every row of a participant, the log's too; returns how many there were.

    The log says that somebody was withdrawn, not who. Deleted bytes are overwritten: SQLite rebuilds the file
    and empties its write-ahead log, PostgreSQL rebuilds the tables (its own archive is its administrator's).

    Raises
    ------
    Unavailable
        If another program reads so long that the file could not be emptied; the rows are deleted then.
    """
    if not may_be_clip(participant, 0):
        return 0
    with database.writing() as writing:
        found = [
            writing.connection.execute(delete(table).where(table.c.participant_id == participant)).rowcount
            for table in OF_PARTICIPANTS
        ]
        if sum(found):
            writing.record("", "participant withdrawn")
    wipe(database)
    return sum(found)


def wipe(database: Database) -> None:
    """Leave nothing of what was deleted in the files of the database."""
    with database.alone() as connection:
        if database.file is None:
            for table in OF_PARTICIPANTS:
                connection.exec_driver_sql(f'VACUUM FULL "{table.name}"')
            return
        connection.exec_driver_sql("VACUUM")
        busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    if busy:
        raise Unavailable(
            database.name,
            wanted="the write-ahead log emptied after a withdrawal",
            got="another program that still reads it",
            remedy="stop it and withdraw again",
        )
