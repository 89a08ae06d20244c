"""What is exchanged with annotation programs: a video, and the expressions marked in it with their notes.

Conventions: times are seconds of the file; `Sheet.begins_s` is what players count as 0:00, and programs get
times from there. A program that cannot show overlapping spans on one track gets several tracks. What a
program has no field for stands in a note that people can read and `read_note` reads back:
`score 1.840; AU4, LAU12B; emotion disgust; offset not observed | free words`, and further facts of `stated`.
A sheet is one coder's: `Expression.coder` is not written row by row, but as the author of the file.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, get_args

import numpy as np

from mien.coding.stated import NOTHING, QUOTED, Stated, is_plain, quoted, read_fact, stated_facts, unquoted
from mien.core.errors import DataError
from mien.core.expression import ActionUnit, Expression, Kind, read_action_unit
from mien.core.time import FrameGrid

UNDATED = datetime(1970, 1, 1)
"""The date that a file states where none is given: equal sheets give equal files."""

KINDS: tuple[Kind | None, ...] = (*get_args(Kind), None)
COLUMNS = (
    "video", "onset_s", "apex_s", "offset_s", "onset_frame", "apex_frame", "offset_frame", "kind", "score",
    "action_units", "emotion", "comment",
)  # fmt: skip

_NO_OFFSET = "offset not observed"
_ASIDE = " | "


@dataclass(frozen=True, slots=True)
class Mark:
    """An expression with what is said of it.

    Parameters
    ----------
    expression
        Times in seconds of the file.
    score
        How far above a method's threshold; None for what people marked.
    comment
        Free words in one line, such as the parts of the face that moved; spaces in a row become one, unless
        `stated.verbatim`.
    stated
        What a coder stated beside.

    Raises
    ------
    DataError
        If the score is not finite, or the emotion is no word or words: ";" and "|" part a note's facts.
    """

    expression: Expression
    score: float | None = None
    comment: str = ""
    stated: Stated = NOTHING

    def __post_init__(self) -> None:
        if self.score is not None and not math.isfinite(self.score):
            raise DataError("score", wanted="a finite number or none", got=self.score, remedy="leave it out")
        if not self.stated.verbatim:
            object.__setattr__(self, "comment", " ".join(self.comment.split()))
        emotion = self.expression.emotion
        if emotion is not None and (
            not emotion or re.search("[;|]", emotion) or emotion.split() != emotion.split(" ")
        ):
            raise DataError(
                "emotion",
                wanted="words without ; and |",
                got=repr(emotion)[:80],
                remedy="put what is beside the emotion into the comment",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """One video and what is marked in it.

    Parameters
    ----------
    video
        Path of the video as seen from the written file, with "/" between its parts.
    duration_s
        Length of the video in seconds, above 0.
    frames
        When its frames are shown, seconds of the file.
    marks
        In any order.
    begins_s
        The time of the file that players show as 0:00: the container's start, 0 for nearly all files.

    Raises
    ------
    DataError
        If the video has no name or no length, or a mark lies before `begins_s`.
    """

    video: str
    duration_s: float
    frames: FrameGrid
    marks: tuple[Mark, ...] = ()
    begins_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.video.strip() or not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise DataError(
                "sheet",
                wanted="a video's name and a length above 0 s",
                got=f"{self.video!r}, {self.duration_s} s",
                remedy="name the video and give its length",
            )
        for mark in self.marks:
            if self.shown_s(mark.expression.onset_s) < 0:
                raise DataError(
                    f"{self.video}, expression at {mark.expression.onset_s:.3f} s",
                    wanted=f"times from {self.begins_s:g} s, where the video begins",
                    got=f"{mark.expression.onset_s:.3f} s",
                    remedy="give the container's start as begins_s",
                )

    def shown_s(self, at_s: float) -> float:
        """The time that players show at a time of the file, seconds; not negative by a rounding."""
        shown = at_s - self.begins_s
        return 0.0 if -1e-6 < shown < 0 else shown

    @property
    def rate_hz(self) -> float:
        """Mean frames per second from first to last frame; of one frame: as long as the video."""
        n, stamps = len(self.frames), self.frames.stamps_s
        return (n - 1) / float(stamps[-1] - stamps[0]) if n > 1 else 1 / self.duration_s

    def frame(self, at_s: float) -> int:
        """The number from 0 of the frame nearest to a time of the file; DataError where there is none."""
        stamps, step = self.frames.stamps_s, 1 / self.rate_hz
        if not stamps[0] - step <= at_s <= stamps[-1] + step:
            raise DataError(
                f"{self.video}, time {at_s:.3f} s",
                wanted=f"a time within {stamps[0]:.3f} to {stamps[-1]:.3f} s",
                got=f"{at_s:.3f} s",
                remedy="give the marks of this video",
            )
        right = min(int(np.searchsorted(stamps, at_s)), len(stamps) - 1)
        left = max(right - 1, 0)
        return left if at_s - stamps[left] <= stamps[right] - at_s else right


# --- notes


def write_note(mark: Mark) -> str:
    """What a program has no field for, as one line that people can read."""
    at = mark.expression
    facts = [] if mark.score is None else [f"score {mark.score:.3f}"]
    facts += [", ".join(map(str, at.action_units))] if at.action_units else []
    facts += [f"emotion {at.emotion}"] if at.emotion else []
    facts += [_NO_OFFSET] if at.offset_s is None else []
    facts += stated_facts(mark.stated)
    comment = mark.comment
    if mark.stated.verbatim and not is_plain(comment):
        facts, comment = [*facts, QUOTED], quoted(comment)
    said = "; ".join(facts)
    aside = bool(facts) or "|" in comment or _facts(comment) is not None
    return (said + _ASIDE + comment).strip() if aside and comment else said or comment


@dataclass(frozen=True, slots=True)
class Note:
    """What a note says."""

    score: float | None = None
    action_units: tuple[ActionUnit, ...] = ()
    emotion: str | None = None
    offset_observed: bool = True
    comment: str = ""
    stated: Stated = NOTHING


_STATED = {field.name for field in fields(Stated)}


def read_note(text: str | None) -> Note:
    """What a note says; words that are no note are a comment."""
    text = (text or "").strip()
    head, bar, rest = f" {text}".partition(_ASIDE) if text.startswith("|") else text.partition(_ASIDE)
    facts = _facts(head.strip())
    if facts is None and not (bar and not head.strip()):
        return Note(comment=text)
    facts = facts or {}
    stated = {name: facts.pop(name) for name in _STATED & facts.keys()}
    comment = rest.strip() if bar else ""
    if stated.get("verbatim"):
        comment = comment if (words := unquoted(comment)) is None else words
    return Note(**facts, comment=comment, stated=Stated(**stated))


def _facts(text: str) -> dict[str, Any] | None:
    """The facts of a note's first part, None if there is anything else in it or nothing."""
    found: dict[str, Any] = {}
    for part in text.split("; "):
        units = [read_action_unit(word) for word in part.split(", ")]
        if re.fullmatch(r"score -?\d+(\.\d+)?", part):
            found["score"] = float(part.removeprefix("score "))
        elif all(units):
            found["action_units"] = tuple(unit for unit in units if unit)
        elif re.fullmatch(r"emotion [^;|]+", part):
            found["emotion"] = part.removeprefix("emotion ")
        elif part == _NO_OFFSET:
            found["offset_observed"] = False
        elif (fact := read_fact(part)) is not None:
            found |= fact
        else:
            return None
    return found


