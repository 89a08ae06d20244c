"""Where in a video a face expressed something: scores per frame, then peaks, then expressions.

A method takes the motion of a face, as `features.face_motion` gives it, and answers with `Spotted`: proposals
with onset, apex, offset, kind and score, and every span that could not be judged with its reason. May use
features, learning, dataset, signals, metrics, stats and core; knows nothing of how it is evaluated.
"""

from mien.spotting.optical_flow import OpticalFlowSettings, spot_by_optical_flow
from mien.spotting.result import Proposal, Spotted, Unjudged

__all__ = ["OpticalFlowSettings", "Proposal", "Spotted", "Unjudged", "spot_by_optical_flow"]
