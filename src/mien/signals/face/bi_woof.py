"""Bi-weighted oriented optical flow (Bi-WOOF) between onset and apex.

Reference: Liong, See, Wong & Phan 2018, doi:10.1016/j.image.2017.11.006 (arXiv:1606.01721). Within a block of
the face, pixels vote for the direction of their flow with its magnitude; the histogram, divided by its sum,
is weighted with the strain that is summed over the block; all of them make one vector of length 1.
"""

from __future__ import annotations

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray
from mien.signals.face.strain import optical_strain


def bi_woof(flow: FloatArray, *, blocks: tuple[int, int] = (5, 5), directions: int = 8) -> FloatArray:
    """The Bi-WOOF vector of a flow field.

    Parameters
    ----------
    flow
        Shape (height, width, 2), signed u (to the right) and v (down) in pixels. Maps that were stretched to
        0..255 have neither sign nor magnitude and are refused.
    blocks
        Rows and columns.
    directions
        Bins of equal angle; the first begins at -180 degrees.

    Returns
    -------
    Shape (rows * columns * directions,), by row, column and direction; zeros where nothing moves.

    Raises
    ------
    DataError
        If the flow has another shape, holds values that are not finite, or is no signed flow.
    OptionError
        If there are fewer pixels than blocks, or fewer than two directions.
    """
    _check(flow, blocks, directions)
    u, v = flow[..., 0].astype(np.float64), flow[..., 1].astype(np.float64)
    magnitude, strain = np.hypot(u, v), optical_strain(u, v)
    angle = np.arctan2(v, u)  # -pi to pi; pi itself belongs to the first bin, as -pi
    direction = np.floor((angle + np.pi) / (2 * np.pi) * directions).astype(np.int64) % directions
    rows = [part[0] for part in np.array_split(np.arange(flow.shape[0]), blocks[0])]
    columns = [part[0] for part in np.array_split(np.arange(flow.shape[1]), blocks[1])]
    votes = np.zeros((*blocks, directions))
    for bin_ in range(directions):
        part = np.where(direction == bin_, magnitude, 0.0)
        votes[..., bin_] = _summed(part, rows, columns)
    total = votes.sum(axis=-1, keepdims=True)
    shares = np.divide(votes, total, out=np.zeros_like(votes), where=total > 0)
    weighted = (shares * _summed(strain, rows, columns)[..., None]).ravel()
    length = float(np.linalg.norm(weighted))
    return np.asarray(weighted / length if length > 0 else weighted)


def _summed(values: FloatArray, rows: list[int], columns: list[int]) -> FloatArray:
    """Sums over blocks that begin at the given rows and columns."""
    return np.asarray(np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1))


def _check(flow: FloatArray, blocks: tuple[int, int], directions: int) -> None:
    if flow.ndim != 3 or flow.shape[-1] != 2 or not np.isfinite(flow).all():
        got = f"shape {flow.shape}" if flow.ndim != 3 or flow.shape[-1] != 2 else "values that are not finite"
        raise DataError(
            "flow", wanted="(height, width, 2) of finite pixels", got=got, remedy="measure it again"
        )
    if flow.dtype == np.uint8:
        raise DataError(
            "flow",
            wanted="signed flow in pixels",
            got="whole numbers from 0 to 255",
            remedy="measure the flow between the frames: a stretched map has lost its sign and size",
        )
    if min(blocks) < 1 or blocks[0] > flow.shape[0] or blocks[1] > flow.shape[1] or directions < 2:
        raise OptionError(
            "blocks",
            wanted=f"1 to {flow.shape[0]} x {flow.shape[1]} blocks and two directions or more",
            got=f"{blocks} and {directions}",
            remedy="choose fewer blocks",
        )
