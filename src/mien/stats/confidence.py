"""What every interval of this room asks of its confidence level."""

from __future__ import annotations

from mien.core.errors import OptionError


def upper_tail(level: float, *, subject: str) -> float:
    """The probability below the upper bound of a two-sided interval, (1 + level) / 2.

    Parameters
    ----------
    level
        Coverage of the interval, strictly between 0 and 1.
    subject
        What the interval is about, for the error.

    Raises
    ------
    OptionError
        If the level is 0, 1 or beyond.

    Examples
    --------
    >>> upper_tail(0.95, subject="kappa")
    0.975
    """
    if not 0 < level < 1:
        raise OptionError(subject, wanted="a level between 0 and 1", got=level, remedy="use 0.95, for example")
    return (1 + level) / 2
