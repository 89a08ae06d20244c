"""The reading method that the datasets with a coding table share; each dataset is a declaration of it.

A `CodedDataset` says which headers play which role, how subjects and clips are spelled, which word means
which class and where the recordings lie. Besides a dataset's own headers, plain ones are accepted for every
role (`subject`, `clip`, `onset`, `apex`, `offset`, `kind`, `action_units`, `emotion`, `duration`, `fps`): a
table of the user's own needs no more than subject, clip, onset and offset.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.errors import DataError
from mien.core.expression import Kind
from mien.core.labels import EMOTION_SPELLINGS
from mien.dataset.catalog.action_units import read_action_units
from mien.dataset.catalog.adapter import Clip, CodedRow, Correction, Reading
from mien.dataset.catalog.joining import (
    Draft,
    apply_corrections,
    by_folded_key,
    fold,
    frame_number,
    judge_clip,
    make_clip,
    natural,
    remarks_on_clips,
)
from mien.dataset.catalog.media import ClipKey, Found, Layout, find
from mien.recording.formats.sheets import read_sheet

if TYPE_CHECKING:
    import pandas as pd

PLAIN: Mapping[str, tuple[str, ...]] = {
    "subject": ("subject", "participant", "sub"),
    "clip": ("clip", "filename", "video", "video_name"),
    "onset": ("onset", "onset_frame", "OnsetF", "start_frame"),
    "apex": ("apex", "apex_frame", "ApexF"),
    "offset": ("offset", "offset_frame", "OffsetF", "end_frame"),
    "kind": ("kind", "type", "expression_type"),
    "action_units": ("action_units", "AU", "FACS"),
    "emotion": ("emotion", "estimated_emotion", "label"),
    "duration": ("duration", "n_frames"),
    "rate": ("fps", "rate_hz", "frame_rate"),
}
"""Headers that every dataset accepts, per role."""

REQUIRED = ("subject", "clip", "onset", "offset")
_LARGEST_RATE = 100_000

Names = Callable[[str], str]
Stated = Callable[[str], str | None]
TableReader = Callable[[Path, Mapping[str, Sequence[str]], Sequence[str]], "pd.DataFrame"]


def as_written(name: str) -> str:
    """The name itself."""
    return name


def padded(prefix: str, digits: int) -> Names:
    """A spelling of subjects: the prefix and the number with leading zeros, as in `s3` = `s03` = `3`.

    Examples
    --------
    >>> padded("s", 2)("s3"), padded("sub", 2)("07"), padded("", 3)("6")
    ('s03', 'sub07', '006')
    """

    def spell(name: str) -> str:
        found = re.search(r"(\d+)\D*$", name)
        return f"{prefix}{int(found[1]):0{digits}d}" if found else name.strip()

    return spell


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedDataset:
    """One published dataset with a coding table.

    Parameters
    ----------
    name, title, reference, rate_hz, classes
        As in `adapter.DatasetFormat`; `rate_hz` is the published rate, `classes` the emotions in standard
        spelling.
    tables
        Patterns of the coding table's file name, best first.
    columns
        Headers per role beside the plain ones, tried first.
    required
        Roles that the table must have.
    subject, clip
        How a subject's cell and a clip's cell are spelled in standard form.
    subject_of_clip, emotion_of_clip
        The subject and the class that a clip's standard name states; None where it states none. A class in
        the table that contradicts the name is not taken.
    emotions
        Words beside `labels.EMOTION_SPELLINGS`, in lower case.
    three_classes
        Emotion to negative, positive or surprise; what is not here is left out by the protocol.
    kind
        The kind of every row where the table has no column for it.
    kinds
        Codes of the column for the kind, beside words that begin with micro or macro.
    rates
        Names in the column for the rate, in lower case, beside numbers.
    layout
        Where recordings lie.
    corrections
        Mistakes with a source.
    notes
        Sentences that hold for every reading.
    by_clip_alone
        Whether recordings are found by the clip's name without a subject.
    reader
        Reads the table where it is more than a sheet with a header.
    from_folders
        Whether rows are made of the clips' folders where there is no table: the class is in their name.
    first_number
        The number of a video's first frame.
    """

    name: str
    title: str
    reference: str
    rate_hz: float
    classes: tuple[str, ...]
    three_classes: Mapping[str, str]
    tables: tuple[str, ...] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    required: tuple[str, ...] = REQUIRED
    subject: Names = as_written
    clip: Names = as_written
    subject_of_clip: Stated | None = None
    emotion_of_clip: Stated | None = None
    emotions: Mapping[str, str] = field(default_factory=dict)
    kind: Kind | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    corrections: tuple[Correction, ...] = ()
    notes: tuple[str, ...] = ()
    by_clip_alone: bool = False
    reader: TableReader | None = None
    from_folders: bool = False
    first_number: int = 1

    def read(self, source: Path, *, labels: Path | None = None) -> Reading:
        """See `adapter.DatasetFormat.read`.

        Raises DataError if there is no table, it lacks a column, a row names no subject or clip, or two
        pictures are the same frame.
        """
        if labels is not None and not source.exists():
            raise DataError(source, wanted="a dataset", got="nothing there", remedy="check the path")
        found = find(source, self.layout, self._spell) if source.is_dir() else Found()
        table = labels or (source if not source.is_dir() else self._table_in(source, found))
        if table is None:
            drafts, remarks = self._rows_of_folders(found)
            return self._reading(source, drafts, found, remarks, (True, False, True))
        cells = (self.reader or _read_plain)(table, self._headers(), self.required)
        drafts, remarks = self._drafts(table, cells)
        there = cells.attrs.get("found", ())
        coded = ("onset" in there, "apex" in there, "offset" in there)
        if cells.attrs.get("encoding") == "gb18030":
            remarks.append(f"{table.name} is no UTF-8 and was read as GB18030.")
        return self._reading(table, drafts, found, remarks, coded)

    # --- the table

    def _headers(self) -> dict[str, tuple[str, ...]]:
        return {role: (*self.columns.get(role, ()), *plain) for role, plain in PLAIN.items()}

    def _table_in(self, source: Path, found: Found) -> Path | None:
        """The coding table in a folder; None where rows come from the folders instead."""
        for pattern in self.tables:
            fits = [path for path in found.tables if fnmatch.fnmatch(path.name.lower(), pattern.lower())]
            if len(fits) > 1:
                names = ", ".join(str(path.relative_to(source)) for path in fits[:6])
                raise DataError(
                    source, wanted=f"one coding table ({pattern})", got=names, remedy="give one with --labels"
                )
            if fits:
                return fits[0]
        if self.from_folders and found.recordings:
            return None
        wanted = (
            f"a coding table ({', '.join(self.tables)})" if self.tables else "a table given with --labels"
        )
        got = ", ".join(path.name for path in found.tables[:6]) or "no table"
        remedy = "give the coding table with --labels; its columns may be " + ", ".join(PLAIN)
        raise DataError(source, wanted=wanted, got=got, remedy=remedy)

    def _drafts(self, table: Path, cells: pd.DataFrame) -> tuple[list[Draft], list[str]]:
        drafts, empty = [], []
        for record in cells.to_dict("records"):
            row = int(record["source_row"])
            if not any(record[role] for role in ("clip", "onset", "apex", "offset")):
                empty.append(row)
                continue
            drafts.append(self._draft(table, row, record))
        remarks = []
        if empty:
            rows = ", ".join(map(str, empty[:10])) + (", ..." if len(empty) > 10 else "")
            remarks.append(f"{len(empty)} lines of {table.name} name no clip and no frame: {rows}.")
        return drafts, remarks

    def _draft(self, table: Path, row: int, record: Mapping[Any, Any]) -> Draft:
        clip = self.clip(record["clip"]) if record["clip"] else None
        stated = self.subject_of_clip(clip) if self.subject_of_clip and clip else None
        subject = self.subject(record["subject"]) if record["subject"] else stated
        if not subject or not clip:
            raise DataError(
                f"{table}, row {row}",
                wanted="a subject and a clip",
                got="an empty cell",
                remedy="fill it in, or remove the row",
            )
        marks = tuple(frame_number(record[role]) for role in ("onset", "apex", "offset"))
        units = read_action_units(record["action_units"])
        emotion, emotion_known = self._class_of(record["emotion"], clip)
        rate_hz = self._rate(record["rate"])
        if rate_hz is None and "rate" in self.required:
            raise DataError(
                f"{table}, row {row}",
                wanted="the clip's frames per second",
                got=repr(record["rate"] or ""),
                remedy="fill it in",
            )
        flags = []
        if stated is not None and stated != subject:
            flags.append("subject-differs")
        if units is None:
            flags.append("action-units-unread")
        if not emotion_known:
            flags.append("emotion-unknown")
        return Draft(
            row=CodedRow(
                source_row=row,
                subject=subject,
                clip=clip,
                onset=marks[0],
                apex=marks[1],
                offset=marks[2],
                marks="/".join(record[role] or "" for role in ("onset", "apex", "offset")),
                kind=self._kind(record["kind"]),
                action_units=units or (),
                emotion=emotion,
                three_class=self.three_classes.get(emotion or ""),
                flags=tuple(flags),
            ),
            duration=frame_number(record["duration"]),
            rate_hz=rate_hz,
        )

    def _class_of(self, cell: str | None, clip: str) -> tuple[str | None, bool]:
        """The class that the table and the clip's name state, and whether they can be understood together."""
        emotion = self._emotion(cell)
        stated = self.emotion_of_clip(clip) if self.emotion_of_clip else None
        if cell and (emotion is None or (stated is not None and stated != emotion)):
            return None, False
        return emotion or stated, True

    def _kind(self, cell: str | None) -> Kind | None:
        """The kind of a row; None for a word that is neither micro nor macro."""
        word = (cell or "").strip().lower()
        if not word:
            return self.kind
        if word.startswith("micro"):
            return "micro"
        return "macro" if word.startswith("macro") else self.kinds.get(word)

    def _rate(self, cell: str | None) -> float | None:
        word = (cell or "").strip().lower()
        if word in self.rates:
            return self.rates[word]
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:fps|hz)?", word)
        value = float(found[1]) if found else 0.0
        return value if 0 < value < _LARGEST_RATE else None

    def _emotion(self, cell: str | None) -> str | None:
        if not cell:
            return None
        word = re.sub(r"\s*\+\s*", "+", " ".join(cell.lower().split()))
        word = self.emotions.get(word) or EMOTION_SPELLINGS.get(word) or word
        return word if word in self.classes else None

    def _rows_of_folders(self, found: Found) -> tuple[list[Draft], list[str]]:
        """One row per clip that has pictures, from its first frame to its last; numbered in their order."""
        drafts = []
        for place, (subject, clip) in enumerate(sorted(found.recordings, key=natural), start=1):
            recorded = found.recordings[subject, clip]
            if recorded.numbers is None or not recorded.numbers.size:
                continue
            first, last = int(recorded.numbers[0]), int(recorded.numbers[-1])
            emotion, _ = self._class_of(None, clip)
            row = CodedRow(
                source_row=place,
                subject=subject,
                clip=clip,
                onset=first,
                apex=None,
                offset=last,
                marks=f"{first}//{last}",
                kind=self.kind,
                emotion=emotion,
                three_class=self.three_classes.get(emotion or ""),
            )
            drafts.append(Draft(row))
        return drafts, [
            "No coding table was found: each clip's first and last picture are its onset and offset, its "
            "class is its folder's, and the rows are numbered in the order of the clips."
        ]

    # --- recordings

    def _spell(self, groups: Mapping[str, str]) -> ClipKey | None:
        clip = self.clip(groups["clip"])
        if self.by_clip_alone:
            return "", clip
        stated = self.subject_of_clip(clip) if self.subject_of_clip else None
        subject = self.subject(groups["subject"]) if "subject" in groups else stated
        return None if subject is None else (subject, clip)

    def _reading(
        self,
        table: Path,
        drafts: Sequence[Draft],
        found: Found,
        remarks: list[str],
        coded: tuple[bool, bool, bool],
    ) -> Reading:
        drafts, corrected = apply_corrections(drafts, self.corrections, self._emotion, self.three_classes)
        by_clip: dict[ClipKey, list[Draft]] = {}
        for draft in drafts:
            by_clip.setdefault((draft.row.subject, draft.row.clip), []).append(draft)
        recordings = by_folded_key(found.recordings)
        rows: list[CodedRow] = []
        clips: list[Clip] = []
        for key, own in by_clip.items():
            recorded = recordings.pop(fold(("", key[1]) if self.by_clip_alone else key), None)
            clips.append(make_clip(key, own, recorded, self.first_number))
            rows += judge_clip(own, recorded, self.rate_hz, coded, recordings_known=bool(found.recordings))
        spare = {fold(key): key for key in found.recordings}
        for folded, recorded in ({} if self.by_clip_alone else recordings).items():
            clips.append(make_clip(spare[folded], (), recorded, self.first_number))
        remarks += found.remarks
        remarks += remarks_on_clips(len(by_clip), len(found.recordings), len(recordings), self.by_clip_alone)
        if not coded[1] and drafts:
            remarks.append("There is no column for the apex.")
        return Reading(
            table=table,
            rate_hz=self.rate_hz,
            clips=tuple(sorted(clips, key=lambda clip: natural((clip.subject, clip.name)))),
            rows=tuple(sorted(rows, key=lambda row: (natural((row.subject, row.clip)), row.source_row))),
            corrected=tuple(corrected),
            remarks=(*self.notes, *remarks),
        )


def _read_plain(path: Path, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> pd.DataFrame:
    return read_sheet(path, columns, required=required)
