"""Peripheral signals of one simulated person over one continuous recording, with their events known exactly.

Conventions: seconds count from the first sample, in the recorder's own time. Beats, breaths and skin
conductance responses are drawn first and are the truth; the waves are then laid at those times and never
fed back, so that any detector can be judged against them. Wave shapes of ECG and pulse are NeuroKit2's
(Makowski et al. 2021, doi:10.3758/s13428-020-01516-y). Slow processes live on a grid of 25 Hz.

Three couplings tie the body to what the face does and feels: apex to heart, apex to skin, emotion to
everything. With all three at 0 the body knows nothing of the face: the null world.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid
from scipy.interpolate import PchipInterpolator
from scipy.signal import lfilter

from mien.core.errors import DataError, OptionError
from mien.core.labels import emotion as standard_emotion
from mien.core.time import FloatArray, Interval
from mien.signals.physio import heart_rate, heart_rate_slope, slope_exceeds_mean

SLOW_HZ = 25.0
PAD_S = 8.0  # the slow processes begin before and end after the recording, so that no edge shows
FINEST_S = 1e-3  # step of the wave templates

# Apex to heart: rise and decay of the acceleration, and its mean height. A rate of 73 % above the mean needs
# them this large: the mean change from 5 s before to 5 s after is then +2.4 bpm, where MMME saw +0.7.
RISE_S, DECAY_S, RESPONSE_BPM = 0.22, 2.5, 7.0
# Apex to skin: latency after Boucsein 2012 (doi:10.1007/978-1-4614-1126-0), time constants after Benedek &
# Kaernbach 2010 (doi:10.1016/j.jneumeth.2010.04.028).
SCR_LATENCY_S = (1.0, 3.0)
SCR_RISE_S, SCR_DECAY_S = 0.75, 2.0
SPONTANEOUS_PER_MIN = 3.0
LEAST_SCR_US = 0.03
PULSE_DELAY_S = 0.22
STREAMS = ("lungs", "heart", "responses", "movement", "ecg", "ppg", "rsp", "eda", "skt")


@dataclass(frozen=True, slots=True)
class EmotionEffect:
    """What one emotion does to a body, in units of the coupling's effect size; 1 is a full effect upward."""

    heart_rate: float
    breathing: float
    skin_conductance: float
    skin_temperature: float


# Directions after the review of Kreibig 2010 (doi:10.1016/j.biopsycho.2010.03.010), for emotions raised by
# films where it tells kinds apart (disgust at contamination, sadness without crying); sizes are ours. The
# review has no entry for contempt, which is given a weak form of disgust.
EMOTION_EFFECTS: Mapping[str, EmotionEffect] = MappingProxyType(
    {
        "happiness": EmotionEffect(0.4, 0.7, 0.5, 0.4),
        "surprise": EmotionEffect(0.7, 0.4, 1.0, -0.4),
        "sadness": EmotionEffect(-0.7, 0.3, -0.6, -0.4),
        "anger": EmotionEffect(1.0, 0.8, 0.8, -0.6),
        "disgust": EmotionEffect(0.4, 0.6, 0.8, -0.4),
        "fear": EmotionEffect(1.0, 1.0, 1.0, -1.0),
        "contempt": EmotionEffect(0.2, 0.2, 0.3, -0.2),
    }
)
NO_EFFECT = EmotionEffect(0.0, 0.0, 0.0, 0.0)
# Standard deviations of the means of 15 s clips within one simulated person without any coupling (measured:
# 60 people, 25 clips each, in bpm, 1/min, uS, degC): they turn Cohen's d into units.
BETWEEN_TRIALS = EmotionEffect(heart_rate=1.7, breathing=0.9, skin_conductance=0.3, skin_temperature=0.07)
EFFECT_CLIP_S = 15.0  # the effect sizes hold for the mean over a clip of this length
EFFECT_LAG_S = EmotionEffect(heart_rate=1.5, breathing=1.5, skin_conductance=3.0, skin_temperature=10.0)


