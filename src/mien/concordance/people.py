"""What the analysis knows of one person: signals, the map of their clock, trials and expressions.

Conventions: trials and expressions are seconds of the master clock; signals are seconds of their recorder's
own clock, and `clock` takes these to master seconds. Without a clock the two are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.expression import Expression
from mien.core.signal import Signal
from mien.core.time import FloatArray, Interval
from mien.recording.clocks import ClockFit


@dataclass(frozen=True, slots=True, eq=False)
class ParticipantData:
    """One person's recording, ready to be measured.

    Parameters
    ----------
    participant_id
        As in "sub-001".
    signals
        Kind ("ecg", "ppg", "rsp", "eda", "skt") -> continuous recording on the recorder's clock.
    trials
        Trial number -> clip onset to the next rest code, master seconds.
    expressions
        (trial, expression) in master seconds; micro, macro and undecided ones.
    clock
        From the recorder's clock to the master clock, in pieces; None where they are one.
    unused
        Coded expressions without usable times: reason -> number.
    reminders_s
        When the participant was reminded to keep still, master seconds.

    Raises
    ------
    DataError
        If the clock's fit failed.
    """

    participant_id: str
    signals: Mapping[str, Signal]
    trials: Mapping[int, Interval]
    expressions: tuple[tuple[int, Expression], ...]
    clock: ClockFit | None = None
    unused: Mapping[str, int] = field(default_factory=dict)
    reminders_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.clock is not None and (self.clock.verdict == "failed" or not self.clock.pieces):
            raise DataError(
                f"{self.participant_id}, clock of the signals",
                wanted="a fit that holds",
                got=self.clock.reason or "none",
                remedy="leave the participant out, or look at mien sync",
            )

    def on_recorder(self, windows: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Windows [start, end), (n, 2) master seconds, on the recorder's clock; and which of them hold.

        One that crosses a step of the clock (lost samples, a restart) does not hold and is NaN.
        """
        if self.clock is None:
            return windows, np.ones(len(windows), dtype=np.bool_)
        return self.clock.windows_on_device(windows)
