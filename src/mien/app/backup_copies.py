"""Dated copies of the store, as a nightly job makes them: `mien code STUDY --backup FOLDER`."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from mien.coding.store import CodingStore

_COPY = re.compile(r"bench-\d{8}-\d{6}(-\d+)?\.(sqlite|jsonl\.gz)")


def write_copy(store: CodingStore, folder: Path, *, keep: int, now: datetime | None = None) -> Path:
    """Write a copy named by date and time, then remove the oldest beyond `keep`; returns where it is.

    Nothing is removed before the new copy is whole and on disk. Other files in the folder are left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"bench-{now or datetime.now():%Y%m%d-%H%M%S}"
    ending = "sqlite" if store.embedded else "jsonl.gz"
    path = folder / f"{stem}.{ending}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.{ending}"
    store.backup(path)
    copies = sorted(
        (p for p in folder.iterdir() if _COPY.fullmatch(p.name)), key=lambda p: p.stat().st_mtime_ns
    )
    for old in copies[: max(0, len(copies) - keep)]:
        old.unlink()
    return path
