"""Motion of a face: optical flow by several engines, and optical strain."""

from mien.signals.face.flow import FLOW_ENGINES, dis_flow, farneback_flow, flow_engine, tv_l1_flow
from mien.signals.face.strain import optical_strain

__all__ = [
    "FLOW_ENGINES",
    "dis_flow",
    "farneback_flow",
    "flow_engine",
    "optical_strain",
    "tv_l1_flow",
]
