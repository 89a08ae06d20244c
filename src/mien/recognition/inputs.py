"""What a method is given: the kinds of input, and the refusal of any other.

A method names the input that it needs. Arrays are (n_samples, ...); a task whose samples are of another
kind is refused in one sentence, before anything is learned from numbers that mean something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError

STRETCHED = (
    "whole numbers, as in maps that were stretched to 0..255: their zero and scale are lost, and with them "
    "the sign and the size of the motion"
)


@dataclass(frozen=True, slots=True)
class Input:
    """A kind of input.

    Parameters
    ----------
    name
        As a method declares it.
    words
        What one sample is.
    axes
        The axes of one sample: a name where any length will do, a number where only this one will.
    signed
        Whether sign and size of its values matter.
    flow
        Whether its last axis is u, v, strain.
    """

    name: str
    words: str
    axes: tuple[str | int, ...]
    signed: bool = False
    flow: bool = False

    def check(self, X: NDArray[Any], *, method: str) -> None:
        """Raise DataError unless X, shape (n_samples, *axes), can be such input."""
        fits = X.ndim == 1 + len(self.axes) and all(
            isinstance(axis, str) or axis == length
            for axis, length in zip(self.axes, X.shape[1:], strict=False)
        )
        if not fits or X.dtype.kind not in "uif" or 0 in X.shape:
            layout = ", ".join(map(str, self.axes))
            raise self._refusal(
                method, f"{self.words} ({layout})", f"{_kind(X)} of shape {X.shape[1:]}, {X.dtype}"
            )
        if self.signed and X.dtype.kind != "f":
            raise self._refusal(method, f"{self.words}, signed, in pixels", STRETCHED)
        if X.dtype.kind == "f" and not np.isfinite(X).all():
            raise self._refusal(method, "finite values", "NaN or infinity")

    def _refusal(self, method: str, wanted: str, got: str) -> DataError:
        return DataError(
            f"input of {method}",
            wanted=wanted,
            got=got,
            remedy="give it the clips' own frames to measure, or choose a method that can take this input",
        )


MOTION_MAP = Input(
    "motion-map",
    "motion maps from onset to apex, channels u, v, strain, 0..255",
    ("height", "width", 3),
    flow=True,
)
MOTION_CLIP = Input(
    "motion-clip",
    "u, v and strain between successive key frames",
    ("steps", "height", "width", 3),
    signed=True,
    flow=True,
)
FRAME_PAIR = Input("frame-pair", "the onset and the apex frame, R, G, B, 0..255", (2, "height", "width", 3))
LBP_TOP = Input("lbp-top", "LBP-TOP vectors of whole clips", ("bins",), signed=True)
MDMO = Input("mdmo", "MDMO vectors of whole clips", ("bins",), signed=True)
BI_WOOF = Input("bi-woof", "Bi-WOOF vectors of signed flow", ("bins",), signed=True)

INPUTS = {kind.name: kind for kind in (MOTION_MAP, MOTION_CLIP, FRAME_PAIR, LBP_TOP, MDMO, BI_WOOF)}


def _kind(X: NDArray[Any]) -> str:
    """What an array looks like, in words."""
    by_rank = {2: "vectors", 4: "one map a sample", 5: "a clip a sample"}
    return by_rank.get(X.ndim, f"an array of {X.ndim} axes")