@dataclass(frozen=True, slots=True)
class Baselines:
    """One person at rest; the defaults are the levels in MMME's Table 3 where it prints them.

    `sinus_arrhythmia_bpm` is half the peak-to-peak heart rate change over one breath.
    """

    heart_rate_bpm: float = 72.0
    breaths_per_min: float = 15.0
    skin_conductance_us: float = 6.3
    skin_temperature_c: float = 30.9
    sinus_arrhythmia_bpm: float = 1.8

    def __post_init__(self) -> None:
        for what, value, low, high in (
            ("heart rate", self.heart_rate_bpm, 45, 120),
            ("breathing rate", self.breaths_per_min, 6, 30),
            ("skin conductance", self.skin_conductance_us, 0.5, 40),
            ("skin temperature", self.skin_temperature_c, 20, 38),
            ("sinus arrhythmia", self.sinus_arrhythmia_bpm, 0, 10),
        ):
            _check_range(what, value, low, high)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Baselines:
        """The resting levels of a random young adult."""
        return cls(
            heart_rate_bpm=float(np.clip(rng.normal(72.0, 8.0), 52.0, 98.0)),
            breaths_per_min=float(np.clip(rng.normal(15.0, 2.2), 9.0, 22.0)),
            skin_conductance_us=float(np.clip(rng.lognormal(math.log(5.8), 0.4), 1.5, 20.0)),
            skin_temperature_c=float(np.clip(rng.normal(30.9, 1.6), 26.0, 35.0)),
            sinus_arrhythmia_bpm=float(np.clip(rng.lognormal(math.log(1.7), 0.35), 0.5, 4.5)),
        )


@dataclass(frozen=True, slots=True)
class EmotionSpan:
    """One clip [start_s, end_s) in which the person feels `emotion`, a word of `mien.core.labels`."""

    start_s: float
    end_s: float
    emotion: str

    def __post_init__(self) -> None:
        Interval(self.start_s, self.end_s)
        standard_emotion(self.emotion)

    @property
    def effect(self) -> EmotionEffect:
        """The emotion's row in EMOTION_EFFECTS; no effect for words outside the seven emotions."""
        return EMOTION_EFFECTS.get(standard_emotion(self.emotion), NO_EFFECT)


@dataclass(frozen=True, slots=True)
class Coupling:
    """How strongly the body follows the face; raises OptionError for values outside the ranges.

    Parameters
    ----------
    heart_rate_slope
        Probability that the heart accelerates at an apex, 0 to 1. At the default about 73 % of the apexes in
        15 s clips have an absolute heart rate slope above their clip's mean, as in MMME; see `pass_rates`.
    skin_conductance
        Probability that a skin conductance response begins 1 to 3 s after an apex, 0 to 1.
    emotion
        Effect size of an emotion in Cohen's d of the means of 15 s clips within a person, 0 or more;
        multiplied by the entries of EMOTION_EFFECTS.
    """

    heart_rate_slope: float = 0.7
    skin_conductance: float = 0.6
    emotion: float = 0.5

    def __post_init__(self) -> None:
        _check_range("coupling of the heart rate slope", self.heart_rate_slope, 0, 1)
        _check_range("coupling of the skin conductance", self.skin_conductance, 0, 1)
        if not 0 <= self.emotion < math.inf:
            raise OptionError(
                "coupling of the emotion",
                wanted="0 or more",
                got=self.emotion,
                remedy="give another effect size",
            )