def read_units(text: str) -> tuple[ActionUnit, ...]:
    """The action units in a table's cell, with commas or plus signs between; raises DataError for others.

    Examples
    --------
    >>> [str(unit) for unit in read_units("AU4+LAU12B, ")]
    ['AU4', 'LAU12B']
    """
    units = []
    for word in filter(None, map(str.strip, re.split("[,+]", text))):
        found = read_action_unit(word)
        if found is None:
            raise DataError(
                "action units",
                wanted="units such as AU4, LAU12B",
                got=ascii(word)[:60],
                remedy="correct the cell",
            )
        units.append(found)
    return tuple(units)


# --- names and tracks


def spell_kind(kind: Kind | None) -> str:
    """The name of a kind in every program: "micro-expression", "macro-expression" or "expression"."""
    return f"{kind}-expression" if kind else "expression"


def kind_of(name: str) -> Kind | str | None:
    """The kind of a track by its name, whatever its number; the name itself where it is none of ours."""
    stem = re.sub(r" \d+$", "", name)
    return next((kind for kind in KINDS if spell_kind(kind) == stem), name)


def is_apex(name: str) -> bool:
    """Whether a track of ours holds apexes."""
    return name.endswith(" apex") and kind_of(name.removesuffix(" apex")) in KINDS


@dataclass(frozen=True, slots=True)
class Placed:
    """A mark on its track, times in whole milliseconds from the video's beginning.

    `end_ms` is the offset, or the apex or onset where no offset was observed; 1 ms after `onset_ms` at least.
    """

    track: str
    onset_ms: int
    apex_ms: int | None
    end_ms: int
    note: str


