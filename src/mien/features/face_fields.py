"""How every place of a face moves and looks over a video: what methods need that regions' means do not give.

Conventions: frames lie on an even grid of `FIELD_HZ`; displacements in pixels of a face 128 px wide, u right,
v down, of the points of a grid of `FIELD_SIZE` x `FIELD_SIZE` over the aligned face, the head's motion taken
out. Within a stretch displacements are joined over all references: the motion from frame i to frame j is
`displacement[j] - displacement[i]`, for any i and j, so one pass over the video serves every lag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray

FIELD_HZ = 30.0
"""The rate at which the published spotting methods look at CAS(ME)^2; theirs for SAMM-LV is near."""
FIELD_SIZE = 64
BLOCKS = 6
"""Blocks across and down of the aligned face in which texture is counted."""
PATTERNS = 256

Channel = Literal["displacement", "texture"]


@dataclass(frozen=True, slots=True, eq=False)
class FaceFields:
    """The displacement and the texture of one face over a video, read piece by piece.

    Parameters
    ----------
    times_s
        Shape (n,): seconds of the file, `FIELD_HZ` a second.
    stretch
        Shape (n,): number of the unbroken stretch from 0, -1 where no face was measured. Displacements of
        two frames may be compared within a stretch only.
    texture_stretch
        The same of texture, which breaks where the face was aligned anew as well.
    read
        Returns a channel's frames first <= i < stop.
    """

    times_s: FloatArray
    stretch: NDArray[np.int64]
    texture_stretch: NDArray[np.int64]
    read: Callable[[Channel, int, int], NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.times_s)

    def displacement(self, first: int, stop: int) -> NDArray[np.float32]:
        """Frames first <= i < stop, (stop - first, 2, FIELD_SIZE, FIELD_SIZE); NaN where stretch is -1."""
        return self.read("displacement", first, stop)

    def texture(self, first: int, stop: int) -> NDArray[np.float32]:
        """Counts of local binary patterns, (stop - first, BLOCKS ** 2, PATTERNS); NaN where stretch is -1."""
        return self.read("texture", first, stop)

    def stretches(self, channel: Channel = "displacement") -> list[tuple[int, int]]:
        """First frame and the one after the last of every stretch, in order."""
        number = self.stretch if channel == "displacement" else self.texture_stretch
        edges = np.flatnonzero(np.diff(number, prepend=-2, append=-2))
        bounds = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        return [(first, stop) for first, stop in bounds if number[first] >= 0]


def fields_of_arrays(
    times_s: FloatArray,
    stretch: NDArray[np.int64],
    displacement: NDArray[np.float32],
    texture: NDArray[np.float32] | None = None,
    texture_stretch: NDArray[np.int64] | None = None,
) -> FaceFields:
    """Fields that lie in memory, as tests and simulations make them."""

    def read(channel: Channel, first: int, stop: int) -> NDArray[np.float32]:
        whole = displacement if channel == "displacement" else texture
        assert whole is not None
        return np.asarray(whole[first:stop], dtype=np.float32)

    return FaceFields(times_s, stretch, stretch if texture_stretch is None else texture_stretch, read)
