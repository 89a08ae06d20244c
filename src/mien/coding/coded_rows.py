"""What coders wrote down, ready to be compared: clips with the names of who coded them, and rows in seconds.

A clip stands here also where nobody found anything in it: that a coder looked and saw nothing is a result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mien.core.errors import DataError
from mien.core.expression import ActionUnit, Expression, Kind


@dataclass(frozen=True, slots=True)
class CodedClip:
    """One video that people coded.

    Parameters
    ----------
    key
        As rows name it; each clip has its own.
    participant
        Who is to be seen: intervals resample participants.
    coders
        Who coded it, whether or not they found something.
    order
        Its place in the course of the coding, or a time: only which is earlier counts.

    Raises
    ------
    DataError
        If it is coded by one coder twice, a name is empty, or the order is not finite.
    """

    key: str
    participant: str
    coders: tuple[str, ...]
    order: float

    def __post_init__(self) -> None:
        if len(set(self.coders)) != len(self.coders):
            raise DataError(
                f"clip {self.key}",
                wanted="each coder once",
                got=", ".join(self.coders),
                remedy="name a coder's second round as a coder of its own",
            )
        if not all((self.key, self.participant, *self.coders)):
            raise DataError(
                f"clip {self.key!r}",
                wanted="a name of the clip, its participant and its coders",
                got="an empty one",
                remedy="name them",
            )
        if not math.isfinite(self.order):
            raise DataError(
                f"clip {self.key}",
                wanted="a finite order",
                got=self.order,
                remedy="number the clips as coded",
            )


@dataclass(frozen=True, slots=True)
class CodedRow:
    """One expression as one coder wrote it down.

    Parameters
    ----------
    clip
        The key of the clip.
    times
        Seconds on any clock that is common to the coders of the clip; None where they cannot be used.
    offset_observed
        Whether the return to neutral was seen: an offset that is the apex was not.
    unused
        Why there are no times.
    row
        Where it stands in the coder's table, for people to find it.

    Raises
    ------
    DataError
        If there are neither times nor a reason, or an observed offset is not there.
    """

    clip: str
    coder: str
    times: Expression | None
    kind: Kind | None = None
    action_units: tuple[ActionUnit, ...] = ()
    emotion: str | None = None
    offset_observed: bool = True
    unused: str | None = None
    row: int | None = None

    def __post_init__(self) -> None:
        if (self.times is None) == (self.unused is None):
            raise DataError(
                f"row of {self.coder} in clip {self.clip}",
                wanted="times, or a reason why there are none",
                got="both" if self.unused else "neither",
                remedy="give one of them",
            )
        if self.times is not None and self.offset_observed and self.times.offset_s is None:
            raise DataError(
                f"row of {self.coder} in clip {self.clip}",
                wanted="the time of an observed offset",
                got="none",
                remedy="say that the offset was not observed",
            )
        if self.kind not in ("micro", "macro", None):
            raise DataError(
                f"row of {self.coder} in clip {self.clip}",
                wanted="micro, macro or no kind",
                got=repr(self.kind),
                remedy="correct the kind",
            )

    @property
    def unit_numbers(self) -> frozenset[int]:
        """Action units whatever their side, as the paper's coefficient takes them."""
        return frozenset(unit.number for unit in self.action_units)

    @property
    def sided_units(self) -> frozenset[str]:
        """Action units with their side, as in LAU12; without intensity."""
        return frozenset(str(ActionUnit(unit.number, unit.side)) for unit in self.action_units)


def check_coding(rows: Sequence[CodedRow], clips: Sequence[CodedClip]) -> None:
    """Refuse clips that stand twice, and usable rows of unknown clips or of coders who did not code them."""
    known = {clip.key: clip for clip in clips}
    if len(known) != len(clips):
        keys = [clip.key for clip in clips]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError("clips", wanted="each clip once", got=f"{twice} twice", remedy="remove one of them")
    for row in rows:
        if row.times is None:
            continue  # counted, and compared with nothing
        if row.clip not in known:
            raise DataError(
                f"row of {row.coder}",
                wanted="one of the clips that were coded",
                got=row.clip,
                remedy="name the clip, and who coded it",
            )
        if row.coder not in known[row.clip].coders:
            raise DataError(
                f"row of {row.coder} in clip {row.clip}",
                wanted=f"a coder who coded it: {', '.join(known[row.clip].coders) or 'nobody did'}",
                got=row.coder,
                remedy="say that this coder coded the clip, or remove the row",
            )


def check_two_coders(clips: Sequence[CodedClip]) -> None:
    """Refuse clips of which no two coders have coded the same one."""
    if not any(len(clip.coders) > 1 for clip in clips):
        coders = sorted({coder for clip in clips for coder in clip.coders})
        got = f"{len(clips)} clips by {', '.join(coders)}" if coders else "no coder"
        if len(coders) > 1:
            got += ", each clip by one of them"
        raise DataError(
            "agreement",
            wanted="a clip that two coders coded",
            got=got,
            remedy="let a second person code some of the clips, without seeing the first one's marks",
        )
