"""Skin conductance: clean, tonic and phasic part, responses (SCR), features of windows.

Recipes: "recommended" is NeuroKit2's (low-pass 3 Hz, order 4) at the recorded rate; "paper" is MMME's: 200 Hz
after an anti-aliasing filter, low-pass 5 Hz (order not printed: 2). The level is never removed: it is the
skin conductance level.

Responses are found in the continuous recording and have to rise by an absolute 0.02 uS. NeuroKit2's
threshold is a tenth of the largest response in what it is given, so that a cut of 3 s always has some.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio.beats import detected
from mien.signals.physio.epochs import checked_windows, event_ranges, padded, sample_ranges, shares
from mien.signals.physio.filters import (
    LARGEST_CUT,
    PAPER_RATE_HZ,
    Recipe,
    band,
    checked_recipe,
    decimated,
    finite_runs,
    nothing,
    per_run,
)
from mien.signals.physio.quality import LIMITS, judged
from mien.signals.physio.table import Columns, EpochFeatures, Reasons, codes
from mien.signals.physio.units import in_standard_unit
from mien.signals.physio.waveform import columns, left_out, statistics

KIND = "eda"
LOWPASS_HZ, PAPER_LOWPASS_HZ = 3.0, 5.0
TONIC_HZ = 0.05
# A response rises over 1 to 3 s: what is faster is noise that would split its top.
RESPONSE_LOWPASS_HZ = 1.0
LEAST_PROMINENCE = 0.25
# Between the 0.01 and 0.05 uS in use. On simulated skin with noise of 0 to 0.02 uS at 100 Hz, 0.90 of the
# responses above 0.05 uS are found at this threshold, and 0.92 or more of those found are real.
LEAST_SCR_US = 0.02
# Noise is measured in blocks of this length above 1 Hz, where responses have little, by the median of its
# size; as white noise it has `sd * sqrt(1 Hz / (rate / 2 - 1 Hz))` below. From a fifth of the threshold on
# it makes responses of its own (simulated: under 0.93 of those found are real).
NOISE_BLOCK_S = 10.0
LARGEST_NOISE = 0.2
WAVE_NAMES = {name: f"eda_{name}_us" for name in ("mean", "sd", "max", "min", "range")}


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """Skin conductance responses in order, all of shape (n,).

    `onsets_s` and `peaks_s` are seconds on the master clock, `amplitudes_us` the rise from onset to peak,
    `rise_s` its duration, `recovery_s` the time to half the amplitude, NaN where it was not reached before
    the next response.
    """

    onsets_s: FloatArray
    peaks_s: FloatArray
    amplitudes_us: FloatArray
    rise_s: FloatArray
    recovery_s: FloatArray


def clean(signal: Signal, recipe: Recipe = "recommended") -> Signal:
    """The skin conductance without noise, in uS; missing samples stay missing.

    All NaN below 2 Hz; runs of less than 10 s become NaN. No filter where the rate is too low for one.

    Raises
    ------
    DataError
        If the unit is none of skin conductance.
    OptionError
        For an unknown recipe.
    """
    checked_recipe(recipe)
    signal, limits = in_standard_unit(signal, KIND), LIMITS[KIND]
    if signal.rate_hz < limits.least_rate_hz:
        return nothing(signal)
    cut, order = (LOWPASS_HZ, 4)
    if recipe == "paper":
        signal, cut, order = decimated(signal, PAPER_RATE_HZ), PAPER_LOWPASS_HZ, 2
    return per_run(
        signal, lambda values: band(values, signal.rate_hz, below=cut, order=order), least_s=limits.least_s
    )


def phasic(cleaned: Signal) -> tuple[Signal, Signal]:
    """The tonic part (below 0.05 Hz) and the phasic one (above), in uS, on the same samples.

    NeuroKit2's default `eda_phasic`: two Butterworth filters of order 2, forward and backward.
    """
    hz = cleaned.rate_hz
    slow = per_run(cleaned, lambda values: band(values, hz, below=TONIC_HZ), least_s=LIMITS[KIND].least_s)
    fast = per_run(cleaned, lambda values: band(values, hz, above=TONIC_HZ), least_s=LIMITS[KIND].least_s)
    return slow, fast


def peaks(phasic_part: Signal, *, least_us: float = LEAST_SCR_US) -> Responses:
    """The responses in the phasic part that rise by `least_us` or more from onset to peak.

    NeuroKit2's `eda_peaks` on the phasic part below 1 Hz: onset, amplitude, rise and half recovery are its
    own. Its relative threshold on the prominence is set so that it is a quarter of `least_us`: a response may
    ride on the fall of another, but a wiggle does not split one. (Rises of 0.01 to 0.05 uS are in use:
    Boucsein et al. 2012, doi:10.1111/j.1469-8986.2012.01384.x.)

    Raises
    ------
    OptionError
        If the threshold is not a positive number.
    """
    if not (np.isfinite(least_us) and least_us > 0):
        raise OptionError(
            "threshold", wanted="a number above 0 uS", got=f"{least_us} uS", remedy="give 0.01 to 0.05"
        )
    hz = phasic_part.rate_hz
    smooth = per_run(
        phasic_part, lambda values: band(values, hz, below=RESPONSE_LOWPASS_HZ), least_s=LIMITS[KIND].least_s
    )
    found = [np.empty((5, 0))]
    for first, last in finite_runs(smooth.values, least=int(LIMITS[KIND].least_s * hz)):
        of_run = _of_run(smooth.values[first:last], hz, least_us)
        of_run[:2] += first
        found.append(of_run)
    onsets, tops, amplitudes, rise, recovery = np.concatenate(found, axis=1)
    start = phasic_part.start_s
    return Responses(start + onsets / hz, start + tops / hz, amplitudes, rise, recovery)


def _of_run(values: FloatArray, rate_hz: float, least_us: float) -> FloatArray:
    """Onset and peak (samples), amplitude, rise and recovery of the responses in a run, shape (5, n)."""
    import neurokit2 as nk
    from scipy.signal import find_peaks

    # A plateau or a rounding wiggle of 1e-15 uS is no candidate, and NeuroKit2 is slow over many.
    least = LEAST_PROMINENCE * least_us
    tops, shape = find_peaks(values, prominence=least)
    if not tops.size:
        return np.empty((5, 0))
    relative = least / shape["prominences"].max()
    keys = ("SCR_Onsets", "SCR_Peaks", "SCR_Amplitude", "SCR_RiseTime", "SCR_RecoveryTime")
    found = detected(lambda: nk.eda_peaks(values, sampling_rate=rate_hz, amplitude_min=relative)[1], *keys)
    # Written so that a NaN, a rise that began before the run, is left out too.
    return np.asarray(found[:, found[2] >= least_us])


def rate(responses: Responses, windows: ArrayLike) -> FloatArray:
    """Responses per second whose peak lies in each window, shape (n,)."""
    bounds = checked_windows(windows)
    inside = event_ranges(responses.peaks_s, bounds)
    return np.asarray((inside[:, 1] - inside[:, 0]) / (bounds[:, 1] - bounds[:, 0]))


def features(
    signal: Signal,
    windows: ArrayLike,
    *,
    recipe: Recipe = "recommended",
    least_scr_us: float = LEAST_SCR_US,
) -> EpochFeatures:
    """Every skin conductance feature of windows on the continuous recording.

    A response belongs to the window in which it peaks. `eda_scl_change_us` is the tonic part's last sample
    in the window minus its first. Without a response the count is 0 and the means are missing ("no-scr").
    Where the noise below 1 Hz would make responses of its own, those features alone are left out ("noisy").

    Parameters
    ----------
    signal
        The recording, in uS, S or nS.
    windows
        Shape (n, 2), [start, end) in seconds on the master clock.
    recipe
        How to clean; see the module.
    least_scr_us
        Smallest response, uS.

    Raises
    ------
    DataError
        For a unit that is none of skin conductance, or windows that are none.
    OptionError
        For an unknown recipe or threshold.
    """
    bounds = checked_windows(windows)
    raw = in_standard_unit(signal, KIND)
    cleaned = clean(raw, recipe)
    quality = judged(raw, cleaned, bounds, KIND)
    slow, fast = phasic(cleaned)
    found = columns(statistics(cleaned, bounds, " ".join(WAVE_NAMES)), WAVE_NAMES)
    found["eda_scl_change_us"] = _level_change(slow, bounds)
    responses = _responses(peaks(fast, least_us=least_scr_us), bounds)
    noisy = codes(len(bounds))
    noisy[_too_noisy(raw, bounds, LARGEST_NOISE * least_scr_us)] = "noisy"
    found |= left_out(responses, noisy)
    return EpochFeatures.of_columns(bounds, left_out(found, quality), {KIND: quality})


def _level_change(slow: Signal, windows: FloatArray) -> tuple[FloatArray, Reasons]:
    ranges = sample_ranges(slow, windows)
    values = np.full(len(windows), np.nan)
    enough = ranges[:, 1] - ranges[:, 0] >= 2
    values[enough] = slow.values[ranges[enough, 1] - 1] - slow.values[ranges[enough, 0]]
    why = codes(len(windows))
    why[np.isnan(values)] = "missing-samples"
    why[~enough] = "short-window"
    return values, why


def _responses(responses: Responses, windows: FloatArray) -> Columns:
    inside = event_ranges(responses.peaks_s, windows)
    n = (inside[:, 1] - inside[:, 0]).astype(np.float64)
    made = {
        "eda_scr_n": (n, codes(len(n))),
        "eda_scr_rate_per_s": (rate(responses, windows), codes(len(n))),
    }
    for name, values, none in (
        ("eda_scr_amplitude_mean_us", responses.amplitudes_us, "no-scr"),
        ("eda_scr_rise_mean_s", responses.rise_s, "no-scr"),
        ("eda_scr_recovery_mean_s", responses.recovery_s, "no-recovery"),
    ):
        cells = padded(values, inside)
        known = np.isfinite(cells).sum(axis=1)
        mean = np.where(known > 0, np.nansum(cells, axis=1) / np.maximum(known, 1), np.nan)
        why = codes(len(n))
        why[known == 0] = none
        why[n == 0] = "no-scr"
        made[name] = mean, why
    return made


def _too_noisy(raw: Signal, windows: FloatArray, largest_us: float) -> NDArray[np.bool_]:
    """Windows that touch a block whose noise below 1 Hz is above the limit, shape (n,)."""
    hz, cut = raw.rate_hz, RESPONSE_LOWPASS_HZ
    length = max(1, int(NOISE_BLOCK_S * hz))
    n_blocks = len(raw) // length
    if not n_blocks or cut >= LARGEST_CUT * hz:
        return np.zeros(len(windows), dtype=np.bool_)
    above = per_run(raw, lambda values: values - band(values, hz, below=cut), least_s=LIMITS[KIND].least_s)
    blocks = np.abs(above.values[: n_blocks * length]).reshape(n_blocks, length)
    gaps: NDArray[np.bool_] = np.asarray(~np.isfinite(blocks).all(axis=1))
    middle = np.median(np.where(gaps[:, None], 0.0, blocks), axis=1).reshape(-1)
    for number in np.flatnonzero(gaps & np.isfinite(blocks).any(axis=1)):
        middle[number] = np.median(blocks[number][np.isfinite(blocks[number])])
    below: FloatArray = 1.4826 * math.sqrt(cut / (hz / 2 - cut)) * middle
    bad = below > largest_us
    # The samples behind the last whole block are judged by it.
    flags = np.repeat(bad, length)
    flags = np.concatenate([flags, np.full(len(raw) - flags.size, bad[-1])])
    return np.asarray(shares(flags, sample_ranges(raw, windows)) > 0)
