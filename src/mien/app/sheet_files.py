"""Sheets as files for other programs, and what such files say.

Conventions: ELAN and BORIS count the video file's own milliseconds, tables name frames. Programs mark nothing
without an onset or with frames out of order: such expressions are counted as left out. Nothing that a file or
a request says ever becomes part of a path.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mien.app.bench import Bench
from mien.app.file_clip import FileClip, file_clip
from mien.app.study_clips import Clip
from mien.app.study_tables import NOTES, table_row
from mien.app.table_import import annotation_of_row
from mien.coding.annotation import Annotation, annotation_from_json
from mien.coding.annotation_marks import annotation_of, can_be_marked, mark_of
from mien.coding.boris import from_boris, to_boris
from mien.coding.edits import Kept
from mien.coding.elan import from_elan, to_elan
from mien.coding.exchange import Mark, Sheet
from mien.coding.mmme_layout import ReadRow, from_mmme, to_mmme_csv, to_mmme_xlsx
from mien.coding.stated import quoted
from mien.coding.table_cells import no_formula, read_no_formula, read_text, safe_text
from mien.core.errors import DataError, MienError
from mien.dataset import layout, tables

MOST_EXPRESSIONS = 2000
"""More than anybody marks in one clip: larger files are refused."""

_MOST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class SheetFile:
    """A written file, its media type, and how many expressions it does not hold."""

    content: bytes
    media_type: str
    left_out: int = 0


# --- to a file


def write_sheet(bench: Bench, clip: Clip, label: str, form: str) -> SheetFile:
    """A coder's sheet of a clip in a form of `FORMS`.

    Raises
    ------
    DataError
        If there is no such sheet, or the form cannot hold what stands on it.
    """
    kept = [one for one in bench.store.sheet(clip.participant, clip.run, label).expressions if one.annotation]
    return FORMS[form].write(bench, clip, label, kept)


def _said(kept: Sequence[Kept]) -> list[Annotation]:
    return [one.annotation for one in kept if one.annotation is not None]


def _marked(bench: Bench, clip: Clip, kept: Sequence[Kept]) -> tuple[Sheet, int]:
    """The sheet for programs, and how many expressions they cannot mark."""
    seen = file_clip(bench, clip, in_file=True)
    said = [one for one in _said(kept) if can_be_marked(one)]
    shown, times = seen.shown_s.tolist(), seen.times_s
    return seen.sheet([mark_of(one, shown, times) for one in said]), len(kept) - len(said)


def _write_elan(bench: Bench, clip: Clip, label: str, kept: Sequence[Kept]) -> SheetFile:
    sheet, left_out = _marked(bench, clip, kept)
    text = to_elan(sheet, author=label, made=datetime.now(UTC))
    return SheetFile(text.encode(), "application/xml", left_out)


def _write_boris(bench: Bench, clip: Clip, label: str, kept: Sequence[Kept]) -> SheetFile:
    sheet, left_out = _marked(bench, clip, kept)
    text = to_boris([sheet], name=f"{clip.id} coder {label}", made=datetime.now(UTC))
    return SheetFile(text.encode(), "application/json", left_out)


def _write_csv(bench: Bench, clip: Clip, label: str, kept: Sequence[Kept]) -> SheetFile:
    video = file_clip(bench, clip, in_file=False).coded_video()
    return SheetFile(to_mmme_csv(video, _dated(kept)), "text/csv; charset=utf-8")


def _write_xlsx(bench: Bench, clip: Clip, label: str, kept: Sequence[Kept]) -> SheetFile:
    video = file_clip(bench, clip, in_file=False).coded_video()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return SheetFile(to_mmme_xlsx(video, _dated(kept)), kind)


def _dated(kept: Sequence[Kept]) -> list[tuple[Annotation, str]]:
    return [(one.annotation, one.at[:10]) for one in kept if one.annotation is not None]


def _write_tsv(bench: Bench, clip: Clip, label: str, kept: Sequence[Kept]) -> SheetFile:
    """The study's expression table with the suggestion beside; comments to the letter, in one line each."""
    times = bench.clips.times_s(clip).tolist()
    names = [*layout.CODING_COLUMNS, *NOTES, "suggestion"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", delimiter="\t")
    writer.writerow(names)
    for said in _said(kept):
        row = table_row(said, clip.run, times)
        row |= {"comment": said.comment or None, "suggestion": said.suggestion}
        writer.writerow([_table_cell(row.get(name)) for name in names])
    return SheetFile(text.getvalue().encode(), "text/tab-separated-values; charset=utf-8")


def _table_cell(cell: Any) -> Any:
    if isinstance(cell, str):
        return no_formula(quoted(cell) if set(cell) & set("\n\t") else safe_text(cell))
    return tables.MISSING if cell is None else cell


# --- from a file


def read_sheet_file(
    bench: Bench, clip: Clip, form: str, content: bytes, problems: list[str]
) -> list[ReadRow]:
    """What a file says of a clip; what cannot be taken is told in `problems`.

    Raises
    ------
    DataError
        If it is no file of this form, or holds more than `MOST_EXPRESSIONS`.
    """
    found = FORMS[form].read(bench, clip, content, problems)
    if len(found) > MOST_EXPRESSIONS:
        raise DataError(
            "file",
            wanted=f"at most {MOST_EXPRESSIONS} expressions of one clip",
            got=len(found),
            remedy="give the file of this clip alone",
        )
    return found


def _read_elan(bench: Bench, clip: Clip, content: bytes, problems: list[str]) -> list[ReadRow]:
    return _of_marks(bench, clip, from_elan(content, problems=problems), problems)


def _read_boris(bench: Bench, clip: Clip, content: bytes, problems: list[str]) -> list[ReadRow]:
    found = from_boris(content, problems=problems)
    return _of_marks(bench, clip, found[_observation(clip, list(found))], problems)


def _observation(clip: Clip, names: Sequence[str]) -> str:
    """The observation that is of the clip: the only one, or the one that is called as clip or video."""
    known = {clip.id} if clip.video is None else {clip.id, clip.video.name, clip.video.stem}
    own = [name for name in names if Path(name).name in known] if len(names) > 1 else list(names)
    if len(own) != 1:
        raise DataError(
            "BORIS project",
            wanted=f"one observation of media, or one that is called {clip.id}",
            got=f"{len(names)}",
            remedy="rename the clip's observation",
        )
    return own[0]


def _of_marks(bench: Bench, clip: Clip, marks: Sequence[Mark], problems: list[str]) -> list[ReadRow]:
    seen = file_clip(bench, clip, in_file=True)
    sheet, emotions = seen.sheet(), seen.emotions
    found = []
    for mark in marks:
        place = f"Expression at {mark.expression.onset_s:.3f} s"
        try:
            found.append(ReadRow(place, *annotation_of(mark, sheet, seen.times_s, emotions=emotions)))
        except DataError as error:
            problems.append(f"{place}: {error}")
    return found


def _read_table(bench: Bench, clip: Clip, content: bytes, problems: list[str]) -> list[ReadRow]:
    seen = file_clip(bench, clip, in_file=False)
    return from_mmme(content, seen.coded_video(), emotions=seen.emotions, problems=problems)


def _read_tsv(bench: Bench, clip: Clip, content: bytes, problems: list[str]) -> list[ReadRow]:
    seen = file_clip(bench, clip, in_file=False)
    found, others = [], 0
    for number, row in enumerate(_table_rows(content), start=2):
        if int(row["run"]) != clip.run:
            others += 1
            continue
        place = f"Row {number}"
        try:
            found.append(ReadRow(place, _of_row(row, seen)))
        except (MienError, ValueError, OverflowError) as error:
            problems.append(f"{place}: {error}")
    if others:
        problems.append(f"{others} rows are of other runs than {clip.run} and were left out.")
    return found


def _table_rows(content: bytes) -> Iterator[dict[str, Any]]:
    if content[: content.find(b"\n")].count(b"\t") > _MOST_COLUMNS:
        raise DataError(
            "table", wanted=f"at most {_MOST_COLUMNS} columns", got="more", remedy="export it again"
        )
    with tempfile.TemporaryDirectory(prefix="mien-table-") as folder:
        path = Path(folder) / "table.tsv"
        path.write_bytes(content)
        try:
            table = tables.read_coding(path)
        except DataError as error:
            subject = error.subject.replace(str(path), "table")
            raise DataError(subject, wanted=error.wanted, got=error.got[:160], remedy=error.remedy) from None
    for row in tables.rows(table):
        yield {name: _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Any:
    return (read_text(read_no_formula(value)) or None) if isinstance(value, str) else value


def _of_row(row: Mapping[str, Any], seen: FileClip) -> Annotation:
    """What a row of the study's table says, with what `annotation_of_row` leaves to the bench."""
    emotion = row["emotion"]
    spelled = None if emotion is None else seen.emotions.get(emotion) or seen.emotions.get(emotion.lower())
    said = annotation_of_row({**row, "emotion": spelled or emotion}, seen.times_s)
    if "basis" in row and said.emotion is not None:
        said = replace(said, basis=tuple((row["basis"] or "").split()))
    if row.get("kind_reason") and said.kind is None:
        plain = {"kind": row["kind"], "kind_reason": str(row["kind_reason"])}
        said = annotation_from_json(said.as_json() | plain)
    return replace(said, suggestion=row.get("suggestion"))


def file_name(clip: Clip, label: str, form: str) -> str:
    """A name for the file of plain letters, as in sub-001_run-01_coder-A.eaf."""
    return re.sub(r"[^0-9A-Za-z_.-]", "", f"{clip.id}_coder-{label}.{form}")


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a file: how it is written and read."""

    write: Callable[[Bench, Clip, str, Sequence[Kept]], SheetFile]
    read: Callable[[Bench, Clip, bytes, list[str]], list[ReadRow]]


FORMS: Mapping[str, Form] = {
    "eaf": Form(_write_elan, _read_elan),
    "boris": Form(_write_boris, _read_boris),
    "csv": Form(_write_csv, _read_table),
    "xlsx": Form(_write_xlsx, _read_table),
    "tsv": Form(_write_tsv, _read_tsv),
}
"""By the end of the file's name."""
