"""Motion of a face: optical flow by several engines, optical strain, and descriptors of whole clips."""

from mien.signals.face.bi_woof import bi_woof
from mien.signals.face.flow import FLOW_ENGINES, dis_flow, farneback_flow, flow_engine, tv_l1_flow
from mien.signals.face.lbp_top import lbp_top
from mien.signals.face.strain import optical_strain
from mien.signals.face.temporal_interpolation import interpolate_frames

__all__ = [
    "FLOW_ENGINES",
    "bi_woof",
    "dis_flow",
    "farneback_flow",
    "flow_engine",
    "interpolate_frames",
    "lbp_top",
    "optical_strain",
    "tv_l1_flow",
]
