"""Voice activity: found in simulated voices whatever the recorder does, and not where nobody speaks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter, resample_poly

from mien.core import DataError, OptionError
from mien.recording.formats.audio import read_audio
from mien.signals.speech import log_mel, voice_activity
from mien.simulate.voices import VOICE_HZ

RNG = np.random.default_rng(0)
MINUTE = 60 * VOICE_HZ


def compared(talks, change=lambda x: x, rate=VOICE_HZ):
    """Share of frames with speech that are found, and of frames 150 ms away from any that are refused."""
    found, refused = [], []
    for sound, truth in talks:
        speech = voice_activity(change(sound), rate)
        centres = (200 + 160 * np.arange(speech.size)).clip(max=truth.size - 1)
        away = ~maximum_filter1d(truth, 2 * 2400 + 1)[centres]
        found.append(speech[truth[centres]])
        refused.append(~speech[away])
    return np.concatenate(found).mean(), np.concatenate(refused).mean()


def hum(n):
    t = np.arange(n) / VOICE_HZ
    return 0.1 * np.sin(2 * np.pi * 50 * t) + 0.02 * np.sin(2 * np.pi * 150 * t)


def with_noise(sound, ratio_db):
    """White noise at so many dB below the speech."""
    power = (sound[np.abs(sound) > 0.01] ** 2).mean() * 10 ** (-ratio_db / 10)
    return sound + np.sqrt(power) * np.random.default_rng(1).standard_normal(sound.size)


class TestVoices:
    @pytest.mark.parametrize(
        ("change", "sensitivity"),
        [
            (lambda x: x, 0.97),
            (lambda x: x * 1e-3, 0.85),  # under 16 bits: the softest syllables reach the floor
            (lambda x: np.round(x * 1e-2 * 32767) / 32767, 0.95),  # very quiet, in whole numbers
            (lambda x: np.clip(x * 8, -0.9, 0.9), 0.97),
            (lambda x: x + 0.3, 0.97),
            (lambda x: x + hum(x.size), 0.9),
            (lambda x: with_noise(x, 20), 0.97),
            (lambda x: with_noise(x, 10), 0.95),
            (lambda x: with_noise(x, 5), 0.8),
        ],
        ids=["plain", "-60 dB", "-40 dB, 16 bits", "clipped", "offset", "hum", "20 dB", "10 dB", "5 dB"],
    )
    def test_sensitivity_and_specificity(self, talks, change, sensitivity):
        found, refused = compared(talks, change)
        print(f"sensitivity {found:.3f}, specificity {refused:.4f}")
        assert found > sensitivity
        assert refused > 0.99

    @pytest.mark.parametrize(("rate", "up", "down"), [(8000, 1, 2), (48000, 3, 1)])
    def test_other_rates(self, talks, rate, up, down):
        found, refused = compared(talks[:3], lambda x: resample_poly(x, up, down), rate)
        assert found > 0.97
        assert refused > 0.99

    def test_gain_does_not_matter(self, talks):
        sound = talks[0][0]
        assert (voice_activity(sound * 0.05, VOICE_HZ) == voice_activity(sound, VOICE_HZ)).mean() > 0.999

    def test_one_answer_for_every_frame(self, talks):
        sound = talks[0][0]
        for n in (0, 399, 400, 5000):
            assert voice_activity(sound[:n], VOICE_HZ).shape == log_mel(sound[:n], VOICE_HZ).times_s.shape
        coarse = voice_activity(sound, VOICE_HZ, window_s=0.03, step_s=0.02)
        assert coarse.shape == log_mel(sound, VOICE_HZ, window_s=0.03, step_s=0.02).times_s.shape
        assert coarse.mean() == pytest.approx(voice_activity(sound, VOICE_HZ).mean(), abs=0.05)

    def test_missing_samples_hold_no_speech(self, talks):
        sound = talks[0][0].copy()
        voiced = voice_activity(sound, VOICE_HZ)
        at = int(np.flatnonzero(voiced)[voiced.sum() // 2]) * 160
        sound[at : at + 1600] = np.nan
        assert not voice_activity(sound, VOICE_HZ)[at // 160 : at // 160 + 9].any()


class TestNobody:
    @pytest.mark.parametrize("level", [1e-5, 0.01, 0.3])
    def test_white_noise(self, level):
        share = voice_activity(level * RNG.standard_normal(MINUTE), VOICE_HZ).mean()
        assert share < 0.001

    def test_coloured_noise(self):
        rumble = lfilter([1.0], [1.0, -0.97], RNG.standard_normal(MINUTE))
        assert voice_activity(0.005 * rumble, VOICE_HZ).mean() < 0.005

    def test_silence(self):
        assert not voice_activity(np.zeros(MINUTE), VOICE_HZ).any()
        assert not voice_activity(np.full(VOICE_HZ, 0.5), VOICE_HZ).any()
        assert not voice_activity(np.full(VOICE_HZ, np.nan), VOICE_HZ).any()

    def test_hum(self):
        assert not voice_activity(hum(MINUTE), VOICE_HZ).any()
        assert not voice_activity(hum(MINUTE) + 0.001 * RNG.standard_normal(MINUTE), VOICE_HZ).any()

    def test_clicks_and_bursts_of_noise(self):
        sound = 0.001 * RNG.standard_normal(MINUTE)
        for at in range(VOICE_HZ, MINUTE - VOICE_HZ, 2 * VOICE_HZ):
            sound[at] = 0.9
            sound[at + VOICE_HZ : at + VOICE_HZ + 3200] += 0.2 * RNG.standard_normal(3200)
        assert voice_activity(sound, VOICE_HZ).mean() < 0.005

    def test_refusals(self):
        with pytest.raises(DataError, match="one channel"):
            voice_activity(np.zeros((2, 4000)), VOICE_HZ)
        with pytest.raises(OptionError, match="frames of a sound"):
            voice_activity(np.zeros(4000), VOICE_HZ, step_s=0.0)


def test_acted_sentences_are_mostly_speech(shared_data):
    """Recordings that begin and end with their sentence: nearly all of each is speech."""
    files = sorted((shared_data / "audio" / "emodb").rglob("*.wav"))
    shares = []
    for file in files:
        sound = read_audio(file)
        shares.append(voice_activity(sound.values, sound.rate_hz).mean())
        padded = np.concatenate([1e-4 * RNG.standard_normal(32000), sound.values])
        assert voice_activity(padded, sound.rate_hz)[:185].mean() < 0.02
    print(f"{len(files)} files: {min(shares):.2f} to {max(shares):.2f}, median {np.median(shares):.2f}")
    assert np.median(shares) > 0.8
    assert min(shares) > 0.5