def _check_range(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise OptionError(what, wanted=f"{low} to {high}", got=value, remedy="give another value")


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """What happens during one recording.

    Parameters
    ----------
    duration_s
        Length of the recording, 10 s or more.
    apexes_s
        True apexes of micro-expressions, seconds from the first sample, within the recording, increasing.
    spans
        Clips and what is felt in them; they may not overlap.
    rate_hz
        Samples per second of every channel, 50 or more; the truth does not depend on it.

    Raises
    ------
    OptionError
        For an impossible duration or rate.
    DataError
        For apexes outside the recording or out of order, or spans that overlap.
    """

    duration_s: float
    apexes_s: tuple[float, ...] = ()
    spans: tuple[EmotionSpan, ...] = ()
    rate_hz: float = 1000.0
    baselines: Baselines = field(default_factory=Baselines)
    coupling: Coupling = field(default_factory=Coupling)

    def __post_init__(self) -> None:
        _check_range("duration of a recording in s", self.duration_s, 10, 86400)
        _check_range("sampling rate in Hz", self.rate_hz, 50, 20000)
        if any(not 0 <= apex < self.duration_s for apex in self.apexes_s):
            outside = next(apex for apex in self.apexes_s if not 0 <= apex < self.duration_s)
            raise DataError(
                "apexes",
                wanted=f"times from 0 to {self.duration_s} s",
                got=f"{outside} s",
                remedy="give them in the recorder's own time",
            )
        if any(b <= a for a, b in pairwise(self.apexes_s)):
            raise DataError("apexes", wanted="increasing times", got=str(self.apexes_s), remedy="sort them")
        ordered = sorted(self.spans, key=lambda span: span.start_s)
        for one, other in pairwise(ordered):
            if other.start_s < one.end_s:
                raise DataError(
                    "emotion spans",
                    wanted="clips that do not overlap",
                    got=f"[{one.start_s}, {one.end_s}) and [{other.start_s}, {other.end_s})",
                    remedy="end the first before the second",
                )


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Five channels and the truth behind them.

    Parameters
    ----------
    ecg_mv, ppg_v, rsp_v, eda_us, skt_c
        Electrocardiogram, pulse, breathing belt, skin conductance and temperature, each shape (n_samples,)
        with n_samples = round(duration x rate).
    rate_hz
        Samples per second.
    beats_s
        R peaks, seconds.
    breaths_s
        Ends of inspiration, the peaks of `rsp_v`, seconds.
    scr_onsets_s, scr_peaks_s, scr_amplitudes_us
        Skin conductance responses: begin and peak of the response alone, and its height, shape (n_scr,).
    scr_apex
        For each response the number of the apex that caused it, -1 for a spontaneous one, shape (n_scr,).
    responding
        For each apex whether the heart answered, shape (n_apexes,).
    """

    ecg_mv: FloatArray
    ppg_v: FloatArray
    rsp_v: FloatArray
    eda_us: FloatArray
    skt_c: FloatArray
    rate_hz: float
    beats_s: FloatArray
    breaths_s: FloatArray
    scr_onsets_s: FloatArray
    scr_peaks_s: FloatArray
    scr_amplitudes_us: FloatArray
    scr_apex: NDArray[np.int64]
    responding: NDArray[np.bool_]


def simulate_body(plan: BodyPlan, rng: np.random.Generator) -> Body:
    """The peripheral signals and true events of one recording; the same state of `rng` gives the same bytes.

    Examples
    --------
    >>> body = simulate_body(BodyPlan(duration_s=20.0, apexes_s=(9.0,)), np.random.default_rng(1))
    >>> body.ecg_mv.shape, bool(body.beats_s.size > 15)
    ((20000,), True)
    """
    of = _streams(rng)
    slow = _slow_times(plan)
    breathing = _breathe(plan, slow, of["lungs"])
    beats, responding = _beat(plan, slow, breathing, of["heart"])
    responses = _skin_responses(plan, of["responses"])
    times = np.arange(round(plan.duration_s * plan.rate_hz)) / plan.rate_hz
    wave = np.interp(times, slow, breathing.wave)
    moved = _movement(times, of["movement"])
    return Body(
        ecg_mv=_ecg(times, beats, wave, moved, of["ecg"]),
        ppg_v=_ppg(times, beats, wave, moved, of["ppg"]),
        rsp_v=_rsp(times, wave, moved, of["rsp"]),
        eda_us=_eda(plan, times, slow, responses, of["eda"]),
        skt_c=_skt(plan, times, slow, of["skt"]),
        rate_hz=plan.rate_hz,
        beats_s=_within(beats, plan.duration_s),
        breaths_s=_within(breathing.peaks_s, plan.duration_s),
        scr_onsets_s=responses.onsets_s,
        scr_peaks_s=responses.onsets_s + _bateman_peak_s(),
        scr_amplitudes_us=responses.amplitudes_us,
        scr_apex=responses.apex,
        responding=responding,
    )


def _streams(rng: np.random.Generator) -> dict[str, np.random.Generator]:
    """Independent generators from the state of `rng` alone: what one process draws never moves another."""
    seeds = rng.integers(2**63, size=(len(STREAMS), 2))
    return {name: np.random.default_rng(seed) for name, seed in zip(STREAMS, seeds, strict=True)}


def _slow_times(plan: BodyPlan) -> FloatArray:
    return np.arange(-PAD_S, plan.duration_s + PAD_S, 1.0 / SLOW_HZ)


def _within(times_s: FloatArray, duration_s: float) -> FloatArray:
    return times_s[(times_s >= 0) & (times_s < duration_s)]


# --- slow processes -----------------------------------------------------------------------------------------


def _wander(
    rng: np.random.Generator,
    n: int,
    *,
    low_hz: float,
    high_hz: float,
    exponent: float,
    rate_hz: float = SLOW_HZ,
) -> FloatArray:
    """Gaussian noise of expected SD 1 with power f^-exponent between two frequencies, shape (n,).

    The noise repeats after four times n, so that n samples of it may start and end anywhere.
    """
    length = max(4 * n, int(2 * rate_hz / low_hz))
    frequencies = np.fft.rfftfreq(length, 1.0 / rate_hz)
    inside = (frequencies >= low_hz) & (frequencies <= high_hz)
    power = np.where(inside, np.where(inside, frequencies, 1.0) ** -exponent, 0.0)
    phases = rng.standard_normal((2, int(inside.sum())))
    spectrum = np.zeros(frequencies.size, dtype=np.complex128)
    spectrum[inside] = np.sqrt(power[inside] / (2 * power.sum())) * (phases[0] + 1j * phases[1])
    return np.fft.irfft(spectrum, length)[:n] * length / math.sqrt(2)


def _felt(plan: BodyPlan, slow: FloatArray, what: str) -> FloatArray:
    """The emotions' shift of one variable in its own units, shape of `slow`; it comes and goes with a lag."""
    level = np.zeros_like(slow)
    for span in plan.spans:
        level[(slow >= span.start_s) & (slow < span.end_s)] = getattr(span.effect, what)
    lag = float(getattr(EFFECT_LAG_S, what))
    kept = math.exp(-1.0 / (SLOW_HZ * lag))
    lagged = np.asarray(lfilter([1.0 - kept], [1.0, -kept], level), dtype=np.float64)
    reached = 1.0 - lag / EFFECT_CLIP_S * (1.0 - math.exp(-EFFECT_CLIP_S / lag))
    return plan.coupling.emotion * float(getattr(BETWEEN_TRIALS, what)) * lagged / reached


@dataclass(frozen=True, slots=True, eq=False)
class _Breathing:
    """Ends of inspiration, and the belt's wave on the slow grid, about -1 to 1."""

    peaks_s: FloatArray
    wave: FloatArray


def _breathe(plan: BodyPlan, slow: FloatArray, rng: np.random.Generator) -> _Breathing:
    rate = plan.baselines.breaths_per_min + _felt(plan, slow, "breathing")
    rate = rate + 1.2 * _wander(rng, slow.size, low_hz=0.005, high_hz=0.15, exponent=1.0)
    phase = cumulative_trapezoid(np.clip(rate, 5.0, 40.0), dx=1 / (60.0 * SLOW_HZ), initial=0.0)
    begins = np.interp(np.arange(math.ceil(phase[0]), math.floor(phase[-1]) + 1), phase, slow)
    cycle = np.diff(begins)
    # Inspiration takes about 40 % of a breath; expiration is passive and ends in a pause.
    peaks = begins[:-1] + cycle * np.clip(rng.normal(0.4, 0.025, cycle.size), 0.32, 0.48)
    depth = np.clip(rng.normal(2.0, 0.25, cycle.size), 1.2, 3.0)
    pause = peaks + 0.62 * (begins[1:] - peaks)
    rest = -1.0 + 0.06 * rng.standard_normal(begins.size)
    at = np.concatenate([begins, peaks, pause])
    level = np.concatenate([rest, rest[:-1] + depth, rest[1:] + 0.14 * depth])
    order = np.argsort(at)
    inside = np.clip(slow, begins[0], begins[-1])
    return _Breathing(peaks, PchipInterpolator(at[order], level[order])(inside))


def _beat(
    plan: BodyPlan, slow: FloatArray, breathing: _Breathing, rng: np.random.Generator
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Beats before, during and after the recording, and which apexes the heart answers."""
    n = slow.size
    late = np.interp(slow - 0.4, slow, breathing.wave)
    rate = plan.baselines.heart_rate_bpm + plan.baselines.sinus_arrhythmia_bpm * late
    rate = rate + 1.0 * _wander(rng, n, low_hz=0.07, high_hz=0.13, exponent=0.0)
    rate = rate + 2.2 * _wander(rng, n, low_hz=0.003, high_hz=0.15, exponent=1.0)
    rate = rate + _felt(plan, slow, "heart_rate")
    start = rng.random()
    apexes = np.asarray(plan.apexes_s, dtype=np.float64)
    responding = rng.random(apexes.size) < plan.coupling.heart_rate_slope
    sizes = RESPONSE_BPM * rng.gamma(16.0, 1 / 16.0, apexes.size)
    for apex, size in zip(apexes[responding], sizes[responding], strict=True):
        rate = rate + size * _acceleration(slow - apex)
    phase = start + cumulative_trapezoid(np.clip(rate, 42.0, 170.0), dx=1 / (60.0 * SLOW_HZ), initial=0.0)
    beats = np.interp(np.arange(math.ceil(phase[0]), math.floor(phase[-1]) + 1), phase, slow)
    return beats, responding


def _acceleration(since_s: FloatArray) -> FloatArray:
    """A rise whose steepest point is at 0, 10 to 90 % in one second, and a slow return."""
    rise = 1.0 / (1.0 + np.exp(-np.clip(since_s / RISE_S, -50.0, 50.0)))
    return rise * np.exp(-np.clip(since_s - 3 * RISE_S, 0.0, None) / DECAY_S)


@dataclass(frozen=True, slots=True, eq=False)
class _Responses:
    """Skin conductance responses in order of onset."""

    onsets_s: FloatArray
    amplitudes_us: FloatArray
    apex: NDArray[np.int64]


def _skin_responses(plan: BodyPlan, rng: np.random.Generator) -> _Responses:
    expected = SPONTANEOUS_PER_MIN * (plan.duration_s + PAD_S) / 60
    own = rng.uniform(-PAD_S, plan.duration_s, rng.poisson(expected))
    own_us = rng.lognormal(math.log(0.20), 0.5, own.size)
    apexes = np.asarray(plan.apexes_s, dtype=np.float64)
    answering = rng.random(apexes.size) < plan.coupling.skin_conductance
    evoked = (apexes + rng.uniform(*SCR_LATENCY_S, apexes.size))[answering]
    evoked_us = rng.lognormal(math.log(0.30), 0.4, apexes.size)[answering]
    onsets = np.concatenate([evoked, own])
    amplitudes = np.maximum(np.concatenate([evoked_us, own_us]), LEAST_SCR_US)
    cause = np.concatenate([np.flatnonzero(answering), np.full(own.size, -1)]).astype(np.int64)
    order = np.argsort(onsets)
    order = order[(onsets[order] >= 0) & (onsets[order] < plan.duration_s)]
    return _Responses(onsets[order], amplitudes[order], cause[order])


def _bateman_peak_s() -> float:
    """Time from the onset of a response to its peak, 1.18 s."""
    return math.log(SCR_DECAY_S / SCR_RISE_S) * SCR_DECAY_S * SCR_RISE_S / (SCR_DECAY_S - SCR_RISE_S)


def _bateman(since_s: FloatArray) -> FloatArray:
    """Difference of two exponentials with height 1, zero before 0."""
    after = np.clip(since_s, 0.0, None)
    peak = _bateman_peak_s()
    height = math.exp(-peak / SCR_DECAY_S) - math.exp(-peak / SCR_RISE_S)
    return (np.exp(-after / SCR_DECAY_S) - np.exp(-after / SCR_RISE_S)) / height


# --- waves --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _heart_beat() -> FloatArray:
    """One clean ECG beat of 1 s, mV, sample 400 is the R peak, both ends at 0."""
    import neurokit2 as nk

    ecg = np.asarray(
        nk.ecg_simulate(
            duration=24, sampling_rate=1000, noise=0, heart_rate=60, heart_rate_std=0, random_state=7
        )
    )
    peaks = [start + int(np.argmax(ecg[start : start + 400])) for start in range(1800, 21800, 1000)]
    beat = np.mean([ecg[peak - 400 : peak + 600] for peak in peaks], axis=0)
    return _tapered(beat - np.linspace(beat[0], beat[-1], beat.size))


@lru_cache(maxsize=1)
def _pulse() -> FloatArray:
    """One clean pulse of 1 s from foot to foot, 0 at both ends and 1 at the systolic peak."""
    import neurokit2 as nk

    ppg = np.asarray(
        nk.ppg_simulate(
            duration=24, sampling_rate=1000, heart_rate=60, frequency_modulation=0, ibi_randomness=0,
            drift=0, motion_amplitude=0, powerline_amplitude=0, burst_number=0, random_state=7,
        )
    )  # fmt: skip
    feet = [start + int(np.argmin(ppg[start : start + 400])) for start in range(1800, 20800, 1000)]
    pulse = np.mean([ppg[foot : foot + 1000] for foot in feet], axis=0)
    pulse = pulse - np.linspace(pulse[0], pulse[-1], pulse.size)
    return pulse / pulse.max()


def _tapered(beat: FloatArray) -> FloatArray:
    edge = np.ones(beat.size)
    edge[:80] = 0.5 - 0.5 * np.cos(np.pi * np.arange(80) / 80)
    edge[-80:] = edge[:80][::-1]
    return beat * edge


def _ecg(
    times: FloatArray, beats: FloatArray, wave: FloatArray, moved: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """ECG in mV: the tail of the last beat plus the head of the next; QT grows with the root of RR."""
    beat = _heart_beat()
    axis = (np.arange(beat.size) - 400) * FINEST_S
    number = np.searchsorted(beats, times, side="right")
    since, until = times - beats[number - 1], times - beats[number]
    stretch = np.sqrt(np.diff(beats))[np.clip(number - 1, 0, beats.size - 2)]
    warped = np.where(since < 0.06, since, 0.06 + (since - 0.06) / stretch)
    clean = np.interp(warped, axis[400:], beat[400:], right=0.0)
    clean += np.interp(until, axis[:401], beat[:401], left=0.0)
    clean *= 1.0 + 0.04 * wave
    wander = 0.03 * wave + 0.06 * _slowly(times, rng, low_hz=0.05, high_hz=0.4)
    return clean + wander + 0.12 * moved + _electric(times, rng, muscle=0.012, hum=0.008)


def _ppg(
    times: FloatArray, beats: FloatArray, wave: FloatArray, moved: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Pulse in V: each begins 0.2 s or so after its R peak and lasts until the next."""
    feet = beats + PULSE_DELAY_S + 0.006 * rng.standard_normal(beats.size)
    number = np.clip(np.searchsorted(feet, times, side="right") - 1, 0, feet.size - 2)
    share = (times - feet[number]) / np.diff(feet)[number]
    height = (1.0 - 0.06 * np.interp(feet, times, wave)) * (1.0 + 0.04 * rng.standard_normal(feet.size))
    pulse = _pulse()
    clean = height[number] * np.interp(share, np.arange(pulse.size) * FINEST_S, pulse)
    wander = 0.06 * wave + 0.1 * _slowly(times, rng, low_hz=0.02, high_hz=0.3)
    return clean + wander + 0.3 * moved + _electric(times, rng, muscle=0.006, hum=0.004)


def _rsp(times: FloatArray, wave: FloatArray, moved: FloatArray, rng: np.random.Generator) -> FloatArray:
    wander = 0.15 * _slowly(times, rng, low_hz=0.005, high_hz=0.05)
    return wave + wander + 0.15 * moved + _electric(times, rng, muscle=0.01, hum=0.003)


def _eda(
    plan: BodyPlan,
    times: FloatArray,
    slow: FloatArray,
    responses: _Responses,
    rng: np.random.Generator,
) -> FloatArray:
    level = plan.baselines.skin_conductance_us + _felt(plan, slow, "skin_conductance")
    level = level + 0.3 * _wander(rng, slow.size, low_hz=0.001, high_hz=0.03, exponent=2.0)
    for onset, size in zip(responses.onsets_s, responses.amplitudes_us, strict=True):
        level = level + size * _bateman(slow - onset)
    return np.interp(times, slow, np.maximum(level, 0.05)) + _electric(times, rng, muscle=0.002, hum=0.001)


def _skt(
    plan: BodyPlan,
    times: FloatArray,
    slow: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    level = plan.baselines.skin_temperature_c + _felt(plan, slow, "skin_temperature")
    level = level + 0.07 * _wander(rng, slow.size, low_hz=0.001, high_hz=0.03, exponent=2.0)
    return np.interp(times, slow, level) + _electric(times, rng, muscle=0.002, hum=0.0)


def _slowly(times: FloatArray, rng: np.random.Generator, *, low_hz: float, high_hz: float) -> FloatArray:
    """Wander of SD 1 with power 1/f between two frequencies, shape of `times`."""
    slow = np.arange(0.0, times[-1] + 1.0, 1.0 / SLOW_HZ)
    return np.interp(times, slow, _wander(rng, slow.size, low_hz=low_hz, high_hz=high_hz, exponent=1.0))


def _movement(times: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Small movement artefacts: one in about two minutes, about a second each, 1 to 8 Hz, peak about 1."""
    slow = np.arange(0.0, times[-1] + 1.0, 1.0 / SLOW_HZ)
    shape = _wander(rng, slow.size, low_hz=1.0, high_hz=8.0, exponent=1.0)
    count = rng.poisson(slow[-1] / 120.0)
    centres, widths = rng.uniform(0.0, slow[-1], count), rng.uniform(0.25, 0.5, count)
    gate = np.zeros_like(slow)
    for centre, width in zip(centres, widths, strict=True):
        gate = np.maximum(gate, np.exp(-0.5 * ((slow - centre) / width) ** 2))
    return np.interp(times, slow, gate * shape)


def _electric(times: FloatArray, rng: np.random.Generator, *, muscle: float, hum: float) -> FloatArray:
    """White noise of SD `muscle` and 50 Hz hum of amplitude `hum`, in the channel's unit."""
    noise = muscle * rng.standard_normal(times.size)
    if hum > 0:
        noise += hum * np.sin(2 * np.pi * 50.0 * times + rng.uniform(0.0, 2 * np.pi))
    return noise


# --- calibration --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassRates:
    """Shares of instants whose absolute heart rate slope exceeds their clip's mean, and numbers of them."""

    apexes: float
    random: float
    n_apexes: int
    n_random: int


def pass_rates(
    coupling: Coupling, *, clip_s: float = 15.0, recordings: int = 20, clips: int = 12, seed: int = 0
) -> PassRates:
    """How often apexes and random instants pass the heart rate slope test, from the true beats.

    Each recording is a new person who sees `clips` clips with 8 s between them, each with one or two apexes
    at least 2 s apart; the random instants are as many, drawn the same way but unknown to the body. Both are
    judged against the mean over their own clip. With 3600 apexes in 15 s clips: 0.44 at coupling 0, 0.73 at
    the default 0.7, 0.87 at 1; with 1800 in 60 s clips: 0.44, 0.76, 0.88. Random instants: 0.42 to 0.47.

    Parameters
    ----------
    coupling
        The couplings; those to skin and emotion matter little here.
    clip_s
        Length of a clip in seconds, 6 or more.

    Examples
    --------
    >>> found = pass_rates(Coupling(), recordings=60)
    >>> 0.68 < found.apexes < 0.78, 0.38 < found.random < 0.48
    (True, True)
    """
    _check_range("clip length in s", clip_s, 6, 3600)
    verdicts: dict[str, list[object]] = {"apexes": [], "random": []}
    for number in range(recordings):
        rng = np.random.default_rng([seed, number])
        plan, instants = _calibration_plan(coupling, clip_s, clips, rng)
        of = _streams(rng)
        slow = _slow_times(plan)
        beats, _ = _beat(plan, slow, _breathe(plan, slow, of["lungs"]), of["heart"])
        slope = heart_rate_slope(heart_rate(_within(beats, plan.duration_s)))
        for span in plan.spans:
            clip = Interval(span.start_s, span.end_s)
            for name, times in (("apexes", plan.apexes_s), ("random", instants)):
                inside = [time for time in times if time in clip]
                verdicts[name] += list(slope_exceeds_mean(slope, inside, clip))
    shares = {name: [bool(v) for v in found if v is not None] for name, found in verdicts.items()}
    return PassRates(
        apexes=float(np.mean(shares["apexes"])),
        random=float(np.mean(shares["random"])),
        n_apexes=len(shares["apexes"]),
        n_random=len(shares["random"]),
    )


def _calibration_plan(
    coupling: Coupling, clip_s: float, clips: int, rng: np.random.Generator
) -> tuple[BodyPlan, Sequence[float]]:
    """A recording of clips with random emotions and apexes, and instants drawn in the same way."""
    spans, apexes, instants = [], [], []
    for number in range(clips):
        start = 8.0 + number * (clip_s + 8.0)
        spans.append(EmotionSpan(start, start + clip_s, str(rng.choice(list(EMOTION_EFFECTS)))))
        apexes += _one_or_two(rng, start, clip_s)
        instants += _one_or_two(rng, start, clip_s)
    duration = 8.0 + clips * (clip_s + 8.0)
    plan = BodyPlan(duration, tuple(apexes), tuple(spans), baselines=Baselines.draw(rng), coupling=coupling)
    return plan, instants


def _one_or_two(rng: np.random.Generator, start_s: float, clip_s: float) -> list[float]:
    """One instant in a clip, or two that are 2 s or more apart, uniform away from the outer half seconds."""
    room = clip_s - 1.0
    if rng.random() < 0.5:
        return [start_s + 0.5 + room * rng.random()]
    first, second = np.sort(rng.random(2)) * (room - 2.0)
    return [float(start_s + 0.5 + first), float(start_s + 2.5 + second)]
