"""The signals of a live person, made beforehand and sent over Lab Streaming Layer as the time comes.

Conventions: sample i of every stream was taken i / rate seconds after the script's beginning and is stamped
so; streams begin with the sample of the moment at which sending begins, as those of a device would.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.elicitation.clock import now_s
from mien.simulate.bodies import Baselines, Body, BodyPlan, Coupling, simulate_body
from mien.simulate.brains import CAP, Brain, simulate_brain
from mien.simulate.live_script import LiveScript, LiveSettings
from mien.simulate.settings import Effects

EIGHT_CHANNELS = ("FP1", "FP2", "F3", "F4", "C3", "C4", "O1", "O2")
PHYSIO_CHANNELS = (("ecg", "mV"), ("ppg", "V"), ("rsp", "V"), ("eda", "uS"), ("skt", "degC"))
_CHUNK_S = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class LiveStream:
    """One stream: float32 values (n_samples, n_channels), and (name, unit) of every channel."""

    name: str
    kind: str
    rate_hz: float
    values: NDArray[np.float32]
    channels: tuple[tuple[str, str], ...]


def live_body(script: LiveScript, settings: LiveSettings) -> Body:
    """Peripheral signals and their true events; seconds of the script."""
    person, effects = script.person, Effects()
    plan = BodyPlan(
        duration_s=settings.duration_s,
        rate_hz=settings.sampling_hz,
        apexes_s=person.micro_apexes_s,
        baselines=Baselines.draw(person.stream(11)),
        coupling=Coupling(effects.heart_rate_slope, effects.skin_conductance, emotion=0.0),
    )
    return simulate_body(plan, person.stream(12))


def live_brain(script: LiveScript, settings: LiveSettings, body: Body) -> Brain:
    """The whole EEG with its sources, whichever channels are sent; from the script's beginning."""
    return simulate_brain(
        script.person,
        settings.study,
        script.person.stream(7),
        n_samples=round(settings.duration_s * settings.sampling_hz),
        beats_s=body.beats_s,
    )


def live_streams(script: LiveScript, settings: LiveSettings, body: Body) -> list[LiveStream]:
    """ "simulated-eeg" in microvolts and "simulated-physio"."""
    names = CAP if settings.eeg_channels == len(CAP) else EIGHT_CHANNELS
    brain = live_brain(script, settings, body)
    rows = [brain.channels.index(name) for name in names]
    eeg = np.ascontiguousarray(brain.data_uv[rows].T)
    made = [body.ecg_mv, body.ppg_v, body.rsp_v, body.eda_us, body.skt_c]
    physio = np.stack(made, axis=1).astype(np.float32)
    rate = settings.sampling_hz
    return [
        LiveStream("simulated-eeg", "EEG", rate, eeg, tuple((name, "microvolts") for name in names)),
        LiveStream("simulated-physio", "Physiology", rate, physio, PHYSIO_CHANNELS),
    ]


class Publication:
    """Outlets that send streams by the clock, from a thread of their own, until `stop`.

    Parameters
    ----------
    begun_s
        Time 0 of the streams on the session's clock.
    source
        Tells this person's outlets from those of others.
    """

    def __init__(self, streams: list[LiveStream], begun_s: float, source: str) -> None:
        self._streams, self._begun_s = streams, begun_s
        self._outlets = [_outlet(stream, source) for stream in streams]
        self._sent = [self._due(stream, now_s()) for stream in streams]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, name="simulated streams", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the streams."""
        self._stopping.set()
        self._thread.join()
        self._outlets.clear()

    def _due(self, stream: LiveStream, at_s: float) -> int:
        """How many samples have been taken until then."""
        n = math.floor((at_s - self._begun_s) * stream.rate_hz) + 1
        return min(max(n, 0), len(stream.values))

    def _send(self) -> None:
        while not self._stopping.wait(_CHUNK_S):
            at_s = now_s()
            for k, stream in enumerate(self._streams):
                upto = self._due(stream, at_s)
                if upto > self._sent[k]:
                    part = stream.values[self._sent[k] : upto]
                    self._outlets[k].push_chunk(part, self._begun_s + (upto - 1) / stream.rate_hz)
                    self._sent[k] = upto


def _outlet(stream: LiveStream, source: str) -> Any:
    import pylsl

    size, own = len(stream.channels), f"{source}-{stream.name}"
    info = pylsl.StreamInfo(stream.name, stream.kind, size, stream.rate_hz, pylsl.cf_float32, own)
    channels = info.desc().append_child("channels")
    for name, unit in stream.channels:
        channel = channels.append_child("channel")
        channel.append_child_value("label", name).append_child_value("unit", unit)
        channel.append_child_value("type", "EEG" if stream.kind == "EEG" else name.upper())
    return pylsl.StreamOutlet(info)
