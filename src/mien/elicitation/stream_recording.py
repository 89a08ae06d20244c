"""One Lab Streaming Layer stream into an XDF file: a thread that pulls samples and measures a clock.

Conventions: stamps in the file are the sender's own, with the measured offsets of its clock beside them, as
`mien.recording.formats.xdf_writing` says.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mien.core.errors import MienError
from mien.elicitation.clock import now_s
from mien.recording.formats import XdfWriter

_PULL_S = 0.05  # between two looks at a stream
_OFFSET_S = 5.0  # between two measurements of a clock
_BOUNDARY_S = 10.0
_ANSWER_S = 1.0  # what a sender gets for an answer; a stop waits no longer for it
_LAST_S = 0.2  # for samples that were sent before the stop
_RATE_OVER_S = 10.0
_AWAY_S = 2.0
_LEAST_S = 2.0  # of samples before a rate is told
_MOST_SAMPLES = 4096  # in one chunk
_DTYPES = {1: "f4", 2: "f8", 4: "i4", 5: "i2", 6: "i1", 7: "i8"}


@dataclass(frozen=True, slots=True)
class FoundStream:
    """A stream on the network; `rate_hz` is stated, 0 for samples that come irregularly."""

    name: str
    kind: str
    n_channels: int
    rate_hz: float
    source_id: str
    host: str
    info: Any = field(default=None, repr=False, compare=False)
    """Lab Streaming Layer's own description, by which the stream is opened."""


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """How the recording of a stream does.

    Parameters
    ----------
    name, kind, stated_hz
        As found.
    n_samples
        Recorded so far.
    rate_hz
        By the stamps of the last 10 s; None before 2 s have come, and for irregular samples.
    age_s
        How long ago the last sample arrived; None before the first, and for irregular samples.
    error
        One sentence while the stream is not there, or cannot be recorded.
    """

    name: str
    n_samples: int
    rate_hz: float | None
    age_s: float | None
    error: str | None
    kind: str = ""
    stated_hz: float = 0.0


def found_stream(info: Any) -> FoundStream:
    return FoundStream(
        info.name(),
        info.type(),
        info.channel_count(),
        info.nominal_srate(),
        info.source_id(),
        info.hostname(),
        info,
    )


class StreamRecording:
    """The recording of one stream: a thread from `start` until `stopping` is set."""

    def __init__(self, stream: FoundStream, writer: XdfWriter, stopping: threading.Event) -> None:
        self._stream, self._writer, self._stopping = stream, writer, stopping
        self._thread = threading.Thread(target=self._record, name=f"stream {stream.name}", daemon=True)
        self._number: int | None = None
        self._form = 0
        self._room: np.ndarray[Any, Any] | None = None
        self._n_samples = 0
        self._arrived_s: float | None = None
        self._spans: deque[tuple[float, float, int]] = deque()  # first and last stamp, number of samples
        self.error: str | None = None

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def health(self) -> StreamHealth:
        stated_hz = self._stream.rate_hz
        regular = stated_hz > 0 and self._arrived_s is not None
        age_s = max(0.0, now_s() - (self._arrived_s or 0.0)) if regular else None
        error = self.error
        if error is None and age_s is not None and age_s > max(_AWAY_S, 5.0 / stated_hz):
            error = f"{self._stream.name}: wanted samples, got none for {age_s:.0f} s; check its sender."
        rate_hz = self._rate_hz() if stated_hz > 0 else None
        return StreamHealth(
            self._stream.name, self._n_samples, rate_hz, age_s, error, self._stream.kind, stated_hz
        )

    def _rate_hz(self) -> float | None:
        spans = list(self._spans)
        if not spans or spans[-1][1] - spans[0][0] < _LEAST_S:
            return None
        return (sum(n for _, _, n in spans) - 1) / (spans[-1][1] - spans[0][0])

    def _record(self) -> None:
        import pylsl

        info = self._stream.info
        while not self._stopping.is_set():
            try:
                self._follow(pylsl.StreamInlet(info, max_buflen=360, recover=True))
                return
            except (pylsl.util.LostError, pylsl.util.TimeoutError):
                self._say("wanted samples, got a stream that has gone; start its sender again.")
            except MienError as error:
                self.error = str(error)
                return
            except Exception as error:  # whatever the library raises: the other streams go on
                self._say(f"wanted samples, got {error}; start its sender again.")
            info = self._found_again() or info

    def _say(self, sentence: str) -> None:
        self.error = f"{self._stream.name}: {sentence}"

    def _found_again(self) -> Any:
        """The same stream once it is back; None when the recording stops first."""
        import pylsl

        wanted = self._stream
        while not self._stopping.wait(_PULL_S):
            for info in pylsl.resolve_byprop("name", wanted.name, 1, _ANSWER_S):
                found = found_stream(info)
                same = (found.kind, found.n_channels, found.source_id) == (
                    wanted.kind,
                    wanted.n_channels,
                    wanted.source_id,
                )
                if same and info.channel_format() == wanted.info.channel_format():
                    return info
        return None

    def _follow(self, inlet: Any) -> None:
        """Record one connection until the stop; LostError when it breaks for good."""
        import pylsl

        if self._number is None:
            self._describe(inlet.info(_ANSWER_S))
        inlet.open_stream(_ANSWER_S)
        measured_s = bounded_s = -np.inf
        while not self._stopping.is_set():
            if now_s() - measured_s >= _OFFSET_S:
                with suppress(pylsl.util.TimeoutError):  # a stream that is away, which others tell
                    self._writer.clock_offset(self._id, now_s(), inlet.time_correction(_ANSWER_S))
                measured_s = now_s()
            if now_s() - bounded_s >= _BOUNDARY_S:
                self._writer.boundary()
                bounded_s = now_s()
            self._take(inlet)
            self._stopping.wait(_PULL_S)
        threading.Event().wait(_LAST_S)
        self._take(inlet)
        inlet.close_stream()

    @property
    def _id(self) -> int:
        assert self._number is not None
        return self._number

    def _describe(self, info: Any) -> None:
        """The stream's header, with its whole description."""
        self._form = info.channel_format()
        if self._form in _DTYPES:
            self._room = np.empty((_MOST_SAMPLES, self._stream.n_channels), dtype=_DTYPES[self._form])
        self._number = self._writer.add_stream(info.as_xml())

    def _take(self, inlet: Any) -> None:
        """Everything that waits, into the file."""
        while True:
            texts, stamps = inlet.pull_chunk(0.0, _MOST_SAMPLES, self._room)
            if not len(stamps):
                return
            values = texts if self._room is None else self._room[: len(stamps)]
            self._writer.samples(self._id, stamps, values)
            self.error = None
            self._n_samples += len(stamps)
            self._arrived_s = now_s()
            first, last = float(stamps[0]), float(stamps[-1])
            if self._spans and not 0 <= first - self._spans[-1][1] < _LEAST_S:
                self._spans.clear()  # it was away, or its clock began anew
            self._spans.append((first, last, len(stamps)))
            while last - self._spans[0][1] > _RATE_OVER_S:
                self._spans.popleft()
