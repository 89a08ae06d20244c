"""SAMM Long Videos: 147 videos at 200 frames/s with 343 macro- and 159 micro-expressions; Yap et al. 2020,
doi:10.1109/FG47880.2020.00029.

Published layout: `SAMM_LongVideos_V1_Release.xlsx` (V2, V3) with prose above the header and columns Subject,
Filename, Inducement Code, Onset, Apex, Offset, Duration, Type, Action Units, Notes, and pictures in
`SAMM_longvideos/006_1/006_1_0001.jpg`. A file name as 006_1_3 is the third expression of video 006_1. There
are no emotions; a table that adds SAMM's has an Estimated Emotion column. Lists of others have the video's
path, `startFrame`, `endFrame`, a `length` and no apex.

An onset of 0 is kept: pictures begin at 1.
"""

from __future__ import annotations

from mien.dataset.catalog.coded_tables import CodedDataset, padded
from mien.dataset.catalog.media import Layout
from mien.dataset.catalog.samm import SAMM, subject_of


def _video_name(cell: str) -> str:
    return "_".join(cell.strip().replace("\\", "/").split("/")[-1].split("_")[:2])


SAMM_LV = CodedDataset(
    name="samm-lv",
    title="SAMM Long Videos",
    reference="Yap et al. 2020, doi:10.1109/FG47880.2020.00029",
    rate_hz=200.0,
    classes=SAMM.classes,
    three_classes=SAMM.three_classes,
    tables=("SAMM_LongVideos*", "SAMM*.xlsx", "SAMM*.csv"),
    columns={"kind": ("Type",), "duration": ("Duration", "length")},
    subject=padded("", 3),
    clip=_video_name,
    subject_of_clip=subject_of,
    kinds={"1": "macro", "2": "micro"},
    layout=Layout(
        pictures=(
            r"^(?!.*crop).*/(?P<clip>\d{3}_\d+)$",
            r"(?:^|/)(?P<clip>\d{3}_\d+)$",
        ),
        videos=(r"/(?P<clip>\d{3}_\d+)$",),
    ),
)
