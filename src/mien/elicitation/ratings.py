"""What raters said of clips: emotion, valence and arousal of each clip by each rater, from their tables.

Long tables have a row per clip and rater with the columns stimulus_id, rater_id, emotion, valence, arousal;
wide ones a row per clip and columns as in valence_r01. Missing is None or NaN. Scales go from 1 to 9.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import emotion as emotion_word
from mien.core.time import FloatArray
from mien.recording.formats.sheets import key, read_sheet

LOW, HIGH = 1, 9
_LONG: Mapping[str, Sequence[str]] = {
    "stimulus": ("stimulus_id", "stimulus", "clip", "clip_id", "video"),
    "rater": ("rater_id", "rater", "participant", "participant_id", "evaluator"),
    "emotion": ("emotion", "category", "emotion_category"),
    "valence": ("valence", "pleasure"),
    "arousal": ("arousal",),
    "target": ("target", "target_emotion"),
}
_WIDE = re.compile(r"(valence|arousal|emotion)[\s_.-]+(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Ratings of n clips by k raters.

    `valence` and `arousal` have shape (n, k), 1 to 9, NaN where nobody said; `emotion` holds n rows of k
    words or None; `target` the emotion that each clip aims at, None where it is not known.
    """

    stimuli: tuple[str, ...]
    raters: tuple[str, ...]
    valence: FloatArray
    arousal: FloatArray
    emotion: tuple[tuple[str | None, ...], ...]
    target: tuple[str | None, ...]

    def without(self, raters: Iterable[str]) -> Ratings:
        """The same without some raters."""
        out = set(raters)
        kept = [j for j, name in enumerate(self.raters) if name not in out]
        words = tuple(tuple(row[j] for j in kept) for row in self.emotion)
        names = tuple(self.raters[j] for j in kept)
        return Ratings(self.stimuli, names, self.valence[:, kept], self.arousal[:, kept], words, self.target)


def read_ratings(path: Path) -> Ratings:
    """Ratings of a CSV, TSV or xlsx file, long or wide; the layout is found by its header.

    Raises
    ------
    DataError
        If the file is no such table, a rating lies outside 1 to 9, or a rater rated a clip twice.
    """
    wide = _wide_columns(path)
    rows = _wide_rows(path, wide) if wide else _long_rows(path)
    return gather(path, rows)


@dataclass(frozen=True, slots=True)
class Said:
    """One rating and where it stands."""

    where: str
    stimulus: str
    rater: str
    emotion: str | None
    valence: float
    arousal: float
    target: str | None = None


def gather(subject: str | Path, rows: Sequence[Said]) -> Ratings:
    """Ratings one by one as tables; raises DataError if one comes twice, or targets of a clip differ."""
    if not rows:
        raise DataError(subject, wanted="ratings", got="none", remedy="give a table with content")
    stimuli = tuple(dict.fromkeys(row.stimulus for row in rows))
    raters = tuple(sorted({row.rater for row in rows}))
    at_stimulus = {name: i for i, name in enumerate(stimuli)}
    at_rater = {name: j for j, name in enumerate(raters)}
    valence = np.full((len(stimuli), len(raters)), np.nan)
    arousal = np.full_like(valence, np.nan)
    words: list[list[str | None]] = [[None] * len(raters) for _ in stimuli]
    target: list[str | None] = [None] * len(stimuli)
    seen: set[tuple[int, int]] = set()
    for row in rows:
        i, j = at_stimulus[row.stimulus], at_rater[row.rater]
        if (i, j) in seen:
            raise DataError(
                row.where,
                wanted="each clip once by each rater",
                got=f"{row.stimulus} by {row.rater} again",
                remedy="keep one of the two",
            )
        seen.add((i, j))
        valence[i, j], arousal[i, j], words[i][j] = row.valence, row.arousal, row.emotion
        if row.target is not None:
            if target[i] not in (None, row.target):
                raise DataError(
                    row.where,
                    wanted=f"one target of {row.stimulus}",
                    got=f"{target[i]} and {row.target}",
                    remedy="correct it",
                )
            target[i] = row.target
    return Ratings(stimuli, raters, valence, arousal, tuple(map(tuple, words)), tuple(target))


