"""The vocabularies of the field: emotions, the three-class scheme, action units and their regions.

Tables only. The three-class scheme is MEGC-2019's and MMME's (negative, positive, surprise); the AU
regions are those of MMME's Table 2, which differ from common FACS groupings (AU6 upper, AU12 mid).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mien.core.errors import DataError

SEVEN_EMOTIONS = ("happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
THREE_CLASSES = ("negative", "positive", "surprise")

# Spellings met in published coding tables; a rename that changes the meaning (tense -> contempt) is
# never here: it must be a stated alias of the study.
EMOTION_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "happy": "happiness",
        "happiness": "happiness",
        "surprise": "surprise",
        "sad": "sadness",
        "sadness": "sadness",
        "anger": "anger",
        "angry": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "contempt": "contempt",
        "repression": "repression",
        "tense": "tense",
        "others": "others",
        "other": "others",
    }
)

THREE_CLASS_OF: Mapping[str, str] = MappingProxyType(
    {
        "happiness": "positive",
        "surprise": "surprise",
        "sadness": "negative",
        "anger": "negative",
        "disgust": "negative",
        "fear": "negative",
        "contempt": "negative",
        "repression": "negative",
    }
)

ACTION_UNITS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        1: ("Inner Brow Raiser", "upper"),
        2: ("Outer Brow Raiser", "upper"),
        4: ("Brow Lowerer", "upper"),
        5: ("Upper Lid Raiser", "mid"),
        6: ("Cheek Raiser", "upper"),
        7: ("Lid Tightener", "mid"),
        9: ("Nose Wrinkler", "mid"),
        10: ("Upper Lip Raiser", "mid"),
        11: ("Nasolabial Deepener", "mid"),
        12: ("Lip Corner Puller", "mid"),
        13: ("Cheek Puffer", "lower"),
        14: ("Dimpler", "lower"),
        15: ("Lip Corner Depressor", "lower"),
        16: ("Lower Lip Depressor", "lower"),
        17: ("Chin Raiser", "lower"),
        18: ("Lip Puckerer", "lower"),
        20: ("Lip Stretcher", "lower"),
        25: ("Lips Parted", "lower"),
        26: ("Jaw Drop", "lower"),
        41: ("Lid Droop", "mid"),
        42: ("Slit", "upper"),
    }
)


def emotion(word: str) -> str:
    """The standard spelling of an emotion word of a coding table; raises DataError for an unknown one.

    Examples
    --------
    >>> emotion(" Happy ")
    'happiness'
    """
    standard = EMOTION_SPELLINGS.get(word.strip().lower())
    if standard is None:
        raise DataError(
            "emotion",
            wanted=f"one of {', '.join(sorted(set(EMOTION_SPELLINGS.values())))}",
            got=repr(word),
            remedy="correct the word or give the study's own list",
        )
    return standard


def three_class(word: str) -> str | None:
    """Negative, positive or surprise; None for emotions outside the scheme (others, tense).

    Examples
    --------
    >>> three_class("disgust"), three_class("others")
    ('negative', None)
    """
    return THREE_CLASS_OF.get(emotion(word))
