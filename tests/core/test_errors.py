"""An error is one sentence with four parts, on either side of a process border."""

from __future__ import annotations

from mien.core import DataError
from mien.core.errors import MienError


def test_one_sentence():
    error = DataError("a.csv", wanted="a column", got="none", remedy="add it")
    assert str(error) == "a.csv: wanted a column, got none; add it."
    assert isinstance(error, MienError)


def test_crosses_process_borders():
    from multiprocessing.reduction import ForkingPickler

    error = DataError("a.csv", wanted="a column", got=3, remedy="add it")
    copy = ForkingPickler.loads(bytes(ForkingPickler.dumps(error)))
    assert (type(copy), str(copy)) == (DataError, str(error))
