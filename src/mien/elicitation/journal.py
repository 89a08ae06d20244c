"""What happened in a session, line by line: written before it is acknowledged, and never changed.

A line is one JSON object with `n` (from 1, without gaps), `at_s` (the session's clock) and `what`; more
depends on what it is. A program that was killed leaves at most a torn last line, which is cut off. What a
participant decided or reported also outlives a power cut; steps in between are written without waiting for
the disk, which would delay a code by tens of milliseconds.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.core.errors import DataError
from mien.core.records import to_json

Row = Mapping[str, Any]
_PASSING = frozenset({"ready", "requested", "clip-shown", "code", "report-shown", "neutral-shown"})
"""Rows that a later one makes good: a trial without a report is shown again anyway."""


class Journal:
    """The journal of one session, open for more.

    Raises
    ------
    DataError
        If a row other than the last is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        rows, whole = _read(path) if path.is_file() else ([], 0)
        self._rows: list[Row] = list(rows)
        self._lock = threading.Lock()
        # without a buffer: what a full disk refused must not come with the next row
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - it stays open as long as the session
        self._file.truncate(whole)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row so far."""
        return tuple(self._rows)

    def append(self, what: str, at_s: float, **more: object) -> Row:
        """Write one row; raises OSError if that fails, and nothing is kept."""
        with self._lock:
            row = {"n": len(self._rows) + 1, "at_s": round(at_s, 6), "what": what, **more}
            line = json.dumps(to_json(row), ensure_ascii=False).encode() + b"\n"
            end = os.fstat(self._file.fileno()).st_size
            try:
                if self._file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if what not in _PASSING:
                    os.fsync(self._file.fileno())
            except OSError:
                os.ftruncate(self._file.fileno(), end)
                raise
            kept: Row = json.loads(line)
            self._rows.append(kept)
            return kept

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def read_journal(path: Path) -> tuple[Row, ...]:
    """The rows of a journal; a torn last line is left out. Raises DataError for a damaged one before it."""
    if not path.is_file():
        raise DataError(path, wanted="the journal of a session", got="no such file", remedy="check the path")
    return tuple(_read(path)[0])


def _read(path: Path) -> tuple[list[Row], int]:
    """Rows, and the number of bytes that they fill."""
    content = path.read_bytes()
    rows: list[Row] = []
    whole = 0
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            row = None
        if not isinstance(row, dict) or row.get("n") != number:
            if number == len(lines) and (row is None or not line.endswith(b"\n")):
                return rows, whole  # torn: nobody was told that it is kept
            raise DataError(
                f"{path}, line {number}",
                wanted=f"row {number} of a session's journal",
                got="something else",
                remedy="restore the file from a copy",
            )
        rows.append(row)
        whole += len(line)
    return rows, whole
