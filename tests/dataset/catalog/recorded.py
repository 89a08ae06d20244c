"""Films with sound, their frames numbered or with faces, and tables of their clips: written, never copied."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "app"))
from numbered import painted, read_number

__all__ = ["clip_table", "numbered_film", "read_number", "tone", "write_film"]

TICKS_HZ = 90_000


def write_film(
    path: Path,
    frames: Iterable[np.ndarray],
    stamps_s: Sequence[float],
    sound: np.ndarray | None = None,
    *,
    rate_hz: int = 16000,
    sound_from_s: float = 0.0,
    **options: str,
) -> Path:
    """Frames at their stamps, and sound (n,) or (n_channels, n) that begins at `sound_from_s`."""
    frames = iter(frames)
    first = next(frames)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=TICKS_HZ)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, TICKS_HZ)
        stream.codec_context.options = {"preset": "ultrafast", "crf": "12", "g": "12", **options}
        heard: Any = None
        if sound is not None:
            channels = np.atleast_2d(sound)
            layout = {1: "mono", 2: "stereo"}[len(channels)]
            heard = container.add_stream("pcm_s16le" if path.suffix == ".mov" else "aac", rate=rate_hz)
            heard.codec_context.layout = layout
        for at, picture in zip(stamps_s, [first, *frames], strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(at * TICKS_HZ), Fraction(1, TICKS_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard is not None:
            values = np.ascontiguousarray(channels.T.reshape(1, -1).astype(np.float32))
            part = av.AudioFrame.from_ndarray(values, format="flt", layout=layout)
            part.sample_rate, part.time_base = rate_hz, Fraction(1, rate_hz)
            part.pts = round(sound_from_s * rate_hz)
            fit = av.AudioResampler(
                format=heard.codec_context.format, layout=layout, rate=rate_hz,
                frame_size=heard.codec_context.frame_size or 1024,
            )  # fmt: skip
            for piece in [*fit.resample(part), *fit.resample(None)]:
                container.mux(heard.encode(piece))
            container.mux(heard.encode(None))
    return path


def numbered_film(
    path: Path, stamps_s: Sequence[float], sound: np.ndarray | None = None, **more: Any
) -> Path:
    """A film whose frames say their number."""
    return write_film(path, (painted(n) for n in range(len(stamps_s))), stamps_s, sound, **more)


def tone(seconds: float, *, rate_hz: int = 16000, hz: float = 440.0) -> np.ndarray:
    """A sine whose level rises with time: where a piece was cut from can be heard."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return 0.9 * t / seconds * np.sin(2 * np.pi * hz * t)


def clip_table(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A table of clips with the columns that its rows have."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path
