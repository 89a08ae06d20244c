"""Clips of recordings that were made for other ends as a study: `mien import recordings`.

Each clip of the table becomes a run of its participant: its very frames with the recording's own times, its
sound beside it, where it was cut from in `_provenance.tsv`, and marks (cuts, who speaks) in `derivatives/`.
Every recording is decoded once, whatever the number of its clips. Labels of people stay outside the study.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.records import digest
from mien.core.time import FloatArray, Interval
from mien.dataset import importing, layout
from mien.dataset.catalog.adapter import Clip, Reading
from mien.dataset.catalog.recordings import ClipRow, ClipTable, read_clip_table
from mien.dataset.clip_marks import RunMarks, mark_run, told_marks
from mien.dataset.importing import ImportedRow, ImportedStudy
from mien.dataset.manifest import file_digest
from mien.dataset.recorded_clips import (
    CodedClip,
    Piece,
    coded_clip,
    remarks_on_clips,
    spelled_marks,
    write_clips,
)
from mien.dataset.write import StudyWriter, write_json
from mien.jobs.progress import Progress, silent
from mien.recording.formats.video_cutting import CutSound, cut_sound, cut_video
from mien.recording.formats.video_parts import frame_times

NAME = "recordings"
_VERSION = 1
_LATE_S = 0.005


def import_recordings(
    source: Path,
    folder: Path,
    *,
    table: Path | None = None,
    pseudonyms: Path | None = None,
    progress: Progress = silent,
) -> ImportedStudy:
    """Write a study from recordings and a table of their clips.

    An import that was killed leaves no study, and the same call goes on where it stood.

    Parameters
    ----------
    source
        The folder of recordings, or the table of clips in it.
    folder
        The study; absent or empty.
    table
        The table, where it lies elsewhere or the folder holds several.
    pseudonyms
        The table of who is who, outside `folder`; as in `import_study`.
    progress
        Told seconds of film.

    Raises
    ------
    DataError
        As `catalog.recordings.read_clip_table`; if a clip ends after its recording or holds no frame; if a
        recording cannot be decoded; if the target is occupied.
    OptionError
        If the table of pseudonyms would lie in the study.
    """
    folder = folder if folder.name not in ("", "..") else folder.resolve()
    people = pseudonyms or folder.absolute().parent / f"{folder.name}-pseudonyms.tsv"
    if people.resolve().is_relative_to(folder.resolve()):
        raise OptionError(
            people, wanted="a table of pseudonyms outside the study", got=str(folder), remedy="name another"
        )
    clips = read_clip_table(source, table=table)
    films = list(dict.fromkeys(row.recording for row in sorted(clips.rows, key=lambda r: str(r.recording))))
    _check_ends(clips)
    reading = Reading(
        clips.path, 1.0, tuple(Clip(row.subject, str(row.source_row)) for row in clips.rows), ()
    )
    names = importing._pseudonyms(people, NAME, reading)
    told = digest(
        [NAME, file_digest(clips.path), [file_digest(film) for film in films], sorted(names.items())]
    )
    writer = StudyWriter(folder, identity=f"import {_VERSION} {told}")
    importing._write_pseudonyms(people, NAME, names)
    shown = _Shown(progress, clips)
    pieces = {film: _cut(writer, number, film, clips, shown) for number, film in enumerate(films, start=1)}
    return _write(writer, people, clips, names, films, [p for cut in pieces.values() for p in cut], shown)


class _Shown:
    """Progress in seconds of film: recordings as far as they are decoded, then clips as they are marked."""

    def __init__(self, progress: Progress, clips: ClipTable) -> None:
        ends: dict[Path, float] = {}
        for row in clips.rows:
            ends[row.recording] = max(ends.get(row.recording, 0.0), row.span.end_s)
        self._progress, self._done = progress, 0.0
        self._total = sum(ends.values()) + sum(row.span.duration_s for row in clips.rows)
        self._ends = ends
        progress(0, max(1, round(self._total)), "")

    def watch(self, film: Path, number: int) -> Callable[[float], None]:
        """What a recording being decoded tells."""
        return lambda at_s: self._show(self._done + min(at_s, self._ends[film]), f"recording {number}")

    def cut(self, film: Path) -> None:
        """A recording is done."""
        self._done += self._ends[film]

    def marked(self, row: ClipRow, name: str) -> None:
        """A clip is done."""
        self._done += row.span.duration_s
        self._show(self._done, name)

    def _show(self, done_s: float, name: str) -> None:
        self._progress(int(done_s), max(1, round(self._total)), name)


def _check_ends(clips: ClipTable) -> None:
    """Refuse clips that end after their recording, before anything is written."""
    ends: dict[Path, float] = {}
    for row in clips.rows:
        if row.recording not in ends:
            ends[row.recording] = frame_times(row.recording).end_s
        if row.span.end_s > ends[row.recording] + _LATE_S:
            raise DataError(
                f"{clips.path}, row {row.source_row}",
                wanted=f"a clip within the {ends[row.recording]:.3f} s of {row.recording.name}",
                got=f"an end at {row.span.end_s:g} s",
                remedy="correct the times",
            )


def _cut(writer: StudyWriter, number: int, film: Path, clips: ClipTable, shown: _Shown) -> list[Piece]:
    """Cut all clips of a recording in one pass; what an earlier run has cut is taken as it is."""
    rows = [row for row in clips.rows if row.recording == film]
    place = writer.part / ".clips" / f"{number:04d}"
    videos = [place / f"{row.source_row}.mp4" for row in rows]
    audios = [place / f"{row.source_row}.wav" for row in rows]
    done = place / "done.json"
    if not done.is_file():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        times = cut_video(film, [row.span for row in rows], videos, watch=shown.watch(film, number))
        spans = [_heard_in(row, t) for row, t in zip(rows, times, strict=True)]
        sounds = cut_sound(film, spans, audios, channels=[row.channel or 0 for row in rows])
        said = [_sound_words(row, span, sounds[i] if sounds else None) for i, (row, span) in
                enumerate(zip(rows, spans, strict=True))]  # fmt: skip
        write_json(done, {"times": [t.tolist() for t in times], "sounds": said})
    shown.cut(film)
    found = json.loads(done.read_bytes())
    return [
        Piece(row, video, audio, np.array(times), words, late_s)
        for row, video, audio, times, (words, late_s) in zip(
            rows, videos, audios, found["times"], found["sounds"], strict=True
        )
    ]


def _heard_in(row: ClipRow, times_s: FloatArray) -> Interval:
    """From a clip's first frame to the end of its last one, as long as most are shown."""
    first, last = float(times_s[0]), float(times_s[-1])
    step_s = float(np.median(np.diff(times_s))) if times_s.size > 1 else row.span.end_s - first
    return Interval(first, last + step_s)


