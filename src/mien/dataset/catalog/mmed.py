"""MMED: faces and voices in online games, three classes; Wei et al. 2025, arXiv:2509.14592.

Only the abstract and a summary could be read: neither layout nor rate nor counts were published. Labels come
from a table of the user's own (see `own_tables`), in which every row needs `fps`. Speech is not read.
"""

from __future__ import annotations

from mien.core.labels import THREE_CLASSES
from mien.dataset.catalog.coded_tables import REQUIRED, CodedDataset
from mien.dataset.catalog.own_tables import ANYWHERE, last_part, note

MMED = CodedDataset(
    name="mmed",
    title="MMED",
    reference="Wei et al. 2025, arXiv:2509.14592",
    rate_hz=30.0,
    classes=THREE_CLASSES,
    three_classes={word: word for word in THREE_CLASSES},
    required=(*REQUIRED, "rate"),
    clip=last_part,
    emotions={word: word for word in THREE_CLASSES},
    kind="micro",
    layout=ANYWHERE,
    by_clip_alone=True,
    notes=(note("MMED"), "Its rate was not published: every clip has the rate that the table gives."),
)
