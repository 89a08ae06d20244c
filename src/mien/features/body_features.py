"""MMME's Table 6: the features of peripheral signals in windows around apexes, kind by kind.

Events are found in the continuous recording and cut afterwards (`signals.physio`). Band powers of the heart
rate need a minute: they come from a context of 60 s around the window and are missing where it does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio import TABLE_6, measure
from mien.signals.physio.filters import Recipe

CONTEXT_S = 60.0
LEAST_REFERENCES = 5
"""Windows of the own session that a median and a spread need."""

_OF_ECG = tuple(name for name in TABLE_6.values() if name.startswith(("ecg_", "hrv_")))
BODY_FEATURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ppg": tuple(name for name in TABLE_6.values() if name.startswith("ppg_")),
        "ecg": _OF_ECG,
        **{
            kind: tuple(name for name in TABLE_6.values() if name.startswith(f"{kind}_"))
            for kind in ("rsp", "skt", "eda")
        },
    }
)
"""Features of each kind of signal: 1 of PPG, 12 of ECG, 3 of breathing, 4 of temperature, 5 of EDA."""


def body_features(
    signals: Mapping[str, Signal],
    windows: FloatArray,
    *,
    own_clock: bool,
    recipe: Recipe = "recommended",
    baseline: bool = True,
    window_s: float = 10.0,
) -> dict[str, tuple[FloatArray, NDArray[np.str_]]]:
    """Features of each kind, (n, n_features), NaN where one is missing, and why a whole row is, (n,).

    Parameters
    ----------
    signals
        Kind -> recording; all on one clock.
    windows
        (n, 2), [start, end) in seconds of that clock.
    own_clock
        Whether that clock begins with the first sample, whatever the signals' `start_s` says.
    recipe
        As in `signals.physio.measure`.
    baseline
        Whether features are deviations from the median of the same person's windows of `window_s` over the
        whole recording, in units of their spread (`against_reference`).

    Raises
    ------
    DataError
        If a signal has a wrong unit.
    """
    placed = {kind: replace(one, start_s=0.0) if own_clock else one for kind, one in signals.items()}
    regular = _regular(placed, window_s) if baseline else np.empty((0, 2))
    table = measure(placed, np.vstack([windows, regular]), recipe=recipe, context_s=CONTEXT_S)
    n = len(windows)
    found = {}
    for kind, names in BODY_FEATURES.items():
        chosen = table.select(names)
        values = chosen.values[:n]
        if baseline:
            values = against_reference(values, chosen.values[n:])
        missing = ~np.isfinite(values).any(axis=1)
        quality = table.quality.get(kind, np.full(n + len(regular), ""))[:n]
        first = chosen.reasons[:n, 0]
        why = np.where(quality != "", quality, np.where(first != "", first, "nothing-measured"))
        found[kind] = (values, np.where(missing, why, ""))
    return found


def against_reference(values: FloatArray, reference: FloatArray) -> FloatArray:
    """Values (n, m) as deviations from the reference's medians (k, m) in units of its robust spread.

    The spread is 1.4826 times the median absolute deviation, or the standard deviation where that is 0. A
    feature without variation in the reference, or with fewer than five values there, is NaN.
    """
    known = np.isfinite(reference).sum(axis=0)
    usable = known >= LEAST_REFERENCES
    made = np.full(values.shape, np.nan)
    if usable.any():
        middle = np.nanmedian(reference[:, usable], axis=0)
        spread = 1.4826 * np.nanmedian(np.abs(reference[:, usable] - middle), axis=0)
        # Counts that are mostly 0 have no median deviation, but they do vary.
        spread = np.where(spread > 0, spread, np.nanstd(reference[:, usable], axis=0))
        sound = spread > 1e-12 * np.maximum(np.abs(middle), 1.0)
        scaled = (values[:, usable] - middle) / np.where(sound, spread, 1.0)
        made[:, usable] = np.where(sound, scaled, np.nan)
    return made


def _regular(signals: Mapping[str, Signal], window_s: float) -> FloatArray:
    """Windows of one length, one after another, over the longest recording."""
    start = min((one.start_s for one in signals.values()), default=0.0)
    end = max((one.start_s + one.duration_s for one in signals.values()), default=0.0)
    starts = start + window_s * np.arange(int((end - start) / window_s))
    return np.stack([starts, starts + window_s], axis=1)
