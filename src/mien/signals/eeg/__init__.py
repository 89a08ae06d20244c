"""Electroencephalograms: labels and places, bands, artefact components, epochs around apexes.

`montage` gives channels the names and places other tools know; `bands` filters without delay and lowers the
rate; `adjust` tells which independent components are blinks, eye movements or discontinuities, and why;
`muscle` flags those that look like muscle, which may be the expression itself; `iclabel` asks a network;
`cleaning` does all of it to a session, in flat memory and with an account; `epochs` cuts on the master
clock. May use core and `mien.recording`. Arrays are (n_channels, n_samples); positions are x right, y front,
z up from the centre of the head.
"""

from mien.signals.eeg.adjust import adjust, adjust_ica, fixed_epochs
from mien.signals.eeg.bands import BANDS, filtered, resampled, split
from mien.signals.eeg.cleaning import clean_session
from mien.signals.eeg.cleaning_settings import CleaningSettings
from mien.signals.eeg.epochs import around_apexes, raw_around_apexes
from mien.signals.eeg.montage import repair, repair_raw, standard_positions
from mien.signals.eeg.thresholds import em_threshold

__all__ = [
    "BANDS",
    "CleaningSettings",
    "adjust",
    "adjust_ica",
    "around_apexes",
    "clean_session",
    "em_threshold",
    "filtered",
    "fixed_epochs",
    "raw_around_apexes",
    "repair",
    "repair_raw",
    "resampled",
    "split",
    "standard_positions",
]
