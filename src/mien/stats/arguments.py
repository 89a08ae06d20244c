"""What the functions of this room ask of their arguments."""

from __future__ import annotations

from mien.core.errors import DataError, OptionError


def upper_tail(level: float, *, subject: str) -> float:
    """The probability below the upper bound of a two-sided interval, (1 + level) / 2.

    Raises OptionError unless the level, the coverage of the interval, lies strictly between 0 and 1.

    Examples
    --------
    >>> upper_tail(0.95, subject="kappa")
    0.975
    """
    if not 0 < level < 1:
        raise OptionError(
            subject, wanted="a level between 0 and 1", got=level, remedy="use 0.95, for example"
        )
    return (1 + level) / 2


def known_option(name: str, value: str | None, *, known: tuple[str | None, ...]) -> None:
    """Raise OptionError unless the value is one of the known words.

    Examples
    --------
    >>> known_option("average", "macro", known=("micro", "mean"))
    Traceback (most recent call last):
    mien.core.errors.OptionError: average: wanted one of micro, mean, got macro; choose one of them.
    """
    if value not in known:
        raise OptionError(
            name, wanted=f"one of {', '.join(map(str, known))}", got=value, remedy="choose one of them"
        )


def equal_lengths(n_first: int, n_second: int, *, subject: str, unit: str) -> None:
    """Raise DataError unless both sides have the same number of units, and at least one.

    Examples
    --------
    >>> equal_lengths(3, 3, subject="kappa", unit="subject")
    """
    if n_first != n_second or n_first == 0:
        raise DataError(
            subject,
            wanted=f"equally many {unit}s on both sides, at least one",
            got=f"{n_first} and {n_second}",
            remedy=f"pair them by {unit}",
        )
