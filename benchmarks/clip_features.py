"""Speed of what is measured of one clip, in one process and one thread.

Flow from onset to apex with strain at 128 x 128, and all features of one clip of 60 frames. Times are seconds
of the processor: other work does not count. LBP-TOP beside scikit-image: `mien speed --only lbp-top`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

from mien.features import FEATURES, FaceClip
from mien.signals.face import dis_flow, optical_strain, prepare_faces
from mien.speed.lbp_top import film

Row = dict[str, str | int | float | None]
REPEATS = 9


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median processor time of the runs after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> list[Row]:
    """Rows of the table."""
    import cv2

    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")
    frames = film()
    faces = prepare_faces(iter(frames))
    clip = faces.grey
    rows: list[Row] = []

    def onset_apex() -> None:
        u, v = dis_flow(clip[0], clip[30])
        optical_strain(u.astype(np.float64), v.astype(np.float64))

    seconds = median_seconds(onset_apex)
    rows.append(
        _alone(f"flow (DIS) and strain, onset to apex, 128 x 128: {1 / seconds:.0f} clips/s", seconds)
    )
    rows.append(_alone("faces of 60 frames of 192 x 192: found, aligned, tracked", median_seconds(
        lambda: prepare_faces(iter(frames)), repeats=3)))  # fmt: skip
    prepared = FaceClip(clip, faces.colour, 30, faces.landmarks)
    for name, feature in FEATURES.items():
        seconds = median_seconds(lambda f=feature: f.measure(prepared), repeats=3)  # type: ignore[misc]
        rows.append(_alone(f"feature {name} of 60 faces", seconds))
    return rows


def _alone(work: str, seconds: float) -> Row:
    return {"name": work, "n": 1, "median_s": seconds, "peer": None, "peer_median_s": None, "ratio": None}


if __name__ == "__main__":
    for row in main():
        print(row)
