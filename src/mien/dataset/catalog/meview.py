"""MEVIEW: poker games and interviews from the internet, 30 frames/s by MMME's Table 1; Husak, Cech and Matas
2017, Spotting facial micro-expressions "in the wild", 22nd Computer Vision Winter Workshop.

Neither the layout of its folders nor its table could be confirmed: see `own_tables`. Unclear emotions are a
class of their own; three classes are MEGC-2019's, unclear left out, and that reading is ours.
"""

from __future__ import annotations

from mien.dataset.catalog.coded_tables import CodedDataset
from mien.dataset.catalog.own_tables import ANYWHERE, THREE_CLASSES_OF_SEVEN, last_part, note

MEVIEW = CodedDataset(
    name="meview",
    title="MEVIEW",
    reference="Husak, Cech and Matas 2017, Spotting facial micro-expressions in the wild, CVWW",
    rate_hz=30.0,
    classes=("happiness", "surprise", "contempt", "fear", "anger", "disgust", "sadness", "unclear"),
    three_classes=THREE_CLASSES_OF_SEVEN,
    clip=last_part,
    emotions={"unclear": "unclear"},
    kind="micro",
    layout=ANYWHERE,
    by_clip_alone=True,
    notes=(note("MEVIEW"),),
)
