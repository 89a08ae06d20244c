"""XDF as it is recorded: streams, samples with their stamps, clock offsets and boundaries, chunk by chunk.

Conventions: stamps are seconds on the sending computer's clock, clock offsets what must be added to them to
be on the recorder's. A chunk is handed to the system in one piece, so that a recorder that is killed leaves
whole chunks and at most one that is cut, at the end: `repair_xdf` leaves that one out and closes the file.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.recording.formats.xdf_chunks import (
    BOUNDARY,
    DTYPES,
    HEADER,
    OFFSET,
    SAMPLES,
    STREAM,
    StreamTally,
    XdfStream,
    chunk_bytes,
    counted,
    footers,
    stated_stream,
)

_BOUNDARY_MARK = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
_ROOM = "free disk space, or choose another folder"


class XdfWriter:
    """An XDF file that grows while it is recorded; may be used by several threads.

    What was written stays readable whatever happens: after a write that failed the file ends with its last
    whole chunk.

    Parameters
    ----------
    path
        A file that does not exist yet; its folder does.

    Raises
    ------
    DataError
        If the file exists or cannot be made, here, or cannot be written to, by every other method.

    Examples
    --------
    >>> with XdfWriter(Path("streams.xdf")) as writer:
    ...     ecg = writer.add_stream(XdfStream("ecg", "ECG", "float32", ("ecg",), ("mV",), 200.0))
    ...     writer.samples(ecg, [1.0, 1.005], [[0.1], [0.2]])
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._streams: dict[int, StreamTally] = {}
        self._lock = threading.RLock()
        self._end = 0
        try:
            self._file: IO[bytes] | None = open(path, "xb", buffering=0)  # noqa: SIM115
        except OSError as error:
            remedy = "choose another name" if path.exists() else "check the folder"
            raise DataError(
                path, wanted="a new file", got=(error.strerror or "none").lower(), remedy=remedy
            ) from error
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        head = f'<?xml version="1.0"?><info><version>1.0</version><datetime>{now}</datetime></info>'
        self._append(b"XDF:" + chunk_bytes(HEADER, head.encode()))

    def __enter__(self) -> XdfWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def n_bytes(self) -> int:
        """Size of the file so far."""
        return self._end

    def add_stream(self, stream: XdfStream | str) -> int:
        """The number by which the other methods know a new stream.

        Parameters
        ----------
        stream
            What the header says, or the header's text itself, as a Lab Streaming Layer inlet gives it.

        Raises
        ------
        OptionError
            If the header states no known format, no channel or an impossible rate.
        """
        text = stream.xml() if isinstance(stream, XdfStream) else stream
        written = stated_stream(self.path, text)
        with self._lock:
            number = len(self._streams) + 1
            self._append(chunk_bytes(STREAM, struct.pack("<I", number) + text.encode()))
            self._streams[number] = written
        return number

    def samples(self, stream: int, stamps_s: ArrayLike, values: ArrayLike | Sequence[Sequence[str]]) -> None:
        """Append samples in one chunk.

        Parameters
        ----------
        stamps_s
            Shape (n_samples,), seconds on the sender's clock.
        values
            Shape (n_samples, n_channels): numbers, or texts in a stream of texts.

        Raises
        ------
        OptionError
            If the shapes do not fit the stream.
        """
        stamps = np.asarray(stamps_s, dtype=np.float64).reshape(-1)
        if not stamps.size:
            return
        written = self._streams[stream]
        content = _texts(stamps, values, written) if written.value_format == "string" else None
        if content is None:
            content = _numbers(stamps, values, written)
        with self._lock:
            self._append(chunk_bytes(SAMPLES, struct.pack("<I", stream) + counted(stamps.size) + content))
            written.saw(stamps)

    def clock_offset(self, stream: int, at_s: float, offset_s: float) -> None:
        """Append a measurement of the sender's clock.

        Parameters
        ----------
        at_s
            When it was taken, on the recorder's clock; the file holds it on the sender's.
        offset_s
            What must be added to the sender's stamps.
        """
        with self._lock:
            taken = (at_s - offset_s, offset_s)
            self._append(chunk_bytes(OFFSET, struct.pack("<Idd", stream, *taken)))
            self._streams[stream].offsets.append(taken)

    def boundary(self) -> None:
        """Append a mark from which readers can go on after damage; every 10 s is usual."""
        with self._lock:
            self._append(chunk_bytes(BOUNDARY, _BOUNDARY_MARK))

    def close(self) -> None:
        """Write the footers of all streams and close the file; nothing the second time."""
        with self._lock:
            if self._file is None:
                return
            try:
                self._append(footers(self._streams))
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._refusal(error) from error
            finally:
                if self._file is not None:
                    self._file.close()
                self._file = None

    def _append(self, chunk: bytes) -> None:
        """All of a chunk, or nothing: what did not fit is cut off again and the file closed."""
        with self._lock:
            if self._file is None:
                got = "one that is closed"
                raise DataError(self.path, wanted="an open recording", got=got, remedy="begin a new one")
            try:
                left = memoryview(chunk)
                while left:
                    left = left[self._file.write(left) :]
            except OSError as error:
                file, self._file = self._file, None
                try:
                    file.truncate(self._end)
                    file.close()
                except OSError:
                    pass  # a disk that has gone: repair_xdf does the same from what is left
                raise self._refusal(error) from error
            self._end += len(chunk)

    def _refusal(self, error: OSError) -> DataError:
        got = (error.strerror or "no room").lower()
        return DataError(self.path, wanted="room to record", got=got, remedy=_ROOM)


def _numbers(stamps: NDArray[np.float64], values: Any, written: StreamTally) -> bytes:
    shape = (stamps.size, written.n_channels)
    found = np.asarray(values)
    if found.shape != shape:
        raise OptionError("samples", wanted=f"shape {shape}", got=found.shape, remedy="give one row a stamp")
    layout = np.dtype([("mark", "u1"), ("stamp", "<f8"), ("values", DTYPES[written.value_format], shape[1:])])
    rows = np.empty(stamps.size, dtype=layout)
    rows["mark"], rows["stamp"], rows["values"] = 8, stamps, found
    return rows.tobytes()


def _texts(stamps: NDArray[np.float64], values: Any, written: StreamTally) -> bytes:
    if len(values) != stamps.size or any(len(row) != written.n_channels for row in values):
        wanted = f"{stamps.size} rows of {written.n_channels} texts"
        raise OptionError("samples", wanted=wanted, got=f"{len(values)} rows", remedy="give one row a stamp")
    parts: list[bytes] = []
    for at, row in zip(stamps.tolist(), values, strict=True):
        parts.append(struct.pack("<Bd", 8, at))
        for text in row:
            letters = text.encode()
            parts += [counted(len(letters)), letters]
    return b"".join(parts)
