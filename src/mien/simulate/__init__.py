"""Studies with known truth: what is simulated here is known exactly, so that analyses can be judged.

`settings` holds the knobs, `script` what happens, `session` what was recorded of one person (faces, bodies,
brains, voices, clocks, coders), `study` and `release` what lies on disk, `truth` what was true. Nothing here
is made from a participant. May use everything from elicitation downward; no analysis may read the truth.
"""

from mien.simulate.action_units import EMOTION_ACTION_UNITS, action_unit_field
from mien.simulate.maps import MapSettings, simulate_maps
from mien.simulate.settings import Effects, Expressiveness, Faults, StudySettings
from mien.simulate.study import Estimate, SimulatedStudy, estimate_study, simulate_study, study_parts
from mien.simulate.truth import Truth, read_truth

__all__ = [
    "EMOTION_ACTION_UNITS",
    "Effects",
    "Estimate",
    "Expressiveness",
    "Faults",
    "MapSettings",
    "SimulatedStudy",
    "StudySettings",
    "Truth",
    "action_unit_field",
    "estimate_study",
    "read_truth",
    "simulate_maps",
    "simulate_study",
    "study_parts",
]
