"""The words of the field as values: time, signals, expressions, labels, records and errors.

Everything else stands on this room; it knows numpy and nothing of mien's other rooms.
Times are float seconds on the master clock, intervals half-open, missing values None or NaN with a reason.
"""

from mien.core.errors import DataError, JobError, MienError, OptionError
from mien.core.expression import ActionUnit, Expression, is_micro
from mien.core.labels import emotion, three_class
from mien.core.records import ResultRecord, read_record
from mien.core.signal import Signal
from mien.core.time import ClockMap, FrameGrid, Interval

__all__ = [
    "ActionUnit",
    "ClockMap",
    "DataError",
    "Expression",
    "FrameGrid",
    "Interval",
    "JobError",
    "MienError",
    "OptionError",
    "ResultRecord",
    "Signal",
    "emotion",
    "is_micro",
    "read_record",
    "three_class",
]
