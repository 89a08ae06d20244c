"""A file under its final name is whole: writers fill a temporary one beside it and rename it at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def unfinished_name(path: Path) -> Path:
    """A new, empty temporary file in the folder of `path`, which is made where it is absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    return Path(name)


def make_final(unfinished: Path, path: Path) -> None:
    """Flush a temporary file to disk and give it its final name."""
    with open(unfinished, "rb+") as file:
        os.fsync(file.fileno())
    unfinished.chmod(0o644)
    os.replace(unfinished, path)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to; `path` appears when the block ends, and not at all when it raises."""
    unfinished = unfinished_name(path)
    try:
        yield unfinished
        make_final(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
