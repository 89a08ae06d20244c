"""Optical strain: how much a flow field deforms, whatever the head does as a whole."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError

FloatArray = NDArray[np.float64]


def optical_strain(
    u: FloatArray, v: FloatArray, *, variant: Literal["tensor", "printed"] = "tensor"
) -> FloatArray:
    """The norm of the strain tensor of a flow field, in displacement per grid step.

    |e| = sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2) with e = (grad f + grad f^T) / 2 (Shreve et al. 2011,
    doi:10.1109/FG.2011.5771451), derivatives by central differences.

    Parameters
    ----------
    u, v
        Horizontal (to the right) and vertical (down) displacement, shape (height, width).
    variant
        "tensor", or "printed": MMME's equation 5 as it stands, sqrt(u_x^2 + v_y^2 + (u_y^2 + v_x^2) / 2),
        without the cross product of the shear: there a turn of the head counts as strain.

    Returns
    -------
    Shape (height, width), 0 or more.

    Raises
    ------
    OptionError
        If the variant is another word.

    Examples
    --------
    >>> y, x = np.mgrid[0:5, 0:5].astype(float)
    >>> round(float(optical_strain(0.1 * x, 0 * x).max()), 6)
    0.1
    >>> round(float(optical_strain(-0.1 * y, 0.1 * x).max()), 6)  # a rotation deforms nothing
    0.0
    >>> round(float(optical_strain(-0.1 * y, 0.1 * x, variant="printed").max()), 6)  # but not as printed
    0.1
    """
    if variant not in ("tensor", "printed"):
        raise OptionError(
            "variant of strain", wanted="tensor or printed", got=variant, remedy="choose one of them"
        )
    u_y, u_x = np.gradient(u)
    v_y, v_x = np.gradient(v)
    shear = (u_y + v_x) ** 2 if variant == "tensor" else u_y**2 + v_x**2
    return np.asarray(np.sqrt(u_x**2 + v_y**2 + 0.5 * shear), dtype=np.float64)
