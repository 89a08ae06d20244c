"""Clips out of a long film: the very frames of each span, with their times, and the sound beside them.

A frame belongs to a clip if it is first shown within it, [start_s, end_s) of the film's own presentation
times. Clips are coded without loss from the decoded planes: their luma is the film's to the last grey level.
Every frame keeps its distance in time from the clip's first one, so that a film of uneven rate stays one.
Pictures and sound of a film are decoded once each, whatever the number of clips, in memory that does not
grow with the film's length.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.time import FloatArray, Interval
from mien.recording.formats.containers import check_container
from mien.recording.formats.video import OPENING, STRICTLY, _decoded
from mien.recording.opening import AGAIN, file_size, refusing
from mien.recording.whole_file import make_final, unfinished_name

TICKS_HZ = 90_000
AT_ONCE_S = 5e-6
"""Tables give times to the microsecond: a frame so little before a span's end belongs to the next one."""

_KEPT = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")
_LATE_S = 0.005  # of a packet of sound, whose stamps are rounded to a millisecond

Watch = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class CutSound:
    """The sound of a clip: channels in the film, seconds of the film that it was heard in, and gaps within.

    What lies within the clip and outside of `heard`, or in a gap, is written as digital silence.
    """

    n_channels: int
    channel: int
    rate_hz: int
    heard: Interval | None
    gaps_s: float


def cut_video(
    path: Path, spans: Sequence[Interval], targets: Sequence[Path], *, watch: Watch = lambda at_s: None
) -> list[FloatArray]:
    """Write one .mp4 per span, and return when each of its frames is shown in the film, (n_frames,) each.

    Spans may overlap. `watch` is told the time reached. Decoding stops after the last span.

    Raises
    ------
    DataError
        If the film cannot be decoded up to there, or a span holds no frame.
    """
    clips = [_Clip(span, target) for span, target in zip(spans, targets, strict=True)]
    last_s = max((span.end_s for span in spans), default=-math.inf)
    decoded = _decoded(path)
    try:
        for at, frame in decoded:
            if at >= last_s - AT_ONCE_S:
                break
            for clip in clips:
                clip.take(at, frame)
            watch(at)
        for clip in clips:
            if not clip.times:
                raise DataError(
                    path,
                    wanted=f"frames from {clip.span.start_s:g} to {clip.span.end_s:g} s",
                    got="none",
                    remedy="correct the clip's times",
                )
            clip.finish()
    finally:
        decoded.close()  # type: ignore[attr-defined]
        for clip in clips:
            clip.discard()
    return [np.array(clip.times) for clip in clips]


@dataclass
class _Clip:
    """One clip while it is written."""

    span: Interval
    target: Path
    times: list[float] = field(default_factory=list)
    container: Any = None
    unfinished: Path | None = None

    def take(self, at: float, frame: Any) -> None:
        """Write a frame of the film if it belongs to the clip; close the clip after its last one."""
        if at >= self.span.end_s - AT_ONCE_S:
            self.finish()
        elif at >= self.span.start_s - AT_ONCE_S:
            if self.container is None:
                self._open(frame)
            self.times.append(at)
            picture = _plain(frame, self.stream.pix_fmt)
            picture.pts = round((at - self.times[0]) * TICKS_HZ)
            picture.time_base = Fraction(1, TICKS_HZ)
            self.container.mux(self.stream.encode(picture))

    def _open(self, frame: Any) -> None:
        import av

        self.unfinished = unfinished_name(self.target)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        options = {"fflags": "+bitexact"}
        self.container = av.open(str(self.unfinished), "w", format="mp4", options=options)
        coding = {"preset": "ultrafast", "qp": "0", "bf": "0", "flags": "+bitexact"}
        stream: Any = self.container.add_stream("libx264", rate=TICKS_HZ, options=coding)
        turned = round(frame.rotation / 90) % 2
        stream.width, stream.height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        even = frame.width % 2 == 0 and frame.height % 2 == 0
        kept = frame.format.name in _KEPT and even and not frame.rotation
        stream.pix_fmt = frame.format.name if kept else "yuv444p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, TICKS_HZ)
        stream.codec_context.gop_size = 25
        stream.codec_context.thread_count = 1
        stream.codec_context.color_range = frame.color_range
        self.stream = stream

    def finish(self) -> None:
        """Give the clip its name."""
        if self.container is not None and self.unfinished is not None:
            self.container.mux(self.stream.encode(None))
            self.container.close()
            make_final(self.unfinished, self.target)
            self.container = None

    def discard(self) -> None:
        """Throw away what was not finished."""
        if self.container is not None:
            self.container.close()
            self.container = None
        if self.unfinished is not None:
            self.unfinished.unlink(missing_ok=True)


