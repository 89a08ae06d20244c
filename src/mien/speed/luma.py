"""Luma of a face box from 2040 x 1080 H.264 beside OpenCV's way.

OpenCV's way is what people write: `VideoCapture` gives every frame as BGR, `cvtColor` makes it grey, a slice
takes the box. The toolkit copies the box out of the decoder's luma plane. Both decode with one FFmpeg thread.
OpenCV's grey is full range, luma as stored: once stretched, both must agree within rounding, frame by frame.
The video is made: smooth shapes that move slowly under grain, as a camera gives.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.recording.formats import VideoWriter, read_luma
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, by_turns

Picture = NDArray[np.uint8]
Boxes = Callable[[Path], Iterator[Picture]]

WIDTH, HEIGHT = 2040, 1080
BOX = (764, 284, 512, 512)  # left, top, width, height
FRAMES, RATE_HZ = 200, 25
LEVELS = 1.5  # mean difference of grey: conversion to BGR and back rounds twice


def write_video(path: Path, *, quality: int = 18, n_frames: int = FRAMES) -> None:
    """Texture in slow motion with grain."""
    import cv2

    rng = np.random.default_rng(0)
    coarse = rng.normal(0, 40, (HEIGHT // 8 + 60, WIDTH // 8 + 60)).astype(np.float32)
    texture = cv2.GaussianBlur(cv2.resize(coarse, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC), (0, 0), 3)
    grain = rng.normal(0, 2, (8, HEIGHT, WIDTH)).astype(np.float32)
    with VideoWriter(path, width=WIDTH, height=HEIGHT, rate_hz=RATE_HZ, quality=quality) as writer:
        for i in range(n_frames):
            left, top = 100 + round(60 * np.sin(i / 40)), 100 + round(40 * np.cos(i / 55))
            picture = 128 + texture[top : top + HEIGHT, left : left + WIDTH] + grain[i % 8]
            grey = np.clip(picture, 0, 255).astype(np.uint8)
            writer.write(np.stack([grey, grey[:, ::-1] // 2 + 64, grey // 2 + 80], axis=2))


def by_opencv(path: Path) -> Iterator[Picture]:
    """The box of every frame, in full range."""
    import cv2

    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    left, top, width, height = BOX
    try:
        while True:
            there, frame = capture.read()
            if not there:
                return
            grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            yield np.array(grey[top : top + height, left : left + width], dtype=np.uint8)
    finally:
        capture.release()


def by_mien(path: Path) -> Iterator[Picture]:
    """The box of every frame, as stored."""
    return (box for _, box in read_luma(path, crop=BOX))


def last(boxes: Boxes, path: Path) -> Picture | None:
    """Reads the whole video; the last box."""
    box = None
    for one in boxes(path):
        box = one
    return box


def agreement(path: Path) -> Agreement:
    """Frame by frame: the mean difference of grey levels once luma is stretched to full range."""
    frames, worst = 0, 0.0
    for own, theirs in zip_longest(by_mien(path), by_opencv(path)):
        if own is None or theirs is None:
            worst = float("inf")
            break
        stretched = (own.astype(np.float32) - 16) * (255 / 219)
        worst = max(worst, float(np.abs(stretched - theirs).mean()))
        frames += 1
    return Agreement(
        frames > 0 and worst <= LEVELS,
        f"{LEVELS:g} grey levels on average, every frame",
        f"{frames} frames, at most {worst:.2f} levels",
    )


@contextlib.contextmanager
def decoding_in_one_thread() -> Iterator[None]:
    """OpenCV reads this variable when it opens a video."""
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    before = os.environ.get(name)
    os.environ[name] = "threads;1"
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def measure(setting: Setting, *, n_frames: int | None = None) -> tuple[Row, ...]:
    """One row: both read the same file."""
    import av
    import cv2

    wanted = n_frames or (FRAMES // 2 if setting.quick else FRAMES)
    with tempfile.TemporaryDirectory() as folder, decoding_in_one_thread():
        clip = Path(folder) / "clip.mp4"
        setting.told("writing a video")
        write_video(clip, n_frames=wanted)
        same = agreement(clip)
        taken = by_turns(
            {"mien": lambda: last(by_mien, clip), "OpenCV": lambda: last(by_opencv, clip)}, setting
        )
    row = Row(
        what=f"luma of a {BOX[2]} x {BOX[3]} box from {WIDTH} x {HEIGHT} H.264",
        n=wanted,
        unit="frames",
        seconds=taken["mien"],
        agreement=same,
        peer=f"OpenCV {cv2.__version__}: VideoCapture, cvtColor, slice",
        peer_seconds=taken["OpenCV"],
        asked=(Demand("ratio", 1.2, "1.2x"),),
        note=f"mien decodes by PyAV {av.__version__}",
    )
    return (row,)


WORK = Work(
    name="luma",
    title="luma decode and crop of 2040 x 1080 H.264",
    asked="1.2x the OpenCV path",
    measure=measure,
    needs={"cv2": "vision", "av": "vision"},
    of=("mien.speed.luma", "mien.recording.formats.video"),
)
