"""CAS(ME)^3, part A: 100 subjects at 30 frames/s; Li et al. 2023, doi:10.1109/TPAMI.2022.3174895.

Published layout: `cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx` (Subject, Filename, Onset, Apex, Offset, AU,
Objective class, emotion) and a table of macro-expressions (`..._MaE_label_...`: sub, seq, onset, apex,
offset, emotion), which is read where it is given as the table. Pictures lie in `spNO.1/b/color/12.jpg` (and
`depth`), or cut to the expressions in `spNO.1_b_7/12.jpg`, where the last number is the onset; the cut
folders of one video are joined. Folders also spell spNo.

The authors say that the first 7 or 8 frames of most videos and a few others are lost, that an onset may
therefore equal the apex, and that the time from apex to offset was not limited
(github.com/jingtingEmmaLi/CAS-ME-3, issues 3 and 4): such rows are flagged, not changed. Parts B (not coded)
and C (its own subjects, no apex) have no adapter.

Three classes as HTNet's table has them (doi:10.1016/j.neucom.2024.128196): disgust, fear, anger and sadness
are negative; others are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien.dataset.catalog.coded_tables import CodedDataset
from mien.dataset.catalog.media import Layout
from mien.recording.formats.sheets import read_sheet

if TYPE_CHECKING:
    import pandas as pd


def _subject(name: str) -> str:
    found = re.search(r"(\d+)\s*$", name)
    return f"spNO.{int(found[1])}" if found else name.strip()


def _clip_name(name: str) -> str:
    return name.strip().lower()


def _read(path: Path, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> pd.DataFrame:
    """The table; where only its name says that it is of macro-expressions, so does its column."""
    table = read_sheet(path, columns, required=required)
    if "kind" not in table.attrs["found"]:
        table["kind"] = "macro" if re.search(r"MaE|macro", path.stem) else "micro"
    return table


CASME3 = CodedDataset(
    name="casme3",
    title="CAS(ME)^3 part A",
    reference="Li et al. 2023, doi:10.1109/TPAMI.2022.3174895",
    rate_hz=30.0,
    classes=("disgust", "surprise", "others", "fear", "anger", "sadness", "happiness"),
    three_classes={
        **dict.fromkeys(("disgust", "fear", "anger", "sadness"), "negative"),
        "happiness": "positive",
        "surprise": "surprise",
    },
    tables=("cas(me)3_part_A_ME_label*", "*part_A*ME_label*", "cas(me)3_part_A*"),
    columns={"clip": ("Filename", "seq")},
    subject=_subject,
    clip=_clip_name,
    layout=Layout(
        pictures=(
            r"^(?!.*crop).*/(?P<subject>spNO\.?\d+)/(?P<clip>[a-z]\d*)/color$",
            r"(?:^|/)(?P<subject>spNO\.?\d+)/(?P<clip>[a-z]\d*)/color$",
            r"(?:^|/)(?P<subject>spNO\.?\d+)_(?P<clip>[a-z])_\d+(?:/color)?$",
        ),
        joined=(2,),
    ),
    reader=_read,
)
