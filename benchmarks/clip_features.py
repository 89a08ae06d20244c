"""Speed of what is measured of one clip, in one process and one thread.

LBP-TOP of 60 x 128 x 128 with 8 x 8 blocks beside scikit-image, called slice by slice on three planes with
histograms by NumPy block by block, as scripts do; flow from onset to apex with strain at 128 x 128; and all
features of one clip of 60 frames. Times are seconds of the processor: other work does not count.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.features import FEATURES, FaceClip
from mien.signals.face import dis_flow, lbp_top, optical_strain, prepare_faces
from mien.signals.face.lbp_top import uniform_bins
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity

Row = dict[str, str | int | float | None]
REPEATS = 9
BLOCKS = 8


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median processor time of the runs after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def film(n_frames: int = 60) -> NDArray[np.uint8]:
    """An expression rising and fading in a face 128 px wide, with camera noise, (n_frames, 192, 192, 3)."""
    rng = np.random.default_rng(0)
    person = FaceRenderer(Identity.draw(rng))
    strength = 1.5 * np.sin(np.linspace(0, np.pi, n_frames))
    return np.stack(
        [camera_noise(person.frame(Pose(units=(UnitPose(12, float(px)),))), rng) for px in strength]
    )


def by_scikit_image(clip: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Uniform codes of radius 1 on all planes, slice by slice, and their histograms block by block."""
    from skimage.feature import local_binary_pattern

    n, height, width = clip.shape
    planes = (
        np.stack([local_binary_pattern(clip[t], 8, 1, "nri_uniform") for t in range(n)]),
        np.stack([local_binary_pattern(clip[:, y], 8, 1, "nri_uniform") for y in range(height)], axis=1),
        np.stack([local_binary_pattern(clip[:, :, x], 8, 1, "nri_uniform") for x in range(width)], axis=2),
    )
    rows = np.array_split(np.arange(1, height - 1), BLOCKS)
    columns = np.array_split(np.arange(1, width - 1), BLOCKS)
    histograms = [
        np.bincount(plane[1:-1, r[0] : r[-1] + 1, c[0] : c[-1] + 1].astype(int).ravel(), minlength=59)
        for plane in planes
        for r in rows
        for c in columns
    ]
    whole = np.stack(histograms).astype(np.float64)
    return np.asarray(whole / whole.sum(axis=1, keepdims=True)).ravel()


def main() -> list[Row]:
    """Rows of the table."""
    import cv2

    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")
    assert uniform_bins(8).max() == 58
    frames = film()
    faces = prepare_faces(iter(frames))
    clip = faces.grey
    options = {"radii": (1, 1, 1), "blocks": (BLOCKS, BLOCKS, 1)}
    beside = median_seconds(lambda: by_scikit_image(clip), repeats=3)
    rows: list[Row] = []
    for sampling in ("square", "circular"):
        seconds = median_seconds(lambda s=sampling: lbp_top(clip, sampling=s, **options))  # type: ignore[misc]
        rows.append(
            {
                "name": f"LBP-TOP of 60 x 128 x 128, 8 x 8 blocks, {sampling}: {1 / seconds:.0f} clips/s",
                "n": 1,
                "median_s": seconds,
                "peer": "scikit-image per slice",
                "peer_median_s": beside,
                "ratio": beside / seconds,
            }
        )

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
