"""Attention over the sound: a voice only with consent, the attention always, equal figures equal text."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from mien.core import DataError
from mien.core.signal import Signal
from mien.report.speech_figures import SpeechAttention, shows_voice, speech_attention_figure
from mien.signals.speech import measure_speech, speech_window
from mien.simulate.script import write_part
from mien.simulate.settings import StudySettings
from mien.simulate.voices import simulate_voice


@pytest.fixture(scope="module")
def heard():
    settings = StudySettings(speech=True, clip_s=10.0)
    participant = write_part(settings, 1)
    sound = simulate_voice(participant, participant.trials[0], settings)
    speech = measure_speech(sound)
    apex = sound.start_s + sound.duration_s - 1.2  # the window reaches over the end
    window = speech_window(speech, apex)
    assert window.voiced.any()
    assert not window.heard.all()
    weights = np.where(window.voiced, np.exp(-((window.times_s + 0.6) ** 2) / 0.1) + 0.05, 0.0)
    return SpeechAttention(
        name="sub-001_run-01_frame-000120",
        participant="sub-001",
        recogniser="amf-style",
        label="negative",
        probability=0.71,
        attention=weights / weights.sum(),
        window=window,
        apex_s=apex,
        bands_hz=speech.mel.bands_hz,
        sound=sound,
        consent_level=1,
    )


def test_with_consent_there_are_sound_levels_and_attention(heard):
    text = speech_attention_figure(heard)
    assert text.startswith("<svg")
    assert "<image" in text
    for words in ("full scale 1", "dB of full scale", "attention", "speech", "if it were even", "negative"):
        assert words in text
    assert "withheld" not in text
    assert speech_attention_figure(heard) == text


@pytest.mark.parametrize("level", [2, None])
def test_without_consent_nothing_of_the_voice_is_left(heard, level):
    """The picture is the same for any other sound with the same spans of speech."""
    one = replace(heard, consent_level=level)
    assert not shows_voice(one)
    text = speech_attention_figure(one)
    assert "<image" not in text
    assert "full scale" not in text
    assert "sound withheld: no publication consent" in text
    other = replace(
        one,
        sound=Signal(np.zeros(16000), 16000, "n/a", "sound"),
        window=replace(heard.window, levels_db=np.zeros_like(heard.window.levels_db)),
    )
    assert speech_attention_figure(other) == text


def test_nothing_to_listen_to(heard):
    nothing = speech_window(None, 3.0)
    one = replace(heard, window=nothing, attention=np.full(400, np.nan), sound=None)
    assert "nothing to listen to: no sound" in speech_attention_figure(one)
    silent = replace(nothing, reason="no-speech")
    assert "nothing to listen to: no speech" in speech_attention_figure(replace(one, window=silent))


def test_levels_relative_to_speech_say_so(heard):
    one = replace(heard, window=replace(heard.window, relative=True), bands_hz=None, sound=None)
    text = speech_attention_figure(one)
    assert "dB, speech here 0" in text
    assert "full scale" not in text
    assert re.search(r">band<", text)


def test_weights_of_another_window_are_refused(heard):
    with pytest.raises(DataError, match="one weight for each of 400 frames, got shape"):
        replace(heard, attention=np.ones(300))
