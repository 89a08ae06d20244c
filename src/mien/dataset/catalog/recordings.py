"""A table of clips in recordings that were made for other ends: game nights, talk shows (as MMED's).

One row is one clip: the recording's file, the seconds of it, who is in view, where it is from, what its
licence is and what was permitted. A row may name the marks of one expression, in seconds of the recording.
Times are the recording's own presentation times, as players show them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mien.core.errors import DataError
from mien.core.expression import ActionUnit
from mien.core.labels import EMOTION_SPELLINGS, THREE_CLASS_OF, THREE_CLASSES
from mien.core.time import Interval
from mien.dataset.catalog.action_units import read_action_units
from mien.dataset.catalog.media import TABLES, VIDEOS
from mien.recording.formats.sheets import read_sheet

COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "recording": ("recording", "file", "video", "filename"),
        "start_s": ("start_s", "start", "from_s"),
        "end_s": ("end_s", "end", "to_s"),
        "clip": ("clip", "clip_number", "run"),
        "participant": ("participant", "subject", "person", "player"),
        "source": ("source", "title"),
        "url": ("url", "link", "address"),
        "date": ("date", "published"),
        "licence": ("licence", "license"),
        "consent_level": ("consent_level", "consent"),
        "permission": ("permission", "permission_note", "consent_note"),
        "emotion": ("emotion", "label"),
        "valence": ("valence",),
        "channel": ("channel", "sound_channel"),
        "onset_s": ("onset_s", "onset"),
        "apex_s": ("apex_s", "apex"),
        "offset_s": ("offset_s", "offset"),
        "action_units": ("action_units", "AU"),
    }
)
"""Headers per role; the first three must be there."""
REQUIRED = ("recording", "start_s", "end_s")
MOST_RUN = 9999


@dataclass(frozen=True, slots=True)
class ClipRow:
    """One row: a clip of a recording and what is known of it.

    Parameters
    ----------
    source_row
        As a spreadsheet counts.
    recording
        The file.
    span
        Seconds of the recording, the end not included.
    run
        The clip's number, where the table gives one.
    participant
        The label of the person in view; None where there is none.
    told
        The cells on provenance and label, verbatim, by role; None where empty.
    consent_level
        1, 2, or None where nothing is said.
    emotion
        In standard spelling where it is a known word, else as written.
    channel
        Of the sound, from 0; None where the table names none.
    marks_s
        Onset, apex and offset of an expression, seconds of the recording; None where not coded.
    """

    source_row: int
    recording: Path
    span: Interval
    run: int | None
    participant: str | None
    told: Mapping[str, str | None]
    consent_level: int | None
    emotion: str | None
    channel: int | None
    marks_s: tuple[float | None, float | None, float | None]
    action_units: tuple[ActionUnit, ...]

    @property
    def subject(self) -> str:
        """Who is in view; people without a label are one per recording."""
        return self.participant or f"(unlabelled) {self.recording.name}"

    @property
    def three_class(self) -> str | None:
        """Negative, positive or surprise."""
        return self.emotion if self.emotion in THREE_CLASSES else THREE_CLASS_OF.get(self.emotion or "")


@dataclass(frozen=True, slots=True)
class ClipTable:
    """The rows in their order, the table they came from, and remarks on what it leaves out."""

    path: Path
    rows: tuple[ClipRow, ...]
    remarks: tuple[str, ...]


def read_clip_table(source: Path, *, table: Path | None = None) -> ClipTable:
    """Read the clips of a folder of recordings.

    Parameters
    ----------
    source
        The folder, or the table itself, beside whose recordings it lies.
    table
        The table; default the only one in the folder.

    Raises
    ------
    DataError
        If there is no such table, a recording is not there, a time is none or in no order, a number of a clip
        stands twice for one person, or a consent level is none.
    """
    folder = source if source.is_dir() else source.parent
    path = table or (source if source.is_file() else _only_table(source))
    cells = read_sheet(path, COLUMNS, required=REQUIRED)
    rows = []
    for record in cells.to_dict("records"):
        if any(record[role] is not None for role in COLUMNS):
            rows.append(_row(path, folder, record))
    if not rows:
        raise DataError(path, wanted="at least one clip", got="none", remedy="add a row per clip")
    _check_numbers(path, rows)
    return ClipTable(path, tuple(rows), tuple(_remarks(rows, cells.attrs.get("found", ()))))


def _only_table(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError(folder, wanted="a folder of recordings", got="nothing there", remedy="check the path")
    found = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in TABLES and not p.name.startswith(".")]
    if len(found) != 1:
        got = ", ".join(p.name for p in found[:6]) or "none"
        raise DataError(folder, wanted="one table of clips", got=got, remedy="give it with --labels")
    return found[0]


def _row(path: Path, folder: Path, record: Mapping[Any, Any]) -> ClipRow:
    where = f"{path}, row {record['source_row']}"
    start, end = (_seconds(where, role, record[role], needed=True) for role in ("start_s", "end_s"))
    assert start is not None
    assert end is not None
    if not 0 <= start < end:
        got = f"from {start:g} to {end:g} s"
        raise DataError(
            where, wanted="a start from 0 on and a later end", got=got, remedy="correct the times"
        )
    onset, apex, offset = (_seconds(where, role, record[role]) for role in ("onset_s", "apex_s", "offset_s"))
    emotion = record["emotion"]
    return ClipRow(
        source_row=int(record["source_row"]),
        recording=_recording(where, folder, record["recording"]),
        span=Interval(start, end),
        run=_whole(where, "clip", record["clip"], most=MOST_RUN),
        participant=record["participant"],
        told={role: record[role] for role in ("source", "url", "date", "licence", "permission", "valence")},
        consent_level=_level(where, record["consent_level"]),
        emotion=None if emotion is None else _emotion(emotion),
        channel=None if (n := _whole(where, "channel", record["channel"], most=64)) is None else n - 1,
        marks_s=(onset, apex, offset),
        action_units=_units(where, record["action_units"]),
    )


def _seconds(where: str, role: str, cell: str | None, *, needed: bool = False) -> float | None:
    """Seconds, also written as 1:02:03.5."""
    if cell is None and not needed:
        return None
    try:
        parts = [float(part) for part in (cell or "").split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(math.isfinite(part) for part in parts):
        remedy = "write seconds, or hours:minutes:seconds"
        raise DataError(where, wanted=f"a time in '{role}'", got=repr(cell or ""), remedy=remedy)
    total = 0.0
    for part in parts:
        total = 60 * total + part
    return total


def _whole(where: str, role: str, cell: str | None, *, most: int) -> int | None:
    if cell is None:
        return None
    if not cell.isdigit() or not 1 <= int(cell) <= most:
        wanted = f"a whole number from 1 to {most} in '{role}'"
        raise DataError(where, wanted=wanted, got=repr(cell), remedy="correct the cell")
    return int(cell)


def _level(where: str, cell: str | None) -> int | None:
    if cell is not None and cell not in ("1", "2"):
        raise DataError(
            where,
            wanted="1, 2 or nothing in 'consent_level'",
            got=repr(cell),
            remedy="say what was allowed as 1 or 2, and the rest in 'permission'",
        )
    return None if cell is None else int(cell)


def _recording(where: str, folder: Path, cell: str | None) -> Path:
    path = folder / (cell or "")
    if cell is None or not path.is_file():
        got = "none" if cell is None else f"no file {cell}"
        raise DataError(where, wanted="a recording that is there", got=got, remedy="correct the name")
    if not path.resolve().is_relative_to(folder.resolve()) or path.suffix.lower() not in VIDEOS:
        wanted = f"a video of {', '.join(VIDEOS)} within {folder}"
        raise DataError(where, wanted=wanted, got=cell, remedy="move it there, or convert it")
    return path


def _emotion(cell: str) -> str:
    word = cell.strip().lower()
    return word if word in THREE_CLASSES else EMOTION_SPELLINGS.get(word, cell.strip())


def _units(where: str, cell: str | None) -> tuple[ActionUnit, ...]:
    found = () if cell is None else read_action_units(cell)
    if found is None:
        raise DataError(where, wanted="action units as in 4+7", got=repr(cell), remedy="correct the cell")
    return found


def _check_numbers(path: Path, rows: Sequence[ClipRow]) -> None:
    seen: dict[tuple[str, int], int] = {}
    for row in rows:
        if row.run is None:
            continue
        first = seen.setdefault((row.subject, row.run), row.source_row)
        if first != row.source_row:
            raise DataError(
                f"{path}, row {row.source_row}",
                wanted="each number of a clip once per person",
                got=f"{row.run} as in row {first}",
                remedy="number the clips anew, or leave the column out",
            )
    if any(row.run is None for row in rows) and seen:
        row = next(row for row in rows if row.run is None)
        raise DataError(
            f"{path}, row {row.source_row}",
            wanted="a number of the clip, as other rows have one",
            got="none",
            remedy="number all clips or none",
        )


def _remarks(rows: Sequence[ClipRow], found: Sequence[str]) -> list[str]:
    remarks = []
    without = sum(row.told["licence"] is None for row in rows)
    if "licence" not in found:
        remarks.append("The table has no column for the licence: nobody can say what may be done with it.")
    elif without:
        remarks.append(f"{without} of {len(rows)} clips state no licence.")
    silent = sum(row.consent_level is None for row in rows)
    if silent:
        remarks.append(f"{silent} of {len(rows)} clips state no consent level and count as the strictest.")
    unlabelled = sum(row.participant is None for row in rows)
    if unlabelled:
        remarks.append(
            f"{unlabelled} of {len(rows)} clips name nobody: all such clips of one recording are one "
            "participant, who may be another recording's too."
        )
    shared = _overlaps(rows)
    if shared:
        remarks.append(
            f"{len(shared)} pairs of clips share frames: rows "
            + ", ".join(f"{a} and {b}" for a, b in shared[:10])
            + (", ..." if len(shared) > 10 else ".")
        )
    return remarks


def _overlaps(rows: Sequence[ClipRow]) -> list[tuple[int, int]]:
    found = []
    ordered = sorted(rows, key=lambda row: (str(row.recording), row.span.start_s))
    for place, row in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if other.recording != row.recording or other.span.start_s >= row.span.end_s:
                break
            found.append((row.source_row, other.source_row))
    return found
