"""The coding table as MMME released it, written and read as .csv and .xlsx; reference: MMME, section 3.4.

Conventions: one row an expression; frames by `frame_names`, seconds as the video file shows them. As in MMME,
an offset that was not observed is written as the apex; `Offset Marked` says "yes" where a coder did mark the
offset there. Columns that the release lacks stand behind `dif`: whether no unit was seen, what the emotion
rests on, ratings, the reason of a stated kind, the comment and the suggestion. `Marker`, the code of the
stimulus, stays empty: coders must not know what was shown. Where a frame is not named, its second counts.
"""

from __future__ import annotations

import csv
import io
import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mien.coding.annotation import Annotation, derived_kind
from mien.coding.annotation_marks import stated_annotation, with_kind
from mien.coding.exchange import read_units, telling
from mien.coding.frame_names import FrameNames, parse_token
from mien.coding.stated import Stated
from mien.coding.table_cells import Cell, no_formula, read_no_formula, read_text, safe_text
from mien.core.errors import DataError
from mien.core.expression import Kind
from mien.core.time import FloatArray
from mien.recording.formats.sheets import read_sheet

HEADERS: Mapping[str, str] = {
    "subject": "Subject", "filename": "Filename", "marker": "Marker",
    "onset_s": "OnsetTime", "apex_s": "ApexTime", "offset_s": "OffsetTime",
    "onset": "OnsetFrame", "apex": "ApexFrame", "offset": "OffsetFrame",
    "action_units": "Action Units", "emotion": "Estimated Emotion", "kind": "Macro/Micro", "date": "Date",
    "dif": "dif",
    "no_action_unit": "No Action Unit", "basis": "Basis", "valence": "Valence", "arousal": "Arousal",
    "certainty": "Certainty", "kind_reason": "Kind Reason", "comment": "Comment", "suggestion": "Suggestion",
    "offset_marked": "Offset Marked",
}  # fmt: skip
"""The table's columns, in order."""

_REQUIRED = ("onset", "apex", "offset")
_YES, _NO = ("yes", "true", "1"), (None, "no", "false", "0")
_KINDS: Mapping[str, Kind] = {
    word: kind  # type: ignore[misc]
    for kind, short in (("micro", "me"), ("macro", "mae"))
    for word in (kind, f"{kind}-expression", short)
}
_DIFFERS_S = 1.0
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, eq=False)
class CodedVideo:
    """A video as the table names it.

    Parameters
    ----------
    subject, filename
        As in the table; `also` are other file names under which its rows may stand.
    shown_s
        When the file shows every frame, (n_frames,), seconds; what `OnsetTime` counts.
    times_s
        The measured time of every frame, seconds; micro and macro follow from it.
    names
        How frames are named.
    """

    subject: str
    filename: str
    shown_s: FloatArray
    times_s: Sequence[float]
    names: FrameNames
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row that was read: where it stands, what it says, and what was taken otherwise than it says."""

    place: str
    said: Annotation
    remarks: list[str] = field(default_factory=list)


# --- writing


def to_mmme_csv(video: CodedVideo, rows: Sequence[tuple[Annotation, str]]) -> bytes:
    """Annotations with the dates of their coding as separated text, UTF-8 with a mark for spreadsheets."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADERS.values())
    for said, date in rows:
        writer.writerow([_plain_number(no_formula(cell)) for cell in _cells(video, said, date).values()])
    return text.getvalue().encode("utf-8-sig")


def _plain_number(cell: Cell) -> Cell:
    return repr(cell) if isinstance(cell, float) else cell


