"""MMME: face video, EEG and peripheral signals of 75 participants; reference: MMME, section 3 and Table 1.

As it was released: `coding_file.xlsx` with both coders' rows unmerged; per subject an EEG saved for EEGLAB or
by Curry, a polygraph's export of 17 columns, one picture per frame named by the recording computer's stamp,
and one video per trial. A frame is named `h-m-s-ms-counter` in the table, in a quarter of the rows without
the counter, and the counter begins again after 1000. Folders: `Frames/SUBJECT/CLIP/`,
`Videos/SUBJECT/CLIP.avi`, `EEG/SUBJECT/`, `BIOPAC/SUBJECT/`; their names are ours where the release shows
them in a figure only.

The table has no column for micro and macro and no coder. Kind follows the ME rule by the frames' stamps,
with an offset that equals the apex taken as not observed; the counts of the other readings are in the
remarks. Emotions keep the table's words: tense is not renamed to contempt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.core.errors import DataError
from mien.core.expression import (
    MICRO_MAX_DURATION_S,
    MICRO_MAX_RISE_S,
    Expression,
    group_expressions,
    is_micro,
)
from mien.core.labels import EMOTION_SPELLINGS, THREE_CLASS_OF
from mien.dataset.catalog.adapter import Clip, CodedRow, Reading, SessionFiles
from mien.dataset.tables import parse_action_units
from mien.recording.formats import StampedFrames, read_image_folder
from mien.recording.formats.sheets import read_sheet

if TYPE_CHECKING:
    pass

TABLE = "coding_file.xlsx"
_COLUMNS = {
    "subject": ["Subject"],
    "clip": ["Filename"],
    "marker": ["Marker"],
    "onset_s": ["OnsetTime"],
    "apex_s": ["ApexTime"],
    "offset_s": ["OffsetTime"],
    "onset": ["OnsetFrame"],
    "apex": ["ApexFrame"],
    "offset": ["OffsetFrame"],
    "action_units": ["Action Units"],
    "emotion": ["Estimated Emotion"],
}
_MARKS = ("onset", "apex", "offset")
_TOKEN = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{1,2})-(\d{1,3})(?:-(\d{1,4}))?")
_CLIP = re.compile(r"(?P<word>[^_]+)_(?P<number>\d+)_(?P<marker>\d+)_(?P<subject>.+)_(?P<day>\d{8})")
_EEG_SUFFIXES = (".set", ".cdt")
_PHYSIO_SUFFIXES = (".mat", ".acq")
_DAY_MS = 86_400_000
_LARGEST_COUNTER = 1000
_DIFFERS_S = 0.020


@dataclass(frozen=True, slots=True)
class _Token:
    """A frame as the table names it: milliseconds of the day, and the counter where it was copied too."""

    ms: int
    counter: int | None

    @classmethod
    def of(cls, cell: str | None) -> _Token | None:
        found = _TOKEN.fullmatch(cell.strip()) if cell else None
        if found is None:
            return None
        hours, minutes, seconds, ms = (int(part) for part in found.groups()[:4])
        if hours > 23 or minutes > 59 or seconds > 59 or int(found[5] or 0) > _LARGEST_COUNTER:
            return None
        counter = None if found[5] is None else int(found[5])
        return cls(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms, counter)

    @property
    def number(self) -> int:
        """A number for the frame where no picture gives it one; in order of time within a day."""
        return self.ms * (_LARGEST_COUNTER + 1) + (self.counter or 0)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table, read but not judged; times are seconds of the day, None where there is no frame."""

    source_row: int
    cells: Mapping[str, str | None]
    tokens: tuple[_Token | None, ...]
    in_clip_s: tuple[float | None, ...]

    @property
    def times_s(self) -> tuple[float | None, float | None, float | None]:
        onset, apex, offset = (None if token is None else token.ms / 1000 for token in self.tokens)
        return onset, apex, offset

    @property
    def clip(self) -> str:
        return Path(self.cells["clip"] or "").stem


