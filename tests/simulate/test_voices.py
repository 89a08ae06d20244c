"""Voices have the pitch, the pace and the energy that were asked, as an independent tracker hears them."""

from __future__ import annotations

import numpy as np
import pytest

from mien.simulate.script import write_part
from mien.simulate.settings import Effects, StudySettings
from mien.simulate.voices import VOICE_HZ, Speaker, prosody, simulate_voice

SETTINGS = StudySettings(speech=True, clip_s=10.0)


def _pitch_hz(values) -> float:
    import librosa

    pitch = librosa.yin(values.astype(np.float32), fmin=60, fmax=450, sr=VOICE_HZ, frame_length=1024)
    loud = librosa.feature.rms(y=values.astype(np.float32), frame_length=1024, hop_length=256)[0]
    return float(np.median(pitch[loud > 0.3 * loud.max()]))


def test_the_tracked_pitch_is_the_speakers() -> None:
    for number in (1, 2, 3):
        participant = write_part(StudySettings(speech=True, clip_s=10.0, effects=Effects.none()), number)
        trial = participant.trials[0]
        voice = simulate_voice(participant, trial, SETTINGS)
        assert _pitch_hz(voice.values) == pytest.approx(Speaker.of(participant).pitch_hz, rel=0.25)


def test_a_voice_lasts_as_long_as_its_clip_and_stays_in_range() -> None:
    participant = write_part(SETTINGS, 1)
    voice = simulate_voice(participant, participant.trials[0], SETTINGS)
    assert len(voice) == 10 * VOICE_HZ
    assert voice.rate_hz == VOICE_HZ
    assert 0.1 < np.abs(voice.values).max() <= 1.0


def test_anger_is_louder_and_higher_than_sadness_and_nothing_is_in_the_null_world() -> None:
    def mean(emotion: str, effect: float) -> np.ndarray:
        draws = [prosody(np.random.default_rng(seed), emotion, effect) for seed in range(200)]
        return np.array([[np.log(d.pitch), np.log(d.energy)] for d in draws]).mean(axis=0)

    louder = mean("anger", 1.0) - mean("sadness", 1.0)
    assert louder == pytest.approx([1.4 * 0.08, 1.8 * 0.25], rel=1e-6)  # equal draws: the effect alone
    assert mean("anger", 0.0) == pytest.approx(mean("sadness", 0.0))


def test_silence_outside_talks() -> None:
    settings = StudySettings(seed=2)
    for number in range(1, 4):
        participant = write_part(settings, number)
        quiet = next(t for t in participant.trials if not any(i.what == "talk" for i in t.interludes))
        assert np.abs(simulate_voice(participant, quiet, settings).values).max() < 0.01


def test_equal_seeds_give_equal_voices() -> None:
    participant = write_part(SETTINGS, 1)
    first, second = (simulate_voice(participant, participant.trials[1], SETTINGS).values for _ in range(2))
    assert np.array_equal(first, second)
