"""What can be measured of one clip: the inputs of the recognition methods, by name.

Every feature is a function of a prepared clip: faces of one size, onset first, offset last. A method asks for
a feature by the name of its input, as "motion-map".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.features.key_frames import key_frame_motion
from mien.signals.face import (
    bi_woof,
    flow_engine,
    interpolate_frames,
    lbp_top,
    mdmo,
    optical_strain,
    remove_head_motion,
)
from mien.signals.face.flow import Flow

MAP_SIZE = 28
LBP_TOP_FRAMES = 10


@dataclass(frozen=True, slots=True, eq=False)
class FaceClip:
    """The faces of one expression.

    Parameters
    ----------
    grey
        Shape (n_frames, size, size) uint8, onset to offset, two frames or more.
    colour
        Shape (n_frames, size, size, 3) uint8 RGB; None where the video has no colour.
    apex
        Index of the apex among the frames, not 0.
    landmarks
        Shape (68, 2), x and y of the onset's face in its pixels; None: those of a template.
    flow
        Name of the optical flow engine; None: each feature's own.
    steady
        Whether motion of the whole head is taken out of the flow; not of "mdmo", which aligns by itself, nor
        of "motion-clip", whose steps are short.
    seen
        Shape (size, size) bool: where the person is seen in every frame; flow is 0 elsewhere. None: all.
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.uint8] | None
    apex: int
    landmarks: FloatArray | None = None
    flow: str | None = None
    steady: bool = True
    seen: NDArray[np.bool_] | None = None

    def flow_to(self, frame: int, *, engine: str) -> Flow:
        """Flow from the onset to a frame, (2, size, size), by the clip's engine, else by the given one."""
        field = flow_engine(self.flow or engine)(self.grey[0], self.grey[frame])
        field = remove_head_motion(field)[0] if self.steady else field
        return field if self.seen is None else field * self.seen


def motion_map(clip: FaceClip, *, size: int = MAP_SIZE) -> NDArray[np.uint8]:
    """Onset-to-apex u, v and strain, (size, size, 3), each stretched to 0..255 as in the MEGC-2019 maps.

    Dense inverse search at the face's own size, then brought to the map's, then strain: in this order noise
    of single pixels does not look like strain.
    """
    import cv2

    flow = [
        cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA)
        for part in clip.flow_to(clip.apex, engine="dis")
    ]
    u, v = (np.asarray(part, dtype=np.float64) for part in flow)
    return stretch(np.stack([u, v, optical_strain(u, v)], axis=-1))


def motion_clip(clip: FaceClip) -> NDArray[np.float32]:
    """u, v and strain between eight key frames, (7, 60, 60, 3), signed, pixels of the small face."""
    engine = flow_engine(clip.flow or "dis")
    motion = key_frame_motion(clip.grey, apex=clip.apex, flow=engine)
    if clip.seen is None:
        return motion
    import cv2

    size = motion.shape[1]
    seen = cv2.resize(clip.seen.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return motion * (seen > 0.5)[:, :, None]


def frame_pair(clip: FaceClip) -> NDArray[np.uint8]:
    """The onset and the apex frame, (2, size, size, 3); grey faces three times where there is no colour."""
    frames = clip.grey[..., None].repeat(3, axis=-1) if clip.colour is None else clip.colour
    return np.ascontiguousarray(frames[[0, clip.apex]])


def lbp_top_vector(clip: FaceClip) -> FloatArray:
    """The clip brought to 10 frames, then LBP-TOP with its default settings."""
    frames = interpolate_frames(clip.grey, LBP_TOP_FRAMES).round().clip(0, 255).astype(np.uint8)
    return lbp_top(frames)


def bi_woof_vector(clip: FaceClip) -> FloatArray:
    """TV-L1 flow from onset to apex, as published, then Bi-WOOF."""
    return bi_woof(np.moveaxis(clip.flow_to(clip.apex, engine="tv-l1"), 0, -1).astype(np.float64))


def mdmo_vector(clip: FaceClip) -> FloatArray:
    """Flow from the onset to every other frame, then MDMO with its own alignment."""
    engine = flow_engine(clip.flow or "dis")
    flows = np.stack([engine(clip.grey[0], frame) for frame in clip.grey[1:]]).astype(np.float64)
    return mdmo(flows, landmarks=clip.landmarks)


def stretch(channels: FloatArray) -> NDArray[np.uint8]:
    """Each channel stretched to 0..255 on its own, (h, w, c), as the published maps are."""
    low, high = channels.min(axis=(0, 1)), channels.max(axis=(0, 1))
    return np.rint(255 * (channels - low) / np.where(high > low, high - low, 1.0)).astype(np.uint8)


def find_apex(grey: NDArray[np.uint8], seen: NDArray[np.bool_] | None = None) -> int:
    """The frame whose face is farthest from the first one's: largest mean flow, the head's motion taken out.

    For clips without a coded apex; ours. `grey` has shape (n_frames, size, size), two frames or more; `seen`
    as in `FaceClip`.
    """
    whole = FaceClip(grey, None, 1, seen=seen)
    lengths = [float(np.hypot(*whole.flow_to(frame, engine="dis")).mean()) for frame in range(1, len(grey))]
    return 1 + int(np.argmax(lengths))


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature by name; the version is raised whenever its numbers may change."""

    name: str
    version: int
    measure: Callable[[FaceClip], NDArray[Any]]


FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        feature.name: feature
        for feature in (
            Feature("motion-map", 1, motion_map),
            Feature("motion-clip", 1, motion_clip),
            Feature("frame-pair", 1, frame_pair),
            Feature("lbp-top", 1, lbp_top_vector),
            Feature("bi-woof", 1, bi_woof_vector),
            Feature("mdmo", 1, mdmo_vector),
        )
    }
)
