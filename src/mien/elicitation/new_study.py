"""A study begun from a table of clips: they are copied, measured and coded, the protocol is written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import DataError, OptionError
from mien.core.labels import emotion as emotion_word
from mien.dataset import layout
from mien.dataset.grow import begin_study
from mien.dataset.synchronise import CLIP_CODES
from mien.elicitation.clips import CLIP_COLUMNS, ROLES, Role, check_playable
from mien.elicitation.protocol import Protocol, write_protocol
from mien.recording.formats import read_delimited

_NAME = re.compile(r"\w[\w .()-]*")


@dataclass(frozen=True, slots=True)
class ListedClip:
    """A clip as somebody lists it: its file, what it aims at, what it is for; its code, if it has one."""

    file: Path
    emotion: str | None
    role: Role
    code: int | None = None
    name: str | None = None


def read_clip_list(table: Path, *, aims_known: bool = True) -> list[ListedClip]:
    """Clips of a CSV or TSV with the columns file, emotion, role, and optional code and stimulus.

    Files are found from the table's folder; role is trial where it is empty.

    Parameters
    ----------
    aims_known
        Whether a clip of a trial must have an emotion; what raters are to say may be left empty.

    Raises
    ------
    DataError
        If the table lacks a column, a role is unknown, or a clip of a trial has no emotion.
    """
    separator = "," if table.suffix.lower() == ".csv" else "\t"
    rows = read_delimited(table, columns=("file", "emotion"), filled=("file",), separator=separator)
    found = []
    for number, row in enumerate(rows.to_dict("records"), start=2):
        cells = {str(k): str(v).strip() for k, v in row.items()}
        role = cells.get("role") or "trial"
        if role not in ROLES:
            raise DataError(
                f"{table}, row {number}",
                wanted=f"a role of {', '.join(ROLES)}",
                got=role,
                remedy="correct it",
            )
        aims = cells["emotion"]
        if aims_known and role == "trial" and aims.lower() in ("", "n/a"):
            raise DataError(
                f"{table}, row {number}",
                wanted="the emotion that a clip of a trial aims at",
                got="none",
                remedy="write it",
            )
        code = cells.get("code", "")
        if (
            role == "trial"
            and code.lower() not in ("", "n/a")
            and not (code.isdigit() and int(code) in CLIP_CODES)
        ):
            raise DataError(
                f"{table}, row {number}",
                wanted=f"a code from {CLIP_CODES[0]} to {CLIP_CODES[-1]}, or none",
                got=code,
                remedy="correct it",
            )
        name = cells.get("stimulus", "")
        if name and not _NAME.fullmatch(name):
            raise DataError(
                f"{table}, row {number}",
                wanted="a name of letters, digits, spaces and .-_()",
                got=name,
                remedy="correct it: the clip's file is called so",
            )
        found.append(
            ListedClip(
                table.parent / cells["file"],
                None if aims.lower() in ("", "n/a") else _emotion(aims),
                role,
                int(code) if code.isdigit() else None,
                name or None,
            )
        )
    return found


def by_name(table: Path, clips: Sequence[ListedClip]) -> dict[str, ListedClip]:
    """Clips by the name that ratings give them: as stated, or else their file's without suffix.

    Raises
    ------
    DataError
        If two clips of the table have the same name.
    """
    found: dict[str, ListedClip] = {}
    for clip in clips:
        name = clip.name or clip.file.stem
        if name in found:
            raise DataError(
                table,
                wanted="clips of different names",
                got=f"{name} twice",
                remedy="give each its own in a column stimulus",
            )
        found[name] = clip
    return found


def _emotion(word: str) -> str:
    try:
        return emotion_word(word)
    except DataError:
        return word  # a study may aim at feelings that are none of the seven


def new_study(
    folder: Path,
    clips: Sequence[ListedClip],
    *,
    title: str,
    protocol: Protocol | None = None,
    simulated: bool = False,
    sources: Mapping[str, Path] | None = None,
) -> None:
    """Begin a study: clips into `stimuli/`, measured and coded from 101 on, and a protocol to be edited.

    Parameters
    ----------
    sources
        Kind -> a table on which the choice of clips rests, kept beside them, as in {"ratings": path}.

    Raises
    ------
    DataError
        If the folder is a study already, a clip cannot be played by a browser, or there are more clips for
        trials than codes.
    """
    import pandas as pd

    trials = [clip for clip in clips if clip.role == "trial"]
    if len(trials) > len(CLIP_CODES):
        raise DataError(
            folder,
            wanted=f"at most {len(CLIP_CODES)} clips for trials, one for each code",
            got=len(trials),
            remedy="select the best: mien stimuli",
        )
    codes = [clip.code for clip in trials if clip.code is not None]
    again = next((code for code in codes if codes.count(code) > 1), None)
    if again is not None:
        raise DataError(folder, wanted="every code once", got=f"{again} again", remedy="correct the table")
    if not 0 < len(title) <= 200:
        raise OptionError("title", wanted="1 to 200 letters", got=len(title), remedy="write another")
    seconds = {clip.file: check_playable(clip.file) for clip in clips}
    if layout.description(folder).exists():
        raise DataError(folder, wanted="a folder without a study", got="a study", remedy="name another")
    target = layout.stimuli(folder).parent / "clips"
    target.mkdir(parents=True, exist_ok=True)
    taken = {clip.code for clip in trials}
    free = iter(code for code in CLIP_CODES if code not in taken)
    rows, names = [], set()
    for clip in clips:
        code = (clip.code or next(free)) if clip.role == "trial" else None
        name = clip.name or (f"clip-{code}" if code else f"{clip.role}-{clip.file.stem}")
        if name in names:
            raise DataError(
                folder, wanted="clips of different names", got=f"{name} twice", remedy="rename one"
            )
        names.add(name)
        kept = f"{name}{clip.file.suffix.lower()}"
        shutil.copyfile(clip.file, target / kept)
        rows.append(
            dict(
                zip(
                    CLIP_COLUMNS,
                    (name, code, clip.emotion, f"clips/{kept}", round(seconds[clip.file], 3), clip.role),
                    strict=True,
                )
            )
        )
    table = pd.DataFrame(rows, columns=list(CLIP_COLUMNS)).astype({"code": "Int64"})
    chosen = protocol or Protocol()
    practice = tuple(str(row["stimulus"]) for row in rows if row["role"] == "practice")
    neutral_s = chosen.steps.neutral_s if any(row["role"] == "neutral" for row in rows) else 0.0
    steps = chosen.steps.model_copy(update={"neutral_s": neutral_s})
    chosen = chosen.model_copy(update={"title": title, "practice": practice, "steps": steps})
    for kind, path in (sources or {}).items():
        shutil.copyfile(path, layout.stimuli(folder).parent / f"{kind}{path.suffix.lower()}")
    write_protocol(layout.protocol(folder), chosen)
    begin_study(folder, title, table, simulated=simulated)
