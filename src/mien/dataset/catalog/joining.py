"""Rows of a coding table set beside their recordings and their neighbours: clips, corrections, flags."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.time import IntArray
from mien.dataset.catalog.action_units import read_action_units
from mien.dataset.catalog.adapter import FLAGS, Clip, CodedRow, Correction
from mien.dataset.catalog.judging import Marks, flag_duplicates, flag_marks
from mien.dataset.catalog.media import ClipKey, Recorded

_MOST_SPANNED = 1_000_000
_LARGEST_FRAME = 2**53


@dataclass(frozen=True, slots=True)
class Draft:
    """A row that was read but not yet compared with its recording and its neighbours."""

    row: CodedRow
    duration: int | None = None
    rate_hz: float | None = None

    @property
    def marks(self) -> Marks:
        """Onset, apex and offset."""
        return self.row.onset, self.row.apex, self.row.offset


def frame_number(cell: str | None) -> int | None:
    """A frame's number; None for an empty cell and for what is none ("/", a fraction, below 0)."""
    try:
        value = float(cell) if cell else float("nan")
    except ValueError:
        return None
    whole = value >= 0 and value < _LARGEST_FRAME and value == np.rint(value)
    return int(value) if whole else None


def natural(key: ClipKey) -> list[Any]:
    """Sorts numbers within names by their value."""
    parts = re.split(r"(\d+)", "\0".join(key).lower())
    return [(int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts)]


def fold(key: ClipKey) -> ClipKey:
    """A subject and clip without regard to case: CAS(ME)^3 writes spNO in its table and spNo on disk."""
    return key[0].lower(), key[1].lower()


def by_folded_key(recordings: Mapping[ClipKey, Recorded]) -> dict[ClipKey, Recorded]:
    """The recordings by folded key; raises DataError where two differ in nothing but case."""
    found: dict[ClipKey, Recorded] = {}
    for key, recorded in recordings.items():
        if fold(key) in found:
            raise DataError(
                " ".join(key).strip(),
                wanted="recordings whose names differ in more than case",
                got="two",
                remedy="rename one",
            )
        found[fold(key)] = recorded
    return found


def make_clip(key: ClipKey, rows: Sequence[Draft], recorded: Recorded | None, first_number: int) -> Clip:
    """The clip of the given rows: its recording, or else the frames that the rows span.

    Raises DataError if rows give it different rates.
    """
    rates = {draft.rate_hz for draft in rows if draft.rate_hz is not None}
    if len(rates) > 1:
        raise DataError(
            " ".join(key),
            wanted="one rate per clip",
            got=", ".join(f"{rate:g}" for rate in sorted(rates)),
            remedy="correct the table",
        )
    clip = Clip(subject=key[0], name=key[1], first_number=first_number, rate_hz=min(rates) if rates else None)
    if recorded is None:
        return replace(clip, numbers=_spanned(rows))
    if recorded.video is not None:
        return replace(clip, video=recorded.video)
    return replace(clip, pictures=recorded.pictures, numbers=recorded.numbers)


def _spanned(rows: Sequence[Draft]) -> IntArray:
    """The frames from the first to the last that a row names, or the named ones alone where these are far."""
    named = sorted(
        {mark for draft in rows for mark in (*draft.marks[:2], draft.marks[2] or None) if mark is not None}
    )
    if not named or named[-1] - named[0] >= _MOST_SPANNED:
        return np.array(named, dtype=np.int64)
    return np.arange(named[0], named[-1] + 1, dtype=np.int64)


def judge_clip(
    drafts: Sequence[Draft],
    recorded: Recorded | None,
    rate_hz: float,
    coded: tuple[bool, bool, bool],
    *,
    recordings_known: bool,
) -> list[CodedRow]:
    """The rows of one clip with all their flags, in the order of `FLAGS`."""
    rates = [draft.rate_hz or rate_hz for draft in drafts]
    twice = flag_duplicates([draft.marks for draft in drafts], rates, [draft.row.kind for draft in drafts])
    numbers = None if recorded is None or recorded.numbers is None else set(recorded.numbers.tolist())
    judged = []
    for draft, rate, is_twice in zip(drafts, rates, twice, strict=True):
        flags = {*draft.row.flags}
        flags.update(
            flag_marks(
                draft.marks,
                rate_hz=rate,
                kind=draft.row.kind,
                coded=coded,
                duration=draft.duration,
                numbers=numbers,
            )
        )
        if is_twice:
            flags.add("duplicate")
        if recordings_known and recorded is None:
            flags.add("recording-missing")
        judged.append(replace(draft.row, flags=tuple(flag for flag in FLAGS if flag in flags)))
    return judged


def apply_corrections(
    drafts: Sequence[Draft],
    corrections: Sequence[Correction],
    emotion: Callable[[str | None], str | None],
    three_classes: Mapping[str, str],
) -> tuple[list[Draft], list[Correction]]:
    """The rows with every stated correction whose old value is still there, and the corrections used.

    `emotion` gives a word its standard spelling in this dataset, `three_classes` the class of an emotion.
    """
    rows, used = list(drafts), []
    for correction in corrections:
        for place, draft in enumerate(rows):
            row = draft.row
            if (row.subject, row.clip, row.onset) != (correction.subject, correction.clip, correction.onset):
                continue
            changed = _changed(row, correction, emotion, three_classes)
            if changed is not None:
                rows[place] = replace(draft, row=replace(changed, flags=(*changed.flags, "corrected")))
                used.append(correction)
    return rows, used


def _changed(
    row: CodedRow,
    correction: Correction,
    emotion: Callable[[str | None], str | None],
    three_classes: Mapping[str, str],
) -> CodedRow | None:
    """The row with the new value; None where the old one is not there."""
    marks = {"onset": row.onset, "apex": row.apex, "offset": row.offset}
    if correction.column in marks:
        if marks[correction.column] != frame_number(correction.old):
            return None
        marks[correction.column] = frame_number(correction.new)
        return replace(row, onset=marks["onset"], apex=marks["apex"], offset=marks["offset"])
    if correction.column == "emotion":
        if row.emotion != emotion(correction.old):
            return None
        word = emotion(correction.new)
        return replace(row, emotion=word, three_class=three_classes.get(word or ""))
    if row.action_units != (read_action_units(correction.old) or ()):
        return None
    return replace(row, action_units=read_action_units(correction.new) or ())


def remarks_on_clips(n_coded: int, n_recorded: int, n_uncoded: int, no_subject: bool) -> list[str]:
    """What there is to say of coded clips, recordings and recordings without a coded row."""
    if not n_recorded:
        return ["No recordings were found; the frame times hold the frames that the rows name."]
    remarks = []
    missing = n_coded - (n_recorded - n_uncoded)
    if missing:
        remarks.append(f"{missing} of {n_coded} coded clips have no recording.")
    if n_uncoded:
        left = " and, as nothing says whose they are, were left aside" if no_subject else ""
        remarks.append(f"{n_uncoded} recordings have no coded row{left}.")
    return remarks


def count_flags(rows: Sequence[CodedRow]) -> dict[str, int]:
    """How many rows carry each flag, in the order of `FLAGS`."""
    counts = Counter(flag for row in rows for flag in row.flags)
    return {flag: counts[flag] for flag in FLAGS if flag in counts}
