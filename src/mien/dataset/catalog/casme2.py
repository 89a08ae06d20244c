"""CASME II: 26 subjects at 200 frames/s; Yan et al. 2014, doi:10.1371/journal.pone.0086041.

Published layout: a coding table `CASME2-coding-*.xlsx` (editions of 2014 and 2019; the later has blank
columns and "/" where no apex was coded) and pictures in `Cropped/sub01/EP02_01f/reg_img43.jpg` and
`CASME2_RAW_selected/sub01/EP02_01f/img43.jpg`. Where both are there the raw ones are taken.

Three classes: the list of the MEGC-2019 challenge (doi:10.1109/FG.2019.8756611) has 145 of these clips, 88
negative (disgust and repression), 32 positive (happiness) and 25 surprise; sadness, fear and others are not
in it, and are None here.
"""

from __future__ import annotations

from mien.dataset.catalog.coded_tables import CodedDataset, padded
from mien.dataset.catalog.media import Layout

CASME2 = CodedDataset(
    name="casme2",
    title="CASME II",
    reference="Yan et al. 2014, doi:10.1371/journal.pone.0086041",
    rate_hz=200.0,
    classes=("happiness", "disgust", "repression", "surprise", "sadness", "fear", "others"),
    three_classes={
        "disgust": "negative",
        "repression": "negative",
        "happiness": "positive",
        "surprise": "surprise",
    },
    tables=("CASME2-coding*", "CASME2*label*", "*CASME2*.xlsx", "*CASME2*.csv"),
    columns={"emotion": ("Estimated Emotion",), "action_units": ("Action Units",)},
    subject=padded("sub", 2),
    kind="micro",
    layout=Layout(
        pictures=(
            r"^(?!.*cropped).*/sub(?P<subject>\d+)/(?P<clip>EP[^/]+)$",
            r"(?:^|/)sub(?P<subject>\d+)/(?P<clip>EP[^/]+)$",
        )
    ),
)
