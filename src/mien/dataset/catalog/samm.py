"""SAMM: 159 micro-movements at 200 frames/s; Davison et al. 2018, doi:10.1109/TAFFC.2016.2573832.

Published layout: `SAMM_Micro_FACS_Codes_v2.xlsx` with lines of prose above the header, and pictures in
`006/006_1_2/006_00012.jpg`. The first part of a clip's name is the subject.

Three classes as in MEGC-2019 (doi:10.1109/FG.2019.8756611): negative are anger, contempt, disgust, fear and
sadness; "other" is left out.

Where a cell offers a choice of action units ("L12 or L14") none is taken. One offset is corrected where an
older edition has it: the frames of row 013_1_9 then agree with the row's own duration of 82.
"""

from __future__ import annotations

from mien.dataset.catalog.adapter import Correction
from mien.dataset.catalog.coded_tables import CodedDataset, padded
from mien.dataset.catalog.media import Layout

NEGATIVE = ("anger", "contempt", "disgust", "fear", "sadness")


def subject_of(clip: str) -> str | None:
    """The subject in a name as 006_1_2."""
    first = clip.split("_")[0]
    return padded("", 3)(first) if first.isdigit() else None


SAMM = CodedDataset(
    name="samm",
    title="SAMM",
    reference="Davison et al. 2018, doi:10.1109/TAFFC.2016.2573832",
    rate_hz=200.0,
    classes=("anger", "happiness", "surprise", "contempt", "disgust", "fear", "sadness", "others"),
    three_classes={
        **dict.fromkeys(NEGATIVE, "negative"),
        "happiness": "positive",
        "surprise": "surprise",
    },
    tables=("SAMM*FACS*", "SAMM*.xlsx", "SAMM*.csv"),
    columns={"emotion": ("Estimated Emotion",), "kind": ("Micro",)},
    subject=padded("", 3),
    subject_of_clip=subject_of,
    kind="micro",
    corrections=(
        Correction(
            subject="013",
            clip="013_1_9",
            onset=5658,
            column="offset",
            old="5793",
            new="5739",
            source="github.com/tvaranka/meb, meb/datasets/datasets.py, row 56 of SAMM; the row's duration",
        ),
    ),
    layout=Layout(
        pictures=(
            r"^(?!.*crop).*/(?P<subject>\d{3})/(?P<clip>\d{3}_\d+_\d+)$",
            r"(?:^|/)(?P<subject>\d{3})/(?P<clip>\d{3}_\d+_\d+)$",
        )
    ),
)