def place(sheet: Sheet) -> list[Placed]:
    """The marks in order of time on tracks without overlap; spans that touch share none.

    Tracks are called as their kind, further ones with a number: "micro-expression", "micro-expression 2".
    """
    ends: dict[str, int] = {}
    placed = []
    for mark in sorted(sheet.marks, key=lambda mark: (mark.expression.onset_s, mark.expression.kind or "")):
        at = mark.expression
        onset, apex, offset = (_ms(sheet, time) for time in (at.onset_s, at.apex_s, at.offset_s))
        assert onset is not None
        end = max(onset + 1, next((time for time in (offset, apex) if time is not None), onset))
        name, number = spell_kind(at.kind), 1
        while ends.get(track := name if number == 1 else f"{name} {number}", -1) >= onset:
            number += 1
        ends[track] = end
        placed.append(Placed(track, onset, apex, end, write_note(mark)))
    return placed


def _ms(sheet: Sheet, at_s: float | None) -> int | None:
    return None if at_s is None else round(1000 * sheet.shown_s(at_s))


def gather(
    spans: Sequence[tuple[str, float, float, str | None]],
    apexes: Sequence[tuple[str, float]],
    *,
    coder: str | None = None,
    problems: list[str] | None = None,
) -> list[Mark]:
    """Marks from the spans (track, start, end, note) and apexes (track, time) of a program, in order of time.

    An apex belongs to the span of its track in which it lies, ends included. A track that is none of ours
    gives expressions of no kind, with its name before the comment.

    Parameters
    ----------
    problems
        Where to say what cannot be read, one sentence each, instead of raising; the rest is read.

    Raises
    ------
    DataError
        If an apex lies in no span of its track, or in one with an apex, or a span is no expression.
    """
    left: dict[str, list[float]] = {}
    for track, at in sorted(apexes, key=lambda apex: apex[1]):
        left.setdefault(track, []).append(at)
    marks = []
    for track, start, end, text in sorted(spans, key=lambda span: span[1:3]):
        own = left.get(track, [])
        first = bisect_left(own, start)
        apex = own.pop(first) if first < len(own) and own[first] <= end else None
        with telling(problems):
            marks.append(_mark(track, start, apex, end, read_note(text), coder))
    for track, at in [(track, at) for track, own in left.items() for at in own]:
        with telling(problems):
            raise DataError(
                f"apex at {at:.3f} s",
                wanted=f"one apex in a span of '{track}'",
                got="no such span, or one with an apex already",
                remedy="move it into its expression, or delete it",
            )
    return marks


@contextmanager
def telling(problems: list[str] | None) -> Iterator[None]:
    """Put a DataError of the block into the list, and go on; without a list it is raised."""
    try:
        yield
    except DataError as error:
        if problems is None:
            raise
        problems.append(str(error))


def _mark(track: str, start: float, apex: float | None, end: float, note: Note, coder: str | None) -> Mark:
    kind = kind_of(track)
    known = kind in KINDS
    times = Expression(
        start,
        apex,
        end if note.offset_observed else None,
        kind if known else None,  # type: ignore[arg-type]
        note.action_units,
        note.emotion,
        coder,
    )
    comment = note.comment if known else ": ".join(filter(None, (track, note.comment)))
    verbatim = note.stated.verbatim or not is_plain(comment)
    return Mark(times, note.score, comment, replace(note.stated, verbatim=verbatim))


# --- reading JSON, writing a table


def read_json(text: str | bytes, program: str, fits: Callable[[Any], bool]) -> Any:
    """The content of a program's JSON file; raises DataError where it is none or does not fit."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if content is None or not fits(content):
        got = "no JSON" if content is None else "JSON of another kind"
        raise DataError(
            f"{program} file", wanted=f"what {program} saves", got=got, remedy="save or export it again"
        )
    return content


def to_csv(sheets: Sequence[Sheet]) -> str:
    """A table of `COLUMNS`: seconds of the file to a millisecond, nearest frames counted from 0.

    What was not observed is empty; a mark beyond the frames raises DataError.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for sheet in sheets:
        for mark in sorted(sheet.marks, key=lambda mark: mark.expression.onset_s):
            at = mark.expression
            times = (at.onset_s, at.apex_s, at.offset_s)
            writer.writerow(
                [
                    sheet.video,
                    *("" if time is None else f"{time:.3f}" for time in times),
                    *("" if time is None else sheet.frame(time) for time in times),
                    at.kind or "",
                    "" if mark.score is None else f"{mark.score:.3f}",
                    ", ".join(map(str, at.action_units)),
                    at.emotion or "",
                    " ".join(mark.comment.split()),
                ]
            )
    return text.getvalue()