def _sound_words(row: ClipRow, span: Interval, sound: CutSound | None) -> tuple[str, float]:
    """What is said of a clip's sound, and how much later than the picture it begins."""
    if sound is None:
        return "none in the recording", 0.0
    if sound.heard is None:
        return "none in these seconds", 0.0
    words = [f"channel {sound.channel + 1} of {sound.n_channels}"]
    if sound.n_channels > 1 and row.channel is None:
        words[0] += ", by default"
    late_s = sound.heard.start_s - span.start_s
    if late_s > _LATE_S:
        words.append(f"begins {late_s:.3f} s after the picture")
    if span.end_s - sound.heard.end_s > _LATE_S:
        words.append(f"ends {span.end_s - sound.heard.end_s:.3f} s before the picture")
    if sound.gaps_s > 0:
        words.append(f"{sound.gaps_s:.3f} s missing within")
    return "; ".join(words), max(late_s, 0.0)


def _write(
    writer: StudyWriter,
    people: Path,
    clips: ClipTable,
    names: Mapping[str, str],
    films: Sequence[Path],
    pieces: Sequence[Piece],
    shown: _Shown,
) -> ImportedStudy:
    import pandas as pd

    numbered = {film: (number, file_digest(film)) for number, film in enumerate(films, start=1)}
    marked: list[RunMarks] = []
    coded: list[CodedClip] = []
    flagged: list[ImportedRow] = []
    levels: dict[str, int | None] = {}
    for subject, runs in _by_subject(pieces).items():
        name = names[subject]
        there = {run: _as_it_lies(writer, name, run, piece) for run, piece in runs.items()}
        marks = {run: mark_run(piece.video, piece.heard, piece.times_s) for run, piece in there.items()}
        if not writer.has(name):
            with writer.participant(name) as files:
                write_clips(files, there, marks, numbered, names)
        levels[name] = _strictest([piece.row for piece in runs.values()])
        marked += marks.values()
        for run, piece in runs.items():
            shown.marked(piece.row, name)
            found = coded_clip(piece, marks[run])
            if found is not None:
                coded.append(found)
            if found is not None and found.flags:
                cells = spelled_marks(piece.row)
                flagged.append(ImportedRow(name, run, piece.row.source_row, cells, found.flags))
    remarks = (*clips.remarks, *remarks_on_clips(pieces, coded), told_marks(marked))
    counts = Counter(flag for row in flagged for flag in row.flags)
    said = {"format": NAME, "table_sha256": file_digest(clips.path), "n_rows": len(clips.rows)}
    said |= {"flags": dict(sorted(counts.items())), "remarks": list(remarks)}
    write_json(layout.derivatives(writer.part) / "coding" / "import.json", said)
    writer.write_description("Clips of recordings (imported)", text=_README + " ".join(remarks))
    shutil.rmtree(writer.part / ".clips", ignore_errors=True)
    table = pd.DataFrame({"participant_id": sorted(levels)})
    table["consent_level"] = pd.array([levels[name] for name in sorted(levels)], dtype="Int64")
    writer.finish(table)
    return ImportedStudy(
        folder=writer.folder,
        pseudonyms=people,
        n_participants=len(levels),
        n_recordings=len(pieces),
        n_rows=len(clips.rows),
        n_flags=dict(counts),
        flagged=tuple(flagged),
        remarks=remarks,
    )


