"""The store of the coding bench: people, clips, sheets, expressions, and a log of everything that happened.

Conventions: one transaction per call; a call that returned is on disk. Every change stands in the log, from
which the tables follow; its numbers have no gaps and its times do not go back. Calls may come from several
threads, and several stores (also of several processes) may be open on one database. Accounts and assignment
are the lead's: `by` is a lead, or a label where the program itself acts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from mien.coding import accounts, backups, clip_stages, marking
from mien.coding.edits import Answer, Conflict, Edit, Kept, LogRow, Refused, SheetNow, Unavailable
from mien.coding.stages import ClipState, Coder, Role, Stage
from mien.coding.store_tables import log as log_table
from mien.coding.transactions import Database, load, stamp

__all__ = [
    "Answer",
    "CodingStore",
    "Conflict",
    "Edit",
    "Kept",
    "LogRow",
    "Refused",
    "SheetNow",
    "Unavailable",
]


class CodingStore:
    """An open coding store; `open` makes one.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = CodingStore.open(f"sqlite:///{folder.name}/bench.sqlite", secret=b"0" * 32)
    >>> token = store.add_coder("ann", "Ann", "coder", by="lead")
    >>> store.coders()
    [Coder(label='ann', name='Ann', role='coder', active=True)]
    >>> store.close(); folder.cleanup()
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    @classmethod
    def open(cls, url: str, *, secret: bytes, clock: Callable[[], float] = time.time) -> CodingStore:
        """Open a store, and make its tables where there are none.

        Parameters
        ----------
        url
            "sqlite:////path/bench.sqlite" or "postgresql+psycopg://...".
        secret
            The bench's own; tokens and sessions are worth nothing without it.
        clock
            Seconds since 1970.

        Raises
        ------
        DataError
            If it cannot be opened, is damaged, holds something else, or was written by a newer mien.
        """
        return cls(Database(url, clock=clock), secret)

    @classmethod
    def restore(
        cls, path: Path, url: str, *, secret: bytes, clock: Callable[[], float] = time.time
    ) -> CodingStore:
        """Bring a backup of either kind back into an empty store, and open it."""
        store = cls.open(url, secret=secret, clock=clock)
        try:
            backups.restore(path, store._database)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def embedded(self) -> bool:
        """Whether it is a SQLite file, and not a server's database."""
        return self._database.file is not None

    def close(self) -> None:
        """Close every connection."""
        self._database.engine.dispose()

    # --- people

    def add_coder(self, label: str, name: str, role: Role, *, by: str | Coder) -> str:
        """Add a person; returns their token, which is seen this once."""
        with self._database.writing() as writing:
            who = accounts.leading(writing.connection, by)
            return accounts.add_coder(writing, Coder(label, name, role), by=who, secret=self._secret)

    def new_token(self, label: str, *, by: str | Coder) -> str:
        """Another token for a person; the one before and sessions under it end."""
        with self._database.writing() as writing:
            who = accounts.leading(writing.connection, by)
            return accounts.new_token(writing, label, by=who, secret=self._secret)

    def deactivate(self, label: str, *, by: str | Coder) -> None:
        """Shut a person out; what they coded stays."""
        with self._database.writing() as writing:
            accounts.deactivate(writing, label, by=accounts.leading(writing.connection, by))

    def coders(self) -> list[Coder]:
        """Everybody, in order of label."""
        with self._database.reading() as connection:
            return accounts.everybody(connection)

    def sign_in(self, token: str) -> tuple[str, Coder] | None:
        """The secret of a new session and whose it is; None for a token that nobody active has."""
        expires = stamp(self._database.clock() + accounts.SESSION_S)
        with self._database.writing() as writing:
            return accounts.sign_in(writing, token, secret=self._secret, expires=expires)

    def session(self, secret: str) -> Coder | None:
        """Whose session it is; None where it ended."""
        now = stamp(self._database.clock())
        with self._database.reading() as connection:
            return accounts.session(connection, secret, secret=self._secret, now=now)

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._database.writing() as writing:
            accounts.sign_out(writing, secret, secret=self._secret)

    def csrf(self, secret: str) -> str:
        """The word that pages of a session send along with every change."""
        return accounts.csrf(secret, secret=self._secret)

    def study_id(self) -> str:
        """A name of this store that tells nothing: pages keep what waits to be sent under it."""
        return accounts.csrf("study", secret=self._secret)[:16]

    # --- clips and their stages

    def ensure_clips(self, clips: Iterable[tuple[str, int]]) -> None:
        """Make the clips (participant, run) that are not there yet."""
        with self._database.writing() as writing:
            clip_stages.ensure_clips(writing, clips)

    def clips(self) -> list[ClipState]:
        """Every clip, in order of participant and run."""
        with self._database.reading() as connection:
            return clip_stages.every_clip(connection)

    def clip(self, participant: str, run: int) -> ClipState:
        """One clip; raises DataError where there is none."""
        with self._database.reading() as connection:
            return clip_stages.find_clip(connection, participant, run)

    def assign(self, participant: str, run: int, coders: Sequence[str], *, by: str | Coder) -> None:
        """Make these people the clip's coders and nobody else, while it is coded; sheets are kept."""
        with self._database.writing() as writing:
            clip_stages.assign(writing, participant, run, coders, by=by)

    def set_done(self, participant: str, run: int, *, by: Coder) -> None:
        """Say that one's own sheet is done; with the last one the clip goes to verification."""
        with self._database.writing() as writing:
            clip_stages.set_state(writing, participant, run, "done", by=by)

    def set_open(self, participant: str, run: int, *, by: Coder) -> None:
        """Open one's own sheet again, while the clip is coded."""
        with self._database.writing() as writing:
            clip_stages.set_state(writing, participant, run, "open", by=by)

    def reveal(self, participant: str, run: int, *, by: Coder) -> None:
        """Note that a coder was shown clip and self-report; raises DataError before all units are coded."""
        with self._database.writing() as writing:
            counts = marking.uncoded(writing.connection, participant, run, by.label)
            clip_stages.reveal(writing, participant, run, by=by, counts=counts)

    def move(
        self, participant: str, run: int, to: Stage, reason: str, coders: Sequence[str], *, by: Coder
    ) -> None:
        """Send a clip to another stage; back to "code" for the coders named, with a reason."""
        with self._database.writing() as writing:
            clip_stages.move(writing, participant, run, to, reason, coders, by=by)

    # --- what is coded

    def put(self, edit: Edit, *, by: Coder) -> Answer:
        """Keep an edit; sent again under its key, it is kept once and answered as before.

        Raises
        ------
        Conflict
            If the expression has another version than the edit was made from.
        Refused
            If the person may not mark on this sheet now.
        DataError
            If the edit does not hold together, or its key was another edit's.
        Unavailable
            If the database does not answer: send it again.
        OSError
            If the disk is full: nothing was kept.
        """
        with self._database.writing() as writing:
            return marking.keep(writing, edit, by=by)

    def sheet(self, participant: str, run: int, coder: str) -> SheetNow:
        """A coder's sheet of a clip; the adjudicated one under the label `final`."""
        with self._database.reading() as connection:
            return marking.read_sheet(connection, participant, run, coder)

    def counts(self) -> dict[tuple[str, int, str], int]:
        """How many expressions stand on each sheet: by participant, run and sheet; none is absent."""
        with self._database.reading() as connection:
            return marking.count_expressions(connection)

    def log(
        self, *, after: int = 0, participant: str | None = None, run: int | None = None, limit: int = 1000
    ) -> list[LogRow]:
        """Rows of the log behind a number, in order, of one participant or run or of all."""
        c = log_table.c
        if participant is not None and not clip_stages.may_be_clip(participant, 0):
            return []
        rows = select(log_table).where(c.seq > min(max(after, 0), 2**31 - 1)).order_by(c.seq).limit(limit)
        if participant is not None:
            rows = rows.where(c.participant_id == participant)
        if run is not None:
            rows = rows.where(c.run == run)
        with self._database.reading() as connection:
            return [_log_row(row) for row in connection.execute(rows)]

    # --- copies and withdrawal

    def backup(self, path: Path) -> None:
        """Write a consistent copy while in use: a SQLite file, or JSON lines (.jsonl.gz) of PostgreSQL."""
        backups.backup(self._database, path)

    def forget(self, participant: str) -> int:
        """Delete every row and byte of a participant; returns how many rows there were."""
        return backups.forget(self._database, participant)


def _log_row(row: Row[Any]) -> LogRow:
    return LogRow(
        row.seq,
        row.at,
        row.who,
        row.participant_id,
        row.run,
        row.sheet,
        row.what,
        row.expression,
        row.version,
        load(row.before_json),
        load(row.after_json),
        row.edit_key,
        row.clock_back_s,
    )
