"""Log-mel levels against SciPy's STFT and the mel formula, and what a recorder does to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import ShortTimeFFT, chirp

from mien.core import DataError, OptionError
from mien.signals.speech import FLOOR_DB, log_mel

RATE = 16000


def tone(hz, *, seconds=0.5, rate=RATE, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def by_the_book(sound, bands, low_hz, high_hz):
    """SciPy's STFT, triangles over the HTK formula, from their definitions: dB of a full-scale sine."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    transform = ShortTimeFFT(window, hop=160, fs=RATE, mfft=1024, scale_to=None)
    columns = []
    for frame in np.lib.stride_tricks.sliding_window_view(sound, 400)[::160]:
        # Each frame alone, as its mean is taken off; slice 3 is centred at sample 480 = 280 + 200.
        alone = np.pad(frame - frame.mean(), (280, 200))
        columns.append(np.abs(transform.stft(alone, p0=3, p1=4)[:, 0]) ** 2)
    power = np.array(columns) * 2 / (1024 * (window**2).sum())
    power[:, 1:-1] *= 2  # one-sided
    to_mel = lambda hz: 2595 * np.log10(1 + hz / 700)  # noqa: E731
    points = 700 * (10 ** (np.linspace(to_mel(low_hz), to_mel(high_hz), bands + 2) / 2595) - 1)
    weights = np.array(
        [np.interp(transform.f, points[k : k + 3], [0, 1, 0], left=0, right=0) for k in range(bands)]
    )
    return 10 * np.log10(np.maximum(power @ weights.T, 1e-10))


class TestOracle:
    @pytest.mark.parametrize(("bands", "low_hz", "high_hz"), [(64, 60.0, 7600.0), (20, 0.0, 8000.0)])
    def test_equal_to_the_definition(self, bands, low_hz, high_hz):
        rng = np.random.default_rng(0)
        sound = 0.1 * rng.standard_normal(5000) + chirp(np.arange(5000) / RATE, 100, 0.3, 7000) + 0.2
        found = log_mel(sound, RATE, bands=bands, low_hz=low_hz, high_hz=high_hz)
        expected = by_the_book(sound, bands, low_hz, high_hz)
        assert found.levels_db.shape == expected.shape == (29, bands)
        assert found.levels_db == pytest.approx(expected, abs=2e-3)
        assert found.note == ""

    @pytest.mark.parametrize("hz", [300, 1000, 3333])
    def test_a_sine_of_full_scale_is_0_db(self, hz):
        mel = log_mel(tone(hz), RATE)
        assert mel.totals_db == pytest.approx(0.0, abs=0.05)
        assert mel.bands_hz[mel.levels_db.mean(axis=0).argmax()] == pytest.approx(hz, rel=0.06)
        assert log_mel(tone(hz, amplitude=0.01), RATE).totals_db == pytest.approx(-40.0, abs=0.05)

    def test_frames_are_centred(self):
        """A click is loudest in the frame at whose centre it is."""
        for at in (200, 200 + 37 * 160):
            sound = np.zeros(RATE)
            sound[at] = 1.0
            mel = log_mel(sound, RATE)
            assert mel.times_s[mel.totals_db.argmax()] == pytest.approx(at / RATE, abs=1e-9)
        assert mel.times_s[:2] == pytest.approx([0.0125, 0.0225])
        assert np.isclose(mel.times_s[-1], 0.9825)

    def test_an_offset_of_the_recorder_does_not_matter(self):
        sound = 0.1 * np.random.default_rng(1).standard_normal(4000)
        assert log_mel(sound + 0.5, RATE).levels_db == pytest.approx(log_mel(sound, RATE).levels_db, abs=1e-4)


