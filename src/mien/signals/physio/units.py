"""Which units each kind of signal may come in: converted where that is exact, refused where they are wrong.

ECG is turned into mV, skin conductance into uS; breathing and pulse keep the unit of their file, because a
belt or a finger clip measures nothing absolute.
"""

from __future__ import annotations

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal

_NOT_STATED = {"n/a", "", "a.u.", "au", "arbitrary", "adc", "count", "counts", "unknown"}
_VOLTS = {"v": 1e3, "volt": 1e3, "volts": 1e3, "mv": 1.0, "millivolt": 1.0, "millivolts": 1.0}
_VOLTS |= {"uv": 1e-3, "microvolt": 1e-3, "microvolts": 1e-3}
_SIEMENS = {
    "us": 1.0,
    "usiemens": 1.0,
    "microsiemens": 1.0,
    "microsiemen": 1.0,
    "umho": 1.0,
    "micromho": 1.0,
    "micromhos": 1.0,
}
_SIEMENS |= {"s": 1e6, "siemens": 1e6, "ns": 1e-3, "nanosiemens": 1e-3}
_CELSIUS = {"degc": 1.0, "c": 1.0, "°c": 1.0, "celsius": 1.0, "degreescelsius": 1.0}
_OTHER_QUANTITIES = {"bpm", "hz", "degf", "k", "kelvin"}

# What may not be: a pulse in degrees is a mistake, a breath in degrees is a thermistor under the nose.
_REFUSED = {
    "ppg": set(_SIEMENS) | set(_CELSIUS) | _OTHER_QUANTITIES,
    "rsp": (set(_SIEMENS) | {"bpm", "hz"}) - {"s"},
}
_ACCEPTED = {"ecg": (_VOLTS, "mV"), "eda": (_SIEMENS, "uS"), "skt": (_CELSIUS, "degC")}


def has_unit(signal: Signal) -> bool:
    """Whether the signal's unit says what it measures; "n/a" and counts do not."""
    return _plain(signal.unit) not in _NOT_STATED


def in_standard_unit(signal: Signal, kind: str) -> Signal:
    """The signal as float64 in the unit of its kind: mV for ECG, uS for EDA, degC for SKT, else unchanged.

    An ECG without a unit is let through as it is, since beats need none; skin conductance and temperature
    without a unit are refused, since every number taken from them is in that unit.

    Parameters
    ----------
    signal
        Any length; values that are not finite become NaN, missing.
    kind
        "ecg", "ppg", "rsp", "eda" or "skt".

    Raises
    ------
    DataError
        If it is no Signal, its values are no real numbers, or its unit cannot be one of this kind.
    OptionError
        If its rate is not a positive number.
    """
    if not isinstance(signal, Signal):
        raise DataError(
            kind,
            wanted="a Signal with its rate and unit",
            got=type(signal).__name__,
            remedy="wrap the samples in mien.core.signal.Signal",
        )
    factor, unit = _conversion(signal, kind)
    if signal.values.dtype.kind not in "biuf":
        raise DataError(
            f"signal {signal.name}",
            wanted="real numbers",
            got=str(signal.values.dtype),
            remedy="convert the channel first",
        )
    if not (np.isfinite(signal.rate_hz) and signal.rate_hz > 0):
        raise OptionError(
            f"signal {signal.name}",
            wanted="a rate above 0 Hz",
            got=f"{signal.rate_hz} Hz",
            remedy="state the rate of the recording",
        )
    with np.errstate(over="ignore"):
        values = signal.values.astype(np.float64) * factor
    # Beyond 1e100 the square overflows: no recorder writes that, it is a broken sample.
    values[~(np.abs(values) < 1e100)] = np.nan
    return Signal(values, signal.rate_hz, unit, signal.name, signal.start_s)


def _conversion(signal: Signal, kind: str) -> tuple[float, str]:
    unit = _plain(signal.unit)
    if kind in _ACCEPTED:
        factors, standard = _ACCEPTED[kind]
        if unit in factors:
            return factors[unit], standard
        if kind == "ecg" and unit in _NOT_STATED:
            return 1.0, signal.unit
        raise _wrong_unit(signal, kind, wanted=f"{kind.upper()} in {standard}")
    if unit in _REFUSED[kind]:
        raise _wrong_unit(signal, kind, wanted=f"a unit in which {kind.upper()} can be recorded, or n/a")
    return 1.0, signal.unit


def _wrong_unit(signal: Signal, kind: str, *, wanted: str) -> DataError:
    return DataError(
        f"signal {signal.name}",
        wanted=wanted,
        got=repr(signal.unit),
        remedy=f"check that this channel is {kind.upper()} and state its unit",
    )


def _plain(unit: str) -> str:
    """Lower case without blanks, the two micro signs as u."""
    return unit.strip().replace("µ", "u").replace("μ", "u").replace(" ", "").lower()
