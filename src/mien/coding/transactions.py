"""Opening the coding store's database, and its transactions: one for each call, whole or not at all.

Conventions: SQLite keeps a write-ahead log with full synchronous commits; who writes takes the lock at the
beginning, so that nothing read before a write is stale. On PostgreSQL every writer locks the one row of
`head`: numbers of the log are in order of commit, without gaps. The log's time never goes back.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, insert, inspect, select, text, update
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mien.coding.edits import Unavailable
from mien.coding.store_tables import SCHEMA, head, log, metadata
from mien.core.errors import DataError, OptionError
from mien.core.records import canonical_json

BUSY_S = 10.0
CLOCK_STEP_S = 1.0
_BEGIN = "mien_begin"
_IMMEDIATE: dict[str, Any] = {_BEGIN: "BEGIN IMMEDIATE"}
_LOCKING: dict[str, Any] = {"isolation_level": "READ COMMITTED"}
_SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
_ADVISORY = 0x6D69656E  # "mien": the lock under which tables are made


def stamp(at_s: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC; texts of one width, so that they sort as times do.

    Examples
    --------
    >>> stamp(0.25)
    '1970-01-01T00:00:00.250000Z'
    """
    at = datetime.fromtimestamp(at_s, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Writing:
    """A transaction that writes; what it records in the log gets the next numbers.

    Parameters
    ----------
    connection
        Within a transaction that no other writer can enter.
    now_s
        What the clock says.
    """

    def __init__(self, connection: Connection, now_s: float) -> None:
        last = connection.execute(select(head.c.seq, head.c.at).with_for_update()).one()
        now = stamp(now_s)
        back_s = datetime.fromisoformat(last.at).timestamp() - now_s
        self.connection = connection
        self.at = max(now, last.at)
        self.now = now
        self._back_s = round(back_s, 3) if back_s > CLOCK_STEP_S else None
        self._first = self._seq = last.seq

    def record(self, who: str, what: str, *, before: Any = None, after: Any = None, **columns: Any) -> int:
        """Put a row into the log; returns its number."""
        self._seq += 1
        self.connection.execute(
            insert(log).values(
                seq=self._seq,
                at=self.at,
                who=who,
                what=what,
                before_json=None if before is None else as_text(before),
                after_json=None if after is None else as_text(after),
                clock_back_s=self._back_s,
                **columns,
            )
        )
        return self._seq

    def finish(self) -> None:
        """Keep the log's last number and time."""
        if self._seq != self._first:
            self.connection.execute(update(head).values(seq=self._seq, at=self.at))


def as_text(value: object) -> str:
    """JSON as it is kept."""
    return canonical_json(value).decode()


class Database:
    """A database with the store's tables.

    Parameters
    ----------
    url
        "sqlite:////path/bench.sqlite" or "postgresql+psycopg://...".
    clock
        Seconds since 1970.

    Raises
    ------
    DataError
        If it cannot be opened, is damaged, holds something else, or was written by a newer mien.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        made = _url(url)
        self.name = made.render_as_string(hide_password=True)
        self.file = Path(made.database or "") if made.get_backend_name() == "sqlite" else None
        self.clock = clock
        # Within one process, writers queue here instead of asking SQLite again and again.
        self._turn = threading.Lock()
        with _explained(self.name, DataError, "check the address, and that the server runs"):
            if self.file is not None:
                _prepare_file(self.file)
            self.engine = _engine(made)
            try:
                self._prepare_tables()
            except BaseException:
                self.engine.dispose()
                raise
        self._writer = self.engine.execution_options(**_IMMEDIATE if self.file else _LOCKING)
        self._reader = self.engine.execution_options(**{} if self.file else _SNAPSHOT)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of everything."""
        with _explained(self.name, Unavailable, "try again"), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """The transaction of one change: committed at the end, undone by any error."""
        remedy = "send it again under the same key"
        with _explained(self.name, Unavailable, remedy), self._turns(), self._writer.begin() as connection:
            writing = Writing(connection, self.clock())
            yield writing
            writing.finish()

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection without a transaction, for what databases do only there."""
        options: dict[str, Any] = {_BEGIN: ""} if self.file else {"isolation_level": "AUTOCOMMIT"}
        engine = self.engine.execution_options(**options)
        with _explained(self.name, Unavailable, "try again"), self._turns(), engine.connect() as connection:
            yield connection

    @contextmanager
    def _turns(self) -> Iterator[None]:
        if self.file is None:
            yield
        else:
            with self._turn:
                yield

    def _prepare_tables(self) -> None:
        with self.engine.execution_options(**_IMMEDIATE if self.file else _LOCKING).begin() as connection:
            if self.file is None:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY})
            found = set(inspect(connection).get_table_names())
            if not found & set(metadata.tables):
                _make_tables(connection, self.name, found if self.file else set())
            _check_tables(connection, self.name)


def _url(url: str) -> URL:
    try:
        made = make_url(url)
        backend = made.get_backend_name()
    except ArgumentError:
        backend = "something else"
    if backend not in ("sqlite", "postgresql") or (
        backend == "sqlite" and made.database in (None, "", ":memory:")
    ):
        raise OptionError(
            "database",
            wanted="sqlite:////path/of/a/file or postgresql+psycopg://user@host/name",
            got=backend,
            remedy="correct the address",
        )
    return made.set(drivername="postgresql+psycopg") if backend == "postgresql" else made


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        # A server may be set up to answer before data are on disk; not for these. Nobody waits without end.
        settings = {
            "synchronous_commit": "on",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "60s",
        }
        said = " ".join(f"-c {name}={value}" for name, value in settings.items())
        asked = url.query.get("options", ())
        given = asked if isinstance(asked, str) else " ".join(asked)
        options = {"options": f"{given} {said}", "connect_timeout": round(BUSY_S)}
        return create_engine(url, connect_args=options, pool_pre_ping=True, pool_size=10, max_overflow=30)
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, pool_size=10, max_overflow=30)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    """Every SQLite connection: durable commits, deleted bytes overwritten, `_begin` begins."""
    connection.isolation_level = None
    for setting in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _begin(connection: Connection) -> None:
    if how := connection.get_execution_options().get(_BEGIN, "BEGIN"):
        connection.exec_driver_sql(how)


def _prepare_file(path: Path) -> None:
    """A file that only its owner reads, found whole, with a write-ahead log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        check_file(path, "quick_check")
        _keep_write_ahead_log(path)
    except OSError as error:
        raise DataError(
            path,
            wanted="a file that can be written",
            got=error.strerror or "an error",
            remedy="choose another place, or correct its rights",
        ) from error
    except sqlite3.Error as error:
        raise DataError(
            path, wanted="a whole database", got=str(error), remedy="restore the last backup beside it"
        ) from error


def check_file(path: Path, how: str) -> None:
    """Raise sqlite3.DatabaseError where a file is no whole SQLite database."""
    connection = sqlite3.connect(path, timeout=BUSY_S)
    try:
        (answer,) = connection.execute(f"PRAGMA {how}(1)").fetchone()
    finally:
        connection.close()
    if answer != "ok":
        raise sqlite3.DatabaseError(" ".join(answer.split())[:120])


def _keep_write_ahead_log(path: Path) -> None:
    # SQLite does not wait for others here: two processes that open a new file at once meet.
    end = time.monotonic() + BUSY_S
    connection = sqlite3.connect(path, timeout=BUSY_S)
    try:
        while True:
            try:
                (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            except sqlite3.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
                continue
            break
    finally:
        connection.close()
    if mode != "wal":
        raise sqlite3.OperationalError(f"no write-ahead log here (journal mode {mode})")


def _make_tables(connection: Connection, name: str, found: set[str]) -> None:
    if found:
        raise DataError(
            name,
            wanted="a coding database or none",
            got=f"a database with the table {min(found)}",
            remedy="choose another file",
        )
    metadata.create_all(connection)
    connection.execute(insert(head).values(id=1, schema_version=SCHEMA, seq=0, at=stamp(0)))


def _check_tables(connection: Connection, name: str) -> None:
    try:
        version = connection.execute(select(head.c.schema_version)).scalar_one_or_none()
    except DBAPIError:
        version = None
    if version is None:
        raise DataError(
            name, wanted="a coding database", got="other tables", remedy="choose another database"
        )
    if version > SCHEMA:
        raise DataError(
            name,
            wanted=f"a coding database of version {SCHEMA} or older",
            got=version,
            remedy="open it with the newer mien that wrote it",
        )


@contextmanager
def _explained(name: str, kind: type[DataError] | type[Unavailable], remedy: str) -> Iterator[None]:
    """What the database says of itself, in one sentence; faults of ours pass as they are."""
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except (DBAPIError, PoolTimeout) as error:
        cause = getattr(error, "orig", None)
        if kind is Unavailable and _full(cause):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name) from error
        said = str(cause or error).strip().splitlines() or ["nothing"]
        raise kind(name, wanted="a database that answers", got=said[0][:200], remedy=remedy) from error


def _full(error: object) -> bool:
    """Whether a database undid a transaction because its disk is full: sending it again does not help."""
    sqlite = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return sqlite or getattr(error, "sqlstate", None) == "53100"


def load(plain: str | None) -> Any:
    """JSON as it was kept."""
    return None if plain is None else json.loads(plain)
