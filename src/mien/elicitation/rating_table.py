"""The table into which ratings are collected: one row a clip and rater, on disk before it is acknowledged.

A new rating is a line at the end; one that replaces another rewrites the table as a whole. A program that was
killed leaves at most a torn last line, which nobody was told is kept: it is cut off.
"""

from __future__ import annotations

import csv
import io
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.elicitation.ratings import read_ratings

COLUMNS = (
    "stimulus_id", "rater_id", "emotion", "valence", "arousal", "target", "watched_s", "rated_at",
)  # fmt: skip
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_EMPTY = "n/a"


@dataclass(frozen=True, slots=True)
class KeptRating:
    """One rating; scales from 1 to 9, `watched_s` how much of the clip was seen, `rated_at` in UTC."""

    stimulus: str
    rater: str
    emotion: str
    valence: int
    arousal: int
    target: str | None
    watched_s: float
    rated_at: str = ""


class RatingTable:
    """A table of ratings, open for more; may be used from several threads.

    Parameters
    ----------
    path
        A .csv or .tsv file, begun where there is none. What it holds stays, whoever it is by.

    Raises
    ------
    DataError
        If it is another kind of file, or holds what is no rating.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.suffix.lower() not in (".csv", ".tsv"):
            raise DataError(
                path,
                wanted="a .csv or .tsv file for the ratings",
                got=path.suffix or "no suffix",
                remedy="rename it",
            )
        self._mark = "," if path.suffix.lower() == ".csv" else "\t"
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], KeptRating] = {}
        content = path.read_bytes() if path.is_file() else b""
        self._rows = self._read(content)
        if self._text(*self._rows.values()) != content:
            self._write()

    @property
    def rows(self) -> Mapping[tuple[str, str], KeptRating]:
        """Every rating by clip and rater."""
        return dict(self._rows)

    def has(self, stimulus: str, rater: str) -> bool:
        """Whether this rater has rated this clip."""
        return (stimulus, rater) in self._rows

    def keep(self, rating: KeptRating) -> None:
        """Take a rating in place of an earlier one of the same clip by the same rater.

        Raises
        ------
        OSError
            If the disk refuses: the table is then as before.
        """
        with self._lock:
            key = (rating.stimulus, rating.rater)
            before = self._rows.get(key)
            if before is not None and replace(before, rated_at=rating.rated_at) == rating:
                return  # the page repeats a post whose answer it did not get
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            kept = rating if rating.rated_at else replace(rating, rated_at=now)
            if before is None:
                self._append(kept)
                self._rows[key] = kept
                return
            self._rows[key] = kept
            try:
                self._write()
            except OSError:
                self._rows[key] = before
                raise

    def _append(self, rating: KeptRating) -> None:
        with open(self.path, "ab") as file:
            end = file.tell()
            try:
                file.write(self._line(rating))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise

    def _write(self) -> None:
        write_atomically(self.path, self._text(*self._rows.values()))

    def _text(self, *rows: KeptRating) -> bytes:
        return self._joined(COLUMNS) + b"".join(map(self._line, rows))

    def _line(self, rating: KeptRating) -> bytes:
        cells = astuple(replace(rating, target=rating.target or _EMPTY))
        return self._joined([f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells])

    def _joined(self, cells: tuple[str, ...] | list[str]) -> bytes:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=self._mark, lineterminator="\n").writerow(cells)
        return buffer.getvalue().encode()

    def _read(self, content: bytes) -> dict[tuple[str, str], KeptRating]:
        if not content.strip():
            return {}
        end = content.rfind(b"\n") + 1
        header = self._split(content[: content.find(b"\n") + 1] or content)[0]
        if tuple(header) != COLUMNS:
            raise DataError(
                self.path,
                wanted=f"a table that --collect began, with the columns {', '.join(COLUMNS)}",
                got=", ".join(header)[:200] or "none",
                remedy="name a new file",
            )
        if end and not _whole(self._split(content[end:])[0]):
            content = content[:end]
            write_atomically(self.path, content)
        try:
            content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                self.path,
                wanted="a table in UTF-8",
                got=f"byte {error.start} in another encoding",
                remedy="save it so",
            ) from None
        lines = self._split(content)
        if len(lines) < 2:
            return {}
        read_ratings(self.path)  # whoever edits the table by hand is told what is wrong with it
        rows = [self._row(number, cells) for number, cells in enumerate(lines[1:], start=2)]
        return {(row.stimulus, row.rater): row for row in rows}

    def _split(self, content: bytes) -> list[list[str]]:
        try:
            rows = csv.reader(
                io.StringIO(content.decode("utf-8-sig", "replace"), newline=""), delimiter=self._mark
            )
            return [[cell.strip() for cell in row] for row in rows if row] or [[]]
        except csv.Error as error:
            raise DataError(
                self.path, wanted="a table of ratings", got=f"no table ({error})", remedy="name a new file"
            ) from None

    def _row(self, number: int, cells: list[str]) -> KeptRating:
        try:
            stimulus, rater, emotion, valence, arousal, target, watched_s, rated_at = cells
            return KeptRating(
                stimulus, rater, emotion, int(valence), int(arousal), None if target == _EMPTY else target,
                float(watched_s), rated_at,
            )  # fmt: skip
        except ValueError as error:
            raise DataError(
                f"{self.path}, row {number}",
                wanted="a rating as --collect writes it",
                got=error,
                remedy="correct it",
            ) from None


def _whole(cells: list[str]) -> bool:
    """Whether what stands after the last line break is a row, whose end a program left out, or nothing."""
    return cells == [] or (len(cells) == len(COLUMNS) and _AT.fullmatch(cells[-1]) is not None)
