"""Videos whose frames carry their number, in blocks that any codec keeps: for asking which frame it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

BITS = 12
CELL = 16
WIDTH, HEIGHT = BITS * CELL, 6 * CELL


def painted(number: int, *, scale: int = 1) -> NDArray[np.uint8]:
    """A picture that says a number: BITS cells, white for 1, the highest bit first; noise below."""
    rng = np.random.default_rng(number)
    picture = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    for bit in range(BITS):
        value = 235 if number >> (BITS - 1 - bit) & 1 else 20
        picture[: 2 * CELL, bit * CELL : (bit + 1) * CELL] = value
    picture[3 * CELL :] = rng.integers(60, 160, (HEIGHT - 3 * CELL, WIDTH, 3), dtype=np.uint8)
    return np.repeat(np.repeat(picture, scale, axis=0), scale, axis=1)


def read_number(picture: Any) -> int:
    """The number that a picture says, whatever its size; shape (height, width, channels)."""
    height, width = picture.shape[:2]
    row = picture[round(height * CELL / HEIGHT)]
    return sum(
        int(row[round((bit + 0.5) * width / BITS)].mean() > 128) << (BITS - 1 - bit) for bit in range(BITS)
    )


def write_numbered(
    path: Path,
    stamps_s: NDArray[np.float64],
    *,
    codec: str = "libx264",
    scale: int = 1,
    ticks_hz: int = 1000,
    **options: str,
) -> None:
    """A video with a frame at each stamp; the container's times are the stamps, to a tick."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=ticks_hz)
        stream.width, stream.height = WIDTH * scale, HEIGHT * scale
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, ticks_hz)
        stream.time_base = Fraction(1, ticks_hz)
        stream.codec_context.options = options
        for number, at in enumerate(stamps_s):
            frame = av.VideoFrame.from_ndarray(painted(number, scale=scale), format="rgb24")
            frame.pts, frame.time_base = round(float(at) * ticks_hz), Fraction(1, ticks_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
