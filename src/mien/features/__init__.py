"""One pass over a recording, and every feature of its clips that someone asked for, kept in a store.

A clip is one expression, onset to offset; a feature is what methods of recognition are given for it. Features
know nothing of classes: nothing here is fitted. May use dataset, signals, recording, jobs and core.
"""

from mien.features.clip_features import FEATURES, FaceClip, Feature, find_apex, stretch
from mien.features.measuring import ClipSpan, Measurement, MeasureSettings, measure_clips, measure_runs

__all__ = [
    "FEATURES",
    "ClipSpan",
    "FaceClip",
    "Feature",
    "MeasureSettings",
    "Measurement",
    "find_apex",
    "measure_clips",
    "measure_runs",
    "stretch",
]
