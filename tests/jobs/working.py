"""Functions that jobs in these tests run; importable by name, as workers need."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from mien.core import DataError


def square(context, *, n):
    """The square of n, leaving a trace of having been computed."""
    trace(context, n)
    return {"n": n, "square": np.array([n * n], dtype=np.float64)}


def slow_square(context, *, n):
    """Like `square`, slow enough to be interrupted."""
    time.sleep(0.15)
    return square(context, n=n)


def poison(context, *, n):
    """Kills its own worker on 2, raises on 3."""
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if n == 3:
        raise ValueError("three is not to be had")
    return square(context, n=n)


def dies_once(context, *, n):
    """Kills its worker the first time it is called for each n."""
    marker = Path(context) / f"died-{n}"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(context, n=n)


class SlowToRead:
    """A folder that takes half a second to arrive in another process, and leaves a mark of it there."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return _slowly, (self.folder,)

    def __truediv__(self, name):
        return Path(self.folder) / name


def _slowly(folder):
    (Path(folder) / f"reads-{os.getpid()}").touch()
    time.sleep(0.5)
    return SlowToRead(folder)


class NoModuleElsewhere:
    """Of a module that no other process has."""

    def __reduce__(self):
        return _imported_unless, (os.getpid(),)


def _imported_unless(pid):
    if os.getpid() != pid:
        raise ModuleNotFoundError("No module named 'not_there'")
    return NoModuleElsewhere()


class KillsItsReader:
    """No process but this one (where a test's scheduler is too) can read it and live."""

    def __reduce__(self):
        return _dies_unless, (os.getpid(),)


def _dies_unless(pid):
    if os.getpid() != pid:
        os.kill(os.getpid(), signal.SIGKILL)
    return KillsItsReader()


def leaves_mark(context, *, n):
    """Leaves a mark in a folder that is slow to read."""
    (context / f"computed-{n}").touch()
    return {"n": n, "square": np.array([n * n], dtype=np.float64)}


def refuses(context, *, n):
    """Explains why it cannot work."""
    raise DataError(f"number {n}", wanted="an even one", got=n, remedy="choose another")


def prints(context, *, n):
    """Writes to a pipe that nobody reads any more."""
    raise BrokenPipeError(32, "Broken pipe")


def threads(context, *, n):
    """How many threads numeric libraries may use in the worker."""
    from threadpoolctl import threadpool_info

    return {"most": max([pool["num_threads"] for pool in threadpool_info()], default=1)}


def trace(context, n):
    """Append one character to the count of computations of n."""
    with open(Path(context) / f"computed-{n}", "a") as file:
        file.write("x")