def doubtful_raters(ratings: Ratings, *, least: int = 5) -> dict[str, str]:
    """Raters who always answer the same, and in what; those with fewer than `least` clips are not judged."""
    found = {}
    for j, rater in enumerate(ratings.raters):
        same = []
        for name in ("valence", "arousal"):
            values = getattr(ratings, name)[:, j]
            values = values[np.isfinite(values)]
            if values.size >= least and np.ptp(values) == 0:
                same.append(f"{name} {values[0]:g}")
        words = [row[j] for row in ratings.emotion if row[j] is not None]
        if len(words) >= least and len(set(words)) == 1:
            same.append(f"emotion {words[0]}")
        if same:
            found[rater] = "always " + ", ".join(same)
    return found


def _wide_columns(path: Path) -> dict[str, list[str]]:
    """Rater -> ... of a wide table's header; empty for a long one."""
    header = _header(path)
    if any(key(name) in map(key, _LONG["rater"]) for name in header):
        return {}
    found: dict[str, list[str]] = {}
    for name in header:
        match = _WIDE.fullmatch(name.strip())
        if match:
            found.setdefault(match[2], []).append(name)
    # A table without raters may have a column as emotion_category: that is no rater's answer.
    judged = [name.strip().lower() for names in found.values() for name in names]
    return found if any(not name.startswith("emotion") for name in judged) else {}


def _header(path: Path) -> list[str]:
    table = read_sheet(path, {"stimulus": _LONG["stimulus"]})
    return [str(name) for name in table.attrs["headers"]]


def _long_rows(path: Path) -> list[Said]:
    needed = ["stimulus", "rater", "valence", "arousal"]
    table = read_sheet(path, _LONG, required=needed)
    return [
        _said(f"{path}, row {number}", row["stimulus"], row["rater"], row)
        for number, row in zip(table["source_row"], table.to_dict("records"), strict=True)
    ]


def _wide_rows(path: Path, wide: Mapping[str, Sequence[str]]) -> list[Said]:
    columns = {"stimulus": _LONG["stimulus"], "target": _LONG["target"]}
    columns |= {name: (name,) for names in wide.values() for name in names}
    table = read_sheet(path, columns, required=["stimulus"])
    found = []
    for number, row in zip(table["source_row"], table.to_dict("records"), strict=True):
        for rater, names in wide.items():
            kinds = {
                match[1].lower(): row.get(name) for name in names if (match := _WIDE.fullmatch(name.strip()))
            }
            if any(value is not None for value in kinds.values()):
                cells = {**kinds, "target": row.get("target")}
                found.append(_said(f"{path}, row {number}", row["stimulus"], rater, cells))
    return found


def _said(where: str, stimulus: object, rater: object, cells: Mapping[Any, Any]) -> Said:
    if stimulus is None or rater is None:
        what = "the clip" if stimulus is None else "the rater"
        raise DataError(where, wanted=what, got="nothing", remedy="fill it in")
    return Said(
        where,
        str(stimulus),
        str(rater),
        _word(cells.get("emotion")),
        _score(where, "valence", cells.get("valence")),
        _score(where, "arousal", cells.get("arousal")),
        _word(cells.get("target")),
    )


def _word(cell: object) -> str | None:
    if cell is None:
        return None
    try:
        return emotion_word(str(cell))
    except DataError:
        return str(cell).strip().lower()  # a study may ask for feelings of its own


def _score(where: str, what: str, cell: object) -> float:
    if cell is None:
        return math.nan
    try:
        value = float(str(cell))
    except ValueError:
        value = math.nan
    if not LOW <= value <= HIGH:
        raise DataError(
            f"{where}, {what}",
            wanted=f"a number from {LOW} to {HIGH}",
            got=repr(str(cell)),
            remedy="correct it",
        )
    return value
