"""SQLite files of a study, such as the coding bench's store: whose rows they hold, and how these leave them.

A table's rows are a participant's where its column `participant_id` says so, as in the study's text tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mien.core.errors import DataError

_COLUMN = "participant_id"
_BUSY_MS = 10_000


def is_database(path: Path) -> bool:
    """Whether a file is a SQLite database by its name."""
    return path.suffix == ".sqlite"


def beside_database(path: Path) -> bool:
    """Whether a file is SQLite's own, beside a database: what is in it comes into the database by itself."""
    return path.name.endswith((".sqlite-wal", ".sqlite-shm"))


def has_rows(path: Path, name: str) -> bool:
    """Whether any table holds rows of a participant; raises DataError if the file is no database."""
    with _opened(path, "ro") as database:
        return any(
            database.execute(f'SELECT 1 FROM "{table}" WHERE {_COLUMN} = ? LIMIT 1', (name,)).fetchone()
            for table in _tables(database)
        )


def drop_rows(path: Path, name: str) -> None:
    """Delete a participant's rows of every table, and the bytes that they stood in.

    Raises
    ------
    DataError
        If the file is no database, or another program holds it.
    """
    with _opened(path, "rw") as database:
        database.execute("PRAGMA secure_delete = ON")
        with database:
            for table in _tables(database):
                database.execute(f'DELETE FROM "{table}" WHERE {_COLUMN} = ?', (name,))
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _tables(database: sqlite3.Connection) -> list[str]:
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [n for n in names if any(c[1] == _COLUMN for c in database.execute(f'PRAGMA table_info("{n}")'))]


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)) as database:
            database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            yield database
    except sqlite3.Error as error:
        raise DataError(
            path,
            wanted="a whole database that no other program holds",
            got=str(error),
            remedy="stop the coding bench if it runs, or bring back a backup",
        ) from error
