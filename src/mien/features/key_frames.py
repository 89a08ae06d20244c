"""The few frames of a clip that hold its motion, and the motion between them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.signals.face import dis_flow, optical_strain
from mien.signals.face.flow import Flow, Picture


def key_frames(frames: NDArray[np.uint8], *, apex: int, count: int = 8) -> NDArray[np.int64]:
    """Which frames to keep, (count,), in order: first, apex, last, and those after the largest changes.

    A clip of fewer frames repeats its last ones. `frames` has shape (n_frames, height, width), onset to
    offset; raises DataError if the apex is no frame of it, or the clip has fewer than two.
    """
    n = len(frames)
    if n < 2 or not 0 <= apex < n:
        raise DataError(
            "clip",
            wanted="two frames or more, and an apex among them",
            got=f"{n} frames, apex {apex}",
            remedy="check onset, apex and offset",
        )
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2))
    ranked = [0, apex, n - 1, *(1 + np.argsort(-change, kind="stable"))]
    chosen = sorted(list(dict.fromkeys(int(i) for i in ranked))[:count])
    return np.array(chosen + [n - 1] * (count - len(chosen)), dtype=np.int64)


def key_frame_motion(
    frames: NDArray[np.uint8],
    *,
    apex: int,
    count: int = 8,
    size: int = 60,
    flow: Callable[[Picture, Picture], Flow] = dis_flow,
) -> NDArray[np.float32]:
    """u, v and strain between successive key frames, (count - 1, size, size, 3), pixels of the small face.

    `frames` are grey faces (n_frames, height, width), onset to offset; `flow` is the engine.
    """
    import cv2

    chosen = frames[key_frames(frames, apex=apex, count=count)]
    small = [cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA) for frame in chosen]
    motion = []
    for before, after in pairwise(small):
        u, v = flow(np.asarray(before, dtype=np.uint8), np.asarray(after, dtype=np.uint8))
        strain = optical_strain(u.astype(np.float64), v.astype(np.float64))
        motion.append(np.stack([u, v, strain], axis=-1).astype(np.float32))
    return np.stack(motion)
