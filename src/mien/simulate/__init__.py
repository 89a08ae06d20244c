"""Studies with known truth: what is simulated here is known exactly, so that analyses can be judged.

Nothing here is made from a participant. May use everything from elicitation downward; no analysis may
read a simulated study's truth.
"""

from mien.simulate.action_units import EMOTION_ACTION_UNITS, action_unit_field
from mien.simulate.maps import MapSettings, simulate_maps

__all__ = ["EMOTION_ACTION_UNITS", "MapSettings", "action_unit_field", "simulate_maps"]
