"""What a participant allowed, and the one function that every route to the outside asks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Literal

from mien.core.errors import DataError

Shows = Literal["face", "voice", "trace"]
Audience = Literal["analysis", "publication"]


class ConsentLevel(IntEnum):
    """The levels of MMME's section 5: 1 allows all uses, 2 analysis but no publication of face or voice."""

    ALL_USES = 1
    ANALYSIS_ONLY = 2


CONSENT_WORDS: Mapping[int | None, str] = MappingProxyType(
    {
        1: "level 1 (all uses)",
        2: "level 2 (analysis only: no face, no voice published)",
        None: "not known (treated as level 2, the strictest)",
    }
)


def may_leave(shows: Shows, level: int | None, *, audience: Audience = "publication") -> bool:
    """Whether something that shows a face, a voice or a trace of a participant may go to an audience.

    Parameters
    ----------
    shows
        "face" for pictures of a face and everything that keeps its layout (thumbnails, heat maps, motion
        maps), "voice" for sound, "trace" for numbers over time.
    level
        The participant's consent level; None where it is not known, which counts as the strictest.
    audience
        Who receives it. A report counts as publication: nobody knows where a file ends.

    Raises
    ------
    DataError
        If the level is neither 1, 2 nor None.

    Examples
    --------
    >>> may_leave("face", 1), may_leave("face", 2), may_leave("face", None), may_leave("trace", None)
    (True, False, False, True)
    """
    return shows == "trace" or audience == "analysis" or consent_level(level) is ConsentLevel.ALL_USES


def consent_level(level: int | None) -> ConsentLevel:
    """The level as a value of the enumeration; None becomes the strictest."""
    if level is None:
        return ConsentLevel.ANALYSIS_ONLY
    try:
        return ConsentLevel(level)
    except ValueError:
        raise DataError(
            "consent_level", wanted="1, 2 or n/a", got=repr(level), remedy="correct participants.tsv"
        ) from None
