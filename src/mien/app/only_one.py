"""One server at a time: a lock that its process gives up by dying, and a word for whoever comes second."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mien.core.errors import DataError

StateAddress = Callable[[str], None]
"""Says at which address the holder of a lock answers."""


@contextlib.contextmanager
def only_one(lock: Path, subject: Path, wanted: str, address: str = "") -> Iterator[StateAddress]:
    """Hold a lock; yields what states the address once it is known.

    Parameters
    ----------
    lock
        The lock's file; its folder is made where it is absent.
    subject, wanted
        What the lock protects, and the words of the refusal, as in "no other bench on this study".

    Raises
    ------
    DataError
        If another process holds it; the sentence names its address.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "a+", encoding="utf-8") as file:

        def state(known: str) -> None:
            file.truncate(0)
            file.write(json.dumps({"address": known, "process": os.getpid()}))
            file.flush()

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise DataError(
                subject,
                wanted=wanted,
                got=f"one at {_stated(file.read())}",
                remedy="use that one, or stop it first",
            ) from None
        if address:
            state(address)
        try:
            yield state
        finally:
            file.truncate(0)


def _stated(text: str) -> str:
    try:
        return str(json.loads(text)["address"])
    except (ValueError, KeyError, TypeError):
        return "an unknown address"
