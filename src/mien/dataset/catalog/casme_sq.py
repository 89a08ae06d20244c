"""CAS(ME)^2: 22 subjects at 30 frames/s, 300 macro- and 57 micro-expressions in long videos; Qu et al. 2018,
doi:10.1109/TAFFC.2017.2654440.

Published layout: `CAS(ME)^2code_final.xlsx` without headers. Sheet CASFEcode_final has participant 1..22,
video and expression (`disgust1_1`), onset, apex, offset, action units, class (positive, negative, surprise,
others), type (macro- or micro-expression) and self-report; sheet `naming rule1` gives the folder (`s15`) of a
participant, `naming rule2` the code (`0101`) of a video. Pictures lie in
`rawpic/s15/15_0101disgustingteeth/img1.jpg`, videos in `rawvideo/s15/15_0101disgustingteeth.avi`. Lists of
others name `casme_015`, `casme_015_0401`, frames and a type (1 macro, 2 micro).

An offset of 0 was not coded (44 macro-expressions). Three classes are the dataset's own without others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError
from mien.dataset.catalog.coded_tables import CodedDataset, padded
from mien.dataset.catalog.media import Layout
from mien.recording.formats.sheets import key, read_sheet, sheet_names

if TYPE_CHECKING:
    import pandas as pd

CODES, PEOPLE, VIDEOS = "CASFEcode_final", "naming rule1", "naming rule2"
_POSITIONS = {
    "subject": 0, "clip": 1, "onset": 2, "apex": 3, "offset": 4, "action_units": 5, "emotion": 6, "kind": 7,
}  # fmt: skip
_WORDS = ("negative", "positive", "surprise")
_subject = padded("s", 2)


def _clip_name(cell: str) -> str:
    """15_0401 of casme_015_0401 and of 15_0401girlcrashing; any other name as it is."""
    found = re.search(r"(\d{1,3})_(\d{4})(?!\d)", cell)
    return f"{int(found[1]):02d}_{found[2]}" if found else cell.strip()


def _subject_of(clip: str) -> str | None:
    first = clip.split("_")[0]
    return _subject(first) if first.isdigit() else None


def _read(path: Path, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> pd.DataFrame:
    """The published workbook with folders' names for its numbers, or a table with a header."""
    if key(CODES) not in map(key, sheet_names(path)):
        return read_sheet(path, columns, required=required)
    table = read_sheet(path, columns, required=required, sheet=CODES, positions=_POSITIONS)
    if table.attrs["header_row"] is not None:
        return table
    people = _rule(path, PEOPLE, {"folder": 1, "name": 2})
    videos = _rule(path, VIDEOS, {"code": 0, "name": 1})
    for record in table.to_dict("records"):
        row = f"{path}, row {record['source_row']}"
        person, video = record["subject"] or "", (record["clip"] or "").split("_")[0]
        if person not in people or video not in videos:
            got = f"participant {person!r} and video {video!r}"
            raise DataError(row, wanted="names in the naming rules", got=got, remedy="complete the rules")
    folders = [people[name or ""] for name in table["subject"]]
    codes = [videos[(name or "").split("_")[0]] for name in table["clip"]]
    table["subject"] = folders
    table["clip"] = [
        f"{_subject(folder)[1:]}_{code.zfill(4)}" for folder, code in zip(folders, codes, strict=True)
    ]
    return table


def _rule(path: Path, sheet: str, positions: Mapping[str, int]) -> dict[str, str]:
    """From a name in the coding sheet to what it stands for."""
    other = next(role for role in positions if role != "name")
    headers = {role: (f"no header for {role}",) for role in positions}
    table = read_sheet(path, headers, sheet=sheet, positions=positions)
    return {name: value for name, value in zip(table["name"], table[other], strict=True) if name and value}


CASME_SQ = CodedDataset(
    name="casme-sq",
    title="CAS(ME)^2",
    reference="Qu et al. 2018, doi:10.1109/TAFFC.2017.2654440",
    rate_hz=30.0,
    classes=(*_WORDS, "others"),
    three_classes={word: word for word in _WORDS},
    tables=("CAS(ME)^2code*", "code_final*", "CAS*code*", "*.xlsx", "*.csv"),
    columns={"kind": ("Type", "type_idx")},
    subject=_subject,
    clip=_clip_name,
    subject_of_clip=_subject_of,
    emotions={word: word for word in _WORDS},
    kinds={"1": "macro", "2": "micro"},
    layout=Layout(
        pictures=(
            r"(?:^|/)rawpic/s(?P<subject>\d+)/(?P<clip>\d+_\d{4})[^/]*$",
            r"(?:^|/)s(?P<subject>\d+)/(?P<clip>\d+_\d{4})[^/]*$",
        ),
        videos=(r"(?:^|/)s(?P<subject>\d+)/(?P<clip>\d+_\d{4})[^/]*$",),
    ),
    reader=_read,
)
