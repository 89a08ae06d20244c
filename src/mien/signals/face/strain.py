"""Optical strain: how much a flow field deforms, whatever the head does as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def optical_strain(u: FloatArray, v: FloatArray) -> FloatArray:
    """The norm of the strain tensor of a flow field, in displacement per grid step.

    |e| = sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2) with e = (grad f + grad f^T) / 2 (Shreve et al. 2011,
    doi:10.1109/FG.2011.5771451), derivatives by central differences. MMME's equation 5 prints the shear
    term without its cross product.

    Parameters
    ----------
    u, v
        Horizontal (to the right) and vertical (down) displacement, shape (height, width).

    Examples
    --------
    >>> y, x = np.mgrid[0:5, 0:5].astype(float)
    >>> round(float(optical_strain(0.1 * x, 0 * x).max()), 6)
    0.1
    >>> round(float(optical_strain(-0.1 * y, 0.1 * x).max()), 6)  # a rotation deforms nothing
    0.0
    """
    u_y, u_x = np.gradient(u)
    v_y, v_x = np.gradient(v)
    return np.asarray(np.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2), dtype=np.float64)
