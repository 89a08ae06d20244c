"""MMEW: 300 micro-expressions of 36 subjects at 90 frames/s; Ben et al. 2022, doi:10.1109/TPAMI.2021.3067464.

Layout as code of others reads it (not confirmed by a copy): `MMEW_Micro_Exp.xlsx` with Subject, Filename,
OnsetFrame, ApexFrame, OffsetFrame, Action Units, Estimated Emotion and remarks, and pictures in
`Micro_Expression/anger/S13-07-001/1.jpg`; the first part of a clip's name is the subject. Macro-expressions
(`Macro_Expression`) have no coding table and are not read.

Three classes: MEGC-2019's rule; others are left out. That reading is ours. github.com/tvaranka/meb replaces
16 apexes and offsets that it finds wrong, by row number and without the old values: none is undone here.
"""

from __future__ import annotations

from mien.dataset.catalog.coded_tables import CodedDataset, padded
from mien.dataset.catalog.media import Layout

_subject = padded("S", 2)


def _subject_of(clip: str) -> str | None:
    first = clip.split("-")[0]
    return _subject(first) if first[:1] in "Ss" and first[1:].isdigit() else None


MMEW = CodedDataset(
    name="mmew",
    title="MMEW",
    reference="Ben et al. 2022, doi:10.1109/TPAMI.2021.3067464",
    rate_hz=90.0,
    classes=("happiness", "anger", "surprise", "disgust", "fear", "sadness", "others"),
    three_classes={
        **dict.fromkeys(("anger", "disgust", "fear", "sadness"), "negative"),
        "happiness": "positive",
        "surprise": "surprise",
    },
    tables=("MMEW_Micro_Exp*", "MMEW*.xlsx", "MMEW*.csv"),
    columns={"emotion": ("Estimated Emotion", "Emotion")},
    subject=_subject,
    subject_of_clip=_subject_of,
    kind="micro",
    layout=Layout(pictures=(r"(?:^|/)Micro[_-]Expression/[^/]+/(?P<clip>S\d+-\d+-\d+)$",)),
)
