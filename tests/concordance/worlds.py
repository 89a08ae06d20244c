"""Simulated people: in memory with what truly happened, and on disk as they were recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mien.concordance import ParticipantData
from mien.core.expression import Expression, Kind
from mien.core.signal import Signal
from mien.core.time import ClockMap, FloatArray, Interval
from mien.dataset import ParticipantWriter, StudyWriter
from mien.dataset.layout import CODING_COLUMNS
from mien.recording.clocks import ClockFit, ClockPiece
from mien.simulate import Effects, StudySettings, clocks
from mien.simulate.session import Session


def exact_clock(clock: ClockMap) -> ClockFit:
    """A clock known without error."""
    return ClockFit((ClockPiece(clock, -math.inf, math.inf, np.zeros(1), 0.0),), "good")


def simulated_person(settings: StudySettings, number: int) -> ParticipantData:
    """Participant `number` of a simulated study: the polygraph's signals, and what truly happened."""
    session = Session.of(settings, number)
    trials = session.participant.trials
    return ParticipantData(
        participant_id=f"sub-{session.participant.name}",
        signals={signal.name: signal for signal in session.body_signals()},
        trials={trial.number: Interval(trial.clip_start_s, trial.clip_end_s) for trial in trials},
        expressions=tuple(
            (trial.number, Expression(m.onset_s, m.apex_s, m.offset_s, kind=m.kind))
            for trial in trials
            for m in trial.movements
        ),
        clock=exact_clock(session.polygraph.clock),
    )


def small_study(
    seed: int,
    *,
    effects: Effects,
    participants: int = 8,
    trials: int = 4,
    clip_s: float = 45.0,
) -> Iterator[ParticipantData]:
    """People who watch long clips with short pauses, recorded at 250 Hz."""
    settings = StudySettings(
        participants=participants,
        trials=trials,
        clip_s=clip_s,
        report_s=1.0,
        rest_s=1.0,
        sampling_hz=250.0,
        seed=seed,
        effects=effects,
    )
    for number in range(1, participants + 1):
        yield simulated_person(settings, number)


def write_study(folder: Path, settings: StudySettings) -> Path:
    """A simulated study on disk: physiology, events, frame times and coding; no EEG and no video."""
    writer = StudyWriter(folder)
    writer.write_description("Simulated", simulated=True)
    people = []
    for number in range(1, settings.participants + 1):
        session = Session.of(settings, number)
        name = f"sub-{session.participant.name}"
        with writer.participant(name) as files:
            _fill(files, session)
        people.append({"participant_id": name, "age": 25, "sex": "F", "consent_level": 1})
    writer.finish(pd.DataFrame(people))
    return folder


def _fill(files: ParticipantWriter, session: Session) -> None:
    files.write_physio(
        session.body_signals(), start_time_s=0.0, trigger=clocks.trigger_codes(session.polygraph)
    )
    rate = session.amplifier.rate_hz
    events = [
        {"onset": round(pulse.time_s * rate) / rate, "duration": 0, "trial_type": "code", "value": pulse.code}
        for pulse in session.amplifier.pulses
    ]
    files.write_events(pd.DataFrame(events))
    for trial in session.participant.trials:
        run = session.runs[trial.number]
        files.write_frame_times(trial.number, run.host_s, counter=run.counter)
    trials = [
        {"trial": t.number, "code": t.code, "stimulus": f"clip-{t.code}", "emotion": t.emotion}
        for t in session.participant.trials
    ]
    columns = ["trial", "code", "stimulus", "emotion", "self_report", "valence", "arousal"]
    files.write_trials(pd.DataFrame(trials, columns=columns))
    for coder, rows in session.coding.items():
        table = pd.DataFrame(
            [
                {
                    "trial": row.trial,
                    "run": row.trial,
                    "onset_frame": row.onset_frame,
                    "apex_frame": row.apex_frame,
                    "offset_frame": row.offset_frame,
                    "kind": row.kind,
                    "action_units": None,
                    "emotion": row.emotion,
                }
                for row in rows
            ],
            columns=list(CODING_COLUMNS),
        )
        files.write_coding(coder, table)


def plain_person(
    name: str = "sub-001",
    *,
    expressions: Sequence[tuple[int, Expression]],
    trials: Mapping[int, Interval] | None = None,
    seconds: float = 100.0,
    temperature: FloatArray | None = None,
    clock: ClockFit | None = None,
) -> ParticipantData:
    """Someone with skin temperature at 10 Hz alone, whose features can be calculated by hand."""
    values = np.full(round(10 * seconds), 30.0) if temperature is None else temperature
    return ParticipantData(
        participant_id=name,
        signals={"skt": Signal(values, 10.0, "degC", "skt")},
        trials={1: Interval(10.0, 90.0)} if trials is None else trials,
        expressions=tuple(expressions),
        clock=clock,
    )


def micro(apex_s: float, *, trial: int = 1, kind: Kind = "micro") -> tuple[int, Expression]:
    """An expression from 0.1 s before to 0.2 s after its apex."""
    return trial, Expression(apex_s - 0.1, apex_s, apex_s + 0.2, kind=kind)
