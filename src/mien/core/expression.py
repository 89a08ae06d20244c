"""A coded facial expression and the rule that makes it a micro-expression."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mien.core.errors import DataError
from mien.core.time import Interval

Kind = Literal["micro", "macro"]
Side = Literal["both", "left", "right"]

MICRO_MAX_DURATION_S = 0.5
MICRO_MAX_RISE_S = 0.25
SAME_MIN_IOU = 0.3
SAME_MAX_APEX_DISTANCE_S = 0.1
# Stamps are multiples of a frame written in decimal seconds; a float's rounding must not decide.
_ROUNDING_S = 1e-9


@dataclass(frozen=True, slots=True, order=True)
class ActionUnit:
    """One action unit with its side and, where it was coded, its intensity A to E."""

    number: int
    side: Side = "both"
    intensity: Literal["A", "B", "C", "D", "E"] | None = None

    def __str__(self) -> str:
        prefix = {"both": "", "left": "L", "right": "R"}[self.side]
        return f"{prefix}AU{self.number}{self.intensity or ''}"


_UNIT = re.compile(r"([LR]?)AU([0-9]{1,2})([A-E]?)")
_SIDES: dict[str, Side] = {"": "both", "L": "left", "R": "right"}


def read_action_unit(word: str) -> ActionUnit | None:
    """The action unit that a word names, as `str` writes it; None for another word.

    Examples
    --------
    >>> read_action_unit("LAU12B") == ActionUnit(12, "left", "B"), read_action_unit("12")
    (True, None)
    """
    found = _UNIT.fullmatch(word)
    return found and ActionUnit(int(found[2]), _SIDES[found[1]], found[3] or None)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Expression:
    """One coded expression: times in seconds on the master clock, None where not observed.

    Raises
    ------
    DataError
        If a time is not finite or the times are out of order.
    """

    onset_s: float
    apex_s: float | None
    offset_s: float | None
    kind: Kind | None = None
    action_units: tuple[ActionUnit, ...] = ()
    emotion: str | None = None
    coder: str | None = None

    def __post_init__(self) -> None:
        times = [t for t in (self.onset_s, self.apex_s, self.offset_s) if t is not None]
        if not all(math.isfinite(t) for t in times) or times != sorted(times):
            raise DataError(
                "expression",
                wanted="finite times with onset <= apex <= offset",
                got=f"{self.onset_s}, {self.apex_s}, {self.offset_s}",
                remedy="correct the row, or leave out what was not observed",
            )


def is_micro(onset_s: float, apex_s: float | None, offset_s: float | None) -> bool | None:
    """Whether times in seconds satisfy the two-part ME rule; None where too little was observed.

    A micro-expression lasts at most 500 ms from onset to offset, or at most 250 ms from onset to apex.
    An offset equal to the apex means that the offset was not observed: then only the second part applies
    (reference: MMME section 3.4; Yan et al. 2013, doi:10.1007/s10919-013-0159-8).

    Examples
    --------
    >>> is_micro(0.0, 0.2, 0.9), is_micro(0.0, 0.3, 0.3), is_micro(0.0, None, None)
    (True, False, None)
    """
    if apex_s is not None and offset_s is not None and offset_s == apex_s:
        offset_s = None
    rise = None if apex_s is None else apex_s - onset_s <= MICRO_MAX_RISE_S + _ROUNDING_S
    length = None if offset_s is None else offset_s - onset_s <= MICRO_MAX_DURATION_S + _ROUNDING_S
    known = [part for part in (rise, length) if part is not None]
    return any(known) if known else None


def same_expression(a: Expression, b: Expression) -> bool:
    """Whether two coded rows mean one expression: IoU of at least .3, or apexes at most 100 ms apart.

    The rule by which unmerged rows of two coders are found in MMME's public coding table. A row without an
    offset spans onset to apex; one with neither is an instant. Apexes do not count where one row is coded as
    micro and the other as macro: a micro-expression may happen within a blink.

    Examples
    --------
    >>> same_expression(Expression(0.0, 0.2, 0.4), Expression(0.1, 0.5, 0.5))
    True
    """
    contradict = a.kind is not None and b.kind is not None and a.kind != b.kind
    apexes = None if a.apex_s is None or b.apex_s is None or contradict else abs(a.apex_s - b.apex_s)
    if apexes is not None and apexes <= SAME_MAX_APEX_DISTANCE_S + _ROUNDING_S:
        return True
    return _span(a).iou(_span(b)) >= SAME_MIN_IOU - _ROUNDING_S


def _span(expression: Expression) -> Interval:
    ends = (expression.offset_s, expression.apex_s, expression.onset_s)
    return Interval(expression.onset_s, next(end for end in ends if end is not None))


def _may_be(a: Expression, b: Expression) -> bool:
    return (a.coder is None or a.coder != b.coder) and same_expression(a, b)


def group_expressions(expressions: Sequence[Expression]) -> list[int]:
    """The number of the group, from 0, to which each coded row of one recording belongs.

    In order of time, a row joins the first group in which it means the same expression as every member:
    a chain of overlapping expressions does not become one. Two rows of one coder are two expressions; a row
    without a coder may be anybody's.

    Examples
    --------
    >>> group_expressions([Expression(0.0, 0.2, 0.4), Expression(2.0, 2.1, 2.3), Expression(0.0, 0.3, 0.3)])
    [0, 1, 0]
    """
    groups: list[list[int]] = []
    of = [0] * len(expressions)
    order = sorted(range(len(expressions)), key=lambda i: (expressions[i].onset_s, i))
    for index in order:
        row = expressions[index]
        for number, members in enumerate(groups):
            if all(_may_be(row, expressions[member]) for member in members):
                members.append(index)
                of[index] = number
                break
        else:
            of[index] = len(groups)
            groups.append([index])
    return of
