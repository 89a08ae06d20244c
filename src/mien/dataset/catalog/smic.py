"""SMIC: 16 subjects before a camera of 100 frames/s (HS), 8 of them before two of 25 (VIS, NIR); Li et al.
2013, doi:10.1109/FG.2013.6553717.

Published layout: `SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/reg_image16930.bmp` and the same under `VIS`,
`NIR` and `SMIC_all_cropped`, without a coding table: the class is in the clip's name (ne, po, sur), and its
first and last picture are onset and offset. The extended release SMIC-E has longer clips
(`HS_long/SMIC-HS-E/s01/s01_ne_01/image...`) and `SMIC-HS-E_annotation*.xlsx` with Subject, Filename, OnsetF,
OffsetF; third parties added an apex. The three cameras are the formats smic, smic-vis and smic-nir; folders
of another camera are passed over by their names. That the clips of VIS and NIR are named like those of HS
was seen in code of others only.

`s3` is `s03` here, in subjects and clips. A numeric label is 0 negative, 1 positive, 2 surprise and must
agree with the clip's name.
"""

from __future__ import annotations

import re

from mien.dataset.catalog.coded_tables import CodedDataset, padded
from mien.dataset.catalog.media import Layout

_CLASSES = {"ne": "negative", "po": "positive", "sur": "surprise"}
_CLIP = r"s\d+(?:_(?:vis|nir|hs))?_(?:ne|po|sur)_\d+"
_subject = padded("s", 2)


def _clip_name(name: str) -> str:
    first, _, rest = name.strip().lower().partition("_")
    return f"{_subject(first)}_{rest}"


def _subject_of(clip: str) -> str | None:
    first = clip.split("_")[0]
    return _subject(first) if re.fullmatch(r"s\d+", first) else None


def _class_of(clip: str) -> str | None:
    return next((_CLASSES[part] for part in clip.split("_") if part in _CLASSES), None)


def _layout(camera: str) -> Layout:
    """Folders whose path names no other camera, and, but for HS, names this one."""
    others = "|".join({"HS", "VIS", "NIR"} - {camera})
    rest = rf"^(?!.*(?:^|[/_-])(?:{others})(?:[/_-]))"
    named = "" if camera == "HS" else rf"(?=.*(?:^|[/_-]){camera}(?:[/_-]))"
    place = rf"/s(?P<subject>\d+)/(?:micro/)?(?:(?:negative|positive|surprise)/)?(?P<clip>{_CLIP})$"
    return Layout(pictures=(f"{rest}{named}(?!.*crop).*{place}", f"{rest}{named}.*{place}"))


def _smic(name: str, camera: str, rate_hz: float) -> CodedDataset:
    return CodedDataset(
        name=name,
        title=f"SMIC {camera}",
        reference="Li et al. 2013, doi:10.1109/FG.2013.6553717",
        rate_hz=rate_hz,
        classes=("negative", "positive", "surprise"),
        three_classes={word: word for word in _CLASSES.values()},
        tables=(f"SMIC*{camera}*annotation*", f"SMIC*{camera}*.xlsx", "SMIC*.xlsx", "SMIC*.csv"),
        subject=_subject,
        clip=_clip_name,
        subject_of_clip=_subject_of,
        emotion_of_clip=_class_of,
        emotions={
            **{word: word for word in _CLASSES.values()},
            **_CLASSES,
            "0": "negative",
            "1": "positive",
            "2": "surprise",
        },
        kind="micro",
        layout=_layout(camera),
        from_folders=True,
    )


SMIC = _smic("smic", "HS", 100.0)
SMIC_VIS = _smic("smic-vis", "VIS", 25.0)
SMIC_NIR = _smic("smic-nir", "NIR", 25.0)