def _plain(frame: Any, pixels: str) -> Any:
    """The frame's own planes, or its picture turned upright, as a frame that may be coded."""
    import av

    if frame.rotation:
        rgb = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    picture = frame if frame.format.name == pixels else frame.reformat(format=pixels)
    picture.pict_type = av.video.frame.PictureType.NONE  # the film's own kinds of pictures mean nothing here
    return picture


def cut_sound(
    path: Path, spans: Sequence[Interval], targets: Sequence[Path], *, channels: Sequence[int]
) -> list[CutSound] | None:
    """Write one channel of each span as 16-bit WAV; None where the film has no sound.

    Parameters
    ----------
    spans
        From a clip's first frame to the end of its last one.
    channels
        Which channel of the film each takes, from 0.

    Raises
    ------
    DataError
        If the sound cannot be decoded, or has no such channel.
    """
    check_container(path, file_size(path, "a film"))
    with refusing(path, "a film with sound"):
        import av

        with av.open(f"file:{path}", options=OPENING) as container:
            if not container.streams.audio:
                return None
            stream: Any = container.streams.audio[0]
            if stream.codec_context is None:
                raise DataError(path, wanted="a known kind of sound", got="another", remedy=AGAIN)
            stream.thread_count = 1
            stream.codec_context.options = STRICTLY
            rate, n = int(stream.rate), int(stream.layout.nb_channels)
            if max(channels, default=0) >= n:
                raise DataError(
                    path, wanted=f"a channel up to {n}", got=max(channels) + 1, remedy="correct the table"
                )
            sounds = [
                _Sound(span, target, rate, channel)
                for span, target, channel in zip(spans, targets, channels, strict=True)
            ]
            _decode_sound(container, stream, sounds)
    return [CutSound(n, sound.channel, rate, sound.heard(), sound.missing_s()) for sound in sounds]


def _decode_sound(container: Any, stream: Any, sounds: Sequence[_Sound]) -> None:
    import av

    rate, at_s = stream.rate, 0.0
    last_s = max(sound.span.end_s for sound in sounds)
    resampler = av.AudioResampler(format="dblp", layout=stream.layout, rate=rate)
    for frame in container.decode(stream):
        stamp = at_s if frame.pts is None else float(frame.pts * frame.time_base)
        at_s = stamp if abs(stamp - at_s) > _LATE_S else at_s
        if at_s >= last_s:
            break
        for part in resampler.resample(frame):
            samples = np.asarray(part.to_ndarray(), dtype=np.float64)
            for sound in sounds:
                sound.take(at_s, samples)
            at_s += samples.shape[1] / rate
    for sound in sounds:
        sound.write()


@dataclass
class _Sound:
    """The sound of one clip while it is gathered; its samples are held only until it is complete."""

    span: Interval
    target: Path
    rate: int
    channel: int
    samples: NDArray[np.int16] | None = None
    known: NDArray[np.bool_] | None = None
    bounds: tuple[int, int, int] | None = None

    @property
    def size(self) -> int:
        """Number of samples."""
        return max(1, round(self.span.duration_s * self.rate))

    def take(self, at_s: float, samples: NDArray[np.float64]) -> None:
        """Keep what of these samples (n_channels, n) lies within the clip."""
        if self.bounds is not None and self.samples is None:
            return
        first = round((at_s - self.span.start_s) * self.rate)
        if first >= self.size and self.samples is not None:
            self.write()
        low, high = max(first, 0), min(first + samples.shape[1], self.size)
        if high <= low:
            return
        if self.samples is None or self.known is None:
            self.samples = np.zeros(self.size, dtype=np.int16)
            self.known = np.zeros(self.size, dtype=np.bool_)
        part = np.clip(samples[self.channel, low - first : high - first], -1.0, 1.0)
        self.samples[low:high] = np.rint(part * 32767)
        self.known[low:high] = True

    def write(self) -> None:
        """Write the clip's sound and let go of it; nothing where none was heard."""
        if self.samples is None or self.known is None:
            return
        heard = np.flatnonzero(self.known)
        self.bounds = int(heard[0]), int(heard[-1]) + 1, int(heard.size)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(self.target), "wb") as file:
            file.setparams((1, 2, self.rate, 0, "NONE", ""))
            file.writeframes(self.samples.astype("<i2").tobytes())
        self.samples = self.known = None

    def heard(self) -> Interval | None:
        """Seconds of the film from the first to the last sample; None where there is none."""
        if self.bounds is None:
            return None
        start = self.span.start_s
        return Interval(start + self.bounds[0] / self.rate, start + self.bounds[1] / self.rate)

    def missing_s(self) -> float:
        """Seconds without a sample between the first and the last."""
        if self.bounds is None:
            return 0.0
        first, last, known = self.bounds
        return (last - first - known) / self.rate
