"""Action units as displacement fields on a face, and which of them an emotion shows.

Conventions: face coordinates x to the image's right and y down, both about -1 to 1 over the face, eyes at
y = -0.25, mouth at y = 0.5. A displacement of 1 is the peak of a full-intensity unit; each unit is a sum of
Gaussian bumps given for the image's right half and mirrored to the left, x displacement with opposite sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError

FloatArray = NDArray[np.float64]

# centre x, centre y, width x, width y, displacement x, displacement y (image's right half).
# Directions follow the muscles' pull in the FACS manual (Ekman, Friesen & Hager 2002); sizes are ours.
_Bump = tuple[float, float, float, float, float, float]
BUMPS: Mapping[int, Sequence[_Bump]] = MappingProxyType(
    {
        1: [(0.18, -0.48, 0.14, 0.12, 0.0, -1.0)],
        2: [(0.50, -0.48, 0.16, 0.12, 0.1, -1.0)],
        4: [(0.22, -0.42, 0.18, 0.12, -0.6, 0.8)],
        5: [(0.38, -0.30, 0.14, 0.06, 0.0, -0.8)],
        6: [(0.48, -0.02, 0.18, 0.14, -0.2, -0.8)],
        7: [(0.38, -0.18, 0.15, 0.06, 0.0, -0.7)],
        9: [(0.12, 0.02, 0.12, 0.14, -0.2, -0.9)],
        10: [(0.16, 0.36, 0.14, 0.09, 0.0, -0.9)],
        11: [(0.28, 0.24, 0.10, 0.12, 0.2, -0.8)],
        12: [(0.34, 0.50, 0.16, 0.13, 0.7, -0.8)],
        13: [(0.38, 0.40, 0.13, 0.13, 0.1, -0.9)],
        14: [(0.36, 0.52, 0.10, 0.10, 0.8, 0.0)],
        15: [(0.34, 0.58, 0.14, 0.12, 0.2, 0.9)],
        16: [(0.16, 0.64, 0.14, 0.09, 0.0, 0.9)],
        17: [(0.08, 0.80, 0.20, 0.12, 0.0, -0.9)],
        18: [(0.24, 0.52, 0.14, 0.12, -0.9, 0.0)],
        20: [(0.36, 0.54, 0.16, 0.10, 0.9, 0.2)],
        25: [(0.12, 0.60, 0.18, 0.08, 0.0, 0.7)],
        26: [(0.10, 0.78, 0.30, 0.20, 0.0, 1.0)],
        41: [(0.38, -0.30, 0.15, 0.06, 0.0, 0.8)],
        42: [(0.38, -0.28, 0.15, 0.05, 0.0, 0.6), (0.38, -0.18, 0.15, 0.05, 0.0, -0.6)],
    }
)

# Combinations per emotion: prototypes and frequent variants of Ekman & Friesen (1978, EMFACS) and Du, Tao &
# Martinez 2014 (doi:10.1073/pnas.1322355111), restricted to the 21 units of MMME's Table 2. AU4 and AU14
# occur in most negative variants, as in that table, where they are the two most frequent.
EMOTION_ACTION_UNITS: Mapping[str, Sequence[tuple[int, ...]]] = MappingProxyType(
    {
        "happiness": [(12,), (6, 12), (12, 25), (12, 14)],
        "surprise": [(1, 2), (1, 2, 5), (1, 2, 26), (5, 25, 26)],
        "sadness": [(1, 4), (4, 15), (15, 17), (1, 4, 15)],
        "anger": [(4, 7), (4,), (4, 5, 7), (4, 17)],
        "disgust": [(4, 9), (10,), (9, 10), (4, 14)],
        "fear": [(1, 4, 20), (1, 2, 4, 5), (4, 20), (4, 14, 25)],
        "contempt": [(14,), (12, 14), (4, 14), (10, 14)],
    }
)


def action_unit_field(
    number: int, x: FloatArray, y: FloatArray, *, side: Literal["both", "left", "right"] = "both"
) -> FloatArray:
    """The displacement of one full-intensity action unit at face coordinates.

    Parameters
    ----------
    number
        One of the 21 action units of MMME's Table 2.
    x, y
        Face coordinates, same shape.
    side
        The participant's side; their left is the image's right.

    Returns
    -------
    Shape (2, *x.shape): displacement in x and y, 1 at the peak of the strongest bump.

    Raises
    ------
    OptionError
        If the action unit is not in the table.
    """
    if number not in BUMPS:
        raise OptionError(
            "action unit",
            wanted=f"one of {', '.join(map(str, BUMPS))}",
            got=number,
            remedy="choose one of MMME's Table 2",
        )
    field = np.zeros((2, *x.shape))
    for mirror, name in ((1.0, "left"), (-1.0, "right")):
        if side not in ("both", name):
            continue
        for cx, cy, wx, wy, dx, dy in BUMPS[number]:
            bump = np.exp(-0.5 * (((x - mirror * cx) / wx) ** 2 + ((y - cy) / wy) ** 2))
            field += np.stack([mirror * dx * bump, dy * bump])
    return field