class TestRates:
    @pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 16000.7])
    def test_levels_and_times_stay(self, rate):
        """A tone that begins at 0.5 s: level and instant are the same at every rate."""
        sound = tone(1000, seconds=1.0, rate=rate, amplitude=0.5)
        sound[: round(0.5 * rate)] = 0.0
        found, expected = (
            log_mel(sound, rate),
            log_mel(np.where(np.arange(RATE) < RATE // 2, 0.0, tone(1000, seconds=1.0, amplitude=0.5)), RATE),
        )
        n = min(len(found.times_s), len(expected.times_s))
        assert n >= 97
        assert found.totals_db[55:n] == pytest.approx(expected.totals_db[55:n], abs=0.1)
        assert found.totals_db[40:60].searchsorted(-12.0) == expected.totals_db[40:60].searchsorted(-12.0)

    def test_nothing_folds_back(self):
        for hz in (8500, 9500, 12000, 15000):
            loudest = log_mel(tone(hz, rate=44100, seconds=0.5), 44100).levels_db[10:-10].max()
            assert loudest < -70, hz

    def test_upper_bands_of_a_low_rate_are_said_to_be_empty(self):
        rng = np.random.default_rng(2)
        mel = log_mel(0.1 * rng.standard_normal(8000), 8000)
        empty = mel.bands_hz > 3640
        assert mel.note == (
            f"recorded at 8000 Hz: {empty.sum()} of 64 bands, above 3640 Hz, hold next to nothing"
        )
        assert np.median(mel.levels_db[:, mel.bands_hz > 4300]) < np.median(mel.levels_db[:, ~empty]) - 50
        for rate in (16000, 44100):
            assert log_mel(0.1 * rng.standard_normal(rate), rate).note == ""

    def test_below_8_khz_is_refused(self):
        for rate in (7999, 0, -1, math.nan):
            with pytest.raises(DataError, match="at least 8000 samples per second"):
                log_mel(np.zeros(16000), rate)


class TestEdges:
    def test_floor(self):
        assert (log_mel(np.zeros(4000), RATE).levels_db == FLOOR_DB).all()

    @pytest.mark.parametrize(("n", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2)])
    def test_only_whole_frames(self, n, frames):
        mel = log_mel(np.zeros(n), RATE)
        assert mel.levels_db.shape == (frames, 64)
        assert mel.times_s.shape == (frames,)

    def test_missing_samples_are_missing_frames(self):
        sound = 0.1 * np.random.default_rng(3).standard_normal(RATE)
        sound[8000:8100] = np.nan
        mel = log_mel(sound, RATE)
        missing = np.isnan(mel.levels_db).all(axis=1)
        spans = [(start, start + 400) for start in range(0, RATE - 399, 160)]
        touched = np.array([start < 8100 and end > 8000 for start, end in spans])
        assert (missing >= touched).all()
        assert missing.sum() <= touched.sum() + 2
        assert np.isfinite(mel.levels_db[~missing]).all()

    @pytest.mark.parametrize(
        "wrong", [np.zeros((2, 4000)), np.zeros(4000, np.int16), np.full(4000, 300.0), np.full(4000, np.inf)]
    )
    def test_no_sound(self, wrong):
        with pytest.raises(DataError, match="sound: wanted"):
            log_mel(wrong, RATE)

    @pytest.mark.parametrize(
        "options",
        [
            {"bands": 0}, {"low_hz": -1.0}, {"high_hz": 9000.0}, {"low_hz": 8000.0}, {"bands": 300},
            {"window_s": 0.0}, {"step_s": 0.0}, {"step_s": 0.03}, {"window_s": 0.02501}, {"step_s": math.nan},
        ],
    )  # fmt: skip
    def test_impossible_options(self, options):
        with pytest.raises(OptionError):
            log_mel(np.zeros(4000), RATE, **options)

    def test_long_sounds_go_by_blocks(self):
        """As in one piece: more frames than a block holds."""
        sound = 0.1 * np.random.default_rng(4).standard_normal(45 * RATE)
        whole, part = log_mel(sound, RATE), log_mel(sound[4000 * 160 :], RATE)
        assert (whole.levels_db[4000:] == part.levels_db).all()
