"""How the recorders saw the session: their clocks, the trigger codes that reached them, the camera's stamps.

Conventions: the EEG amplifier is the master clock. A `ClockMap` takes a device's seconds (0 is its first
sample; for the camera's computer, seconds of its day) to master seconds. Facts on rates, faults and stamps
follow the MMME release (median 146.5 frames/s at a nominal 150, stalls of 50 ms and more, then 2 ms steps).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.time import ClockMap
from mien.simulate.script import REST_CODE, Participant, Trial
from mien.simulate.settings import Faults, StudySettings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SPURIOUS_CODES = (77, 88)
PULSE_S = 0.05  # how long a code stands on the lines
LINE_VOLTS = 5.0
CAMERA_LATENCY_S = 0.004  # exposure to the earliest possible host stamp: constant, invisible to stamps
_STALL_EVERY_S, _STALL_S = 4.0, (0.05, 0.12)
_UNQUEUE_S = 0.002  # the computer works off its queue in steps of this, or of half a frame
_DRIFT_PPM = 40.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """A trigger code as one recorder received it, at its own time; `fault` says what is wrong with it."""

    time_s: float
    code: int
    fault: Literal["none", "doubled", "spurious"] = "none"


@dataclass(frozen=True, slots=True)
class Recorder:
    """One recorder's view of a session: its clock, how long it ran, and the codes it received or missed."""

    clock: ClockMap
    n_samples: int
    rate_hz: float
    pulses: tuple[Pulse, ...]
    missing: tuple[Pulse, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CameraRun:
    """The frames of one clip: true exposure times (master), host stamps, and the camera's frame counter."""

    true_s: FloatArray
    host_s: FloatArray
    counter: IntArray
    n_dropped: int


def eeg_recorder(participant: Participant, settings: StudySettings) -> Recorder:
    """The amplifier: the master clock itself."""
    n = round(settings.session_s * settings.sampling_hz)
    return _recorder(participant, settings, ClockMap(), n, participant.stream(1))


def body_recorder(participant: Participant, settings: StudySettings) -> Recorder:
    """The polygraph: started and stopped on its own, with its own quartz."""
    rng = participant.stream(2)
    clock = ClockMap(
        offset_s=float(rng.uniform(-15.0, 3.0)),
        drift_ppm=float(np.clip(rng.normal(0.0, _DRIFT_PPM), -150, 150)),
    )
    stop_s = settings.session_s + float(rng.uniform(-3.0, 15.0))
    n = int(clock.to_device(stop_s) * settings.sampling_hz)
    return _recorder(participant, settings, clock, n, rng)


def camera_clock(participant: Participant) -> ClockMap:
    """The camera computer's clock: seconds since its midnight to master seconds."""
    rng = participant.stream(3)
    started_s = float(rng.uniform(9 * 3600, 17 * 3600))
    drift = float(np.clip(rng.normal(0.0, _DRIFT_PPM), -150, 150))
    return ClockMap(offset_s=-started_s * (1 + drift * 1e-6), drift_ppm=drift)


def _recorder(
    participant: Participant,
    settings: StudySettings,
    clock: ClockMap,
    n_samples: int,
    rng: np.random.Generator,
) -> Recorder:
    pulses, missing = _pulses(participant.trials, settings.faults, clock, rng)
    return Recorder(clock, n_samples, settings.sampling_hz, pulses, missing)


def _pulses(
    trials: Sequence[Trial], faults: Faults, clock: ClockMap, rng: np.random.Generator
) -> tuple[tuple[Pulse, ...], tuple[Pulse, ...]]:
    found, missing = [], []
    for trial in trials:
        for at, code in ((trial.clip_start_s, trial.code), (trial.clip_end_s, REST_CODE)):
            pulse = Pulse(clock.to_device(at), code)
            if rng.random() < faults.missing:
                missing.append(pulse)
                continue
            found.append(pulse)
            if rng.random() < faults.doubled:
                again = pulse.time_s + float(rng.uniform(0.1, 0.4))
                found.append(Pulse(again, code, "doubled"))
        if rng.random() < faults.spurious:
            at = clock.to_device(float(rng.uniform(trial.clip_start_s + 1.0, trial.clip_end_s - 1.0)))
            found.append(Pulse(at, int(rng.choice(SPURIOUS_CODES)), "spurious"))
    return tuple(sorted(found, key=lambda pulse: pulse.time_s)), tuple(missing)


def trigger_codes(recorder: Recorder) -> IntArray:
    """The code on the trigger lines at every sample, (n_samples,), 0 between pulses."""
    codes = np.zeros(recorder.n_samples, dtype=np.int64)
    for pulse in recorder.pulses:
        first = round(pulse.time_s * recorder.rate_hz)
        codes[first : first + round(PULSE_S * recorder.rate_hz)] = pulse.code
    return codes


def trigger_lines(recorder: Recorder, rng: np.random.Generator) -> NDArray[np.float64]:
    """Eight digital lines, (8, n_samples) volts: bit i of the code on line i, up to 2 samples late."""
    codes = trigger_codes(recorder)
    lines = np.zeros((8, codes.size))
    edges = np.flatnonzero(np.diff(codes, prepend=0))
    for bit in range(8):
        on = (codes >> bit) & 1
        for edge in edges:
            late = int(rng.integers(0, 3))
            on[edge : edge + late] = on[edge - 1] if edge else 0
        lines[bit] = LINE_VOLTS * on
    return lines


def camera_run(
    trial: Trial, clock: ClockMap, rng: np.random.Generator, *, dropped: float, counter_start: int = 0
) -> CameraRun:
    """The frames of one clip: the camera runs all the time, its computer keeps frames from the code on.

    The lines are read when a frame arrives, so that the first frame kept arrives up to one frame after the
    code: it was exposed by the camera's latency earlier.
    `dropped` is the probability per frame of being lost between camera and computer: the counter then jumps.
    """
    first = trial.clip_start_s - CAMERA_LATENCY_S + float(rng.uniform(0.0, 1.0 / trial.video_rate_hz))
    n = int((trial.clip_end_s - first) * trial.video_rate_hz)
    true_s = first + np.arange(n) / trial.video_rate_hz
    kept = rng.random(n) >= dropped
    kept[[0, -1]] = True
    true_s, counter = true_s[kept], counter_start + np.flatnonzero(kept)
    arrival = np.array([clock.to_device(t) for t in true_s]) + CAMERA_LATENCY_S
    host = _queue(arrival, rng, step_s=min(_UNQUEUE_S, 0.5 / trial.video_rate_hz))
    return CameraRun(true_s, host, counter.astype(np.int64), int(n - kept.sum()))


def _queue(arrival_s: FloatArray, rng: np.random.Generator, *, step_s: float) -> FloatArray:
    """Host stamps of frames that wait in a queue while the computer is busy; whole milliseconds."""
    ready = arrival_s + rng.exponential(0.0008, size=arrival_s.size)
    time = arrival_s[0] + float(rng.exponential(_STALL_EVERY_S))
    while time < arrival_s[-1]:
        until = time + float(rng.uniform(*_STALL_S))
        waiting = (ready >= time) & (ready < until)
        ready[waiting] = until
        time = until + float(rng.exponential(_STALL_EVERY_S))
    # stamp[k] = max(ready[k], stamp[k-1] + step), as a running maximum
    steps = step_s * np.arange(ready.size)
    return np.round(np.maximum.accumulate(ready - steps) + steps, 3)
