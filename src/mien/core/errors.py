"""Errors that say in one sentence who is wrong, what was wanted, what came and what to do."""

from __future__ import annotations

from pathlib import Path


class MienError(Exception):
    """Any failure that mien can explain; the command line prints it as one sentence and exits with 1.

    Parameters
    ----------
    subject
        The file, column, option or value that is wrong.
    wanted, got
        What was expected there and what was found.
    remedy
        What the user can do about it, as an imperative without a full stop.

    Examples
    --------
    >>> print(MienError("labels.csv", wanted="a column 'label'", got="file, subject", remedy="add it"))
    labels.csv: wanted a column 'label', got file, subject; add it.
    """

    def __init__(self, subject: str | Path, *, wanted: str, got: object, remedy: str) -> None:
        self.subject = str(subject)
        self.wanted = wanted
        self.got = str(got)
        self.remedy = remedy
        super().__init__(f"{self.subject}: wanted {wanted}, got {self.got}; {remedy}.")

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword-only arguments do not cross process borders by themselves.
        return _rebuild, (type(self), self.subject, self.wanted, self.got, self.remedy)


class DataError(MienError):
    """A file or table does not hold what it should."""


class OptionError(MienError):
    """A parameter has a value that it cannot have."""


class JobError(MienError):
    """Work that was planned could not be finished."""


def _rebuild(kind: type[MienError], subject: str, wanted: str, got: str, remedy: str) -> MienError:
    return kind(subject, wanted=wanted, got=got, remedy=remedy)