class MMME:
    """The adapter of MMME."""

    name = "mmme"
    title = "MMME"
    reference = "MMME, section 3; code and coding table: github.com/Mac0504/MMME"
    rate_hz = 150.0
    classes = ("happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "tense")

    def read(self, source: Path, *, labels: Path | None = None) -> Reading:
        """See `DatasetFormat.read`; raises DataError if the table is absent or lacks a column."""
        table = labels or (source / TABLE if source.is_dir() else source)
        rows = _read_rows(table)
        folder = source if source.is_dir() else None
        recorded = _Recorded(folder) if folder is not None else None
        clips: list[Clip] = []
        coded: list[CodedRow] = []
        for (subject, name), own in _grouped(rows).items():
            clip, numbers = _clip(subject, name, own, recorded)
            clips.append(clip)
            coded += _judged(subject, clip, own, numbers)
        clips, coded, uncoded = _with_uncoded(clips, coded, recorded)
        clips.sort(key=lambda clip: (clip.subject, _first(clip), clip.name))
        return Reading(
            table=table,
            rate_hz=self.rate_hz,
            clips=tuple(clips),
            rows=tuple(sorted(coded, key=lambda row: (row.subject, row.clip, row.source_row))),
            sessions=recorded.sessions(clips) if recorded is not None else {},
            remarks=(*_counts(rows), *uncoded),
            unmerged=True,
        )


def _first(clip: Clip) -> float:
    return float(clip.host_s[0]) if clip.host_s is not None and clip.host_s.size else np.inf


def _read_rows(path: Path) -> list[_Row]:
    table = read_sheet(path, _COLUMNS, required=tuple(_COLUMNS))
    rows = []
    for record in table.to_dict("records"):
        cells: dict[str, str | None] = {str(role): cell for role, cell in record.items()}
        if cells["subject"] is None or cells["clip"] is None:
            raise DataError(
                f"{path}, row {cells['source_row']}",
                wanted="a subject and a file name",
                got="an empty cell",
                remedy="fill it in, or remove the row",
            )
        tokens = tuple(_Token.of(cells[mark]) for mark in _MARKS)
        seconds = tuple(_number(cells[f"{mark}_s"]) for mark in _MARKS)
        rows.append(_Row(int(record["source_row"]), cells, tokens, seconds))
    return rows


def _number(cell: str | None) -> float | None:
    try:
        value = float(cell) if cell is not None else np.nan
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _grouped(rows: Iterable[_Row]) -> dict[tuple[str, str], list[_Row]]:
    found: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        found.setdefault((str(row.cells["subject"]), row.clip), []).append(row)
    return found


# --- recordings


@dataclass(frozen=True)
class _Recorded:
    """Where a copy of the release keeps what."""

    folder: Path

    def pictures(self, subject: str, clip: str) -> StampedFrames | None:
        folder = self.folder / "Frames" / subject / clip
        return read_image_folder(folder) if folder.is_dir() else None

    def video(self, subject: str, clip: str) -> Path | None:
        path = self.folder / "Videos" / subject / f"{clip}.avi"
        return path if path.is_file() else None

    def clips(self) -> set[tuple[str, str]]:
        """Every clip that was filmed, coded or not."""
        folders = {(p.parent.name, p.name) for p in self.folder.glob("Frames/*/*") if p.is_dir()}
        return folders | {(p.parent.name, p.stem) for p in self.folder.glob("Videos/*/*.avi")}

    def sessions(self, clips: Sequence[Clip]) -> dict[str, SessionFiles]:
        return {
            subject: SessionFiles(
                _only(self.folder / "EEG" / subject, _EEG_SUFFIXES),
                _only(self.folder / "BIOPAC" / subject, _PHYSIO_SUFFIXES),
            )
            for subject in sorted({clip.subject for clip in clips})
        }


def _only(folder: Path, suffixes: Sequence[str]) -> Path | None:
    """The recording in a folder; None where there is none; raises DataError where there are several."""
    if not folder.is_dir():
        return None
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    if len(found) > 1:
        raise DataError(
            folder,
            wanted=f"one recording ({' or '.join(suffixes)})",
            got=", ".join(path.name for path in found),
            remedy="join the parts, or leave one",
        )
    return found[0] if found else None


Numbers = Mapping[_Token, int | None]


def _clip(subject: str, name: str, rows: Sequence[_Row], recorded: _Recorded | None) -> tuple[Clip, Numbers]:
    """The clip, and the number of every frame that its rows name (None: it is not there)."""
    tokens = {token for row in rows for token in row.tokens if token is not None}
    pictures = recorded.pictures(subject, name) if recorded else None
    if pictures is not None:
        return _filmed(subject, name, pictures), _found(tokens, pictures)
    video = recorded.video(subject, name) if recorded else None
    if video is not None:
        return replace(_bare(subject, name), video=video), _by_seconds(video, rows)
    ordered = _in_order(tokens)
    numbers = {token: number for number, _, token in ordered}
    return (
        replace(
            _bare(subject, name),
            numbers=np.array([number for number, _, _ in ordered], dtype=np.int64),
            host_s=np.array([at for _, at, _ in ordered]),
        ),
        numbers,
    )


def _bare(subject: str, name: str) -> Clip:
    """What a clip's name says; its own name is that without subject and day."""
    found = _CLIP.fullmatch(name)
    if found is None:
        return Clip(subject=subject, name=name)
    emotion = EMOTION_SPELLINGS.get(found["word"].lower())
    marker = int(found["marker"])
    return Clip(
        subject=subject,
        name=f"{found['word']}_{found['number']}_{marker}",
        code=marker,
        stimulus=f"clip-{marker}",
        emotion=emotion,
    )


def _filmed(subject: str, name: str, pictures: StampedFrames) -> Clip:
    midnight = np.floor(pictures.host_s[0] / 86400) * 86400  # the day stays behind
    return replace(
        _bare(subject, name),
        pictures=pictures.paths,
        numbers=pictures.counter,
        host_s=np.round(pictures.host_s - midnight, 3),
    )


def _found(tokens: Iterable[_Token], pictures: StampedFrames) -> Numbers:
    """Frames by stamp and counter; by the stamp alone where the row lacks the counter."""
    by_stamp: dict[int, list[tuple[int, int]]] = {}
    for index, at in enumerate(pictures.host_s):
        shown = int(pictures.paths[index].stem.split("-")[-2])
        number = int(pictures.counter[index])
        by_stamp.setdefault(round(1000 * float(at)) % _DAY_MS, []).append((shown, number))
    found: dict[_Token, int | None] = {}
    for token in tokens:
        there = by_stamp.get(token.ms, [])
        fitting = [number for shown, number in there if token.counter is None or shown == token.counter]
        found[token] = fitting[0] if fitting else None
    return found


def _by_seconds(video: Path, rows: Sequence[_Row]) -> Numbers:
    """Frames of a video by the table's seconds in the clip, nearest first."""
    from mien.recording.formats import read_frames

    times = np.array([at for _, at, _ in read_frames(video, luma=True)])
    found: dict[_Token, int | None] = {}
    for row in rows:
        for token, at in zip(row.tokens, row.in_clip_s, strict=True):
            if token is not None:
                inside = at is not None and at <= times[-1] + 0.02
                found[token] = int(np.abs(times - at).argmin()) if inside else None
    return found


def _in_order(tokens: Iterable[_Token]) -> list[tuple[int, float, _Token]]:
    """Number, time (s) and token of frames that are known by their stamps alone, strictly in time."""
    ordered = sorted(tokens, key=lambda token: token.number)
    found: list[tuple[int, float, _Token]] = []
    for token in ordered:
        found.append((token.number, token.ms / 1000, token))
    return found


def _with_uncoded(
    clips: list[Clip], coded: list[CodedRow], recorded: _Recorded | None
) -> tuple[list[Clip], list[CodedRow], tuple[str, ...]]:
    """Clips that were filmed and in which nothing was coded belong to the study too."""
    if recorded is None:
        return clips, coded, ()
    known = {(clip.subject, clip.name) for clip in clips}
    added = []
    for subject, name in sorted(recorded.clips()):
        if (subject, _bare(subject, name).name) not in known:
            added.append(_clip(subject, name, [], recorded)[0])
    remark = (f"{len(added)} clips were filmed and have no coded expression.",) if added else ()
    return [*clips, *added], coded, remark


# --- judging rows


def _judged(subject: str, clip: Clip, rows: Sequence[_Row], numbers: Numbers) -> list[CodedRow]:
    groups = _groups(rows)
    coded = []
    for row, group in zip(rows, groups, strict=True):
        marks = [None if token is None else numbers.get(token) for token in row.tokens]
        flags = _flags(row, subject)
        if any(token is not None and number is None for token, number in zip(row.tokens, marks, strict=True)):
            flags.append("frames-missing")
        if group is not None and groups.count(group) > 1:
            flags.append("duplicate")
        emotion = EMOTION_SPELLINGS.get((row.cells["emotion"] or "").strip().lower())
        if emotion is None:
            flags.append("emotion-unknown")
        try:
            units = parse_action_units(row.cells["action_units"])
        except DataError:
            units = ()
            flags.append("action-units-unread")
        onset, apex, offset = row.times_s
        micro = is_micro(onset, apex, offset) if onset is not None and "order" not in flags else None
        coded.append(
            CodedRow(
                source_row=row.source_row,
                subject=subject,
                clip=clip.name,
                onset=marks[0],
                apex=marks[1],
                offset=marks[2],
                marks="/".join(_plain(row.cells[mark]) for mark in _MARKS),
                kind=None if micro is None else "micro" if micro else "macro",
                action_units=units,
                emotion=emotion,
                three_class=THREE_CLASS_OF.get(emotion) if emotion else None,
                flags=tuple(flags),
            )
        )
    return coded


def _plain(cell: str | None) -> str:
    return "" if cell is None else cell.strip()


def _flags(row: _Row, subject: str) -> list[str]:
    flags = []
    known = [at for at in row.times_s if at is not None]
    onset, apex, offset = row.times_s
    if len(known) < len(_MARKS):
        flags.append("mark-missing")
    if known != sorted(known):
        flags.append("order")
    if apex is not None and apex == offset:
        flags.append("offset-unobserved")
    if onset is not None and onset == apex:
        flags.append("onset-is-apex")
    by_frames, by_seconds = _rise(row.times_s), _rise(row.in_clip_s)
    if by_frames is not None and by_seconds is not None and abs(by_frames - by_seconds) > _DIFFERS_S + 1e-9:
        flags.append("times-differ")
    named = _CLIP.fullmatch(row.clip)
    marker = _number(row.cells["marker"])
    if named is not None and (named["subject"] != subject or marker != int(named["marker"])):
        flags.append("subject-differs")
    return flags


def _rise(times_s: Sequence[float | None]) -> float | None:
    """Onset to apex, seconds."""
    onset, apex, _ = times_s
    return None if onset is None or apex is None else apex - onset


def _expression(times_s: Sequence[float | None]) -> Expression | None:
    """The times as an expression; None where they are none."""
    onset, apex, offset = times_s
    if onset is None:
        return None
    try:
        return Expression(onset, apex, offset)
    except DataError:
        return None


def _groups(rows: Sequence[_Row]) -> list[int | None]:
    """The group of rows of one clip that code one expression; None for rows without an expression."""
    found = [_expression(row.times_s) for row in rows]
    grouped = iter(group_expressions([expression for expression in found if expression is not None]))
    return [None if expression is None else next(grouped) for expression in found]


def _counts(rows: Sequence[_Row]) -> tuple[str, ...]:
    """What the table holds by every reading of it that has been used."""
    by_frames = [row.times_s for row in rows]
    by_seconds = [row.in_clip_s for row in rows]
    merged, n_merged_micro = 0, 0
    for own in _grouped(rows).values():
        of = _groups(own)
        for group in sorted({g for g in of if g is not None}):
            members = [_expression(own[i].times_s) for i, g in enumerate(of) if g == group]
            merged += 1
            n_merged_micro += any(m and is_micro(m.onset_s, m.apex_s, m.offset_s) for m in members)
    return (
        f"{len(rows)} rows. Micro-expressions by the frames' stamps, rule at face value: "
        f"{_n_micro(by_frames, face_value=True)}; by the seconds in the clip: "
        f"{_n_micro(by_seconds, face_value=True)}.",
        f"With an offset that equals the apex taken as not observed: {_n_micro(by_frames, face_value=False)} "
        f"by the stamps, {_n_micro(by_seconds, face_value=False)} by the seconds.",
        f"Rows of two coders are unmerged: by IoU of at least .3 or apexes at most 100 ms apart they are "
        f"{merged} expressions, {n_merged_micro} of them micro by at least one row (offset not observed "
        f"where it equals the apex).",
    )


def _n_micro(times: Iterable[Sequence[float | None]], *, face_value: bool) -> int:
    return sum(_micro(marks, face_value=face_value) for marks in times)


def _micro(marks: Sequence[float | None], *, face_value: bool) -> bool:
    onset, apex, offset = marks
    if onset is None:
        return False
    if not face_value:
        return bool(is_micro(onset, apex, offset))
    short = offset is not None and offset - onset <= MICRO_MAX_DURATION_S + 1e-9
    return short or (apex is not None and apex - onset <= MICRO_MAX_RISE_S + 1e-9)
