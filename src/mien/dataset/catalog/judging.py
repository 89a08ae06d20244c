"""What is wrong with a coded row: the flags of `adapter.FLAGS`, by one rule for every dataset.

A frame stands for the moment at which it begins, number / rate; an interval from onset to offset lasts
(offset - onset) / rate. A rule is applied only to what was coded: an offset of 0, one that equals the apex,
and marks out of order say nothing about a duration.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mien.core.expression import Expression, Kind, is_micro, same_expression

Marks = tuple[int | None, int | None, int | None]
"""Onset, apex and offset as frame numbers, None where the cell holds none."""


def flag_marks(
    marks: Marks,
    *,
    rate_hz: float,
    kind: Kind | None,
    coded: tuple[bool, bool, bool] = (True, True, True),
    duration: int | None = None,
    numbers: Collection[int] | None = None,
) -> tuple[str, ...]:
    """The flags that a row's own frames earn, in the order of `FLAGS`.

    Parameters
    ----------
    marks
        Onset, apex, offset.
    rate_hz
        Frames per second.
    kind
        As coded.
    coded
        Which of the three the table has a column for; a column that is not there leaves no mark missing.
    duration
        The table's own count of frames; it may or may not count the last one.
    numbers
        The frames that the recording has; None where there is no recording or its frames are not counted.
    """
    onset, apex, offset = marks
    wrong = {
        "order": not _ordered(marks),
        "offset-zero": offset == 0,
        "offset-unobserved": offset is not None and offset != 0 and offset == apex,
        "onset-is-apex": onset is not None and onset == apex,
        "mark-missing": any(there and mark is None for there, mark in zip(coded, marks, strict=True)),
        "not-micro": kind == "micro" and _micro(marks, rate_hz) is False,
        "duration-differs": _differs(marks, duration),
        "frames-missing": numbers is not None and not _named(marks) <= set(numbers),
    }
    return tuple(flag for flag, is_so in wrong.items() if is_so)


def flag_duplicates(
    rows: Sequence[Marks], rate_hz: Sequence[float], kinds: Sequence[Kind | None]
) -> list[bool]:
    """Per row of one clip, whether another one codes the same expression.

    Two rows do if they begin with the same frame, or as `core.expression.same_expression` has it: an
    intersection over union of at least .3, or apexes at most 100 ms apart. The latter only where one is not
    coded as micro and the other as macro: in long videos a micro-expression may happen within a blink.
    """
    times = [_expression(marks, rate) for marks, rate in zip(rows, rate_hz, strict=True)]
    known = [(time.onset_s, i, time) for i, time in enumerate(times) if time is not None]
    known.sort(key=lambda item: item[:2])
    twice = [False] * len(rows)
    for place, (_, i, a) in enumerate(known):
        end = _end(a)
        for _, j, b in known[place + 1 :]:
            if b.onset_s > end:
                break
            may_be = kinds[i] is None or kinds[j] is None or kinds[i] == kinds[j]
            if a.onset_s == b.onset_s or (may_be and same_expression(a, b)):
                twice[i] = twice[j] = True
    return twice


def _named(marks: Marks) -> set[int]:
    """The frames that a row names; an offset of 0 names none."""
    onset, apex, offset = marks
    return {mark for mark in (onset, apex, offset or None) if mark is not None}


def _ordered(marks: Marks) -> bool:
    onset, apex, offset = marks
    present = [mark for mark in (onset, apex, offset or None) if mark is not None]
    return present == sorted(present)


def _micro(marks: Marks, rate_hz: float) -> bool | None:
    """The ME rule by what follows the onset; a mark before it says nothing."""
    onset, apex, offset = marks
    if onset is None:
        return None
    rise = None if apex is None or apex < onset else (apex - onset) / rate_hz
    length = None if not offset or offset < onset else (offset - onset) / rate_hz
    return is_micro(0.0, rise, length)


def _expression(marks: Marks, rate_hz: float) -> Expression | None:
    """The row's times as far as they were coded and are in order; None without an onset."""
    onset, apex, offset = marks
    if onset is None:
        return None
    apex = apex if apex is not None and apex >= onset else None
    offset = offset if offset and offset >= max(onset, apex or onset) else None
    apex_s = None if apex is None else apex / rate_hz
    return Expression(onset / rate_hz, apex_s, None if offset is None else offset / rate_hz)


def _end(expression: Expression) -> float:
    return max(t for t in (expression.onset_s, expression.apex_s, expression.offset_s) if t is not None)


def _differs(marks: Marks, duration: int | None) -> bool:
    onset, _, offset = marks
    if duration is None or onset is None or not offset:
        return False
    return duration not in (offset - onset, offset - onset + 1)
