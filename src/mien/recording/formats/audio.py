"""Sound: wav and flac by libsndfile, the sound track of a video by FFmpeg.

Samples lie between -1 and 1, full scale of the recorder; no file states a sound pressure. Channels are never
mixed: where there are several, one is asked for.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.recording.formats.containers import check_container
from mien.recording.formats.video import OPENING, STRICTLY
from mien.recording.opening import AGAIN, file_size, first_bytes, refusing

SOUND_SUFFIXES = (".wav", ".flac")
_WANTED = "a sound recording"
_LEFT_OPEN = 0xFFFFFFFF  # the size of a chunk that a recorder did not fill in
_MOST_LATE_S = 0.005  # of a packet's stamp, which containers round to a millisecond
_MOST_SAMPLES = 2**29  # in all channels: 4 GiB as numbers of 8 bytes


def read_audio(path: Path, *, channel: int | None = None) -> Signal:
    """One channel of sound; the track of a video begins where its first sample is presented.

    Parameters
    ----------
    channel
        From 0; may be left out where there is only one.

    Raises
    ------
    DataError
        If the file holds no sound, ends before its samples do, or holds several channels and none is named.
    OptionError
        If there is no such channel.
    """
    signals = read_audio_channels(path)
    if channel is None and len(signals) > 1:
        got = f"{len(signals)} channels"
        raise DataError(path, wanted="one channel", got=got, remedy="name one with channel=0, 1 and so on")
    if channel is not None and not 0 <= channel < len(signals):
        wanted = f"a channel from 0 to {len(signals) - 1}"
        raise OptionError(path, wanted=wanted, got=channel, remedy="name another")
    return signals[channel or 0]


def read_audio_channels(path: Path) -> tuple[Signal, ...]:
    """Every channel of sound in the file's order; raises DataError as `read_audio`."""
    size = file_size(path, _WANTED)
    head = first_bytes(path, 12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        _check_wave(path, size)
        return _by_sndfile(path)
    if head[:4] == b"fLaC":
        return _by_sndfile(path)
    if path.suffix.lower() in SOUND_SUFFIXES:
        raise DataError(path, wanted=_WANTED, got="no wav or flac file", remedy=AGAIN)
    check_container(path, size)
    return _by_ffmpeg(path)


def holds_sound(path: Path) -> bool:
    """Whether a video has a sound track; raises DataError where it is no video."""
    file_size(path, "a video file")
    with refusing(path, "a video file"):
        import av

        with av.open(f"file:{path}", options=OPENING) as container:
            return bool(container.streams.audio)


def _check_wave(path: Path, size: int) -> None:
    """Refuse a wav file whose chunks do not fill it; libsndfile reads what is left without a word."""
    at, found = 12, False
    with open(path, "rb") as file:
        stated = struct.unpack("<I", file.read(8)[4:])[0] + 8
        while at + 8 <= size:
            file.seek(at)
            name, length = struct.unpack("<4sI", file.read(8))
            found |= name == b"data"
            if length == _LEFT_OPEN or at + 8 + length > size:
                wanted = f"{length} bytes in chunk {name.decode('latin-1')!r}"
                raise DataError(path, wanted=wanted, got=size - at - 8, remedy="copy it again")
            at += 8 + length + length % 2
    if at < size:
        raise DataError(path, wanted="chunks up to the end", got=f"{size - at} bytes", remedy="copy it again")
    if not found or stated > size + 1:
        got = "none" if not found else f"{size} of {stated} bytes"
        raise DataError(path, wanted="a chunk of samples in a whole file", got=got, remedy="copy it again")


def _by_sndfile(path: Path) -> tuple[Signal, ...]:
    with refusing(path, _WANTED):
        import soundfile

        with soundfile.SoundFile(path) as file:
            if not 0 < file.frames * file.channels <= _MOST_SAMPLES:
                got = f"{file.frames} samples in {file.channels} channels"
                raise DataError(path, wanted=f"1 to {_MOST_SAMPLES} samples", got=got, remedy="split it")
            samples = _blocks(path, file)
            return _signals(samples, float(file.samplerate), 0.0)


def _blocks(path: Path, file: Any) -> NDArray[np.float64]:
    """All samples, shape (n_samples, n_channels), in memory only as far as the file really holds them."""
    stated, block = file.frames, 1 << 16
    parts = []
    while len(part := file.read(block, dtype="float64", always_2d=True)):
        parts.append(part)
    samples = np.concatenate(parts) if parts else np.zeros((0, file.channels))
    if len(samples) != stated:
        raise DataError(path, wanted=f"{stated} samples", got=len(samples), remedy="copy it again")
    return samples


def _by_ffmpeg(path: Path) -> tuple[Signal, ...]:
    with refusing(path, _WANTED):
        import av

        with av.open(f"file:{path}", options=OPENING) as container:
            if not container.streams.audio:
                raise DataError(path, wanted="a file with sound", got="none in it", remedy="give another")
            stream: Any = container.streams.audio[0]
            if stream.codec_context is None:
                raise DataError(path, wanted="a known kind of sound", got="another", remedy=AGAIN)
            stream.thread_count = 1
            stream.codec_context.options = STRICTLY
            samples, start_s = _decoded(path, container, stream)
            return _signals(samples, float(stream.rate), start_s)


def _decoded(path: Path, container: Any, stream: Any) -> tuple[NDArray[np.float64], float]:
    import av

    parts: list[NDArray[Any]] = []
    start_s, count = 0.0, 0
    resampler = av.AudioResampler(format="dblp", layout=stream.layout, rate=stream.rate)
    for frame in container.decode(stream):
        if frame.is_corrupt or frame.rate != stream.rate:
            raise DataError(path, wanted="a whole sound track", got="damage in it", remedy=AGAIN)
        if frame.pts is not None:
            at_s = float(frame.pts * frame.time_base)
            start_s = at_s if not parts else start_s
            late_s = at_s - start_s - count / stream.rate
            if abs(late_s) > _MOST_LATE_S:
                got = f"a gap of {late_s:.3f} s after {at_s - late_s:.3f} s"
                raise DataError(path, wanted="sound without gaps", got=got, remedy=AGAIN)
        parts += [part.to_ndarray() for part in resampler.resample(frame)]
        count += frame.samples
        if count > _MOST_SAMPLES:
            raise DataError(path, wanted=f"at most {_MOST_SAMPLES} samples", got="more", remedy="split it")
    if not count:
        raise DataError(path, wanted="a sound track with samples", got="none", remedy=AGAIN)
    parts += [part.to_ndarray() for part in resampler.resample(None)]
    samples = np.concatenate(parts, axis=1).T
    if len(samples) != count:
        raise DataError(path, wanted=f"{count} samples", got=len(samples), remedy=AGAIN)
    return samples, start_s


def _signals(samples: NDArray[np.float64], rate_hz: float, start_s: float) -> tuple[Signal, ...]:
    names = ["sound"] if samples.shape[1] == 1 else [f"sound {n}" for n in range(1, samples.shape[1] + 1)]
    return tuple(
        Signal(np.ascontiguousarray(values), rate_hz, "n/a", name, start_s)
        for values, name in zip(samples.T, names, strict=True)
    )
