"""Peripheral physiology: from ECG, pulse, breathing and skin to events, rates and their slopes.

`heart_rate.py` goes from an ECG to R peaks, cleaned intervals, heart rate on a grid, its slope, and the
verdict on which the heart-rate candidate filter of MMME rests. Times are seconds on the signal's own clock.
"""

from mien.signals.physio.heart_rate import (
    RRIntervals,
    clean_intervals,
    heart_rate,
    heart_rate_slope,
    r_peaks,
    slope_exceeds_mean,
)

__all__ = [
    "RRIntervals",
    "clean_intervals",
    "heart_rate",
    "heart_rate_slope",
    "r_peaks",
    "slope_exceeds_mean",
]
