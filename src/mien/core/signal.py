"""A sampled signal that carries its own rate, unit and start, so that no caller has to guess them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray, Interval


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One channel of evenly sampled values.

    Parameters
    ----------
    values
        Shape (n_samples,), in `unit`; NaN marks a missing sample.
    rate_hz
        Samples per second of the recording's own clock, above 0; there is no default.
    unit
        For example "mV", "uS", "degC"; "n/a" where the file states none.
    name
        The channel's name in its file.
    start_s
        Time of the first sample on the master clock, seconds.

    Raises
    ------
    DataError
        If the values are not one-dimensional.
    OptionError
        If the rate is not a positive number.

    Examples
    --------
    >>> Signal(np.zeros(500), rate_hz=250.0, unit="mV", name="ECG").duration_s
    2.0
    """

    values: NDArray[np.float64]
    rate_hz: float
    unit: str
    name: str
    start_s: float = 0.0

    def __post_init__(self) -> None:
        if self.values.ndim != 1:
            raise DataError(
                f"signal {self.name}",
                wanted="one-dimensional values",
                got=f"shape {self.values.shape}",
                remedy="split the channels",
            )
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise OptionError(
                f"signal {self.name}",
                wanted="a rate above 0 Hz",
                got=f"{self.rate_hz} Hz",
                remedy="state the rate of the recording",
            )

    def __len__(self) -> int:
        return int(self.values.size)

    @property
    def duration_s(self) -> float:
        """n_samples / rate, seconds."""
        return len(self) / self.rate_hz

    @property
    def times_s(self) -> FloatArray:
        """The time of every sample on the master clock, shape (n_samples,), seconds."""
        return self.start_s + np.arange(len(self), dtype=np.float64) / self.rate_hz

    def between(self, span: Interval) -> Signal:
        """The samples whose times lie in the half-open span; empty where there are none."""
        first = max(0, math.ceil((span.start_s - self.start_s) * self.rate_hz - 1e-9))
        last = max(first, min(len(self), math.ceil((span.end_s - self.start_s) * self.rate_hz - 1e-9)))
        return Signal(
            self.values[first:last], self.rate_hz, self.unit, self.name, self.start_s + first / self.rate_hz
        )
