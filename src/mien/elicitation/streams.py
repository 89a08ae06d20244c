"""Lab Streaming Layer: which streams there are, and all of the chosen ones into one XDF file.

A stream that goes away is waited for, and goes on under its number; `stream_recording` does the work.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien.core.errors import DataError
from mien.elicitation.clock import now_s
from mien.elicitation.stream_recording import FoundStream, StreamHealth, StreamRecording, found_stream
from mien.recording.formats import XdfWriter

__all__ = ["MARKERS", "FoundStream", "MarkerOutlet", "StreamHealth", "StreamRecorder", "find_streams"]

MARKERS = "mien-markers"
_STOP_S = 5.0


def find_streams(wait_s: float = 2.0) -> list[FoundStream]:
    """The streams that answer within `wait_s` seconds, by name; none where pylsl is not installed."""
    try:
        import pylsl
    except (ImportError, RuntimeError):
        return []
    now_s()  # sets the library up before its first word
    found = [found_stream(info) for info in pylsl.resolve_streams(wait_s)]
    return sorted(found, key=lambda stream: (stream.name, stream.source_id, stream.host))


class StreamRecorder:
    """Chosen streams into an XDF file, a thread for each.

    Parameters
    ----------
    path
        A file that does not exist yet; its folder is made where it is absent.
    streams
        From `find_streams`.
    """

    def __init__(self, path: Path, streams: Sequence[FoundStream]) -> None:
        self.path = path
        self.streams = tuple(streams)
        self._writer: XdfWriter | None = None
        self._recordings: list[StreamRecording] = []
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to record; DataError if the file cannot be made."""
        if self._writer is not None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            got = (error.strerror or "none").lower()
            raise DataError(
                self.path.parent, wanted="a folder to record to", got=got, remedy="check it"
            ) from error
        self._writer = XdfWriter(self.path)
        self._recordings = [StreamRecording(stream, self._writer, self._stopping) for stream in self.streams]
        for recording in self._recordings:
            recording.start()

    def stop(self) -> None:
        """Record what was sent so far and close the file; raises nothing, and waits for no stream."""
        self._stopping.set()
        end_s = now_s() + _STOP_S
        for recording in self._recordings:
            recording.join(max(0.0, end_s - now_s()))
        if self._writer is not None:
            try:
                self._writer.close()
            except DataError as error:
                for recording in self._recordings:
                    recording.error = recording.error or str(error)

    def health(self) -> list[StreamHealth]:
        """How every stream does, in their order."""
        return [recording.health() for recording in self._recordings]


class MarkerOutlet:
    """What happens in the session, as a Lab Streaming Layer stream of texts for others to record.

    Without pylsl nothing is sent, and `sending` is False.
    """

    def __init__(self, name: str = MARKERS) -> None:
        self._outlet: Any = None
        try:
            import pylsl
        except (ImportError, RuntimeError):
            return
        source = f"{name}-{socket.gethostname()}"
        self._outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0.0, "string", source))

    @property
    def sending(self) -> bool:
        """Whether there is a stream."""
        return self._outlet is not None

    def push(self, text: str, at_s: float) -> None:
        """Send a text with its time on the session's clock."""
        if self._outlet is not None:
            self._outlet.push_sample([text], at_s)

    def close(self) -> None:
        """End the stream."""
        self._outlet = None