def _by_subject(pieces: Sequence[Piece]) -> dict[str, dict[int, Piece]]:
    """Clips by label and run: the table's number, else in order of recording and time."""
    found: dict[str, dict[int, Piece]] = {}
    for piece in sorted(pieces, key=lambda p: (str(p.row.recording), p.row.span.start_s, p.row.source_row)):
        own = found.setdefault(piece.row.subject, {})
        own[piece.row.run or len(own) + 1] = piece
    return {subject: dict(sorted(found[subject].items())) for subject in sorted(found)}


def _as_it_lies(writer: StudyWriter, name: str, run: int, piece: Piece) -> Piece:
    """The clip with its files where they are: in the study in the making, if its participant is written."""
    if not writer.has(name):
        return piece
    video, audio = layout.video(writer.part, name, run), layout.audio(writer.part, name, run)
    return replace(piece, video=video, audio=audio)


def _strictest(rows: Sequence[ClipRow]) -> int | None:
    """The consent level of all of a person's clips: absent where it is absent in one."""
    levels = [row.consent_level for row in rows]
    return None if None in levels else max(level for level in levels if level is not None)


_README = (
    "Imported by mien: each run is a clip of a recording. Where it was cut from, its licence and what was "
    "permitted is in beh/..._provenance.tsv; participants have new numbers, and the table of who is who is "
    "not in this folder. Cuts and stretches of voice in derivatives/marks were found by a program. "
)
