"""CASME: 195 micro-expressions of 19 subjects at 60 frames/s; Yan et al. 2013, doi:10.1109/FG.2013.6553799.

Layout as code of others reads it (github.com/tvaranka/meb; not confirmed by a copy): a table of 189 rows with
Subject, Filename, OnsetF, ApexF1, ApexF2, OffsetF, Emotion and blank columns, and pictures in
`CASME_raw_selected/sub01/EP01_5/EP01_5-101.jpg` and `Cropped/sub01/EP01_5/reg_EP01_5-101.jpg`. Of two apexes
the first is taken. Both of its cameras (A and B) ran at 60 frames/s.

Three classes: the dataset is in no challenge; the rule is MEGC-2019's with amusement as positive, and tense,
which it has no class for, left out. That reading is ours.
"""

from __future__ import annotations

from mien.dataset.catalog.coded_tables import CodedDataset, padded
from mien.dataset.catalog.media import Layout

CASME = CodedDataset(
    name="casme",
    title="CASME",
    reference="Yan et al. 2013, doi:10.1109/FG.2013.6553799",
    rate_hz=60.0,
    classes=(
        "amusement", "happiness", "sadness", "disgust", "surprise", "contempt", "fear", "repression", "tense",
    ),
    three_classes={
        **dict.fromkeys(("sadness", "disgust", "contempt", "fear", "repression"), "negative"),
        **dict.fromkeys(("amusement", "happiness"), "positive"),
        "surprise": "surprise",
    },
    tables=("CASME*coding*", "CASME.xlsx", "CASME.csv", "CASME*label*"),
    columns={"apex": ("ApexF1",), "emotion": ("Emotion", "Estimated Emotion")},
    subject=padded("sub", 2),
    emotions={"amusement": "amusement"},
    kind="micro",
    layout=Layout(
        pictures=(
            r"^(?!.*cropped).*/sub(?P<subject>\d+)/(?P<clip>EP[^/]+)$",
            r"(?:^|/)sub(?P<subject>\d+)/(?P<clip>EP[^/]+)$",
        )
    ),
)  # fmt: skip
