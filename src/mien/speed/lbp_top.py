"""LBP-TOP of one clip beside scikit-image called slice by slice on three planes, as scripts do.

The clip is a rendered face, 60 x 128 x 128, with camera noise. scikit-image reads between pixels, as
published, and is compared with the toolkit's "circular"; it has no "square" ring, which is compared with
whole-volume shifts in NumPy.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.signals.face import lbp_top, prepare_faces
from mien.signals.face.lbp_top import uniform_bins
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, by_turns

Clip = NDArray[np.uint8]
Histograms = NDArray[np.float64]

FRAMES, BLOCKS = 60, 8
PLANES = ((2, 1), (2, 0), (1, 0))  # of (t, y, x): the first and the second axis of each plane
RING = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))  # second axis, first axis
ASKED = (Demand("rate", 200, "200 clips/s a core"), Demand("ratio", 40, "40x"))


def film(n_frames: int = FRAMES) -> NDArray[np.uint8]:
    """An expression rising and fading in a face 112 px wide, with camera noise, (n_frames, 192, 192, 3)."""
    rng = np.random.default_rng(0)
    person = FaceRenderer(Identity.draw(rng))
    strength = 1.5 * np.sin(np.linspace(0, np.pi, n_frames))
    return np.stack(
        [camera_noise(person.frame(Pose(units=(UnitPose(12, float(px)),))), rng) for px in strength]
    )


def by_mien(clip: Clip, sampling: str) -> Histograms:
    """The toolkit's histograms, with radius 1 and 8 x 8 blocks."""
    return lbp_top(clip, radii=(1, 1, 1), blocks=(BLOCKS, BLOCKS, 1), sampling=sampling)  # type: ignore[arg-type]


def by_scikit_image(clip: Clip) -> Histograms:
    """Uniform codes of radius 1 on all planes, slice by slice, and their histograms block by block."""
    from skimage.feature import local_binary_pattern

    n, height, width = clip.shape
    return block_histograms(
        [
            np.stack([local_binary_pattern(clip[t], 8, 1, "nri_uniform") for t in range(n)]),
            np.stack([local_binary_pattern(clip[:, y], 8, 1, "nri_uniform") for y in range(height)], axis=1),
            np.stack(
                [local_binary_pattern(clip[:, :, x], 8, 1, "nri_uniform") for x in range(width)], axis=2
            ),
        ]
    )


def by_shifts(clip: Clip) -> Histograms:
    """The square ring by shifting the whole volume, bins in the toolkit's order."""
    planes = []
    for first, second in PLANES:
        codes = np.zeros(clip.shape, dtype=np.uint8)
        for p, (down, right) in enumerate(RING):
            codes |= (np.roll(clip, (-down, -right), axis=(second, first)) >= clip).astype(np.uint8) << p
        planes.append(uniform_bins(8)[codes])
    return block_histograms(planes)


def block_histograms(planes: Sequence[NDArray[Any]]) -> Histograms:
    """Shares of 59 labels in every block of every plane, borders left out, by NumPy block by block."""
    _, height, width = planes[0].shape
    rows, columns = (np.array_split(np.arange(1, size - 1), BLOCKS) for size in (height, width))
    counted = [
        np.bincount(plane[1:-1, r[0] : r[-1] + 1, c[0] : c[-1] + 1].astype(int).ravel(), minlength=59)
        for plane, r, c in itertools.product(planes, rows, columns)
    ]
    whole = np.stack(counted).astype(np.float64)
    return np.asarray(whole / whole.sum(axis=1, keepdims=True)).ravel()


def in_our_order(theirs: Histograms) -> Histograms:
    """scikit-image's histograms with its labels renamed; read off noise in which every code occurs."""
    from skimage.feature import local_binary_pattern

    noise = np.random.default_rng(1).integers(0, 256, (256, 256), dtype=np.uint8)
    label, code = (local_binary_pattern(noise, 8, 1, way).astype(int) for way in ("nri_uniform", "default"))
    at = np.zeros(59, dtype=np.int64)
    at[uniform_bins(8)[code]] = label
    return theirs.reshape(-1, 59)[:, at].ravel()


def measure(setting: Setting, *, n_frames: int = FRAMES) -> tuple[Row, ...]:
    """Both samplings beside scikit-image, one after another."""
    clip = np.ascontiguousarray(prepare_faces(iter(film(n_frames))).grey)
    circular = float(np.abs(by_mien(clip, "circular") - in_our_order(by_scikit_image(clip))).max())
    square = float(np.abs(by_mien(clip, "square") - by_shifts(clip)).max())
    taken = by_turns(
        {
            "square": lambda: by_mien(clip, "square"),
            "circular": lambda: by_mien(clip, "circular"),
            "scikit-image": lambda: by_scikit_image(clip),
        },
        setting,
    )
    agreements = {
        "square": Agreement(
            square == 0, "bit by bit, with NumPy's shifts", f"largest difference {square:.1g} of a block"
        ),
        "circular": Agreement(
            circular <= 1e-3, "a thousandth of a block", f"largest difference {circular:.1g} of a block"
        ),
    }
    size = " x ".join(str(length) for length in clip.shape)
    return tuple(
        Row(
            what=f"LBP-TOP of {size}, {BLOCKS} x {BLOCKS} blocks, {sampling}",
            n=1,
            unit="clips",
            seconds=taken[sampling],
            agreement=agreement,
            peer=f"scikit-image {version('scikit-image')}, slice by slice",
            peer_seconds=taken["scikit-image"],
            asked=ASKED if sampling == "square" else (),
            note="scikit-image has no square ring: it is the anchor of speed" if sampling == "square" else "",
        )
        for sampling, agreement in agreements.items()
    )


WORK = Work(
    name="lbp-top",
    title="LBP-TOP",
    asked="200 clips/s a core and 40x scikit-image slice by slice (square; circular is stated)",
    measure=measure,
    needs={"skimage": "vision", "cv2": "vision"},
    of=("mien.speed.lbp_top", "mien.signals.face.lbp_top"),
)