def to_mmme_xlsx(video: CodedVideo, rows: Sequence[tuple[Annotation, str]]) -> bytes:
    """Annotations with the dates of their coding as a workbook; every text is typed as text."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sheet1"
    sheet.append(list(HEADERS.values()))
    for number, (said, date) in enumerate(rows, start=2):
        for column, value in enumerate(_cells(video, said, date).values(), start=1):
            if value is not None and value != "":
                _write_cell(sheet.cell(number, column), value)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _write_cell(cell: Any, value: Cell) -> None:
    if isinstance(value, float) and float(f"{value:.15g}") != value:
        value = repr(value)  # a workbook's readers keep 15 digits
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = True  # stays text when it is edited


def _cells(video: CodedVideo, said: Annotation, date: str) -> dict[str, Cell]:
    """A row by the keys of `HEADERS`."""
    offset = said.apex if said.offset is None else said.offset
    frames = {"onset": said.onset, "apex": said.apex, "offset": offset}
    names = {name: None if frame is None else video.names.name(frame) for name, frame in frames.items()}
    kind = derived_kind(said, video.times_s)
    counted = (
        said.onset is not None and said.apex is not None and max(said.onset, said.apex) < len(video.shown_s)
    )
    found: dict[str, Cell] = {
        "subject": safe_text(video.subject),
        "filename": safe_text(video.filename),
        **{f"{name}_s": _second(video, frame) for name, frame in frames.items()},
        **names,
        "action_units": ", ".join(map(str, said.action_units)),
        "emotion": safe_text(said.emotion or ""),
        "kind": kind.capitalize() if kind else None,
        "date": date,
        "dif": video.names.dif(said.onset, said.apex) if counted else None,  # type: ignore[arg-type]
        "no_action_unit": "yes" if said.no_action_unit else None,
        "basis": ", ".join(said.basis),
        "valence": said.valence,
        "arousal": said.arousal,
        "certainty": said.certainty,
        "kind_reason": safe_text(said.kind_reason),
        "comment": safe_text(said.comment),
        "suggestion": safe_text(said.suggestion or ""),
        "offset_marked": "yes" if said.offset is not None and said.offset == said.apex else None,
    }
    return {name: found.get(name) for name in HEADERS}


def _second(video: CodedVideo, frame: int | None) -> float | None:
    known = frame is not None and 0 <= frame < len(video.shown_s)
    return round(float(video.shown_s[frame]), 3) if known else None


# --- reading


def from_mmme(
    content: bytes, video: CodedVideo, *, emotions: Mapping[str, str], problems: list[str]
) -> list[ReadRow]:
    """The rows of one video in a table (.csv or .xlsx), as MMME's release or `to_mmme_csv` has it.

    Parameters
    ----------
    emotions
        How the study spells what tables may write: its own words, and others in small letters.
    problems
        Where to say which rows could not be taken and why.

    Raises
    ------
    DataError
        If it is no such table.
    """
    found = []
    others = 0
    is_text = not content.startswith(_ZIP)
    for row in _rows(content):
        cells = {name: read_no_formula(row[name]) if is_text else row[name] for name in HEADERS}
        if not _is_of(video, cells["filename"]):
            others += 1
            continue
        where = f"Row {row['source_row']}"
        here: list[str] = []
        with telling(here):
            said, remarks = _annotation(video, cells, emotions)
            found.append(ReadRow(where, said, remarks))
        problems += [f"{where}: {problem}" for problem in here]
    if others:
        problems.append(f"{others} rows name another Filename than {video.filename} and were left out.")
    return found


def _rows(content: bytes) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="mien-table-") as folder:
        path = Path(folder) / "table"
        path.write_bytes(content)
        try:
            table = read_sheet(path, {name: [header] for name, header in HEADERS.items()}, required=_REQUIRED)
        except DataError as error:
            subject = error.subject.replace(str(path), "coding table")
            raise DataError(subject, wanted=error.wanted, got=error.got[:160], remedy=error.remedy) from None
    yield from table.to_dict("records")  # type: ignore[misc]


def _is_of(video: CodedVideo, filename: str | None) -> bool:
    said = read_text(filename)
    stems = {PurePosixPath(name).stem for name in (video.filename, *video.also)}
    return not said or PurePosixPath(said).stem in stems or said in video.also


def _annotation(
    video: CodedVideo, cells: Mapping[str, str | None], emotions: Mapping[str, str]
) -> tuple[Annotation, list[str]]:
    remarks: list[str] = []
    frames = {name: _frame(video, name, cells, remarks) for name in _REQUIRED}
    if frames["offset"] is not None and frames["offset"] == frames["apex"]:
        frames["offset"] = frames["apex"] if _flag("Offset Marked", cells["offset_marked"]) else None
    stated = Stated(
        no_action_unit=_flag("No Action Unit", cells["no_action_unit"]),
        basis=tuple(re.split(r"[,\s]+", cells["basis"])) if cells["basis"] else (),
        valence=_number("Valence", cells["valence"]),
        arousal=_number("Arousal", cells["arousal"]),
        certainty=_whole("Certainty", cells["certainty"]),
        suggestion=read_text(cells["suggestion"]) or None,
    )
    said, more = stated_annotation(
        frames,
        units=read_units(cells["action_units"] or ""),
        emotion=read_text(cells["emotion"]) or None,
        comment=read_text(cells["comment"]),
        stated=stated,
        emotions=emotions,
    )
    said = with_kind(said, _kind(cells["kind"]), read_text(cells["kind_reason"]), video.times_s)
    return said, [*remarks, *more]


def _frame(video: CodedVideo, name: str, cells: Mapping[str, str | None], remarks: list[str]) -> int | None:
    """The frame that a row names, or the one shown at its second."""
    cell = cells[name]
    header = HEADERS[f"{name}_s"]
    if cell is None or (parse_token(cell) and not video.names.has_tokens):
        at = _number(header, cells[f"{name}_s"])
        return None if at is None and cell is None else _shown(video, header, at)
    frame = video.names.frame(cell)
    try:
        at = _number(header, cells[f"{name}_s"])
    except DataError:
        at = None
    if at is not None and abs(at - float(video.shown_s[frame])) > _DIFFERS_S:
        remarks.append(
            f"Its {header} is {at:g} s, its frame is shown at {video.shown_s[frame]:.3f} s: the frame counts."
        )
    return frame


def _shown(video: CodedVideo, header: str, at: float | None) -> int:
    first, last = float(video.shown_s[0]), float(video.shown_s[-1])
    step = (last - first) / max(len(video.shown_s) - 1, 1)
    if at is None or not first - step <= at <= last + step:
        raise DataError(
            header,
            wanted=f"a second of the clip, {first:.3f} to {last:.3f}, where its frame is not known",
            got="none" if at is None else f"{at:g}",
            remedy="mark it in this clip",
        )
    return int(np.abs(video.shown_s - at).argmin())


def _number(header: str, cell: str | None) -> float | None:
    try:
        value = math.nan if cell is None else float(cell)
    except ValueError:
        value = math.nan
    if cell is not None and not math.isfinite(value):
        raise DataError(header, wanted="a number", got=ascii(cell)[:60], remedy="correct the cell")
    return None if cell is None else value


def _whole(header: str, cell: str | None) -> int | None:
    value = _number(header, cell)
    if value is not None and not value.is_integer():
        raise DataError(header, wanted="a whole number", got=ascii(cell)[:60], remedy="correct the cell")
    return None if value is None else int(value)


def _flag(header: str, cell: str | None) -> bool:
    word = None if cell is None else cell.lower()
    if word not in (*_YES, *_NO):
        raise DataError(header, wanted="yes, no or nothing", got=ascii(cell)[:60], remedy="correct the cell")
    return word in _YES


def _kind(cell: str | None) -> Kind | None:
    if cell is None:
        return None
    kind = _KINDS.get(cell.lower())
    if kind is None:
        raise DataError(
            HEADERS["kind"], wanted="Micro, Macro or nothing", got=ascii(cell)[:60], remedy="correct the cell"
        )
    return kind
