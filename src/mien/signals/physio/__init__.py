"""Peripheral physiology: from ECG, pulse, breathing and skin to events, rates and features of windows.

`ecg`, `ppg`, `rsp`, `eda` and `skt` have the same verbs: `clean`, `peaks` or `phasic`, `rate`, `features`;
`measure` runs them all over one session. Events are found in the continuous recording and cut afterwards;
what a window cannot give is NaN with a reason. Times are seconds on the signal's own clock.
`heart_rate.py` goes from an ECG to heart rate and its slope, for MMME's candidate filter.
"""

from mien.signals.physio import ecg, eda, ppg, rsp, skt
from mien.signals.physio.heart_rate import (
    RRIntervals,
    clean_intervals,
    heart_rate,
    heart_rate_slope,
    r_peaks,
    slope_exceeds_mean,
)
from mien.signals.physio.session import measure
from mien.signals.physio.table import TABLE_3, TABLE_6, EpochFeatures

__all__ = [
    "TABLE_3",
    "TABLE_6",
    "EpochFeatures",
    "RRIntervals",
    "clean_intervals",
    "ecg",
    "eda",
    "heart_rate",
    "heart_rate_slope",
    "measure",
    "ppg",
    "r_peaks",
    "rsp",
    "skt",
    "slope_exceeds_mean",
]
