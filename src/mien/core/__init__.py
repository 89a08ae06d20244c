"""The words of the field as values: time, signals, expressions, labels, records and errors.

Everything else stands on this room; it knows numpy and nothing of mien's other rooms.
Times are float seconds on the master clock, intervals half-open, missing values None or NaN with a reason.
"""

from mien.core.errors import DataError, JobError, MienError, OptionError

__all__ = ["DataError", "JobError", "MienError", "OptionError"]
