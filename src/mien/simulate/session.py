"""One simulated recording session: the script of one person, performed and recorded.

A `Session` knows what every recorder saw, on that recorder's own clock, and makes each stream only when it
is asked for. Writers of a layout (`study`, `release`) take streams from here and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.core.time import ClockMap
from mien.simulate import clocks
from mien.simulate.acting import act
from mien.simulate.bodies import Baselines, Body, BodyPlan, Coupling, EmotionSpan, simulate_body
from mien.simulate.brains import Brain, simulate_brain
from mien.simulate.coders import Coded, code_session
from mien.simulate.faces import FaceRenderer, Identity, camera_noise
from mien.simulate.script import Participant, Trial, write_part
from mien.simulate.settings import StudySettings
from mien.simulate.voices import Speaker, simulate_voice, spoken, syllables

FloatArray = NDArray[np.float64]
NOISE_SD = 1.5  # of the camera, grey levels


@dataclass(frozen=True)
class Session:
    """What happened to one participant, as it was recorded."""

    participant: Participant
    settings: StudySettings

    @classmethod
    def of(cls, settings: StudySettings, number: int) -> Session:
        """The session of participant `number`, from 1."""
        return cls(write_part(settings, number), settings)

    @cached_property
    def amplifier(self) -> clocks.Recorder:
        """The EEG recorder: the master clock."""
        return clocks.eeg_recorder(self.participant, self.settings)

    @cached_property
    def polygraph(self) -> clocks.Recorder:
        """The recorder of the peripheral signals."""
        return clocks.body_recorder(self.participant, self.settings)

    @cached_property
    def camera(self) -> ClockMap:
        """The camera computer's clock."""
        return clocks.camera_clock(self.participant)

    @cached_property
    def runs(self) -> dict[int, clocks.CameraRun]:
        """The camera's frames of every trial, by trial number; the counter goes on from clip to clip."""
        runs, counter = {}, 0
        for trial in self.participant.trials:
            rng = self.participant.stream(5, trial.number)
            dropped = self.settings.faults.dropped_frames
            runs[trial.number] = clocks.camera_run(
                trial, self.camera, rng, dropped=dropped, counter_start=counter
            )
            counter = int(runs[trial.number].counter[-1]) + 1
        return runs

    @cached_property
    def body(self) -> Body:
        """Peripheral signals and their events, in the polygraph's time."""
        clock, effects = self.polygraph.clock, self.settings.effects
        plan = BodyPlan(
            duration_s=self.polygraph.n_samples / self.polygraph.rate_hz,
            rate_hz=self.polygraph.rate_hz,
            apexes_s=tuple(clock.to_device(apex) for apex in self.participant.micro_apexes_s),
            spans=tuple(
                EmotionSpan(clock.to_device(t.clip_start_s), clock.to_device(t.clip_end_s), t.emotion)
                for t in self.participant.trials
            ),
            baselines=Baselines.draw(self.participant.stream(11)),
            coupling=Coupling(effects.heart_rate_slope, effects.skin_conductance, effects.body),
        )
        return simulate_body(plan, self.participant.stream(12))

    @property
    def beats_s(self) -> FloatArray:
        """R peaks on the master clock."""
        return self.polygraph.clock.many_to_reference(self.body.beats_s)

    def body_signals(self) -> list[Signal]:
        """The polygraph's channels in the order of MMME's release."""
        made, rate = self.body, self.polygraph.rate_hz
        return [
            Signal(made.ppg_v, rate, "V", "ppg"),
            Signal(made.rsp_v, rate, "V", "rsp"),
            Signal(made.skt_c, rate, "degC", "skt"),
            Signal(made.eda_us, rate, "uS", "eda"),
            Signal(made.ecg_mv, rate, "mV", "ecg"),
        ]

    def brain(self) -> Brain:
        """The EEG; made anew at every call, since it is large."""
        return simulate_brain(
            self.participant,
            self.settings,
            self.participant.stream(7),
            n_samples=self.amplifier.n_samples,
            beats_s=self.beats_s,
        )

    @cached_property
    def face(self) -> FaceRenderer:
        """The participant's face."""
        identity = Identity.draw(self.participant.stream(13))
        return FaceRenderer(identity, frame_px=self.settings.frame_px, face_px=self.settings.face_px)

    def frames(self, trial: Trial) -> Iterator[NDArray[np.uint8]]:
        """The camera's pictures of one clip, (frame_px, frame_px, 3) RGB, in order."""
        noise = self.participant.stream(14, trial.number)
        for pose in act(self.participant, trial, self.settings, self.runs[trial.number].true_s):
            yield camera_noise(self.face.frame(pose), noise, sd=NOISE_SD)

    def voice(self, trial: Trial) -> Signal:
        """The voice during one clip."""
        return simulate_voice(self.participant, trial, self.settings)

    def voices(self) -> dict[str, object]:
        """The speaker, and per trial how they spoke and when each syllable began, s from the clip's onset."""
        speaker = Speaker.of(self.participant)
        trials = {}
        for trial in self.participant.trials:
            way = spoken(self.participant, trial, self.settings)
            onsets = [
                syllables(speaker, talk, way, self.participant.stream(10, trial.number)) - trial.clip_start_s
                for talk in trial.interludes
                if talk.what == "talk"
            ]
            trials[str(trial.number)] = {**asdict(way), "syllables_s": [list(part) for part in onsets]}
        return {"speaker": asdict(speaker), "trials": trials}

    @cached_property
    def coding(self) -> dict[str, list[Coded]]:
        """What each coder wrote down."""
        frames_s = {number: run.true_s for number, run in self.runs.items()}
        return code_session(self.participant, frames_s, self.settings)
