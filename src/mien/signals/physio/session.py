"""All features of all peripheral signals of one session, in one table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.signals.physio import ecg, eda, ppg, rsp, skt
from mien.signals.physio.epochs import checked_windows
from mien.signals.physio.filters import Recipe, checked_recipe
from mien.signals.physio.table import EpochFeatures, codes

# A signal without samples, for the names of the features of a kind that a session lacks.
_UNITS = {"ecg": "mV", "ppg": "n/a", "rsp": "n/a", "eda": "uS", "skt": "degC"}


def measure(
    signals: Mapping[str, Signal],
    windows: ArrayLike,
    *,
    recipe: Recipe = "recommended",
    context_s: float | None = None,
) -> EpochFeatures:
    """Every feature of ECG, PPG, RSP, EDA and SKT in each window of one session.

    The columns are always the same: a kind that is not given has no values ("no-signal"). Nothing that a
    recording holds raises; it becomes a reason.

    Parameters
    ----------
    signals
        Kind ("ecg", "ppg", "rsp", "eda", "skt") -> its continuous recording, each at its own rate, all on
        the master clock.
    windows
        Shape (n, 2), [start, end) in seconds on the master clock.
    recipe
        "recommended", or "paper" for MMME's preprocessing; each signal's module says what they are.
    context_s
        Length of the stretch from which the ECG's band powers are taken, 60 s or more; None for the window.

    Raises
    ------
    DataError
        For a wrong unit, something that is no Signal, or windows that are none.
    OptionError
        For an unknown kind or recipe, or a context of less than 60 s.

    Examples
    --------
    >>> temperature = Signal(np.full(40, 31.0) + np.arange(40) / 100, rate_hz=4.0, unit="degC", name="T")
    >>> found = measure({"skt": temperature}, [[2.0, 7.0]])
    >>> found["skt_slope_mk_per_s"].round(6).tolist(), found.reason("eda_mean_us").tolist()
    ([40.0], ['no-signal'])
    """
    unknown = sorted(set(signals) - set(_UNITS))
    if unknown:
        raise OptionError(
            "signals",
            wanted=f"kinds among {', '.join(_UNITS)}",
            got=", ".join(map(repr, unknown)),
            remedy="name each channel by its kind",
        )
    bounds = checked_windows(windows)
    checked_recipe(recipe)
    ecg.checked_context(context_s)
    tables = []
    for kind, module in (("ecg", ecg), ("ppg", ppg), ("rsp", rsp), ("eda", eda), ("skt", skt)):
        given = signals.get(kind)
        recording = Signal(np.empty(0), 1000.0, _UNITS[kind], kind) if given is None else given
        if module is ecg:
            table = ecg.features(recording, bounds, recipe=recipe, context_s=context_s)
        else:
            table = module.features(recording, bounds, recipe=recipe)
        tables.append(table if given is not None else _without_signal(table))
    return EpochFeatures(
        tuple(name for table in tables for name in table.names),
        bounds,
        np.hstack([table.values for table in tables]),
        np.hstack([table.reasons for table in tables]),
        {kind: why for table in tables for kind, why in table.quality.items()},
    )


def _without_signal(table: EpochFeatures) -> EpochFeatures:
    quality = {kind: codes(len(table.windows), "no-signal") for kind in table.quality}
    return EpochFeatures(
        table.names,
        table.windows,
        np.full_like(table.values, np.nan),
        np.full_like(table.reasons, "no-signal"),
        quality,
    )
