"""Dense optical flow between two grey pictures of a face, by three engines with one signature.

Conventions: pictures are (height, width) uint8; a flow is (2, height, width) float32, displacement u to the
right and v down in pixels, from the first picture to the second, at the first picture's pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError

Picture = NDArray[np.uint8]
Flow = NDArray[np.float32]


def dis_flow(first: Picture, second: Picture) -> Flow:
    """Dense inverse search (Kroeger et al. 2016, doi:10.1007/978-3-319-46493-0_29) down to single pixels.

    OpenCV's preset "medium" with finest scale 0, patch stride 5, 12 gradient steps and 3 refinements. The
    presets stop at a coarser scale and lose part of a sub-pixel movement; more refinements smooth it away.
    """
    import cv2

    first, second = _checked(first, second)
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    engine.setFinestScale(0)
    engine.setPatchStride(5)
    engine.setGradientDescentIterations(12)
    engine.setVariationalRefinementIterations(3)
    return _channels_first(engine.calc(first, second, np.zeros((*first.shape, 2), np.float32)))


def tv_l1_flow(first: Picture, second: Picture) -> Flow:
    """Total variation with L1 data term (Zach et al. 2007, doi:10.1007/978-3-540-74936-3_22).

    OpenCV's default parameters. The field's reference engine; about a hundred times slower than `dis_flow`.
    """
    import cv2

    first, second = _checked(first, second)
    return _channels_first(
        cv2.optflow.DualTVL1OpticalFlow.create().calc(first, second, np.zeros((*first.shape, 2), np.float32))
    )


def farneback_flow(first: Picture, second: Picture) -> Flow:
    """Polynomial expansion (Farneback 2003, doi:10.1007/3-540-45103-X_50).

    Pyramid .5 with 3 levels, window 15, 3 iterations, polynomial 5 with sigma 1.2: the values of published
    micro-expression code. Near the picture's border OpenCV lacks a second picture to compare with: there
    even two equal pictures seem to move.
    """
    import cv2

    first, second = _checked(first, second)
    start = np.zeros((*first.shape, 2), dtype=np.float32)
    return _channels_first(cv2.calcOpticalFlowFarneback(first, second, start, 0.5, 3, 15, 3, 5, 1.2, 0))


FLOW_ENGINES: Mapping[str, Callable[[Picture, Picture], Flow]] = MappingProxyType(
    {"dis": dis_flow, "tv-l1": tv_l1_flow, "farneback": farneback_flow}
)


def flow_engine(name: str) -> Callable[[Picture, Picture], Flow]:
    """The engine with this name; raises OptionError for any other."""
    if name not in FLOW_ENGINES:
        raise OptionError(
            "optical flow", wanted=f"one of {', '.join(FLOW_ENGINES)}", got=name, remedy="choose one of them"
        )
    return FLOW_ENGINES[name]


def _checked(first: Picture, second: Picture) -> tuple[Picture, Picture]:
    """Both pictures, contiguous as OpenCV needs them (a cut-out is not)."""
    for picture in (first, second):
        if picture.ndim != 2 or picture.dtype != np.uint8 or min(picture.shape) < 16:
            raise DataError(
                "optical flow",
                wanted="grey 8-bit pictures of at least 16 x 16 pixels",
                got=f"shape {picture.shape} of {picture.dtype}",
                remedy="convert to grey and crop the face first",
            )
    if first.shape != second.shape:
        raise DataError(
            "optical flow",
            wanted="two pictures of one size",
            got=f"{first.shape} and {second.shape}",
            remedy="cut the same box from both frames",
        )
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def _channels_first(flow: Any) -> Flow:
    return np.ascontiguousarray(np.asarray(flow).transpose(2, 0, 1), dtype=np.float32)
