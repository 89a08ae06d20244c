"""4DME, grey camera: 267 micro-expressions at 60 frames/s; Li et al. 2023, doi:10.1109/TAFFC.2022.3182342.

Layout as code of others reads it (github.com/tvaranka/meb and others; not confirmed by a copy):
`4DME_Labelling_Micro_release v1.xlsx` with sub_ID, fold_name, Onset, Apex, Offset, AUs and Emotion, and
pictures in `gray_micro/<subject>/<fold_name>/Frame_000000123.jpg`. The other cameras (4D at 60, colour and
depth at 30 frames/s) number their frames themselves and are not read.

Emotions are positive, negative, surprise, repression, others and pairs of the first four, in any order;
`4(k)` is an action unit held without movement and left out.

Three classes: the three words alone; pairs, repression
and others are left out. That reading is ours.
"""

from __future__ import annotations

from itertools import permutations

from mien.dataset.catalog.coded_tables import CodedDataset
from mien.dataset.catalog.media import Layout

_WORDS = ("positive", "negative", "surprise")
_PAIRS = {
    "+".join(pair): name
    for name in (
        "positive+surprise", "negative+surprise", "surprise+repression", "positive+repression",
        "negative+repression",
    )
    for pair in permutations(name.split("+"))
}  # fmt: skip

FOURDME = CodedDataset(
    name="4dme",
    title="4DME (grey)",
    reference="Li et al. 2023, doi:10.1109/TAFFC.2022.3182342",
    rate_hz=60.0,
    classes=(*_WORDS, "repression", *dict.fromkeys(_PAIRS.values()), "others"),
    three_classes={word: word for word in _WORDS},
    tables=("4DME*Labelling*Micro*", "4DME*.xlsx", "4DME*.csv"),
    columns={"subject": ("sub_ID", "SubID"), "clip": ("fold_name",)},
    emotions={**{word: word for word in _WORDS}, **_PAIRS},
    kind="micro",
    layout=Layout(
        pictures=(
            r"(?:^|/)gray_micro/(?P<subject>[^/]+)/(?P<clip>[^/]+)$",
            r"(?:^|/)(?:micro_)?(?:short_)?gray[^/]*/(?P<subject>[^/]+)/(?P<clip>[^/]+)$",
        )
    ),
)
