"""Result records, their identity, and files that are either whole or absent.

Conventions: identity is the SHA-256 of canonical JSON (sorted keys, no spaces, NaN written as null);
a record's identity leaves out its `run` block, which holds times and machine.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

RECORD_FORMAT = 1


def to_json(value: object) -> Json:
    """The value as plain JSON types: NaN and infinities become null, numpy scalars and arrays Python's own.

    Raises TypeError for anything that has no JSON form.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [to_json(item) for item in value]
    raise TypeError(f"no JSON form for {type(value).__name__}")


def canonical_json(value: object) -> bytes:
    """The one spelling of a value on which digests are taken."""
    text = json.dumps(
        to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits.

    Examples
    --------
    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(canonical_json(value)).hexdigest()


def digest_arrays(*arrays: NDArray[np.generic]) -> str:
    """SHA-256 over dtype, shape and little-endian bytes of arrays, in order."""
    total = hashlib.sha256()
    for array in arrays:
        whole = np.ascontiguousarray(array)
        little = whole.astype(whole.dtype.newbyteorder("<"), copy=False)
        total.update(f"{little.dtype.str}{little.shape}".encode())
        total.update(little.tobytes())
    return total.hexdigest()


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that its name holds either the old content or all of the new one.

    A temporary file in the same folder is written, flushed to disk and renamed over the target. A new file
    has the given mode, a replaced one keeps its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, path.stat().st_mode & 0o777 if path.is_file() else mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut; Windows has no handle for a folder.
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a record names: what it shows and of whom, so that consent can decide over it."""

    path: str
    shows: str  # "face", "voice" or "trace"
    participants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """Everything one run said, so that every table and figure can be derived from this alone.

    `samples` maps column names to equally long lists: at least `sample_id`, `subject_id`, `dataset`,
    `reference` and `estimate`. `participants` maps each participant to a consent level or None
    (unknown, the strictest). `run` is outside the identity: start, wall time, workers, machine.
    """

    task: str
    method: dict[str, Json]
    protocol: dict[str, Json]
    split: dict[str, Json]
    seed: int
    dataset: dict[str, Json]
    participants: dict[str, int | None]
    samples: dict[str, list[Json]]
    scores: dict[str, Json]
    versions: dict[str, str]
    warnings: list[str] = field(default_factory=list)
    artefacts: tuple[Artefact, ...] = ()
    run: dict[str, Json] = field(default_factory=dict)

    def content(self) -> dict[str, Json]:
        """The record without its `run` block, as JSON types."""
        whole = to_json({**asdict(self), "record_format": RECORD_FORMAT})
        assert isinstance(whole, dict)
        whole.pop("run")
        return whole

    @property
    def identity(self) -> str:
        """SHA-256 of the content; equal for equal runs on any number of workers."""
        return digest(self.content())

    def write(self, folder: Path) -> Path:
        """Write `<method>-<protocol>-<identity>.json` into the folder and return its path."""
        name = f"{self.method['name']}-{self.protocol['name']}-{self.identity[:12]}.json"
        whole = {**self.content(), "run": to_json(self.run), "identity": self.identity}
        write_atomically(folder / name, json.dumps(whole, indent=1, sort_keys=True, allow_nan=False).encode())
        return folder / name


def read_record(path: Path) -> ResultRecord:
    """Read a record and check it against its own identity.

    Raises
    ------
    DataError
        If the file is absent, is not a record of this format, or was changed after it was written.
    """
    remedy = "give the path of a record that mien wrote, or run the evaluation again"
    try:
        whole = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            path, wanted="a readable result record", got=error.strerror or "an error", remedy=remedy
        ) from error
    except ValueError as error:
        raise DataError(
            path, wanted="a result record in JSON", got="something else", remedy=remedy
        ) from error
    if not isinstance(whole, dict) or whole.get("record_format") != RECORD_FORMAT:
        raise DataError(
            path,
            wanted=f"a result record of format {RECORD_FORMAT}",
            got="another kind of file",
            remedy=remedy,
        )
    identity = whole.pop("identity", None)
    try:
        record = _record_of(whole)
    except (TypeError, KeyError, AttributeError) as error:
        raise DataError(
            path, wanted="every field of a result record", got=str(error), remedy=remedy
        ) from error
    if identity != record.identity:
        raise DataError(
            path,
            wanted=f"content with identity {str(identity)[:12]}",
            got=record.identity[:12],
            remedy="the file was changed after it was written; run the evaluation again",
        )
    return record


def _record_of(whole: dict[str, Json]) -> ResultRecord:
    fields = {key: value for key, value in whole.items() if key != "record_format"}
    artefacts = fields.pop("artefacts")
    assert isinstance(artefacts, list)
    named = tuple(Artefact(a["path"], a["shows"], tuple(a["participants"])) for a in artefacts)  # type: ignore
    return ResultRecord(artefacts=named, **fields)  # type: ignore[arg-type]
