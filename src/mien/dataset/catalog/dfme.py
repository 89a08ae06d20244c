"""DFME: 7526 micro-expressions of 671 people; Zhao et al. 2024, doi:10.1109/TAFFC.2023.3341918.

Part A has 500 frames/s, part B 300, part C 200 (mea-lab-421.github.io): every row needs its rate in a column
`fps`, or `part` with A, B or C. The release's layout could not be confirmed: see `own_tables`. Code of others
reads `coding.xlsx` (Subject, Filename, OnsetFrame, ApexFrame, Emotion) and pictures `<Filename>/00000.png`.

Three classes are MEGC-2019's, others left out; that reading is ours.
"""

from __future__ import annotations

from mien.dataset.catalog.coded_tables import REQUIRED, CodedDataset
from mien.dataset.catalog.own_tables import ANYWHERE, THREE_CLASSES_OF_SEVEN, last_part, note

_RATES = {"a": 500.0, "b": 300.0, "c": 200.0}

DFME = CodedDataset(
    name="dfme",
    title="DFME",
    reference="Zhao et al. 2024, doi:10.1109/TAFFC.2023.3341918",
    rate_hz=200.0,
    classes=("happiness", "disgust", "contempt", "surprise", "fear", "anger", "sadness", "others"),
    three_classes=THREE_CLASSES_OF_SEVEN,
    tables=("coding.xlsx", "DFME*.xlsx", "DFME*.csv"),
    columns={"rate": ("fps", "part")},
    required=(*REQUIRED, "rate"),
    rates={
        f"{word}{letter}": rate
        for letter, rate in _RATES.items()
        for word in ("", "part", "part ", "part-", "part_")
    },
    clip=last_part,
    kind="micro",
    layout=ANYWHERE,
    by_clip_alone=True,
    first_number=0,
    notes=(note("DFME"), "Its parts have 500, 300 and 200 frames/s: every clip has its own rate."),
)
