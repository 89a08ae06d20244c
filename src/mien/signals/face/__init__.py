"""A face in a video: found, cut out and held still; its motion as flow and strain; descriptors of clips."""

from mien.signals.face.bi_woof import bi_woof
from mien.signals.face.finding import face_finder
from mien.signals.face.flow import FLOW_ENGINES, dis_flow, farneback_flow, flow_engine, tv_l1_flow
from mien.signals.face.head_motion import remove_head_motion
from mien.signals.face.lbp_top import lbp_top
from mien.signals.face.mdmo import mdmo
from mien.signals.face.preparing import FaceSettings, prepare_faces
from mien.signals.face.regions import action_unit_masks
from mien.signals.face.strain import optical_strain
from mien.signals.face.temporal_interpolation import interpolate_frames

__all__ = [
    "FLOW_ENGINES",
    "FaceSettings",
    "action_unit_masks",
    "bi_woof",
    "dis_flow",
    "face_finder",
    "farneback_flow",
    "flow_engine",
    "interpolate_frames",
    "lbp_top",
    "mdmo",
    "optical_strain",
    "prepare_faces",
    "remove_head_motion",
    "tv_l1_flow",
]
