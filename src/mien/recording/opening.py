"""The door of every reader: what is no readable file is refused, a library's error becomes one sentence.

A library's warning is never printed: what it warns of, the reader checks itself and refuses.
"""

from __future__ import annotations

import logging
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.core.errors import DataError, MienError

AGAIN = "record or export it again"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_LONGEST = 160  # letters of a library's message that are passed on


def file_size(path: Path, wanted: str, *, most: int | None = None) -> int:
    """The size in bytes of a regular, readable file that is not empty, checked without opening it.

    Raises
    ------
    DataError
        If it is absent, no regular file, empty, not readable for this user, or larger than `most` bytes.
    """
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or "an impossible name"
        raise DataError(path, wanted=wanted, got=got.lower(), remedy="check the path") from error
    for is_kind, name in _KINDS:
        if is_kind(state.st_mode):
            raise DataError(path, wanted=wanted, got=name, remedy="give the path of a file")
    if not state.st_size:
        raise DataError(path, wanted=wanted, got="an empty file", remedy=AGAIN)
    if not os.access(path, os.R_OK):
        raise DataError(
            path, wanted=wanted, got="no permission to read it", remedy="ask its owner for access"
        )
    if most is not None and state.st_size > most:
        got = f"{state.st_size} bytes"
        raise DataError(
            path, wanted=f"{wanted} of at most {most} bytes", got=got, remedy="split the recording"
        )
    return state.st_size


def first_bytes(path: Path, count: int) -> bytes:
    """Up to `count` bytes from the beginning of a file."""
    with open(path, "rb") as file:
        return file.read(count)


@contextmanager
def refusing(
    path: Path, wanted: str, *, remedy: str = AGAIN, loggers: tuple[str, ...] = (), private: bool = False
) -> Iterator[None]:
    """Turn whatever the block raises into a DataError that names the file.

    Parameters
    ----------
    path, wanted, remedy
        For the sentence.
    loggers
        Libraries' loggers that are silent meanwhile.
    private
        Whether the library's message may hold a person's data and is left out.
    """
    levels = [(logging.getLogger(name), logging.getLogger(name).level) for name in loggers]
    try:
        for logger, _ in levels:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ModuleNotFoundError:
        raise
    except MienError as error:
        if str(path) in error.subject or str(path.parent) in error.subject:
            raise
        got = f"{error.subject} with {error.got}"
        raise DataError(path, wanted=error.wanted, got=got, remedy=error.remedy) from error
    except Exception as error:
        raise DataError(path, wanted=wanted, got=_told(error, private), remedy=remedy) from error
    finally:
        for logger, level in levels:
            logger.setLevel(level)


def _told(error: Exception, private: bool) -> str:
    text = "" if private else " ".join(str(error).split())
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return f"one that cannot be read ({short.rstrip('.') or type(error).__name__})"
