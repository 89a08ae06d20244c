"""Speech-like voices by source and filter, with pitch, pace and energy that follow the emotion.

A pulse train with jitter and shimmer plus breath noise excites formant resonators (Klatt 1980,
doi:10.1121/1.383940); syllables alternate closures and vowels. What emotion does to pitch, its range, pace
and energy follows the review of Juslin & Laukka 2003 (doi:10.1037/0033-2909.129.5.770, Table 7): signs are
published, sizes ours. It sounds like babble, and is meant to: no word, no person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.simulate.script import Interlude, Participant, Trial
from mien.simulate.settings import StudySettings

Float32 = NDArray[np.float32]
FloatArray = NDArray[np.float64]

VOICE_HZ = 16000
# Formants 1 to 3 in Hz of a few vowels of an adult male (Peterson & Barney 1952).
_VOWELS = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410),
           "u": (300, 870, 2240)}  # fmt: skip
_BANDWIDTH_HZ = (80.0, 100.0, 140.0)
# Change of pitch, pitch range, pace and energy, in units of the effect size.
_PROSODY = {
    "happiness": (0.8, 0.8, 0.5, 0.5), "surprise": (1.0, 1.0, 0.4, 0.5), "sadness": (-0.7, -0.7, -0.8, -0.8),
    "anger": (0.7, 0.5, 0.6, 1.0), "disgust": (-0.3, -0.2, -0.5, 0.1), "fear": (0.9, -0.4, 0.7, -0.1),
    "contempt": (-0.5, -0.3, -0.3, 0.2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Speaker:
    """What makes one voice: pitch, its range, vocal tract, syllables per second, breathiness."""

    pitch_hz: float
    range: float
    tract: float
    pace_hz: float
    breath: float

    @classmethod
    def of(cls, participant: Participant) -> Speaker:
        """The voice of a participant; women's are higher and their tracts shorter on average."""
        rng = participant.stream(8)
        high = participant.sex == "F"
        return cls(
            pitch_hz=float((205 if high else 118) * rng.lognormal(0.0, 0.10)),
            range=float(0.10 * rng.lognormal(0.0, 0.2)),
            tract=float((1.16 if high else 1.0) * rng.lognormal(0.0, 0.04)),
            pace_hz=float(4.3 * rng.lognormal(0.0, 0.08)),
            breath=float(rng.uniform(0.02, 0.08)),
        )


@dataclass(frozen=True, slots=True)
class Prosody:
    """How one stretch of speech is spoken: factors on pitch, range, pace and energy."""

    pitch: float
    range: float
    pace: float
    energy: float


def prosody(rng: np.random.Generator, emotion: str, effect: float) -> Prosody:
    """Factors for an emotion: spread between trials, plus `effect` standard deviations in its direction."""
    spread = np.array([0.08, 0.20, 0.10, 0.25])
    log = spread * (rng.standard_normal(4) + effect * np.array(_PROSODY[emotion]))
    pitch, width, pace, energy = np.exp(log)
    return Prosody(float(pitch), float(width), float(pace), float(energy))


def syllables(speaker: Speaker, talk: Interlude, way: Prosody, rng: np.random.Generator) -> FloatArray:
    """Onsets of the syllables of one talk, (n,), seconds: about `pace_hz`, with pauses between phrases."""
    found, time = [], talk.start_s
    while time < talk.end_s - 0.15:
        found.append(time)
        pause = 0.35 if rng.random() < 0.09 else 0.0
        time += float(rng.gamma(16.0, 1.0 / (16.0 * speaker.pace_hz * way.pace))) + pause / way.pace
    return np.array(found)


def spoken(participant: Participant, trial: Trial, settings: StudySettings) -> Prosody:
    """How a participant speaks in one trial."""
    return prosody(participant.stream(9, trial.number), trial.emotion, settings.effects.voice)


def simulate_voice(participant: Participant, trial: Trial, settings: StudySettings) -> Signal:
    """The voice during a trial's clip, 16 kHz, -1 to 1; it begins with the clip; silence between talks."""
    rng = participant.stream(18, trial.number)
    speaker = Speaker.of(participant)
    sound = np.zeros(round((trial.clip_end_s - trial.clip_start_s) * VOICE_HZ), dtype=np.float64)
    way = spoken(participant, trial, settings)
    for talk in (i for i in trial.interludes if i.what == "talk"):
        onsets = syllables(speaker, talk, way, participant.stream(10, trial.number))
        _speak(sound, speaker, way, talk, onsets - trial.clip_start_s, rng)
    room = 0.0008 * rng.standard_normal(sound.size)
    return Signal(np.clip(0.25 * sound + room, -1.0, 1.0), VOICE_HZ, "n/a", "voice", trial.clip_start_s)


def _speak(
    sound: FloatArray,
    speaker: Speaker,
    way: Prosody,
    talk: Interlude,
    onsets: FloatArray,
    rng: np.random.Generator,
) -> None:
    """Add one talk, whose syllables begin `onsets` seconds into the sound, in place."""
    for index, onset in enumerate(onsets):
        after = onsets[index + 1] if index + 1 < onsets.size else onset + 0.25
        length = min(float(after - onset), 0.30 / way.pace)
        fall = 1.0 - 0.15 * float(onset - onsets[0]) / max(talk.end_s - talk.start_s, 0.1)
        tone = speaker.pitch_hz * way.pitch * fall * np.exp(speaker.range * way.range * rng.standard_normal())
        vowel = _VOWELS[str(rng.choice(list(_VOWELS)))]
        wave = _syllable(rng, speaker, tone, vowel, round(length * VOICE_HZ))
        first = round(float(onset) * VOICE_HZ)
        part = sound[first : first + wave.size]
        part += way.energy * float(rng.lognormal(0.0, 0.15)) * wave[: part.size]


def _syllable(
    rng: np.random.Generator, speaker: Speaker, tone_hz: float, vowel: tuple[int, int, int], n: int
) -> FloatArray:
    """A consonant burst and a vowel, (n,), peak near 1."""
    from scipy.signal import lfilter

    glide = np.linspace(1.04, 0.96, n) * (1 + 0.008 * rng.standard_normal(n).cumsum() / np.sqrt(max(n, 1)))
    phase = np.cumsum(tone_hz * glide / VOICE_HZ)
    pulses = np.diff(np.floor(phase), prepend=0.0) * rng.normal(1.0, 0.04, size=n)
    source = pulses + speaker.breath * rng.standard_normal(n)
    burst = round(0.025 * VOICE_HZ)
    source[:burst] = 0.15 * rng.standard_normal(min(burst, n))
    wave = lfilter([1.0], [1.0, -0.94], source)  # the glottis falls by 12 dB an octave, lips lift by 6
    for formant, bandwidth in zip(vowel, _BANDWIDTH_HZ, strict=True):
        radius = np.exp(-np.pi * bandwidth / VOICE_HZ)
        angle = 2 * np.pi * min(formant * speaker.tract, 0.45 * VOICE_HZ) / VOICE_HZ
        poles = [1.0, -2 * radius * np.cos(angle), radius**2]
        wave = lfilter([sum(poles)], poles, wave)
    edge = np.minimum(1.0, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.02 * VOICE_HZ))
    peak = float(np.abs(wave).max()) or 1.0
    return np.asarray(wave / peak * edge)
