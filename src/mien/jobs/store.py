"""The store of finished jobs: content-addressed, checked on reading, safe to share between processes.

A finished job is a folder `<key[:2]>/<key>` with `address.json`, `result.json`, `arrays.npz` and, written
last and atomically, `done.json` with the SHA-256 of the others. A folder without `done.json` counts as
absent. Whoever computes a job holds an operating-system lock on `claims/<key>`, which a killed
process gives up by dying: two coordinators on one store never commit a job twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import Json, canonical_json, write_atomically
from mien.jobs.plan import Job, Output

_LEFTOVER_S = 3600.0
_FILES = ("address.json", "result.json", "arrays.npz")


class Store:
    """A folder of finished jobs.

    Raises
    ------
    DataError
        If the folder cannot be made or is not writable.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        try:
            (self.root / "claims").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                root,
                wanted="a folder that can be written",
                got=error.strerror or "an error",
                remedy="name another folder with --out",
            ) from error

    def folder(self, key: str) -> Path:
        """Where the job with this key keeps its files."""
        return self.root / key[:2] / key

    def read(
        self, key: str, *, without: Collection[str] = ()
    ) -> dict[str, Json | NDArray[np.generic]] | None:
        """The job's output, or None where it is absent, unfinished or damaged.

        Arrays named in `without` are checked, but not returned.
        """
        folder = self.folder(key)
        try:
            done = json.loads((folder / "done.json").read_bytes())
            content = {name: (folder / name).read_bytes() for name in _FILES}
        except (OSError, ValueError):
            return None
        if any(hashlib.sha256(content[name]).hexdigest() != done["sha256"].get(name) for name in _FILES):
            return None
        output: dict[str, Json | NDArray[np.generic]] = json.loads(content["result.json"])
        with np.load(io.BytesIO(content["arrays.npz"]), allow_pickle=False) as arrays:
            output.update({name: arrays[name] for name in arrays.files if name not in without})
        return output

    def wall_s(self, key: str) -> float | None:
        """Seconds the job took when it was computed; None where it is not done."""
        try:
            return float(json.loads((self.folder(key) / "done.json").read_bytes())["wall_s"])
        except (OSError, ValueError, KeyError):
            return None

    def commit(self, job: Job, output: Output, *, wall_s: float) -> None:
        """Write the job's output; call only while holding its claim."""
        folder = self.folder(job.key)
        # A damaged earlier entry loses its marker first, so that no mixture can pass for whole.
        (folder / "done.json").unlink(missing_ok=True)
        arrays = {name: value for name, value in output.items() if isinstance(value, np.ndarray)}
        values = {name: value for name, value in output.items() if name not in arrays}
        content = {
            "address.json": canonical_json(dict(job.address)),
            "result.json": canonical_json(values),
            "arrays.npz": _npz(arrays),
        }
        for name, data in content.items():
            write_atomically(folder / name, data)
        marker = {"wall_s": wall_s, "sha256": {n: hashlib.sha256(d).hexdigest() for n, d in content.items()}}
        write_atomically(folder / "done.json", canonical_json(marker))

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Hold the job's lock for the length of the block; yields False if another process holds it."""
        with open(self.root / "claims" / key, "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True  # closing the file releases the lock

    def quarantine(self, job: Job, log: str) -> Path:
        """Keep what is known of a job that failed for good, and return the log's path."""
        path = self.root / "quarantine" / f"{job.key[:16]}.log"
        write_atomically(
            path, f"{job.name}\n{canonical_json(dict(job.address)).decode()}\n\n{log}\n".encode()
        )
        return path

    def sweep(self) -> int:
        """Remove temporary files that killed writers left behind over an hour ago; returns how many."""
        old = time.time() - _LEFTOVER_S  # a younger one may be another coordinator's, still being written
        leftovers = [p for p in self.root.rglob(".*.part") if p.is_file() and p.stat().st_mtime < old]
        for path in leftovers:
            with contextlib.suppress(OSError):
                os.unlink(path)
        return len(leftovers)


def _npz(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()
