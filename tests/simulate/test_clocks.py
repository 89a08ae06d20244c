"""Recorders see the session through clocks whose faults are as asked."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.time import ClockMap
from mien.simulate import clocks
from mien.simulate.script import write_part, write_script
from mien.simulate.settings import Faults, StudySettings

SETTINGS = StudySettings(participants=60, trials=21, faults=Faults(0.05, 0.04, 0.10, 0.002))


@pytest.fixture(scope="module")
def recorders():
    cast = write_script(SETTINGS)
    return cast, [clocks.body_recorder(p, SETTINGS) for p in cast]


def _near(count: int, n: int, rate: float) -> bool:
    return abs(count - n * rate) < 4 * np.sqrt(n * rate * (1 - rate)) + 1


def test_faults_occur_as_often_as_asked(recorders) -> None:
    _, seen = recorders
    sent = 60 * 21 * 2
    missing = sum(len(r.missing) for r in seen)
    doubled = sum(p.fault == "doubled" for r in seen for p in r.pulses)
    spurious = [p.code for r in seen for p in r.pulses if p.fault == "spurious"]
    assert _near(missing, sent, 0.05)
    assert _near(doubled, sent - missing, 0.04)
    assert _near(len(spurious), 60 * 21, 0.10)
    assert set(spurious) == {77, 88}


def test_true_pulses_lie_on_the_device_clock(recorders) -> None:
    cast, seen = recorders
    for participant, recorder in zip(cast, seen, strict=True):
        sent = {t.clip_start_s for t in participant.trials} | {t.clip_end_s for t in participant.trials}
        for pulse in recorder.pulses:
            if pulse.fault == "none":
                assert min(abs(recorder.clock.to_reference(pulse.time_s) - s) for s in sent) < 1e-9


def test_the_polygraph_covers_every_apex_with_twenty_seconds_to_spare(recorders) -> None:
    cast, seen = recorders
    for participant, recorder in zip(cast, seen, strict=True):
        start = recorder.clock.to_reference(0.0)
        end = recorder.clock.to_reference(recorder.n_samples / recorder.rate_hz)
        assert start < min(participant.micro_apexes_s) - 20
        assert end > max(participant.micro_apexes_s) + 20


def test_drifts_differ_and_are_those_of_quartzes(recorders) -> None:
    drifts = np.array([r.clock.drift_ppm for r in recorders[1]])
    assert 25 < drifts.std() < 55
    assert np.abs(drifts).max() <= 150


def test_lines_decode_to_the_codes_once_the_bits_have_settled() -> None:
    recorder = clocks.body_recorder(write_part(SETTINGS, 3), SETTINGS)
    codes = clocks.trigger_codes(recorder)
    lines = clocks.trigger_lines(recorder, np.random.default_rng(0))
    decoded = ((lines > 2.5) << np.arange(8)[:, None]).sum(axis=0)
    edges = np.flatnonzero(np.diff(codes, prepend=0))
    settled = np.ones(codes.size, dtype=bool)
    for late in range(3):
        settled[np.minimum(edges + late, codes.size - 1)] = False
    assert (decoded[settled] == codes[settled]).all()
    assert (decoded != codes).any()  # bits do arrive apart
    assert set(np.unique(lines)) == {0.0, 5.0}


def test_without_faults_every_code_arrives_once() -> None:
    settings = StudySettings(faults=Faults(0, 0, 0, 0))
    recorder = clocks.eeg_recorder(write_part(settings, 1), settings)
    assert [p.fault for p in recorder.pulses] == ["none"] * 14
    assert recorder.missing == ()


def test_host_stamps_are_never_early_and_jitter_and_stall_as_described() -> None:
    participant = write_part(SETTINGS, 1)
    clock = clocks.camera_clock(participant)
    runs = [
        clocks.camera_run(t, clock, participant.stream(5, t.number), dropped=0.0) for t in participant.trials
    ]
    for run, trial in zip(runs, participant.trials, strict=True):
        late_ms = 1e3 * (clock.many_to_reference(run.host_s) - run.true_s)
        assert late_ms.min() > 1e3 * clocks.CAMERA_LATENCY_S - 1  # whole milliseconds
        assert np.quantile(late_ms, 0.05) < 1e3 * clocks.CAMERA_LATENCY_S + 1.5
        assert (np.diff(run.host_s) >= 0).all()
        # the mean rate over the clip is the true one, not the nominal
        measured = (run.counter[-1] - run.counter[0]) / (run.true_s[-1] - run.true_s[0])
        assert measured == pytest.approx(trial.video_rate_hz)
    steps = np.concatenate([np.diff(run.host_s) for run in runs])
    assert (steps > 0.05).mean() > 0.0005  # stalls
    assert (np.isclose(steps, 0.002)).mean() > 0.003  # and the queue worked off after them
    rates = [t.video_rate_hz for p in write_script(SETTINGS) for t in p.trials]
    assert 139 <= min(rates) < 141
    assert 149 < max(rates) <= 150
    assert np.median(rates) == pytest.approx(146, abs=1)


def test_dropped_frames_make_the_counter_jump_by_as_many_as_are_missing() -> None:
    participant = write_part(SETTINGS, 2)
    clock = ClockMap(offset_s=-100.0)
    n = lost = 0
    for trial in participant.trials:
        run = clocks.camera_run(trial, clock, participant.stream(5, trial.number), dropped=0.002)
        assert run.counter[-1] - run.counter[0] + 1 == run.counter.size + run.n_dropped
        n, lost = n + run.counter.size, lost + run.n_dropped
    assert _near(lost, n, 0.002)
