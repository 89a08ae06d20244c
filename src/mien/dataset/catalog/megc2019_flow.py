"""The optical-flow maps of the MEGC-2019 recognition challenge (SMIC, CASME II, SAMM), three classes.

28 x 28 onset-to-apex flow, channels u, v, strain, each stretched to 0..255 per map. Reference: See et al.
2019, doi:10.1109/FG.2019.8756611; maps as introduced by Liong et al. 2019, arXiv:1902.03634.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mien.core.labels import THREE_CLASSES
from mien.dataset.motion_maps import MotionMaps, find_labels, read_motion_maps


@dataclass(frozen=True, slots=True)
class MotionMapFormat:
    """A published layout of motion maps."""

    name: str
    title: str
    classes: tuple[str, ...]
    size: tuple[int, int]

    def recognises(self, source: Path) -> bool:
        """Whether a folder looks like this layout."""
        return source.is_dir() and bool(find_labels(source))

    def read(self, source: Path) -> MotionMaps:
        """The maps in a folder; raises DataError for whatever contradicts the layout."""
        return read_motion_maps(source, classes=self.classes, size=self.size)


MEGC2019_FLOW = MotionMapFormat(
    name="megc2019-flow", title="MEGC-2019 optical-flow maps", classes=THREE_CLASSES, size=(28, 28)
)
