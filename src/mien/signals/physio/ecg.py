"""Electrocardiogram: clean, R peaks, heart rate, features of windows.

Recipes: "recommended" is NeuroKit2's (high-pass 0.5 Hz of order 5, moving average over one period of 50 Hz)
at the recorded rate. "paper" is MMME's: 200 Hz after an anti-aliasing filter, drift removed, low-pass 40 Hz;
its order and its way of removing drift are not printed: order 2 and a high-pass of 0.5 Hz here.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio import hrv
from mien.signals.physio.beats import Cycles, beat_cycles, detected, interpolated_rate, mean_rate
from mien.signals.physio.epochs import checked_windows
from mien.signals.physio.filters import (
    PAPER_RATE_HZ,
    Recipe,
    band,
    checked_recipe,
    decimated,
    finite_runs,
    nothing,
    per_run,
)
from mien.signals.physio.heart_rate import _vertex_shift
from mien.signals.physio.quality import LIMITS, judged
from mien.signals.physio.table import Columns, EpochFeatures, Reasons, codes
from mien.signals.physio.units import has_unit, in_standard_unit
from mien.signals.physio.waveform import columns, left_out, statistics

KIND = "ecg"
DRIFT_HZ, PAPER_LOWPASS_HZ = 0.5, 40.0
WAVE_NAMES = {name: f"ecg_{name}_mv" for name in ("mean", "sd", "max", "min", "range")}
# A lead is read upside down if its downward deflections are this much larger.
INVERTED = 1.5


def clean(signal: Signal, recipe: Recipe = "recommended") -> Signal:
    """The ECG without drift and hum, in mV where a unit is stated; missing samples stay missing.

    All NaN below 100 Hz; runs of less than 3 s become NaN.

    Raises
    ------
    DataError
        If the unit is none of an ECG.
    OptionError
        For an unknown recipe.
    """
    checked_recipe(recipe)
    signal, limits = in_standard_unit(signal, KIND), LIMITS[KIND]
    if signal.rate_hz < limits.least_rate_hz:
        return nothing(signal)
    if recipe == "paper":
        signal = decimated(signal, PAPER_RATE_HZ)
        rate = signal.rate_hz

        def work(values: FloatArray) -> FloatArray:
            return band(band(values, rate, above=DRIFT_HZ), rate, below=PAPER_LOWPASS_HZ)

    else:
        import neurokit2 as nk

        def work(values: FloatArray) -> FloatArray:
            return np.asarray(nk.ecg_clean(values, sampling_rate=signal.rate_hz), dtype=np.float64)

    return per_run(signal, work, least_s=limits.least_s)


def peaks(cleaned: Signal) -> FloatArray:
    """Times of the R peaks, seconds, increasing, shape (n_peaks,); empty where there are none.

    NeuroKit2's default detector (Makowski et al. 2021, doi:10.3758/s13428-020-01516-y) in every run without
    a missing sample, then the vertex of the parabola through the three samples around each peak. A lead
    whose deflections point down is turned first, so that it gives the same beats.
    """
    if cleaned.rate_hz < LIMITS[KIND].least_rate_hz:
        return np.empty(0)
    import neurokit2 as nk

    found = []
    sign = -1.0 if _points_down(cleaned) else 1.0
    for first, last in finite_runs(cleaned.values, least=int(LIMITS[KIND].least_s * cleaned.rate_hz)):
        values = sign * cleaned.values[first:last]
        if np.ptp(values) <= 0:
            continue
        at = detected(partial(nk.ecg_findpeaks, values, sampling_rate=cleaned.rate_hz), "ECG_R_Peaks")[
            0
        ].astype(np.int64)
        found.append(first + at + _vertex_shift(values, at))
    samples = np.unique(np.concatenate(found)) if found else np.empty(0)
    return cleaned.start_s + samples / cleaned.rate_hz


def _points_down(cleaned: Signal) -> bool:
    """Whether the median over seconds of the lowest value is larger in size than that of the highest."""
    length = max(1, int(cleaned.rate_hz))
    seconds = cleaned.values[: len(cleaned) // length * length].reshape(-1, length)
    seconds = seconds[np.isfinite(seconds).all(axis=1)]
    if not len(seconds):
        return False
    return bool(-np.median(seconds.min(axis=1)) > INVERTED * np.median(seconds.max(axis=1)))


def rate(peaks_s: ArrayLike, cleaned: Signal) -> Signal:
    """Heart rate in bpm at the samples of the cleaned ECG, NaN where no accepted interval tells it."""
    cycles = beat_cycles(np.asarray(peaks_s, dtype=np.float64), cleaned)
    return interpolated_rate(cycles, cleaned, unit="bpm", name="heart rate")


def features(
    signal: Signal,
    windows: ArrayLike,
    *,
    recipe: Recipe = "recommended",
    context_s: float | None = None,
) -> EpochFeatures:
    """Every ECG feature of windows on the continuous recording: waveform, rate, HRV.

    Peaks are found in the whole recording; an RR interval belongs to a window if both its beats do. HRV is
    taken from accepted intervals alone (see `beats`), `ecg_rr_*` from all of them. Band powers need 60 s:
    from the window itself or, if given, from a longer context around it, moved so that it fits.

    Parameters
    ----------
    signal
        The recording in mV, V or uV; without a unit the features in mV have none ("no-unit").
    windows
        Shape (n, 2), [start, end) in seconds on the master clock.
    recipe
        How to clean; see the module.
    context_s
        Length of the stretch from which band powers are taken, 60 s or more; None for the window itself.

    Raises
    ------
    DataError
        For a wrong unit or windows that are none.
    OptionError
        For an unknown recipe or a context of less than 60 s.
    """
    bounds = checked_windows(windows)
    checked_context(context_s)
    raw = in_standard_unit(signal, KIND)
    cleaned = clean(raw, recipe)
    quality = judged(raw, cleaned, bounds, KIND)
    beats = peaks(cleaned)
    cycles = beat_cycles(beats, cleaned)
    found = columns(statistics(cleaned, bounds, " ".join(WAVE_NAMES)), WAVE_NAMES)
    if not has_unit(raw):
        found = left_out(found, codes(len(bounds), "no-unit"))
    found |= _rr(cycles, bounds)
    found["ecg_rate_mean_bpm"] = mean_rate(
        interpolated_rate(cycles, cleaned, unit="bpm", name="heart rate"), bounds, few="few-beats"
    )
    found |= variability(cycles, bounds)
    found = left_out(found, quality)
    found |= _frequency(cycles, raw, cleaned, bounds, context_s)
    return EpochFeatures.of_columns(bounds, found, {KIND: quality})


def checked_context(context_s: float | None) -> None:
    """Raises OptionError for a context of less than 60 s."""
    if context_s is not None and not (np.isfinite(context_s) and context_s >= hrv.LEAST_CONTEXT_S):
        raise OptionError(
            "context",
            wanted=f"{hrv.LEAST_CONTEXT_S:g} s or more",
            got=f"{context_s} s",
            remedy="give the length of the trial, or leave it out",
        )


def _rr(cycles: Cycles, windows: FloatArray) -> dict[str, tuple[FloatArray, Reasons]]:
    every = hrv.time_domain(cycles.matrix_ms(windows, accepted_only=False))
    found = {}
    for word, name in (("mean_nn_ms", "ecg_rr_mean_ms"), ("sdnn_ms", "ecg_rr_sd_ms")):
        why = codes(len(windows))
        why[np.isnan(every[word])] = "few-beats"
        found[name] = every[word], why
    return found


def variability(cycles: Cycles, windows: FloatArray) -> dict[str, tuple[FloatArray, Reasons]]:
    """Time-domain, Poincare and fragmentation features of the accepted intervals inside each window."""
    nn_ms = cycles.matrix_ms(windows)
    found = {}
    for word, values in (hrv.time_domain(nn_ms) | hrv.nonlinear(nn_ms)).items():
        why = codes(len(windows))
        why[~np.isfinite(values)] = "no-variation"
        why[~hrv.enough(word, nn_ms)] = "few-beats"
        found[f"hrv_{word}"] = np.where(why == "", values, np.nan), why
    return found


def _frequency(
    cycles: Cycles, raw: Signal, cleaned: Signal, windows: FloatArray, context_s: float | None
) -> Columns:
    contexts = windows if context_s is None else contexts_around(windows, raw, context_s)
    # A trial of one sample less than 60 s is 60 s.
    short = contexts[:, 1] - contexts[:, 0] < hrv.LEAST_CONTEXT_S - 2 / raw.rate_hz
    middles = (cycles.events_s[1:] + cycles.events_s[:-1]) / 2
    found = hrv.frequency(middles[cycles.accepted], 1000 * cycles.lengths_s[cycles.accepted], contexts)
    # Many windows of a trial share one context.
    unique, which = np.unique(contexts, axis=0, return_inverse=True)
    quality = judged(raw, cleaned, unique, KIND)[which.reshape(-1)]
    quality[short & np.isin(quality, ("", "noisy"))] = "short-window"
    made = {}
    for word, values in found.items():
        why = codes(len(windows))
        unknown = np.isnan(values)
        why[unknown] = "no-variation"
        why[np.isnan(found["lf_ms2"])] = "few-beats"
        made[f"hrv_{word}"] = values, why
    return left_out(made, quality)


def contexts_around(windows: FloatArray, signal: Signal, length_s: float) -> FloatArray:
    """Stretches of one length centred on the windows, moved into the recording where it is long enough.

    A window that is longer than the context is its own context. Shape (n, 2).
    """
    half = np.maximum(length_s, windows[:, 1] - windows[:, 0]) / 2
    middle = windows.mean(axis=1)
    first, last = signal.start_s + half, signal.start_s + signal.duration_s - half
    # Windows outside the recording must stay outside: only the context is moved, never past its window.
    moved = np.where(first <= last, np.clip(middle, first, np.maximum(first, last)), middle)
    inside = (windows[:, 0] >= signal.start_s) & (windows[:, 1] <= signal.start_s + signal.duration_s)
    middle = np.where(inside, moved, middle)
    return np.stack([middle - half, middle + half], axis=1)
