"""Speech around apexes: on the master clock, of one length, masked where nothing was recorded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import DataError, OptionError
from mien.core.signal import Signal
from mien.signals.speech import log_mel, measure_speech, speech_window


def recording(seconds=6.0, *, start_s=0.0, rate=16000, seed=0):
    values = 0.01 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return Signal(values, rate, "n/a", "sound", start_s)


@pytest.fixture
def talk(talks):
    values, truth = talks[0]
    return Signal(values, 16000, "n/a", "sound", 100.0), truth


def test_a_click_is_where_it_was():
    """A click at 103.7 s on the master clock, apex at 103.2 s: half a second after it."""
    sound = recording(start_s=101.5)
    sound.values[round((103.7 - 101.5) * 16000)] = 1.0
    window = speech_window(sound, 103.2)
    assert window.heard[32:].all()
    loudest = np.nanargmax(window.levels_db.max(axis=1))
    assert window.times_s[loudest] + window.offset_s == pytest.approx(0.5, abs=0.005)
    assert window.times_s == pytest.approx(np.arange(400) * 0.01 - 1.995)


SPEECH = measure_speech(recording(4.0))


@given(apex=st.floats(100.0, 110.0), start=st.floats(99.0, 103.0))
def test_frames_are_those_nearest(apex, start):
    """Every frame is the recording's, off by at most half a step, and by what the window says."""
    speech = SPEECH
    moved = type(speech)(speech.mel, speech.voiced, start, speech.reference_db)
    window = speech_window(moved, apex, before_s=0.5, after_s=1.0)
    assert window.levels_db.shape == (150, 64)
    if not window.heard.any():
        assert window.reason == "outside-recording"
        return
    assert abs(window.offset_s) <= 0.005 + 1e-9
    at = apex + window.times_s[window.heard] + window.offset_s
    rows = np.abs(moved.times_s[:, None] - at).argmin(axis=0)
    assert moved.times_s[rows] == pytest.approx(at, abs=1e-6)
    assert (window.levels_db[window.heard] == speech.mel.levels_db[rows]).all()
    assert (window.voiced[window.heard] == speech.voiced[rows]).all()
    assert np.isnan(window.levels_db[~window.heard]).all()


def test_what_was_not_recorded_is_masked():
    window = speech_window(recording(3.0, start_s=10.0), 12.0)
    centres = 12.0 + window.times_s + window.offset_s
    assert window.heard.tolist() == [10.012 < t < 12.988 for t in centres]
    assert not window.voiced[~window.heard].any()
    assert window.reason == "no-speech"
    assert math.isnan(window.reference_db)


def test_missing_samples_are_masked():
    sound = recording(6.0)
    sound.values[3 * 16000 : 4 * 16000] = np.nan
    window = speech_window(sound, 3.0)
    inside = (window.times_s > 0) & (window.times_s < 1)
    assert not window.heard[inside].any()
    assert window.heard[(window.times_s < -0.03) | (window.times_s > 1.03)].all()


@pytest.mark.parametrize(
    ("sound", "apex", "reason"),
    [
        (None, 3.0, "no-sound"),
        (recording(0.02), 0.0, "no-sound"),
        (Signal(np.full(96000, np.nan), 16000, "n/a", "sound"), 3.0, "no-sound"),
        (Signal(np.zeros(96000), 16000, "n/a", "sound"), 3.0, "no-sound"),
        (recording(6.0), 9.0, "outside-recording"),
        (recording(6.0), -3.0, "outside-recording"),
        (recording(6.0), 3.0, "no-speech"),
    ],
)
def test_reasons(sound, apex, reason):
    window = speech_window(sound, apex)
    assert window.reason == reason
    assert window.levels_db.shape == (400, 64)
    assert not window.voiced.any()
    assert window.heard.any() == (reason == "no-speech" or (sound is not None and not sound.values.any()))


def test_speech(talk):
    sound, truth = talk
    spans = np.flatnonzero(truth)
    apex = sound.start_s + float(np.median(spans)) / 16000
    speech = measure_speech(sound)
    window = speech_window(speech, apex)
    assert window.reason == window.note == ""
    at = np.rint((apex - sound.start_s + window.times_s) * 16000).astype(int)
    assert window.voiced[truth[at]].mean() > 0.95
    assert window.reference_db == speech.reference_db < 0
    again = speech_window(sound, apex)
    assert (again.levels_db == window.levels_db).all()


def test_gain_goes_with_relative_levels(talk):
    """Of frames that stay above the floor."""
    sound, _ = talk
    apex = sound.start_s + 6.0
    quiet = Signal(sound.values * 0.1, sound.rate_hz, "n/a", "sound", sound.start_s)
    one, other = (speech_window(s, apex, relative=True) for s in (sound, quiet))
    assert one.relative
    loud = one.levels_db > -40
    assert loud.mean() > 0.1
    assert other.levels_db[loud] == pytest.approx(one.levels_db[loud], abs=0.05)
    assert one.reference_db - other.reference_db == pytest.approx(20.0, abs=0.2)
    assert not speech_window(recording(), 3.0, relative=True).relative


def test_a_low_rate_is_noted():
    window = speech_window(recording(rate=8000), 3.0)
    assert "recorded at 8000 Hz" in window.note
    assert window.note == log_mel(np.zeros(8000), 8000).note


def test_refusals():
    sound = recording(1.0)
    for options in ({"before_s": 0.005}, {"after_s": -0.1}, {"before_s": math.inf}):
        with pytest.raises(OptionError, match="multiples of 10 ms"):
            speech_window(sound, 0.5, **options)
    with pytest.raises(OptionError, match="around an instant"):
        speech_window(sound, 0.5, before_s=0.0, after_s=0.0)
    with pytest.raises(OptionError, match="around an instant"):
        speech_window(sound, math.nan)
    with pytest.raises(DataError, match="at least 8000"):
        speech_window(recording(rate=4000), 3.0)
