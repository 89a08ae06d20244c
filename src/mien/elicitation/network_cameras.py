"""Cameras on the network: by an address that FFmpeg opens (RTSP above all), or as an LSL stream."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.elicitation.camera_frame import CameraFrame, CounterByStamps
from mien.elicitation.clock import now_s

ADDRESSES = ("rtsp://", "rtsps://", "http://", "https://", "udp://", "tcp://")
OPEN_S, READ_S = 5.0, 5.0
"""How long a camera on the network may take to answer, and to send the next frame."""
_PROTOCOLS = "rtsp,rtp,rtcp,http,https,tls,tcp,udp,crypto"
_BYTES = 6  # Lab Streaming Layer's number of int8, and of the other formats that hold numbers:
_DTYPES = {1: "f4", 2: "f8", 4: "i4", 5: "i2", _BYTES: "i1", 7: "i8"}


class AddressCamera:
    """A camera that FFmpeg can open; frames are numbered by the stamps that the camera sends.

    Parameters
    ----------
    address
        Such as rtsp://user:password@host:554/stream; user and password are not shown to anyone.

    Raises
    ------
    DataError
        If nothing answers within 5 s, or what answers sends no video.
    """

    def __init__(self, address: str) -> None:
        import av

        self.name = _without_password(address)
        self._lock, self._closed = threading.Lock(), False
        options = {
            "rtsp_transport": "tcp",
            "fflags": "nobuffer",  # what came while it was being opened is not shown late
            "analyzeduration": "1000000",
            "protocol_whitelist": _PROTOCOLS,
        }
        self._asked_s = now_s()
        try:
            self._container: Any = av.open(address, options=options, timeout=(OPEN_S, READ_S))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._refusal("a camera that answers", error) from error
        try:
            if not self._container.streams.video:
                remedy = "check the address"
                raise DataError(self.name, wanted="a camera", got="something without video", remedy=remedy)
            stream = self._container.streams.video[0]
            stream.thread_count = 1
            self._frames, self._asked_s = self._container.decode(stream), now_s()
            self._first: Any = next(self._frames)
        except (av.FFmpegError, OSError, StopIteration) as error:
            self._container.close()
            raise self._refusal("a camera that sends pictures", error) from error
        except DataError:
            self._container.close()
            raise
        self.width, self.height = self._first.width, self._first.height
        rate = stream.average_rate or stream.guessed_rate
        self.rate_hz: float | None = float(rate) if rate else None
        self._counter = CounterByStamps(None)

    def read(self) -> CameraFrame | None:
        """The next frame; None when the sender ended; DataError when nothing comes for 5 s."""
        import av

        with self._lock:
            if self._closed:
                return None
            self._asked_s = now_s()
            try:
                frame = self._first if self._first is not None else next(self._frames)
            except (StopIteration, av.EOFError):
                return None
            except (av.FFmpegError, OSError) as error:
                raise self._refusal("the next frame", error) from error
            stamp_s, self._first = now_s(), None
            image = np.ascontiguousarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        return CameraFrame(image, stamp_s, self._counter.next(frame.time))

    def close(self) -> None:
        """Leave the camera, once a thread that reads has its frame or has waited long enough."""
        self._closed = True
        with self._lock:
            self._container.close()

    def _refusal(self, wanted: str, error: Exception) -> DataError:
        got = (getattr(error, "strerror", None) or "nothing").lower()
        if now_s() - self._asked_s > 0.95 * READ_S:  # FFmpeg has many names for a time-out
            got = f"nothing for {READ_S:g} s"
        return DataError(self.name, wanted=wanted, got=got, remedy="check that it is on, and its address")


class StreamCamera:
    """Frames sent as a Lab Streaming Layer stream: one sample a frame, a channel for every value.

    The stream's description states `width` and `height` (pixels); a sample holds height * width * 3 values of
    RGB, or height * width of grey, 0 to 255; as int8, the bytes of uint8. Frames are numbered by the stream's
    own stamps.

    Parameters
    ----------
    name
        The stream's name.
    wait_s
        How long it is looked for.

    Raises
    ------
    DataError
        If there is no such stream within that time, or its channels are no picture.
    """

    def __init__(self, name: str, *, wait_s: float = 5.0) -> None:
        import pylsl

        self.name = f"stream {name}"
        self._lock, self._closed = threading.Lock(), threading.Event()
        found = pylsl.resolve_byprop("name", name, 1, wait_s)
        if not found:
            remedy = "start its sender, or check the name"
            raise DataError(self.name, wanted="a stream of frames", got="none on the network", remedy=remedy)
        self._inlet: Any = pylsl.StreamInlet(found[0], max_buflen=10, recover=True)
        try:
            self._describe(self._inlet.info(wait_s))
            self._inlet.open_stream(wait_s)
        except (pylsl.util.TimeoutError, pylsl.util.LostError, RuntimeError) as error:
            remedy = "start its sender again"
            raise DataError(self.name, wanted="a stream of frames", got="no answer", remedy=remedy) from error
        self._counter = CounterByStamps(1 / self.rate_hz if self.rate_hz else None)

    def _describe(self, info: Any) -> None:
        stated = [info.desc().child_value(field) for field in ("width", "height")]
        sizes = [int(value) if value.isdecimal() else 0 for value in stated]
        self.width, self.height = sizes
        n_channels, self._form = info.channel_count(), info.channel_format()
        pixels = self.width * self.height
        if not pixels or n_channels not in (pixels, 3 * pixels) or self._form not in _DTYPES:
            got = f"{n_channels} channels for {self.width} x {self.height} pixels"
            wanted = "one value per pixel and colour, and width and height in the description"
            raise DataError(self.name, wanted=wanted, got=got, remedy="correct the sender")
        self._sample = np.zeros((1, n_channels), dtype=_DTYPES[self._form])
        self._shape = (self.height, self.width, n_channels // pixels)
        self.rate_hz: float | None = info.nominal_srate() or None

    def read(self) -> CameraFrame | None:
        """The next frame, waited for as long as the stream is there; DataError when its sender has gone."""
        import pylsl

        while not self._closed.is_set():
            with self._lock:
                if self._closed.is_set():
                    return None
                try:
                    _, sent_s = self._inlet.pull_chunk(0.2, 1, self._sample)
                except (pylsl.util.LostError, RuntimeError) as error:
                    remedy = "start its sender again"
                    raise DataError(self.name, wanted="frames", got="a lost stream", remedy=remedy) from error
                stamp_s = now_s()
            if len(sent_s):
                return CameraFrame(self._picture(), stamp_s, self._counter.next(float(sent_s[0])))
        return None

    def close(self) -> None:
        """Leave the stream."""
        self._closed.set()
        with self._lock:
            self._inlet.close_stream()

    def _picture(self) -> NDArray[np.uint8]:
        if self._form == _BYTES:
            picture = self._sample.view(np.uint8).reshape(self._shape).copy()
        else:
            picture = np.clip(np.rint(self._sample), 0, 255).astype(np.uint8).reshape(self._shape)
        return picture if self._shape[2] == 3 else np.repeat(picture, 3, axis=2)


def _without_password(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return f"{address.split(':', 1)[0]}://..."
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
