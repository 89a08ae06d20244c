"""A clip with another number of frames: the temporal interpolation model.

Reference: Zhou, Zhao & Pietikäinen 2011, doi:10.1109/CVPR.2011.5995345. The frames lie on a curve in the
space that they span; along it each coordinate is a sum of the sines of a path graph,
sin(pi k t + pi (n - k) / (2 n)) at t = 1/n ... 1, and is read at other times. The curve meets every frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray


def interpolate_frames(clip: NDArray[np.number], n_frames: int) -> FloatArray:
    """The clip at `n_frames` times evenly from its first to its last frame.

    Parameters
    ----------
    clip
        Shape (n, ...), n from 2.
    n_frames
        From 2.

    Returns
    -------
    Shape (n_frames, ...), float64; not clipped to the range of the clip.

    Raises
    ------
    DataError
        If the clip has fewer than two frames or a value that is not finite.
    OptionError
        If fewer than two frames are asked for.

    Examples
    --------
    >>> clip = np.array([[0.0], [1.0], [4.0]])
    >>> interpolate_frames(clip, 3).round(9).ravel().tolist()
    [0.0, 1.0, 4.0]
    """
    if n_frames < 2:
        raise OptionError("number of frames", wanted="from 2", got=n_frames, remedy="ask for more")
    n = clip.shape[0] if clip.ndim else 0
    frames = np.asarray(clip, dtype=np.float64).reshape(n, -1) if n else np.empty((0, 0))
    if n < 2 or not np.isfinite(frames).all():
        got = f"{n} frames" if n < 2 else "values that are not finite"
        raise DataError("clip", wanted="at least two frames of finite values", got=got, remedy="check it")
    centre = frames.mean(axis=0)
    # The smaller way round: frames are many pixels, and few.
    basis = _sines(np.arange(1, n + 1) / n, n)
    weights = _sines(np.linspace(1 / n, 1.0, n_frames), n) @ np.linalg.pinv(basis)
    return np.asarray(centre + weights @ (frames - centre)).reshape(n_frames, *clip.shape[1:])


def _sines(times: FloatArray, n: int) -> FloatArray:
    """The path graph's sines 1 to n - 1 at the times, (n_times, n - 1)."""
    k = np.arange(1, n)
    return np.asarray(np.sin(np.pi * k * times[:, None] + np.pi * (n - k) / (2 * n)))
