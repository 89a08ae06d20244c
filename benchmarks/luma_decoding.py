"""Luma of a face box from 2040 x 1080 H.264 beside OpenCV's way, and memory over an hour of it.

OpenCV's way is what people write: `VideoCapture` gives every frame as BGR, `cvtColor` makes it grey, a slice
takes the box. The toolkit copies the box out of the decoder's luma plane. Both decode with one FFmpeg thread
and OpenCV runs with one of its own, in the same process, by turns. Seconds are those of the processor, so
that other work on the machine counts less. OpenCV's grey is full range, luma as stored: once stretched, both
must agree within rounding.

The video is made: smooth shapes that move slowly under grain, as a camera gives. The hour has 25 frames per
second and a low quality, so that it takes minutes: one clip repeated by copying its packets. It is read in a
process of its own, whose resident memory is looked at all the time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "threads;1")  # read when a video is opened

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray

from mien.recording.formats import VideoWriter, read_luma

WIDTH, HEIGHT = 2040, 1080
BOX = (764, 284, 512, 512)  # left, top, width, height
FRAMES = 200
RATE_HZ = 25
HOUR_S, HOUR_QUALITY = 3600, 34
REPEATS = 7
EVERY = 2000  # frames between two looks at the memory


def write_video(path: Path, *, quality: int = 18) -> None:
    """Texture in slow motion with grain."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(0, 40, (HEIGHT // 8 + 60, WIDTH // 8 + 60)).astype(np.float32)
    texture = cv2.GaussianBlur(cv2.resize(coarse, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC), (0, 0), 3)
    grain = rng.normal(0, 2, (8, HEIGHT, WIDTH)).astype(np.float32)
    with VideoWriter(path, width=WIDTH, height=HEIGHT, rate_hz=RATE_HZ, quality=quality) as writer:
        for i in range(FRAMES):
            left, top = 100 + round(60 * np.sin(i / 40)), 100 + round(40 * np.cos(i / 55))
            picture = 128 + texture[top : top + HEIGHT, left : left + WIDTH] + grain[i % 8]
            grey = np.clip(picture, 0, 255).astype(np.uint8)
            writer.write(np.stack([grey, grey[:, ::-1] // 2 + 64, grey // 2 + 80], axis=2))


def by_opencv(path: Path) -> tuple[int, NDArray[np.uint8]]:
    """Number of frames and the last box, in full range."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    left, top, width, height = BOX
    count, box = 0, np.zeros((0, 0), dtype=np.uint8)
    while True:
        there, frame = capture.read()
        if not there:
            break
        box = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[top : top + height, left : left + width].copy()
        count += 1
    capture.release()
    return count, box


def by_mien(path: Path) -> tuple[int, NDArray[np.uint8]]:
    """Number of frames and the last box, as stored."""
    count, box = 0, np.zeros((0, 0), dtype=np.uint8)
    for _, part in read_luma(path, crop=BOX):
        box, count = part, count + 1
    return count, box


def seconds(read: Callable[[Path], tuple[int, NDArray[np.uint8]]], path: Path) -> float:
    """Processor seconds of reading the whole video."""
    start = time.process_time()
    read(path)
    return time.process_time() - start


def check_agreement(path: Path) -> None:
    """The same frames and, in full range, the same grey but for rounding."""
    (n_peer, peer), (n, own) = by_opencv(path), by_mien(path)
    stretched = (own.astype(np.float64) - 16) * 255 / 219
    far = float(np.abs(stretched - peer).mean())
    if n != n_peer or far > 1.5:
        raise AssertionError(f"{n} and {n_peer} frames, {far:.2f} grey levels apart")


def repeat_packets(source: Path, target: Path, seconds_long: float) -> int:
    """The clip over and over until it is as long, packets copied and stamped anew; returns its frames."""
    import av

    wanted = int(seconds_long * RATE_HZ)
    with av.open(str(source)) as reader:
        packets = [p for p in reader.demux(reader.streams.video[0]) if p.size]
        step = packets[1].dts - packets[0].dts
        with av.open(str(target), "w") as writer:
            stream = writer.add_stream_from_template(reader.streams.video[0])
            for i in range(wanted):
                packet = av.Packet(bytes(packets[i % len(packets)]))
                old = packets[i % len(packets)]
                packet.dts = packet.pts = i * step
                packet.time_base, packet.duration = old.time_base, step
                packet.is_keyframe, packet.stream = old.is_keyframe, stream
                writer.mux(packet)
    return wanted


def memory_over(path: Path, n_frames: int) -> tuple[float, list[float]]:
    """Seconds, and the memory of this process in MiB before the first frame and every `EVERY` frames."""
    process = psutil.Process()
    held = [process.memory_info().rss / 2**20]
    start, count = time.perf_counter(), 0
    for at, part in read_luma(path, crop=BOX):
        if part.shape != (BOX[3], BOX[2]) or abs(at - count / RATE_HZ) > 1e-3:
            raise AssertionError(f"frame {count} at {at} s is {part.shape}")
        count += 1
        if count % EVERY == 0:
            held.append(process.memory_info().rss / 2**20)
    if count != n_frames:
        raise AssertionError(f"{count} of {n_frames} frames")
    return time.perf_counter() - start, held


def main(*, hour_s: float = HOUR_S) -> list[dict[str, str | int | float | None]]:
    """Measure, print, and return the rows."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        clip, long = Path(folder) / "clip.mp4", Path(folder) / "long.mp4"
        write_video(clip)
        check_agreement(clip)
        pairs = [(seconds(by_opencv, clip), seconds(by_mien, clip)) for _ in range(REPEATS)]
        peer, own = (statistics.median(p[i] for p in pairs) for i in (0, 1))
        ratio = statistics.median(a / b for a, b in pairs)
        name = f"luma of a {BOX[2]} x {BOX[3]} box from {WIDTH} x {HEIGHT} H.264, one thread"
        spread = ", ".join(f"{a / b:.2f}" for a, b in pairs)
        print(f"{name}: {own:.2f} s, OpenCV {peer:.2f} s for {FRAMES} frames, {ratio:.2f}x ({spread})")
        write_video(clip, quality=HOUR_QUALITY)
        n = repeat_packets(clip, long, hour_s)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            spent, held = fresh.submit(memory_over, long, n).result()
        size = long.stat().st_size >> 20
    told = f"{held[0]:.0f} MiB before, {held[1]:.0f} after {EVERY:,} frames, {held[-1]:.0f} at the end"
    print(f"{n:,} frames, {size} MiB: {spent:.0f} s, {n / spent:.0f} per second")
    print(f"memory: {told}, {max(held):.0f} at most")
    words = f"{hour_s / 60:g} minutes of it (one run; memory {max(held):.0f} MiB at most, {told})"
    return [
        {"name": name, "n": FRAMES, "median_s": own, "peer": "OpenCV", "peer_median_s": peer, "ratio": ratio},
        {"name": words, "n": n, "median_s": spent},
    ]


if __name__ == "__main__":
    main()
