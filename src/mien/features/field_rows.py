"""What a face that is followed leaves for methods that look at all of its places: displacement and texture.

Displacements are means over 2 x 2 pixels of the aligned face, against the frame's reference. Texture is
counted in a face that is aligned anew only at the beginning of a part and where the face is lost: a new
reference's eyes lie a pixel beside the last one's, and every edge of the face would change its pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.features.face_fields import BLOCKS, FIELD_SIZE, PATTERNS
from mien.features.region_motion import SIZE, Aligner, Motion, Picture, ReferenceFace


@dataclass(slots=True)
class FieldRows:
    """Rows of frames with fields, in order; `wanted` says which frames have them.

    `anchors` holds for each row the frame at which its texture was aligned; `joins` maps a reference to the
    displacement that the one before measured of it.
    """

    wanted: Callable[[int], bool]
    frames: list[int] = field(default_factory=list)
    references: list[int] = field(default_factory=list)
    anchors: list[int] = field(default_factory=list)
    displacements: list[NDArray[np.float16]] = field(default_factory=list)
    textures: list[NDArray[np.uint16]] = field(default_factory=list)
    joins: dict[int, NDArray[np.float16]] = field(default_factory=dict)
    _aligner: Aligner | None = None
    _anchor: int = -1

    def begin(self, index: int, face: ReferenceFace, *, moved: FloatArray | None) -> None:
        """Take note of a new reference; `moved` is what the last one's shift was if texture goes on."""
        if moved is None or self._aligner is None:
            self._aligner, self._anchor = face.aligner, index
        else:
            self._aligner = self._aligner.moved(moved)

    def join(self, index: int, motion: Motion) -> None:
        """Keep what the reference before measured of a new one."""
        assert motion.field is not None
        self.joins[index] = _placed(motion.field)

    def add(
        self, index: int, reference: int, picture: Picture, face: ReferenceFace, motion: Motion | None
    ) -> None:
        """Append a frame if it is wanted; without a motion it is the reference itself."""
        if not self.wanted(index):
            return
        assert self._aligner is not None
        still = np.zeros((2, FIELD_SIZE, FIELD_SIZE), dtype=np.float16)
        self.frames.append(index)
        self.references.append(reference)
        self.anchors.append(self._anchor)
        whole = None if motion is None else motion.field
        self.displacements.append(still if whole is None else _placed(whole))
        self.textures.append(count_patterns(self._aligner.cut(picture, face.shift)))


def _placed(flow: NDArray[np.float32]) -> NDArray[np.float16]:
    """A flow (2, SIZE, SIZE) at the places of the grid."""
    by = SIZE // FIELD_SIZE
    return flow.reshape(2, FIELD_SIZE, by, FIELD_SIZE, by).mean(axis=(2, 4)).astype(np.float16)


def count_patterns(grey: Picture) -> NDArray[np.uint16]:
    """How often each local binary pattern occurs in each block, (BLOCKS ** 2, PATTERNS).

    Eight neighbours on the square of radius 1 (Ojala et al. 2002, doi:10.1109/TPAMI.2002.1017623), a
    neighbour as bright as the middle counts as brighter; the outermost pixels have no pattern.
    """
    middle = grey[1:-1, 1:-1]
    codes = np.zeros(middle.shape, dtype=np.uint8)
    around = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    height, width = middle.shape
    for bit, (down, right) in enumerate(around):
        codes |= (grey[down : down + height, right : right + width] >= middle).view(np.uint8) << np.uint8(bit)
    rows, columns = ((np.arange(n) * BLOCKS // n) for n in (height, width))
    block = (rows[:, None] * BLOCKS + columns) * PATTERNS
    counts = np.bincount((block + codes).ravel(), minlength=BLOCKS**2 * PATTERNS)
    return counts.reshape(BLOCKS**2, PATTERNS).astype(np.uint16)
